"""grader.intake: whoever is called whatever, an export of Moodle or Canvas is read back as it was made.

The encoders below write down how the two systems name files: Moodle 4.5 as seen in real downloads and in
mod/assign/classes/downloader.php, Canvas as in lib/content_zipper.rb.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exports.made_up import accounted, zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.intake import Intake, find, read, safe_id

FEW = settings(max_examples=100, deadline=None)
ANY = st.characters(exclude_categories=("Cs", "Cc"))
KNOWN = """김철수|Seán O'Brien|Anne_Marie|小龙 李|=2+5|LATE|con|Participant|Default group|_4_|.hidden|a.b|  |anon|
\u202eevil|Max Müller-Lüdenscheidt|assignsubmission|-1|O’Neil|João|Doe, Jane|x_file|__MACOSX"""
TRICKY = st.sampled_from([*KNOWN.replace("\n", "").split("|"), unicodedata.normalize("NFD", "김철수")])
TEXT = st.one_of(st.text(ANY, max_size=20), st.lists(TRICKY, max_size=3).map("".join))


@dataclass(frozen=True)
class Upload:
    """One learner's file."""

    name: str
    folder: str
    file: str
    late: bool
    anonymous: bool


UPLOADS = st.lists(
    st.builds(Upload, TEXT, st.one_of(st.just(""), TEXT), TEXT, st.booleans(), st.booleans()),
    min_size=1,
    max_size=6,
)


def visible(name: str, otherwise: str) -> str:
    """Hidden files are nobody's work: see test_intake.py."""
    return name.lstrip(".") or otherwise


def moodle_clean(text: str) -> str:
    """What Moodle leaves of names and file names."""
    return re.sub(r"\.\.+", "", re.sub(r"[&<>\"`|':\\/]", "", text))


def in_moodle(upload: Upload, number: int, folders: bool) -> tuple[str, str]:
    """(name that can be read back, path in the zip)."""
    name = moodle_clean(upload.name).replace("_", " ") or "x"
    file = visible(moodle_clean(upload.file), "hw") + ".ipynb"
    if not folders:
        return name, f"{name}_{number}_assignsubmission_file_{file}"
    below = visible(moodle_clean(upload.folder), "")
    below = below and below not in ("__MACOSX", "node_modules") and f"{below}/"
    return name, f"{name}_{number}_assignsubmission_file/{below or ''}{file}"


def in_canvas(upload: Upload, number: int, anonymous: bool) -> tuple[str, str]:
    """(name that can be read back, path in the zip). A name with a number between underscores is ambiguous there
    as well; Canvas takes the underscores away, but not at the name's ends.
    """
    name = re.sub(r"\W", "", upload.name.lower())
    name = re.sub(r"(?<![^_])\d+(?![^_])", "x", name).removeprefix(".")
    file = re.sub(r'[\x00/\\:*?"<>|]', "_", upload.file) + ".ipynb"
    late = ["LATE"] if upload.late else []
    who = [*late, f"anon_a{number:04x}"] if anonymous else [name, *late, str(number)]
    return "" if anonymous else name, "_".join([*who, str(9000 + number), file])


def found_in(members: Mapping[str, bytes]) -> tuple[Intake, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = zipped(Path(folder) / "export.zip", members)
        found = find([path])
        assert [read(entry).data for entry in found.entries]
        for entry in found.entries:
            assert read(entry).data in members.values()
            assert entry.id == safe_id(entry.id)
        return found, f"{path}!/"


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@FEW
@given(UPLOADS, st.booleans(), st.randoms(use_true_random=False))
def test_moodle(uploads: list[Upload], folders: bool, order: object) -> None:
    made = {str(n): in_moodle(upload, n, folders) for n, upload in enumerate(uploads, 1)}
    files = [(path, f"content of {n}".encode()) for n, (_, path) in made.items()]
    order.shuffle(files)  # type: ignore[attr-defined]
    found, where = found_in(dict(files))
    blind = ", blind" in found.told[0]
    assert not blind or len({name.casefold() for name, _ in made.values()}) == 1
    assert {e.learner.id: (e.learner.name, e.path.removeprefix(where)) for e in found.entries} == {
        n: ("" if blind else nfc(name), nfc(path)) for n, (name, path) in made.items()
    }
    assert {e.address["participant"] for e in found.entries} == made.keys()
    assert accounted(found, where) == sorted(nfc(path) for _, path in made.values())
    assert len({e.id.casefold() for e in found.entries}) == len(made)


@FEW
@given(UPLOADS, st.booleans())
def test_canvas(uploads: list[Upload], anonymous: bool) -> None:
    made = {n: in_canvas(upload, n, anonymous) for n, upload in enumerate(uploads, 100)}
    found, where = found_in({path: str(n).encode() for n, (_, path) in made.items()})
    key = "anonymous" if anonymous else "user"
    assert {e.address[key]: (e.learner.name, e.late, e.path.removeprefix(where)) for e in found.entries} == {
        f"a{n:04x}" if anonymous else str(n): (nfc(name), upload.late, nfc(path))
        for (n, (name, path)), upload in zip(made.items(), uploads, strict=True)
    }
    assert {e.address["attachment"] for e in found.entries} == {str(9000 + n) for n in made}
    assert accounted(found, where) == sorted(nfc(path) for _, path in made.values())


@FEW
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_any_zip_is_accounted_for(names: list[tuple[str, str]]) -> None:
    """No learning system: whatever the names, every file is in an entry or left out, and nothing raises."""
    members = {f"{a}/{b}{n}.ipynb".lstrip("/"): str(n).encode() for n, (a, b) in enumerate(names)}
    members |= {"kim/hw.ipynb": b"good", "kim/notes.txt": b"x"}
    with tempfile.TemporaryDirectory() as folder:
        found = find([zipped(Path(folder) / "c.zip", members)])
    rows = [entry for entry in found.entries if entry.path.endswith(".ipynb")]
    assert len(rows) + len(found.left_out) == len(members)
