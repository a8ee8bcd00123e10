"""Autolab: what is printed, read by a model of Tango and the site. The model agrees with what the real one did."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from importers import autolab as importer
from lms_class import KINDS, mark
from packaged import NO_PYTHON, answers, environment, hand_in, unpacked
from replies import SAMPLES, differing, golden, unreadable, with_parts, without_anything

from grader.lms import autolab
from grader.lms.records import Mark

GOLDEN = golden("autolab")


def test_what_is_printed_is_what_was_printed() -> None:
    """After a change that is meant: python tests/renew_lms.py autolab"""
    assert differing("autolab", GOLDEN) == []


def saved(one: Mark) -> importer.Recorded:
    return importer.saved(importer.driven(autolab.reply(one).stdout))


def sample(name: str) -> importer.Recorded:
    return importer.saved((SAMPLES / "autolab" / f"{name}.txt").read_text("utf-8"), ("autograded", "Q1: KD loss"))


# ---------------------------------------------------------------- the model, by output that the real site read


def test_the_model_reads_what_the_site_read() -> None:
    good = sample("good")
    assert (good.scores, good.wrong) == ({"autograded": 72.5}, "")
    assert importer.page(good.feedback) == ["✓ KD loss", "! accuracy 71.2 below 75", "✓ t1"]
    assert importer.scoreboard(good.feedback) == [72.5, 0.712]


@pytest.mark.parametrize("name", ["colon", "trailing"])
def test_the_model_publishes_a_zero_where_the_site_did(name: str) -> None:
    broken = sample(name)
    assert broken.wrong
    assert broken.scores == {"autograded": 0.0, "Q1: KD loss": 0.0}


@pytest.mark.parametrize("line", ['{"scores": {}}', "{}", "[]", "null", '{"scores": {"autograded": NaN}}', ""])
def test_a_line_without_scores_is_a_zero_that_everybody_sees(line: str) -> None:
    recorded = importer.saved(f"feedback\n{line}\n")
    assert recorded.wrong
    assert recorded.scores == {"autograded": 0.0, "feedback": 0.0}


def test_a_problem_that_the_site_does_not_know_is_an_error_after_the_others_are_saved() -> None:
    recorded = importer.saved('{"scores": {"autograded": 7, "style": 1}}')
    assert "style" in recorded.wrong
    assert recorded.scores == {"autograded": 7, "feedback": 0.0}


def test_the_model_hides_what_the_page_hides() -> None:
    told = {"_presentation": "semantic", "stages": ["S"], "S": {"_a": {"passed": True}, "b": {"passed": True}}}
    assert importer.page(f"{json.dumps(told)}\n{{}}") == ["✓ b"]
    assert importer.page("plain\n{}") is None


def test_output_that_is_too_long_loses_its_middle() -> None:
    assert "elided" in importer.driven(b"x" * (importer.MOST_OUTPUT + 1))
    assert "elided" not in importer.driven(b"x" * importer.MOST_OUTPUT)


# ---------------------------------------------------------------- the adapter


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_line_is_the_same_after_what_is_done_to_it(kind: str) -> None:
    last = autolab.reply(mark(kind)).stdout.decode().rstrip().split("\n")[-1]
    assert importer.NAME_AND_COLON.sub(r'"\1":', last) == last
    assert set(importer.parsed(last)) <= set(importer.PROBLEMS)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_without_a_grade_no_score_is_recorded(lang: str) -> None:
    for one in (mark("not_final"), without_anything(), replace(mark("full"), earned=float("inf"))):
        recorded = saved(replace(one, about=replace(one.about, lang=lang)))
        assert (recorded.scores, recorded.wrong) == ({"feedback": 0}, "")
        assert autolab.no_grade(lang) in recorded.feedback
    assert autolab.no_grade("ko") != autolab.no_grade("en")


def test_a_hand_in_that_cannot_be_read_is_a_zero_with_the_reason() -> None:
    recorded = saved(unreadable())
    assert recorded.scores == {"autograded": 0, "feedback": 0}
    assert unreadable().remarks[0] in recorded.feedback


def test_every_criterion_is_in_the_table() -> None:
    one = mark("partial")
    names = ("_hidden", "__", "Q: same", "Q: same", "Q: same (2)", "Q: same")
    parts = tuple(replace(one.parts[0], title=name, id=f"p{n}") for n, name in enumerate(names))
    rows = importer.page(saved(replace(one, parts=parts)).feedback)
    assert rows is not None
    told = [row.partition(": 12.5 / 40")[0] for row in rows]
    assert len(set(told)) == len(names) == len(rows)
    assert all("It looks like this: no T squared." in row for row in rows)


def test_a_hint_is_shown_only_where_something_is_to_mend() -> None:
    assert importer.page(saved(mark("full")).feedback) == [
        "✓ Q: knowledge_distillation",
        "✓ Q: attention_transfer",
    ]
    rows = importer.page(saved(mark("not_final")).feedback)
    assert rows is not None
    assert "no grade yet" in rows[1]


def test_output_that_would_lose_its_middle_is_cut_and_says_so() -> None:
    printed = autolab.reply(with_parts(60, "값이 다릅니다 " * 9_000, 0.5)).stdout
    assert 100_000 < len(printed) <= autolab.LIMIT < importer.MOST_OUTPUT
    recorded = importer.saved(importer.driven(printed))
    assert (recorded.scores["autograded"], recorded.wrong) == (30, "")
    assert "cut here" in recorded.feedback
    rows = importer.page(recorded.feedback)
    assert rows is not None
    assert len(rows) == 60


# ---------------------------------------------------------------- the package, as Autolab lays it out


def job(folder: Path, kind: str, python: str = "") -> importer.Recorded:
    """Hand-in, Makefile and autograde.tar in one folder, as Tango has them; and what `make` prints there."""
    made = unpacked("autolab", folder / "made")
    with tarfile.open(made / "small.tar") as assessment:
        assessment.extractall(folder / "course", filter="data")
    lab, work = folder / "course" / "small", folder / "autolab"
    hand_in(work, kind)
    (work / "Makefile").write_bytes((lab / "autograde-Makefile").read_bytes())
    (work / "autograde.tar").write_bytes((lab / "autograde.tar").read_bytes())
    env = dict(environment(python) if python else environment())
    ended = subprocess.run(
        ["make"], cwd=work, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300
    )
    return importer.saved(importer.driven(ended.stdout))


@pytest.mark.parametrize(("kind", "points"), [("right", 100), ("sum", 60), ("truncated", 0), ("kills", 60)])
def test_make_prints_what_autolab_reads(kind: str, points: float, tmp_path: Path) -> None:
    recorded = job(tmp_path, kind)
    assert (recorded.wrong, recorded.scores) == ("", {"autograded": points, "feedback": 0})
    rows = importer.page(recorded.feedback)
    assert rows is not None
    assert len(rows) == 2


def test_a_machine_that_cannot_start_the_grader_publishes_no_zero(tmp_path: Path) -> None:
    recorded = job(tmp_path, "right", NO_PYTHON)
    assert (recorded.wrong, recorded.scores) == ("", {"feedback": 0})
    assert "could not start" in recorded.feedback


def test_a_tar_that_is_damaged_publishes_no_zero_by_make_itself(tmp_path: Path) -> None:
    made = unpacked("autolab", tmp_path / "made")
    with tarfile.open(made / "small.tar") as assessment:
        assessment.extractall(tmp_path, filter="data")
    text = (tmp_path / "small" / "autograde-Makefile").read_text()
    assert text.rstrip().endswith("|| true")  # make would print "*** Error" after the result


def test_the_tar_can_be_imported(tmp_path: Path) -> None:
    made = unpacked("autolab", tmp_path)
    with tarfile.open(made / "small.tar") as assessment:
        names = assessment.getnames()
        inner = assessment.extractfile("small/autograde.tar")
        assert inner is not None
        packed = inner.read()
        assert {name.split("/")[0] for name in names} == {"small"}
        assert "small/small.yml" in names  # named after the folder
        told = yaml.safe_load(assessment.extractfile("small/small.yml") or "")
    assert [problem["name"] for problem in told["problems"]] == [*importer.PROBLEMS]
    assert [problem["max_score"] for problem in told["problems"]] == [100.0, 0.0]
    assert told["general"]["handin_filename"] == "small.ipynb"
    assert answers(made / "image") == []
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        assert files.getmember("grader/run_one.sh").mode == 0o755


def test_the_same_package_twice_is_the_same_bytes(tmp_path: Path) -> None:
    first, second = (unpacked("autolab", tmp_path / name) / "small.tar" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
