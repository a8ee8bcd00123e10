"""What the training pass costs for a right submission, on one core.

`python benchmarks/training.py` (about 3 minutes). Compares, in one run: the pass with nothing stored, with the
runs without a teacher stored (as for every submission of a class but the first), with everything stored; a bare
loop of the same trainings without sandbox and judging; the notebook's own schedule, from its measured step.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import QUIET, ROOT, one_core, spread

from grader.context import Grading
from grader.intake import one, read
from grader.judge import judge
from grader.pipeline import read_program
from grader.plan import plan as plan_calls
from grader.sandbox.pool import Zygote
from grader.training import data
from grader.training.cache import Cache
from grader.training.confirm import confirm
from grader.training.programs import training_program
from grader.training.trainer import Trainer
from grader.types import ExerciseResult, Program, TrainingPlan

ROUNDS = 3
SAMPLE = ROOT / "tests" / "submissions" / "distillation_tf" / "right_broadcast"
NOTEBOOK_STEPS, MEASURED = 3 * 10 * 300, 12  # three losses, ten epochs of 300 steps each; steps measured


def main() -> None:
    """Measure and print the table."""
    one_core()
    grading = Grading(ROOT, "distillation_tf", b"benchmark", train=True)
    plan = grading.rubric.training
    assert plan is not None
    step = child("--notebook", str(ROOT / "assignments" / "distillation_tf" / "notebook.ipynb"), str(MEASURED))
    with tempfile.TemporaryDirectory() as folder, Zygote("tensorflow") as sandbox:
        context = grading.context(sandbox)
        submission = read(one(next(SAMPLE.glob("*.ipynb"))))
        program = read_program(submission, context)
        cases = [e.case for e in context.expectations.cases.values()]
        run = sandbox.run(program, plan_calls(grading.assignment, cases), grading.assignment.limits)
        results = judge(program, run, grading.assignment, context.expectations)
        images = data.load(plan.protocol.data, plan.protocol)

        def passed(store: Path) -> tuple[float, tuple[ExerciseResult, ...], Trainer]:
            with Cache(store) as runs:
                trainer = Trainer(plan, images, sandbox, "tensorflow", runs)
                start = time.perf_counter()
                done = confirm(program, results, grading.assignment, context.expectations.families, trainer)
                return time.perf_counter() - start, done, trainer

        cold, warm, stored, bare = [], [], [], []
        for number in range(ROUNDS):
            store = Path(folder, f"{number}.sqlite")
            seconds, done, trainer = passed(store)
            cold.append(seconds)
            with Cache(store) as runs:
                runs.clear("learner")
            warm.append(passed(store)[0])
            stored.append(passed(store)[0])
            with Cache(store) as runs:
                trainer = Trainer(plan, images, sandbox, "tensorflow", runs)
                work = bare_work(done, program, grading, trainer, plan)
            bare.append(child(str(_pickled(work, Path(folder)))))
    report(cold, warm, stored, bare, step, done)


def bare_work(
    done: tuple[ExerciseResult, ...], program: Program, grading: Grading, trainer: Trainer, plan: TrainingPlan
) -> list[object]:
    """The trainings that the pass made, as source and calls."""
    work: list[object] = []
    for result in done:
        if result.exercise in plan.steps:
            compared = result.checks[-1].training
            assert compared is not None
            own = training_program(program, grading.assignment, result.exercise)
            source = "\n".join(chunk.source.lstrip("\n") for chunk in own.chunks)
            steps = plan.steps[result.exercise]
            calls = [trainer.call(result.exercise, run.seed, steps) for run in compared.distilled]
            work.append((source, calls))
    return work


def _pickled(work: object, folder: Path) -> Path:
    path = folder / "work.pickle"
    path.write_bytes(pickle.dumps(work))
    return path


def child(*arguments: str) -> float:
    """Seconds that benchmarks/_bare.py reports."""
    command = [sys.executable, str(ROOT / "benchmarks" / "_bare.py"), *arguments]
    told = subprocess.run(command, env={**os.environ, **QUIET}, stdout=subprocess.PIPE, check=True, text=True)
    return float(json.loads(told.stdout.splitlines()[-1])["seconds"])


def report(
    cold: list[float],
    warm: list[float],
    stored: list[float],
    bare: list[float],
    step: float,
    done: tuple[ExerciseResult, ...],
) -> None:
    """Print the table."""
    schedule = step * NOTEBOOK_STEPS
    for result in done:
        for check in result.checks:
            if check.training is not None:
                compared = check.training
                print(
                    f"{result.exercise}: {check.verdict}, {len(compared.distilled)} seeds x {compared.steps} steps"
                )
    rows = {
        "nothing stored": cold,
        "runs without a teacher stored": warm,
        "everything stored": stored,
        "bare loop, same trainings": bare,
    }
    print("| | s | by the bare loop | by the notebook's schedule |\n|---|---|---|---|")
    for name, values in rows.items():
        ratio = [value / other for value, other in zip(values, bare, strict=True)]
        part = [value / schedule for value in values]
        print(f"| {name} | {spread(values)} | {spread(ratio, '{:.2f}')} | {spread(part, '{:.5f}')} |")
    print(f"| the notebook's schedule, {1000 * step:.0f} ms a step x {NOTEBOOK_STEPS} | {schedule:.0f} | | 1 |")


if __name__ == "__main__":
    main()
