"""Every sample submission of every assignment gets the judgement that it must get."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from grader.context import Grading
from grader.intake import find, read
from grader.oracle import Sandbox
from grader.pipeline import Context, grade
from grader.types import Assignment, Graded

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "tests" / "submissions"
# test_grade.py has those of distillation_tf.
FOLDERS = sorted(path for path in SAMPLES.glob("*/*/") if path.parent.name != "distillation_tf")


@pytest.fixture(scope="module")
def context_of(sandbox_for: Callable[[Assignment], Sandbox], dev_secret: bytes) -> Callable[[str], Context]:
    """What judging a submission of an assignment needs, opened once."""
    made: dict[str, Context] = {}

    def context(slug: str) -> Context:
        if slug not in made:
            grading = Grading(ROOT, slug, dev_secret)
            made[slug] = grading.context(sandbox_for(grading.assignment), jobs=2)
        return made[slug]

    return context


def judged(folder: Path, context: Context) -> Graded:
    path = next(p for p in sorted(folder.iterdir()) if p.suffix in (".ipynb", ".py"))
    return grade(read(find([path])[0]), context)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_sample_gets_the_judgement_it_must_get(folder: Path, context_of: Callable[[str], Context]) -> None:
    expected = yaml.safe_load((folder / "expected.yaml").read_text("utf-8"))
    result = judged(folder, context_of(folder.parent.name))
    assert result.internal == ""
    assert result.grade.final is expected.get("final", True)
    assert result.unreadable.partition(":")[0] == expected.get("unreadable", "")
    verdicts = {r.exercise: str(r.verdict) for r in result.results}
    assert verdicts == {**verdicts, **expected.get("verdicts", {})}
    assert {r.exercise: r.mistake for r in result.results if r.mistake} == expected.get("mistakes", {})
    families = {r.exercise: r.family for r in result.results}
    assert families == {**families, **expected.get("families", {})}
    assert result.grade.earned == pytest.approx(expected["earned"])


def test_every_assignment_has_samples() -> None:
    assert {path.parent.name for path in FOLDERS} | {"distillation_tf"} == {
        path.parent.name for path in (ROOT / "assignments").glob("*/spec.yaml")
    }
