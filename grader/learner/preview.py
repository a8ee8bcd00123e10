"""`grader check --train`: the quick training pass on a learner's own machine, with a bar and the curves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from grader.i18n import Translate, translator
from grader.pipeline import Context
from grader.plaintext import pad, width
from grader.result import checkpoints
from grader.rubric import load_rubric
from grader.spec import load_assignment
from grader.training.cache import FILE as STORE
from grader.training.opening import Equipment, open_trainer
from grader.training.trainer import Gym
from grader.types import CheckResult, Comparison, FriendlyError, Graded, TrainingPlan, TrainingRun

BARS = "▁▂▃▄▅▆▇█"


class NothingToTrain(FriendlyError):
    """The assignment has no training, or what says so is not there."""


def plan_of(root: Path, context: Context) -> TrainingPlan:
    """What is trained in grading, too. Raises NothingToTrain, ConfigError."""
    assignment = context.assignment
    path = root / "rubric.yaml"
    if not path.is_file():
        raise NothingToTrain(f"--train: {path} is missing, which says what is trained; get the kit of your course")
    plan = load_rubric(path, load_assignment(Path(assignment.folder))).training  # of all its exercises
    steps = {name: count for name, count in (plan.steps if plan else {}).items() if name in assignment.exercises}
    if plan is None or not steps:
        raise NothingToTrain("--train: nothing of what you named is trained in grading")
    return replace(plan, steps=steps)


@contextmanager
def training(root: Path, context: Context, sandbox: Gym, lang: str) -> Iterator[Context]:
    """`context` with the training pass. Raises NothingToTrain, FriendlyError where a library is missing."""
    plan = plan_of(root, context)
    with (
        _bar(plan, lang) as step,
        open_trainer(
            plan, context.assignment.framework, sandbox, root / STORE, Equipment(device="cpu"),
            context.assignment.training, step,
        ) as trainer,
    ):  # fmt: skip
        yield replace(context, trainer=trainer)


@contextmanager
def _bar(plan: TrainingPlan, lang: str) -> Iterator[Callable[[str], None]]:
    """Counts students on a terminal; how many it takes is known at the end only, so the end moves."""
    _ = translator(lang)
    least = 2 * plan.seeds_start * len(plan.steps) + 1
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(_("training students"), total=least)

        def step(_kind: str) -> None:
            done = bar.tasks[0].completed + 1
            bar.update(task, completed=done, total=max(least, done + plan.seeds_start))

        if not console.is_terminal:
            print(_("training students; this takes about a minute ..."), file=sys.stderr, flush=True)
        yield step


def curves(graded: Graded, lang: str) -> Iterator[str]:
    """Lines for a terminal: how the accuracy on held-out images rose, with the learner's loss and without."""
    _ = translator(lang)
    for result in graded.results:
        for check in result.checks:
            if check.training is not None and check.training.distilled and check.training.scratch:
                yield ""
                yield from _two(check, check.training, _)


def _two(check: CheckResult, compared: Comparison, _: Translate) -> Iterator[str]:
    ours, without = compared.distilled[0], compared.scratch[0]
    top = max(*ours.accuracies, *without.accuracies, 1e-9)
    steps = checkpoints(ours, compared.steps)
    yield _("{exercise}: images classified correctly after {first} to {last} steps, first seed").format(
        exercise=check.exercise, first=steps[0], last=steps[-1]
    )
    labels = (_("distilled"), _("scratch"))
    columns = max(map(width, labels))
    for label, run in zip(labels, (ours, without), strict=True):
        first, last = 100 * run.accuracies[0], 100 * run.accuracies[-1]
        yield f"  {pad(label, columns)}  {_line(run, top)}  {first:.0f} % → {last:.0f} %"


def _line(run: TrainingRun, top: float) -> str:
    return "".join(BARS[min(int(len(BARS) * share / top), len(BARS) - 1)] for share in run.accuracies)
