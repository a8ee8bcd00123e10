"""`grader kit`: what a learner is handed, one zip with no answer in it.

It holds the folder of the assignment, which learners may see: the notebook, what is asked, and the public cases
with the numbers that they must give (public.npz holds arrays and hints, no code). Neither the reference nor a
hidden case is read; of the secret only what receipts are signed with is derived.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

import grader
from grader.context import public_cases
from grader.i18n import LANGUAGES, translator
from grader.learner.receipt import key_of
from grader.spec import ConfigError, load_assignment
from grader.types import Assignment, FriendlyError
from grader.zipping import zipped

FILE = "kit.json"
FORMAT = 1
NEEDED = ("notebook.ipynb", "spec.yaml", "public.npz")
EXTRAS = {"tensorflow": "tensorflow", "torch": "torch"}  # framework -> extra of the package


@dataclass(frozen=True)
class Kit:
    """What kit.json tells: which assignment this is, and what it was made with."""

    slug: str
    version: str
    digest: str  # of spec.yaml and probes.py
    grader: str  # its version
    hints: int  # how far a learner may go; see docs/learners.md
    key: str  # receipts are signed with it; not the secret, see receipt.py
    format: int = FORMAT


class NoKit(FriendlyError):
    """A kit.json that cannot be read."""


def build(folder: Path, hints: int, secret: bytes, block: object) -> bytes:
    """The zip of the assignment in `folder`: the same bytes for the same files. Raises ConfigError.

    `block`: the assignment's own block of rubric.yaml, which tells what is trained and what counts how much.
    The secret itself does not go in, only what signs receipts and is derived from it.
    """
    assignment = load_assignment(folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ConfigError([f"{folder}: no {name}" for name in missing])
    if not public_cases(assignment):
        raise ConfigError([f"{folder}: has no public case, so a kit could check nothing"])
    rubric = yaml.safe_dump({assignment.slug: block}, allow_unicode=True, sort_keys=False).encode()
    told = Kit(
        assignment.slug,
        assignment.version,
        assignment.digest,
        grader.__version__,
        hints,
        key_of(secret, assignment),
    )
    files = {
        "README.md": readme(assignment).encode(),
        f"{assignment.slug}.ipynb": (folder / "notebook.ipynb").read_bytes(),
        "rubric.yaml": rubric,
        FILE: (json.dumps(asdict(told), ensure_ascii=False, indent=1) + "\n").encode(),
        **{f"assignments/{assignment.slug}/{name}": content for name, content in _shown(folder)},
    }
    return zipped({f"{assignment.slug}/{name}": content for name, content in sorted(files.items())})


def read(root: Path) -> Kit | None:
    """The kit that `root` was unpacked from; None where it is none. Raises NoKit."""
    try:
        told = json.loads((root / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as damaged:
        raise NoKit(f"{root / FILE}: {damaged}; unpack the kit anew") from damaged
    try:
        return Kit(**{name: told[name] for name in Kit.__dataclass_fields__})
    except (KeyError, TypeError) as other:
        raise NoKit(f"{root / FILE}: was made by another version of the grader; get the kit anew") from other


def outdated(kit: Kit, assignment: Assignment, lang: str) -> str:
    """What to do where the kit is not of this grader or the assignment was changed; empty where all is well."""
    _ = translator(lang)
    if assignment.version != kit.version or assignment.digest != kit.digest:
        told = _(
            "The files of assignment {slug} (version {found}) are not those that this kit came with (version "
            "{version}): unpack the kit anew, or get the newer one from your course."
        )
        return told.format(slug=kit.slug, found=assignment.version, version=kit.version)
    if _release(grader.__version__) < _release(kit.grader):
        told = _(
            "This kit was made with grader {made}, and you have {own}: `pip install --upgrade grader` before you "
            "rely on the results."
        )
        return told.format(made=kit.grader, own=grader.__version__)
    if _release(grader.__version__)[:2] > _release(kit.grader)[:2]:
        told = _(
            "This kit was made with an older grader ({made}, you have {own}). It is used all the same; ask your "
            "course whether there is a newer kit."
        )
        return told.format(made=kit.grader, own=grader.__version__)
    return ""


def warning(root: Path, assignment: Assignment, lang: str) -> str:
    """What is to be said about the kit, if `root` is one; else empty. Raises NoKit."""
    own = read(root)
    return outdated(own, assignment, lang) if own else ""


def readme(assignment: Assignment) -> str:
    """How to work with the kit, in every language."""
    return "\n".join(line for lang in LANGUAGES for line in _readme(assignment, lang))


def _readme(assignment: Assignment, lang: str) -> Iterator[str]:
    _ = translator(lang)
    slug, extra = assignment.slug, EXTRAS.get(assignment.framework, "")
    package = f"grader[{extra}]" if extra else "grader"
    yield f"# {assignment.title.get(lang, slug)}"
    yield ""
    yield _("1. Install the grader, once. In Colab the framework is there already: leave the brackets out.")
    yield f'\n       pip install "{package}"\n'
    yield _("2. Open {notebook} and write your code where a `?` stands. Keep the names and the arguments.").format(
        notebook=f"`{slug}.ipynb`"
    )
    yield _("3. Check as often as you like, in the notebook:")
    yield "\n       %load_ext grader\n       %check\n"
    yield _("   or in a terminal, in this folder:")
    yield f"\n       grader check {slug}.ipynb\n       grader watch {slug}.ipynb\n"
    yield _("No network is needed for that. The exercises:")
    yield ""
    for exercise in assignment.exercises.values():
        yield f"- `{exercise.name}`: {exercise.title.get(lang, exercise.name)}"
    yield ""
    yield _(
        "The check uses the public cases. Grading also uses hidden cases with other shapes and values, and may "
        "train a student, so a right check is a good sign and not yet the grade."
    )
    yield ""


def _shown(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of an assignment's folder: all of it is for learners (see docs/architecture.md)."""
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in below.parts):
            yield below.as_posix(), path.read_bytes()


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
