"""Everything that stands in for what a sandbox has not, put in place before the first cell. Kernel's side."""

from __future__ import annotations

import os
import random
from typing import Any

from grader.execute.inside import for_data, for_keras, for_torch, inert, magics, shorter
from grader.execute.inside.telling import Telling


def install(shell: Any, telling: Telling, mode: str, libraries: frozenset[str], own: str) -> None:
    """`libraries`: what the notebook imports. `own`: the text of an assignment's stand_ins.py."""
    if mode in ("keras3", "legacy", "tf1"):
        for_keras.install(mode, telling)
    if "torch" in libraries:
        for_torch.install(telling)
    for_data.install(telling, libraries)
    inert.install(telling)  # after the frameworks, which look for some of these modules
    magics.install(shell, telling)
    shorter.install(shell, telling)
    if own:
        before = set(os.listdir())
        namespace: dict[str, Any] = {"__name__": "stand_ins"}
        exec(compile(own, "<stand_ins>", "exec", dont_inherit=True), namespace)
        namespace["prepare"]()
        if files := sorted(set(os.listdir()) - before):
            telling.substitution("files", ", ".join(files))
    random.seed(0)
