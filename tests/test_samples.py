"""Every sample submission of every assignment gets the judgement that it must get."""

from collections.abc import Callable
from pathlib import Path

import pytest
from judgements import demand

from grader.intake import one, read
from grader.pipeline import Context, grade
from grader.types import Graded

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "tests" / "submissions"
# test_grade.py has those of distillation_tf.
FOLDERS = sorted(path for path in SAMPLES.glob("*/*/") if path.parent.name != "distillation_tf")


def judged(folder: Path, context: Context) -> Graded:
    path = next(p for p in sorted(folder.iterdir()) if p.suffix in (".ipynb", ".py"))
    return grade(read(one(path)), context)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_sample_gets_the_judgement_it_must_get(folder: Path, context_of: Callable[[str], Context]) -> None:
    demand(folder, judged(folder, context_of(folder.parent.name)))


def test_every_assignment_has_samples() -> None:
    assert {path.parent.name for path in FOLDERS} | {"distillation_tf"} == {
        path.parent.name for path in (ROOT / "assignments").glob("*/spec.yaml")
    }
