"""A Dask cluster of real processes on this machine, for tests: started, killed, and gone at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from distributed import Client
from engines import PATIENCE_S, until

HERE = Path(__file__).resolve().parent


class Cluster:
    """A scheduler and workers, each a process of its own. Use in `with`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self._workers: list[subprocess.Popen[bytes]] = []
        self._started = 0
        self.start_scheduler()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_workers()
        kill(self.scheduler)

    def kill_workers(self) -> None:
        """All of them."""
        while self._workers:
            kill(self._workers.pop())

    @property
    def alive(self) -> list[subprocess.Popen[bytes]]:
        """The workers that have not been killed."""
        return [worker for worker in self._workers if worker.poll() is None]

    def start_scheduler(self) -> None:
        """Also again, at the same address."""
        host, port = self.address.removeprefix("tcp://").split(":")
        self.scheduler = self._start("scheduler", ["--host", host, "--port", port, "--no-dashboard"], {})

    def worker(self, name: str, *options: str, **env: str) -> subprocess.Popen[bytes]:
        """Start one; it need not be there yet when this returns."""
        local = self.folder / f"local of {name}"
        own = ["--name", name, "--host", "127.0.0.1", "--no-dashboard", "--local-directory", str(local)]
        threads = [] if "--nthreads" in options else ["--nthreads", "1"]
        self._workers.append(self._start("worker", [self.address, *own, "--no-nanny", *threads, *options], env))
        return self._workers[-1]

    def ready(self, *names: str) -> Cluster:
        """Wait until exactly these workers are there."""
        with Client(self.address, timeout=PATIENCE_S, set_as_default=False) as client:
            until(lambda: sorted(w["name"] for w in self._there(client).values()) == sorted(names))
        return self

    def port(self, name: str) -> str:
        """Where this worker listens; "" when it is not there."""
        with Client(self.address, timeout=PATIENCE_S, set_as_default=False) as client:
            return next((a.rpartition(":")[2] for a, w in self._there(client).items() if w["name"] == name), "")

    def drop(self, name: str) -> None:
        """Make the scheduler believe that a worker is gone, which goes on working."""
        with Client(self.address, timeout=PATIENCE_S, set_as_default=False) as client:
            address = next(address for address, w in self._there(client).items() if w["name"] == name)
            client.run_on_scheduler(_drop, address)

    def taken(self, name: str) -> dict[str, float]:
        """The resources of this worker that tasks have taken."""
        with Client(self.address, timeout=PATIENCE_S, set_as_default=False) as client:
            used: dict[str, float] = client.run_on_scheduler(_taken, name)
            return used

    @staticmethod
    def _there(client: Client) -> dict[str, dict[str, Any]]:
        workers: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def _start(self, kind: str, arguments: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(HERE.parent), str(HERE)])
        with (self.folder / f"log of {kind} {self._started}").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments],
                env={**os.environ, "PYTHONPATH": path, **env},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._started += 1
        return process


async def _drop(address: str, dask_scheduler: Any) -> None:
    await dask_scheduler.remove_worker(address, stimulus_id="test", close=False, expected=False)


def _taken(name: str, dask_scheduler: Any) -> dict[str, float]:
    return next(dict(w.used_resources) for w in dask_scheduler.workers.values() if w.name == name)


def kill(process: subprocess.Popen[bytes]) -> None:
    """With SIGKILL."""
    process.kill()
    process.wait()
