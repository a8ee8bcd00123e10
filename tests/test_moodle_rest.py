"""`grader push moodle` against a site with the real one's rules (tests/fake_moodle.py)."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from fake_moodle import ASSISTANT, STUDENT, TEACHER, Record, Site, served
from importers.moodle import shown
from lms_class import mark
from moodle_class import downloaded, the_root
from moodle_samples import KINDS, SHEETS, site
from small_class import SLUG, make_root

from grader.cli import main
from grader.commands import INTERRUPTED, MEND, NOT_FINAL, OK, USAGE
from grader.commands.push_moodle import Due, _send
from grader.lms import moodle_rest
from grader.lms.moodle_rest import Moodle, flat
from grader.lms.moodle_there import Person, Task, matched, people_of
from grader.lms.records import Refused

Graded = dict[str, tuple[Path, dict[str, float]]]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    """Output folders of the four classes, and what everybody's folder there must get."""
    where = tmp_path_factory.mktemp("class")
    made = {}
    with the_root(make_root(where / "root")):
        for kind in KINDS:
            path, due = downloaded(kind, 1, where)
            assert main(["grade", str(path), "-a", SLUG, "-o", str(where / kind), "--dev-secret"]) == OK
            made[kind] = (where / kind, due)
        yield made


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOODLE_TOKEN", TEACHER)
    monkeypatch.setattr(moodle_rest, "PAUSES_S", (0.0, 0.0, 0.0))


@pytest.fixture
def out(graded: Graded, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the output folder of "plain", or of the kind that the test names."""
    return copytree(graded[getattr(request, "param", "plain")][0], tmp_path / "out")


def fake(kind: str = "plain") -> Site:
    """The site of a class, nothing graded yet; users are numbered otherwise than participants."""
    there = site(kind)
    people = [
        Record(100 + at, person.name or f"Someone {at}", person.unique, person.group, person.submitted)
        for at, person in enumerate(there.people)
    ]
    return Site(people, team=there.team, blind=there.blind, workflow=there.workflow)


def push(there: Site, out: Path, *more: str) -> int:
    return main(["push", "moodle", str(out), "--url", there.url, "--assignment", str(there.page), *more])


def folder(kind: str, record: Record) -> str:
    model = site(kind)
    return model.folder(next(person for person in model.people if person.unique == record.number))


# ---------------------------------------------------------------- everybody gets their mark


@pytest.mark.parametrize("out", KINDS, indirect=True)
def test_everybody_gets_their_mark_comment_and_file(
    out: Path, graded: Graded, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = request.node.callspec.params["out"]
    due = graded[kind][1]
    with served(fake(kind)) as there:
        assert push(there, out, "--apply") == OK
    for one in there.people:
        where = folder(kind, one)
        if where not in due or not (one.submitted or kind == "team"):
            assert (one.grade, one.comment, one.files) == (None, "", {})
            continue
        assert one.grade == due[where]
        assert f": {one.grade:g} of 100 points" in shown(one.comment)
        assert one.files == {"feedback.html": (out / where / "feedback.html").read_bytes()}
    told = capsys.readouterr()
    assert f"{len(due)} of {len(due)} sent and read back" in told.err
    assert there.saved == len(due)  # a team at once
    assert TEACHER not in told.out + told.err + "".join(path.read_text() for path in (out / "push").iterdir())
    assert there.addresses
    assert not any("token" in address.lower() for address in there.addresses)


def test_a_dry_run_sends_nothing_and_shows_before_and_after(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(fake()) as there:
        there.people[0].grade, there.people[0].comment = 12.5, "<p>by <b>hand</b></p>"
        assert push(there, out, "--json") == OK
    told = json.loads(capsys.readouterr().out)
    ada = {change["what"]: change for change in told["changes"] if change["who"] == "Ada Lovelace"}
    assert (ada["grade"]["before"], ada["grade"]["after"]) == ("12.5", "100")
    assert ada["comment"]["before"] == "by hand"
    assert ada["file"]["after"] == "feedback.html"
    assert told["sent"] is False
    assert not {name for name, _ in there.calls} & {"mod_assign_save_grade", "upload"}
    assert not (out / "push").exists()


def test_a_second_run_sends_only_what_is_not_there(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(fake()) as there:
        assert push(there, out, "--apply") == OK
        assert push(there, out, "--apply") == OK
        assert there.saved == 8
        assert "8 of 8 were sent before, unchanged since: not sent again" in capsys.readouterr().err
        there.people[0].grade = 3.0
        assert push(there, out, "--apply") == OK
        assert (there.saved, there.people[0].grade) == (9, 100)


def test_stopped_in_the_middle_the_same_command_sends_the_rest(out: Path) -> None:
    with served(fake()) as there:
        command = [sys.executable, "-m", "grader.cli", "push", "moodle", str(out), "--url", there.url,
                   "--assignment", "7", "--apply"]  # fmt: skip
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        there.after_save = lambda saved: running.send_signal(signal.SIGINT) if saved == 3 else None
        _, told = running.communicate(timeout=60)
        assert running.returncode == INTERRUPTED
        assert "stopped; " in told
        before = there.saved
        assert 3 <= before < 8
        there.after_save = None
        assert push(there, out, "--apply") == OK
        assert there.saved <= 8 + 1  # the one that was under way may go a second time
        assert sum(one.grade is not None for one in there.people) == 8


# ---------------------------------------------------------------- who is who


def test_an_assistant_who_may_not_see_numbers_goes_by_names(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOODLE_TOKEN", ASSISTANT)
    with served(fake()) as there:
        assert push(there, out, "--apply", "--json") == OK
    told = json.loads(capsys.readouterr().out)
    smiths = [change["note"] for change in told["changes"] if change["who"] == "John Smith"]
    assert len(smiths) == 2
    assert all("several have this name" in note for note in smiths)
    assert [one.grade is None for one in there.people if one.name == "John Smith"] == [True, True]
    assert sum(one.grade is not None for one in there.people) == 6


def test_another_assignment_is_refused(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake()
    for one in there.people:
        one.number = one.number % 9 + 1  # the same numbers for others
    with served(there):
        assert push(there, out, "--apply") == USAGE
        assert "does not fit: " in capsys.readouterr().err
        assert main(["push", "moodle", str(out), "--url", there.url, "--assignment", "55"]) == USAGE
        assert "none of the 2 assignments in your courses" in capsys.readouterr().err
    assert there.saved == 0


@pytest.mark.parametrize("out", ["blind"], indirect=True)
def test_without_names_everybody_must_be_there(out: Path) -> None:
    there = fake("blind")
    there.people = there.people[1:]
    with served(there):
        assert push(there, out, "--apply") == USAGE
    assert there.saved == 0


def test_a_name_that_disagrees_is_left_out(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake()
    there.people[0].name = "Bob Builder"
    with served(there):
        assert push(there, out, "--apply", "--json") == OK
    notes = {change["who"]: change["note"] for change in json.loads(capsys.readouterr().out)["changes"]}
    assert notes["Ada Lovelace"] == "participant 7 is called Bob Builder there"
    assert there.people[0].grade is None


def test_a_name_that_two_have_there_is_nobodys_certainly() -> None:
    task = Task(1, 7, "HW1", 100.0, False, False, False, True, True)
    people = [Person(1, "John Smith"), Person(2, "John Smith"), Person(3, "Ada Lovelace")]
    folders = {"John Smith": "3", "Ada Lovelace": "7"}
    marks = [
        replace(mark("full"), id=name, address={"system": "moodle", "participant": n, "folder": f"{name}_{n}"})
        for name, n in folders.items()
    ]
    fit = matched(marks, people, task)
    assert fit.people == {"Ada Lovelace": (people[2],)}
    assert "several have this name" in fit.why["John Smith"]


def test_the_real_list_of_participants_is_read() -> None:
    """Of an assignment with names: the real site tells no numbers there, for which the mappings are asked."""
    told = json.loads((SHEETS / "ws-list_participants.json").read_text("utf-8"))

    class Recorded(Moodle):
        def call(self, function: str, **params: Any) -> Any:
            if function == "mod_assign_list_participants":
                return told
            assert function == "mod_assign_get_user_mappings"
            return {"assignments": [{"assignmentid": 1, "mappings": [{"id": 7, "userid": 5}]}], "warnings": []}

    task = Task(1, 7, "HW1", 100.0, False, False, False, True, True)
    people = people_of(Recorded("http://127.0.0.1", TEACHER), task)
    assert len(people) == 9
    assert people[0] == Person(5, "Ada Lovelace", "7")
    assert {person.number for person in people[1:]} == {""}


@pytest.mark.parametrize("out", ["team"], indirect=True)
def test_a_team_of_another_name_is_left_out(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake("team")
    for one in there.people:
        one.group = (1, "Jupiter") if one.group == (1, "Team_A") else one.group
    with served(there):
        assert push(there, out, "--apply", "--json") == OK
    notes = {change["who"]: change["note"] for change in json.loads(capsys.readouterr().out)["changes"]}
    assert notes["Team A"] == "group 1 is called Jupiter there"
    assert there.people[0].grade is None


# ---------------------------------------------------------------- what Moodle drops or replaces


def test_points_are_scaled_to_the_maximum_there(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake()
    there.maximum = 10.0
    with served(there):
        assert push(there, out, "--apply") == OK
    assert there.people[0].grade == 10
    assert "scaled from 100 to 10 points" in capsys.readouterr().err


@pytest.mark.parametrize(("maximum", "kind"), [(-3.0, "a scale of words"), (0.0, "nothing")])
def test_without_points_it_is_refused(
    out: Path, maximum: float, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = fake()
    there.maximum = maximum
    with served(there):
        assert push(there, out, "--apply") == USAGE
    assert f"is graded with {kind}" in capsys.readouterr().err


def test_what_is_not_taken_is_told_and_sent_again(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake()
    there.people[0].locked = True
    with served(there):
        assert push(there, out, "--apply") == MEND
        told = capsys.readouterr().err
        assert "Ada Lovelace: no grade there and not 100 (locked" in told
        assert "7 of 8 sent and read back, 1 not as they should be" in told
        there.people[0].locked = False
        assert push(there, out, "--apply") == OK
    assert (there.saved, there.people[0].grade) == (9, 100)


def test_a_maximum_that_is_lowered_meanwhile_shows_in_the_read_back(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = fake()
    there.after_save = lambda _saved: setattr(there, "maximum", 50.0)
    with served(there):
        assert push(there, out, "--apply") == MEND
    assert "no grade there and not 60" in capsys.readouterr().err
    assert not any(one.grade == -1 for one in there.people)


@pytest.mark.parametrize(
    ("drops", "why"), [("comment", "another comment there"), ("file", "no feedback.html there")]
)
def test_what_is_lost_on_the_way_is_seen(
    out: Path, drops: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = fake()
    there.drops = (drops,)
    with served(there):
        assert push(there, out, "--apply") == MEND
    assert f"Ada Lovelace: {why}" in capsys.readouterr().err


def test_any_answer_to_a_grade_but_null_is_none(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake()
    there.answer_to_save = {"warnings": [{"message": "odd"}]}
    with served(there):
        assert push(there, out, "--apply") == MEND
    assert "did not answer as it does to a saved grade" in capsys.readouterr().err


@pytest.mark.parametrize("grade", [-1.0, 100.5])
def test_no_grade_outside_the_scale_is_ever_sent(grade: float) -> None:
    there = fake()
    task = Task(1, 7, "HW1", 100.0, False, False, False, True, True)
    due = Due(mark("full"), (Person(100, "Ada Lovelace"),), grade, "<pre>well</pre>", b"", "")
    with served(there), pytest.raises(Refused, match="is no grade of 0 to 100"):
        _send(Moodle(there.url, TEACHER), task, due, False)
    assert there.calls == []


def test_what_is_not_final_is_not_sent(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(out / "journal.sqlite")) as journal, journal:
        journal.execute(
            "UPDATE graded SET row = json_set(row, '$.final', json('false')) WHERE id = 'Ada Lovelace_7'"
        )
    with served(fake()) as there:
        assert push(there, out, "--apply", "--json") == NOT_FINAL
    told = capsys.readouterr()
    notes = {change["who"]: change["note"] for change in json.loads(told.out)["changes"]}
    assert notes["Ada Lovelace"] == "not final"
    assert "not final, so not sent as a grade: Ada Lovelace_7" in told.err
    assert (there.people[0].grade, there.people[0].comment, there.people[0].files) == (None, "", {})


def test_files_of_somebody_else_stay(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake()
    there.people[0].grade, there.people[0].files = 50.0, {"annotated.pdf": b"by hand"}
    with served(there):
        assert push(there, out, "--apply", "--json") == OK
    assert (there.people[0].grade, there.people[0].files) == (100, {"annotated.pdf": b"by hand"})
    told = json.loads(capsys.readouterr().out)
    assert any("would be lost: ours is not sent" in change["note"] for change in told["changes"])


@pytest.mark.parametrize("out", ["workflow"], indirect=True)
def test_the_state_of_the_workflow_stays_and_unseen_files_too(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = fake("workflow")
    for one, state in zip(there.people, ("inmarking", "released", ""), strict=False):
        one.state = state
    there.people[0].grade, there.people[0].files = 50.0, {"annotated.pdf": b"by hand"}
    with served(there):
        assert push(there, out, "--apply", "--json") == OK
        told = json.loads(capsys.readouterr().out)
        assert [one.state for one in there.people[:3]] == ["inmarking", "released", ""]
        assert there.people[0].files == {"annotated.pdf": b"by hand"}
        assert any("cannot be seen before" in change["note"] for change in told["changes"])
        assert list(there.people[2].files) == ["feedback.html"]
        (out / folder("workflow", there.people[2]) / "feedback.html").write_text("new")
        assert push(there, out, "--apply") == OK
    assert there.people[2].files == {"feedback.html": b"new"}  # ours, so it may be replaced


@pytest.mark.parametrize("out", ["team"], indirect=True)
def test_a_team_in_two_states_is_left_to_people(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake("team")
    there.workflow = True
    there.people[0].state = "released"
    with served(there):
        assert push(there, out, "--apply", "--json") == OK
    told = json.loads(capsys.readouterr().out)
    assert [change["who"] for change in told["changes"] if "different states" in change["note"]] == ["Team A"]
    assert there.people[0].grade is None


def test_what_is_switched_off_is_not_sent(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = fake()
    there.plugins = ()
    with served(there):
        assert push(there, out, "--apply") == OK
    told = capsys.readouterr().err
    assert "feedback comments are switched off" in told
    assert "feedback files are switched off" in told
    assert not any(name == "upload" for name, _ in there.calls)


# ---------------------------------------------------------------- sites that do not answer


def test_a_busy_site_is_asked_again(out: Path) -> None:
    there = fake()
    there.failures = [(503, "busy"), (429, "slow down"), (502, "")]
    with served(there):
        assert push(there, out, "--apply") == OK
    assert there.saved == 8


@pytest.mark.parametrize(
    ("failures", "why"),
    [
        ([(503, "x")] * 4, "does not answer mod_assign_get_assignments: status 503"),
        ([(200, "<html>Log in</html>")], "does not answer as Moodle does"),
        ([(404, "x")], "status 404; is --url the address"),
        ([(302, "x")], "sends us on to https://127.0.0.1"),
        ([(200, '{"exception": "x", "errorcode": "odd", "message": "no: teachertoken"}')], r"no: \(token\)"),
        ([(200, '{"courses": [{}]}')], "form that is not known: KeyError"),
        ([(200, "[]")], "form that is not known"),
    ],
)
def test_what_is_no_moodle_is_told_without_a_traceback(
    out: Path, failures: list[tuple[int, str]], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = fake()
    there.failures = list(failures)
    with served(there):
        assert push(there, out, "--apply") == USAGE
    told = capsys.readouterr().err
    assert re.search(why, told), told
    assert TEACHER not in told
    assert there.saved == 0


def test_a_site_that_goes_away_leaves_a_log_of_what_was_sent(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = fake()
    there.after_save = lambda saved: there.failures.extend([(500, "down")] * 4) if saved == 3 else None
    with served(there):
        assert push(there, out, "--apply") == USAGE
        assert "stopped; 3 of 8 are sent: the same command sends the rest" in capsys.readouterr().err
        there.after_save = None
        assert push(there, out, "--apply") == OK
    assert there.saved == 8


def test_nobody_listens_or_nobody_answers(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(fake()) as there:
        pass
    assert push(there, out) == USAGE
    assert "refused" in capsys.readouterr().err
    monkeypatch.setattr(moodle_rest, "TIMEOUT_S", 0.2)
    there = fake()
    there.slow_s = 30.0
    with served(there):
        assert push(there, out) == USAGE
    assert "timed out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (STUDENT, "do not currently have permissions"),
        ("unknown", "the access token is not accepted"),
        ("", "needs an access token in the environment: MOODLE_TOKEN"),
        ("two words", "is no access token"),
    ],
)
def test_a_token_that_is_none(
    out: Path, given: str, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOODLE_TOKEN", given)
    with served(fake()) as there:
        assert push(there, out, "--apply") == USAGE
    told = capsys.readouterr().err
    assert why in told
    assert not given or given == "unknown" or given not in told
    assert there.saved == 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://moodle.example.edu", "unencrypted"),
        ("moodle.example.edu", "should look like"),
        ("https://me:secret@moodle.example.edu", "no name or password"),
        ("https://moodle.example.edu/?a=b", "should look like"),
    ],
)
def test_an_address_that_is_none(out: Path, url: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", "moodle", str(out), "--url", url, "--assignment", "7"]) == USAGE
    assert why in capsys.readouterr().err


def test_an_assignment_is_a_number(out: Path) -> None:
    assert main(["push", "moodle", str(out), "--url", "https://x.example", "--assignment", "HW1"]) == USAGE


def test_values_are_flattened_as_moodle_reads_them() -> None:
    given: dict[str, Any] = {"ids": [3, 4], "plugindata": {"editor": {"text": "a", "format": 1}}, "all": True}
    assert flat(given) == {
        **{"ids[0]": "3", "ids[1]": "4", "all": "1"},
        **{"plugindata[editor][text]": "a", "plugindata[editor][format]": "1"},
    }
