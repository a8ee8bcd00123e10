"""`grader push canvas` against a Canvas of the standard library."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exports.made_up import zipped
from fake_canvas import ASSIGNMENT, COURSE, TOKEN, Canvas, Submission, Wrong, an_assignment, serving
from lms_class import KINDS, a_class
from small_class import SLUG, notebook

from grader.cli import main
from grader.commands import INTERRUPTED, MEND, NOT_FINAL, OK, USAGE
from grader.commands.push_canvas import _text as text_of
from grader.commands.push_canvas import plan_of
from grader.lms import canvas_api
from grader.lms.canvas_api import Task, There
from grader.types import Learner

ANSWERS = {4001: "right", 4002: "sum", 4003: "half", 4004: "blank", 4005: "absolute"}
DUE = {4001: 25.0, 4002: 15.0, 4003: 15.0, 4004: 0.0, 4005: 15.0}


def graded(root: Path, folder: Path, names: dict[str, bytes]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_ROOT", str(root))
        download = zipped(folder / "submissions.zip", names)
        assert main(["grade", str(download), "-a", SLUG, "-o", str(folder / "out"), "--dev-secret"]) == OK
    return folder / "out"


@pytest.fixture(scope="module")
def graded_once(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = {f"doe{n}_{n}_{n + 100}_hw1.ipynb": notebook(kind, n) for n, kind in ANSWERS.items()}
    return graded(small_root, tmp_path_factory.mktemp("canvas"), names)


@pytest.fixture
def out(graded_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(graded_once, tmp_path / "out"))


@pytest.fixture
def canvas() -> Canvas:
    learners = [Submission(n, f"Doe, {n}", f"doe{n}@example.test", f"aB{n}", [n + 100]) for n in ANSWERS]
    return Canvas([*learners, Submission(4999, "Nobody, Here")], an_assignment())


@pytest.fixture
def site(canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CANVAS_TOKEN", TOKEN)
    with serving(canvas) as url:
        yield url


def push(out: Path, url: str, *more: str) -> int:
    where = ["--url", url, "--course", str(COURSE), "--assignment", str(ASSIGNMENT)]
    return main(["push", "canvas", str(out), *where, *more])


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def scores(canvas: Canvas) -> dict[int, float | None]:
    return {one.user: one.score for one in canvas.submissions}


# ---------------------------------------------------------------- what is sent


def test_first_it_is_only_shown(out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]) -> None:
    canvas.of(4002).score = 3.0
    assert push(out, site, "--json") == OK
    found = told(capsys)
    assert not found["sent"]
    mine = [change for change in found["changes"] if change["who"] == "Doe, 4002"]
    assert [(change["what"], change["before"]) for change in mine] == [
        ("grade", "3"),
        ("comment", ""),
        ("file", ""),
    ]
    assert [mine[0]["after"], mine[1]["after"]] == ["15", "Small: 60 of 100 points"]
    assert mine[2]["after"].startswith("feedback-")
    assert not any(request.startswith(("PUT", "POST")) for request in canvas.requests)
    assert not (out / "push").exists()


def test_everybody_gets_grade_comment_and_file(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(out, site, "--apply") == OK
    assert "5 of 5 sent and read back" in capsys.readouterr().err
    assert scores(canvas) == DUE | {4999: None}
    rows = csv.DictReader((out / "grades.csv").read_text("utf-8-sig").splitlines())
    assert {int(row["learner"]): float(row["earned"]) / 4 for row in rows} == DUE
    for number in ANSWERS:
        (comment,) = canvas.of(number).comments
        (file,) = comment["attachments"]
        name, content = canvas.uploaded[file["id"]]
        assert content == (out / f"doe{number}_{number}" / "feedback.html").read_bytes()
        assert comment["comment"].endswith(f"Everything else stands in the attached file {name}.")
    assert "\nQ1 squared error: 0 / 40\n" in canvas.of(4002).comments[0]["comment"]
    assert canvas.of(4999).comments == []
    assert len(canvas.puts()) == 5


@pytest.mark.parametrize("markup", [False, True])
def test_a_second_run_sends_nothing_again(
    markup: bool, out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.tags = markup
    assert push(out, site, "--apply") == OK
    shutil.rmtree(out / "push")  # as if it were another machine
    canvas.requests.clear()
    capsys.readouterr()
    assert push(out, site, "--apply", "--json") == OK
    assert [change["note"] for change in told(capsys)["changes"]] == ["is there already"] * 5
    assert not any(request.startswith(("PUT", "POST")) for request in canvas.requests)


def test_a_grade_changed_over_there_is_shown_and_set_without_a_second_comment(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(out, site, "--apply") == OK
    canvas.of(4003).score = 20.0
    canvas.requests.clear()
    capsys.readouterr()
    assert push(out, site, "--apply", "--json") == OK
    (change,) = [change for change in told(capsys)["changes"] if change["after"]]
    assert (change["who"], change["before"], change["after"]) == ("Doe, 4003", "20", "15")
    assert scores(canvas) == DUE | {4999: None}
    assert len(canvas.of(4003).comments) == 1
    assert len(canvas.puts()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interruption_leaves_nobody_out_and_nobody_twice(
    when: str, out: Path, canvas: Canvas, site: str
) -> None:
    """Ctrl-C while the third request is on its way: before Canvas keeps it, and after, when nobody notes that."""
    calls = []
    command = [sys.executable, "-m", "grader.cli", "push", "canvas", str(out), "--url", site, "--apply"]
    started: list[subprocess.Popen[bytes]] = []

    def interrupt(now: str) -> None:
        calls.append(now)
        if calls.count(now) == 3 and now == when:
            started[0].send_signal(signal.SIGINT)
            started[0].wait(30)
            raise Wrong(503, "nobody listens")

    canvas.at_put = interrupt
    started.append(
        subprocess.Popen(
            [*command, "--course", str(COURSE), "--assignment", str(ASSIGNMENT)],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
    )
    _, err = started[0].communicate(timeout=60)
    assert started[0].returncode == INTERRUPTED
    assert b"stopped; 2 of 5 are sent: the same command sends the rest" in err
    canvas.at_put = lambda _: None
    assert sum(one.score is not None for one in canvas.submissions) == (2 if when == "before" else 3)
    assert push(out, site, "--apply") == OK
    assert scores(canvas) == DUE | {4999: None}
    assert [len(one.comments) for one in canvas.submissions] == [1, 1, 1, 1, 1, 0]


def test_a_site_that_falls_silent_ends_the_run_and_the_next_goes_on(
    out: Path, canvas: Canvas, site: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(canvas_api, "TIMEOUT", (5, 2))
    canvas.silent = threading.Event()
    assert push(out, site, "--apply") == USAGE
    err = capsys.readouterr().err
    assert "timed out" in err
    assert "the same command goes on from here" in err
    canvas.silent.set()
    canvas.silent = None
    assert push(out, site, "--apply") == OK
    assert scores(canvas) == DUE | {4999: None}
    assert [len(one.comments) for one in canvas.submissions] == [1, 1, 1, 1, 1, 0]


# ---------------------------------------------------------------- who gets nothing


def test_excused_learners_stay_excused(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.of(4001).excused = True
    assert push(out, site, "--apply") == OK
    assert canvas.of(4001).excused
    assert canvas.of(4001).score is None
    assert "excused there: stays so" in capsys.readouterr().out


def test_who_is_not_there_is_said(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.submissions = [one for one in canvas.submissions if one.user != 4001]
    assert push(out, site, "--apply", "--json") == OK
    assert [change["note"] for change in told(capsys)["changes"] if not change["after"]] == ["nobody there"]
    assert len(canvas.puts()) == 4


def test_not_final_is_no_grade(out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3

    with sqlite3.connect(out / "journal.sqlite") as db:
        db.execute(
            "UPDATE graded SET final = 0, row = json_set(row, '$.final', json('false')) WHERE id LIKE '%4002'"
        )
    db.close()
    canvas.of(4002).score = 8.0
    assert push(out, site, "--apply", "--json") == NOT_FINAL
    assert [change["note"] for change in told(capsys)["changes"] if change["before"]] == ["not final"]
    assert scores(canvas) == DUE | {4002: 8.0, 4999: None}
    assert canvas.of(4002).comments == []


def test_a_newer_file_over_there_is_said(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.of(4001).attachments = [5555]
    assert push(out, site, "--json") == OK
    found = [change["note"] for change in told(capsys)["changes"] if change["who"] == "Doe, 4001"]
    assert found == ["handed in again since: this is for the earlier file", "", ""]


class Stub:
    """What `plan_of` asks a Gateway."""

    def __init__(self, *there: There) -> None:
        self.there = there

    def submissions(self) -> tuple[There, ...]:
        return self.there


def there(user: str, *ids: str) -> There:
    return There(user, "", f"Doe, {user}", frozenset(ids), None, 0, False, frozenset(), (), ())


def test_where_it_is_not_clear_whose_it_is_nothing_is_sent() -> None:
    marks = a_class("full", "zero", "partial", "third")
    ids = ("x", "x", "y", "z")
    marks = replace(
        marks,
        marks=tuple(
            replace(mark, learner=Learner(id=own), address={}) for mark, own in zip(marks.marks, ids, strict=True)
        ),
    )
    stub = Stub(there("1", "x"), there("2", "y"), there("3", "y"), there("4", "z"))
    plan = plan_of(marks, stub, Task("T", 10, False, False), "place")  # type: ignore[arg-type]
    assert [item.key for item in plan.items] == ["4"]
    assert [(change.who, change.note) for change in plan.untouched] == [
        ("Doe, 1", "several submissions of one learner (ada, zero): none is sent"),
        ("Doe, 1", "several submissions of one learner (ada, zero): none is sent"),
        ("sean", "several learners there could be meant"),
    ]


# ---------------------------------------------------------------- what Canvas says


def test_one_who_is_refused_costs_only_that_one(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.refuses = {4002: (400, "grade {authorization} \x1b[31mis bad"), 4003: (500, "oops")}
    assert push(out, site, "--apply") == MEND
    said = capsys.readouterr()
    assert "Doe, 4002: the grade: Canvas says: grade Bearer ... is bad" in said.err
    assert "Doe, 4003: the grade: Canvas says: Encountered an error: status code 500" in said.err
    assert "3 of 5 sent and read back, 2 not as they should be" in said.err
    assert TOKEN not in said.err + said.out
    canvas.refuses = {}
    assert push(out, site, "--apply") == OK
    assert scores(canvas) == DUE | {4999: None}


def test_a_grade_that_canvas_did_not_keep_is_noticed(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.forgets = {4005}
    canvas.of(4005).score = 1.0
    assert push(out, site, "--apply") == MEND
    assert "Doe, 4005: Canvas shows 1 and was sent 15" in capsys.readouterr().err


def test_a_file_that_canvas_did_not_keep_is_noticed_and_sent_again(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.drops = {4005}
    assert push(out, site, "--apply") == MEND
    assert "Doe, 4005: the comment is not there, or not its file" in capsys.readouterr().err
    canvas.drops = set()
    assert push(out, site, "--apply") == OK
    assert [len(comment["attachments"]) for comment in canvas.of(4005).comments] == [0, 1]


@pytest.mark.parametrize("status", [403, 429])
def test_asked_too_often_it_waits(
    status: int, out: Path, canvas: Canvas, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(canvas_api, "sleep", waited.append)
    canvas.throttled, canvas.throttled_status, canvas.throttled_files = 3, status, 2
    assert push(out, site, "--apply") == OK
    assert waited == [1, 2, 4, 1, 2]
    assert scores(canvas) == DUE | {4999: None}
    assert all(content.startswith(b"<!") for _, content in canvas.uploaded.values())  # whole, also the second time


def test_it_slows_down_before_the_limit(
    out: Path, canvas: Canvas, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(canvas_api, "sleep", waited.append)
    canvas.remaining = "12.5"
    assert push(out, site) == OK
    assert waited == [1, 1, 1]  # the assignment, and two pages


@pytest.mark.parametrize("status", [403, 429])
def test_it_does_not_wait_for_ever(
    status: int,
    out: Path,
    canvas: Canvas,
    site: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(canvas_api, "sleep", waited.append)
    canvas.throttled, canvas.throttled_status = 1000, status
    assert push(out, site, "--apply") == USAGE
    assert waited == list(canvas_api.PAUSES)
    assert "asked too often" in capsys.readouterr().err


def test_a_forbidden_request_is_no_rate_limit(
    out: Path, canvas: Canvas, site: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(canvas_api, "sleep", lambda _: pytest.fail("waited"))
    canvas.refuses = {4001: (403, '{"status": "unauthorized"}')}
    assert push(out, site, "--apply") == MEND
    assert "this token may not do that" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"published": False}, "is not published"),
        ({"grading_type": "pass_fail"}, "is not graded in points"),
        ({"points_possible": 0}, "is not graded in points"),
        ({"points_possible": None}, "is not graded in points"),
        ({"moderated_grading": True, "grades_published": False}, "moderated"),
    ],
)
def test_assignments_that_take_no_points_are_refused(
    other: dict[str, Any],
    sentence: str,
    out: Path,
    canvas: Canvas,
    site: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    canvas.assignment |= other
    assert push(out, site, "--apply") == USAGE
    assert sentence in capsys.readouterr().err
    assert not canvas.puts()


def test_another_assignment_is_refused(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in canvas.submissions:
        one.attachments = [one.user + 55]
    assert push(out, site, "--apply") == USAGE
    assert "is it the right --assignment?" in capsys.readouterr().err
    canvas.submissions = [Submission(1, "Else, Somebody")]
    assert push(out, site, "--apply") == USAGE
    assert "is it the right --course?" in capsys.readouterr().err
    assert not canvas.puts()


def test_grades_posted_by_hand_and_points_taken_off_are_said(
    out: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.assignment["post_manually"] = True
    late = canvas.of(4001)
    late.score, late.deducts = 10.0, 5.0
    assert push(out, site, "--apply") == OK
    err = capsys.readouterr().err
    assert "nobody sees grade, comment or file until you post them" in err
    assert "takes points off for lateness, so far from 1" in err
    assert late.score == 25.0  # as entered; Canvas shows 20


def test_a_group_is_graded_together(out: Path, canvas: Canvas, site: str) -> None:
    canvas.assignment["group_category_id"] = 9
    canvas.of(4001).group = canvas.of(4999).group = "A"
    assert push(out, site, "--apply") == OK
    assert canvas.of(4999).score == 25.0
    assert len(canvas.of(4999).comments) == 1


def test_comments_read_the_same_as_markup_and_as_text() -> None:
    """Newer versions of Canvas take `<b>` in a comment for markup, older ones show it."""
    text = text_of(KINDS["attack"], "", "feedback-1")
    assert re.sub(r"<[^>]*>", "", text) == text
    assert '‹script›alert("x")‹/script› & ‹b›bold‹/b› a‹b' in text


def test_anonymous_learners_get_a_grade_and_a_comment(
    small_root: Path, tmp_path: Path, canvas: Canvas, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.hidden = True
    names = {
        "anon_aB4001_4101_hw1.ipynb": notebook("sum", 1),
        "LATE_anon_aB4002_4102_hw1.ipynb": notebook("half", 2),
    }
    out = graded(small_root, tmp_path, names)
    assert push(out, site, "--apply") == OK
    assert canvas.of(4001).score == 15.0
    (comment,) = canvas.of(4001).comments
    assert "value differs" in comment["comment"]
    assert comment["attachments"] == []
    assert all("anonymous_submissions" in request for request in canvas.puts())
    canvas.requests.clear()
    assert push(out, site, "--apply") == OK
    assert not canvas.puts()
    canvas.hidden = False  # the grades were posted: Canvas names everybody again
    canvas.of(4001).anonymous = canvas.of(4002).anonymous = ""
    assert push(out, site, "--apply") == USAGE  # and knows the old numbers no more


def test_without_canvas_numbers_ids_are_used(small_root: Path, tmp_path: Path, canvas: Canvas, site: str) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    for number in (4001, 4002):
        (hand / f"doe{number}@example.test.ipynb").write_bytes(notebook("sum", number))
    roster = tmp_path / "roster.csv"
    roster.write_text("Name,Email\nDoe A,doe4001@example.test\nDoe B,DOE4002@example.test\n")
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_ROOT", str(small_root))
        asked = ["grade", str(hand), "-a", SLUG, "-o", str(out), "--dev-secret", "--roster", str(roster)]
        assert main(asked) == OK
    assert push(out, site, "--apply") == OK
    assert {user: score for user, score in scores(canvas).items() if score is not None} == {4001: 15.0, 4002: 15.0}


# ---------------------------------------------------------------- tokens and addresses


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://canvas.example.edu", "unencrypted"),
        ("canvas.example.edu", "should look like"),
        ("https://me:secret@canvas.example.edu", "no name or password"),
    ],
)
def test_tokens_go_only_where_nobody_listens(
    url: str, sentence: str, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANVAS_TOKEN", TOKEN)
    assert push(out, url) == USAGE
    assert sentence in capsys.readouterr().err


def test_a_wrong_token_is_said_and_not_shown(
    out: Path, site: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANVAS_TOKEN", "7~another")
    assert push(out, site) == USAGE
    said = capsys.readouterr().err
    assert "does not know this token" in said
    assert "7~another" not in said
    monkeypatch.delenv("CANVAS_TOKEN")
    assert push(out, site) == USAGE
    assert "CANVAS_TOKEN" in capsys.readouterr().err


def test_numbers_of_course_and_assignment(
    out: Path, site: str, canvas: Canvas, capsys: pytest.CaptureFixture[str]
) -> None:
    for course, assignment in (("../1", "345"), ("12", "345/x"), ("12", "99")):
        asked = ["push", "canvas", str(out), "--url", site, "--course", course, "--assignment", assignment]
        assert main(asked) == USAGE
    err = capsys.readouterr().err
    assert err.count("its number, as in the address of its page") == 2
    assert "course 12, assignment 99: there is none in Canvas" in err


def test_what_is_no_canvas_is_said(
    out: Path, site: str, canvas: Canvas, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas.assignment = "<html>a proxy"  # type: ignore[assignment]
    assert push(out, site) == USAGE
    assert "does not answer as Canvas does" in capsys.readouterr().err
    assert push(out, "http://127.0.0.1:9") == USAGE
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_the_token_is_not_sent_with_files(out: Path, site: str, canvas: Canvas) -> None:
    assert push(out, site, "--apply") == OK
    assert canvas.uploaded
    assert "/files" in {request.split(" ")[1] for request in canvas.requests}
    assert not any("/files" in path and "comments" not in path for path in canvas.with_token)
