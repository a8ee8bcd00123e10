"""The main path on real files: every sample submission, through the library and through the command."""

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import small_class
import yaml
from judgements import demand

from grader.intake import one, read
from grader.pipeline import Context, grade
from grader.result import to_dict
from grader.types import Graded

SAMPLES = Path(__file__).parent / "submissions" / "distillation_tf"
NAMES = sorted(p.name for p in SAMPLES.iterdir()) if SAMPLES.exists() else []
GRADE = [sys.executable, "-m", "grader.cli", "grade"]
# Numeric checks only: what a training earns is no matter of these tests.
REST = ["-a", "distillation_tf", "--dev-secret", "--no-train"]
SMALL = ["-a", small_class.SLUG, "--dev-secret", "--no-train"]
LOOPS = "infinite_loop"  # has other limits in `class_` than in `out`: what ends it may be another one


def sample(name: str) -> Path:
    return next(p for p in sorted((SAMPLES / name).iterdir()) if p.suffix in (".ipynb", ".py"))


def judged(name: str, context: Context) -> Graded:
    limits = replace(context.assignment.limits, cpu_s=4)  # the sample that loops need not take long
    quick = replace(context, assignment=replace(context.assignment, limits=limits))
    return grade(read(one(sample(name))), quick)


@pytest.fixture(scope="module")
def class_(context: Context) -> dict[str, Graded]:
    """Every sample, graded once."""
    return judged_all(NAMES, context)


def judged_all(names: list[str], context: Context) -> dict[str, Graded]:
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(lambda name: judged(name, context), names), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_gets_the_judgement_it_must_get(name: str, class_: dict[str, Graded]) -> None:
    demand(SAMPLES / name, class_[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_sample_gives_a_result_of_the_written_form(
    name: str, lang: str, class_: dict[str, Graded], context: Context, root: Path
) -> None:
    result = to_dict(class_[name], context.expectations, lang, context.environment)
    jsonschema.validate(result, json.loads((root / "grader" / "result.schema.json").read_text("utf-8")))
    told = {"en": "expected  ", "ko": "기대한 값  "}[lang]
    assert not any(told in check["message"] for check in result["checks"] if not check["public"])


def test_a_wrong_value_is_shown_for_public_cases(class_: dict[str, Graded], context: Context) -> None:
    result = to_dict(class_["at_no_abs"], context.expectations, "en", context.environment)
    assert any("expected  " in check["message"] for check in result["checks"] if check["public"])


def test_wrong_numbers_do_not_change_from_run_to_run(class_: dict[str, Graded], context: Context) -> None:
    """To the bit, as nothing of them is rounded here."""

    def told(graded: Graded) -> list[object]:
        return [(c.case, c.check, c.verdict, c.mismatch) for r in graded.results for c in r.checks]

    wrong = [name for name in NAMES if any(c.mismatch for r in class_[name].results for c in r.checks)]
    assert len(wrong) > 5
    again = judged_all(wrong, context)
    assert {name: told(again[name]) for name in wrong} == {name: told(class_[name]) for name in wrong}


def test_grades_and_what_is_told_do_not_change_from_run_to_run(
    class_: dict[str, Graded], context: Context, out: Path
) -> None:
    """Two runs of the whole class, in two sandboxes: one through the library, one by the command."""

    def told(result: dict[str, Any]) -> list[object]:
        return [result[key] for key in ("final", "earned", "possible", "criteria", "checks", "remarks")]

    assert LOOPS in NAMES
    for name in NAMES:
        told_here = json.loads(json.dumps(to_dict(class_[name], context.expectations, "en")))
        written = json.loads((out / name / "result.json").read_text("utf-8"))
        assert told_here["earned"] == written["earned"]
        assert told(told_here) == told(written) or name == LOOPS, name


def test_an_exception_of_ours_is_not_final_and_no_number(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("grader.pipeline.judge", broken)
    result = judged("right_broadcast", context)
    assert result.grade.final is False
    assert "ZeroDivisionError" in result.internal
    assert to_dict(result, context.expectations, "en")["earned"] is None


def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GRADE, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **env},
        check=False,
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole sample class graded once by the command."""
    folder = tmp_path_factory.mktemp("out")
    done = run(SAMPLES, "-o", folder, "--lang", "en", *REST)
    assert done.returncode == 0, done.stderr
    assert "development secret" in done.stderr
    assert all(name in done.stdout for name in NAMES)
    return folder


def rows(out: Path) -> dict[str, dict[str, str]]:
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_the_command_writes_a_row_and_two_files_for_everybody(out: Path) -> None:
    table = rows(out)
    assert sorted(table) == NAMES
    for name in NAMES:
        expected = yaml.safe_load((SAMPLES / name / "expected.yaml").read_text("utf-8"))
        assert float(table[name]["earned"]) == expected["earned"]
        result = json.loads((out / name / "result.json").read_text("utf-8"))
        assert result["earned"] == expected["earned"]
        assert (out / name / "feedback.md").read_text("utf-8").startswith("# ")


def test_the_same_command_grades_only_what_changed(out: Path, tmp_path: Path) -> None:
    again = run(SAMPLES, "-o", out, "--lang", "en", *REST)
    assert again.returncode == 0
    assert f"{len(NAMES)} of {len(NAMES)} already graded" in again.stderr
    with sqlite3.connect(out / "journal.sqlite") as journal:
        assert journal.execute("SELECT DISTINCT times FROM graded").fetchall() == [(1,)]


# ---------------------------------------------------------------- the command, on a class that costs little


@pytest.fixture
def small(small_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find the small assignment: what they do here, no framework changes."""
    monkeypatch.setenv("GRADER_ROOT", str(small_root))


def handed_in(path: Path, kind: str = "right") -> Path:
    path.write_bytes(small_class.notebook(kind, path.stem))
    return path


def test_again_grades_anew(tmp_path: Path, small: None) -> None:
    kim, out = handed_in(tmp_path / "kim.ipynb"), tmp_path / "out"
    assert run(kim, "-o", out, *SMALL).returncode == 0
    assert run(kim, "-o", out, "--again", *SMALL).returncode == 0
    with sqlite3.connect(out / "journal.sqlite") as journal:
        assert journal.execute("SELECT times FROM graded").fetchall() == [(2,)]


def test_json_is_json_and_korean_is_korean(tmp_path: Path, small: None) -> None:
    kim = handed_in(tmp_path / "kim.ipynb")
    done = run(kim, "-o", tmp_path / "out", "--json", "--lang", "ko", *SMALL)
    summary = json.loads(done.stdout)
    assert summary["not_final"] == []
    (submission,) = summary["submissions"]
    feedback = (tmp_path / "out" / submission["id"] / "feedback.md").read_text("utf-8")
    assert any("가" <= c <= "힣" for c in feedback)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["absent.ipynb", "-a", "distillation_tf", "--dev-secret"], "no such file"),
        ([SAMPLES, "-a", "nonsense", "--dev-secret"], "no such assignment"),
        ([SAMPLES, "-a", "distillation_tf"], "grader init"),
    ],
)
def test_what_cannot_be_graded_is_a_usage_error_in_one_line(
    args: list[object], told: str, tmp_path: Path, root: Path
) -> None:
    copy = tmp_path / "root"
    copy.mkdir()
    for name in ("assignments", "reference", "rubric.yaml"):
        (copy / name).symlink_to(root / name)
    done = run(*args, "-o", tmp_path / "out", GRADER_ROOT=str(copy), GRADER_SECRET="")
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


LIMITS = "limits: {wall_s: 2, cpu_s: 2}"  # of the small assignment
SIZE = 100  # submissions: enough that a kill at the fifth is never too late


def recorded(out: Path) -> dict[str, int]:
    """How often each submission was graded, while another process writes."""
    try:
        with sqlite3.connect(f"file:{out / 'journal.sqlite'}?mode=ro", uri=True) as journal:
            return dict(journal.execute("SELECT id, times FROM graded"))
    except sqlite3.OperationalError:
        return {}


def test_kill_9_in_the_middle_loses_nothing_and_grades_nobody_twice(tmp_path: Path, small: None) -> None:
    submissions = tmp_path / "class"
    submissions.mkdir()
    for number in range(SIZE):
        handed_in(submissions / f"learner{number:03}.ipynb")
    out = tmp_path / "out"
    command = [*GRADE, str(submissions), "-o", str(out), *SMALL]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    deadline = time.monotonic() + 120
    while len(recorded(out)) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)  # polling another process, not hiding a race: the count decides
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = recorded(out)
    assert 5 <= len(before) < SIZE
    after = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert after.returncode == 0, after.stderr
    assert f"{len(before)} of {SIZE} already graded" in after.stderr
    assert recorded(out) == {f"learner{n:03}": 1 for n in range(SIZE)}
    assert len(rows(out)) == SIZE


def test_ctrl_c_keeps_what_is_graded_and_stops_at_once(
    tmp_path: Path, small_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = shutil.copytree(small_root, tmp_path / "root")
    spec = patient / "assignments" / small_class.SLUG / "spec.yaml"
    text = spec.read_text("utf-8")
    assert LIMITS in text
    spec.write_text(text.replace(LIMITS, "limits: {wall_s: 60, cpu_s: 60}"), "utf-8")
    monkeypatch.setenv("GRADER_ROOT", str(patient))
    submissions = tmp_path / "class"
    submissions.mkdir()
    for number in range(SIZE):
        handed_in(submissions / f"learner{number:03}.ipynb")
    handed_in(submissions / "a_loop.ipynb", "hangs")
    out = tmp_path / "out"
    # A shell starts what runs in the background deaf to Ctrl-C, and children inherit it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [*GRADE, str(submissions), "-o", str(out), *SMALL, "-j", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    while len(recorded(out)) < 3 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "a_loop" not in recorded(out)  # the first to start; its limit was not waited for
    assert "the same command goes on from here" in told
    assert "Traceback" not in told
    assert len(rows(out)) == len(recorded(out)) >= 3


def test_a_file_that_we_may_not_read_is_not_final(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> int:
        raise OSError(5, "Input/output error")

    entry = one(sample("right_broadcast"))
    monkeypatch.setattr("grader.notebook.os.open", failing)
    result = grade(read(entry), context)
    assert result.grade.final is False
    assert "Input/output error" in result.internal


def test_whatever_the_reader_raises_does_not_end_the_class(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RecursionError("ours")

    monkeypatch.setattr("grader.pipeline.read_exercises", broken)
    assert judged("right_broadcast", context).grade.final is False


def test_a_file_name_that_is_no_utf8_is_graded_like_any_other(tmp_path: Path, small: None) -> None:
    path = os.fsencode(tmp_path / "lee") + b"\xff.ipynb"
    Path(os.fsdecode(path)).write_bytes(small_class.notebook("right"))
    done = run(tmp_path, "-o", tmp_path / "out", *SMALL)
    assert done.returncode == 0, done.stderr
    (row,) = rows(tmp_path / "out").values()
    assert row["id"].startswith("lee")
    assert float(row["earned"]) == 100


def test_grades_csv_holds_this_run_and_no_older_grades(tmp_path: Path, small: None) -> None:
    kim, lee = handed_in(tmp_path / "kim.ipynb"), handed_in(tmp_path / "lee.ipynb", "right_loop")
    out = tmp_path / "out"
    assert run(kim, lee, "-o", out, *SMALL).returncode == 0
    assert sorted(rows(out)) == ["kim", "lee"]
    assert run(lee, "-o", out, *SMALL).returncode == 0
    assert sorted(rows(out)) == ["lee"]


def test_a_damaged_journal_is_named_with_its_mend(tmp_path: Path, small: None) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all" * 100)
    done = run(handed_in(tmp_path / "kim.ipynb"), "-o", tmp_path, *SMALL)
    assert done.returncode == 2
    assert "journal.sqlite" in done.stderr
    assert "Traceback" not in done.stderr
