"""What every engine must do, as named checks; and work for it that needs no framework."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grader
from grader.types import FriendlyError, Submission
from grader.work import Outcome, Task, Workshop

PATIENCE_S = 30.0  # for what takes a moment on a quiet machine


class Engine(Protocol):
    def map(self, tasks: Iterable[Task]) -> Iterator[Outcome]: ...


# ---------------------------------------------------------------- toy work


@dataclass(frozen=True)
class Toy:
    """A plan whose submissions say what is to be done with them, in their data.

    "hold NAME" waits until there is a file of that name in `folder`; "kill N" kills the process that performs it
    once N tasks have begun anywhere; "raise" raises; "doubt" is not final; everything that survives is hashed.
    `folder` gets a file for each workshop opened or closed, task begun or ended.
    """

    folder: str
    answer: str = "the expected answer"

    @property
    def version(self) -> str:
        return f"toy, grader {grader.__version__}"

    def open(self) -> Workshop:
        if why := os.environ.get("TOY_CANNOT_OPEN"):
            raise FriendlyError(why)
        note(self.folder, "opened")
        return Shop(self)

    def lost(self, task: Task, why: str) -> Outcome:
        return Outcome(task.submission.id, task.key, False, {"id": task.submission.id, "note": why})


class Shop:
    def __init__(self, toy: Toy) -> None:
        self._toy, self._closed = toy, False

    def perform(self, task: Task) -> Outcome:
        assert not self._closed
        number, data = task.submission.id, task.submission.data or b""
        note(self._toy.folder, f"began {number}")
        command, _, name = data.decode("utf-8", "replace").partition(" ")
        if command == "hold":
            until((Path(self._toy.folder) / name).exists)
        elif command == "kill":
            until(lambda: len(noted(self._toy.folder, "began", exactly=False)) >= int(name))
            time.sleep(0.2)  # for a neighbour to begin, were there one
            os.kill(os.getpid(), signal.SIGKILL)
        elif command == "raise":
            raise RuntimeError("a bug of ours")
        note(self._toy.folder, f"ended {number}")
        row = {"id": number, "digest": hashlib.sha256(data).hexdigest(), "이름": "김철수", "earned": 0.1 + 0.2}
        return Outcome(number, task.key, command != "doubt", row, {"feedback.md": data, "빈": b""})

    def close(self) -> None:
        note(self._toy.folder, "closed")
        self._closed = True


def task(number: int | str, data: bytes | str = b"") -> Task:
    """A submission that says what is to be done with it."""
    content = data.encode() if isinstance(data, str) else data
    return Task(
        Submission(str(number), f"{number}.ipynb", content, hashlib.sha256(content).hexdigest()), f"key {number}"
    )


def note(folder: str, what: str) -> None:
    """Tell the test what happened, from whichever process: a file "what @ process number @ random"."""
    (Path(folder) / f"{what} @ {os.getpid()} @ {uuid.uuid4().hex}").touch()


def noted(folder: str | Path, what: str, *, exactly: bool = True) -> list[int]:
    """The processes in which it happened (or else what begins like that), once for each time."""
    start = f"{what} @ " if exactly else what
    return [int(p.name.split(" @ ")[1]) for p in Path(folder).iterdir() if p.name.startswith(start)]


def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait for it. Raises TimeoutError."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to that")
        time.sleep(0.01)


# ---------------------------------------------------------------- the contract


@dataclass(frozen=True)
class Check:
    """One named check; `run` returns what is wrong, a line each."""

    name: str
    run: Callable[[], list[str]]


def contract(
    open_engine: Callable[[Toy], AbstractContextManager[Engine]], folder: Path, ahead: int
) -> Iterator[Check]:
    """Each check opens an engine for at least two tasks at a time; `ahead`: how many it may have in hand."""

    def plan() -> Toy:
        own = folder / uuid.uuid4().hex
        own.mkdir()
        return Toy(str(own))

    def once_each() -> list[str]:
        tasks = [task(n, f"code of {n}") for n in range(40)]
        toy = plan()
        with open_engine(toy) as engine:
            outcomes = list(engine.map(iter(tasks)))
        return differences(outcomes, [Shop(toy).perform(t) for t in tasks])

    def whatever_it_is() -> list[str]:
        tasks = [
            task("빈", b""),
            task("이 하나", "김철수의 코드"),
            task("big", os.urandom(3 << 20)),
            task("d", "doubt"),
        ]
        toy = plan()
        with open_engine(toy) as engine:
            outcomes = list(engine.map(tasks))
        return differences(outcomes, [Shop(toy).perform(t) for t in tasks])

    def nothing() -> list[str]:
        with open_engine(plan()) as engine:
            return [str(outcome) for outcome in engine.map([])]

    def as_they_finish() -> list[str]:
        toy = plan()
        with open_engine(toy) as engine:
            came = []
            for outcome in engine.map([task(0, "hold on"), *(task(n) for n in range(1, 12))]):
                came.append(outcome.id)
                if len(came) == 11:
                    (Path(toy.folder) / "on").touch()
        wrong = [] if came[-1] == "0" and len(came) == 12 else [f"came in the order {came}"]
        begun = len(noted(toy.folder, "began 0"))
        return wrong if begun == 1 else [*wrong, f"the first one was begun {begun} times"]

    def lazily() -> list[str]:
        pulled, wrong = 0, []

        def source() -> Iterator[Task]:
            nonlocal pulled
            for n in range(100):
                pulled += 1
                yield task(n)

        with open_engine(plan()) as engine:
            for taken, _ in enumerate(engine.map(source())):
                if pulled - taken > ahead:
                    wrong.append(f"{pulled - taken} in hand")
        return wrong

    def again() -> list[str]:
        toy = plan()
        with open_engine(toy) as engine:
            first = {o.id for o in engine.map([task(n) for n in range(9)])}
            second = {o.id for o in engine.map([task(n) for n in range(9, 15)])}
        opened = noted(toy.folder, "opened")
        wrong = [] if len(first) == 9 and len(second) == 6 else [f"{first}, then {second}"]
        if len(opened) != len(set(opened)):
            wrong.append(f"opened more than once in a process: {opened}")
        if sorted(opened) != sorted(noted(toy.folder, "closed")):
            wrong.append("not every workshop was closed")
        return wrong

    def closed_early() -> list[str]:
        toy = plan()
        with open_engine(toy) as engine:
            results = engine.map([task(0), *(task(n, "hold on") for n in range(1, 60))])
            next(iter(results))
            start = time.monotonic()
            closing = threading.Timer(PATIENCE_S / 2, (Path(toy.folder) / "on").touch)
            closing.start()
            results.close()  # type: ignore[attr-defined]
            took = time.monotonic() - start
            closing.cancel()
            (Path(toy.folder) / "on").touch()
            more = {o.id for o in engine.map([task("a"), task("b")])}
        began = sum(bool(noted(toy.folder, f"began {n}")) for n in range(60))
        wrong = [] if took < PATIENCE_S / 2 else ["waited for what was running"]
        if began > ahead + 1:
            wrong.append(f"{began} were begun")
        return wrong if more == {"a", "b"} else [*wrong, f"afterwards it did {more}"]

    def faulty_source() -> list[str]:
        def source() -> Iterator[Task]:
            yield task(0)
            raise FriendlyError("the archive broke off")

        with open_engine(plan()) as engine:
            try:
                list(engine.map(source()))
            except FriendlyError as fault:
                wrong = [] if "archive" in str(fault) else [str(fault)]
            else:
                wrong = ["the fault of the source was kept secret"]
            return wrong + ([] if len(list(engine.map([task(1)]))) == 1 else ["of no use afterwards"])

    yield Check("exactly one outcome for each task, and the right one", once_each)
    yield Check("whatever is in it comes back as it is", whatever_it_is)
    yield Check("no tasks, no outcomes", nothing)
    yield Check("outcomes come as they finish", as_they_finish)
    yield Check("tasks are taken as they are needed", lazily)
    yield Check("it can be used again, with the workshop that is open, and closes it", again)
    yield Check("closed early, it drops the rest and does not wait", closed_early)
    yield Check("a fault of the source is told", faulty_source)


def differences(actual: Iterable[Outcome], expected: Iterable[Outcome]) -> list[str]:
    """What is not the same, in any order."""
    found, wanted = list(actual), {o.id: o for o in expected}
    wrong = [f"{o.id} is not what it should be" for o in found if o.id in wanted and o != wanted[o.id]]
    if sorted(o.id for o in found) != sorted(wanted):
        wrong.append(f"outcomes of {sorted(o.id for o in found)}")
    return wrong
