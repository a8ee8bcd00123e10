"""Attacks, one in every folder of hostile/: each beside an honest neighbour, then an honest successor.

An attack may cost its own exercises and nothing else: no mark is forged, nobody else is disturbed,
nothing outside the worker's scratch folder changes, and nothing secret comes out.

expected.yaml in a folder:
    because           what it tries, in one line
    verdicts          exercise -> verdict, or a list where the kernel decides between equally right ones
    cases             exercise/case -> verdict of its value
    earned | most     the exact points, or the highest that are right
    unreadable        the reason, for a file that holds no notebook
    honest_rest       true: the exercises that it leaves out are filled in from _honest.py, but those in `drop`
    limits            tighter limits, so that an attack on time costs less of it
    expand            word -> [text, times]: what is too long to be written out
    grader_memory_mb  how much the grading process may grow
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import os
import re
import resource
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from limits_for_tests import cpu_limit

from grader.notebook import Unreadable
from grader.pipeline import Context, grade, needed_part, read_notebook
from grader.result import to_dict, to_json
from grader.types import Chunk, Graded, Limits, Program, Submission, Verdict

if sys.platform != "linux":
    pytest.skip("strangers' code is run on Linux only", allow_module_level=True)

from grader.sandbox.attempts import BUDGET, PRINT_LIMIT

HOSTILE = Path(__file__).parent / "hostile"
NAMES = sorted(folder.name for folder in HOSTILE.iterdir() if (folder / "expected.yaml").exists())
HONEST = (HOSTILE / "_honest.py").read_text("utf-8")
MARK = "hostile-was-here"  # in the name of every file that an attack tries to make
CANARY = f"canary-of-the-grader-{secrets.token_hex(16)}"
# Text of the reference, the rubric, the grader's memory and the system that no submission can know.
SECRETS = (
    CANARY,
    "Hinton, Vinyals",
    "Zagoruyko & Komodakis",
    "grader development secret",
    "# All points and",
    "root:x:0",
)
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


# ---------------------------------------------------------------- what attacks are after


@dataclass(frozen=True)
class Surroundings:
    """Places and processes that attacks are told about, with a secret in each."""

    folder: Path  # everybody may write here
    root: Path
    in_root: Path
    decoy: subprocess.Popen[bytes]
    listener: socket.socket
    scratch: Path  # the sandbox's; workers mount their own over it

    def words(self) -> dict[str, str]:
        """What stands for what in a submission's text."""
        return {
            "@CANARIES@": str(self.folder),
            "@ROOT_CANARY@": str(self.in_root),
            "@ROOT@": str(self.root),
            "@DECOY@": str(self.decoy.pid),
            "@GRADER@": str(os.getpid()),
            "@PORT@": str(self.listener.getsockname()[1]),
        }

    def state(self) -> dict[str, object]:
        """Everything that an attack must leave as it is; compared before and after."""
        return {
            "files": {str(path): _facts(path) for path in self._targets()},
            "made": _marked(self.root),
            "scratch": os.listdir(self.scratch) if self.scratch.exists() else [],
            "processes": _descendants(os.getpid()),
            "decoy": (self.decoy.poll(), os.getpriority(os.PRIO_PROCESS, self.decoy.pid), _limits(self.decoy.pid)),
            "grader": (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0), _limits(os.getpid())),
            "connected": _connected(self.listener),
        }

    def _targets(self) -> list[Path]:
        targets = [self.folder, self.in_root, self.root / "rubric.yaml", Path("/etc/passwd")]
        for tree in (self.folder, self.root / "reference", self.root / "assignments", HOSTILE):
            targets += tree.rglob("*")
        for package in ("numpy", "tensorflow", "keras"):
            spec = find_spec(package)
            assert spec is not None
            assert spec.origin is not None
            targets += [Path(spec.origin).parent, *Path(spec.origin).parent.iterdir()]
        return [path for path in targets if "__pycache__" not in path.parts]


def _facts(path: Path) -> tuple[int, ...]:
    at = path.lstat()
    return (at.st_ino, at.st_mode, at.st_uid, at.st_nlink, at.st_size, at.st_mtime_ns, at.st_ctime_ns)


def _marked(root: Path) -> list[str]:
    folders = [root, root / ".grader", *map(Path, ("/tmp", "/var/tmp", "/dev/shm", "/")), Path.home()]
    return [str(path) for folder in folders if folder.is_dir() for path in folder.iterdir() if MARK in path.name]


def _limits(pid: int) -> list[tuple[int, int]]:
    return [
        resource.prlimit(pid, kind) for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_CPU, resource.RLIMIT_AS)
    ]


def _connected(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return False
    return True


def _descendants(pid: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # gone in the meantime
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    todo = [pid]
    while todo:
        own = children.get(todo.pop(), [])
        found.update(own)
        todo += own
    return found


@pytest.fixture(scope="module")
def around(context: Context, root: Path) -> Iterator[Surroundings]:
    """Canaries in places that everybody may read and write, and a process of the workers' own user."""
    libc = ctypes.CDLL(None)
    libc.prctl(SUBREAPER, 1, 0, 0, 0)  # a process that outlives its worker becomes our child, and is seen
    layers: tuple[str, ...] = context.sandbox.layers  # type: ignore[attr-defined]
    user = next((int(layer.removeprefix("uid ")) for layer in layers if layer.startswith("uid ")), None)
    in_root = root / f".canary-{os.getpid()}"
    names = (
        "secret.txt",
        "private.txt",
        "grades.csv",
        "result.json",
        "journal.sqlite",
        "other-learner.ipynb",
        "open/x",
    )
    with (
        tempfile.TemporaryDirectory(prefix="grader-canaries-", dir="/tmp") as name,
        subprocess.Popen(["/bin/sleep", "3600"], env={"GRADER_SECRET": CANARY}, user=user) as decoy,
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.MonkeyPatch.context() as patch,
    ):
        try:
            patch.setenv("GRADER_SECRET", CANARY)
            listener.setblocking(False)
            folder = Path(name)
            for open_to_all in (folder, folder / "open"):
                open_to_all.mkdir(exist_ok=True)
                open_to_all.chmod(0o777)
            for path in (*(folder / n for n in names), in_root):
                path.write_text(f"{CANARY}\n")
                path.chmod(0o600 if path.stem == "private" else 0o666)
            asked = Program((Chunk("import os; print(os.getcwd())", None),), {})
            scratch = context.sandbox.run(asked, (), Limits()).printed.strip()
            yield Surroundings(folder, root, in_root, decoy, listener, Path(scratch))
        finally:
            in_root.unlink(missing_ok=True)
            decoy.kill()
            libc.prctl(SUBREAPER, 0, 0, 0, 0)


# ---------------------------------------------------------------- submissions


def _expected(name: str) -> dict[str, Any]:
    expected: dict[str, Any] = yaml.safe_load((HOSTILE / name / "expected.yaml").read_text("utf-8"))
    return expected


def _submission(name: str, text: str) -> Submission:
    return Submission(name, name, text.encode("utf-8", "surrogatepass"), "")


def known_by_heart(context: Context) -> str:
    """What a learner can know of the public cases of one exercise, as source text."""
    known = {}
    for expected in context.expectations.cases.values():
        if expected.case.exercise == "knowledge_distillation" and expected.case.public:
            right = expected.families["reference"]
            first = expected.case.inputs["l_t"]
            assert isinstance(first, np.ndarray)
            assert right.value is not None
            gradient = np.asarray(right.gradients["l_s"], "<f4")
            known[float(first[0, 0])] = (float(right.value), gradient.shape, gradient.tobytes().hex())
    return repr(known)


def _hostile(name: str, expected: dict[str, Any], around: Surroundings, context: Context) -> Submission:
    """The folder's file with its words replaced, and where it asks for it the exercises it leaves out, right."""
    (path,) = (HOSTILE / name).glob("submission.*")
    text = path.read_text("utf-8")
    for word, value in {**around.words(), "KNOWN_BY_HEART": known_by_heart(context)}.items():
        text = text.replace(word, value)
    for word, (part, times) in expected.get("expand", {}).items():
        text = text.replace(word, part * times)
    if expected.get("honest_rest"):
        text += "\n\n" + _rest(text, expected.get("drop", ()))
    return _submission(f"{name}{path.suffix}", text)


def _rest(text: str, dropped: tuple[str, ...]) -> str:
    defined = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)} | set(dropped)
    honest = [n for n in ast.parse(HONEST).body if not isinstance(n, ast.FunctionDef) or n.name not in defined]
    return "\n\n".join(ast.unparse(node) for node in honest[1:])  # without the docstring


HONEST_ONE = _submission("honest.py", HONEST)


# ---------------------------------------------------------------- judging the judgement


def demand_full_marks(graded: Graded, who: str) -> None:
    """An honest submission must not notice what others do."""
    ended = {r.exercise: str(r.verdict) for r in graded.results}
    assert graded.internal == "", who
    assert graded.grade.earned == graded.grade.possible, (who, ended)
    assert graded.run is not None
    assert (graded.run.workers, graded.run.load_faults, graded.run.printed) == (1, (), ""), who


def demand_verdicts(graded: Graded, expected: dict[str, Any]) -> None:
    """What the folder says; a list where the kernel decides between equally right verdicts."""
    assert graded.internal == ""
    assert graded.grade.final is True
    assert graded.unreadable.partition(":")[0] == expected.get("unreadable", "")
    told = {r.exercise: str(r.verdict) for r in graded.results}
    faults = (
        [o.fault or o.detail for o in graded.run.observations.values() if o.fault or o.detail]
        if graded.run
        else []
    )
    for exercise, verdict in expected.get("verdicts", {}).items():
        allowed = [verdict] if isinstance(verdict, str) else verdict
        assert set(allowed) <= {*Verdict}
        assert told[exercise] in allowed, (exercise, told, faults)
    checks = {
        f"{c.exercise}/{c.case}": str(c.verdict) for r in graded.results for c in r.checks if c.check == "value"
    }
    assert {case: checks[case] for case in expected.get("cases", {})} == expected.get("cases", {})
    assert ("earned" in expected) != ("most" in expected)
    assert graded.grade.earned == expected.get("earned", graded.grade.earned), told
    assert graded.grade.earned <= expected.get("most", expected.get("earned", 0)), told


def demand_silence(graded: Graded, context: Context) -> None:
    """No secret in anything that came out of the worker, and no hidden input in what a learner is shown."""
    shown = "".join(to_json(to_dict(graded, context.expectations, lang)) for lang in ("en", "ko"))
    run = graded.run
    faults = [*run.load_faults, *(o.fault for o in run.observations.values() if o.fault)] if run else []
    said = [text for fault in faults for text in (fault.type, fault.message)]
    for text in (shown, run.printed if run else "", *said):
        assert [secret for secret in SECRETS if secret in text] == []
    assert [text for text in said if len(text) > 2000 or UNPRINTABLE.search(text)] == []
    assert UNPRINTABLE.search(shown) is None
    assert len((run.printed if run else "").encode()) <= 3 * PRINT_LIMIT  # replacement characters are longer
    cases = [expected.case for expected in context.expectations.cases.values() if not expected.case.public]
    arrays = [
        (case.id, value) for case in cases for value in case.inputs.values() if isinstance(value, np.ndarray)
    ]
    assert {id for id, array in arrays if array.size > 3 and array.tobytes()[:16].hex() in shown} == set()


def demand_a_parser_that_ends(submission: Submission, context: Context) -> None:
    """What the grading process itself does with a file takes bounded time."""
    with cpu_limit(60), contextlib.suppress(Unreadable):
        needed_part(read_notebook(submission), context)


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_gains_nothing_and_disturbs_nobody(name: str, context: Context, around: Surroundings) -> None:
    expected = _expected(name)
    submission = _hostile(name, expected, around, context)
    limits = replace(context.assignment.limits, **expected.get("limits", {}))
    bounded = replace(context, assignment=replace(context.assignment, limits=limits))
    before = around.state()
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        neighbour = pool.submit(grade, HONEST_ONE, context)
        hostile = grade(submission, bounded)
        took = time.monotonic() - started
    after = around.state()
    demand_full_marks(neighbour.result(), "the neighbour")
    demand_full_marks(grade(HONEST_ONE, context), "the successor")
    assert [key for key in before if before[key] != after[key]] == []
    assert took < BUDGET * limits.wall_s + 15
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb
        < expected.get("grader_memory_mb", 700) << 10
    )
    demand_verdicts(hostile, expected)
    demand_silence(hostile, context)
    demand_a_parser_that_ends(submission, context)


def test_there_are_attacks_and_each_says_what_it_tries() -> None:
    assert len(NAMES) >= 45
    assert [name for name in NAMES if not _expected(name).get("because")] == []


# ---------------------------------------------------------------- these checks bite


BREACHES: dict[str, tuple[str, Callable[[Surroundings], object]]] = {
    "a file that changed": ("files", lambda around: (around.folder / "grades.csv").write_text("forged")),
    "a file that came": ("files", lambda around: (around.folder / "new").touch()),
    "other permissions": ("files", lambda around: around.in_root.chmod(0o644)),
    "a marked file": ("made", lambda around: Path(f"/tmp/{MARK}").touch()),
    "a process": ("processes", lambda around: subprocess.Popen(["/bin/sleep", "60"])),
    "a niceness": ("decoy", lambda around: os.setpriority(os.PRIO_PROCESS, around.decoy.pid, 19)),
    "a connection": ("connected", lambda around: socket.create_connection(around.listener.getsockname())),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_seen(name: str, around: Surroundings) -> None:
    where, breach = BREACHES[name]
    before, facts = around.state(), (around.folder / "grades.csv").read_text()
    left = breach(around)
    try:
        after = around.state()
        assert where in [key for key in before if before[key] != after[key]]
    finally:
        if isinstance(left, subprocess.Popen):
            left.kill()
            left.wait()
        elif isinstance(left, socket.socket):
            left.close()
        (around.folder / "grades.csv").write_text(facts)
        (around.folder / "new").unlink(missing_ok=True)
        Path(f"/tmp/{MARK}").unlink(missing_ok=True)
        if os.getuid() == 0:
            os.setpriority(os.PRIO_PROCESS, around.decoy.pid, 0)


def test_a_secret_that_is_told_is_seen(context: Context, around: Surroundings) -> None:
    told = f"def knowledge_distillation(l_t, l_s, T):\n    raise ValueError({CANARY!r})\n"
    printed = f"def knowledge_distillation(l_t, l_s, T):\n    print({CANARY!r})\n    return 0.0\n"
    for text in (told, printed):
        with pytest.raises(AssertionError):
            demand_silence(grade(_submission("told.py", text), context), context)
