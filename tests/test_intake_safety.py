"""grader.intake: what hostile, damaged and odd archives and folders can do (nothing), one by one.

In each test there is a good submission too, and it comes through.
"""

from __future__ import annotations

import builtins
import io
import os
import socket
import stat
import struct
import sys
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from exports.made_up import accounted, unpacked, zip_bytes, zipped

from grader import sentences
from grader.intake import Intake, UsageError, find, read, safe_id
from grader.intake.naming import decoded

GOOD = b'{"good": 1}'


def problems(found: Intake) -> dict[str, str]:
    """The reason code of every entry, by id; each has a sentence."""
    told = {entry.id: read(entry).problem.partition(":")[0] for entry in found.entries}
    assert set(told.values()) - {""} <= sentences.UNREADABLE.keys()
    return told


def with_info(path: Path, change: Callable[[zipfile.ZipInfo], None], data: bytes = b"{}") -> Path:
    """A zip with `bad.ipynb`, whose entry was changed before it was written, and `good.ipynb`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("bad.ipynb")
        info.compress_type = zipfile.ZIP_DEFLATED
        change(info)
        archive.writestr(info, data)
        archive.writestr("good.ipynb", GOOD)
    return path


@pytest.fixture(autouse=True)
def _nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intake opens files for reading only."""
    real_open, real_os_open = builtins.open, os.open

    def checked(file: object, mode: str = "r", *args: object, **options: object) -> object:
        assert mode in ("r", "rb") or "grader" not in str(sys._getframe(1).f_globals.get("__name__"))
        return real_open(file, mode, *args, **options)  # type: ignore[call-overload]

    def checked_os(path: object, flags: int, *args: object, **options: object) -> int:
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT
        assert not flags & writes or "grader" not in str(sys._getframe(1).f_globals.get("__name__"))
        return real_os_open(path, flags, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "open", checked)
    monkeypatch.setattr(os, "open", checked_os)


# ---------------------------------------------------------------- bombs


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    path = zipped(tmp_path / "c.zip", {"bomb.ipynb": b"\0" * (50 << 20), "good.ipynb": GOOD})
    found = find([path])
    assert problems(found) == {"bomb": "too_big", "good": ""}
    assert found.told == (f"{path}: folder (a file each), 2 submissions, 1 refused",)


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(tmp_path: Path) -> None:
    raw = bytearray(zip_bytes({"bomb.ipynb": b"\0" * (50 << 20), "good.ipynb": GOOD}))
    at = raw.index(b"PK\x01\x02") + 24
    raw[at : at + 4] = struct.pack("<I", 10)  # the size that the table of contents tells
    path = tmp_path / "c.zip"
    path.write_bytes(raw)
    tracemalloc.start()
    try:
        assert problems(find([path])) == {"bomb": "truncated", "good": ""}
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_bomb_in_a_learners_zip_costs_only_the_learner(tmp_path: Path) -> None:
    bomb = zip_bytes({"bomb.ipynb": b"\0" * (50 << 20)})
    members = {"kim.zip": bomb, "lee/hw.zip": bomb, "lee/notes.txt": b"x", "good.ipynb": GOOD}
    assert problems(find([unpacked(tmp_path / "c", members)])) == {"kim": "too_big", "lee": "too_big", "good": ""}


def test_a_zip_with_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.intake.listing.MAX_NESTED", 20)
    monkeypatch.setattr("grader.intake.listing.MAX_MEMBERS", 100)
    many = zip_bytes({f"{n}.ipynb": b"{}" for n in range(21)})
    path = zipped(tmp_path / "c.zip", {"kim/hw.zip": many, "good/hw.ipynb": GOOD})
    assert problems(find([path])) == {"kim": "too_big", "good": ""}
    with pytest.raises(UsageError, match=r"101 members"):
        find([zipped(tmp_path / "d.zip", {f"{n}.ipynb": b"{}" for n in range(101)})])
    with pytest.raises(UsageError, match=r"more than 100 files"):
        find([unpacked(tmp_path / "d", {f"{n}.ipynb": b"{}" for n in range(101)})])


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    """Two lines of the table of contents point at one stretch of data: so a small zip unpacks to petabytes."""
    raw = zip_bytes({"aa.ipynb": b"{}" * 9, "bb.ipynb": b"{}" * 9, "good.ipynb": GOOD})
    first, second = raw.index(b"PK\x01\x02"), raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 1)
    changed = bytearray(raw)
    changed[second + 42 : second + 46] = raw[first + 42 : first + 46]  # where the member's data begins
    path = tmp_path / "c.zip"
    path.write_bytes(changed)
    assert problems(find([path])) == {"aa": "bad_archive", "bb": "bad_archive", "good": ""}


# ---------------------------------------------------------------- names that lead out


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("../../evil.ipynb", "evil"),
        ("/abs/evil.ipynb", "abs"),
        ("c:\\x\\evil.ipynb", "x"),
        ("\\\\server\\evil.ipynb", "server"),
        ("a/../../evil.ipynb", "a"),
        ("..\\evil.ipynb", "evil"),
    ],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, id_: str) -> None:
    path = zipped(tmp_path / "c.zip", {name: b"{}", "good.ipynb": GOOD})
    found = find([path])
    assert problems(found) == {id_: "unsafe_name", "good": ""}
    assert all(".." not in entry.path.replace(str(tmp_path), "") for entry in found.entries)


def test_backslashes_of_windows_are_separators(tmp_path: Path) -> None:
    path = zipped(tmp_path / "c.zip", {"kim\\hw.ipynb": GOOD, "kim\\data\\a.txt": b"x", "lee\\hw.ipynb": GOOD})
    found = find([path])
    assert problems(found) == {"kim": "", "lee": ""}
    assert len(found.left_out) == 1


def test_odd_names_do_no_harm(tmp_path: Path) -> None:
    names = [
        "a\nb\x1b[31m.ipynb",
        "\u202egnp.ipynb",
        "x" * 240 + ".ipynb",
        " .ipynb",
        "'; rm -rf ~.ipynb",
        "=1+1.ipynb",
    ]
    path = zipped(tmp_path / "c.zip", dict.fromkeys(names, GOOD) | {"./good.ipynb": GOOD, "x//y/z.ipynb": GOOD})
    for found in (find([path]), find([unpacked(tmp_path / "c", dict.fromkeys(names, GOOD))])):
        assert len(found.entries) >= len(names)
        assert set(problems(found).values()) == {""}
        for entry in found.entries:
            assert entry.id == safe_id(entry.id)
            assert len(entry.id.encode()) <= 200
            assert not any(unicodedata.category(letter) in ("Cc", "Cf") for letter in entry.id)
            assert "\x1b" not in entry.path
            assert "\n" not in entry.path


@pytest.mark.parametrize("name", [b"\0", b"/", b"//", b".", b"..", b"\0.ipynb"])
def test_a_member_without_a_name(tmp_path: Path, name: bytes) -> None:
    path = without_flag(tmp_path / "c.zip", {name: b"x", b"good.ipynb": GOOD})
    assert problems(find([path])) == {"good": ""}


def test_names_of_300_characters(tmp_path: Path) -> None:
    long = "김" * 300
    path = zipped(tmp_path / "c.zip", {f"{long}/hw.ipynb": GOOD, f"{long}2/hw.ipynb": GOOD, "lee/hw.ipynb": GOOD})
    found = find([path])
    assert set(problems(found).values()) == {""}
    assert len({entry.id for entry in found.entries}) == 3


# ---------------------------------------------------------------- encodings of names


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_hangul_in_both_forms_is_one_name(tmp_path: Path, form: str) -> None:
    name = unicodedata.normalize(form, "김철수_7_assignsubmission_file/과제 1.ipynb")
    for path in (zipped(tmp_path / "c.zip", {name: GOOD}), unpacked(tmp_path / "c", {name: GOOD})):
        (entry,) = find([path]).entries
        assert (entry.id, entry.learner.name) == ("김철수_7", "김철수")
        assert read(entry).data == GOOD


def without_flag(path: Path, names: dict[bytes, bytes]) -> Path:
    """A zip whose names are in some encoding that it does not tell."""
    stand_ins = {bytes([ord("A") + number]) * len(name): name for number, name in enumerate(names)}
    raw = zip_bytes({key.decode(): names[name] for key, name in stand_ins.items()})
    for key, name in stand_ins.items():
        assert raw.count(key) == 2
        raw = raw.replace(key, name)
    path.write_bytes(raw)
    return path


def test_cp949_names_without_the_flag(tmp_path: Path) -> None:
    """What the zip folders of Korean Windows make."""
    names = ["김철수/과제1.ipynb", "이영희/똠방각하.ipynb", "Müller_longer/hw.ipynb"]
    path = without_flag(
        tmp_path / "c.zip", {name.encode("cp949" if name[0] != "M" else "cp437"): GOOD for name in names}
    )
    found = find([path])
    assert [entry.id for entry in found.entries] == ["Müller_longer", "김철수", "이영희"]
    assert accounted(found, f"{path}!/") == sorted(names)
    assert set(problems(found).values()) == {""}


def test_a_folder_unpacked_from_cp949(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/" + "김철수".encode("cp949")
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    with open(folder + b"/hw.ipynb", "wb") as file:
        file.write(GOOD)
    unpacked(tmp_path, {"lee/hw.ipynb": GOOD})
    assert problems(find([tmp_path])) == {"김철수": "", "lee": ""}


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("김철수", "utf-8"), ("김철수", "cp949"), ("Müller", "cp437"), ("Éléonore", "cp437"), ("hw-José", "cp437")],
)
def test_the_encoding_of_a_name_is_told_by_its_letters(name: str, encoding: str) -> None:
    assert decoded(name.encode(encoding)) == name


# ---------------------------------------------------------------- what is no file


@pytest.mark.parametrize(
    ("mode", "reason"),
    [(stat.S_IFLNK, "symlink"), (stat.S_IFIFO, "not_a_file"), (stat.S_IFCHR, "not_a_file"), (stat.S_IFREG, "")],
)
def test_links_and_devices_in_a_zip(tmp_path: Path, mode: int, reason: str) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.external_attr = (mode | 0o644) << 16

    path = with_info(tmp_path / "c.zip", change, b"/etc/passwd")
    assert problems(find([path])) == {"bad": reason, "good": ""}


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    unpacked(secret, {"hw.ipynb": b"the instructor's"})
    members = {"good/hw.ipynb": GOOD, "kim/notes.txt": b"x", "lee/hw.ipynb": GOOD}
    folder = unpacked(tmp_path / "class", members)
    (folder / "kim" / "hw.ipynb").symlink_to(secret / "hw.ipynb")
    (folder / "lee" / "more").symlink_to(secret, target_is_directory=True)
    (folder / "all").symlink_to(secret, target_is_directory=True)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "dangling.ipynb").symlink_to(tmp_path / "nowhere")
    found = find([folder])
    assert problems(found) == {"good": "", "kim": "symlink", "lee": "", "dangling": "symlink"}
    assert {left.path.rpartition("/")[2] for left in found.left_out} == {"notes.txt", "more", "all", "loop"}


def test_pipes_sockets_and_devices_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked(tmp_path, {"good/hw.ipynb": GOOD, "kim/a.txt": b"x", "lee/a.txt": b"x", "park/a.txt": b"x"})
    os.mkfifo(tmp_path / "kim" / "hw.ipynb")
    os.mkfifo(tmp_path / "park" / "hw.zip")
    monkeypatch.chdir(tmp_path / "lee")  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("hw.ipynb")
        found = find([tmp_path])
        assert problems(found) == {"good": "", "kim": "not_a_file", "lee": "not_a_file", "park": "not_a_file"}
    os.mkfifo(tmp_path / "c.zip")
    with pytest.raises(UsageError, match="a device, a pipe or a socket"):
        find([tmp_path / "c.zip"])


def test_a_file_of_4_gb_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked(tmp_path, {"good/hw.ipynb": GOOD, "kim/small.ipynb": GOOD, "lee/a.txt": b"x"})
    for place in ("kim/hw.ipynb", "lee/hw.zip", "lee/video.mp4"):
        with open(tmp_path / place, "wb") as file:
            file.truncate(4 << 30)
    opened = []
    real_open = os.open
    monkeypatch.setattr("grader.notebook.os.open", lambda p, *a: opened.append(Path(p).name) or real_open(p, *a))
    assert problems(find([tmp_path])) == {"good": "", "kim": "", "lee": "too_big"}
    assert set(opened) == {"hw.ipynb", "small.ipynb"}
    assert opened.count("hw.ipynb") == 1


# ---------------------------------------------------------------- damage


def test_an_encrypted_member_costs_only_itself(tmp_path: Path) -> None:
    raw = bytearray(zip_bytes({"bad.ipynb": b"{}", "good.ipynb": GOOD}))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path = tmp_path / "c.zip"
    path.write_bytes(raw)
    assert problems(find([path])) == {"bad": "encrypted", "good": ""}
    assert problems(find([zipped(tmp_path / "d.zip", {"kim/hw.zip": bytes(raw), "lee/hw.ipynb": GOOD})])) == {
        "kim": "",  # its good.ipynb, which can be read
        "lee": "",
    }


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    raw = bytearray(zip_bytes({"a.ipynb": bytes(range(256)) * 40, "b.ipynb": b"{}"}))
    raw[60:90] = b"\xff" * 30
    path = tmp_path / "class.zip"
    path.write_bytes(raw)
    assert problems(find([path])) == {"a": "truncated", "b": ""}


@pytest.mark.parametrize("method", [1, 9, 97])
def test_a_method_of_compression_that_nobody_knows(tmp_path: Path, method: int) -> None:
    raw = bytearray(zip_bytes({"bad.ipynb": b"{}", "good.ipynb": GOOD}))
    raw[8] = method
    raw[raw.index(b"PK\x01\x02") + 10] = method
    path = tmp_path / "c.zip"
    path.write_bytes(raw)
    assert problems(find([path])) == {"bad": "truncated", "good": ""}


def test_a_learners_zip_cut_anywhere_never_stops_the_class(tmp_path: Path) -> None:
    whole = zip_bytes({"hw.ipynb": b"{}" * 100, "b/c.txt": b"x"})
    members = {f"kim{cut}/hw.zip": whole[:cut] for cut in range(0, len(whole), 7)}
    members |= {f"lee{at}/hw.zip": whole[:at] + b"\xff" + whole[at + 1 :] for at in range(0, len(whole), 7)}
    found = find([zipped(tmp_path / "c.zip", {**members, "good/hw.ipynb": GOOD})])
    told = problems(found)
    assert len(told) == len(members) + 1
    assert told["good"] == ""
    assert {told[id_] for id_ in told if id_.startswith("kim")} <= {"bad_archive", "no_notebook"}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"{}"])
def test_a_file_that_is_no_zip_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"class\.zip"):
        find([path])


def test_a_zip_taken_away_later_is_our_fault(tmp_path: Path) -> None:
    path = zipped(tmp_path / "c.zip", {"kim.ipynb": GOOD})
    (entry,) = find([path]).entries
    path.unlink()
    submission = read(entry)
    assert (submission.problem, submission.data) == ("", None)
    assert "No such file" in submission.fault


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at open files where Linux tells them")
def test_no_archive_stays_open(tmp_path: Path) -> None:
    """A process forked later would inherit a whole class's work."""
    path = zipped(tmp_path / "c.zip", {"kim.ipynb": GOOD, "lee.zip": zip_bytes({"a.ipynb": GOOD})})
    found = find([path])
    assert all(read(entry).data == GOOD for entry in found.entries)
    held = []
    for number in os.listdir("/proc/self/fd"):
        try:
            held.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            continue
    assert str(path) not in held


def test_a_zip_behind_other_bytes_is_read(tmp_path: Path) -> None:
    """Self-extracting archives: every offset is shifted."""
    path = tmp_path / "c.zip"
    path.write_bytes(b"MZ" + b"x" * 500 + zip_bytes({"kim.ipynb": GOOD, "lee.ipynb": GOOD}))
    assert problems(find([path])) == {"kim": "", "lee": ""}
    assert io.BytesIO(path.read_bytes()).read(2) == b"MZ"
