"""What several test files share. Nothing here imports a framework into the test process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from grader.context import Grading
    from grader.oracle import Sandbox
    from grader.pipeline import Context
    from grader.sandbox.pool import Zygote
    from grader.training.cache import Cache
    from grader.types import Assignment

# For the few tests that import TensorFlow themselves: quiet, and the rounding that the sandbox has.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


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
def grading(root: Path, dev_secret: bytes) -> Grading:
    """The TensorFlow assignment as a class would be graded with it, with the development secret."""
    from grader.context import Grading

    return Grading(root, "distillation_tf", dev_secret)


@pytest.fixture(scope="session")
def context(grading: Grading, tf_sandbox: Zygote) -> Context:
    """What judging a submission of that assignment needs."""
    return grading.context(tf_sandbox, jobs=2)


@pytest.fixture
def store() -> Iterator[Cache]:
    """Finished trainings, of this test only."""
    from grader.training.cache import Cache

    with Cache(None) as cache:
        yield cache


@pytest.fixture(scope="module")
def tensorflow() -> Iterator[Zygote]:
    """A TensorFlow sandbox that the tests of one file share."""
    pytest.importorskip("tensorflow")
    from grader.sandbox.pool import Zygote

    with Zygote("tensorflow") as zygote:
        yield zygote


@pytest.fixture(scope="module")
def torch() -> Iterator[Zygote]:
    """A PyTorch sandbox that the tests of one file share."""
    pytest.importorskip("torch")
    from grader.sandbox.pool import Zygote

    with Zygote("torch") as zygote:
        yield zygote
