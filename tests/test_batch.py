"""grader.commands.batch: what goes to the engine, in which order, and what is kept. The workers are made up."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_class import SLUG, cells, notebook

from grader import archive
from grader.commands.batch import Batch, Item, kept, key_of, longest_first
from grader.commands.progress import Progress
from grader.context import Grading
from grader.intake import one, read
from grader.journal import FILE, Journal
from grader.pipeline import Context
from grader.sandbox.pool import Zygote
from grader.types import Expectations, Learner, Submission
from grader.work import OBSERVATIONS, Outcome, Task

JUDGEMENT = "rubric 1"


@pytest.fixture(scope="module")
def context(small_root: Path, numpy_sandbox: Zygote) -> Context:
    return Grading(small_root, SLUG, b"secret").context(numpy_sandbox)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "out" / FILE) as journal:
        yield journal


class MadeUp:
    """An engine that says what it was given and returns what it is told."""

    def __init__(self, failing: Iterable[str] = ()) -> None:
        self.tasks: list[Task] = []
        self._failing = set(failing)

    def map(self, tasks: Iterable[Task]) -> Generator[Outcome]:
        for task in tasks:
            self.tasks.append(task)
            name = task.submission.id
            final = name not in self._failing
            row = {"id": name, "final": final, "seconds": 1.0}
            files = {"result.json": b"{}", **({OBSERVATIONS: b"seen of " + name.encode()} if final else {})}
            yield Outcome(name, task.key, final, row, files)

    @property
    def order(self) -> list[str]:
        return [task.submission.id for task in self.tasks]


def batch(tmp_path: Path, journal: Journal, context: Context, hand_ins: dict[str, bytes]) -> Batch:
    items, keys = [], {}
    for name, data in hand_ins.items():
        submission = Submission(name, f"{name}.ipynb", data, f"sha of {data!r}")
        keys[name] = key_of(submission, JUDGEMENT)
        items.append(Item(name, JUDGEMENT, lambda submission=submission: (submission, None)))
    return Batch(tmp_path / "out", journal, context, keys, items)


def go(todo: Batch, engine: MadeUp) -> None:
    todo.go(engine, Progress(len(todo.work)))


COMMENTED = notebook("right").replace(b"import numpy as np", b"# mine\\n\\n\\nimport numpy   as  np")


def test_identical_programs_are_run_once_and_the_others_follow(
    tmp_path: Path, journal: Journal, context: Context
) -> None:
    todo = batch(tmp_path, journal, context, {"a": notebook("right"), "b": COMMENTED, "c": notebook("sum")})
    engine = MadeUp()
    go(todo, engine)
    assert engine.order == ["a", "c", "b"]
    assert [(task.known, task.twin) for task in engine.tasks] == [(None, ""), (None, ""), (b"seen of a", "a")]
    assert todo.twins == {"b": "a"}
    assert journal.keys() == todo.keys


def test_a_twin_of_what_is_not_final_is_run_itself(tmp_path: Path, journal: Journal, context: Context) -> None:
    todo = batch(tmp_path, journal, context, {"a": notebook("right"), "b": COMMENTED})
    engine = MadeUp(failing=["a"])
    go(todo, engine)
    assert [(task.known, task.twin) for task in engine.tasks] == [(None, ""), (None, "")]


@pytest.mark.parametrize("kind", ["blank", "truncated", "empty"])
def test_those_who_wrote_nothing_are_no_twins(
    kind: str, tmp_path: Path, journal: Journal, context: Context
) -> None:
    todo = batch(tmp_path, journal, context, {"a": notebook(kind), "b": notebook(kind) + b" "})
    go(todo, MadeUp())
    assert todo.twins == {}


def test_a_notebook_that_breaks_our_reader_is_left_to_the_one_who_judges(
    tmp_path: Path, journal: Journal, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RecursionError("ours")

    monkeypatch.setattr("grader.commands.batch.needed_part", broken)
    todo = batch(tmp_path, journal, context, {"a": notebook("right"), "b": notebook("right")})
    engine = MadeUp()
    go(todo, engine)
    assert engine.order == ["a", "b"]


def test_what_took_long_comes_first_and_what_is_unknown_in_the_middle() -> None:
    items = [Item(name, "", lambda: (None, None)) for name in ("short", "new", "long", "usual")]  # type: ignore[arg-type,return-value]
    order = longest_first(items, {"short": 0.1, "long": 9.0, "usual": 1.0})
    assert [item.id for item in order] == ["long", "new", "usual", "short"]


def test_a_not_final_outcome_does_not_replace_a_final_grade(
    tmp_path: Path, journal: Journal, context: Context
) -> None:
    todo = batch(tmp_path, journal, context, {"a": notebook("right")})
    good = Outcome("a", "key", True, {"id": "a", "final": True}, {"result.json": b"good"})
    bad = Outcome("a", "key", False, {"id": "a", "final": False}, {"result.json": b"bad"})
    assert todo.keep(good) == good.row
    assert todo.keep(bad) == good.row
    assert (tmp_path / "out" / "a" / "result.json").read_bytes() == b"good"
    assert [(final, times) for _, final, times, _ in journal.rows()] == [(1, 1)]


def test_files_of_an_earlier_judgement_do_not_stay(tmp_path: Path, journal: Journal, context: Context) -> None:
    todo = batch(tmp_path, journal, context, {"a": notebook("right")})
    folder = tmp_path / "out" / "a"
    todo.keep(Outcome("a", "1", True, {}, {"result.json": b"1", "training.svg": b"1", OBSERVATIONS: b"1"}))
    (folder / "notes of the instructor.txt").write_text("mine")
    todo.keep(Outcome("a", "2", False, {}, {"result.json": b"2"}))
    assert sorted(p.name for p in folder.iterdir()) == ["notes of the instructor.txt", "result.json"]


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(
    tmp_path: Path, journal: Journal, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = batch(tmp_path, journal, context, {"a": notebook("right")})
    todo.keep(Outcome("a", "1", True, {"id": "a"}, {"result.json": b"old"}))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("grader.journal.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        todo.keep(Outcome("a", "2", True, {"id": "a"}, {"result.json": b"new"}))
    assert [p.name for p in (tmp_path / "out" / "a").iterdir()] == ["result.json"]
    assert (tmp_path / "out" / "a" / "result.json").read_bytes() == b"old"
    assert journal.keys() == {"a": "1"}


def test_a_file_that_changed_while_the_class_was_graded_gets_the_key_of_what_was_graded(
    tmp_path: Path, journal: Journal, context: Context
) -> None:
    path = tmp_path / "kim.ipynb"
    path.write_bytes(notebook("right"))
    entry = one(path)
    keys = {entry.id: key_of(read(entry), JUDGEMENT)}
    before = dict(keys)
    path.write_bytes(notebook("sum"))
    todo = Batch(
        tmp_path / "out", journal, context, keys, [Item(entry.id, JUDGEMENT, lambda: (read(entry), None))]
    )
    go(todo, MadeUp())
    assert keys != before
    assert journal.keys() == keys


def test_only_what_was_observed_of_the_same_file_is_used_again(tmp_path: Path) -> None:
    submission = Submission("kim", "", None, "one", learner=Learner("김"))
    seen = archive.Seen(submission, None, {})
    (tmp_path / "kim").mkdir()
    assert kept(tmp_path, submission) is None
    (tmp_path / "kim" / OBSERVATIONS).write_bytes(archive.to_bytes(seen))
    assert kept(tmp_path, submission) == archive.to_bytes(seen)
    assert kept(tmp_path, replace(submission, sha256="two")) is None
    (tmp_path / "kim" / OBSERVATIONS).write_bytes(b"damaged")
    assert kept(tmp_path, submission) is None


def test_a_program_that_differs_in_one_constant_is_no_twin(
    tmp_path: Path, journal: Journal, context: Context
) -> None:
    assert isinstance(context.expectations, Expectations)
    assert cells("x = 1") != cells("x = 2")
    todo = batch(tmp_path, journal, context, {"a": notebook("right", 1), "b": notebook("right", 2)})
    go(todo, MadeUp())
    assert todo.twins == {}
