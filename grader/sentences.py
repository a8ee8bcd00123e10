"""The sentences that belong to a code: a verdict, a mismatch, a remark, a reason. For explain.py."""

from __future__ import annotations

from collections.abc import Mapping

from grader.i18n import mark
from grader.types import Verdict

VERDICTS: Mapping[Verdict, str] = {
    Verdict.PASSED: mark("correct"),
    Verdict.FAILED: mark("not correct"),
    Verdict.ERROR: mark("stopped with an error"),
    Verdict.TIMEOUT: mark("took too long"),
    Verdict.CPU: mark("used too much processor time"),
    Verdict.MEMORY: mark("used too much memory"),
    Verdict.CRASHED: mark("crashed"),
    Verdict.EXITED: mark("ended the program"),
    Verdict.FORBIDDEN: mark("did something that is not allowed"),
    Verdict.FORGED: mark("sent a reply that is not allowed"),
    Verdict.MISSING: mark("not found"),
    Verdict.NOT_ATTEMPTED: mark("not attempted yet"),
    Verdict.SKIPPED: mark("not judged"),
    Verdict.INCONCLUSIVE: mark("not clear"),
    Verdict.INTERNAL: mark("could not be graded"),
}
OUR_FAULT = mark(
    "The grader itself failed here. This is not your mistake, and it costs no points: "
    "your work will be graded again."
)
# What a verdict means and what to do about it.
MEANINGS: Mapping[Verdict, str] = {
    Verdict.TIMEOUT: mark("The call did not finish in time and was stopped. Look for a loop that never ends."),
    Verdict.CPU: mark("The call used more processor time than allowed and was stopped. Look for an endless loop."),
    Verdict.MEMORY: mark("The call asked for more memory than allowed. Look for an array that grows too large."),
    Verdict.CRASHED: mark("The Python process crashed during the call. Run the function in a fresh notebook."),
    Verdict.EXITED: mark("The code ended the Python process. Remove exit(), quit() or os._exit()."),
    Verdict.FORBIDDEN: mark(
        "The code asked the operating system for something that the exercise does not need, and was stopped. "
        "Functions only compute: they need no files, processes or network."
    ),
    Verdict.FORGED: mark(
        "The reply was not one that a function call gives. Return the computed tensor and nothing else."
    ),
    Verdict.SKIPPED: mark("This was not judged, because something that it needs did not pass."),
    Verdict.INCONCLUSIVE: mark("The result is not clear. Please tell your instructor."),
    Verdict.INTERNAL: OUR_FAULT,
}
# The number in what the supervisor says: "over 20 s", "signal 11".
LIMITS: Mapping[Verdict, str] = {
    Verdict.TIMEOUT: mark("The limit is {number} s."),
    Verdict.CPU: mark("The limit is {number} s of processor time."),
    Verdict.MEMORY: mark("The limit is {number} MB."),
}
MISMATCHES: Mapping[str, str] = {
    "value": mark("value differs"),
    "shape": mark("wrong shape"),
    "dtype": mark("wrong type of number"),
    "non_finite": mark("not a finite number (NaN or infinity)"),
    "none": mark("no gradient"),
}
GRADIENT_MISMATCHES: Mapping[str, str] = {
    "value": mark("gradient with respect to {name} differs"),
    "shape": mark("gradient with respect to {name} has the wrong shape"),
    "dtype": mark("gradient with respect to {name} has the wrong type of number"),
    "non_finite": mark("gradient with respect to {name} is not finite (NaN or infinity)"),
    "none": mark("no gradient reaches {name}"),
}
# Of what a probe observed; {name} is the author's sentence about it.
OBSERVED_MISMATCHES: Mapping[str, str] = {
    "value": mark("{name}: value differs"),
    "shape": mark("{name}: wrong shape"),
    "dtype": mark("{name}: wrong type of number"),
    "non_finite": mark("{name}: not a finite number (NaN or infinity)"),
    "none": mark("{name}: there is none"),
}
# Words in Mismatch.actual and Mismatch.expected, which are numbers and shapes otherwise.
RENDERED = (
    mark("no gradient"),
    mark("nothing"),
    mark("finite numbers"),
    mark("a floating dtype"),
    mark("a scalar or one value per sample"),
    mark("scalar"),
)
REMARKS: Mapping[str, str] = {
    "cell_unparseable": mark(
        "This cell is not valid Python ({detail}) and was left out; the other cells were graded."
    ),
    "several_definitions": mark("This function is defined {detail} times in the notebook; this last one counts."),
    "python2_print": mark("This is print as in Python 2. Write print(...) with parentheses."),
    "left_out": mark(
        "{detail} comes from code that trains, downloads or reads files; the grader does not run that."
    ),
    "too_large": mark("The notebook holds too much code; what comes after this place was left out."),
    "legacy_keras": mark("Run with legacy Keras (tf_keras), because of: {detail}"),
    "legacy_keras_tried": mark(
        "With Keras 3 the code stopped with an error, so it was run with legacy Keras (tf_keras)."
    ),
    "chosen_notebook": mark("Several notebooks were handed in. This one was graded: {detail}"),
    "newest_version": mark("A file was handed in more than once. The newest version was graded: {detail}"),
    "online_text": mark("An online text was handed in as well. It is not graded here."),
    "internal": OUR_FAULT,
    "load_fault": mark("This part of the notebook stopped with an error when it was run: {detail}"),
}
UNREADABLE: Mapping[str, str] = {
    "symlink": mark("This is only a link to a file. Hand in the notebook itself."),
    "is_directory": mark("This is a folder. Hand in the notebook in it."),
    "not_a_file": mark("This is not an ordinary file. Hand in the notebook itself."),
    "too_big": mark("The file is too large. Clear the outputs of all cells, save and hand in again."),
    "empty": mark("The file is empty. Save the notebook and hand in again."),
    "not_utf8": mark("The file is not saved as UTF-8. Save it again as UTF-8 and hand in again."),
    "truncated": mark("The file is cut off: the upload or download stopped early. Please hand in again."),
    "not_json": mark("The notebook file is damaged. Open it, save it and hand in again."),
    "too_deep": mark("The notebook file is damaged. Open it, save it and hand in again."),
    "merge_conflict": mark("A git merge conflict is left in the file. Resolve it and hand in again."),
    "lfs_pointer": mark("This is a Git LFS pointer and not the notebook. Run `git lfs pull` and hand in again."),
    "not_a_notebook": mark("This file is not a notebook. Download the .ipynb file itself and hand that in."),
    "no_code": mark("The notebook has no cell with code. Check that you handed in the right file."),
    "encrypted": mark("The archive is protected by a password. Hand in one without a password."),
    "no_notebook": mark("There is no notebook (.ipynb) in what was handed in. Please hand it in."),
    "bad_archive": mark("The archive is damaged and cannot be opened. Hand in the notebook itself."),
    "unsafe_name": mark("The name of the file leads out of its archive. Hand in the notebook itself."),
}
# The same to somebody who checks their own work.
UNREADABLE_OWN: Mapping[str, str] = {
    "is_directory": mark("This is a folder. Name the notebook in it."),
    "too_big": mark("The file is too large. Clear the outputs of all cells, save and check again."),
    "empty": mark("The file is empty. Save the notebook and check again."),
    "not_utf8": mark("The file is not saved as UTF-8. Save it again as UTF-8 and check again."),
    "truncated": mark("The file is cut off: it was not saved to its end. Save the notebook and check again."),
    "not_json": mark("The notebook file is damaged. Open it, save it and check again."),
    "too_deep": mark("The notebook file is damaged. Open it, save it and check again."),
    "merge_conflict": mark("A git merge conflict is left in the file. Resolve it and check again."),
    "lfs_pointer": mark("This is a Git LFS pointer and not the notebook. Run `git lfs pull` and check again."),
    "not_a_notebook": mark("This file is not a notebook. Name the .ipynb file itself."),
    "no_code": mark("The notebook has no cell with code. See that this is the right file."),
}
UNREADABLE_OWN_OTHERWISE = mark("This could not be read as a notebook. Save the notebook and check again.")
OUR_FAULT_OWN = mark(
    "The grader itself failed here. This is not your mistake. Check again; if that does not help, tell your "
    "instructor."
)
UNREADABLE_OTHERWISE = mark("The file could not be read as a notebook. Please hand in again.")
BECAUSE: Mapping[str, str] = {
    "passed": mark("All checks passed."),
    "follow_through": mark("Correct in itself: the mistake in {detail} is not charged again here."),
    "proportional_gradient": mark("The gradient has the right direction but a wrong constant."),
    "right_gradient": mark("The gradient is right, but the value is not: look at the cases below."),
    "mistake": mark("A known mistake was recognised."),
    "forbidden_family": mark("This form is right in itself, but the course does not accept it here."),
    "robustness": mark("Difficult inputs are not handled yet in: {detail}."),
    "needs": mark("Counts only when these are passed as well: {detail}."),
    "needs_attempt": mark("Counts only once these have been attempted: {detail}."),
    "unreadable": mark("The notebook could not be read."),
    "failed": mark("Results differ from the expected ones."),
    "missing": mark("No function of this name was found."),
    "not_attempted": mark("Not filled in yet."),
    "error": mark("The code stopped with an error."),
    "runs_clean": mark("All cells of the notebook ran from top to bottom."),
    "runs_clean_stopped": mark("The notebook stops in cell {detail}."),
    "runs_clean_unclear": mark(
        "The run of the notebook stopped in cell {detail}, which need not be the notebook's fault. A person will "
        "look at it; it costs no points."
    ),
    "training_passed": mark("A short training with this loss gives a better student than one without it."),
    "training_failed": mark("A short training with this loss gives no better student than one without it."),
    "training_inconclusive": mark(
        "A short training did not tell clearly whether this loss helps. A person will look at it; "
        "it costs no points."
    ),
    "training_skipped": mark("Not trained, because its numeric checks did not pass."),
    "training_followed": mark(
        "Not trained, because a function that it uses is wrong; that is charged there and not again here."
    ),
    "training_form": mark(
        "Not trained: this form is right, but its term is so large beside the loss of the labels that a training "
        "would tell nothing. It costs no points."
    ),
    "training_error": mark("The code stopped with an error during training."),
}
