"""grader.intake: exports of learning systems.

The eight Moodle zips in `exports/moodle` are real downloads (Moodle 4.5.6); what is expected of them is written
down here by hand. The exports of Canvas, Gradescope and nbgrader and the git clones are made up from what
these systems' sources and documents say of them, see the docstrings in `grader/intake/`.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import yaml
from exports.made_up import accounted, notebook, unpacked, zip_bytes, zipped

from grader import sentences
from grader.intake import Intake, UsageError, find, read
from grader.types import Learner, Remark

MOODLE = Path(__file__).parent / "exports" / "moodle"
DONE = notebook("def attention_transfer(a):\n    return a + 1")
OTHER = notebook("print(1)")
NAMES = ("attention_transfer",)

# (name, participant) -> plugin -> files
PLAIN = {
    ("Eve =2+5", "5"): {"file": ["hw1.ipynb"]},
    ("Ada Lovelace", "7"): {"file": ["hw1.ipynb"], "onlinetext": ["onlinetext.html"]},
    ("Max Müller-Lüdenscheidt", "1"): {"file": ["sub dir/deeper/hw1.ipynb"]},
    ("Seán OBrien", "4"): {"file": ["hw1 (final) é.ipynb", "data/notes.txt"]},
    ("John Smith", "3"): {"file": ["hw1.ipynb"]},
    ("John Smith", "8"): {"file": ["hw1.ipynb"]},
    ("Anne Marie de la Cruz", "2"): {"file": ["hw1_anne_marie.ipynb", "model.pt"]},
    ("小龙 李", "9"): {"file": ["作业1.ipynb"]},
}
NUMBERS = {"5": "35", "7": "30", "1": "34", "4": "31", "3": "32", "8": "28", "2": "33", "9": "36"}
BLIND = {"5": "13", "7": "17", "1": "10", "4": "12", "3": "14", "8": "16", "2": "15", "9": "18"}
TEAM = {
    ("Default group", ""): {"file": ["hw1.ipynb"]},
    ("Team A", "1"): {"file": ["hw1.ipynb"], "onlinetext": ["onlinetext.html"]},
    ("Team B", "2"): {"file": ["hw1_anne_marie.ipynb", "model.pt"]},
}
EXPECTED = {
    "plain": PLAIN,
    "workflow": {(name, NUMBERS[number]): files for (name, number), files in PLAIN.items()},
    "blind": {("Participant", BLIND[number]): files for (_, number), files in PLAIN.items()},
    "team": TEAM,
}


def paths_of(expected: dict[tuple[str, str], dict[str, list[str]]], folders: bool) -> list[tuple[str, str]]:
    """(folder that feedback goes to, path in the zip) of every file."""
    found = []
    for (name, number), plugins in expected.items():
        own = f"{name}_{number}" if number else name
        for plugin, files in plugins.items():
            for file in files:
                path = f"/{file}" if folders else f"_{file.rpartition('/')[2]}"
                found.append((own, f"{own}_assignsubmission_{plugin}{path}"))
    return found


@pytest.mark.parametrize("form", ["zip", "folder", "folder in a folder", "old folder"])
@pytest.mark.parametrize("folders", [1, 0])
@pytest.mark.parametrize("kind", EXPECTED)
def test_every_file_of_a_real_moodle_download_is_accounted_for(
    kind: str, folders: int, form: str, tmp_path: Path
) -> None:
    path = MOODLE / f"{kind}-folders{folders}.zip"
    expected = paths_of(EXPECTED[kind], bool(folders))
    with zipfile.ZipFile(path) as archive:
        assert sorted(name for _, name in expected) == sorted(archive.namelist())
        members = {name: archive.read(name) for name in archive.namelist()}
    where = f"{path}!/"
    if form != "zip":
        if form == "old folder":  # Moodle 4.0 and older: one more underscore
            members = {name.replace("_file/", "_file_/"): data for name, data in members.items()}
            expected = [(own, name.replace("_file/", "_file_/")) for own, name in expected]
        path = unpacked(tmp_path / "DL101-HW1-1", members)
        where = f"{path}/"
        path = path.parent if form == "folder in a folder" else path
    found = find([path])
    assert accounted(found, where) == sorted(name for _, name in expected)
    graded = {own: name for own, name in expected if name.endswith(".ipynb")}
    assert {entry.id: entry.path.removeprefix(where) for entry in found.entries} == graded
    for entry in found.entries:
        assert read(entry).data == members[entry.path.removeprefix(where)]
        name, number = next(k for k in EXPECTED[kind] if entry.id == (f"{k[0]}_{k[1]}" if k[1] else k[0]))
        assert entry.learner == Learner("" if kind == "blind" else name, number)
        assert entry.address == {"system": "moodle", "participant": number, "folder": entry.id}
        with_text = "onlinetext" in EXPECTED[kind][name, number]
        assert entry.remarks == ((Remark("online_text"),) if with_text else ())
    how = f"{'a folder each' if folders else 'no folders'}{', blind' if kind == 'blind' else ''}"
    assert found.told[0].endswith(f": Moodle download ({how}), {len(EXPECTED[kind])} submissions")


def test_moodle_hand_ins_without_a_notebook_get_a_row(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        {
            "Ada_7_assignsubmission_onlinetext/onlinetext.html": b"my answer",
            "Bob_8_assignsubmission_file/report.pdf": b"%PDF",
            "Cho_9_assignsubmission_file/hw1.ipynb": b"{}",
            "Doe_10_assignsubmission_file/.hw1.ipynb": b"{}",
        },
    )
    found = find([path])
    assert {e.id: read(e).problem for e in found.entries} == {
        "Ada_7": "no_notebook: onlinetext.html",
        "Bob_8": "no_notebook: report.pdf",
        "Cho_9": "",
        "Doe_10": "no_notebook: .hw1.ipynb",
    }
    assert found.told == (f"{path}: Moodle download (a folder each), 4 submissions, 3 empty",)


def test_what_learners_read_names_files_as_they_did(tmp_path: Path) -> None:
    """Not as the export did: that would tell names where a class is graded without them."""
    for sep in ("/", "_"):
        members = {f"Ada_7_assignsubmission_file{sep}{name}.ipynb": DONE for name in ("a", "b")}
        members[f"Bob_8_assignsubmission_file{sep}b.pdf"] = b"%PDF"
        ada, bob = find([zipped(tmp_path / "a.zip", members)]).entries
        assert ada.remarks == (Remark("chosen_notebook", detail="a.ipynb (1/2)"),)
        assert read(bob).problem == "no_notebook: b.pdf"
    ada, bob = find(
        [zipped(tmp_path / "b.zip", {"ada_43_8_a.ipynb": DONE, "ada_43_9_b.ipynb": DONE, "bob_44_10_b.pdf": b"x"})]
    ).entries
    assert ada.remarks == (Remark("chosen_notebook", detail="b.ipynb (1/2)"),)
    assert read(bob).problem == "no_notebook: b.pdf"


def test_a_late_file_laid_beside_an_export_is_graded_too(tmp_path: Path) -> None:
    unpacked(
        tmp_path,
        {
            "Ada_7_assignsubmission_file/hw1.ipynb": b"{}",
            "late from Bob.ipynb": b"{}",
            "notes/todo.txt": b"x",
        },
    )
    found = find([tmp_path])
    assert [e.id for e in found.entries] == ["Ada_7", "late from Bob"]
    assert [left.path for left in found.left_out] == [f"{tmp_path}/notes/todo.txt"]
    assert found.told == (
        f"{tmp_path}: Moodle download (a folder each), 1 submission; beside it folder (files and folders), "
        "1 submission",
    )


def test_a_file_named_like_moodles_own_stays_with_its_learner(tmp_path: Path) -> None:
    members = {
        f"Ada_7_assignsubmission_file{sep}Bob_8_assignsubmission_file_hw1.ipynb": b"{}" for sep in ("/", "_")
    }
    for name in members:
        (entry,) = find([zipped(tmp_path / "a.zip", {name: b"{}"})]).entries
        assert (entry.id, entry.learner) == ("Ada_7", Learner("Ada", "7"))


# ---------------------------------------------------------------- Canvas


def canvas(tmp_path: Path, *names: str) -> tuple[Intake, str]:
    path = zipped(tmp_path / "submissions.zip", dict.fromkeys(names, DONE))
    return find([path], NAMES), f"{path}!/"


def test_canvas_names_tell_everything(tmp_path: Path) -> None:
    names = [
        "doejane_4321_987654_homework.ipynb",
        "kimminsu_LATE_4322_987655_my_home_work_2_3.ipynb",
        "leeann_4323_987656_report.pdf",
        "leeann_4323_987657_hw.ipynb",
        "parkjin_4324_text.html",
        "oconnor_LATE_4325_link.html",
        "김철수_4326_987660_과제.ipynb",
        "_4327_987661_hw.ipynb",  # nothing of the name was left
    ]
    found, where = canvas(tmp_path, *names)
    assert accounted(found, where) == sorted(
        [*names, "parkjin_4324", "oconnor_4325"]  # the rows of what cannot be graded
    )
    told = {e.id: (e.learner, e.late, e.address["user"], e.address.get("attachment", "")) for e in found.entries}
    assert told == {
        "doejane_4321": (Learner("doejane", "4321"), False, "4321", "987654"),
        "kimminsu_4322": (Learner("kimminsu", "4322"), True, "4322", "987655"),
        "leeann_4323": (Learner("leeann", "4323"), False, "4323", "987657"),
        "parkjin_4324": (Learner("parkjin", "4324"), False, "4324", ""),
        "oconnor_4325": (Learner("oconnor", "4325"), True, "4325", ""),
        "김철수_4326": (Learner("김철수", "4326"), False, "4326", "987660"),
        "4327": (Learner("", "4327"), False, "4327", "987661"),
    }
    by_id = {e.id: e for e in found.entries}
    assert by_id["doejane_4321"].address["file"] == "doejane_4321_987654_homework.ipynb"
    assert read(by_id["parkjin_4324"]).problem == "no_notebook: text.html"
    assert read(by_id["kimminsu_4322"]).late
    assert found.told[0].endswith(": Canvas download, 7 submissions, 2 late, 2 empty")


def test_canvas_anonymous(tmp_path: Path) -> None:
    found, where = canvas(tmp_path, "anon_aB3xY_987_hw.ipynb", "LATE_anon_Zz9qq_988_hw.ipynb")
    assert {e.id: (e.learner, e.late, e.path.removeprefix(where)) for e in found.entries} == {
        "anon_aB3xY": (Learner(), False, "anon_aB3xY_987_hw.ipynb"),
        "anon_Zz9qq": (Learner(), True, "LATE_anon_Zz9qq_988_hw.ipynb"),
    }
    assert found.entries[0].address["anonymous"] in ("aB3xY", "Zz9qq")
    assert "anonymous" in found.told[0]


def test_somebody_called_anon_is_not_anonymous(tmp_path: Path) -> None:
    for late in ("", "LATE_"):
        (entry,) = canvas(tmp_path, f"anon_{late}4321_987_hw.ipynb")[0].entries
        assert (entry.learner, entry.late) == (Learner("anon", "4321"), bool(late))


def test_canvas_the_newest_version_counts(tmp_path: Path) -> None:
    names = [f"doejane_43_{number}_hw{suffix}.ipynb" for number, suffix in ((9, "-10"), (7, ""), (8, "-2"))]
    found, where = canvas(tmp_path, *names)
    (entry,) = found.entries
    assert entry.path == f"{where}doejane_43_9_hw-10.ipynb"
    assert entry.remarks == (Remark("newest_version", detail="hw-10.ipynb"),)
    assert accounted(found, where) == sorted(names)
    assert "newest_version" in sentences.REMARKS


def test_canvas_parts_are_no_versions(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"doe_43_8_part-2.ipynb": OTHER, "doe_43_7_part-1.ipynb": DONE})
    (entry,) = find([path], NAMES).entries
    assert entry.address["attachment"] == "7"
    # and of two equals the one handed in last
    path = zipped(tmp_path / "b.zip", {"doe_43_8_bb.ipynb": DONE, "doe_43_7_a.ipynb": DONE})
    (entry,) = find([path], NAMES).entries
    assert entry.address["attachment"] == "8"


def test_a_zip_handed_in_at_canvas_keeps_its_address(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"doe_43_8_hw.zip": zip_bytes({"hw.ipynb": DONE})})
    (entry,) = find([path], NAMES).entries
    assert read(entry).data == DONE
    assert (entry.address["attachment"], entry.address["file"]) == ("8", "doe_43_8_hw.zip")


@pytest.mark.parametrize(
    "names",
    [
        ("hw_2026_11_kim.ipynb", "hw_2026_11_lee.ipynb"),
        ("kim_2026_11_hw.ipynb", "lee_2026_12_hw.ipynb"),
        ("kim_1_2_hw.ipynb", "lee.ipynb", "park.ipynb"),
    ],
)
def test_names_with_dates_are_not_canvas(names: tuple[str, ...], tmp_path: Path) -> None:
    found, _ = canvas(tmp_path, *names)
    assert sorted(e.id for e in found.entries) == sorted(name.removesuffix(".ipynb") for name in names)


# ---------------------------------------------------------------- Gradescope


def gradescope_metadata() -> bytes:
    def submission(*learners: tuple[str, str, str]) -> dict[str, object]:
        people = [{":name": name, ":sid": sid, ":email": email} for name, sid, email in learners]
        return {
            ":submitters": people,
            ":created_at": "2026-11-21 18:31:00.000000000 Z",
            ":score": 10.0,
            ":results": {":name": "Mallory", "output": "submission_9:\n  :submitters:\n  - :name: Mallory\n"},
            ":history": [],
        }

    return yaml.safe_dump(
        {
            "submission_101": submission(("Jane Doe", "2026001", "jane@example.test")),
            "submission_102": submission(("김철수", "2026002", ""), ("이영희", "2026003", "lee@example.test")),
            "submission_103": submission(("No Files", "2026004", "")),
            "104.ipynb": submission(("One File", "2026005", "")),
        },
        allow_unicode=True,
        sort_keys=False,
    ).encode()


@pytest.mark.parametrize("wrapped", [True, False])
def test_gradescope_export(tmp_path: Path, wrapped: bool) -> None:
    members = {
        "submission_metadata.yml": gradescope_metadata(),
        "submission_101/hw.ipynb": DONE,
        "submission_101/old.ipynb": OTHER,
        "submission_102/src/hw.ipynb": DONE,
        "104.ipynb": DONE,
        "submission_105/hw.ipynb": DONE,  # not in the metadata
    }
    top = "assignment_9100_export/" if wrapped else ""
    path = zipped(tmp_path / "export.zip", {top + name: data for name, data in members.items()})
    found = find([path], NAMES)
    where = f"{path}!/{top}"
    assert accounted(found, where) == sorted([*members, "submission_103"])
    assert {e.id: e.learner for e in found.entries} == {
        "Jane Doe_101": Learner("Jane Doe", "2026001", "", "jane@example.test"),
        "김철수_102": Learner("김철수", "2026002", "김철수, 이영희", ""),
        "No Files_103": Learner("No Files", "2026004"),
        "One File_104.ipynb": Learner("One File", "2026005"),
        "submission_105": Learner(),
    }
    assert {e.id: read(e).problem for e in found.entries if read(e).problem} == {"No Files_103": "no_notebook: "}
    assert {e.address["submission"] for e in found.entries} == {"101", "102", "103", "104.ipynb", "105"}
    assert found.told[0].endswith(": Gradescope export, 5 submissions, 1 empty")


@pytest.mark.parametrize("metadata", [b"", b"\xff\xfe{{{", b"a: [", b"submission_101:\n  :submitters:\n  - [\n"])
def test_gradescope_with_damaged_metadata_is_graded_by_its_folders(metadata: bytes, tmp_path: Path) -> None:
    members = {"submission_metadata.yml": metadata, "submission_101/hw.ipynb": DONE, "submission_7/hw.ipynb": DONE}
    found = find([zipped(tmp_path / "a.zip", members)])
    assert [e.id for e in found.entries] == ["submission_101", "submission_7"]
    assert all(read(e).data == DONE for e in found.entries)


# ---------------------------------------------------------------- nbgrader

STAMP = b"2026-02-02 14:58:23.948203 America/Los_Angeles"


@pytest.mark.parametrize("top", ["", "submitted/", "course/submitted/"])
def test_nbgrader_submitted(tmp_path: Path, top: str) -> None:
    members = {
        "kim/hw1/p1.ipynb": OTHER,
        "kim/hw1/p2.ipynb": DONE,
        "kim/hw1/timestamp.txt": STAMP,
        "lee/hw1/p2.ipynb": DONE,
        "park/hw1/timestamp.txt": STAMP,
    }
    path = zipped(tmp_path / "a.zip", {top + name: data for name, data in members.items()})
    found = find([path], NAMES)
    assert accounted(found, f"{path}!/{top}") == sorted([*members, "park/hw1"])
    assert {e.id: (e.learner, e.path.rpartition("/")[2]) for e in found.entries} == {
        "kim": (Learner(id="kim"), "p2.ipynb"),
        "lee": (Learner(id="lee"), "p2.ipynb"),
        "park": (Learner(id="park"), "hw1"),
    }
    assert found.entries[0].address == {"system": "nbgrader", "student": "kim", "assignment": "hw1"}


def test_a_learners_own_time_stamp_is_not_nbgrader(tmp_path: Path) -> None:
    members = {"kim/hw.ipynb": DONE, "kim/logs/timestamp.txt": b"x", "lee/hw.ipynb": DONE}
    assert [e.id for e in find([unpacked(tmp_path, members)]).entries] == ["kim", "lee"]


def test_of_an_nbgrader_course_only_what_was_submitted_is_graded(tmp_path: Path) -> None:
    members = {
        "gradebook.db": b"x",
        "source/hw1/p1.ipynb": DONE,
        "autograded/kim/hw1/p1.ipynb": DONE,
        "submitted/kim/hw1/p1.ipynb": DONE,
    }
    found = find([unpacked(tmp_path, members)])
    assert [e.path for e in found.entries] == [f"{tmp_path}/submitted/kim/hw1/p1.ipynb"]
    assert accounted(found, f"{tmp_path}/") == sorted(members)


def test_of_several_assignments_the_one_with_the_exercises_is_graded(tmp_path: Path) -> None:
    members = {
        "submitted/kim/hw1/a.ipynb": OTHER,
        "submitted/kim/hw2/a.ipynb": DONE,
        "submitted/lee/hw1/a.ipynb": OTHER,
        "submitted/lee/hw1/timestamp.txt": STAMP,
    }
    found = find([unpacked(tmp_path, members)], NAMES)
    assert [(e.id, e.address["assignment"]) for e in found.entries] == [("kim", "hw2")]
    assert accounted(found, f"{tmp_path}/") == sorted(members)
    with pytest.raises(UsageError, match=r"several assignments \(hw1, hw2\)"):
        find([tmp_path])


# ---------------------------------------------------------------- git


def test_git_clones_are_a_submission_each_and_git_is_never_read(tmp_path: Path) -> None:
    members = {
        "hw1-kim/hw.ipynb": DONE,
        "hw1-kim/solutions/extra.ipynb": OTHER,
        "hw1-kim/.git/HEAD": b"ref: refs/heads/main",
        "hw1-kim/.git/evil.ipynb": DONE,
        "hw1-kit-jin/README.md": b"nothing yet",
        "hw1-kit-jin/.git/HEAD": b"ref: refs/heads/main",
    }
    for path, where in (
        (unpacked(tmp_path / "clones", members), f"{tmp_path}/clones/"),
        (zipped(tmp_path / "clones.zip", members), f"{tmp_path}/clones.zip!/"),
    ):
        found = find([path], NAMES)
        assert {e.id: (e.learner, e.path) for e in found.entries} == {
            "hw1-kim": (Learner(id="kim"), f"{where}hw1-kim/hw.ipynb"),
            "hw1-kit-jin": (Learner(id="kit-jin"), f"{where}hw1-kit-jin"),
        }
        assert read(found.entries[1]).problem == "no_notebook: README.md"
        assert found.told == (f"{where.rstrip('!/')}: git working copies, 2 submissions, 1 empty",)
        git = [left for left in found.left_out if "/.git" in left.path]
        assert len(git) == (2 if path.is_dir() else 3)  # a folder is one line, in a zip each file has its own
        assert {left.why for left in git} == {".git is never looked into"}
