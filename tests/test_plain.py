"""The same programs without a sandbox: a fresh subprocess, which must know the same verdicts."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from grader.sandbox.attempts import SandboxLost
from grader.sandbox.plain import LAYERS, PlainRunner
from grader.types import Call, Chunk, Limits, Observation, Program, Run

X = np.arange(6, dtype="f4").reshape(2, 3)
LIMITS = Limits(wall_s=8.0, cpu_s=6)
SOURCE = """
import os, sys, time
def good(x):
    print("안녕", flush=True)
    return x.sum(axis=0)
def raises(x):
    return x @ x
def leaves(x):
    os._exit(3)
def sleeps(x):
    time.sleep(100)
def forges(x):
    for fd in range(3, 16):
        try:
            os.write(fd, bytes(64))
        except OSError:
            pass
    time.sleep(100)
def asks(x):
    return float(len(sys.stdin.read()))
def spawns(x):
    pid = os.fork()
    if pid == 0:
        time.sleep(100)
        os._exit(0)
    return float(pid)
"""


def run(*functions: str, limits: Limits = LIMITS, framework: str = "numpy", source: str = SOURCE) -> Run:
    program = Program((Chunk(source, 4),), {}, {4: source})
    calls = [Call(f"{name}/a", name, ("x",), (), {"x": X}, ("x",)) for name in functions]
    with PlainRunner(framework) as runner:
        return runner.run(program, calls, limits)


def ended(observations: Run) -> dict[str, str]:
    return {id: o.ended.value for id, o in observations.observations.items()}


def test_values_come_back_and_prints_do_not_mix_with_frames() -> None:
    got = run("good", "raises", "asks")
    good, raises, asks = got.observations.values()
    assert good.value.tolist() == [3, 5, 7]
    assert good.gradients == {"x": None}
    assert raises.fault is not None
    assert (raises.fault.type, raises.fault.place.line) == ("ValueError", 7)
    assert asks.value == 0  # nothing to read on stdin
    assert got.printed == "안녕\n"
    assert got.layers == LAYERS
    assert got.workers == 1


def test_a_runner_tells_the_versions_without_importing_anything() -> None:
    runner = PlainRunner("numpy")
    assert runner.versions["numpy"] == np.__version__
    assert runner.startup_s == 0


def test_bad_ends_cost_their_own_exercise() -> None:
    got = run("leaves", "forges", "sleeps", "good", limits=Limits(wall_s=3.0))
    assert ended(got) == {"leaves/a": "exited", "forges/a": "forged", "sleeps/a": "timeout", "good/a": "passed"}
    assert got.observations["leaves/a"].detail == "exit status 3"
    assert got.workers == 4


def test_further_calls_follow_as_behind_a_zygote() -> None:
    told = []

    def follow(observation: Observation) -> list[Call]:
        told.append(f"{observation.id} {observation.ended}")
        further = {"good/a passed": "leaves", "leaves/b exited": "good"}.get(told[-1])
        return [Call(f"{further}/b", further, ("x",), (), {"x": X})] if further else []

    program = Program((Chunk(SOURCE, 4),), {}, {4: SOURCE})
    with PlainRunner("numpy") as runner:
        got = runner.run(program, [Call("good/a", "good", ("x",), (), {"x": X})], LIMITS, follow)
    assert told == ["good/a passed", "leaves/b exited", "good/b passed"]
    assert list(got.observations) == ["good/a", "leaves/b", "good/b"]
    assert got.workers == 2


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs POSIX limits")
def test_limits_hold_where_the_system_has_them() -> None:
    loop = "def loops(x):\n    while True: pass\ndef eats(x):\n    return bytearray(1 << 40)"
    got = run("loops", "eats", limits=Limits(wall_s=20.0, cpu_s=1), source=loop)
    assert ended(got)["loops/a"] == "cpu"
    assert ended(got)["eats/a"] == "memory"


@pytest.mark.skipif(sys.platform != "linux", reason="looks in /proc")
def test_what_a_program_starts_is_ended_with_it() -> None:
    pid = int(run("spawns").observations["spawns/a"].value)
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid: int) -> bool:
    """A process that is dead but not yet waited for by its new parent does not count."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def test_a_framework_that_is_not_there_is_no_verdict() -> None:
    with pytest.raises(SandboxLost, match="no worker could be started"):
        run("good", framework="jax")


@pytest.mark.parametrize("framework", ["tensorflow", "torch"])
def test_frameworks_give_gradients(framework: str) -> None:
    pytest.importorskip(framework)
    (observation,) = run("f", framework=framework, source="def f(x):\n    return x * x").observations.values()
    assert np.allclose(observation.value, X**2)
    assert np.allclose(observation.gradients["x"], 2 * X / 6)
