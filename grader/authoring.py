"""Marks for programs in reference/: `variant` (right) and `mistake` (wrong).

They do nothing at run time. The grader reads the marked functions from the file by their syntax
tree and runs each one in the sandbox under the exercise's name, in place of the reference's.
"""

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def variant(
    exercise: str,
    *,
    family: str = "",
    helpers: tuple[str, ...] = (),
    trains: bool = True,
    en: str = "",
    ko: str = "",
) -> Callable[[F], F]:
    """Mark another right form of `exercise`, which must earn full marks.

    Without `family` it returns the same numbers as the reference. With `family` its values or
    gradients differ from the reference's by what the exercise leaves open; the first variant that
    names a family defines its numbers (so it must work in float64), `en`/`ko` is the note that a
    learner who wrote it gets. `helpers` limits it to these families of the exercises that it uses.
    `trains=False` is for a family that is right but, with the notebook's own weight, so large that it
    drowns the labels: the training pass leaves it out.
    """
    return lambda function: function


def mistake(exercise: str, *, en: str, ko: str, line: int = 0) -> Callable[[F], F]:
    """Mark a known wrong form of `exercise` with the hint that it earns, in English and Korean.

    `line` is the line of the exercise's `formula` in spec.yaml that it gets wrong, from 1; 0 where it is not one.
    """
    return lambda function: function
