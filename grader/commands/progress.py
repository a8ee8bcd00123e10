"""Progress of a long run on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

LINES_EVERY_S = 5.0


class Progress:
    """Counts gradings. Use in `with`; `step` after each."""

    def __init__(self, total: int, done: int = 0) -> None:
        self._total, self._done, self._failed, self._started = total, done, 0, time.monotonic()
        self._first, self._said = done, 0.0
        console = Console(stderr=True)
        self._bar: Bar | None = None
        self._task = TaskID(0)
        if console.is_terminal:
            self._bar = Bar(
                TextColumn("grading"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[problems]}"),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=total, completed=done, rate="", problems="")

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, *, final: bool) -> None:
        """One more is done."""
        self._done += 1
        self._failed += not final
        now = time.monotonic()
        rate = (self._done - self._first) / max(now - self._started, 1e-3)
        problems = f"{self._failed} not final" if self._failed else ""
        if self._bar:
            self._bar.update(self._task, completed=self._done, rate=f"{rate:.1f}/s", problems=problems)
        elif now - self._said >= LINES_EVERY_S or self._done == self._total:
            self._said = now
            left = (self._total - self._done) / max(rate, 1e-3)
            line = f"grading {self._done}/{self._total}, {rate:.1f} a second, {left:.0f} s left"
            print(line + (f", {problems}" if problems else ""), file=sys.stderr, flush=True)
