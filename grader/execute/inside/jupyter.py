"""nbclient, told to keep no output, and to use a kernel that others have started. Client's side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbformat
import zmq.asyncio
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from grader.execute.inside.session import Session


class GivenKernel(AsyncKernelManager):  # type: ignore[misc]
    """A kernel whose process is none of ours: how it ends is watched from outside."""

    each_second: Callable[[], object] = staticmethod(lambda: None)

    @property
    def has_kernel(self) -> bool:
        return True

    async def _async_is_alive(self) -> bool:
        self.each_second()  # while a cell runs, nbclient asks every second
        return True

    is_alive = _async_is_alive


class Runner(NotebookClient):  # type: ignore[misc]
    """Runs cells and forgets what they display: a cell that prints for ever must fill no memory."""

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Only "busy" and "idle" count; errors come with the reply."""
        if msg["msg_type"] == "status":
            return super().process_message(msg, cell, cell_index)
        return None


def runner(session: Session, waiting: int, largest: int, each_second: Callable[[], object]) -> Runner:
    """A client for this session's kernel, with the notebook of its cells. `each_second`: while a cell runs."""
    notebook = nbformat.v4.new_notebook()
    for number, source in session.note["cells"]:
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"number": number}))
    context = zmq.asyncio.Context()
    context.rcvhwm = waiting
    context.maxmsgsize = largest
    manager = GivenKernel(context=context)
    manager.each_second = each_second
    manager.load_connection_info(session.connection())
    return Runner(
        notebook,
        km=manager,
        timeout=None,
        iopub_timeout=2,
        startup_timeout=60,
        force_raise_errors=True,
        store_widget_state=False,
        record_timing=False,
        allow_errors=False,
    )


def run_cell(runner: Runner, cell: Any, index: int) -> tuple[str, str] | None:
    """Run one cell; the name and the message of the exception that it ended with, if any."""
    try:
        runner.execute_cell(cell, index)
    except CellExecutionError as error:
        return str(error.ename), str(error.evalue)
    except DeadKernelError:
        return "DeadKernelError", ""
    return None
