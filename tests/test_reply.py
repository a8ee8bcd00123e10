"""`grader grade --format`: what is answered for one submission, also where the grader is stopped or fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from importers import gradescope as system
from small_class import KINDS, SLUG, notebook

from grader import pipeline
from grader.cli import main
from grader.commands import OK, USAGE, reply
from grader.commands.reply import judged_parts
from grader.lms import SINGLE
from grader.lms.records import Mark, Reply
from grader.result import to_row
from grader.score import nothing, score
from grader.types import Criterion, Execution, Grade, Graded, Policies, Rubric, Score, Submission, Verdict
from grader.work import Bench

GRADESCOPE = ("--format", "gradescope", "--dev-secret")


@pytest.fixture(autouse=True)
def at_root(small_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_ROOT", str(small_root))


def hand_in(folder: Path, kind: str = "right", name: str = "own.ipynb") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(notebook(kind))
    return path


def told(folder: Path) -> dict[str, Any]:
    return system.read((folder / "results.json").read_bytes())


def grade(path: Path, out: Path, *options: str) -> int:
    return main(["grade", str(path), "-a", SLUG, "-o", str(out), *(options or GRADESCOPE)])


# ---------------------------------------------------------------- what is answered


@pytest.mark.parametrize("kind", ["right", "sum", "half", "blank", "raises", "exits", "truncated", "empty"])
def test_the_points_are_those_of_a_class(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(hand_in(tmp_path, kind), tmp_path / "out") == OK
    assert system.shown(told(tmp_path / "out")) == KINDS[kind].earned
    assert capsys.readouterr().out == ""


def test_the_answer_goes_where_it_should_and_reports_go_to_out(tmp_path: Path) -> None:
    out, to = tmp_path / "out", tmp_path / "to" / "deep"
    assert grade(hand_in(tmp_path), out, *GRADESCOPE, "--reply", str(to)) == OK
    assert [path.name for path in to.iterdir()] == ["results.json"]
    assert {"feedback.html", "feedback.md", "result.json"} <= {path.name for path in out.iterdir()}


def test_standard_output_is_the_format_s_own_and_the_exit_code_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Adapter:
        @staticmethod
        def reply(mark: Mark) -> Reply:
            return Reply({"a.txt": b"x"}, f"talk\n{mark.earned}\n".encode(), 7 if mark.final else 9)

    monkeypatch.setattr(reply, "adapter", lambda name: Adapter)
    assert grade(hand_in(tmp_path, "half"), tmp_path / "out") == 7
    assert capsys.readouterr().out == "talk\n60.0\n"


def test_a_folder_is_one_hand_in(tmp_path: Path) -> None:
    folder = tmp_path / "hand"
    hand_in(folder, "blank", "a.ipynb")
    hand_in(folder, "right", "Kim_12_assignsubmission_file_/deep/own.ipynb")
    (folder / "notes.txt").write_text("x")
    assert grade(folder, tmp_path / "out") == OK
    assert system.shown(told(tmp_path / "out")) == 100


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("report.pdf", b"%PDF", "no notebook"),
        ("own.zip", b"PK\x03\x04 broken", "archive is damaged"),
        ("own.ipynb", b"", "file is empty"),
        ("", b"", "no notebook"),
    ],
)
def test_what_cannot_be_graded_is_a_final_zero_that_says_why(
    name: str, content: bytes, expected: str, tmp_path: Path
) -> None:
    folder = tmp_path / "hand"
    folder.mkdir()
    if name:
        (folder / name).write_bytes(content)
    assert grade(folder, tmp_path / "out") == OK
    answer = told(tmp_path / "out")
    assert system.shown(answer) == 0
    assert expected in answer["output"]


def test_a_file_that_is_no_notebook_can_be_named_itself(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF")
    assert grade(path, tmp_path / "out") == OK
    assert "report.pdf" in told(tmp_path / "out")["output"]


def test_learners_read_their_language(tmp_path: Path) -> None:
    assert grade(hand_in(tmp_path, "blank"), tmp_path / "out", *GRADESCOPE, "--lang", "ko") == OK
    assert "점" in told(tmp_path / "out")["output"]


# ---------------------------------------------------------------- usage


@pytest.mark.parametrize("options", ["--json", "--anonymous", "--roster x.csv", "--engine dask", "another.ipynb"])
def test_what_goes_with_a_class_only_is_refused(
    options: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = hand_in(tmp_path), tmp_path / "out"
    assert main(["grade", str(path), *options.split(), "-a", SLUG, "-o", str(out), *GRADESCOPE]) == USAGE
    assert "one submission" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_there_is_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path / "none.ipynb", tmp_path / "out") == USAGE
    assert "no such file" in capsys.readouterr().err


def test_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["grade", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert not [name for name in SINGLE if name not in shown.replace("- ", "-")]


# ---------------------------------------------------------------- what fails


def test_where_submissions_cannot_be_isolated_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reply, "protected", lambda: False)
    monkeypatch.setattr(reply, "judged", lambda *_: pytest.fail("something ran"))
    assert grade(hand_in(tmp_path), tmp_path / "out") == USAGE
    assert "cannot be isolated" in capsys.readouterr().err
    answer = told(tmp_path / "out")
    assert system.shown(answer) is None
    assert "tell your instructors" in answer["output"]


def test_our_fault_is_no_grade_and_keeps_what_was_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a training is lost after all numeric checks: `grade` gives up, and what was told stays told."""
    real = pipeline.grade

    def lost(submission: Submission, context: Any, known: Any = None) -> Graded:
        done = real(submission, context, known)
        pending = [replace(s, verdict=Verdict.INTERNAL) if at else s for at, s in enumerate(done.grade.scores)]
        context.watch(replace(done, grade=replace(done.grade, final=False, scores=tuple(pending))))
        return pipeline.internal(submission, context, "made up")

    monkeypatch.setattr("grader.work.grade", lost)
    assert grade(hand_in(tmp_path), tmp_path / "out") == OK
    answer = told(tmp_path / "out")
    assert system.shown(answer) is None
    first, second = answer["tests"]
    assert (first["score"], first["visibility"]) == (40, "visible")
    assert second["visibility"] == "hidden"
    assert "grader itself failed" in answer["output"]


def test_a_report_that_cannot_be_written_is_no_grade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> str:
        raise RuntimeError("made up")

    monkeypatch.setattr("grader.work.to_html", failing)
    assert grade(hand_in(tmp_path), tmp_path / "out") == OK
    answer = told(tmp_path / "out")
    assert system.shown(answer) is None
    assert "grader itself failed" in answer["output"]


def test_a_sandbox_that_is_lost_is_not_told_as_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pipeline.grade

    def lost(submission: Submission, context: Any, known: Any = None) -> Graded:
        done = real(submission, context, known)
        first, second = done.grade.scores
        scores = (first, replace(second, verdict=Verdict.INTERNAL))
        return replace(done, grade=replace(done.grade, final=False, scores=scores))

    monkeypatch.setattr("grader.work.grade", lost)
    assert grade(hand_in(tmp_path), tmp_path / "out") == OK
    answer = told(tmp_path / "out")
    assert [test["visibility"] for test in answer["tests"]] == ["visible", "hidden"]
    assert "grader itself failed" in answer["output"]
    assert "not come to its end" not in answer["output"]


def test_an_answer_that_cannot_be_written_midway_is_not_the_learner_s_affair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = reply.Slate.tell, []

    def once(self: reply.Slate, graded: Graded) -> None:
        calls.append(graded)
        if not graded.grade.final:
            raise OSError("the disk is full")
        real(self, graded)

    monkeypatch.setattr(reply.Slate, "tell", once)
    monkeypatch.setattr("grader.pipeline.score", _pending_first(calls))
    assert grade(hand_in(tmp_path), tmp_path / "out") == OK
    assert [graded.grade.final for graded in calls] == [False, True]
    assert system.shown(told(tmp_path / "out")) == 100


def _pending_first(calls: list[Graded]) -> Callable[..., Grade]:
    def made(*arguments: Any) -> Grade:
        grade = score(*arguments)
        return grade if calls else replace(grade, final=False)

    return made


# ---------------------------------------------------------------- stopped


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A grader at work on a submission that takes seconds, as soon as there is an answer."""
    path = hand_in(tmp_path, "hangs")
    command = [sys.executable, "-m", "grader.cli", "grade", str(path), "-a", SLUG, "-o", str(tmp_path / "out")]
    child = subprocess.Popen([*command, *GRADESCOPE], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not (tmp_path / "out" / "results.json").exists() and time.monotonic() < until:
        assert child.poll() is None
        time.sleep(0.01)
    yield child
    child.kill()
    child.communicate()


def test_the_first_answer_is_there_before_anything_runs(hanging: subprocess.Popen[bytes], tmp_path: Path) -> None:
    os.kill(hanging.pid, signal.SIGKILL)
    hanging.wait()
    answer = told(tmp_path / "out")
    assert system.shown(answer) is None
    assert {test["visibility"] for test in answer["tests"]} == {"hidden"}
    assert "not come to its end" in answer["output"]
    assert list((tmp_path / "out").glob(".*")) == []


def test_sigterm_says_that_grading_was_stopped(hanging: subprocess.Popen[bytes], tmp_path: Path) -> None:
    hanging.terminate()
    out, err = hanging.communicate(timeout=60)
    assert (hanging.returncode, out) == (OK, b"")
    assert b"Traceback" not in err
    answer = told(tmp_path / "out")
    assert system.shown(answer) is None
    assert "stopped before its end" in answer["output"]


def test_stopped_in_a_training_the_numeric_checks_count(root: Path, tmp_path: Path) -> None:
    """The whole way: a right submission, ended when the first training is told to be done."""
    pytest.importorskip("tensorflow")
    pytest.importorskip("sklearn")
    sample = root / "tests" / "submissions" / "distillation_tf" / "right_broadcast" / "submission.ipynb"
    command = [sys.executable, "-m", "grader.cli", "grade", str(sample), "-a", "distillation_tf"]
    child = subprocess.Popen(
        [*command, "-o", str(tmp_path / "out"), *GRADESCOPE],
        env={**os.environ, "GRADER_ROOT": str(own_root(root, tmp_path))},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        seen: list[int] = []
        while child.poll() is None and max(seen, default=0) < 9:
            time.sleep(0.02)
            if (tmp_path / "out" / "results.json").exists():
                visible = sum(test["visibility"] == "visible" for test in told(tmp_path / "out")["tests"])
                seen += [visible] * (visible not in seen)
        assert child.poll() is None, "it was to be stopped in the middle"
        child.terminate()
        assert child.wait(60) == OK
    finally:
        child.kill()
        child.wait()
    answer = told(tmp_path / "out")
    assert seen == [0, 8, 9]
    assert system.shown(answer) is None
    assert sum(test["score"] for test in answer["tests"]) == 85 + 5


def own_root(root: Path, folder: Path) -> Path:
    """The project's assignment with its answers, and no training done yet."""
    own = folder / "root"
    for name in ("assignments", "reference", "rubric.yaml"):
        own.mkdir(exist_ok=True)
        (own / name).symlink_to(root / name)
    cache = own / ".grader" / "cache"
    cache.mkdir(parents=True)
    for stored in (root / ".grader" / "cache").glob("distillation_tf-*.npz"):
        (cache / stored.name).symlink_to(stored)
    return own


def test_whole_notebooks_run_last_and_what_is_known_by_then_is_told(
    small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "root"
    shutil.copytree(small_root, own)
    rubric = own / "rubric.yaml"
    rubric.write_text(
        rubric.read_text("utf-8").rstrip("\n") + "\n    runs: {points: 5, kind: runs_clean}\n", "utf-8"
    )
    monkeypatch.setenv("GRADER_ROOT", str(own))
    seen = []

    def execute(*_: Any, **__: Any) -> Execution:
        seen.append([test["visibility"] for test in told(tmp_path / "out")["tests"]])
        return Execution(Verdict.PASSED, "numpy", 3)

    monkeypatch.setattr("grader.work.execute", execute)
    assert grade(hand_in(tmp_path), tmp_path / "out") == OK
    assert seen == [["visible", "visible", "hidden"]]
    assert system.shown(told(tmp_path / "out")) == 105


# ---------------------------------------------------------------- which parts are judged


def _graded(*scores: Score, final: bool = False) -> Graded:
    grade = Grade(final, 0.0, 10.0, scores)
    return Graded(Submission("x", "x", b"", ""), None, grade, None, None, ())  # type: ignore[arg-type]


def _score(name: str, verdict: Verdict, earned: float = 1.0, **needs: tuple[str, ...]) -> Score:
    return Score(Criterion(name, 1.0, name, **needs), earned, verdict, verdict.value)  # type: ignore[arg-type]


def test_what_needs_an_open_criterion_is_open_itself() -> None:
    graded = _graded(
        _score("c", Verdict.SKIPPED, 0, needs_attempt=("b",)),
        _score("b", Verdict.SKIPPED, 0, needs=("a",)),
        _score("a", Verdict.INTERNAL, 0),
        _score("d", Verdict.PASSED),
        _score("e", Verdict.SKIPPED, 0, needs=("d",)),
    )
    assert judged_parts(graded) == {"d": 1.0, "e": 0.0}


def test_where_nothing_is_judged_nothing_has_points() -> None:
    rubric = Rubric("x", (Criterion("a", 1.0, "a"), Criterion("r", 1.0, None, "robustness")), Policies())
    pending = nothing(rubric, Verdict.INTERNAL, "internal", final=False)
    assert judged_parts(_graded(*pending.scores)) == {}


def test_watching_ends_with_the_whole(small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    real = Bench.__init__

    def spied(self: Bench, blueprint: Any, watch: Any = None) -> None:
        real(self, blueprint, lambda graded: (rows.append(to_row(graded, "en")), watch(graded)))

    monkeypatch.setattr(Bench, "__init__", spied)
    assert grade(hand_in(tmp_path), tmp_path / "out") == OK
    assert [row["final"] for row in rows] == [True, True]  # numeric checks are all that there is here
    assert json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))["earned"] == rows[-1]["earned"]
