"""A Slurm cluster: jobs in its queue run Dask workers, which dask-jobqueue starts; then all is as in dask.py."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from grader.engines.dask import Dask
from grader.types import FriendlyError
from grader.work import Plan

CONFIG = "jobqueue.slurm"  # in ~/.config/dask/*.yaml
ROLES = ("client", "scheduler", "worker")


@contextmanager
def open_slurm(
    plan: Plan,
    workers: int,
    *,
    gpu: bool = False,
    patience_s: float = 3600.0,
    say: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Dask]:
    """The engine on `workers` Dask workers in Slurm jobs; jobs that end early are submitted again.

    What a job asks for (cores, memory, walltime, queue, ...) stands in dask-jobqueue's own configuration. The jobs
    are cancelled at the end. `patience_s`: how long to wait in the queue. Raises FriendlyError.
    """
    with ExitStack() as stack:
        # Everyone on a cluster can reach its ports, and who reaches a scheduler can run code as its owner: so only
        # who has the certificates gets in. They must be where the nodes can read them, and nobody else.
        folder = tempfile.mkdtemp(prefix=".grader-slurm-", dir=_shared())
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        cluster = _start(folder)
        stack.callback(cluster.close)
        cluster.adapt(minimum=workers, maximum=workers)
        say(f"{workers} workers wanted from Slurm; `squeue --me` shows their jobs")
        engine = Dask(
            plan, cluster.scheduler_address, gpu=gpu, patience_s=patience_s, say=say, security=cluster.security
        )
        yield stack.enter_context(engine)


def _start(folder: str) -> Any:
    """A scheduler in this process, which can be reached with the certificates in `folder` only."""
    try:
        import cryptography  # noqa: F401  (makes the certificates)
        import dask
        from dask_jobqueue import SLURMCluster
    except ImportError as missing:
        raise FriendlyError(f"{missing.name} is not installed here: pip install 'grader[slurm]'") from missing
    if shutil.which("sbatch") is None:
        raise FriendlyError("there is no sbatch here: run this on a machine from which Slurm jobs are submitted")
    settings = dask.config.get(CONFIG)
    if not (settings.get("cores") and settings.get("memory")):
        raise FriendlyError(
            f"{CONFIG}.cores and .memory are not set in ~/.config/dask/: what a job asks for (see docs/cluster.md)"
        )
    # Dask's web pages ask for no certificate: to be seen on this machine only.
    local = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    options = {**(settings.get("scheduler-options") or {}), **local}
    return SLURMCluster(security=_certificates(Path(folder)), scheduler_options=options)


def _certificates(folder: Path) -> Any:
    """Made for this run, as files, which the jobs are told the paths of."""
    from distributed.security import Security

    made = Security.temporary()
    paths = {}
    for name, text in (("ca", made.tls_ca_file), ("cert", made.tls_client_cert), ("key", made.tls_client_key)):
        paths[name] = str(folder / f"{name}.pem")
        with open(os.open(paths[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    roles = {f"tls_{role}_{name}": paths[name] for role in ROLES for name in ("cert", "key")}
    return Security(require_encryption=True, tls_ca_file=paths["ca"], **roles)


def _shared() -> Path:
    """A folder that every node sees: the configured one, or the home folder."""
    try:
        import dask

        return Path(dask.config.get(f"{CONFIG}.shared-temp-directory", None) or Path.home()).expanduser()
    except ImportError:
        return Path.home()
