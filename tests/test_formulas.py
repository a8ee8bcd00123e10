"""`axes:`, `formula:` and the `line=` of a mistake: read, checked, kept, and every fault names its place."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents import changed
from test_spec import DISTANCE, LOSS, SPEC, TITLE, dump, faults_of, write

from grader.context import public_cases
from grader.oracle import cases_digest
from grader.programs import AuthoringError, load_reference
from grader.spec import list_assignments, load_assignment
from grader.store import load, save
from grader.types import LANGUAGES, FormulaLine

ROOT = Path(__file__).parent.parent
LINE: dict[str, Any] = {"line": "d[i][j] = || z[i] - z[j] ||", "means": TITLE}


def test_axes_and_formula_are_read(tmp_path: Path) -> None:
    document = changed(SPEC, f"{DISTANCE}.axes", {"z": ["B", "D"], "returns": ["B", "B"]})
    exercise = load_assignment(write(tmp_path, dump(changed(document, f"{DISTANCE}.formula", [LINE])))).exercises[
        "distance"
    ]
    assert exercise.axes == {"z": ("B", "D"), "returns": ("B", "B")}
    assert exercise.formula == (FormulaLine("d[i][j] = || z[i] - z[j] ||", TITLE),)


def test_neither_is_needed(tmp_path: Path) -> None:
    exercise = load_assignment(write(tmp_path, dump(SPEC))).exercises["loss"]
    assert (exercise.axes, exercise.formula) == ({}, ())


@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        (f"{DISTANCE}.axes", ["B"], f"{DISTANCE}.axes", "must be a mapping"),
        (f"{DISTANCE}.axes", {"zz": ["B", "D"]}, f"{DISTANCE}.axes.zz", "did you mean 'z'"),
        (f"{DISTANCE}.axes", {"z": "BD"}, f"{DISTANCE}.axes.z", "must be a list"),
        (f"{DISTANCE}.axes", {"z": ["B", 3]}, f"{DISTANCE}.axes.z[1]", "short name such as B, not 3"),
        (f"{DISTANCE}.axes", {"z": ["B"]}, f"{DISTANCE}.axes.z", "names 1 axes, but in case typical there are 2"),
        (f"{DISTANCE}.axes", {"z": ["B", "B"]}, f"{DISTANCE}.axes", "B is 4 and 3 in case typical; use two names"),
        (f"{LOSS}.axes", {"y": ["B"]}, f"{LOSS}.axes.y", "has no axes to name"),
        (f"{LOSS}.formula", "p = q", f"{LOSS}.formula", "must be a list"),
        (f"{LOSS}.formula", [], f"{LOSS}.formula", "at least one line"),
        (f"{LOSS}.formula", ["p = q"], f"{LOSS}.formula[0]", "must be a mapping"),
        (f"{LOSS}.formula", [{"line": "p"}], f"{LOSS}.formula[0]", "'means' is missing"),
        (f"{LOSS}.formula", [{"line": "", "means": TITLE}], f"{LOSS}.formula[0].line", "must not be empty"),
        (f"{LOSS}.formula", [{"line": "a\nb", "means": TITLE}], f"{LOSS}.formula[0].line", "one line"),
        (f"{LOSS}.formula", [{"line": "a" * 101, "means": TITLE}], f"{LOSS}.formula[0].line", "100 characters"),
        (f"{LOSS}.formula", [{"line": "a", "means": {"en": "x"}}], f"{LOSS}.formula[0].means", "'ko' is missing"),
        (f"{LOSS}.formula", [{**LINE, "mean": 1}], f"{LOSS}.formula[0].mean", "did you mean 'means'"),
    ],
)
def test_each_fault_names_its_place(tmp_path: Path, path: str, value: object, place: str, words: str) -> None:
    faults = faults_of(tmp_path, dump(changed(SPEC, path, value)))
    assert any(f"{place}: " in fault and words in fault and "spec.yaml" in fault for fault in faults), faults


@pytest.mark.parametrize("slug", list_assignments(ROOT))
def test_the_shipped_formulas(slug: str) -> None:
    assignment = load_assignment(ROOT / "assignments" / slug)
    formulas = {name: exercise.formula for name, exercise in assignment.exercises.items() if exercise.formula}
    if slug == "distillation_tf":
        assert formulas.keys() == assignment.exercises.keys()
        assert all(exercise.axes for exercise in assignment.exercises.values())
    for line in (line for lines in formulas.values() for line in lines):
        assert all(line.means[lang] for lang in LANGUAGES)
        assert not any(call in line.line for call in ("tf.", "torch.", "reduce_", "F.", "np."))  # no code


def test_most_mistakes_name_their_line_and_the_stored_numbers_know_it() -> None:
    folder = ROOT / "assignments" / "distillation_tf"
    assignment = load_assignment(folder)
    reference = load_reference(ROOT / "reference" / "distillation_tf", assignment)
    lines = {m.name: m.line for m in reference.mistakes}
    assert lines["at_batch_sum"] == 4
    assert lines["kd_gradient_cut"] is None, "wrong nowhere in the formula"
    assert sum(line is not None for line in lines.values()) > 0.9 * len(lines)
    cases = public_cases(assignment)
    stored = load(folder / "public.npz", cases, cases_digest(cases))
    assert {name: mistake.line for name, mistake in stored.mistakes.items()} == lines


@pytest.mark.parametrize("line", [3, -1, "first"])
def test_a_line_that_the_formula_does_not_have_is_the_authors_fault(tmp_path: Path, line: object) -> None:
    document = changed(SPEC, f"{DISTANCE}.formula", [LINE, LINE])
    assignment = load_assignment(write(tmp_path, dump(document)))
    reference = tmp_path / "reference"
    reference.mkdir()
    both = "def distance(z):\n    return z\n\n\ndef loss(x):\n    return x\n"
    (reference / "solution_tensorflow.py").write_text(both)
    (reference / "variants.py").write_text("")
    mistake = f'@mistake("distance", en="e", ko="k", line={line!r})\ndef wrong(z):\n    return z\n'
    (reference / "mistakes.py").write_text(mistake)
    with pytest.raises(AuthoringError, match=r"mistakes\.py:2: line=.* the formula of distance .* has 2 lines"):
        load_reference(reference, assignment)
    (reference / "mistakes.py").write_text(mistake.replace(f"line={line!r}", "line=2"))
    assert load_reference(reference, assignment).mistakes[0].line == 2


def test_a_line_is_kept_when_numbers_are_stored(tmp_path: Path) -> None:
    folder = ROOT / "assignments" / "distillation_tf"
    cases = public_cases(load_assignment(folder))
    stored = load(folder / "public.npz", cases, cases_digest(cases))
    save(tmp_path / "public.npz", stored, cases_digest(cases))
    assert load(tmp_path / "public.npz", cases, cases_digest(cases)).mistakes == stored.mistakes


def test_numbers_that_were_stored_without_lines_are_read(tmp_path: Path) -> None:
    folder = ROOT / "assignments" / "distillation_tf"
    cases = public_cases(load_assignment(folder))
    with np.load(folder / "public.npz") as file:
        meta, numbers = json.loads(file["meta"].tobytes()), file["numbers"]
    for mistake in meta["mistakes"]:
        del mistake["line"]
    made = io.BytesIO()
    np.savez(made, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), numbers=numbers)
    old = tmp_path / "public.npz"
    old.write_bytes(made.getvalue())
    mistakes = load(old, cases, cases_digest(cases)).mistakes
    assert mistakes["at_batch_sum"].hint["en"]
    assert all(mistake.line is None for mistake in mistakes.values())
