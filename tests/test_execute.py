"""Whole notebooks, cell by cell, in their own sandbox: what runs, what fails first, and what stays inside."""

from __future__ import annotations

import importlib.util
import os
import resource
import secrets
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.execute.doubt import doubt
from grader.execute.records import Bounds
from grader.types import Cell, Execution, Fault, Notebook, Place, Substitution, Verdict

if sys.platform != "linux":
    pytest.skip("strangers' code is run on Linux only", allow_module_level=True)
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

from grader.execute import run
from grader.execute.dialogue import Dialogue, Forged
from grader.execute.run import execute
from grader.modes import Mode
from grader.sandbox import wire
from grader.sandbox.pool import NotInstalled, SandboxLost, Unprotected

SHORT = Bounds(wall_s=20, cpu_s=10, memory_mb=1024)
PLAIN = Mode("numpy")
MARK = "GRADER_TEST_MARK"


def notebook(*sources: str) -> Notebook:
    """Cells 1, 3, 5, ...: text stands between them."""
    return Notebook(tuple(Cell(1 + 2 * i, textwrap.dedent(source)) for i, source in enumerate(sources)))


def processes(mark: str) -> list[int]:
    """The processes that have it in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """However it ended: no process of it lives on."""
    mark = secrets.token_hex(16)
    real = run.environment
    monkeypatch.setattr(run, "environment", lambda mode: {**real(mode), MARK: mark})
    yield mark
    assert not processes(mark)


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    try:
        execute(notebook("1"), SHORT, mode=PLAIN)
    except Unprotected as why:
        pytest.skip(str(why))


def plain(*sources: str, bounds: Bounds = SHORT, stand_ins: str = "") -> Execution:
    return execute(notebook(*sources), bounds, mode=PLAIN, stand_ins=stand_ins)


HELLO = {"is": "hello", "layers": [], "versions": {}}


def told(done: Execution, kind: str) -> list[str]:
    return [s.detail for s in done.substitutions if s.kind == kind]


# ---------------------------------------------------------------- what ran


def test_a_notebook_that_runs_clean() -> None:
    done = plain("x = 1", "", "def f():\n    return x + 1\nf()", "%%time\nassert f() == 2", "print('안녕')")
    assert done.ended is Verdict.PASSED, done
    assert done.ran == (1, 3, 5, 7, 9)
    assert (done.cells, done.cell, done.line, done.fault, done.mode) == (5, None, None, None, "numpy")
    assert done.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"private root", "no capabilities", "rlimits", "seccomp (notebook)"} <= set(done.layers)
    assert any(layer.startswith("landlock ") for layer in done.layers)
    assert min(done.seconds, done.startup_s, done.cpu_s, done.memory_mb) > 0


def test_the_first_failing_cell_is_named_and_nothing_after_it_runs() -> None:
    done = plain("def f():\n    return 1 / 0", "\n\nx = 1\nf()", "open('made', 'w')")
    assert done.ended is Verdict.ERROR
    assert (done.cell, done.line, done.ran) == (3, 4, (1,))
    assert done.fault is not None
    assert (done.fault.type, done.fault.message) == ("ZeroDivisionError", "division by zero")
    assert done.fault.place == Place(1, 2)


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("x = (\n", "SyntaxError", 1),
        ("x = 1\nloss = ?", "SyntaxError", 2),
        ("x = 1\nraise SystemExit(3)", "SystemExit", 2),
        ("input()", "StdinNotImplementedError", 1),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("class E(Exception):\n    pass\nraise E('\\x1b[31m' + 'x' * 5000 + '\\u202e')", "E", 3),
    ],
)
def test_how_a_cell_fails(source: str, kind: str, line: int) -> None:
    done = plain("y = 1", source)
    assert (done.ended, done.cell) == (Verdict.ERROR, 3)
    assert done.fault is not None
    assert (done.fault.type, done.line) == (kind, line)
    assert len(done.fault.message) <= 2000
    assert not {"\x1b", "\u202e"} & set(done.fault.message)


def test_exit_ends_it_there() -> None:
    done = plain("x = 1", "exit()", "x = 2")
    assert (done.ended, done.cell, done.ran) == (Verdict.EXITED, 3, (1,))


# ---------------------------------------------------------------- surroundings


def test_commands_and_magics_do_nothing_and_are_told() -> None:
    done = plain(
        """
        %matplotlib inline
        !pip install torch
        %pip install numpy
        files = !ls
        assert files == []
        !wget -q https://example.org/x.zip \\
            -O x.zip
        %load_ext tensorboard
        %tensorflow_version 1.x
        """,
        "%%bash\nrm -rf /",
        "pip install kaggle --upgrade",
        """
        import os
        os.system('rm -rf /')
        from google.colab import drive, files
        drive.mount('/content/drive')
        os.listdir('/content/drive/MyDrive')
        files.upload()
        import matplotlib.pyplot as plt, seaborn as sns
        from plotly import express as px
        from mpl_toolkits.mplot3d import Axes3D
        figure, (left, right) = plt.subplots(1, 2)
        left.plot(range(10), [1]); plt.imshow(None).set_clim(0, 1)
        n, bins, patches = plt.hist([1])
        plt.show()
        """,
    )
    assert done.ended is Verdict.PASSED, done
    assert {"pip install torch", "ls", "rm -rf /", "drive.mount('/content/drive')"} <= set(told(done, "shell"))
    assert {"%matplotlib inline", "%pip install numpy", "%%bash"} <= set(told(done, "magic"))
    assert {"matplotlib", "seaborn", "plotly"} <= set(told(done, "module"))
    assert next(s.cell for s in done.substitutions if s.detail == "%%bash") == 3


def test_files_are_written_and_gone_afterwards() -> None:
    source = """
        import os, pathlib, tempfile
        assert os.getcwd() == '/content'
        for number, folder in enumerate(('.', '/content', '/tmp', tempfile.gettempdir(), os.path.expanduser('~'))):
            path = pathlib.Path(folder, f'left-behind-{number}')
            assert not path.exists()
            path.write_text('x'); path.unlink(); path.write_text('x')
    """
    assert plain(source).ended is Verdict.PASSED
    assert plain(source).ended is Verdict.PASSED
    assert not Path("/tmp/left-behind-2").exists()


def test_an_assignment_brings_its_own_files() -> None:
    own = "import numpy as np\ndef prepare():\n    np.save('10_train.npy', np.zeros((4, 2)))"
    done = plain("import numpy as np\nassert np.load('10_train.npy').shape == (4, 2)", stand_ins=own)
    assert done.ended is Verdict.PASSED, done
    assert told(done, "files") == ["10_train.npy"]


def test_loops_over_epochs_and_steps_are_short_and_the_numbers_stay() -> None:
    done = plain(
        "num_epochs, n = 10, 5\nepochs_run = []\nfor epoch in range(num_epochs):\n    epochs_run.append(epoch)",
        "def train(epochs, steps_per_epoch=7):\n"
        "    return [[s for s in list(_)] for _ in []] or sum(1 for i in [0])\n"
        "def go(max_epochs):\n    done = []\n    for e in range(1, max_epochs + 1):\n"
        "        for step in range(300):\n            done.append((e, step))\n    return done",
        "assert epochs_run == [0] and num_epochs == 10\nassert go(5) == [(1, 0)]",
        "total = 0\nfor i in range(n):\n    total += 1\nassert total == len([i for i in range(n)]) == 5",
    )
    assert done.ended is Verdict.PASSED, done
    assert told(done, "epochs") == ["for ... in range: 10 -> 1", "for ... in range: 5 -> 1"]
    assert told(done, "steps") == ["for ... in range: 300 -> 1"]


CUT = (Substitution("epochs", "fit: 10 -> 1"),)


@pytest.mark.parametrize(
    ("fault", "substitutions", "expected"),
    [
        (Fault("Exception", "URL fetch failure on https://example.org"), (), "network"),
        (Fault("FileNotFoundError", "[Errno 2] No such file or directory: 'cats.zip'"), (), "file: cats.zip"),
        (
            Fault("ModuleNotFoundError", "No module named 'tensorflow_addons.layers'"),
            (),
            "module: tensorflow_addons",
        ),
        (Fault("ModuleNotFoundError", "No module named 'tensorfow'"), (), ""),
        (Fault("IndexError", "list index out of range"), CUT, "stand_in"),
        (Fault("IndexError", "list index out of range"), (), ""),
        (Fault("AssertionError", ""), (Substitution("data_set", "keras.datasets.mnist"),), "stand_in"),
        (Fault("AssertionError", ""), (), ""),
        (Fault("ValueError", "shapes (2,) and (3,)"), CUT, ""),
        (Fault("AttributeError", "'Table' object has no attribute 'x'"), (), "stand_in"),
        (Fault("TypeError", "f() missing 1 argument"), (Substitution("module", "pandas"),), "stand_in"),
        (Fault("TypeError", "f() missing 1 argument"), (Substitution("module", "matplotlib"),), ""),
    ],
)
def test_which_failures_are_doubtful(fault: Fault, substitutions: tuple[Substitution, ...], expected: str) -> None:
    assert doubt(fault, substitutions) == expected


def test_what_the_sandbox_lacks_is_not_held_against_the_learner() -> None:
    done = plain("import urllib.request\nurllib.request.urlopen('http://example.org')")
    assert (done.ended, done.detail) == (Verdict.INCONCLUSIVE, "network"), done
    done = plain("done = []\nfor epoch in range(3):\n    done.append(1)\ndone[2]")
    assert (done.ended, done.detail, done.line) == (Verdict.INCONCLUSIVE, "stand_in", 4), done


# ---------------------------------------------------------------- hostile


def test_a_cell_that_hangs_is_named() -> None:
    done = plain("x = 1", "import time\ntime.sleep(1000)", bounds=Bounds(wall_s=1.5))
    assert (done.ended, done.cell, done.ran, done.detail) == (Verdict.TIMEOUT, 3, (1,), "over 1.5 s")
    assert done.seconds < 15


def test_a_cell_that_computes_for_ever_is_named() -> None:
    started = time.monotonic()
    done = plain("x = 1", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass",
                 bounds=Bounds(wall_s=60, cpu_s=1))  # fmt: skip
    assert (done.ended, done.cell) == (Verdict.CPU, 3)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("source", "ended", "detail"),
    [
        ("import os; os._exit(0)", "exited", "exit status 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "crashed", "signal 9"),
        ("import ctypes; ctypes.string_at(0)", "crashed", "signal 11"),
        ("import os; os.abort()", "crashed", "signal 6"),
        ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", "forbidden", "a forbidden system call"),
    ],
)
def test_the_end_of_the_kernel_is_seen_from_outside(source: str, ended: str, detail: str) -> None:
    done = plain("x = 1", source, "y = 1")
    assert (done.ended, done.detail, done.cell) == (ended, detail, 3)


def test_memory_is_bounded() -> None:
    done = plain("import numpy as np\nx = np.ones((8000, 1 << 20))", bounds=Bounds(memory_mb=512))
    assert (done.ended, done.cell) == (Verdict.MEMORY, 1)
    done = plain("x = []\nwhile True:\n    x.append(bytearray(1 << 24))", bounds=Bounds(memory_mb=512))
    assert done.ended is Verdict.MEMORY
    assert done.memory_mb < 1024


def test_output_without_end_fills_nothing() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = plain("while True:\n    print('x' * 10000)", bounds=Bounds(wall_s=4, cpu_s=20, memory_mb=1024))
    assert (done.ended, done.cell) == (Verdict.TIMEOUT, 1)
    assert done.memory_mb < 150
    assert told(done, "output") == ["cell 1"]
    done = plain("import os\nwhile True:\n    os.write(1, b'x' * 10000)", bounds=Bounds(wall_s=2, cpu_s=20))
    assert done.ended is Verdict.TIMEOUT
    assert len(done.printed) <= run.PRINT_LIMIT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


REFUSED = """
    import os, signal, socket, subprocess, sys
    def refused(attempt):
        try:
            attempt()
        except OSError:
            return True
        return False
    def listed(folder):  # libraries may lie below it: then the way to them is there, and nothing else
        if not set(os.listdir(folder)) - {'.venv'}:
            raise FileNotFoundError(folder)
    left = {
        'fork': lambda: os.fork() or os._exit(0),
        'subprocess': lambda: subprocess.run(['/bin/true']),
        'exec': lambda: os.execv('/bin/true', ['true']),
        'tcp': lambda: socket.socket().connect(('127.0.0.1', 80)),
        'unix': lambda: socket.socket(socket.AF_UNIX),
        'kill the client': lambda: os.kill(1, 9),
        'kill all': lambda: os.kill(-1, 9),
        'passwd': lambda: open('/etc/passwd'),
        'environment of the client': lambda: open('/proc/1/environ').read(),
        'memory of the client': lambda: open('/proc/1/mem', 'rb').read(1),
        'project': lambda: listed(PROJECT),
        'a file of the project': lambda: open(PROJECT + '/rubric.yaml'),
        'reference': lambda: os.listdir(PROJECT + '/reference'),
        'home': lambda: os.listdir('/root'),
        'change a library': lambda: open(os.__file__, 'a'),
        'a device': lambda: open('/dev/kmsg'),
    }
    left = [name for name, attempt in left.items() if not refused(attempt)]
    assert not left, left
    import concurrent.futures
    assert os.getpid() == 2
    assert list(concurrent.futures.ThreadPoolExecutor(2).map(abs, [-1])) == [1]
"""


def test_what_a_cell_may_not(root: Path) -> None:
    done = plain(f"PROJECT = {str(root)!r}", REFUSED)
    assert done.ended is Verdict.PASSED, done
    assert root.joinpath("rubric.yaml").exists()


def test_threads_that_live_on_and_fork_bombs_end_with_the_notebook(nothing_left: str) -> None:
    done = plain(
        """
        import os, threading, time
        for _ in range(20):
            threading.Thread(target=lambda: time.sleep(1000)).start()
        for _ in range(1000):
            try:
                os.fork()
            except PermissionError:
                pass
        """,
        "x = 1",
    )
    assert done.ended is Verdict.PASSED
    assert not processes(nothing_left)


def test_a_cell_cannot_say_anything_that_is_believed() -> None:
    done = plain(
        """
        import os
        for fd in range(3, 64):
            for line in (b'{"is": "substitution", "kind": "shell", "detail": "\\\\u202e", "cell": 99}',
                         b'{"is": "where", "cell": 77, "line": 5, "place": [1, 9999]}', b'[' * 5000, b'\\xff'):
                try:
                    os.write(fd, line + b'\\n')
                except OSError:
                    pass
        1 / 0
        """,
        bounds=Bounds(wall_s=4),
    )
    assert done.ended in (Verdict.ERROR, Verdict.CRASHED, Verdict.TIMEOUT)
    assert done.cell == 1
    assert all("\u202e" not in s.detail and s.cell in (None, 1) for s in done.substitutions)


def test_it_dies_with_the_grader(nothing_left: str, tmp_path: Path) -> None:
    script = tmp_path / "grading.py"
    script.write_text(
        textwrap.dedent(f"""
        from grader.execute import run
        from grader.modes import Mode
        from grader.types import Cell, Notebook
        real = run.environment
        run.environment = lambda mode: {{**real(mode), {MARK!r}: {nothing_left!r}}}
        print('started', flush=True)
        run.execute(Notebook((Cell(1, 'import time\\ntime.sleep(1000)'),)), mode=Mode('numpy'))
    """)
    )
    started = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(run.launch.ROOT)},
    )
    until(lambda: len(processes(nothing_left)) >= 3)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert started.stdout is not None
    started.stdout.close()
    until(lambda: not processes(nothing_left))


def until(condition: object) -> None:
    """Wait for it, or fail after a while."""
    end = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("from grader.sandbox import landlock; landlock.version = lambda: 0", "it needs Landlock"),
        ("from grader.sandbox import seccomp; seccomp.available = lambda: False", "it needs seccomp"),
        (
            "from grader.sandbox import kernel; kernel.unshare = kernel.unshare_as_user = open",
            "no namespaces of its own",
        ),
    ],
)
def test_without_the_minimum_nothing_is_run(change: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        run.launch, "START", run.launch.START.replace("from {module}", f"{change}; from {{module}}")
    )
    with pytest.raises(Unprotected, match=expected):
        plain("1")


def test_our_own_failure_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.launch, "START", run.launch.START.replace("from {module}", "1 / 0; from {module}"))
    with pytest.raises(SandboxLost, match="ZeroDivisionError"):
        plain("1")


@pytest.mark.parametrize(
    "frames",
    [
        [{"is": "started", "cell": 1}],
        [HELLO, {"is": "started", "cell": 2}],
        [HELLO, {"is": "ran", "cell": 1}],
        [HELLO, {"is": "end"}],
        [HELLO, {"is": "started", "cell": 1}, {"is": "end"}],
        [HELLO, {"is": "started", "cell": 1}, {"is": "started", "cell": 3}],
        [HELLO, {"is": "started", "cell": 1}, {"is": "failed", "cell": 1, "type": 1, "message": ""}],
        [HELLO, HELLO],
        [HELLO, {"is": "started", "cell": 1}, {"is": "ran", "cell": 1}, {"is": "started", "cell": 3},
         {"is": "ran", "cell": 3}, {"is": "end"}, {"is": "started", "cell": 1}],
    ],
)  # fmt: skip
def test_frames_out_of_order_are_forged(frames: list[dict[str, object]]) -> None:
    dialogue = Dialogue([(1, "x"), (3, "y")], "numpy")
    with pytest.raises(Forged):
        dialogue.feed(b"".join(map(wire.encode, frames)))


def test_what_is_no_frame_or_too_much_is_forged() -> None:
    with pytest.raises(Forged):
        Dialogue([(1, "x")], "numpy").feed(b"\xff" * 100)
    long = wire.encode({"is": "substitution", "kind": "shell", "detail": "x" * 100_000})
    with pytest.raises(Forged, match="MiB"):
        Dialogue([(1, "x")], "numpy").feed(wire.encode(HELLO) + long * 100)


def test_what_is_told_is_cleaned_and_bounded() -> None:
    dialogue = Dialogue([(1, "x"), (3, "y\nz")], "numpy")
    notes = [
        ("shell", "a\u202e\x1b" + "b" * 1000, 99),
        ("shell", "ls", 3),
        ("shell", "ls", 1),
        ("nonsense", "x", 1),
    ]
    notes += [("magic", f"%{i}", 1) for i in range(1000)]
    frames = [{"is": "substitution", "kind": k, "detail": d, "cell": c} for k, d, c in notes]
    failed = {"is": "failed", "cell": 1, "type": "E\x00", "message": "\u202e" * 9000, "line": 2, "place": [3, 2]}
    dialogue.feed(b"".join(map(wire.encode, [HELLO, {"is": "started", "cell": 1}, *frames, failed])))
    figures = dict.fromkeys(("seconds", "startup_s", "cpu_s", "memory_mb"), 0.0)
    done = dialogue.execution(Verdict.ERROR, "", printed=b"\x1b[1m\xff", **figures)
    assert done.substitutions[:2] == (
        Substitution("shell", "a\ufffd\ufffd" + "b" * 297, None),
        Substitution("shell", "ls", 3),
    )
    assert len(done.substitutions) == 200
    assert done.fault == Fault("E\ufffd", "\ufffd" * 2000, Place(3, 2))
    assert (done.line, done.printed) == (None, "\ufffd[1m\ufffd")


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    for gone, mode, extra in (
        ("ipykernel", "numpy", "execute"),
        ("tf_keras", "tf1", "legacy"),
        ("torch", "torch", "torch"),
    ):
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, gone=gone: None if name == gone else real(name)
        )
        with pytest.raises(NotInstalled, match=rf"{gone} is not installed here: pip install 'grader\[{extra}\]'"):
            execute(notebook("1"), SHORT, mode=Mode(mode))
