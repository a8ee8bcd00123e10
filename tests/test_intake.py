"""grader.intake: what counts as a submission in files and folders that people made themselves."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import pytest
from exports.made_up import accounted, notebook, unpacked, zip_bytes, zipped

from grader import sentences
from grader.intake import Entry, UsageError, find, one, read, safe_id
from grader.types import Remark

NAMES = ("attention_transfer", "Distiller")
DONE = notebook("import x", "def attention_transfer(a):\n    return a + 1", "class Distiller:\n    x = 1")
HALF = notebook("def attention_transfer(a):\n    return a + 1")
BLANK = notebook("def attention_transfer(a):\n    loss = ?\n    return loss", "class Distiller:\n    pass")
OTHER = notebook("x = 'def attention_transfer(a): in a text'", "print(1)")


def ids(*paths: Path) -> list[str]:
    return [entry.id for entry in find(paths).entries]


# ---------------------------------------------------------------- files and folders


def test_a_folder_per_learner_is_named_by_the_folder(tmp_path: Path) -> None:
    for name in ("kim", "lee"):
        unpacked(tmp_path / name, {"submission.ipynb": b"{}", "helper.py": b"x = 1", "data/more.py": b"y = 1"})
    (tmp_path / "flat.ipynb").write_text("{}")
    assert ids(tmp_path) == ["flat", "kim", "lee"]


def test_a_folder_of_files_is_a_submission_for_each(tmp_path: Path) -> None:
    unpacked(tmp_path, {"kim.ipynb": b"{}", "lee.py": b"x = 1", "park.ipynb.txt": b"{}", "grades.xlsx": b"1"})
    found = find([tmp_path])
    assert [e.id for e in found.entries] == ["kim", "lee", "park"]
    assert [(left.path, left.why) for left in found.left_out] == [(f"{tmp_path}/grades.xlsx", "nothing to grade")]
    assert found.told == (f"{tmp_path}: folder (a file each), 3 submissions",)


def test_a_script_counts_only_where_there_is_no_notebook(tmp_path: Path) -> None:
    unpacked(tmp_path / "kim", {"model.py": b"x = 1", "src/hw.ipynb": b"{}"})
    unpacked(tmp_path / "lee", {"model.py": b"x = 1"})
    assert [Path(e.path).name for e in find([tmp_path]).entries] == ["hw.ipynb", "model.py"]


def test_folders_around_a_class_are_no_learners(tmp_path: Path) -> None:
    path = zipped(tmp_path / "c.zip", {"class/hw1/kim/a.ipynb": b"{}", "class/hw1/lee/a.ipynb": b"{}"})
    assert ids(path) == ["kim", "lee"]
    flat = zipped(tmp_path / "flat.zip", {"class/kim.ipynb": b"{}", "class/lee.ipynb": b"{}"})
    assert ids(flat) == ["kim", "lee"]


def test_sections_of_a_class_are_no_learners(tmp_path: Path) -> None:
    unpacked(tmp_path / "a", {"kim/hw.ipynb": b"{}", "lee/hw.ipynb": b"{}", "cho/report.pdf": b"%PDF"})
    unpacked(tmp_path / "b", {"park/hw.ipynb": b"{}", "choi/src/hw.ipynb": b"{}"})
    assert ids(tmp_path) == ["a__cho", "a__kim", "a__lee", "b__choi", "b__park"]


@pytest.mark.parametrize(
    "files",
    [
        ("kim/part1/a.ipynb", "kim/part2/b.ipynb", "lee/src/hw.ipynb", "park/src/hw.ipynb"),
        ("kim/part1/a.ipynb", "kim/part2/b.ipynb", "lee/1/a.ipynb", "lee/2/b.ipynb", "park/hw.ipynb"),
    ],
)
def test_a_learner_with_two_folders_is_no_section(tmp_path: Path, files: tuple[str, ...]) -> None:
    assert ids(unpacked(tmp_path, dict.fromkeys(files, b"{}"))) == ["kim", "lee", "park"]


def test_a_folder_without_a_notebook_gets_a_row(tmp_path: Path) -> None:
    unpacked(tmp_path / "kim", {"hw.ipynb": DONE})
    unpacked(tmp_path / "lee", {"report.pdf": b"%PDF", "notes.txt": b"sorry"})
    (tmp_path / "park").mkdir()
    found = find([tmp_path])
    assert [e.id for e in found.entries] == ["kim", "lee", "park"]
    assert [read(e).problem for e in found.entries] == ["", "no_notebook: notes.txt, report.pdf", "no_notebook: "]
    assert found.told == (f"{tmp_path}: folder (a folder each), 3 submissions, 2 empty",)
    assert "no_notebook" in sentences.UNREADABLE


def test_checkpoints_and_mac_forks_are_not_submissions(tmp_path: Path) -> None:
    members = {"a.ipynb": b"{}", "__MACOSX/._a.ipynb": b"x", ".ipynb_checkpoints/a.ipynb": b"x", ".DS_Store": b"x"}
    path = zipped(tmp_path / "class.zip", members)
    found = find([path])
    assert [e.id for e in found.entries] == ["a"]
    assert accounted(found, f"{path}!/") == sorted(members)
    assert ids(unpacked(tmp_path / "class", members)) == ["a"]


def test_a_learner_with_nothing_but_hidden_files_gets_a_row(tmp_path: Path) -> None:
    unpacked(tmp_path, {"kim/hw.ipynb": b"{}", "lee/.hw.ipynb": b"{}"})
    assert [(e.id, read(e).problem) for e in find([tmp_path]).entries] == [
        ("kim", ""),
        ("lee", "no_notebook: .hw.ipynb"),
    ]


def test_korean_names_are_composed_and_unique(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "김철수")
    (tmp_path / f"{decomposed}.ipynb").write_text("{}")
    other = tmp_path / "x"
    other.mkdir()
    (other / "김철수.ipynb").write_text("{}")
    assert ids(tmp_path / f"{decomposed}.ipynb", other / "김철수.ipynb") == ["김철수", "김철수~2"]


def test_nothing_to_grade_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no notebook"):
        find([tmp_path])
    with pytest.raises(UsageError, match="no such file"):
        find([tmp_path / "absent.ipynb"])
    (tmp_path / "essay.docx").write_text("x")
    with pytest.raises(UsageError, match=r"expected a notebook"):
        find([tmp_path / "essay.docx"])


def test_one_file_is_one_submission(tmp_path: Path) -> None:
    unpacked(tmp_path, {"kim.py": b"x = 1", "lee.py": b"x = 1"})
    assert one(tmp_path / "kim.py").id == "kim"
    with pytest.raises(UsageError, match="2 submissions"):
        one(tmp_path)


# ---------------------------------------------------------------- several notebooks


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({"a.ipynb": OTHER, "b.ipynb": DONE}, "b.ipynb"),
        ({"a.ipynb": HALF, "deep/er/b.ipynb": DONE}, "deep/er/b.ipynb"),
        ({"hw.ipynb": BLANK, "hw_mine.ipynb": DONE}, "hw_mine.ipynb"),  # what was handed out, and the work
        ({"hw.ipynb": BLANK, "hw_mine.ipynb": HALF}, "hw_mine.ipynb"),
        ({"a.ipynb": b"no notebook", "zz.ipynb": OTHER}, "zz.ipynb"),  # what can be read first
        ({"hw-Copy1.ipynb": DONE, "hw.ipynb": DONE}, "hw.ipynb"),
        ({"old/hw.ipynb": DONE, "a_long_name.ipynb": DONE}, "a_long_name.ipynb"),
        ({"b.ipynb": DONE, "a.ipynb": DONE, "c.ipynb": DONE}, "a.ipynb"),
        ({"a.ipynb": notebook("import torch\n(def attention_transfer("), "b.ipynb": OTHER}, "a.ipynb"),
    ],
)
def test_of_several_notebooks_the_one_with_the_exercises_counts(
    files: dict[str, bytes], chosen: str, tmp_path: Path
) -> None:
    unpacked(tmp_path / "kim", files)
    unpacked(tmp_path / "lee", {"hw.ipynb": DONE})
    kim, lee = find([tmp_path], NAMES).entries
    assert kim.path == f"{tmp_path}/kim/{chosen}"
    assert read(kim).data == files[chosen]
    assert kim.remarks == (Remark("chosen_notebook", detail=f"{chosen} (1/{len(files)})"),)
    assert read(kim).remarks == kim.remarks
    assert lee.remarks == ()
    assert "chosen_notebook" in sentences.REMARKS
    left = find([tmp_path], NAMES).left_out
    assert sorted(item.path for item in left) == sorted(f"{tmp_path}/kim/{f}" for f in files if f != chosen)


def test_the_choice_does_not_depend_on_the_order_in_the_zip(tmp_path: Path) -> None:
    members = {"kim/a.ipynb": DONE, "kim/b.ipynb": DONE, "kim/c/d.ipynb": HALF, "lee/x.ipynb": OTHER}
    outcomes = set()
    for number, order in enumerate(itertools.permutations(members)):
        path = zipped(tmp_path / f"{number}.zip", {name: members[name] for name in order})
        found = find([path], NAMES)
        outcomes.add(tuple((e.id, e.path.partition("!")[2], e.remarks) for e in found.entries))
    assert len(outcomes) == 1


def test_choosing_reads_a_bounded_number_of_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.intake.choose.MAX_CANDIDATES", 5)
    opened: list[str] = []
    monkeypatch.setattr("grader.intake.listing.read_bytes", lambda path: opened.append(path.name) or DONE)
    unpacked(tmp_path / "kim", {f"{n:03}.ipynb": OTHER for n in range(100)})
    unpacked(tmp_path / "lee", {"hw.ipynb": DONE})
    assert len(find([tmp_path], NAMES).entries) == 2
    assert opened == [f"{n:03}.ipynb" for n in range(5)]


# ---------------------------------------------------------------- zips in zips and folders


@pytest.mark.parametrize("inside_a_zip", [True, False])
def test_a_zip_per_learner_is_looked_into(tmp_path: Path, inside_a_zip: bool) -> None:
    files = {
        "kim.zip": zip_bytes({"hw/done.ipynb": DONE, "hw/blank.ipynb": BLANK, "__MACOSX/hw/._done.ipynb": b"x"}),
        "lee.zip": zip_bytes({"main.py": b"x = 1"}),
        "park.zip": zip_bytes({"report.pdf": b"%PDF"}),
        "choi.zip": b"PK\x03\x04 cut off",
        "deep.zip": zip_bytes({"again.zip": zip_bytes({"a.ipynb": DONE})}),
    }
    path = zipped(tmp_path / "c.zip", files) if inside_a_zip else unpacked(tmp_path / "c", files)
    where = f"{path}!" if inside_a_zip else f"{path}"
    found = find([path], NAMES)
    assert {e.id: (e.path.removeprefix(f"{where}/"), read(e).problem) for e in found.entries} == {
        "kim": ("kim.zip!/hw/done.ipynb", ""),
        "lee": ("lee.zip!/main.py", ""),
        "park": ("park.zip", "no_notebook: park.zip"),
        "choi": ("choi.zip", "bad_archive: BadZipFile"),
        "deep": ("deep.zip", "no_notebook: deep.zip"),
    }
    assert "bad_archive" in sentences.UNREADABLE
    kim = next(e for e in found.entries if e.id == "kim")
    assert read(kim).data == DONE
    assert kim.remarks == (Remark("chosen_notebook", detail="done.ipynb (1/2)"),)


def test_a_notebook_beside_a_zip_counts(tmp_path: Path) -> None:
    unpacked(tmp_path / "kim", {"hw.ipynb": DONE, "data.zip": zip_bytes({"other.ipynb": OTHER})})
    unpacked(tmp_path / "lee", {"helper.py": b"x = 1", "hw.zip": zip_bytes({"hw.ipynb": DONE})})
    assert [e.path.removeprefix(f"{tmp_path}/") for e in find([tmp_path]).entries] == [
        "kim/hw.ipynb",
        "lee/hw.zip!/hw.ipynb",
    ]


def test_a_zip_of_data_among_notebooks_is_no_submission(tmp_path: Path) -> None:
    unpacked(tmp_path, {"kim.ipynb": DONE, "data.zip": zip_bytes({"a.csv": b"1"}), "bad.zip": b"x"})
    unpacked(tmp_path, {"lee.zip": zip_bytes({"hw.ipynb": DONE})})
    assert ids(tmp_path) == ["kim", "lee"]


def test_a_folder_with_one_zip_is_that_zip(tmp_path: Path) -> None:
    zipped(tmp_path / "DL101-HW1-1.zip", {f"Kim {n}_{n}_assignsubmission_file/a.ipynb": b"{}" for n in range(3)})
    found = find([tmp_path])
    assert [e.id for e in found.entries] == ["Kim 0_0", "Kim 1_1", "Kim 2_2"]
    assert found.told == (f"{tmp_path}/DL101-HW1-1.zip: Moodle download (a folder each), 3 submissions",)


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "",
        "...",
        "a/../b",
        "x" * 500,
        "con\0trol\n",
        "한" * 300,
        "=cmd()",
        "a\u202eb",
        "Journal.sqlite",
        "grades.csv",
    ],
)
def test_ids_are_safe_folder_names(name: str, tmp_path: Path) -> None:
    for own in ("journal.sqlite", "grades.csv"):
        (tmp_path / own).touch()
    got = safe_id(name)
    (tmp_path / got).mkdir()
    assert (tmp_path / got).parent == tmp_path
    assert len(got.encode()) <= 200


def test_no_two_submissions_share_an_id_whatever_they_are_called(tmp_path: Path) -> None:
    for name in ("a/kim.py", "b/kim.py", "c/kim~2.py", "d/KIM.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1")
    paths = [tmp_path / name for name in ("a/kim.py", "b/kim.py", "c/kim~2.py", "d/KIM.py")]
    found = {e.path: e.id for e in find(paths).entries}
    assert len({name.casefold() for name in found.values()}) == 4
    assert {e.path: e.id for e in find(paths[::-1]).entries} == found


def test_one_path_given_twice_is_one_submission(tmp_path: Path) -> None:
    (tmp_path / "kim.py").write_text("x = 1")
    assert len(find([tmp_path / "kim.py", tmp_path / "." / "kim.py"]).entries) == 1


# ---------------------------------------------------------------- reading


def test_reading_hands_on_what_intake_knows(tmp_path: Path) -> None:
    remarks = (Remark("online_text"),)
    (tmp_path / "a").write_bytes(b"data")
    submission = read(Entry("kim", "a", (tmp_path / "a").read_bytes, late=True, remarks=remarks))
    assert (submission.id, submission.data, submission.late, submission.remarks) == ("kim", b"data", True, remarks)
    assert submission.sha256


def test_a_disk_that_fails_is_our_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "kim.ipynb").write_text("{}")
    (entry,) = find([tmp_path]).entries
    monkeypatch.setattr("grader.notebook.os.open", denied)
    submission = read(entry)
    assert submission.problem == ""
    assert "Permission denied" in submission.fault


def test_a_folder_that_cannot_be_listed_is_our_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from grader.intake import listing

    unpacked(tmp_path, {"kim/hw.ipynb": b"{}", "lee/hw.ipynb": b"{}"})
    scandir = listing.os.scandir

    def denied(path: Path) -> object:
        if Path(path).name == "lee":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("grader.intake.listing.os.scandir", denied)
    kim, lee = find([tmp_path]).entries
    assert read(kim).data == b"{}"
    assert (read(lee).problem, lee.id) == ("", "lee")
    assert "Permission denied" in read(lee).fault
