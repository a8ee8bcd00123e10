"""`grader diff`: whose grade moved, why, and that reading disturbs nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grader.commands import diff
from grader.journal import Journal
from grader.reports.difference import Cause, Difference, compare, to_dict, to_text
from grader.types import FriendlyError


def criterion(name: str, earned: float | None, points: float = 20, verdict: str = "passed") -> dict[str, Any]:
    return {"id": name, "title": name, "kind": "exercise", "exercise": name, "points": points, "earned": earned,
            "verdict": verdict}  # fmt: skip


def row(name: str, *criteria: dict[str, Any], **more: Any) -> dict[str, Any]:
    plain = {
        "id": name, "name": "", "sha256": "a", "final": True, "criteria": list(criteria), "mistakes": [],
        "earned": sum(c["earned"] or 0 for c in criteria), "possible": sum(c["points"] for c in criteria),
    }  # fmt: skip
    return plain | more


def difference(old: dict[str, Any] | None, new: dict[str, Any] | None, **told: Any) -> Difference:
    before, after = ({one["id"]: one} if one else {} for one in (old, new))
    return compare(before, after, {}, told)


KIM = row("kim", criterion("kd", 20), criterion("at", 0, verdict="failed"))


def causes(old: dict[str, Any] | None, new: dict[str, Any] | None) -> list[Cause]:
    (move,) = difference(old, new).moves
    return list(move.causes)


def test_the_same_grades_are_no_difference() -> None:
    found = difference(KIM, dict(KIM))
    assert (found.moves, found.same, found.reworded, found.causes) == ((), 1, 0, [])


def test_other_points_in_the_rubric_are_a_cause() -> None:
    new = row("kim", criterion("kd", 25, points=25), criterion("at", 0, verdict="failed"))
    (move,) = difference(KIM, new).moves
    assert (move.old, move.new, move.size) == (20, 25, 5)
    assert move.causes == (Cause("points", "kd", 20, 25),)


def test_criteria_come_and_go() -> None:
    old, new = row("kim", criterion("kd", 20)), row("kim", criterion("at", 20))
    assert causes(old, new) == [Cause("removed", "kd", 20), Cause("added", "at", None, 20)]


def test_another_verdict_of_the_same_file_is_a_cause() -> None:
    new = row("kim", criterion("kd", 20), criterion("at", 20), mistakes=["x"])
    assert causes(KIM, new) == [Cause("verdict", "at", "failed", "passed")]
    assert causes(KIM, row("kim", criterion("kd", 10), criterion("at", 0, verdict="failed"))) == [
        Cause("earned", "kd", 20, 10)
    ]


def test_verdicts_of_another_file_are_no_cause_but_are_told() -> None:
    new = row("kim", criterion("kd", 20), criterion("at", 20), sha256="b")
    (move,) = difference(KIM, new).moves
    assert move.causes == (Cause("content"),)
    assert Cause("verdict", "at", "failed", "passed") in move.changes


def test_what_is_not_final_has_no_size() -> None:
    lost = row("kim", criterion("kd", None, verdict="internal"), criterion("at", None, verdict="internal"),
               final=False, earned=None)  # fmt: skip
    (move,) = difference(KIM, lost).moves
    assert (move.old, move.new, move.size, move.causes) == (20, None, None, (Cause("not_final"),))
    assert causes(lost, KIM) == [Cause("now_final")]


def test_who_is_in_one_class_only_is_told() -> None:
    assert causes(KIM, None) == [Cause("only_before")]
    assert causes(None, KIM) == [Cause("only_after")]


def test_another_verdict_for_the_same_points_moves_nobody() -> None:
    found = difference(KIM, row("kim", criterion("kd", 20), criterion("at", 0, verdict="timeout")))
    assert (found.moves, found.same, found.reworded) == ((), 1, 1)
    found = difference(KIM, {**KIM, "mistakes": ["kd_no_t2"]})
    assert (found.moves, found.reworded) == ((), 1)


def test_points_that_move_between_criteria_are_told_at_the_same_total() -> None:
    found = difference(KIM, row("kim", criterion("kd", 0, verdict="failed"), criterion("at", 20)))
    assert [move.size for move in found.moves] == [0]


def test_the_largest_move_comes_first_and_causes_are_counted() -> None:
    before = {n: row(n, criterion("kd", 20), criterion("at", 5)) for n in "abcd"}
    after = {n: row(n, criterion("kd", 25, points=25), criterion("at", 5)) for n in "abc"}
    after["c"] = row("c", criterion("kd", 25, points=25), criterion("at", 15))
    found = compare(before, after, {}, {})
    assert [move.id for move in found.moves] == ["c", "a", "b", "d"]
    assert found.causes[0] == (Cause("points", "kd", 20, 25), 3)
    text = to_text(found, "en").splitlines()
    assert text[0] == "rubric: kd 20 -> 25 points: 3 submissions"
    assert any(line.startswith("4 grades moved, 0 stayed") for line in text)
    assert any(line.startswith("  c") and "25 ->     40" in line and "+15" in line for line in text)


def test_settings_and_versions_that_differ_come_first() -> None:
    one = {"slug": "x", "pid": 4, "settings": {"train": True, "lang": "ko"}, "versions": {"grader": "1.0"}}
    two = {"slug": "x", "pid": 9, "settings": {"train": False, "lang": "ko"}, "versions": {"grader": "1.1"}}
    found = compare({}, {}, one, two)
    assert found.settings == (("train", "True", "False"), ("grader", "1.0", "1.1"))
    assert to_text(found, "en").splitlines()[:2] == ["setting: train True -> False", "setting: grader 1.0 -> 1.1"]


def test_names_of_learners_cannot_write_to_the_terminal() -> None:
    found = difference(row("\x1b[2Jkim\n  lee", criterion("kd", 1)), None)
    assert "\x1b" not in to_text(found, "en")
    assert len(to_text(found, "en").splitlines()) == 4


def test_as_plain_values() -> None:
    new = row("kim", criterion("kd", 25, points=25), criterion("at", 0, verdict="failed")) | {"name": "김"}
    told = json.loads(json.dumps(to_dict(difference(KIM, new))))
    assert told["moved"][0]["size"] == 5
    assert told["moved"][0]["name"] == "김"
    assert told["causes"] == [{"kind": "points", "subject": "kd", "old": 20, "new": 25, "submissions": 1}]


# ---------------------------------------------------------------- the command


def class_of(folder: Path, *rows: dict[str, Any], slug: str = "demo") -> Path:
    with Journal(folder / "journal.sqlite") as journal:
        journal.tell(slug=slug)
        for one in rows:
            journal.record(one["id"], "k", one["final"], one)
    return folder


def test_the_exit_code_says_whether_a_grade_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = class_of(tmp_path / "one", KIM)
    two = class_of(tmp_path / "two", row("kim", criterion("kd", 20), criterion("at", 20)))
    assert diff.run(one, one, as_json=False, lang="en") == 0
    assert "0 grades moved, 1 stayed" in capsys.readouterr().out
    assert diff.run(one, two, as_json=False, lang="en") == 1
    assert "at: failed -> passed: 1 submissions" in capsys.readouterr().out
    assert diff.run(one, two, as_json=True, lang="en") == 1
    assert json.loads(capsys.readouterr().out)["moved"][0]["id"] == "kim"


def test_reading_leaves_the_folders_as_they_were(tmp_path: Path) -> None:
    one, two = class_of(tmp_path / "one", KIM), class_of(tmp_path / "two", KIM)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert diff.run(one, two, as_json=False, lang="en") == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_two_assignments_are_not_compared(tmp_path: Path) -> None:
    one, two = class_of(tmp_path / "one", KIM), class_of(tmp_path / "two", KIM, slug="other")
    with pytest.raises(FriendlyError, match="two of other: name two folders of one assignment"):
        diff.run(one, two, as_json=False, lang="en")


def test_what_is_no_output_folder_is_said_so_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "journal.sqlite").write_bytes(b"no database at all" * 100)
    one = class_of(tmp_path / "one", KIM)
    for name, why in (("empty", "has no journal.sqlite"), ("none", "is no folder"), ("broken", "not a database")):
        with pytest.raises(FriendlyError, match=why):
            diff.run(one, tmp_path / name, as_json=False, lang="en")
    assert list((tmp_path / "empty").iterdir()) == []
    assert not (tmp_path / "none").exists()
    assert len(list((tmp_path / "broken").iterdir())) == 1
