"""The Dask engine when something goes wrong: workers die, differ or come late, the scheduler restarts.

Every scheduler and worker is a process of its own on this machine.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from engines import PATIENCE_S, Shop, Toy, differences, noted, task, until
from small_class import QUICK, SLUG, hand_in, make_root

import grader
from grader.cli import main
from grader.commands import OK
from grader.engines.dask import TRIES, Dask
from grader.sandbox.pool import open_sandbox
from grader.types import Call, Chunk, FriendlyError, Limits, Program
from grader.work import Outcome, Task

pytest.importorskip("distributed")

from dask_cluster import Cluster, kill


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    folder = tmp_path / "toy"
    folder.mkdir()
    return Toy(str(folder))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One scheduler for the tests that leave it alone."""
    with Cluster(tmp_path_factory.mktemp("shared") / "cluster") as cluster:
        yield cluster


@pytest.fixture
def cluster(shared: Cluster) -> Iterator[Cluster]:
    """A scheduler without any worker."""
    yield shared.ready()
    shared.kill_workers()


@pytest.fixture
def said() -> list[str]:
    return []


@contextmanager
def meanwhile(function: Callable[[], object]) -> Iterator[None]:
    """Do it in the background; what goes wrong there fails the test."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    for fault in faults:
        raise fault


def processes(toy: Toy, what: str, ids: Iterable[object]) -> Counter[int]:
    """How many of these each process has done."""
    return Counter(pid for number in ids for pid in noted(toy.folder, f"{what} {number}"))


def order(toy: Toy, pid: int) -> list[str]:
    """What was noted in this process, one after another."""
    notes = [p for p in Path(toy.folder).iterdir() if f" @ {pid} @ " in p.name]
    return [p.name.split(" @ ")[0] for p in sorted(notes, key=lambda p: p.stat().st_mtime_ns)]


def expected(toy: Toy, tasks: Iterable[Task]) -> list[Outcome]:
    (Path(toy.folder) / "on").touch()
    return [Shop(toy).perform(t) for t in tasks]


# ---------------------------------------------------------------- workers that die


def test_what_a_killed_worker_held_is_done_by_others(cluster: Cluster, toy: Toy, said: list[str]) -> None:
    workers = [cluster.worker(f"w{n}", "--nthreads", "2") for n in range(3)]
    cluster.ready("w0", "w1", "w2")
    tasks = [*(task(n, "hold on") for n in range(6)), *(task(n) for n in range(6, 30))]

    def kill_one_that_is_at_work() -> None:
        until(lambda: processes(toy, "began", range(6)) == {w.pid: 2 for w in workers})
        kill(workers[1])
        (Path(toy.folder) / "on").touch()

    with Dask(toy, cluster.address, patience_s=PATIENCE_S, say=said.append) as engine:
        with meanwhile(kill_one_that_is_at_work):
            outcomes = list(engine.map(tasks))
        begun = processes(toy, "began", range(6))
    assert begun.total() == 8  # the two that it held a second time
    assert not differences(outcomes, expected(toy, tasks))
    assert [sentence for sentence in said if "w1" in sentence and "gone" in sentence]


def test_a_task_that_kills_its_workers_is_given_up_and_takes_no_other_along(cluster: Cluster, toy: Toy) -> None:
    """One worker at a time: if its neighbours were given out with it again, they would be given up as well."""
    first = cluster.worker("w0", "--nthreads", "3")
    cluster.ready("w0")

    def another_for_each_that_died() -> None:
        worker = first
        for n in range(1, TRIES + 1):
            worker.wait(PATIENCE_S)
            (Path(toy.folder) / "on").touch()
            worker = cluster.worker(f"w{n}", "--nthreads", "3")

    tasks = [task(0, "hold on"), task(1, "hold on"), task("poison", "kill 3"), *(task(n) for n in range(2, 9))]
    with Dask(toy, cluster.address, patience_s=PATIENCE_S) as engine, meanwhile(another_for_each_that_died):
        outcomes = {o.id: o for o in engine.map(tasks)}
    assert len(noted(toy.folder, "began poison")) == TRIES
    for pid in noted(toy.folder, "began poison"):
        assert pid == first.pid or order(toy, pid)[-1] == "began poison"  # nothing was begun beside it
    assert [o.id for o in outcomes.values() if not o.final] == ["poison"]
    assert "was lost" in outcomes["poison"].row["note"]
    assert not differences((o for o in outcomes.values() if o.final), expected(toy, [*tasks[:2], *tasks[3:]]))


def test_a_fault_of_ours_is_tried_elsewhere_and_told(cluster: Cluster, toy: Toy) -> None:
    cluster.worker("w0")
    cluster.ready("w0")
    with Dask(toy, cluster.address, patience_s=PATIENCE_S) as engine:
        outcomes = {o.id: o for o in engine.map([task("a"), task("bug", "raise"), task("b")])}
    assert sorted(outcomes) == ["a", "b", "bug"]
    assert not outcomes["bug"].final
    assert "a bug of ours" in outcomes["bug"].row["note"]
    assert len(noted(toy.folder, "began bug")) == TRIES


def test_a_worker_that_was_thought_lost_and_answers_is_not_heard(cluster: Cluster, toy: Toy) -> None:
    cluster.worker("w0")
    cluster.ready("w0")

    def lose_it_and_let_it_answer() -> None:
        until(lambda: len(noted(toy.folder, "began held")) == 1)
        cluster.worker("w1")
        cluster.ready("w0", "w1")
        cluster.drop("w0")
        until(lambda: len(noted(toy.folder, "began held")) == 2)
        (Path(toy.folder) / "on").touch()

    tasks = [task("held", "hold on"), task("other")]
    with Dask(toy, cluster.address, patience_s=PATIENCE_S) as engine:
        with meanwhile(lose_it_and_let_it_answer):
            outcomes = list(engine.map(tasks))
        until(lambda: len(noted(toy.folder, "ended held")) == 2)
        outcomes += engine.map([task("more")])
    assert not differences(outcomes, expected(toy, [*tasks, task("more")]))


# ---------------------------------------------------------------- workers that do not fit


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this grader that says it is another version."""
    folder = tmp_path_factory.mktemp("older")
    package = Path(grader.__file__).parent
    shutil.copytree(package, folder / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "grader" / "__init__.py").write_text('__version__ = "7.8.9"\n')
    return folder


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python path on which there is no grader, wherever else one may be installed."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "grader").mkdir()
    (folder / "grader" / "__init__.py").write_text("raise ImportError('there is none')\n", "utf-8")
    return folder


def test_workers_that_do_not_fit_are_named_and_get_nothing(
    cluster: Cluster, toy: Toy, said: list[str], older: Path, without: Path
) -> None:
    tests = Path(__file__).parent
    cluster.worker("good")
    cluster.worker("older", PYTHONPATH=f"{older}:{tests}")
    cluster.worker("older too", PYTHONPATH=f"{older}:{tests}")
    cluster.worker("without", PYTHONPATH=f"{without}:{tests}")
    cluster.worker("unprotected", TOY_CANNOT_OPEN="no protection here")
    cluster.ready("good", "older", "older too", "without", "unprotected")

    def more_come() -> None:
        until(lambda: bool(noted(toy.folder, "began held")))
        cluster.worker("late", TOY_CANNOT_OPEN="no framework here")
        also = cluster.worker("also good")
        until(lambda: also.pid in noted(toy.folder, "opened") and any("late" in s for s in said))
        (Path(toy.folder) / "on").touch()

    tasks = [task("held", "hold on"), *(task(n) for n in range(12))]
    with Dask(toy, cluster.address, patience_s=PATIENCE_S, say=said.append) as engine:
        with meanwhile(more_come):
            outcomes = list(engine.map(tasks))
        assert set(processes(toy, "began", ["held", *range(12)])) <= set(noted(toy.folder, "opened"))
    assert not differences(outcomes, expected(toy, tasks))
    left_out = [sentence for sentence in said if "gets no work" in sentence]
    reasons = {"7.8.9": "older", "no grader": "without", "no protection": "unprotected", "no framework": "late"}
    for why, name in reasons.items():  # once for both that are older
        assert [name in sentence for sentence in left_out if why in sentence] == [True], left_out
    assert len(left_out) == 4
    assert [grader.__version__ in sentence for sentence in left_out if "7.8.9" in sentence] == [True]


def test_where_no_worker_fits_it_is_said_what_to_do(cluster: Cluster, toy: Toy, older: Path) -> None:
    cluster.worker("older", PYTHONPATH=f"{older}:{Path(__file__).parent}")
    cluster.ready("older")
    with (
        Dask(toy, cluster.address, patience_s=0.5) as engine,
        pytest.raises(FriendlyError, match=r"(?s)install there what is installed here.*older.*7\.8\.9"),
    ):
        list(engine.map([task(0)]))
    assert not noted(toy.folder, "began 0")


def test_where_nobody_comes_it_is_said_what_to_do(cluster: Cluster, toy: Toy) -> None:
    with (
        Dask(toy, cluster.address, patience_s=0.5) as engine,
        pytest.raises(FriendlyError, match="dask worker"),
    ):
        list(engine.map([task(0)]))


def test_each_task_takes_a_gpu_where_that_is_asked_for(cluster: Cluster, toy: Toy, said: list[str]) -> None:
    gpu = cluster.worker("gpu", "--nthreads", "4", "--resources", "GPU=2")
    cluster.worker("none", "--nthreads", "4")
    cluster.ready("gpu", "none")
    tasks = [*(task(n, "hold on") for n in range(2)), *(task(n) for n in range(2, 8))]
    with Dask(toy, cluster.address, gpu=True, patience_s=PATIENCE_S, say=said.append) as engine:

        def two_at_a_time() -> None:
            until(lambda: processes(toy, "began", range(8)).total() == 2)
            until(lambda: any("GPU" in sentence for sentence in said))
            taken = cluster.taken("gpu")
            (Path(toy.folder) / "on").touch()
            assert taken == {"GPU": 2}  # so that no other run takes them

        with meanwhile(two_at_a_time):
            outcomes = list(engine.map(tasks))
        begun = processes(toy, "began", range(8))
    assert begun == {gpu.pid: 8}
    assert not differences(outcomes, expected(toy, tasks))


# ---------------------------------------------------------------- what comes and goes


def test_when_all_workers_are_lost_the_rest_is_lost_too(cluster: Cluster, toy: Toy) -> None:
    worker = cluster.worker("w0")
    cluster.ready("w0")

    def kill_it() -> None:
        until(lambda: bool(noted(toy.folder, "began held")))
        kill(worker)

    tasks = [task(0), task("held", "hold on"), *(task(n) for n in range(1, 9))]
    with Dask(toy, cluster.address, patience_s=1.0) as engine, meanwhile(kill_it):
        outcomes = list(engine.map(tasks))
    assert sorted(o.id for o in outcomes) == sorted(t.submission.id for t in tasks)
    assert {o.id: o.final for o in outcomes} == {**dict.fromkeys("held 1 2 3 4 5 6 7 8".split(), False), "0": True}
    assert all("no worker" in o.row["note"] for o in outcomes if not o.final)


def test_a_new_process_at_an_old_address_opens_its_workshop_first(cluster: Cluster, toy: Toy) -> None:
    first = cluster.worker("w0")
    cluster.ready("w0")
    with Dask(toy, cluster.address, patience_s=PATIENCE_S) as engine:
        outcomes = list(engine.map([task(0)]))
        port = cluster.port("w0")
        kill(first)
        second = cluster.worker("w0", "--worker-port", port)
        until(lambda: cluster.port("w0") == port)
        outcomes += engine.map([task(1), task(2)])
        assert sorted(noted(toy.folder, "opened")) == sorted([first.pid, second.pid])
    assert not differences(outcomes, expected(toy, [task(n) for n in range(3)]))


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_scheduler_that_is_lost(comes_back: bool, tmp_path: Path, toy: Toy, said: list[str]) -> None:
    with Cluster(tmp_path / "cluster") as cluster:
        cluster.worker("w0")
        cluster.ready("w0")

        def kill_it() -> None:
            until(lambda: bool(noted(toy.folder, "began held")))
            kill(cluster.scheduler)
            if comes_back:
                until(lambda: any("scheduler is gone" in sentence for sentence in said))
                (Path(toy.folder) / "on").touch()
                cluster.start_scheduler()
                cluster.worker("w1")

        tasks = [*(task(n) for n in range(3)), task("held", "hold on"), *(task(n) for n in range(3, 9))]
        patience_s = PATIENCE_S if comes_back else 1.0
        with Dask(toy, cluster.address, patience_s=patience_s, say=said.append) as engine, meanwhile(kill_it):
            outcomes = list(engine.map(tasks))
    done = [o for o in outcomes if o.final]
    assert len(done) == (10 if comes_back else 3)
    assert sorted(o.id for o in outcomes) == sorted(t.submission.id for t in tasks)
    assert not differences(done, expected(toy, tasks[: len(done)]))


def test_where_there_is_no_scheduler_it_is_said(toy: Toy) -> None:
    with pytest.raises(FriendlyError, match="dask scheduler"), Dask(toy, "tcp://127.0.0.1:9", patience_s=0.5):
        pass


# ---------------------------------------------------------------- the real command


def test_a_class_gets_the_grades_that_it_gets_without_a_cluster(
    cluster: Cluster,
    older: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two workers that see neither the assignment nor the secret, and one with another version of the grader."""
    cluster.worker("w0")
    cluster.worker("w1")
    cluster.worker("older", PYTHONPATH=f"{older}:{Path(__file__).parent}")
    cluster.ready("w0", "w1", "older")
    root = make_root(tmp_path / "root")
    due = hand_in(tmp_path / "class", len(QUICK))
    monkeypatch.setenv("GRADER_ROOT", str(root))
    monkeypatch.setenv("GRADER_SECRET", "of this test alone")
    told = {}
    for engine in ("local", "dask"):
        where = ["--engine", "dask", "--scheduler", cluster.address] if engine == "dask" else ["-j", "2"]
        out = tmp_path / engine
        assert main(["grade", str(tmp_path / "class"), "-a", SLUG, "-o", str(out), *where]) == OK
        told[engine] = capsys.readouterr().err
        with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
            assert {row["id"]: float(row["earned"]) for row in csv.DictReader(file)} == due
    assert (tmp_path / "local" / "grades.csv").read_bytes() == (tmp_path / "dask" / "grades.csv").read_bytes()
    for name in due:
        local, dask = ({p.name for p in (tmp_path / engine / name).iterdir()} for engine in told)
        assert local == dask
    assert "worker older" in told["dask"]
    assert "7.8.9" in told["dask"]


# ---------------------------------------------------------------- what stays secret


SPY = """
import os, numpy as np
def spy(x):
    for path in {paths!r}:
        try:
            os.listdir(path) if os.path.isdir(path) else open(path).read(1)
        except OSError:
            continue
        return np.ones(1)
    return np.zeros(1)
"""


def test_no_answer_is_written_and_what_dask_writes_cannot_be_read(cluster: Cluster, toy: Toy) -> None:
    """Dask is made to write every result to disk, as it does when memory runs short."""
    answer = "f3a1 this is the expected answer"
    cluster.worker("w0", DASK_DISTRIBUTED__WORKER__MEMORY__TARGET="1e-10")
    cluster.ready("w0")
    first, second, third = (os.urandom(100_000) for _ in range(3))
    tasks = [task(1, first), task(2, second), task(3, third)]
    with Dask(Toy(toy.folder, answer), cluster.address, patience_s=PATIENCE_S) as engine:
        results = engine.map(tasks)
        outcomes = [next(results)]
        # the second one's result waits to be fetched, and stays
        until(lambda: any(second[:1000] in content for content in written(cluster).values()))
        files = written(cluster)
        assert not [path for path, content in files.items() if answer.encode() in content]
        source = SPY.format(paths=[str(p) for file in files for p in (file, file.parent)])
        with open_sandbox("numpy") as sandbox:
            call = Call("spy/a", "spy", ("x",), (), {"x": np.zeros(1)}, ())
            ran = sandbox.run(Program((Chunk(source, 1),), {}, {1: source}), [call], Limits())
        assert ran.observations["spy/a"].value == 0
        outcomes += results
    assert len(outcomes) == 3


def written(cluster: Cluster) -> dict[Path, bytes]:
    """Every file that the scheduler and the workers have made, those that vanish meanwhile left out."""
    found = {}
    for path in cluster.folder.rglob("*"):
        with suppress(OSError):
            found[path] = path.read_bytes()
    return found


def test_nothing_loads_dask_that_does_not_use_it() -> None:
    code = "import grader.engines.local, grader.engines.dask, sys; sys.exit('distributed' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, check=True)
