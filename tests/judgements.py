"""Whether a sample submission got the judgement that its expected.yaml demands."""

from pathlib import Path

import yaml

from grader.types import Graded


def demand(folder: Path, result: Graded) -> None:
    """Final or not, readable or not, verdicts, mistakes, accepted forms and points."""
    expected = yaml.safe_load((folder / "expected.yaml").read_text("utf-8"))
    assert result.internal == ""
    assert result.grade.final is expected.get("final", True)
    assert result.unreadable.partition(":")[0] == expected.get("unreadable", "")
    verdicts = {r.exercise: str(r.verdict) for r in result.results}
    for exercise, verdict in expected.get("verdicts", {}).items():
        assert verdicts[exercise] == verdict, exercise
    mistakes = {r.exercise: r.mistake for r in result.results if r.mistake}
    assert mistakes == expected.get("mistakes", {})
    families = {r.exercise: r.family for r in result.results}
    for exercise, family in expected.get("families", {}).items():
        assert families[exercise] == family, exercise
    assert result.grade.earned == expected["earned"]
