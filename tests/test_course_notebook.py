"""The course's own notebook, where its text is at hand: graded as it should be, blank and filled in.

The text is not ours, so it is not in this repository; the test reads it from beside the checkout.
"""

import re
from pathlib import Path

import nbformat
from published import find

from grader.pipeline import grade
from grader.types import Graded, Submission, Verdict

TEXT, pytestmark = find("000")

CODE = re.compile(r"\s|[\w.]+(, [\w.]+)* ?[=(]|\(|(def|for|import|from|return|print|%)\b|config|batch_size")
# How a learner of 2020 would have filled the blanks, in that year's TensorFlow.
ANSWERS = {
    "knowledge_distillation": "p_t = tf.nn.softmax(l_t / T, dim=1)\n"
    "    loss = -tf.reduce_mean(tf.reduce_sum(p_t * tf.nn.log_softmax(l_s / T), reduction_indices=1))",
    "attention_transfer": "a_t = tf.reduce_sum(tf.abs(x_t), axis=3)\n"
    "    a_t = tf.math.l2_normalize(tf.layers.flatten(a_t), axis=1)\n"
    "    a_s = tf.math.l2_normalize(tf.layers.flatten(tf.reduce_sum(tf.abs(x_s), axis=3)), axis=1)\n"
    "    loss = tf.reduce_mean(tf.norm(a_t - a_s, axis=1))",
    "loss_with_at": "loss = loss + at_weight * (attention_transfer(x1_t, x1_s)\n"
    "        + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))",
    "relational_knowledge_distillation": "d_t = pairwise_distance(l_t)\n    d_s = pairwise_distance(l_s)\n"
    "    loss = tf.losses.huber_loss(d_t / tf.reduce_mean(d_t), d_s / tf.reduce_mean(d_s))",
    "pairwise_distance": "out = tf.norm(tf.expand_dims(z, 1) - tf.expand_dims(z, 0), axis=2)",
    "loss_with_rkd": "loss = loss + rkd_weight * relational_knowledge_distillation(logits_t, logits_s)",
}


def blocks(text: str) -> list[tuple[str, str]]:
    """(kind, source) of the cells in the text: code starts at its marker and ends where prose begins."""
    cells: list[tuple[str, str]] = []
    for part in re.split(r"^In \[None\]:\n", text, flags=re.M)[1:]:
        paragraphs = part.split("\n\n")
        code = 1
        while code < len(paragraphs) and CODE.match(paragraphs[code]):
            code += 1
        cells.append(("code", "\n\n".join(paragraphs[:code]).rstrip()))
        cells.append(("markdown", "\n\n".join(paragraphs[code:])))
    return cells


def notebook(tmp_path: Path, **answers: str) -> Path:
    """The course's notebook as a file, blanks filled by function name."""
    assert TEXT is not None
    made = nbformat.v4.new_notebook()
    for kind, source in blocks(TEXT.read_text("utf-8")):
        name = re.search(r"^def (\w+)", source, re.M)
        filled = source
        if kind == "code" and name and name[1] in answers:
            filled = re.sub(r"\w+ = [^=\n]*\?", lambda _, n=name[1]: answers[n], source)
        made.cells.append(getattr(nbformat.v4, f"new_{kind}_cell")(filled))
    path = tmp_path / "course.ipynb"
    nbformat.write(made, path)
    return path


def graded(path: Path, context: object) -> Graded:
    return grade(Submission("course", str(path), path.read_bytes(), "x"), context)


def test_the_text_was_cut_into_the_cells_that_matter(tmp_path: Path) -> None:
    cells = nbformat.read(notebook(tmp_path), 4).cells
    code = "\n".join(c.source for c in cells if c.cell_type == "code")
    assert code.count("?") == 6
    for line in code.splitlines():
        assert not re.match(r"[가-힣]", line), f"prose in a code cell: {line}"


def test_handed_in_blank_it_is_not_attempted_and_earns_nothing(tmp_path: Path, context: object) -> None:
    result = graded(notebook(tmp_path), context)
    verdicts = {r.exercise: r.verdict for r in result.results}
    assert {name: v for name, v in verdicts.items() if name != "loss_with_kd"} == dict.fromkeys(
        ANSWERS, Verdict.NOT_ATTEMPTED
    )
    assert (result.grade.final, result.grade.earned) == (True, 0)


def test_filled_in_as_in_2020_it_earns_everything(tmp_path: Path, context: object) -> None:
    result = graded(notebook(tmp_path, **ANSWERS), context)
    assert {r.exercise: r.verdict for r in result.results} == dict.fromkeys(
        [*ANSWERS, "loss_with_kd"], Verdict.PASSED
    )
    assert result.grade.earned == result.grade.possible


def test_a_slip_in_it_is_named_and_costs_once(tmp_path: Path, context: object) -> None:
    squared = "out = tf.reduce_sum(tf.square(tf.expand_dims(z, 1) - tf.expand_dims(z, 0)), axis=2)"
    result = graded(notebook(tmp_path, **{**ANSWERS, "pairwise_distance": squared}), context)
    by_name = {r.exercise: r for r in result.results}
    assert by_name["pairwise_distance"].verdict == Verdict.FAILED
    assert by_name["pairwise_distance"].mistake is not None
    assert by_name["relational_knowledge_distillation"].followed == ("pairwise_distance",)
    lost = {s.criterion.id for s in result.grade.scores if s.earned < s.criterion.points}
    assert lost == {"pairwise_distance"}


def test_half_of_it_earns_half_of_it(tmp_path: Path, context: object) -> None:
    half = {name: ANSWERS[name] for name in ("knowledge_distillation", "attention_transfer")}
    earned = {s.criterion.id: s.earned for s in graded(notebook(tmp_path, **half), context).grade.scores}
    assert {name for name, points in earned.items() if points} == {*half, "loss_with_kd"}
