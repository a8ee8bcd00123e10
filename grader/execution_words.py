"""What a learner reads about the run of the whole notebook. Korean: locale/ko/grader.po."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grader.i18n import mark, translator
from grader.plaintext import clean
from grader.types import Execution, Substitution, Verdict

MODES: Mapping[str, str] = {
    "keras3": mark("TensorFlow 2 with Keras 3"),
    "legacy": mark("TensorFlow 2 with legacy Keras (tf_keras)"),
    "tf1": mark("TensorFlow 1's way, with legacy Keras (tf_keras) and graphs"),
    "torch": "PyTorch",
    "numpy": mark("Python and NumPy"),
}
ENDS: Mapping[Verdict, str] = {
    Verdict.PASSED: mark("All {cells} cells ran from top to bottom."),
    Verdict.ERROR: mark("The run stopped in cell {cell} with an error."),
    Verdict.TIMEOUT: mark("Cell {cell} did not finish in time, although data and training were shortened."),
    Verdict.CPU: mark("Cell {cell} used too much processor time, although data and training were shortened."),
    Verdict.MEMORY: mark("Cell {cell} used too much memory."),
    Verdict.INCONCLUSIVE: mark(
        "The run stopped in cell {cell}, perhaps because of the tiny data or of what stood in for a library."
    ),
    Verdict.CRASHED: mark("The Python process crashed in cell {cell}."),
    Verdict.EXITED: mark("Cell {cell} ended the Python process."),
    Verdict.FORBIDDEN: mark("Cell {cell} asked the operating system for something that is not allowed."),
}
OTHERWISE = mark("The run of the whole notebook was stopped in cell {cell}.")
# What stood in for something. {detail} names it.
SUBSTITUTIONS: Mapping[str, str] = {
    "data_set": mark("a few made-up samples instead of the data set {detail}"),
    "files": mark("small files of data in the working folder: {detail}"),
    "module": mark("an empty stand-in for the module {detail}"),
    "weights": mark("random weights instead of the ones to be downloaded: {detail}"),
    "epochs": mark("fewer epochs: {detail}"),
    "steps": mark("fewer steps: {detail}"),
    "shell": mark("the command was not run: {detail}"),
    "magic": mark("the magic did nothing: {detail}"),
    "cuda": mark("on the processor instead of a GPU: {detail}"),
    "workers": mark("data loaders without processes of their own"),
    "output": mark("output cut off: cell {detail}"),
}


def explain_execution(execution: Execution, lang: str) -> str:
    """How the run ended, and in which mode it was, in a sentence or two."""
    _ = translator(lang)
    told = _(ENDS.get(execution.ended, OTHERWISE)).format(cells=execution.cells, cell=execution.cell or "?")
    mode = _("It was run with {mode}, on tiny data and with shortened training.")
    return f"{told} {mode.format(mode=_(MODES.get(execution.mode, execution.mode)))}"


def explain_fault(execution: Execution, lang: str) -> str:
    """The exception as the notebook would show it, with its line; empty without one."""
    if execution.fault is None:
        return ""
    _ = translator(lang)
    where = (
        [_("cell {cell}, line {line}").format(cell=execution.cell, line=execution.line)] if execution.line else []
    )
    fault = f"{clean(execution.fault.type, 60)}: {clean(execution.fault.message)}"
    return "\n".join([fault, *where])


def explain_substitutions(execution: Execution, lang: str) -> Iterator[str]:
    """What stood in for what, a line each."""
    _ = translator(lang)
    for one in execution.substitutions:
        yield _sentence(one, lang)


def _sentence(one: Substitution, lang: str) -> str:
    _ = translator(lang)
    return _(SUBSTITUTIONS.get(one.kind, "{detail}")).format(detail=clean(one.detail, 200))
