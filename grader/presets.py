"""Ready-made training plans. rubric.yaml names one and may override each of its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from grader.types import Protocol

# Data set -> how many images there are to train on, and how many others to hold out (None: held-out images are
# taken from the same ones).
IMAGES: Mapping[str, tuple[int, int | None]] = MappingProxyType(
    {"digits": (1797, None), "cifar10": (50_000, 10_000)}
)


@dataclass(frozen=True)
class Preset:
    """What a plan has but for its exercises. Margin in percentage points; error on either side, 0..1."""

    protocol: Protocol
    seeds_start: int = 3
    seeds_cap: int = 16
    margin: float = 1.0
    error: float = 0.02


# quick: scikit-learn's 8x8 digits, a fraction of a second a run on one CPU core.
# cifar10: the course notebook's own 32x32 colour images; meant for a GPU. Its numbers are set by analogy with
# quick (as many labels in a batch as there are not; more images, more labels, a smaller step) and not measured.
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "quick": Preset(Protocol()),
        "cifar10": Preset(
            Protocol(
                data="cifar10",
                labels=500,
                batch=128,
                labelled=32,
                learning_rate=0.003,
                teacher_steps=3000,
                transfer=10_000,
                held_out=5000,
            )
        ),
    }
)
