"""Every engine keeps the same contract; see engines.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from engines import Engine, Toy, contract

from grader.engines.local import Local

Opener = Callable[[Toy], AbstractContextManager[Engine]]
NAMES = [check.name for check in contract(lambda toy: Local(toy, 1), Path(), 0)]


@pytest.fixture(scope="module")
def open_dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opener]:
    pytest.importorskip("distributed")
    from dask_cluster import Cluster

    from grader.engines.dask import Dask

    with Cluster(tmp_path_factory.mktemp("dask") / "cluster") as cluster:
        cluster.worker("one")
        cluster.worker("two")
        cluster.ready("one", "two")
        yield lambda toy: Dask(toy, cluster.address, patience_s=30)


@pytest.mark.parametrize("name", NAMES)
def test_local(name: str, tmp_path: Path) -> None:
    checks = {check.name: check for check in contract(lambda toy: Local(toy, 2), tmp_path, ahead=5)}
    assert not checks[name].run()


@pytest.mark.parametrize("name", NAMES)
def test_dask(name: str, tmp_path: Path, open_dask: Opener) -> None:
    # two workers: each has a task and another one's result is to be fetched; and one is taken ahead
    checks = {check.name: check for check in contract(open_dask, tmp_path, ahead=5)}
    assert not checks[name].run()
