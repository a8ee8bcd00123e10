"""What several test files share. Nothing here imports a framework into the test process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from fake_platform import FakePlatform
    from lti_tool import Tool

    from grader.context import Grading
    from grader.oracle import Sandbox
    from grader.pipeline import Context
    from grader.sandbox.pool import Zygote
    from grader.training.cache import Cache
    from grader.types import Assignment

# For the few tests that import TensorFlow themselves: quiet, and the rounding that the sandbox has.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

# By what they take, so that no worker begins a long file when the others are done: `make test` hands out
# whole files in this order.
LONGEST_FIRST = (
    "test_contracts.py",
    "test_grade.py",
    "test_hostile.py",
    "test_execute_modes.py",
    "test_execute_assignments.py",
    "test_training_end_to_end.py",
    "test_serve_browser.py",
    "test_samples.py",
    "test_engine_dask.py",
    "test_drill.py",
    "test_browser.py",
    "test_loops.py",
    "test_extract.py",
    "test_execute.py",
    "test_training_sandbox.py",
    "test_cli.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of the files; within a file nothing changes."""
    rank = {name: at for at, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder: assignments/, reference/, rubric.yaml."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def dev_secret() -> bytes:
    """The secret that `--dev-secret` stands for: hidden cases drawn from it are known to everybody."""
    return b"grader development secret"


@pytest.fixture(scope="session")
def tf_sandbox() -> Iterator[Zygote]:
    """One TensorFlow sandbox for the whole test run: importing TensorFlow is what takes time."""
    from grader.sandbox.pool import Zygote

    with Zygote("tensorflow") as zygote:
        yield zygote


@pytest.fixture(scope="session")
def torch_sandbox() -> Iterator[Zygote]:
    """One PyTorch sandbox for the whole test run."""
    from grader.sandbox.pool import Zygote

    with Zygote("torch") as zygote:
        yield zygote


@pytest.fixture(scope="session")
def legacy_sandbox() -> Iterator[Zygote]:
    """One sandbox with legacy Keras for the whole test run."""
    from grader.sandbox.pool import Zygote

    with Zygote("tensorflow-legacy") as zygote:
        yield zygote


@pytest.fixture(scope="session")
def numpy_sandbox() -> Iterator[Zygote]:
    """One sandbox without any framework for the whole test run."""
    from grader.sandbox.pool import Zygote

    with Zygote("numpy") as zygote:
        yield zygote


@pytest.fixture(scope="session")
def sandbox_for(request: pytest.FixtureRequest) -> Callable[[Assignment], Sandbox]:
    """What runs the submissions of an assignment, started when first asked for."""
    from grader.flavours import Flavours

    def chosen(assignment: Assignment) -> Sandbox:
        if assignment.framework == "torch":
            return cast("Zygote", request.getfixturevalue("torch_sandbox"))
        main = request.getfixturevalue("tf_sandbox")
        legacy = Flavours(main, lambda: cast("Zygote", request.getfixturevalue("legacy_sandbox")))
        return legacy if assignment.legacy else cast("Zygote", main)

    return chosen


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], AbstractContextManager[None]]:
    """Held while an assignment's context is opened: one worker computes the answers, the others find them."""
    import fcntl

    folder = tmp_path_factory.getbasetemp().parent  # the same for all workers

    @contextlib.contextmanager
    def held(slug: str) -> Iterator[None]:
        with open(folder / f"{slug}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    return held


@pytest.fixture(scope="session")
def context_of(
    root: Path,
    dev_secret: bytes,
    sandbox_for: Callable[[Assignment], Sandbox],
    alone: Callable[[str], AbstractContextManager[None]],
) -> Callable[[str], Context]:
    """What judging a submission of an assignment needs, opened once: with the development secret."""
    from grader.context import Grading

    made: dict[str, Context] = {}

    def context(slug: str) -> Context:
        if slug not in made:
            grading = Grading(root, slug, dev_secret)
            with alone(slug):
                made[slug] = grading.context(sandbox_for(grading.assignment), jobs=2)
        return made[slug]

    return context


@pytest.fixture(scope="session")
def grading(root: Path, dev_secret: bytes) -> Grading:
    """The TensorFlow assignment as a class would be graded with it, with the development secret."""
    from grader.context import Grading

    return Grading(root, "distillation_tf", dev_secret)


@pytest.fixture(scope="session")
def context(context_of: Callable[[str], Context]) -> Context:
    """What judging a submission of that assignment needs."""
    return context_of("distillation_tf")


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose one assignment needs NumPy alone (small_class.py), for tests of commands."""
    from small_class import make_root

    return make_root(tmp_path_factory.mktemp("small") / "root")


@pytest.fixture
def store() -> Iterator[Cache]:
    """Finished trainings, of this test only."""
    from grader.training.cache import Cache

    with Cache(None) as cache:
        yield cache


@pytest.fixture(scope="session")
def tensorflow(request: pytest.FixtureRequest) -> Zygote:
    """The TensorFlow sandbox, for tests that go without it where TensorFlow is not installed."""
    pytest.importorskip("tensorflow")
    return cast("Zygote", request.getfixturevalue("tf_sandbox"))


@pytest.fixture(scope="session")
def torch(request: pytest.FixtureRequest) -> Zygote:
    """The PyTorch sandbox, likewise."""
    pytest.importorskip("torch")
    return cast("Zygote", request.getfixturevalue("torch_sandbox"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that the pages were not tried in a browser."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if missed := sum("NO BROWSER" in reason for reason in skipped):
        line = f"NO BROWSER: {missed} tests of the HTML reports were skipped; they need chromium and playwright"
        terminalreporter.write_line(line, red=True, bold=True)


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool]:
    """The protocol half of `grader serve`, running."""
    from lti_tool import running_tool

    with running_tool(tmp_path) as running:
        yield running


@pytest.fixture
def lms() -> Iterator[FakePlatform]:
    """A learning system with the endpoint rules of a real one, running."""
    from fake_platform import FakePlatform

    with FakePlatform() as running:
        yield running
