"""The run of a whole notebook in points, in feedback and in the JSON result; from records, nothing is run."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from made_by_hand import ASSIGNMENT, EXPECTATIONS, graded

from grader.execution_words import explain_execution, explain_substitutions
from grader.reports.feedback import to_markdown
from grader.result import to_dict
from grader.rubric import load_rubric
from grader.score import score
from grader.types import Criterion, Execution, Fault, Place, Policies, Rubric, Substitution, Verdict

ROOT = Path(__file__).resolve().parent.parent
CLEAN = Execution(Verdict.PASSED, "keras3", 12, tuple(range(1, 13)))
STOPPED = Execution(
    Verdict.ERROR,
    "tf1",
    12,
    (1, 2),
    5,
    7,
    Fault("KeyError", "'acc'", Place(5, 7)),
    substitutions=(
        Substitution("data_set", "cifar10"),
        Substitution("epochs", "fit: 10 -> 1"),
        Substitution("shell", "`rm *`"),
    ),
)
RUBRIC = Rubric("demo", (Criterion("runs", 5.0, None, "runs_clean"),), Policies())


@pytest.mark.parametrize(
    ("ended", "points", "because"),
    [
        (Verdict.PASSED, 5.0, "runs_clean"),
        (Verdict.ERROR, 0.0, "runs_clean_stopped"),
        (Verdict.CRASHED, 0.0, "runs_clean_stopped"),
        (Verdict.FORBIDDEN, 0.0, "runs_clean_stopped"),
        (Verdict.TIMEOUT, 5.0, "runs_clean_unclear"),
        (Verdict.CPU, 5.0, "runs_clean_unclear"),
        (Verdict.MEMORY, 5.0, "runs_clean_unclear"),
        (Verdict.INCONCLUSIVE, 5.0, "runs_clean_unclear"),
    ],
)
def test_how_the_run_ended_is_what_it_earns(ended: Verdict, points: float, because: str) -> None:
    grade = score((), RUBRIC, replace(STOPPED, ended=ended))
    assert (grade.final, grade.earned, grade.scores[0].because) == (True, points, because)
    clear = because != "runs_clean_unclear"
    assert grade.scores[0].verdict == (ended if clear else Verdict.INCONCLUSIVE)


def test_a_run_that_was_asked_for_and_did_not_happen_is_our_fault() -> None:
    grade = score((), RUBRIC, None)
    assert not grade.final


@pytest.mark.parametrize(("execute", "kinds"), [(None, []), (True, ["runs_clean"]), (False, [])])
def test_the_command_line_adds_it(execute: bool | None, kinds: list[str]) -> None:
    from grader.spec import load_assignment

    assignment = load_assignment(ROOT / "assignments" / "distillation_tf")
    rubric = load_rubric(ROOT / "rubric.yaml", assignment, execute=execute)
    assert [c.kind for c in rubric.criteria if c.kind == "runs_clean"] == kinds
    assert rubric.executes is bool(kinds)


def test_the_rubric_turns_it_on_and_the_command_line_off(tmp_path: Path) -> None:
    from grader.spec import load_assignment

    assignment = load_assignment(ROOT / "assignments" / "distillation_tf")
    block = yaml.safe_load((ROOT / "rubric.yaml").read_text("utf-8"))
    block["distillation_tf"]["criteria"]["runs"] = {"points": 5, "kind": "runs_clean"}
    path = tmp_path / "rubric.yaml"
    path.write_text(yaml.safe_dump(block, sort_keys=False), "utf-8")
    on, off = (load_rubric(path, assignment, execute=execute) for execute in (None, False))
    assert (on.executes, off.executes) == (True, False)
    assert on.digest != off.digest, "another judgement"


def test_feedback_names_cell_line_error_mode_and_what_stood_in() -> None:
    told = to_markdown(graded(execution=STOPPED), EXPECTATIONS, "en")
    section = told.partition("## The whole notebook")[2]
    assert "stopped in cell 5" in section
    assert "KeyError: 'acc'\ncell 5, line 7" in section
    assert "TensorFlow 1's way" in section.replace("\\", "")
    for word in ("cifar10", "fit: 10", "rm"):
        assert word in section
    assert "## The whole notebook" not in to_markdown(graded(), EXPECTATIONS, "en")


def test_feedback_in_korean() -> None:
    told = to_markdown(graded(execution=CLEAN), EXPECTATIONS, "ko")
    assert "## 노트북 전체 실행" in told
    assert "코드 셀 12개" in told
    assert "The " not in told.partition("## 노트북 전체 실행")[2].partition("---")[0]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_mode_end_and_substitution_has_a_sentence(lang: str) -> None:
    for mode in ("keras3", "legacy", "tf1", "torch", "numpy"):
        told = explain_execution(replace(CLEAN, mode=mode), lang)
        assert any(name in told for name in ("TensorFlow", "PyTorch", "NumPy"))
    kinds = "data_set files module weights epochs steps shell magic cuda workers output".split()
    for kind in kinds:
        (line,) = explain_substitutions(replace(CLEAN, substitutions=(Substitution(kind, "XYZ"),)), lang)
        assert line != "XYZ"


@pytest.mark.parametrize("execution", [None, CLEAN, STOPPED])
def test_the_json_result_has_its_written_form(execution: Execution | None) -> None:
    result = to_dict(graded(execution=execution), EXPECTATIONS, "en", {})
    jsonschema.validate(result, json.loads((ROOT / "grader" / "result.schema.json").read_text("utf-8")))
    assert (result["execution"] is None) is (execution is None)
    if execution is STOPPED:
        assert (result["execution"]["cell"], result["execution"]["line"]) == (5, 7)
        assert result["execution"]["mode"] == "tf1"
    assert ASSIGNMENT.slug == result["assignment"]["slug"]
