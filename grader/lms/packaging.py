"""What every package holds: the grader with one assignment, ready to judge one submission in a container.

A system's own package puts these files into a folder `grader/` of its zip and adds what that system starts, which
calls `grader/run_one.sh` (see templates/). The folder holds the answers: nobody but
instructors and the system may have such a zip.
"""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from grader import oracle
from grader.draw import draw_cases
from grader.lms.marks import number
from grader.lms.records import Bundle, Refused
from grader.programs import load_reference
from grader.rubric import load_rubric
from grader.sandbox import launch
from grader.score import possible
from grader.spec import load_assignment
from grader.types import Assignment, Rubric
from grader.zipping import zipped

FOLDER = "grader"  # of the payload, in every zip
RUN_ONE = "run_one.sh"
INSTALL = "install.sh"
SCRIPTS = (RUN_ONE, INSTALL)
CORE = ("numpy", "pyyaml", "rich", "polib", "cattrs", "jinja2", "pygments")
TRAINING = ("scikit-learn", "scipy")
EXECUTE = ("nbclient", "nbformat", "ipykernel")
LEFT_OUT = ("__pycache__",)
CACHE = Path(".grader") / "cache"
SECRET = ".grader/secret"
SETTINGS = "settings.sh"
Payload = Mapping[str, bytes]


def payload(root: Path, slug: str, secret: bytes, *, lang: str = "en", seconds: int | None = None) -> Payload:
    """Everything that a container needs to judge one assignment, by path below FOLDER.

    `lang`: of what learners read. `seconds`: after which grading is ended; None: as the system's script says.
    Among it are the reference, the secret and, where they are stored, the expected answers of the hidden cases.
    Raises ConfigError, Refused.
    """
    assignment = load_assignment(root / "assignments" / slug)
    rubric = load_rubric(root / "rubric.yaml", assignment, train=True, execute=None)
    versions = constraints(root)
    files = {
        **dict(_tree(launch.PACKAGE, "grader")),
        **dict(_tree(root / "assignments" / slug, f"assignments/{slug}")),
        **dict(_tree(root / "reference" / slug, f"reference/{slug}")),
        "rubric.yaml": (root / "rubric.yaml").read_bytes(),
        "requirements.txt": requirements(assignment, rubric, _pins(versions)).encode(),
        "constraints.txt": versions.encode(),
        SETTINGS: _settings(assignment, rubric, lang, seconds).encode(),
        SECRET: secret + b"\n",
        **{name: template(name) for name in SCRIPTS},
    }
    files |= {f"{CACHE.as_posix()}/{path.name}": path.read_bytes() for path in _stored(root, assignment, secret)}
    return dict(sorted(files.items()))


def below(files: Payload) -> dict[str, bytes]:
    """A payload with its paths as they are in a zip."""
    return {f"{FOLDER}/{path}": content for path, content in files.items()}


def settings(files: Payload) -> dict[str, str]:
    """What settings.sh says of the assignment: GRADER_ASSIGNMENT, GRADER_FRAMEWORK, GRADER_MEMORY_MB, ..."""
    lines = files[SETTINGS].decode().splitlines()
    return {name: "".join(shlex.split(value)) for name, _, value in (line.partition("=") for line in lines)}


PROGRAMS = frozenset(f"{FOLDER}/{name}" for name in SCRIPTS)  # what of it needs its executable bit


def template(name: str) -> bytes:
    """One of the files in templates/, with the line ends that a shell needs."""
    return (Path(__file__).parent / "templates" / name).read_bytes().replace(b"\r\n", b"\n")


def to_zip(bundle: Bundle) -> bytes:
    """The same bytes for the same bundle, whenever and wherever it is made.

    Raises Refused for a program with Windows line ends, which a shell does not run, and for a path that would
    leave the folder that it is unpacked in.
    """
    for name in bundle.programs:
        if b"\r" in bundle.files[name]:
            raise Refused(f"{name}: has Windows line ends; a shell would not run it")
    for name in bundle.files:
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            raise Refused(f"{name}: no path for a zip")
    files = dict(sorted(bundle.files.items()))
    return zipped(files, lambda name: 0o100755 if name in bundle.programs else 0o100644)


def requirements(assignment: Assignment, rubric: Rubric, pins: Mapping[str, str]) -> str:
    """The text of requirements.txt: what this one assignment needs, in the versions of `pins`.

    What these need in turn is bound by constraints.txt. Raises Refused for a library without a version.
    """
    names = {*CORE, *launch.needs(assignment.framework)}
    names |= {*launch.needs(f"{assignment.framework}-legacy")} if assignment.legacy else set()
    names |= {*TRAINING} if rubric.training else set()
    names |= {*EXECUTE} if rubric.executes else set()
    lines = [f"# What {assignment.slug} needs. Versions of what these need in turn: constraints.txt."]
    if assignment.framework == "torch":
        lines.append("# This may bring the CUDA libraries, some gigabytes. PyTorch's own page on installing tells")
        lines.append("# where builds for the processor alone are; pip takes it from PIP_INDEX_URL.")
    for name in sorted(names, key=_normal):
        if _normal(name) not in pins:
            raise Refused(f"constraints.txt names no version of {name}; add one, so that every container is alike")
        lines.append(f"{name}=={pins[_normal(name)]}")
    return "\n".join(lines) + "\n"


def constraints(root: Path) -> str:
    """The versions that the project is tested with; where it was installed without them, those that are here."""
    for folder in (root, launch.PACKAGE.parent):
        if (folder / "constraints.txt").is_file():
            return (folder / "constraints.txt").read_text("utf-8")
    here = {_normal(one.name): one.version.partition("+")[0] for one in importlib.metadata.distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(here.items()) if name != "grader")


def _pins(text: str) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {_normal(name): version for name, found, version in (line.partition("==") for line in lines) if found}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _settings(assignment: Assignment, rubric: Rubric, lang: str, seconds: int | None) -> str:
    """Sourced by the scripts."""
    wanted = {
        "GRADER_ASSIGNMENT": assignment.slug,
        "GRADER_FRAMEWORK": assignment.framework,
        "GRADER_PACKED_WITH": platform.python_version(),
        "GRADER_MEMORY_MB": str(assignment.limits.memory_mb),
        "GRADER_POSSIBLE": number(possible(rubric)),
        "GRADER_EXECUTES": "yes" if rubric.executes else "",
        "GRADER_LANG": lang,
        "GRADER_PACKED_SECONDS": "" if seconds is None else str(seconds),
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in wanted.items())


def _stored(root: Path, assignment: Assignment, secret: bytes) -> Iterator[Path]:
    """The expected answers of exactly these hidden cases, where they are in the cache."""
    reference = load_reference(root / "reference" / assignment.slug, assignment)
    digest = oracle.digest(assignment, reference, draw_cases(assignment, secret))
    yield from sorted((root / CACHE).glob(f"{assignment.slug}-{digest[:16]}-*.npz"))


def _tree(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Every file of a folder, without what Python and editors leave there."""
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if path.is_file() and not any(part in LEFT_OUT or part.startswith(".") for part in below.parts):
            yield f"{name}/{below.as_posix()}", path.read_bytes()
