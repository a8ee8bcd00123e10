"""grader.archive: what was observed comes back as it was, and what is damaged or of another time is not used."""

import io
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_class import SLUG, notebook

from grader import archive
from grader.context import Grading
from grader.pipeline import Context, grade
from grader.sandbox.pool import Zygote
from grader.types import (
    CheckResult,
    Comparison,
    Execution,
    Fault,
    Graded,
    Learner,
    Place,
    Remark,
    Submission,
    Summary,
    TrainingRun,
    Verdict,
)


@pytest.fixture(scope="module")
def context(small_root: Path, numpy_sandbox: Zygote) -> Context:
    return Grading(small_root, SLUG, b"secret").context(numpy_sandbox)


def judged(kind: str, context: Context, known: archive.Seen | None = None) -> Graded:
    data = notebook(kind)
    who = Learner("김철수", "4321", "팀 A")
    submission = Submission("kim", "kim.ipynb", data, "sha", learner=who, remarks=(Remark("empty", detail="x"),))
    return grade(submission, context, known)


def same(one: Any, other: Any) -> bool:
    """Equal, arrays to the bit."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes() and one.shape == other.shape
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


@pytest.mark.parametrize("kind", ["right", "sum", "nan", "raises", "exits", "half", "right_print"])
def test_what_was_observed_comes_back_as_it_was(kind: str, context: Context) -> None:
    seen = archive.seen(judged(kind, context), context.environment, context.digests, "plan")
    again = archive.from_bytes(archive.to_bytes(seen))
    assert seen.run is not None
    assert seen.run.observations
    assert same(again, seen)
    assert again.submission.data is None


def test_trainings_and_whole_notebooks_come_back_too(context: Context) -> None:
    runs = (TrainingRun(0, (0.5, 0.75), (2.0, 1.5)),)
    compared = Comparison(runs, runs, Summary(1, 1.0, 0.5, 1.5, 0.0, 0.95), "digits", 30, 60, "cpu", 1.0)
    trained = CheckResult("squared_error", "", "training", Verdict.PASSED, "training", training=compared)
    ran = Execution(Verdict.ERROR, "numpy", 3, (1, 2), 3, 1, Fault("E", "m", Place(3, 1)), versions={"numpy": "2"})
    seen = archive.seen(judged("right", context), context.environment, {}, "plan")
    seen = replace(seen, trained=(trained,), execution=ran)
    assert same(archive.from_bytes(archive.to_bytes(seen)), seen)


def test_an_unreadable_file_comes_back_with_its_reason(context: Context) -> None:
    graded = judged("truncated", context)
    seen = archive.from_bytes(archive.to_bytes(archive.seen(graded, context.environment, {}, "")))
    assert seen.run is None
    again = grade(seen.submission, context, seen)
    assert (again.unreadable, again.grade) == (graded.unreadable, graded.grade)


def test_what_is_damaged_or_of_another_format_is_refused(context: Context, tmp_path: Path) -> None:
    content = archive.to_bytes(archive.seen(judged("right", context), context.environment, {}, ""))
    odd = io.BytesIO()
    np.savez_compressed(odd, meta=np.frombuffer(b'{"format": 99}', np.uint8), data=np.zeros(1, np.uint8))
    pickled = io.BytesIO()
    np.savez(pickled, meta=np.array([{"a": 1}], dtype=object), data=np.zeros(1))
    cases = [b"", b"PK", content[:-40], content[: len(content) // 2], odd.getvalue(), pickled.getvalue()]
    for number, bad in enumerate(cases):
        with pytest.raises(archive.UNUSABLE):
            archive.from_bytes(bad)
        (tmp_path / str(number)).write_bytes(bad)
        assert archive.load(tmp_path / str(number)) is None
    assert archive.load(tmp_path / "absent") is None


def test_the_digest_of_a_call_changes_with_everything_that_it_depends_on(context: Context) -> None:
    call, limits = context.calls[0], context.assignment.limits
    name = next(name for name, value in call.inputs.items() if isinstance(value, np.ndarray))
    array = call.inputs[name]
    assert isinstance(array, np.ndarray)
    changed = [
        replace(call, id="x"),
        replace(call, function="x"),
        replace(call, gradient=("y",)),
        replace(call, observes=("a",)),
        replace(call, inputs={**call.inputs, name: array + 1}),
        replace(call, inputs={**call.inputs, name: array.astype(np.float64)}),
        replace(call, inputs={**call.inputs, name: array.reshape(1, *array.shape)}),
        replace(call, inputs={**call.inputs, "more": 1.0}),
    ]
    digests = [archive.call_digest(one, limits) for one in (call, *changed)]
    digests.append(archive.call_digest(call, replace(limits, wall_s=99.0)))
    assert len(set(digests)) == len(digests)
    assert archive.call_digest(replace(call), replace(limits)) == digests[0]


class Counting:
    """A sandbox that tells which calls it was asked for."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.asked = inner, []  # type: ignore[var-annotated]
        self.versions = inner.versions

    def run(self, program: Any, calls: Any, limits: Any, follow: Any = None) -> Any:
        self.asked.append([call.id for call in calls])
        return self.inner.run(program, calls, limits)


def test_what_is_known_is_not_run_again_and_judged_the_same(context: Context) -> None:
    for kind in ("right", "sum", "raises", "nan"):
        first = judged(kind, context)
        seen = archive.seen(first, context.environment, context.digests, "")
        counting = Counting(context.sandbox)
        again = judged(kind, replace(context, sandbox=counting), seen)
        assert counting.asked == []
        assert (again.results, again.grade) == (first.results, first.grade)


def test_only_what_is_new_is_run(context: Context) -> None:
    seen = archive.seen(judged("sum", context), context.environment, context.digests, "")
    lost = context.calls[0].id
    counting = Counting(context.sandbox)
    seen = replace(seen, digests={**seen.digests, lost: "another"})
    again = judged("sum", replace(context, sandbox=counting), seen)
    assert counting.asked == [[lost]]
    assert again.results == judged("sum", context).results


def test_another_kernel_of_the_system_changes_nothing(context: Context) -> None:
    one = context.environment
    assert archive.same_versions(one, {**one, "platform": "another"})
    assert not archive.same_versions(one, {**one, "python": "2.7"})


@pytest.mark.parametrize("change", ["environment", "form"])
def test_what_was_observed_of_something_else_is_not_used(change: str, context: Context) -> None:
    seen = archive.seen(judged("sum", context), context.environment, context.digests, "")
    other = {**context.environment, "numpy": "0.1"} if change == "environment" else "another"
    counting = Counting(context.sandbox)
    judged("sum", replace(context, sandbox=counting), replace(seen, **{change: other}))
    assert len(counting.asked) == 1
    assert len(counting.asked[0]) == len(context.calls)
