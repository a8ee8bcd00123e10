"""Opens the training pass of a class: chooses the device, reads the data, finds the stored runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.sandbox.pool import Zygote
from grader.sandbox.survey import gpu_present
from grader.training import data
from grader.training.cache import Cache
from grader.training.trainer import Gym, Trainer
from grader.types import FriendlyError, TrainingPlan

FOR_CPU = ("digits",)  # data so small that a GPU would mostly wait


@dataclass(frozen=True)
class Equipment:
    """What to train on, from the command line."""

    device: str = "auto"  # "auto" | "cpu" | "gpu"
    gpu_workers: int = 1  # trainings at a time on the GPU
    data: Path | None = None  # where the data set lies, if not where frameworks keep it

    def chosen(self, plan: TrainingPlan) -> str:
        """ "cpu" or "gpu". Raises FriendlyError when a GPU is demanded and there is none."""
        if self.device == "cpu" or (self.device == "auto" and plan.protocol.data in FOR_CPU):
            return "cpu"
        if gpu_present():
            return "gpu"
        if self.device == "gpu":
            raise FriendlyError("--device gpu: no NVIDIA device nodes in /dev here; `grader doctor` tells more")
        return "cpu"


class TrainerWhenNeeded:
    """A trainer that is opened for the first loss that must be trained."""

    def __init__(self, plan: TrainingPlan, opens: Callable[[], Trainer]) -> None:
        self.plan, self._opens, self._lock = plan, opens, threading.Lock()
        self._trainer: Trainer | None = None

    def ready(self) -> Trainer:
        """The trainer. Raises as `open_trainer` does."""
        with self._lock:
            if self._trainer is None:
                self._trainer = self._opens()
        return self._trainer


@contextmanager
def open_trainer(
    plan: TrainingPlan,
    framework: str,
    sandbox: Gym,
    store: Path | None,
    equipment: Equipment,
    training: str = "",
    heard: Callable[[str], None] = lambda kind: None,
) -> Iterator[Trainer]:
    """The trainer of a class. `sandbox` is the one that numeric checks run in; `store` None keeps runs in memory;
    `training` is the source of the assignment's training.py; `heard` is told the kind of each finished run.

    Raises FriendlyError when the data, a library or the demanded device is missing.
    """
    device = equipment.chosen(plan)
    images = data.load(plan.protocol.data, plan.protocol, equipment.data)
    with Cache(store, heard) as runs:
        trainer = Trainer(plan, images, sandbox, framework, runs, training=training)
        if device == "cpu":
            yield trainer
            return
        with Zygote(framework, device="gpu") as on_gpu:
            yield Trainer(
                plan, images, on_gpu, framework, runs,
                device="gpu", slots=equipment.gpu_workers, fallback=trainer,
                training=training,
            )  # fmt: skip
