"""Which of two sandboxes runs a program: by its mode, or by which one gets further. Nothing is run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from grader.flavours import Flavours
from grader.modes import LEGACY, detect
from grader.pipeline import in_mode
from grader.sandbox.attempts import Follow
from grader.sandbox.pool import NotInstalled
from grader.sandbox.questions import Asked
from grader.types import Call, Cell, Limits, Notebook, Observation, Program, Run, Verdict

CALLS = [Call(f"step/{name}", "step", (), (), {}) for name in ("typical", "hidden")]
PROGRAM = Program((), {})


class Box:
    """Says what it ran, and ends the calls as told."""

    def __init__(self, *ended: Verdict) -> None:
        self.ended, self.ran, self.closed = ended, 0, False

    @property
    def versions(self) -> Mapping[str, str]:
        return {"keras": "3"}

    def run(self, program: Program, calls: Sequence[Asked], limits: Limits, follow: Follow | None = None) -> Run:
        self.ran += 1
        return Run({c.id: Observation(c.id, end) for c, end in zip(calls, self.ended, strict=True)})

    def close(self) -> None:
        self.closed = True


RIGHT = (Verdict.PASSED, Verdict.PASSED)
BROKEN = (Verdict.ERROR, Verdict.PASSED)


def run(main: Box, legacy: Box, mode: str = "", follow: Follow | None = None) -> str:
    flavours = Flavours(main, lambda: legacy)
    return flavours.run(replace(PROGRAM, mode=mode), CALLS, Limits(), follow).mode


def test_a_program_that_asks_for_legacy_keras_never_sees_the_other() -> None:
    main, legacy = Box(*RIGHT), Box(*BROKEN)
    assert run(main, legacy, LEGACY) == LEGACY
    assert (main.ran, legacy.ran) == (0, 1)


@pytest.mark.parametrize(
    ("ended", "mode", "other", "runs"),
    [
        (RIGHT, "", RIGHT, 0),  # nothing to mend
        (BROKEN, "", RIGHT, 1),
        (BROKEN, "", BROKEN, 1),  # no better
        (BROKEN, "keras3", RIGHT, 0),  # asked for
        ((Verdict.TIMEOUT, Verdict.PASSED), "", RIGHT, 0),  # no exception
    ],
)
def test_what_stops_with_an_exception_is_tried_in_the_other(
    ended: tuple[Verdict, ...], mode: str, other: tuple[Verdict, ...], runs: int
) -> None:
    legacy = Box(*other)
    expected = LEGACY if runs and other == RIGHT else ""
    assert run(Box(*ended), legacy, mode) == expected
    assert legacy.ran == runs


def test_trainings_are_asked_once() -> None:
    legacy = Box(*RIGHT)
    assert run(Box(*BROKEN), legacy, follow=lambda answer: ()) == ""
    assert legacy.ran == 0


def test_without_the_library_the_first_answer_stands() -> None:
    def missing() -> Box:
        raise NotInstalled("no tf_keras")

    flavours = Flavours(Box(*BROKEN), missing)
    assert flavours.run(PROGRAM, CALLS, Limits()).mode == ""
    with pytest.raises(NotInstalled):
        flavours.run(replace(PROGRAM, mode=LEGACY), CALLS, Limits())


def test_both_are_closed_and_the_second_starts_only_when_needed() -> None:
    main, legacy = Box(*BROKEN), Box(*RIGHT)
    with Flavours(main, lambda: legacy) as flavours:
        assert not legacy.ran
        flavours.run(PROGRAM, CALLS, Limits())
    assert main.closed
    assert legacy.closed
    unused = Box(*RIGHT)
    with Flavours(Box(*RIGHT), lambda: unused):
        pass
    assert not unused.closed


@pytest.mark.parametrize(
    ("source", "mode", "remark"),
    [
        ("import tensorflow as tf", "", ""),
        ("import tf_keras as keras", LEGACY, "legacy_keras"),
        ("import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\nimport tensorflow as tf", LEGACY, "legacy_keras"),
    ],
)
def test_a_notebooks_own_words_choose(source: str, mode: str, remark: str) -> None:
    program = in_mode(PROGRAM, detect(Notebook((Cell(3, source),))))
    assert program.mode == mode
    assert [r.kind for r in program.remarks] == ([remark] if remark else [])
    assert all(r.place is not None and r.place.cell == 3 for r in program.remarks)
