"""Artemis: test reports, against the rules of its parser and of its grading."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from importers.artemis import grade, read, solved, taken
from lms_class import KINDS, a_class
from packaged import NO_PYTHON, SECRET, answers, environment, hand_in, started, unpacked
from stub_python import stub

from grader.lms import artemis
from grader.lms.marks import share
from grader.lms.records import Mark, Part, Refused

HERE = Path(__file__).parent
GOLDEN = {
    "partial.xml": lambda: artemis.reply(KINDS["partial"]).files["results.xml"],
    "korean.xml": lambda: artemis.reply(of("ko", KINDS["korean"])).files["results.xml"],
}  # renew: python tests/renew_lms.py artemis


def of(lang: str, mark: Mark) -> Mark:
    return replace(mark, about=replace(mark.about, lang=lang))


def report(mark: Mark) -> str:
    return artemis.reply(mark).files["results.xml"].decode()


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_are_these(name: str) -> None:
    assert GOLDEN[name]() == (HERE / "golden" / "lms" / "artemis" / name).read_bytes()


# ---------------------------------------------------------------- the model, on reports that the real parser read


def test_the_model_reads_one_suite_as_artemis_does() -> None:
    found = read((HERE / "samples_lms" / "artemis" / "a.xml").read_text("utf-8"))
    assert found == [  # "gpu" was skipped; the text of "accuracy" is not read, as there is a message
        ("KD loss", None),
        ("accuracy", "71.2% < 75%"),
        ("no message attr", "body is read only when message is absent"),
    ]


def test_the_model_reads_several_suites_as_artemis_does() -> None:
    assert read((HERE / "samples_lms" / "artemis" / "b.xml").read_text("utf-8")) == [
        ("public.t1", None), ("hidden.t1", "x"),
    ]  # fmt: skip


def test_the_model_knows_what_garbles_a_grade() -> None:
    good = b'<testsuite><testcase name="a"/><testcase name="b"/></testsuite>'
    assert grade(good, good.replace(b'<testcase name="b"/>', b"")).share == 0.5  # not executed: not earned
    with pytest.raises(AssertionError, match="duplicate"):
        grade(good, good.replace(b'"b"', b'"a"'))
    with pytest.raises(AssertionError, match="new test case"):
        grade(good, good.replace(b'"b"', b'"c"'))
    with pytest.raises(AssertionError, match="cut without a word"):
        read(f'<testsuite><testcase name="a"><failure message="{"x" * 20_001}"/></testcase></testsuite>')


# ---------------------------------------------------------------- the report


@pytest.mark.parametrize("kind", KINDS)
def test_never_more_than_was_earned(kind: str) -> None:
    due, got = share(KINDS[kind]), taken(a_class(kind))[KINDS[kind].id].share
    assert (got is None) == (due is None)
    assert due is None or (got is not None and got <= due + 1e-9)


def test_partial_points_arrive_to_a_step() -> None:
    assert [taken(a_class(kind))[KINDS[kind].id].share for kind in ("full", "partial", "third", "zero")] == [
        1.0, 0.725, 0.325, 0.0,  # 13.33 of 40 points: 12.5
    ]  # fmt: skip


def test_the_names_are_the_same_for_everybody_and_bare() -> None:
    named = {tuple(name for name, _ in read(report(mark))) for mark in KINDS.values() if mark.final}
    (names,) = named
    assert names[0] == "knowledge_distillation_1"
    assert len(names) == len(set(names)) == 40


def test_what_is_not_final_has_no_report() -> None:
    told = artemis.reply(KINDS["not_final"])
    assert (told.files, told.stdout, told.exit_code) == ({}, b"", 3)


@pytest.mark.parametrize(
    ("points", "step"),
    [((40, 60), "2.5"), ((15, 5, 20, 5, 15, 20, 5, 0, 5, 5, 5), "2.5"), ((7, 5, 8), "0.5"), ((33, 67), "1"),
     ((12.5, 87.5), "1.5625"), ((1,), "0.015625"), ((0.5, 1.5), "0.03125")],
)  # fmt: skip
def test_the_step_divides_all_points(points: tuple[float, ...], step: str) -> None:
    found = artemis.step_of(points)
    assert found == Fraction(step)
    assert all((Fraction(str(one)) / found).denominator == 1 for one in points)
    assert 32 < sum(Fraction(str(one)) for one in points) / found <= 200


@pytest.mark.parametrize("points", [(15.0, 5.0, 80.0), (10.0, 90.0), (100.0,)])
def test_half_the_points_of_a_criterion_arrive_exactly(points: tuple[float, ...]) -> None:
    """What policies give is mostly a half."""
    parts = tuple(Part(f"c{at}", "c", one, one / 2, "failed") for at, one in enumerate(points))
    mark = replace(KINDS["full"], parts=parts, earned=50.0)
    assert grade(artemis.reply(solved(mark)).files["results.xml"], report(mark).encode()).share == 0.5


def test_points_without_a_common_step_are_refused() -> None:
    with pytest.raises(Refused, match=r"33\.33, 66\.67 points have no common step"):
        artemis.step_of((33.33, 66.67))
    with pytest.raises(Refused, match="no criterion has points"):
        artemis.step_of((0.0,))


def test_a_sum_of_binary_fractions_loses_no_step() -> None:
    mark = KINDS["full"]
    parts = (replace(mark.parts[0], earned=40 - 1e-12), mark.parts[1])
    assert "failure message" not in report(replace(mark, parts=parts))


def test_the_first_failure_says_everything_and_the_others_what_they_stand_for() -> None:
    mark = KINDS["partial"]
    free = replace(
        mark.parts[0], id="robustness", title="Robustness", points=0.0, earned=0.0, because="It crashed."
    )
    mark = replace(mark, parts=(*mark.parts, free), remarks=("Several notebooks were handed in.",))
    told = [message for _, message in read(report(mark)) if message]
    assert len(told) == 16 - 5
    assert told[0].startswith("Q: knowledge_distillation: 12.5 / 40. It looks like this: no T squared.")
    assert told[0].endswith("Robustness: 0 / 0. It crashed.\n\nSeveral notebooks were handed in.")
    assert told[1] == "Q: knowledge_distillation: this test needs 17.5 of 40 points"


def test_korean_learners_read_korean() -> None:
    told = [message for _, message in read(report(of("ko", KINDS["korean"]))) if message]
    assert told[1] == "Q: knowledge_distillation: 이 테스트는 40점 중 35점 이상일 때 통과합니다"


def test_a_long_message_is_cut_and_says_so_and_points_nowhere() -> None:
    told = next(message for _, message in read(report(KINDS["long"])) if message)
    assert told.endswith("cut here: this system takes 20000 characters")
    smile = replace(KINDS["full"].parts[0], earned=0.0, details=("😀" * 30_000,))
    read(report(replace(KINDS["full"], parts=(smile, KINDS["full"].parts[1]))))  # counted as Java counts


def test_characters_that_xml_has_not_are_left_out() -> None:
    bad = replace(KINDS["zero"].parts[0], because="a\x00\x1b\ufffe\ud800b")
    text = report(replace(KINDS["zero"], parts=(bad, KINDS["zero"].parts[1])))
    assert "0 / 40. ab" in text
    ET.fromstring(text.encode())


# ---------------------------------------------------------------- the package, as a build agent lays it out


def built(
    folder: Path, kind: str, *, seconds: str = "100", python: str = "", before: Callable[[Path], object] = bool
) -> bytes | None:
    """A build: the tests repository, the learner's one in assignment/, the build script. The report, if any."""
    course, testing = unpacked("artemis", folder / "course"), folder / "testing-dir"
    (course / "tests").rename(testing)
    hand_in(testing / "assignment", kind)
    hand_in(testing / "assignment" / ".git", "blank", "old.ipynb")  # what git keeps is no submission
    before(testing)
    told = dict(environment(python) if python else environment(), TESTING_DIR=str(testing))
    ended = started(["bash", str(course / "build_script.sh")], Path("/"), told | {"GRADER_SECONDS": seconds})
    found = sorted(testing.glob("test-reports/*results.xml"))
    assert (ended.returncode == 0) == bool(found), ended.stderr.decode()
    return found[0].read_bytes() if found else None


@pytest.fixture(scope="module")
def solution(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    report = built(tmp_path_factory.mktemp("solution"), "right")
    assert report is not None
    return report


@pytest.mark.parametrize(("kind", "due"), [("right", 1.0), ("sum", 0.6), ("truncated", 0.0), ("exits", 0.6)])
def test_a_build_grades_a_repository(kind: str, due: float, solution: bytes, tmp_path: Path) -> None:
    report = built(tmp_path, kind)
    assert report is not None
    assert grade(solution, report).share == due


def test_line_ends_do_not_matter(tmp_path: Path) -> None:
    """Git may put carriage returns into texts, and some build agents take them out of every file."""

    def ends(testing: Path) -> None:
        archive = testing / "grader.zip.b64"
        archive.write_bytes(archive.read_bytes().replace(b"\n", b"\r\n"))

    assert built(tmp_path, "right", before=ends) is not None


@pytest.mark.parametrize("more", [{"seconds": "0.1"}, {"python": NO_PYTHON}])
def test_a_build_that_does_not_come_to_an_end_has_no_report(more: dict[str, str], tmp_path: Path) -> None:
    assert built(tmp_path, "right", **more) is None


@pytest.mark.parametrize(("status", "name"), [(3, "results.xml"), (0, "")])
def test_an_earlier_reply_or_none_is_no_report(status: int, name: str, tmp_path: Path) -> None:
    python = stub(tmp_path / "stub", status, name, "<testsuite/>")
    assert built(tmp_path, "right", python=str(python)) is None


def test_a_report_that_was_there_before_is_not_collected(tmp_path: Path) -> None:
    old = tmp_path / "testing-dir" / "test-reports" / "results.xml"

    def forge(testing: Path) -> None:
        old.parent.mkdir()
        old.write_text("<testsuite/>", "utf-8")

    assert built(tmp_path, "right", python=NO_PYTHON, before=forge) is None
    assert not old.exists()


def test_the_answers_are_in_the_tests_repository_only(tmp_path: Path) -> None:
    course = unpacked("artemis", tmp_path)
    assert answers(course) == []
    with zipfile.ZipFile(
        io.BytesIO(base64.b64decode((course / "tests" / "grader.zip.b64").read_bytes()))
    ) as inner:
        assert inner.read("grader/.grader/secret").strip() == SECRET
    assert (course / "tests" / "grader.zip.b64").read_bytes().isascii()
    assert not any(path.is_dir() for path in (course / "tests").iterdir())
