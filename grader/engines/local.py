"""This machine: a few threads, each of which drives one sandboxed worker at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def run(function: Callable[[T], R], items: Iterable[T], jobs: int) -> Iterator[R]:
    """Like ``map(function, items)``, `jobs` at a time; results come as they finish.

    Only a few items are taken ahead, so neither inputs nor results pile up. When the consumer stops
    early (an exception, Ctrl-C), what has not started is dropped and what runs is not waited for.
    """
    source = iter(items)
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="grade")
    waiting: set[Future[R]] = set()
    try:
        while True:
            waiting.update(pool.submit(function, item) for item in islice(source, 2 * jobs - len(waiting)))
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
