"""grader.intake: what counts as a submission, and what a hostile archive can do (nothing)."""

import io
import stat
import unicodedata
import zipfile
from pathlib import Path

import pytest

from grader.intake import UsageError, find, read, safe_id


def zipped(tmp_path: Path, members: dict[str, bytes], **attributes: int) -> Path:
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = attributes.get("mode", 0o644) << 16
            archive.writestr(info, data)
    return path


def test_a_folder_per_learner_is_named_by_the_folder(tmp_path: Path) -> None:
    for name in ("kim", "lee"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "submission.ipynb").write_text("{}")
        (tmp_path / name / "helper.py").write_text("x = 1")
    (tmp_path / "flat.ipynb").write_text("{}")
    assert [e.id for e in find([tmp_path])] == ["flat", "kim", "lee"]


def test_a_folder_with_two_notebooks_gives_two_submissions(tmp_path: Path) -> None:
    (tmp_path / "kim").mkdir()
    for name in ("a.ipynb", "b.ipynb"):
        (tmp_path / "kim" / name).write_text("{}")
    assert [e.id for e in find([tmp_path])] == ["kim__a", "kim__b"]


def test_checkpoints_and_mac_forks_are_not_submissions(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a.ipynb": b"{}", "__MACOSX/._a.ipynb": b"x", ".ipynb_checkpoints/a.ipynb": b"x"})
    assert [e.id for e in find([path])] == ["a"]


def test_korean_names_are_composed_and_unique(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "김철수")
    (tmp_path / f"{decomposed}.ipynb").write_text("{}")
    other = tmp_path / "x"
    other.mkdir()
    (other / "김철수.ipynb").write_text("{}")
    ids = [e.id for e in find([tmp_path / f"{decomposed}.ipynb", other / "김철수.ipynb"])]
    assert ids == ["김철수", "김철수~2"]


def test_a_zip_is_read_without_touching_the_disk(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"../../evil.ipynb": b"one", "/abs/evil.ipynb": b"two", "c:\\x\\evil.ipynb": b"three"})
    before = sorted(p for p in tmp_path.rglob("*"))
    entries = find([path])
    assert {read(e).data for e in entries} == {b"one", b"two", b"three"}
    for entry in entries:
        assert "/" not in entry.id
        assert "\\" not in entry.id
        assert not entry.id.startswith(".")
    assert sorted(p for p in tmp_path.rglob("*")) == before


def test_a_zip_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"bomb.ipynb": b"\0" * (50 << 20), "good.ipynb": b"{}"})
    bomb, good = (read(e) for e in find([path]))
    assert bomb.data is None
    assert bomb.problem.startswith("too_big")
    assert good.data == b"{}"


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"link.ipynb": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)
    assert read(find([path])[0]).problem.startswith("symlink")


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ipynb", bytes(range(256)) * 40)
        archive.writestr("b.ipynb", b"{}")
    raw = bytearray(buffer.getvalue())
    raw[60:90] = b"\xff" * 30
    path = tmp_path / "class.zip"
    path.write_bytes(raw)
    first, second = (read(e) for e in find([path]))
    assert first.problem.startswith("truncated")
    assert second.data == b"{}"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"{}"])
def test_a_file_that_is_no_zip_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"class\.zip"):
        find([path])


def test_nothing_to_grade_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no notebook"):
        find([tmp_path])
    with pytest.raises(UsageError, match="no such file"):
        find([tmp_path / "absent.ipynb"])
    (tmp_path / "essay.docx").write_text("x")
    with pytest.raises(UsageError, match=r"expected a notebook"):
        find([tmp_path / "essay.docx"])


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
    ids = {e.path: e.id for e in find(paths)}
    assert len({name.casefold() for name in ids.values()}) == 4
    assert {e.path: e.id for e in find(paths[::-1])} == ids


def test_one_path_given_twice_is_one_submission(tmp_path: Path) -> None:
    (tmp_path / "kim.py").write_text("x = 1")
    assert len(find([tmp_path / "kim.py", tmp_path / "." / "kim.py"])) == 1


def test_a_script_among_notebooks_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "kim.ipynb").write_text("{}")
    (tmp_path / "lee.py").write_text("x = 1")
    assert [e.id for e in find([tmp_path])] == ["kim", "lee"]


def test_a_disk_that_fails_is_our_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "kim.ipynb").write_text("{}")
    (entry,) = find([tmp_path])
    monkeypatch.setattr("grader.notebook.os.open", denied)
    submission = read(entry)
    assert submission.problem == ""
    assert "Permission denied" in submission.fault
