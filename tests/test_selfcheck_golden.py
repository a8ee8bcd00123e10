"""Ten typical wrong notebooks: what the self-check says of each, in both languages, word for word.

`python tests/test_selfcheck_golden.py` writes tests/golden/selfcheck anew; read the difference before you keep it.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typical import notebook

from grader.context import self_check
from grader.learner.session import Session, narrowed
from grader.pipeline import Context, grade
from grader.reports.selfcheck import render
from grader.reports.selfcheck_html import to_html
from grader.types import LANGUAGES, Graded, Submission

if TYPE_CHECKING:
    from grader.oracle import Sandbox

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "selfcheck"
TYPICAL = {
    "kd_class_mean": "distillation_tf",
    "kd_no_temperature": "distillation_tf",
    "kd_roles_swapped": "distillation_tf",
    "kd_gradient_cut": "distillation_tf",
    "at_no_normalisation": "distillation_tf",
    "at_batch_sum": "distillation_tf",
    "pd_squared": "distillation_tf",
    "rkd_no_normalisation": "distillation_tf",
    "kd_batch_sum": "distillation_torch",
    "mse_sum": "distillation_torch",
}
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")
SPACES = re.compile(r" {2,}")


def checked(mistake: str, context: Context) -> Graded:
    content, exercise = notebook(ROOT, TYPICAL[mistake], mistake)
    return grade(Submission(mistake, f"{mistake}.ipynb", content, ""), narrowed(context, [exercise]))


def answer(graded: Graded, context: Context, lang: str, mistake: str) -> str:
    _content, exercise = notebook(ROOT, TYPICAL[mistake], mistake)
    return render(graded, context.expectations, lang, [exercise], hints=3)


@pytest.fixture(scope="session")
def outcome(request: pytest.FixtureRequest) -> Callable[[str], tuple[Graded, Context]]:
    """Each notebook checked once."""

    @functools.cache
    def context(slug: str) -> Context:
        sandbox: Sandbox = request.getfixturevalue("torch" if slug.endswith("torch") else "tensorflow")
        return self_check(ROOT / "assignments" / slug, sandbox)

    @functools.cache
    def one(mistake: str) -> tuple[Graded, Context]:
        own = context(TYPICAL[mistake])
        return checked(mistake, own), own

    return one


def words(text: str) -> str:
    """Without the numbers, and without the spaces that put them into columns."""
    return SPACES.sub(" ", NUMBER.sub("#", text))


def numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("mistake", TYPICAL)
def test_what_a_typical_wrong_notebook_is_told(
    mistake: str, lang: str, outcome: Callable[[str], tuple[Graded, Context]]
) -> None:
    graded, context = outcome(mistake)
    got = answer(graded, context, lang, mistake)
    golden = (GOLDEN / f"{mistake}.{lang}.txt").read_text("utf-8")
    assert words(got) == words(golden)
    for one, two in zip(numbers(got), numbers(golden), strict=True):  # other processors round otherwise
        assert math.isclose(one, two, rel_tol=5e-3, abs_tol=1e-6)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("mistake", TYPICAL)
def test_the_mistake_is_named(mistake: str, lang: str, outcome: Callable[[str], tuple[Graded, Context]]) -> None:
    graded, context = outcome(mistake)
    known = context.expectations.mistakes[mistake]
    hint = known.hint[lang]
    assert hint in answer(graded, context, lang, mistake)
    assert hint in (GOLDEN / f"{mistake}.{lang}.txt").read_text("utf-8")
    if known.line:  # the line of the formula that it gets wrong, and no other
        lines = context.assignment.exercises[known.exercise].formula
        shown = [n for n, one in enumerate(lines, 1) if one.means[lang] in answer(graded, context, lang, mistake)]
        assert shown == [known.line]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("mistake", ["at_batch_sum", "mse_sum"])
def test_the_html_says_the_same(mistake: str, lang: str, outcome: Callable[[str], tuple[Graded, Context]]) -> None:
    import html

    graded, context = outcome(mistake)
    _content, exercise = notebook(ROOT, TYPICAL[mistake], mistake)
    page = to_html(graded, context.expectations, lang, [exercise], hints=3)
    shown = "".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())
    for line in answer(graded, context, lang, mistake).splitlines():
        bare = "".join(re.sub(r"^\s*\(\d\) ", "", line).split())  # <ol> numbers the lines of the formula
        assert bare in shown, line


def write() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for slug in dict.fromkeys(TYPICAL.values()):
        with Session(ROOT / "assignments" / slug) as session:
            for mistake in (name for name, own in TYPICAL.items() if own == slug):
                graded = checked(mistake, session.context)
                for lang in LANGUAGES:
                    text = answer(graded, session.context, lang, mistake)
                    (GOLDEN / f"{mistake}.{lang}.txt").write_text(text, "utf-8")


if __name__ == "__main__":
    write()
