"""What running a whole notebook takes and what it comes to. Frozen, and without a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

from grader.types import Execution, Substitution

__all__ = ["Bounds", "Execution", "Substitution"]


@dataclass(frozen=True)
class Bounds:
    """What running one notebook may use. Seconds count from the first cell on, importing is not in them."""

    wall_s: float = 300.0
    cpu_s: int = 120
    memory_mb: int = 3072  # address space on top of what the kernel maps before the first cell
    scratch_mb: int = 256
    open_files: int = 512
