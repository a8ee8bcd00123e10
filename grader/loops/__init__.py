"""Short trainings, one loop per framework. Only workers import this package. Here: what the loops share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

Settings = Mapping[str, float | int]
Bind = Callable[[Mapping[str, Any]], AbstractContextManager[None]]
Loss = Callable[[Any, Any], Any]
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Keras' Adam
# The notebook's names for logits and feature maps, in the order in which `forward` gives them.
TEACHER_NAMES = ("logits_t", "x1_t", "x2_t", "x3_t")
STUDENT_NAMES = ("logits_s", "x1_s", "x2_s", "x3_s")
