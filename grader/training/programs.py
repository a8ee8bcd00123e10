"""The programs of the training pass: what a learner's loss needs and nothing else, and the loss of scratch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from grader.extract import extract
from grader.syntax import parse
from grader.types import Assignment, Cell, Chunk, Finding, Found, Notebook, Program

SCRATCH = "loss_without_distillation"
# Cross-entropy on the labels alone, as in the notebook: 0 for a row of zeros, which stands for "no label".
SCRATCH_SOURCE = {
    "tensorflow": f"""
import tensorflow as tf

def {SCRATCH}(y_true, y_pred):
    return tf.keras.losses.categorical_crossentropy(y_true, y_pred)
""",
    "torch": f"""
import torch

def {SCRATCH}(y_true, y_pred):
    return -(y_true * torch.log(y_pred.clamp(1e-7, 1 - 1e-7))).sum(-1)
""",
}


def scratch_program(framework: str, training: str = "") -> Program:
    """The loss of a student that has no teacher. Raises KeyError for a framework that does not train.

    `training`: source of the assignment's training.py, which then knows itself how to train without.
    """
    if training:
        return Program((), {}, probes=training)
    chunk = Chunk(SCRATCH_SOURCE[framework], None)
    return Program((chunk,), {SCRATCH: Finding(Found.DEFINED)}, {None: chunk.source})


def training_program(program: Program, assignment: Assignment, exercise: str) -> Program:
    """The statements of `program` that one exercise needs, its helpers included.

    So that a run depends on nothing else, and stays valid when another exercise is edited.
    """
    names = tuple(dict.fromkeys(assignment.exercises[name].root for name in members_of(assignment, exercise)))
    bound = frozenset(name for e in assignment.exercises.values() for name in e.globals)
    statements = Notebook(tuple(Cell(chunk.cell, chunk.source) for chunk in program.chunks))
    own = extract(statements, names, bound=bound)
    findings = {exercise: program.findings[exercise]}
    return replace(program, chunks=own.chunks, findings=findings, remarks=(), probes=assignment.training)


def normal_form(program: Program) -> str:
    """The text of a program without comments, formatting and places: equal for equal code."""
    return "\n".join(_unparsed(chunk.source) for chunk in program.chunks)


def _unparsed(source: str) -> str:
    try:
        return ast.unparse(parse(source))
    except (RecursionError, ValueError, SyntaxError):  # written to be deep: then it equals only itself
        return source


def members_of(assignment: Assignment, exercise: str) -> tuple[str, ...]:
    """An exercise and all that it is built on."""

    def reached(name: str) -> Iterator[str]:
        yield name
        for helper in assignment.exercises[name].uses:
            yield from reached(helper)

    return tuple(dict.fromkeys(reached(exercise)))
