"""grader.alike and grader.fingerprints: what is told, and what is not told, about submissions that are alike."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import made_by_hand as made
import numpy as np
import pytest

from grader.alike import MIN_IDENTICAL, MIN_SHARED, SHARE, Group, Pair, behaviour, clusters, few, groups, prints
from grader.context import load_template
from grader.findings import read_exercises
from grader.fingerprints import WINDOW, K, hashes, winnow
from grader.pipeline import Context, grade
from grader.programs import Marked, Reference, load_reference
from grader.spec import load_assignment
from grader.types import (
    Array,
    Assignment,
    Cell,
    Chunk,
    Finding,
    Found,
    Mistake,
    Notebook,
    Observation,
    Place,
    Program,
    Submission,
    Verdict,
)

ROOT = Path(__file__).resolve().parent.parent
SLUG = "distillation_tf"


@cache
def assignment() -> Assignment:
    return load_assignment(ROOT / "assignments" / SLUG)


@cache
def reference() -> Reference:
    return load_reference(ROOT / "reference" / SLUG, assignment())


def program(source: str) -> Program:
    return read_exercises(Notebook((Cell(1, source),)), assignment())


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "twin": "", "mistakes": [], "wrong": {}, "prints": {}, **more}


def crowd(size: int) -> list[dict[str, Any]]:
    """Learners that have nothing in common with anybody."""
    return [row(f"other{i}", prints={"kd": [10**9 + 100 * i + k for k in range(40)]}) for i in range(size)]


# ---------------------------------------------------------------- notebooks made of the author's own programs


def written(chosen: Mapping[str, Marked]) -> str:
    """The reference solution with these functions in place of its own, as one would write them oneself."""
    texts = []
    for chunk in reference().solution.chunks:
        (node,) = ast.parse(chunk.source).body
        if getattr(node, "name", None) not in chosen:
            texts.append(chunk.source.strip())
    for name, marked in chosen.items():
        *shared, function, _alias = marked.chunks
        (node,) = ast.parse(function.source).body
        assert isinstance(node, ast.FunctionDef)
        node.name = name
        used = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
        texts += [
            c.source.strip() for c in shared if used & names_bound(c.source) and c.source.strip() not in texts
        ]
        texts.append(ast.unparse(node))
    return "\n\n".join(texts)


def names_bound(source: str) -> set[str]:
    (node,) = ast.parse(source).body
    targets = node.targets if isinstance(node, ast.Assign) else []
    imported = [a.asname or a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
    return {*imported, getattr(node, "name", ""), *(t.id for t in targets if isinstance(t, ast.Name))}


def nobody_copied(marked: Iterable[Marked]) -> list[tuple[set[str], str]]:
    """A class in which no function is anybody else's: (exercises with a function of one's own, notebook)."""
    pool: dict[str, list[Marked]] = {}
    for one in marked:
        pool.setdefault(one.exercise, []).append(one)
    chance = random.Random(0)
    for several in pool.values():
        chance.shuffle(several)
    learners = [{e: p[i] for e, p in pool.items() if i < len(p)} for i in range(max(map(len, pool.values())))]
    return [(set(chosen), written(chosen)) for chosen in learners]


def own_prints(exercises: set[str], source: str) -> dict[str, list[int]]:
    """Fingerprints of the exercises that are one's own: the others are the reference's, word for word."""
    return {e: marks for e, marks in prints(program(source)).items() if e in exercises}


def renamed(source: str) -> str:
    """The same with other names for all local variables and arguments."""
    tree = ast.parse(source)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            local = stored | {argument.arg for argument in function.args.args}
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and node.id in local:
                    node.id = f"my_{node.id}"
                elif isinstance(node, ast.arg) and node.arg in local:
                    node.arg = f"my_{node.arg}"
    return ast.unparse(tree)


def reordered(source: str) -> str:
    """The same with neighbouring assignments exchanged where neither uses the other's variables."""
    tree = ast.parse(source)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for at, (one, two) in enumerate(pairwise(list(function.body))):
            if isinstance(one, ast.Assign) and isinstance(two, ast.Assign) and one in function.body[at : at + 1]:
                names = [{n.id for n in ast.walk(s) if isinstance(n, ast.Name)} for s in (one, two)]
                bound = [{n.id for s in (x,) for n in ast.walk(s) if isinstance(n, ast.Name)
                          and isinstance(n.ctx, ast.Store)} for x in (one, two)]  # fmt: skip
                if not (bound[0] & names[1] or bound[1] & names[0]):
                    function.body[at : at + 2] = [two, one]
    return ast.unparse(tree)


@pytest.mark.parametrize("kind", ["variants", "variants and mistakes"])
def test_of_solutions_by_themselves_none_is_flagged_and_copies_are(kind: str) -> None:
    marked = reference().variants + (reference().mistakes if kind != "variants" else ())
    learners = nobody_copied(marked)
    rows = [row(f"s{i}", prints=own_prints(*learner)) for i, learner in enumerate(learners)]
    assert len(rows) > 30
    assert groups(rows, {}) == ()
    moved = 0
    for i in range(0, 12):
        exercises, source = learners[i]
        copy = reordered(renamed(source))
        moved += copy != renamed(source)
        assert not set(renamed(source).split()) >= set(source.split())
        (found,) = groups([*rows, row("copy", prints=own_prints(exercises, copy))], {})
        assert (found.kind, found.ids) == ("code", tuple(sorted(("copy", f"s{i}"))))
        assert SHARE <= found.share <= 1
    assert moved >= 4


@pytest.mark.parametrize("kind", ["variants", "mistakes"])
def test_a_class_of_the_authors_programs_is_not_flagged(kind: str) -> None:
    """Each is the reference but for one function: all the rest is what everybody has."""
    marked: tuple[Marked, ...] = getattr(reference(), kind)
    template = load_template(assignment())
    rows = [row(one.name, prints=prints(program(written({one.exercise: one})), template)) for one in marked]
    assert len(rows) > 80
    assert sum(bool(one["prints"]) for one in rows) == len(rows)
    assert groups(rows, {}) == ()


# ---------------------------------------------------------------- fingerprints

SOURCE = '''
import tensorflow as tf

SCALE = 3

def rounded(x):
    return tf.round(x * SCALE) / SCALE

def knowledge_distillation(l_t, l_s, T):
    """What the teacher knows."""
    p = tf.nn.softmax(l_t / T, axis=-1)  # soft
    q = tf.nn.log_softmax(l_s / T, axis=-1)
    total = rounded(tf.reduce_sum(p * q, axis=1))
    return -tf.reduce_mean(total)

def attention_transfer(x1_t, x1_s):
    a = rounded(tf.reduce_mean(tf.square(x1_t), axis=3))
    b = rounded(tf.reduce_mean(tf.square(x1_s), axis=3))
    return tf.reduce_sum(tf.square(a - b)) / 2
'''
KD, AT = "knowledge_distillation", "attention_transfer"


def test_what_learners_choose_freely_does_not_count() -> None:
    one = prints(program(SOURCE))
    assert set(one) == {KD, AT}
    assert one[KD] == sorted(one[KD])
    for other in (
        SOURCE.replace("total", "loss").replace("l_t", "teacher").replace("rounded", "r"),
        SOURCE.replace("  # soft", "").replace("What the teacher knows.", "한국어"),
        SOURCE.replace("tf.", "t.").replace("as tf", "as t"),
        SOURCE.replace("as tf", "as tf\\nfrom tensorflow import nn")
        .replace("\\n", "\n")
        .replace("tf.nn.s", "nn.s"),
        SOURCE.replace("(l_t, l_s, T)", "(l_t: tf.Tensor, l_s: tf.Tensor, T: float = 2) -> tf.Tensor").replace(
            " = 2)", ")"
        ),
        ast.unparse(ast.parse(SOURCE)),
    ):
        assert other != SOURCE
        assert prints(program(other)) == one


def test_libraries_numbers_and_operators_count() -> None:
    one = prints(program(SOURCE))
    for old, new in (("tf.square", "tf.abs"), ("axis=3", "axis=-1"), ("a - b", "a + b"), ("axis=3", "keepdims=3")):
        other = prints(program(SOURCE.replace(old, new)))
        assert other[AT] != one[AT]
        assert other[KD] == one[KD]


def test_a_helper_belongs_to_the_first_exercise_that_uses_it() -> None:
    longer = SOURCE.replace("return tf.round(x * SCALE) / SCALE", "return tf.round(x * SCALE - 1) / SCALE + 7 * x")
    one, other = prints(program(SOURCE)), prints(program(longer))
    assert other[KD] != one[KD]
    assert other[AT] == one[AT]


def test_code_that_was_handed_out_does_not_count() -> None:
    at = "def attention_transfer" + SOURCE.partition("def attention_transfer")[2]
    template = Notebook((Cell(1, SOURCE.replace(at, "").replace("-tf.reduce_mean(total)", "?")),))
    one = prints(program(SOURCE), template)
    assert one[AT] == prints(program(SOURCE))[AT]
    assert len(one[KD]) < len(prints(program(SOURCE))[KD]) / 3
    untouched = program(SOURCE.replace("return -tf.reduce_mean(total)", "return total"))
    assert len(prints(untouched, template).get(KD, [])) <= 2


def test_a_method_that_is_an_exercise_does_not_count_for_its_class_as_well() -> None:
    source = "class D:\n    def a(self, x):\n        return x + 1 - 2 * x / 3\n"
    source += "    def b(self, x):\n        return x % 7 ** x // 5"
    found = {name: Finding(Found.DEFINED, Place(1, line), 1) for name, line in (("D", 1), ("D.b", 4))}
    both = prints(Program((Chunk(source, 1),), found))
    alone = prints(Program((Chunk(source, 1),), {"D": found["D"]}))
    assert not set(both["D"]) & set(both["D.b"])
    assert set(alone["D"]) > set(both["D"])
    assert set(alone["D"]) & set(both["D.b"])


def test_deep_and_broken_code_gives_no_exception() -> None:
    deep = "def attention_transfer(x1_t, x1_s):\n    return " + "x1_t.a" * 1 + ".a" * 3000
    assert prints(program(deep)) == {} or prints(program(deep))
    assert prints(program("x = = 1")) == {}
    long = "def attention_transfer(x1_t, x1_s):\n" + "".join(f"    y = x1_t * {i}\n" for i in range(4000))
    assert len(prints(program(long + "    return y"))[AT]) == 400


def test_whatever_is_long_enough_and_common_is_found() -> None:
    """The guarantee of winnowing: K + WINDOW - 1 tokens in common give a fingerprint in common."""
    chance = random.Random(1)
    common = [str(chance.random()) for _ in range(K + WINDOW - 1)]
    for _ in range(200):
        texts = [[str(chance.random()) for _ in range(chance.randrange(3, 30))] for _ in range(4)]
        one, other = winnow(hashes(texts[0] + common + texts[1])), winnow(hashes(texts[2] + common + texts[3]))
        assert one & other
    many = hashes([str(chance.random()) for _ in range(1000)])
    assert 2 / (WINDOW + 1) * 0.9 < len(winnow(many)) / len(many) < 2 / (WINDOW + 1) * 1.1


# ---------------------------------------------------------------- code that is alike: thresholds


def two(shared: int, apart: int, *, exercise: str = "kd") -> list[dict[str, Any]]:
    """Two learners with so many fingerprints in common, and so many of their own."""
    common = list(range(shared))
    alone = [list(range(1000 + 500 * i, 1000 + 500 * i + apart)) for i in range(2)]
    return [row(f"s{i}", prints={exercise: [*common, *alone[i]]}) for i in range(2)]


def test_two_need_a_minimum_in_common() -> None:
    (found,) = groups([*two(MIN_SHARED, 0), *crowd(30)], {})
    assert found == Group("code", ("kd",), ("s0", "s1"), 1.0, f"{MIN_SHARED}/{MIN_SHARED}")
    assert groups([*two(MIN_SHARED - 1, 0), *crowd(30)], {}) == ()


def test_two_need_a_share_in_common() -> None:
    (found,) = groups([*two(30, 10), *crowd(30)], {})
    assert (found.share, found.detail) == (0.6, "30/50")
    assert groups([*two(30, 11), *crowd(30)], {}) == ()


def test_several_short_exercises_together_are_enough() -> None:
    both = [row(f"s{i}", prints={"kd": [1, 2, 3, 4, 5, 6], "at": [1, 2, 3, 4, 5, 6], "w": [i]}) for i in range(2)]
    (found,) = groups([*both, *crowd(30)], {})
    assert (found.exercises, found.detail) == (("kd", "at"), "12/12")
    one_less = [{**one, "prints": {**one["prints"], "at": [1, 2, 3, 4, 5]}} for one in both]
    assert groups([*one_less, *crowd(30)], {}) == ()


def test_what_many_have_is_usual() -> None:
    assert [few(n) for n in (1, 10, 29, 30, 50, 250, 300, 500, 2000)] == [2, 2, 2, 3, 5, 5, 6, 10, 10]
    same = [row(f"s{i}", prints={"kd": list(range(20))}) for i in range(6)]
    assert few(5 + 95) == few(6 + 94) == 5
    (found,) = groups([*same[:5], *crowd(95)], {})
    assert len(found.ids) == 5
    assert groups([*same, *crowd(94)], {}) == ()


def test_what_is_usual_in_one_exercise_is_so_in_all() -> None:
    """A helper counts for the first exercise that uses it, which need not be everybody's first."""
    helper = list(range(20))
    usual = [row(f"u{i}", prints={"kd": helper}) for i in range(30)]
    moved = [row(f"s{i}", prints={"at": helper}) for i in range(2)]
    assert groups([*usual, *moved], {}) == ()
    assert len(groups([*crowd(30), *moved], {})) == 1


def test_a_chain_does_not_become_one_group() -> None:
    chain = [Pair((f"s{i}", f"s{i + 1}"), ("kd",), 20, 22) for i in range(6)]
    assert sorted(len({one for pair in part for one in pair.ids}) for part in clusters(chain)) == [2, 3, 3]
    everybody = [Pair((f"s{i}", f"s{j}"), ("kd",), 20, 22) for i in range(6) for j in range(i + 1, 6)]
    (whole,) = clusters(everybody)
    assert len(whole) == 15


def test_twins_are_told_with_whoever_they_are_like() -> None:
    rows = [*two(20, 0), row("t", twin="s0", prints={"kd": list(range(20))}), *crowd(30)]
    (found,) = groups(rows, {})
    assert found.ids == ("s0", "s1", "t")


def test_twins_alone_are_told_when_there_is_enough_of_them() -> None:
    for size, told in ((MIN_IDENTICAL, 1), (MIN_IDENTICAL - 1, 0)):
        rows = [row(n, twin="" if n == "a" else "a", prints={"kd": list(range(size))}) for n in "abcdefghij"]
        found = groups([*rows, *crowd(30)], {})
        assert len(found) == told
        assert all((g.detail, g.share, len(g.ids)) == ("identical", 1.0, 10) for g in found)
    blank = [row(n, twin="" if n == "a" else "a") for n in "abc"]
    assert groups(blank, {}) == ()


def test_a_twin_of_somebody_who_is_not_there_is_one_learner() -> None:
    assert groups([row("a", twin="gone", prints={"kd": list(range(40))}), *crowd(9)], {}) == ()


# ---------------------------------------------------------------- the same wrong numbers

KNOWN = {"kd_no_t": Mistake("kd_no_t", "kd", {}), "at_sum": Mistake("at_sum", "at", {})}


def test_the_same_wrong_numbers_are_told_once_for_all_exercises() -> None:
    wrong = {"kd": "a" * 16, "at": "b" * 16}
    rows = [row("x", wrong=wrong), row("y", wrong=wrong), row("z", wrong={"kd": "c" * 16}), *crowd(20)]
    assert groups(rows, KNOWN) == (Group("behaviour", ("kd", "at"), ("x", "y"), 1.0, "a" * 16 + "," + "b" * 16),)


def test_a_known_mistake_explains_its_own_exercise_only() -> None:
    rows = [row(n, wrong={"kd": "a" * 16}, mistakes=["kd_no_t"]) for n in "xy"]
    assert groups([*rows, *crowd(20)], KNOWN) == ()
    rows = [row(n, wrong={"kd": "a" * 16}, mistakes=["at_sum"]) for n in "xy"]
    assert len(groups([*rows, *crowd(20)], KNOWN)) == 1


def test_what_many_get_wrong_alike_is_a_common_mistake() -> None:
    for count, told in ((5, 1), (6, 0)):
        rows = [row(f"x{i}", wrong={"kd": "a" * 16}) for i in range(count)]
        assert len(groups([*rows, *crowd(94)], {})) == told


def observed(**changes: Any) -> dict[str, Observation]:
    value = np.array([0.5, 2.0], np.float32)
    plain = Observation("rkd/typical", Verdict.PASSED, value, {"l_s": np.ones((2, 2), np.float32)})
    return {"rkd/typical": replace(plain, **changes), "rkd/outlier": Observation("rkd/outlier", Verdict.ERROR)}


def digest_of(observations: Mapping[str, Observation], **changes: Any) -> str | None:
    graded = made.graded(**changes)
    assert graded.run is not None
    return behaviour(replace(graded, run=replace(graded.run, observations=observations))).get("rkd")


def test_every_bit_counts() -> None:
    one = digest_of(observed())
    assert one is not None
    assert len(one) == 16
    assert digest_of(observed()) == one
    value = np.array([0.5, 2.0], np.float32)
    others: list[Array | None] = [
        np.nextafter(value, np.float32(9)),
        value.astype(np.float64),
        value[None],
        -value,
    ]
    seen = {digest_of(observed(value=other)) for other in [*others, None]} - {None}
    assert len({one, *seen}) == 5
    assert digest_of(observed(gradients={"l_s": np.zeros((2, 2), np.float32)})) != one
    assert digest_of(observed(gradients={"l_s": None})) != one
    assert digest_of(observed(arrays={"seen": value})) != one


def test_one_nan_is_like_another() -> None:
    quiet, other = np.array([1.0, np.nan], np.float32), np.array([1.0, np.nan], np.float32)
    other.view(np.uint32)[1] = 0xFFC00123
    assert np.isnan(other[1])
    assert quiet.tobytes() != other.tobytes()
    assert digest_of(observed(value=quiet)) == digest_of(observed(value=other))
    assert digest_of(observed(value=quiet)) != digest_of(observed(value=np.ones(2, np.float32)))


def test_exceptions_and_constants_say_nothing() -> None:
    fails = observed(ended=Verdict.ERROR, value=None, gradients={})
    assert digest_of(fails) is None
    assert digest_of({}) is None
    zeros = np.zeros(2, np.float32)
    assert digest_of(observed(value=zeros, gradients={"l_s": np.zeros((2, 2), np.float32)})) is None
    assert digest_of(observed(value=zeros)) is not None
    assert behaviour(made.unreadable()) == {}


def test_only_exercises_that_are_wrong_by_themselves_have_a_digest() -> None:
    distance, loss = made.results()
    assert digest_of(observed(), results=(distance, replace(loss, verdict=Verdict.PASSED))) is None
    assert digest_of(observed(), results=(replace(distance, verdict=Verdict.FAILED), loss)) is None
    assert digest_of(observed(), results=(replace(distance, followed=("x",)), loss)) is None


def test_a_copy_in_other_words_has_the_same_bits_from_the_sandbox(context: Context) -> None:
    """Two workers, one wrong solution in two wordings, one more that differs by a constant factor."""
    marked = next(one for one in reference().mistakes if one.name == "kd_class_mean")
    wrong = written({KD: marked})
    notebooks = [wrong, renamed(wrong), wrong.replace("-tf.reduce_mean", "-0.5 * tf.reduce_mean")]
    assert len(set(notebooks)) == 3
    seen = []
    for text in notebooks:
        cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": text}]
        data = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()
        seen.append(behaviour(grade(Submission("kim", "kim.ipynb", data, ""), context)))
    assert set(seen[0]) == {KD}
    assert seen[0] == seen[1] != seen[2]
    assert set(seen[2]) == {KD}
