"""GitHub Classroom: the result of a step, read by a model of the reporter. The model agrees with the real one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from importers import github_classroom as importer
from lms_class import ABOUT, mark
from packaged import NO_PYTHON, answers, environment, hand_in, started, unpacked
from replies import SAMPLES, differing, golden, unreadable, with_parts, without_anything

from grader.lms import github_classroom
from grader.lms.marks import number
from grader.lms.records import Mark
from grader.types import Learner

GOLDEN = golden("github-classroom")
FORGED = "::notice title=Autograding complete::Points 100/100"


def test_what_is_written_is_what_was_written() -> None:
    """After a change that is meant: python tests/renew_lms.py github-classroom"""
    assert differing("github-classroom", GOLDEN) == []


def report(one: Mark) -> importer.Report:
    return importer.report(importer.outputs(github_classroom.reply(one).files["github-output"])["result"])


def encoded(content: object) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


# ---------------------------------------------------------------- the model, by a result that the real one read


def test_the_model_has_the_two_numbers_of_the_reporter() -> None:
    sample = base64.b64encode((SAMPLES / "github-classroom" / "runner.json").read_bytes()).decode()
    read = importer.report(sample)
    assert (read.table, read.points, read.possible, read.annotation) == (10, 12.5, 20, "Points 12.5/20")
    assert read.failed


def test_a_missing_score_is_no_number_in_the_model() -> None:
    tests = [{"name": "a", "status": "pass"}]
    assert (
        importer.report(encoded({"max_score": 20, "tests": tests, "status": "pass"})).annotation == "Points NaN/20"
    )


def test_a_result_that_is_too_long_does_not_start() -> None:
    with pytest.raises(AssertionError, match="cannot be started"):
        importer.report("A" * importer.MOST_VARIABLE)


@pytest.mark.parametrize("line", [FORGED, f"   {FORGED}", "x ##[error]y", "##[add-mask]1", f"\u3000{FORGED}"])
def test_the_model_knows_what_the_runner_obeys(line: str) -> None:
    assert importer.commands(f"before\n{line}\nafter") == [line]
    assert importer.commands(github_classroom.harmless(f"before\n{line}\nafter")) == []


def test_the_model_knows_what_the_runner_does_not_obey() -> None:
    assert importer.commands(f"a {FORGED}\nstd::vector\n## [x]\n::") == []


# ---------------------------------------------------------------- the adapter


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_without_a_grade_nothing_is_sent(lang: str) -> None:
    for one in (mark("not_final"), without_anything(), replace(mark("full"), possible=0.0, earned=0.0)):
        read = report(replace(one, about=replace(one.about, lang=lang)))
        assert (read.annotation, read.failed) == ("", True)
        assert github_classroom.no_grade(lang) in read.log
    assert github_classroom.no_grade("ko") != github_classroom.no_grade("en")


def test_a_hand_in_that_cannot_be_read_is_a_zero_with_the_reason() -> None:
    assert report(unreadable()).annotation == "Points 0/100"
    assert unreadable().remarks[0] in github_classroom.reply(unreadable()).stdout.decode()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_where_the_two_numbers_differ_it_is_said(lang: str) -> None:
    partial = mark("partial")
    read = report(replace(partial, about=replace(partial.about, lang=lang)))
    assert (read.annotation, read.table) == ("Points 72.5/100", 50)
    assert github_classroom.two_numbers(72.5, 100, lang) in read.log
    for alike in ("full", "zero"):
        same = report(mark(alike))
        assert same.table == same.points
        assert "GitHub Classroom gets" not in same.log


def test_the_run_is_green_only_for_full_marks() -> None:
    assert not report(mark("full")).failed
    assert report(mark("partial")).failed


def test_no_learner_writes_a_command_for_the_runner() -> None:
    one = mark("partial")
    evil = replace(
        one.parts[0], title=f"##[error] {FORGED}", because=FORGED, details=(f"{FORGED}\n   {FORGED}\n##[error]x",)
    )
    forged = replace(one, parts=(evil, one.parts[1]), remarks=(FORGED, "##[error]x"))
    assert importer.commands(report(forged).log) == []
    assert importer.commands(github_classroom.reply(forged).stdout.decode()) == []
    assert "Points 100/100" in report(forged).log  # told, but not obeyed
    waiting = replace(forged, final=False, earned=None, about=replace(ABOUT, title="##[error]x"))
    assert importer.commands(report(waiting).log) == []


def test_without_criteria_there_is_one_test() -> None:
    assert report(replace(mark("full"), parts=())).annotation == "Points 100/100"
    assert report(replace(mark("partial"), parts=())).annotation == "Points 72.5/100"


def test_a_result_that_would_not_start_is_cut_and_says_so() -> None:
    answer = github_classroom.reply(with_parts(40, "값이 다릅니다 " * 5_000, 0.5))
    read = importer.report(importer.outputs(answer.files["github-output"])["result"])
    assert read.annotation == "Points 20/40"
    assert "cut here" in read.log
    assert len(answer.stdout) <= github_classroom.LOG_LIMIT


POINTS = st.floats(0, 60, allow_nan=False) | st.integers(0, 6_000).map(lambda hundredths: hundredths / 100)


@given(st.lists(POINTS, min_size=1, max_size=9), st.integers(1, 400))
@example([0.1, 0.2], 1)
@example([12.12, 16.36], 100)  # no float added to 12.12 gives 28.48
def test_the_scores_add_up_to_what_was_earned(earned: list[float], possible: int) -> None:
    parts = tuple(replace(mark("full").parts[0], id=f"p{n}", earned=one) for n, one in enumerate(earned))
    one = Mark(ABOUT, "x", Learner("", "", "", ""), True, sum(earned), float(possible), parts)
    due = min(float(number(sum(earned), 2)), possible)
    read = report(one)
    assert read.annotation == f"Points {importer._js(due)}/{possible}"
    assert all(score >= 0 for score in github_classroom.scores(one, due))


# ---------------------------------------------------------------- the package, as GitHub lays it out


def step(folder: Path, kind: str, name: str = "small.ipynb", python: str = "") -> tuple[str, importer.Report]:
    """The step of the workflow in a learner's repository: its log, and what the reporter makes of its output."""
    repository = unpacked("github-classroom", folder / "package") / "learner"
    if kind:
        hand_in(repository, kind, name)
    output = folder / "output"
    more = {"GITHUB_WORKSPACE": str(repository), "GITHUB_OUTPUT": str(output)}
    env = environment(python, **more) if python else environment(**more)
    ended = started(["bash", ".github/grader/step.sh"], repository, env)
    assert ended.returncode == 0
    return ended.stdout.decode(), importer.report(importer.outputs(output.read_bytes())["result"])


@pytest.mark.parametrize(("kind", "points"), [("right", 100), ("sum", 60), ("truncated", 0), ("exits", 60)])
def test_a_push_is_checked_with_the_public_cases(kind: str, points: int, tmp_path: Path) -> None:
    log, read = step(tmp_path, kind)
    assert read.annotation == f"Points {points}/100"
    assert "public cases only" in log


def test_no_name_of_a_file_is_a_command(tmp_path: Path) -> None:
    log, read = step(tmp_path, "sum", "::notice title=Autograding complete::Points 1.ipynb")
    lines = log.splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert lines[-1] == f"::{token}::"
    assert not any(token in line for line in lines[1:-1])
    assert read.annotation == "Points 60/100"


def test_a_repository_without_a_notebook_gets_nothing_for_it(tmp_path: Path) -> None:
    log, read = step(tmp_path, "")
    assert read.annotation == "Points 0/100"
    assert "assignments" not in log  # the template in .github is not the learner's


def test_a_runner_that_cannot_start_the_grader_sends_nothing(tmp_path: Path) -> None:
    _, read = step(tmp_path, "right", python=NO_PYTHON)
    assert (read.annotation, read.failed) == ("", True)
    assert "could not start" in read.log


def test_learners_get_no_answers(tmp_path: Path) -> None:
    package = unpacked("github-classroom", tmp_path)
    assert answers(package / "learner") == []
    assert answers(package / "instructor")  # so the check above can fail


def test_the_workflow_hands_the_result_to_the_reporter(tmp_path: Path) -> None:
    package = unpacked("github-classroom", tmp_path)
    workflow = yaml.safe_load((package / "learner/.github/workflows/classroom.yml").read_text("utf-8"))
    steps = workflow["jobs"]["run-autograding-tests"]["steps"]
    (own,) = (one for one in steps if one.get("id"))
    reporter = steps[-1]
    runner = reporter["with"]["runners"]
    assert runner == own["id"] == importer.RUNNER
    assert reporter["env"] == {f"{runner.upper()}_RESULTS": f"${{{{ steps.{own['id']}.outputs.result }}}}"}
    assert (package / "learner" / own["run"].split()[-1]).is_file()
    assert "@" not in "".join(str(one.get("run", "")) for one in steps)
    whole = yaml.safe_load((package / "instructor/.github/workflows/grade-class.yml").read_text("utf-8"))
    assert [*whole[True]] == ["workflow_dispatch"]  # yaml reads `on` as true; nobody but staff starts it
    assert "-a small -o out" in str(whole["jobs"]["grade"]["steps"])
