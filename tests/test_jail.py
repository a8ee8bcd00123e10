"""Attacks from inside a worker, and the layers one by one."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.types import Call, Chunk, Limits, Observation, Program, Run, Verdict

if sys.platform != "linux":
    pytest.skip("the sandbox needs Linux", allow_module_level=True)

from grader.sandbox import jail, kernel, landlock, launch, limits, plain, pool, seccomp, survey
from grader.sandbox.pool import Zygote

if not seccomp.available():
    pytest.skip("this kernel or machine has no seccomp filter", allow_module_level=True)
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")

LIMITS = Limits(wall_s=6.0, cpu_s=3, memory_mb=512)
HEAD = """
import ctypes, os, resource as rs, socket, struct, sys, threading, time
import numpy as np
from grader.sandbox import wire
libc = ctypes.CDLL(None, use_errno=True)
def refused(attempt, *kinds):
    try:
        got = attempt()
    except kinds or (OSError,):
        return 1.0
    return 1.0 if isinstance(got, int) and got == -1 else 0.0
"""

HOME = Path.home()


def attack(zygote: Zygote, body: str, limits: Limits = LIMITS) -> tuple[Observation, Run]:
    """Run ``def attack(): body``, and then an honest function in the same run, which must be answered."""
    source = (
        HEAD
        + "def attack():\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
        + "\ndef honest():\n    return 42.0"
    )
    program = Program((Chunk(source, 1),), {}, {1: source})
    calls = [Call("attack/a", "attack", (), (), {}), Call("honest/a", "honest", (), (), {})]
    run = zygote.run(program, calls, limits)
    assert run.observations["honest/a"].value == 42.0
    return run.observations["attack/a"], run


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote("numpy", box="self") as made:
        yield made


@pytest.fixture(scope="module")
def sealed() -> Iterator[Zygote]:
    with Zygote("numpy", box="self", without=("landlock",)) as made:
        yield made


@pytest.fixture(scope="module")
def unwritable() -> Iterator[Zygote]:
    with Zygote("numpy", box="self", without=("scratch",)) as made:
        yield made


@pytest.fixture
def secret() -> Iterator[Path]:
    """A file that anybody may read as far as permissions go, outside pytest's 0700 folders."""
    path = Path(f"/tmp/grader-test-secret-{os.getpid()}")
    path.write_text("the reference")
    path.chmod(0o644)
    yield path
    path.unlink(missing_ok=True)


REFUSED = {
    "read a system file": 'return refused(lambda: open("/etc/passwd").read())',
    "list a folder": 'return refused(lambda: os.listdir("/home"))',
    "read the parent's environment": 'return refused(lambda: open(f"/proc/{os.getppid()}/environ").read())',
    "read the parent's memory": 'return refused(lambda: open(f"/proc/{os.getppid()}/mem", "rb"))',
    "inet socket": "return refused(lambda: socket.socket())",
    "unix socket": "return refused(lambda: socket.socket(socket.AF_UNIX))",
    "netlink socket": "return refused(lambda: socket.socket(socket.AF_NETLINK))",
    "socket pair": "return refused(socket.socketpair)",
    "name look-up": 'return refused(lambda: socket.getaddrinfo("example.org", 80))',
    "fork": "return refused(os.fork)",
    "vfork": "return refused(lambda: libc.syscall(58) if os.uname().machine == 'x86_64' else -1)",
    "clone": "return refused(lambda: libc.syscall({'x86_64': 56}.get(os.uname().machine, 220), 17, 0, 0, 0, 0))",
    "clone3": "return refused(lambda: libc.syscall(435, bytes(88), 88))",
    "a shell": 'return refused(lambda: __import__("subprocess").run(["/bin/sh", "-c", "true"]))',
    "execve": 'return refused(lambda: os.execv("/bin/true", ["true"]))',
    "kill the parent": "return refused(lambda: os.kill(os.getppid(), 9))",
    "kill everybody": "return refused(lambda: os.kill(-1, 9))",
    "kill the group": "return refused(lambda: os.killpg(0, 9))",
    "raise a limit": "return refused(lambda: rs.setrlimit(rs.RLIMIT_CPU, (1000, 1000)), OSError, ValueError)",
    "limit the parent": "return refused(lambda: rs.prlimit(os.getppid(), rs.RLIMIT_CPU, (1, 1)))",
    "become somebody": "return refused(lambda: os.setresuid(12345, 12345, 12345))",
    "write a file": 'return refused(lambda: open("/tmp/grader-test-written", "w"))',
    "edit a library": 'return refused(lambda: open(np.__file__, "r+"))',
    "delete a library": "return refused(lambda: os.unlink(np.__file__))",
    "shared memory": 'return refused(lambda: os.open("/dev/shm/x", os.O_CREAT | os.O_RDWR))',
    "memfd": 'return refused(lambda: os.memfd_create("x"))',
    "io_uring": "return refused(lambda: libc.syscall(425, 8, bytes(120)))",
    "outlive the parent": "return refused(lambda: libc.prctl(1, 0, 0, 0, 0))",
    "gain privileges": "return refused(lambda: libc.prctl(38, 0, 0, 0, 0))",
    "change priority": "return refused(lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19))",
    "new calls": "return refused(lambda: libc.syscall(460))",
    "x32 calls": "return refused(lambda: libc.syscall(0x40000000 + 39))",
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", ["zygote", "sealed", "unwritable"])
def test_what_is_refused_raises_and_harms_nothing(request: pytest.FixtureRequest, kind: str, name: str) -> None:
    if kind != "sealed" and not landlock.version():
        pytest.skip("this kernel has no Landlock")
    observation, run = attack(request.getfixturevalue(kind), REFUSED[name])
    assert observation.ended is Verdict.PASSED, (observation, run.printed)
    assert observation.value == 1.0
    assert run.workers == 1


@pytest.mark.parametrize("kind", ["zygote", "sealed", "unwritable"])
def test_a_file_that_everybody_may_read_is_kept_out(
    request: pytest.FixtureRequest, secret: Path, kind: str
) -> None:
    body = f'return refused(lambda: open("{secret}").read()) * refused(lambda: os.open("{secret}", 0))'
    assert attack(request.getfixturevalue(kind), body)[0].value == 1.0
    assert secret.read_text() == "the reference"


def test_the_project_itself_cannot_be_read(zygote: Zygote) -> None:
    body = f"""
        files = {[str(launch.PACKAGE / "types.py"), str(Path(launch.ROOT) / "rubric.yaml"), __file__]}
        kept = [refused(lambda: open(f).read()) for f in files]
        return min([*kept, refused(lambda: os.listdir({launch.ROOT!r}))])
    """
    assert attack(zygote, body)[0].value == 1.0


FORBIDDEN = {
    "ptrace": "libc.ptrace(16, os.getppid(), 0, 0)",
    "process_vm_readv": "libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0)",
    "mount": 'libc.mount(b"none", b"/tmp", b"tmpfs", 0, 0)',
    "unshare": "libc.unshare(0x10000000)",
    "bpf": "libc.syscall({'x86_64': 321}.get(os.uname().machine, 280), 0, 0, 0)",
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_nobody_does_by_accident_is_forbidden(zygote: Zygote, name: str) -> None:
    observation, run = attack(zygote, f"return float({FORBIDDEN[name]})")
    assert (observation.ended, observation.detail) == (Verdict.FORBIDDEN, "a forbidden system call")
    assert run.workers == 2


@pytest.mark.skipif(kernel.MACHINE != "x86_64", reason="the 32-bit call table of x86")
def test_the_32_bit_call_table_is_forbidden(zygote: Zygote) -> None:
    body = """
        import mmap
        code = b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3"  # mov eax, 20; int 0x80; ret
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(code)
        return float(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
    """
    assert attack(zygote, body)[0].ended is Verdict.FORBIDDEN


SEND = "wire.send(3, {'is': 'value', 'id': 'ID'}, {'value': np.ones(3)})"
ENDS = {
    "leave": ("os._exit(0)", Verdict.EXITED),
    "infinite loop": ("while True: pass", Verdict.CPU),
    "deaf infinite loop": (
        """
        import signal
        for s in set(signal.Signals) - {9, 19}:
            signal.signal(s, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
        while True: pass
        """,
        Verdict.CPU,
    ),
    "sleep": ("time.sleep(100)", Verdict.TIMEOUT),
    "stop itself": ("os.kill(os.getpid(), 19)", Verdict.TIMEOUT),
    "segfault": ("ctypes.string_at(0)", Verdict.CRASHED),
    "abort": ("os.abort()", Verdict.CRASHED),
    "kill itself": ("os.kill(os.getpid(), 9)", Verdict.CRASHED),
    "close everything": ("os.closerange(0, 100)", Verdict.EXITED),
    "memory": ("np.ones(1 << 32)", Verdict.MEMORY),
    "memory, slowly": ("kept = []\nwhile True: kept.append(bytearray(1 << 24))", Verdict.MEMORY),
    "recursion": ("def f(): return f()\nreturn f()", Verdict.ERROR),
    "message without end": (
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
        Verdict.CPU,
    ),
    "message that raises": ("class E(Exception):\n    def __str__(self): raise E\nraise E", Verdict.ERROR),
    "message that is none": ("class E(Exception):\n    def __str__(self): return 1\nraise E", Verdict.ERROR),
    "huge message": ("raise ValueError('\\x1b[2J' * (1 << 22))", Verdict.ERROR),
    "array that raises": (
        "class A:\n    def __array__(self, *a, **k): raise SystemExit\nreturn A()",
        Verdict.ERROR,
    ),
    "garbage": ("os.write(3, os.urandom(64)); time.sleep(100)", Verdict.FORGED),
    "pickle": ("import pickle; os.write(3, pickle.dumps([1] * 100)); time.sleep(100)", Verdict.FORGED),
    "huge length": ("os.write(3, b'\\xff\\xff\\xff\\x7f' + bytes(1 << 20)); time.sleep(100)", Verdict.FORGED),
    "deep JSON": (
        "d = b'[' * 200000\nos.write(3, struct.pack('<II', len(d) + 4, len(d)) + d); time.sleep(100)",
        Verdict.FORGED,
    ),
    "flood of frames": (f"while True: {SEND.replace('ID', 'attack/a')}", Verdict.FORGED),
    "flood of megabytes": (
        f"while True: {SEND.replace('ID', 'attack/a').replace('(3)', '(1 << 20)')}",
        Verdict.FORGED,
    ),
    "another's reply": (f"{SEND.replace('ID', 'honest/a')}; time.sleep(100)", Verdict.FORGED),
    "gradients that nobody asked for": (
        """
        one = np.ones(1)
        wire.send(3, {"is": "value", "id": "attack/a"}, {"value": one, "d x": one})
        time.sleep(100)
        """,
        Verdict.FORGED,
    ),
    "reply of an object": (
        """
        h = b'{"note": {}, "arrays": [["value", "object", [1]]]}'
        os.write(3, struct.pack("<II", len(h) + 12, len(h)) + h + bytes(8)); time.sleep(100)
        """,
        Verdict.FORGED,
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_every_bad_end_has_its_verdict(zygote: Zygote, name: str) -> None:
    body, verdict = ENDS[name]
    wall_s = 1.5 if verdict is Verdict.TIMEOUT else 6.0
    observation, run = attack(zygote, body, Limits(wall_s=wall_s, cpu_s=1, memory_mb=128))
    assert observation.ended is verdict, (observation, run.printed)
    if observation.fault:
        assert len(observation.fault.message) <= 2000
        assert "\x1b" not in observation.fault.message


def test_a_forged_reply_of_the_right_form_is_only_a_value(zygote: Zygote) -> None:
    source = HEAD + textwrap.dedent("""
        def attack():
            wire.send(3, {"is": "value", "id": "attack/a"}, {"value": np.ones(3)})
            os._exit(0)
    """)
    calls = [Call("attack/a", "attack", (), (), {}), Call("attack/b", "attack", (), (), {})]
    run = zygote.run(Program((Chunk(source, 1),), {}, {1: source}), calls, LIMITS)
    first, second = run.observations.values()
    assert first.value.tolist() == [1, 1, 1]
    assert second.ended is Verdict.EXITED


def test_forging_costs_the_earlier_answers_of_the_exercise_too(zygote: Zygote) -> None:
    source = "import os, time\ndef f():\n    return 1.0\ndef g():\n    os.write(3, bytes(64)); time.sleep(9)"
    calls = [Call(id, id[-1], (), (), {}) for id in ("a/f", "b/f", "b/g", "c/f")]
    run = zygote.run(Program((Chunk(source, 1),), {}, {1: source}), calls, LIMITS)
    ended = {id: o.ended.value for id, o in run.observations.items()}
    assert ended == {"a/f": "passed", "b/f": "forged", "b/g": "forged", "c/f": "passed"}


def test_forging_while_loading_leaves_the_chunk_out(zygote: Zygote) -> None:
    cells = ("import os; os.write(3, bytes(64))", "def f():\n    return 1.0")
    program = Program(tuple(Chunk(c, i) for i, c in enumerate(cells)), {}, dict(enumerate(cells)))
    run = zygote.run(program, [Call("a/f", "f", (), (), {})], LIMITS)
    assert run.observations["a/f"].ended is Verdict.PASSED
    assert [fault.type for fault in run.load_faults] == ["Forged"]


def test_threads_are_bounded_by_memory_and_die_with_the_worker(zygote: Zygote) -> None:
    body = """
        made = 0
        try:
            while True:
                threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
                made += 1
        except RuntimeError:
            return float(made)
    """
    observation, run = attack(zygote, body)
    assert 1 <= observation.value < 1000
    assert run.wall_s < 5


def test_a_flood_of_output_is_drained_and_not_kept(zygote: Zygote) -> None:
    source = "for _ in range(20_000):\n    print('x' * 1000)\ndef f():\n    return 1.0"
    program = Program((Chunk(source, 1),), {}, {1: source})
    attempt = zygote._attempt(program, [0], [Call("f/a", "f", (), (), {})], LIMITS, LIMITS.wall_s)
    assert attempt.observations["f/a"].value == 1.0
    assert len(attempt.printed) == 64 << 10


def test_the_worker_sees_nothing_of_the_graders_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_SECRET", "42")
    with Zygote("numpy", box="self") as fresh:
        body = """
            inherited = open("/proc/self/environ", "rb").read()
            return float("GRADER_SECRET" in os.environ or b"GRADER_SECRET" in inherited or not inherited)
        """
        assert attack(fresh, body)[0].value == 0.0


def test_a_worker_holds_its_own_descriptors_only(zygote: Zygote) -> None:
    body = """
        held = []
        for fd in range(256):
            try:
                os.fstat(fd); held.append(fd)
            except OSError:
                pass
        return np.array(held)
    """
    assert attack(zygote, body)[0].value.tolist() == [0, 1, 2, 3]


def test_scratch_is_private_bounded_and_gone_afterwards(zygote: Zygote) -> None:
    if "private tmpfs" not in zygote.layers:
        pytest.skip("no mount namespace here")
    body = """
        kept = 0
        here = os.listdir(".")
        try:
            for i in range(100):
                open(str(i), "wb").write(bytes(1 << 20)); kept += 1
        except OSError:
            pass
        return np.array([len(here), kept])
    """
    for _ in range(2):
        here, kept = attack(zygote, body, Limits(wall_s=6, cpu_s=3, scratch_mb=8))[0].value
        assert here == 0
        assert 4 <= kept <= 8


def test_without_a_private_file_system_nothing_is_writable(unwritable: Zygote) -> None:
    body = 'import tempfile; return refused(lambda: tempfile.TemporaryFile()) * refused(lambda: open("x", "w"))'
    assert attack(unwritable, body)[0].value == 1.0
    assert "private tmpfs" not in unwritable.layers


# ---------------------------------------------------------------- layers


@needs_landlock
def test_the_layers_in_force_are_told(zygote: Zygote, sealed: Zygote) -> None:
    assert jail.suffices(zygote.layers)
    assert {"rlimits", "no capabilities"} <= set(zygote.layers)
    assert jail.suffices(sealed.layers)
    assert jail.SEALED in sealed.layers


def test_too_little_protection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not jail.suffices(("rlimits", "landlock 7"))
    assert not jail.suffices(("rlimits", "seccomp"))
    with Zygote("numpy", box="self", without=("landlock", "seccomp")) as open_zygote:
        assert not jail.suffices(open_zygote.layers)
    monkeypatch.setattr(jail, "suffices", lambda layers: False)
    with pytest.raises(pool.Unprotected, match="doctor"):
        pool.open_sandbox("numpy")


def test_open_sandbox_is_plain_only_when_asked() -> None:
    with pool.open_sandbox("numpy", unsafe=True) as runner:
        assert isinstance(runner, plain.PlainRunner)


@needs_landlock
def test_the_survey_tells_what_a_worker_tried_in_vain() -> None:
    rows = {name: in_force for name, in_force, _ in survey.survey()}
    assert rows["system call filter"]
    assert rows["Landlock"]
    assert all(in_force for name, in_force in rows.items() if name.startswith("refused: "))
    assert survey.protected()


SEALED = {
    "tensorflow": """
import tensorflow as tf
from tensorflow.keras import layers
from tensorflow.keras.layers import Dense
import tensorflow.keras.backend as K
def f(x):
    return tf.reduce_sum(tf.nn.softmax(Dense(3)(x)))
""",
    "torch": """
import torch
import torch.nn.functional as F
from torch import nn
def f(x):
    return F.softmax(nn.Linear(3, 3)(x), 1).sum()
""",
}


@pytest.mark.parametrize("framework", ["tensorflow", "torch"])
def test_frameworks_work_sealed(framework: str) -> None:
    pytest.importorskip(framework)
    source = SEALED[framework]
    with Zygote(framework, box="self", without=("landlock",)) as made:
        assert jail.SEALED in made.layers
        call = Call("f/a", "f", ("x",), (), {"x": np.ones((2, 3), "f4")}, ("x",))
        run = made.run(Program((Chunk(source, 1),), {}, {1: source}), [call], Limits())
    assert run.load_faults == ()
    assert run.observations["f/a"].value == pytest.approx(2.0), run
    assert np.allclose(run.observations["f/a"].gradients["x"], 0, atol=1e-6)


@pytest.mark.skipif(not launch.bwrap_works(), reason="bubblewrap is not installed or may not work here")
def test_bubblewrap_round_the_zygote(secret: Path) -> None:
    with Zygote("numpy", box="bwrap") as boxed:
        assert "bubblewrap" in boxed.layers
        assert jail.suffices(boxed.layers)
        body = f"""
            there = [os.path.exists(path) for path in ("{secret}", "{launch.ROOT}/rubric.yaml", "{HOME}/.bashrc")]
            return float(any(there) or os.getpid() > 1000)
        """
        assert attack(boxed, body)[0].value == 0.0
        for name in ("read a system file", "inet socket", "fork", "kill everybody"):
            assert attack(boxed, REFUSED[name])[0].value == 1.0


def test_readable_trees_hold_nothing_of_the_project() -> None:
    for tree in launch.readable_trees():
        assert not Path(launch.ROOT).is_relative_to(Path(tree).resolve()), tree
        assert not Path(tree).resolve().is_relative_to(launch.PACKAGE), tree


def test_limits_are_set_as_asked(zygote: Zygote) -> None:
    body = """
        kinds = (rs.RLIMIT_CPU, rs.RLIMIT_FSIZE, rs.RLIMIT_NOFILE, rs.RLIMIT_CORE)
        return np.array([rs.getrlimit(kind) for kind in kinds])
    """
    value = attack(zygote, body, Limits(wall_s=5, cpu_s=7, scratch_mb=8, open_files=99))[0].value
    writable = "private tmpfs" in zygote.layers
    assert value.tolist() == [[7, 7], [writable * 8 << 20] * 2, [99, 99], [0, 0]]
    assert limits.mapped_bytes() > 1 << 20


@pytest.mark.skipif(kernel.MACHINE != "x86_64", reason="compares the x86-64 column")
@pytest.mark.parametrize(
    ("header", "column"),
    [("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 1), ("/usr/include/asm-generic/unistd.h", 2)],
)
def test_call_numbers_are_the_kernels(header: str, column: int) -> None:
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed")
    numbers = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text())
    known = {name: int(number) for name, number in numbers}
    rows = call_rows()
    assert len(rows) > 130
    ours = {row[0]: int(row[column]) for row in rows if row[column]}
    # arm64 names newfstatat "fstatat" there, and has the older getrlimit and renameat by choice.
    missing = set(ours) - set(known)
    assert missing <= {"newfstatat", "getrlimit", "renameat", "futex_waitv", "faccessat2"}
    assert {name: number for name, number in ours.items() if known.get(name, number) != number} == {}


ARCHITECTURES = {"x86_64": (0xC000003E, 1), "aarch64": (0xC00000B7, 2)}
ALLOW, EPERM, ENOSYS, KILL = seccomp.ALLOW, 0x50001, 0x50026, seccomp.KILL
THREAD = 0x3D0F00  # what pthread_create passes to clone
# call, arguments -> what becomes of it where Landlock rules over writing, in a worker that may only read, sealed
DECISIONS = [
    ("read", (), (ALLOW, ALLOW, ALLOW)),
    ("clone", (THREAD,), (ALLOW, ALLOW, ALLOW)),
    ("clone", (17,), (EPERM, EPERM, EPERM)),
    ("clone", (THREAD | 0x10000000,), (EPERM, EPERM, EPERM)),
    ("openat", (0, 0, 0o2000000), (ALLOW, ALLOW, EPERM)),
    ("openat", (0, 0, 0o102), (ALLOW, EPERM, EPERM)),
    ("openat", (0, 0, 0o20200001), (ALLOW, EPERM, EPERM)),
    ("newfstatat", (), (ALLOW, ALLOW, EPERM)),
    ("unlinkat", (), (ALLOW, EPERM, EPERM)),
    ("fchmodat", (), (0x50000, 0x50000, 0x50000)),
    ("kill", (77, 9), (ALLOW, ALLOW, ALLOW)),
    ("kill", (78, 9), (EPERM, EPERM, EPERM)),
    ("kill", (0xFFFFFFFF, 9), (EPERM, EPERM, EPERM)),
    ("tgkill", (77, 77, 6), (ALLOW, ALLOW, ALLOW)),
    ("prlimit64", (0,), (ALLOW, ALLOW, ALLOW)),
    ("prlimit64", (77,), (ALLOW, ALLOW, ALLOW)),
    ("prlimit64", (1,), (EPERM, EPERM, EPERM)),
    ("ioctl", (0, 0x541B), (ALLOW, ALLOW, ALLOW)),
    ("ioctl", (0, 0x5412), (EPERM, EPERM, EPERM)),  # TIOCSTI
    ("fcntl", (0, 1032), (ALLOW, ALLOW, ALLOW)),
    ("fcntl", (0, 8), (EPERM, EPERM, EPERM)),  # F_SETOWN
    ("prctl", (15,), (ALLOW, ALLOW, ALLOW)),
    ("prctl", (1,), (EPERM, EPERM, EPERM)),  # SET_PDEATHSIG
    ("clone3", (), (ENOSYS, ENOSYS, ENOSYS)),
    ("ptrace", (), (KILL, KILL, KILL)),
    (459, (), (EPERM, EPERM, EPERM)),
    (460, (), (ENOSYS, ENOSYS, ENOSYS)),
    (0x40000000, (), (ENOSYS, ENOSYS, ENOSYS)),
]


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_filters_decide_as_meant(machine: str) -> None:
    """Run by a small interpreter, so that the other architecture's filter is tried as well."""
    code = (
        f"import platform; platform.machine = lambda: {machine!r}\n"
        "from grader.sandbox import seccomp\n"
        "print('|'.join(seccomp.assemble(f).hex() for f in seccomp.Files))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=launch.ROOT, text=True
    )
    filters = [bytes.fromhex(text) for text in done.stdout.strip().split("|")]
    architecture, column = ARCHITECTURES[machine]
    table = {row[0]: row[column] for row in call_rows()}
    for name, arguments, wanted in DECISIONS:
        number = name if isinstance(name, int) else int(table[name])
        got = tuple(decide(program, architecture, number, arguments) for program in filters)
        assert got == wanted, (name, arguments)
    for program in filters:
        assert decide(program, 0x40000003, 0, ()) == KILL  # another architecture's call table
        assert len(program) // 8 < 4096


def call_rows() -> list[list[str]]:
    source = Path(seccomp.__file__).read_text(encoding="utf-8")
    return [word.split(":") for word in re.findall(r"\b\w+:\d*:\d*(?=[\s\"])", source)]


def decide(program: bytes, architecture: int, number: int, arguments: tuple[int, ...], pid: int = 77) -> int:
    """Classic BPF: load a word, and, jump if equal, jump if not below, return."""
    program = program.replace(struct.pack("=I", seccomp.MYSELF), struct.pack("=I", pid))
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("=IIQ6Q", number, architecture, 0, *padded)
    at = word = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (word,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            word &= value
        elif code in (0x15, 0x35):
            at += if_true if (word == value if code == 0x15 else word >= value) else if_false
        else:
            assert code == 0x06
            return int(value)
