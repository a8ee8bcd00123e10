"""The part of feedback.md about the run of the whole notebook."""

from __future__ import annotations

from collections.abc import Iterator

from grader.execution_words import explain_execution, explain_fault, explain_substitutions
from grader.i18n import translator
from grader.plaintext import escape_markdown, fence
from grader.types import Graded

MOST = 12  # substitutions shown


def execution_part(graded: Graded, lang: str) -> Iterator[str]:
    """Markdown blocks; none where the notebook was not run."""
    execution = graded.execution
    if execution is None:
        return
    _ = translator(lang)
    yield f"## {_('The whole notebook')}"
    yield escape_markdown(explain_execution(execution, lang))
    if fault := explain_fault(execution, lang):
        yield fence(fault)
    told = list(explain_substitutions(execution, lang))
    if told:
        lines = [f"- {escape_markdown(line)}" for line in told[:MOST]]
        yield "\n".join([_("For this run there were:"), "", *lines])
