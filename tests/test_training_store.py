"""Which trainings of a class are made, and which are found stored: around a made-up sandbox."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy")

from trainings_made_up import (
    ASSIGNMENT,
    AT,
    KD,
    PLAN,
    RKD,
    SOURCE,
    STEPS,
    TEACHER,
    MadeUp,
    by_seed,
    changed_plan,
    confirmed,
    context,
    data_set,
    is_ours,
    only,
    program_of,
    trainer_of,
    what,
)

from grader.pipeline import needed_part, read_notebook
from grader.sandbox.attempts import SandboxLost
from grader.training.cache import Cache
from grader.training.programs import SCRATCH, normal_form, training_program
from grader.types import (
    Observation,
    Program,
    Submission,
    TrainingPlan,
    Verdict,
)

# ---------------------------------------------------------------- once for a class


def test_teacher_and_scratch_runs_are_made_once_for_a_class(store: Cache) -> None:
    gym = MadeUp(by_seed(11, -9))
    trainer = trainer_of(gym, store)
    with ThreadPoolExecutor(4) as pool:
        sources = [SOURCE.replace("2.0", f"{n}.5").replace("z[None]", f"z[None] / {n}.5") for n in range(6)]
        list(pool.map(lambda source: confirmed(trainer, source=source), sources))
    assert gym.seeds(TEACHER) == [0]
    made = [(len(c.inputs["indices"]), int(c.settings["seed"])) for c in gym.calls if what(c) == SCRATCH]
    assert sorted(made) == [(steps, seed) for steps in sorted(STEPS.values()) for seed in range(16)]


def test_equal_losses_in_a_class_are_trained_once_also_at_the_same_time(store: Cache) -> None:
    gym = MadeUp(by_seed(30, 10, 20))
    trainer = trainer_of(gym, store, only())
    trainer.scratch(trainer.seeds(6), STEPS[KD])
    second = threading.Event()
    started = []

    def meet(program: Program) -> None:
        started.append(program)
        if len(started) > 1:
            second.set()
        second.wait(0.3)  # so that the others would come in, if nothing holds them back

    gym.on_run = meet
    with ThreadPoolExecutor(3) as pool:
        checks = list(pool.map(lambda _: confirmed(trainer)[KD], range(3)))
    assert gym.seeds(KD) == [0, 1, 2, 3, 4, 5]
    assert {check.verdict for check in checks} == {Verdict.PASSED}
    assert (
        sorted(run.cached for c in checks if c.training for run in c.training.distilled)
        == [False] * 6 + [True] * 12
    )


def test_the_second_time_nothing_is_asked_and_the_answer_is_the_same(store: Cache) -> None:
    gym = MadeUp(by_seed(30, 10, 20))
    first = confirmed(trainer_of(gym, store))
    asked = len(gym.calls)
    again = confirmed(trainer_of(gym, store))
    assert len(gym.calls) == asked
    for name in STEPS:
        one, two = first[name].training, again[name].training
        assert one is not None
        assert two is not None
        assert all(run.cached for run in (*two.distilled, *two.scratch))
        # All seeds were trained in this process the first time: nothing came from the store.
        assert not any(run.cached for run in one.distilled)
        same = replace(two, distilled=uncached(two.distilled), scratch=uncached(two.scratch), seconds=one.seconds)
        assert same == replace(one, distilled=uncached(one.distilled), scratch=uncached(one.scratch))
        assert first[name].verdict is again[name].verdict


def uncached(runs: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(replace(run, cached=False) for run in runs)


def asked_after(first: str, second: str) -> list[str]:
    """Which losses are trained for `second` when `first` was trained before."""
    gym = MadeUp()
    with Cache(None) as runs:
        confirmed(trainer_of(gym, runs), source=first)
        gym.calls.clear()
        confirmed(trainer_of(gym, runs), source=second)
    assert all(not is_ours(call) for call in gym.calls)
    return list(dict.fromkeys(call.function for call in gym.calls))


@pytest.mark.parametrize(
    ("old", "new", "trained"),
    [
        ("# the sum", "# die Summe, 합", []),
        ("# the sum", "", []),
        ("def helper(x):\n", "def helper( x ):   # soft\n\n\n", []),
        ("import numpy as np\n", "import numpy as np\nprint('hello')\nepochs = 3\n", []),
        ("return np.zeros(3)", "return np.ones(3)", []),
        ("tf.nn.log_softmax(l_s / T)", "(tf.nn.log_softmax((l_s) / T))", []),
        ("0.5 *", "0.50 *", []),
        ("0.5 *", "0.6 *", [KD]),
        ("tf.nn.softmax(x)", "tf.nn.softmax(2 * x)", [KD]),
        ("helper(l_t / T)", "helper(l_t)", [KD]),
        ("- tf.reduce_mean(x_s)", "+ tf.reduce_mean(x_s)", [AT]),
        ("tf.norm(z", "2 * tf.norm(z", [RKD]),
        ("import tensorflow as tf", "import tensorflow.compat.v2 as tf", [KD, AT, RKD]),
    ],
)
def test_a_loss_is_trained_anew_exactly_when_its_code_changed(old: str, new: str, trained: list[str]) -> None:
    assert SOURCE.count(old) == 1
    assert asked_after(SOURCE, SOURCE.replace(old, new)) == trained


def test_cells_do_not_matter() -> None:
    cells = SOURCE.split("\n\n")
    ipynb = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "execution_count": i, "outputs": [], "source": text}
            for i, text in enumerate(["1 + 1", *cells])
        ],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 4,
    }  # fmt: skip
    notebook = Submission("lee", "lee.ipynb", json.dumps(ipynb).encode(), "")
    in_cells = needed_part(read_notebook(notebook), context())
    assert {chunk.cell for chunk in in_cells.chunks} != {None}
    for name in STEPS:
        mine, other = (training_program(p, ASSIGNMENT, name) for p in (in_cells, program_of()))
        assert normal_form(mine) == normal_form(other)


@pytest.mark.parametrize(
    ("plan", "trained"),
    [
        (PLAN, False),
        (replace(PLAN, margin=5.0), False),
        (replace(PLAN, error=0.1, seeds_cap=4), False),
        (replace(PLAN, always=True), False),
        (changed_plan(learning_rate=0.001), True),
        (changed_plan(labels=20), True),
        (changed_plan(labelled=2), True),
        (changed_plan(teacher_steps=3), True),
        (changed_plan(teacher_width=2), True),
        (replace(PLAN, steps={name: steps + 1 for name, steps in STEPS.items()}), True),
    ],
)
def test_runs_are_kept_as_long_as_nothing_that_they_depend_on_changes(
    plan: TrainingPlan, trained: bool, store: Cache
) -> None:
    confirmed(trainer_of(MadeUp(), store))
    gym = MadeUp()
    confirmed(trainer_of(gym, store, plan))
    assert gym.seeds(KD) == gym.seeds(SCRATCH)[:3] == gym.seeds(AT) == ([0, 1, 2] if trained else [])


@pytest.mark.parametrize("change", ["version", "device", "framework", "data", "seeds"])
def test_runs_of_another_place_are_not_taken(change: str, store: Cache) -> None:
    confirmed(trainer_of(MadeUp(), store, only()))
    gym = MadeUp()
    more: dict[str, Any] = {}
    if change == "version":
        gym.versions = {**gym.versions, "tensorflow": "2.22.0"}
    elif change == "device":
        more["device"] = "gpu"
    elif change == "framework":
        more["framework"] = "torch"
    elif change == "data":
        gym = MadeUp(data=data_set(answers=1))
    else:
        more["first_seed"] = 100
    confirmed(trainer_of(gym, store, only(), **more))
    first = 100 if change == "seeds" else 0
    assert gym.seeds(KD) == gym.seeds(SCRATCH) == [first, first + 1, first + 2]
    assert gym.seeds(TEACHER) == ([] if change == "seeds" else [0])


# ---------------------------------------------------------------- interruptions


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SandboxLost("gone")], ids=["ctrl-c", "lost"])
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_an_interrupted_training_goes_on_with_the_seed_that_was_missing(
    stop: BaseException, seed: int, tmp_path: Path
) -> None:
    accuracy = by_seed(30, 10, 20)
    gym = MadeUp(accuracy)
    gym.ends[KD, seed] = stop
    path = tmp_path / "training.sqlite"
    with Cache(path) as runs, pytest.raises(type(stop)):
        confirmed(trainer_of(gym, runs, only()))
    scratch = gym.seeds(SCRATCH)
    second = MadeUp(accuracy)
    with Cache(path) as runs:
        resumed = confirmed(trainer_of(second, runs, only()))[KD]
    assert second.seeds(KD) == list(range(seed, 6))
    assert second.seeds(TEACHER) == []
    assert scratch + second.seeds(SCRATCH) == list(range(6))
    with Cache(None) as runs:
        whole = confirmed(trainer_of(MadeUp(accuracy), runs, only()))[KD]
    assert whole.training is not None
    assert resumed.training is not None
    assert resumed.training.summary == whole.training.summary
    assert resumed.verdict is whole.verdict


def test_interrupted_scratch_runs_go_on_with_the_one_that_was_missing(tmp_path: Path) -> None:
    gym, second = MadeUp(), MadeUp()
    gym.ends[SCRATCH, 1] = KeyboardInterrupt()
    with Cache(tmp_path / "t.sqlite") as runs, pytest.raises(KeyboardInterrupt):
        confirmed(trainer_of(gym, runs, only()))
    with Cache(tmp_path / "t.sqlite") as runs:
        confirmed(trainer_of(second, runs, only()))
    assert second.asked == [(SCRATCH, 1), (SCRATCH, 2), (KD, 0), (KD, 1), (KD, 2)]


def test_a_bad_end_is_not_kept_and_tried_again(store: Cache) -> None:
    gym = MadeUp()
    gym.ends[KD, 1] = Observation("", Verdict.TIMEOUT, detail="a busy machine")
    assert confirmed(trainer_of(gym, store, only()))[KD].verdict is Verdict.INCONCLUSIVE
    gym.ends.clear()
    assert confirmed(trainer_of(gym, store, only()))[KD].verdict is Verdict.PASSED
    assert gym.seeds(KD) == [0, 1, 1, 2]
