"""What the client and the kernel of one notebook have in common, made before they are forked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grader.execute.inside.room import SOCKETS

PORTS = {f"{name}_port": number for number, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}


@dataclass(frozen=True)
class Session:
    """The key that signs their messages, what they may read, and what is to be run."""

    key: str
    readable: tuple[str, ...]
    layers: tuple[str, ...]
    note: Mapping[str, Any]  # the supervisor's: cells, mode, libraries, stand_ins, bounds

    def connection(self) -> dict[str, Any]:
        """Jupyter's connection file, as a dictionary: sockets in a folder that only these two see."""
        return {
            "transport": "ipc",
            "ip": f"{SOCKETS}/s",
            "key": self.key,
            "signature_scheme": "hmac-sha256",
            "kernel_name": "python3",
            **PORTS,
        }
