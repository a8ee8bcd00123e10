"""What learners read: complete in both languages, says what happened, tells nothing that is hidden."""

from __future__ import annotations

import ast
import math
import re
import string
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import made_by_hand as made
import polib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import sentences
from grader.check_words import explain_check
from grader.explain import (
    explain_exercise,
    explain_finding,
    explain_helpers,
    explain_remark,
    explain_score,
    explain_unreadable,
    located,
)
from grader.i18n import LOCALE, language, translator
from grader.plaintext import clean, escape_markdown, fence, pad, width
from grader.training_words import confidence, explain_training
from grader.types import (
    LANGUAGES,
    CheckResult,
    Criterion,
    ExerciseResult,
    Fault,
    Finding,
    Found,
    Mismatch,
    Place,
    Remark,
    Score,
    Summary,
    TrainingRun,
    Verdict,
)

PACKAGE = Path(__file__).parent.parent / "grader"
TYPICAL, OUTLIER = made.CASES[2], made.CASES[3]


def told(check: object, lang: str = "en", case: object = TYPICAL) -> str:
    return explain_check(check, case, made.MISTAKES, lang, made.LOSS)  # type: ignore[arg-type]


# ---------------------------------------------------------------- catalogue


def marked_sentences(path: Path) -> Iterator[str]:
    """The texts in _("...") and mark("...") of a file; anything else in there cannot be translated."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "mark"):
            argument = node.args[0]
            if isinstance(argument, ast.Constant):
                yield argument.value
            else:  # looked up in a table of sentences.py, whose own entries are marked
                assert not isinstance(argument, ast.JoinedStr), f"{path.name}:{node.lineno}: an f-string"


def all_sentences() -> dict[str, str]:
    code = {text: path.name for path in PACKAGE.rglob("*.py") for text in marked_sentences(path)}
    pages = {text: path.name for path in PACKAGE.rglob("*.html") for text in sentences_of_template(path)}
    return {**code, **pages}


def sentences_of_template(path: Path) -> list[str]:
    return re.findall(r"""_\("([^"]+)"\)""", path.read_text("utf-8"))


def placeholders(text: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if lang != "en"])
def test_catalogue_is_complete_and_holds_nothing_else(lang: str) -> None:
    catalogue = polib.pofile(str(LOCALE / lang / "grader.po"), encoding="utf-8", check_for_duplicates=True)
    written = all_sentences()
    assert len(written) > 100
    entries = {entry.msgid: entry for entry in catalogue}
    assert not written.keys() - entries.keys(), "not translated"
    assert not entries.keys() - written.keys(), "no longer used"
    for entry in catalogue:
        assert entry.msgstr.strip(), entry.msgid
        assert not entry.fuzzy, entry.msgid
        assert placeholders(entry.msgid) == placeholders(entry.msgstr), entry.msgid


def test_korean_is_korean() -> None:
    _ = translator("ko")
    for text in all_sentences():
        assert any("HANGUL" in unicodedata.name(character, "") for character in _(text)), text


def test_no_word_of_english_is_left_in_korean_messages() -> None:
    for verdict in Verdict:
        block = told(made.wrong(verdict=verdict), "ko")
        words = re.findall(r"[A-Za-z_]{3,}", re.sub(r"rkd\(.*\)|\w*\(\)|\([a-z]+\)", "", block))
        assert set(words) <= {"rkd", "typical", "CPU", "NaN"}, block


def test_every_table_has_every_code() -> None:
    assert set(sentences.VERDICTS) == set(Verdict)
    explained_elsewhere = {
        Verdict.PASSED,
        Verdict.FAILED,
        Verdict.ERROR,
        Verdict.MISSING,
        Verdict.NOT_ATTEMPTED,
    }
    assert set(sentences.MEANINGS) == set(Verdict) - explained_elsewhere
    assert sentences.MISMATCHES.keys() == sentences.GRADIENT_MISMATCHES.keys()
    assert sentences.MISMATCHES.keys() == {"none", "shape", "dtype", "non_finite", "value"}


def codes(pattern: str, *files: str) -> set[str]:
    """Codes given to a record somewhere in the grader, read from its source."""
    found = set()
    for file in files:
        found |= set(re.findall(pattern, (PACKAGE / file).read_text(encoding="utf-8")))
    assert found
    return found


def test_every_code_that_the_grader_gives_has_a_sentence() -> None:
    kinds = codes(r'Remark\(\s*"(\w+)"', "extract.py", "result.py") - {"unreadable"}
    assert kinds <= sentences.REMARKS.keys()
    reasons = codes(r'Unreadable\(\s*"(\w+)"', "notebook.py", "intake/listing.py")
    assert reasons <= sentences.UNREADABLE.keys()
    because = codes(r'Verdict\.\w+, "(\w+)"', "score.py", "pipeline.py")
    assert because <= sentences.BECAUSE.keys() | {verdict.value for verdict in sentences.MEANINGS}


# ---------------------------------------------------------------- language


@pytest.mark.parametrize(
    ("chosen", "environ", "expected"),
    [
        (None, {}, "en"),
        ("ko", {"GRADER_LANG": "en"}, "ko"),
        (None, {"GRADER_LANG": "ko", "LANG": "en_US.UTF-8"}, "ko"),
        (None, {"LANG": "ko_KR.UTF-8"}, "ko"),
        (None, {"LC_ALL": "C.UTF-8", "LANG": "ko_KR.UTF-8"}, "en"),
        (None, {"LANGUAGE": "fr:ko:en", "LANG": "fr_FR"}, "ko"),
        (None, {"LANG": "fr_FR.UTF-8"}, "en"),
        (None, {"LC_ALL": "", "LANG": "ko"}, "ko"),
    ],
)
def test_language(chosen: str | None, environ: dict[str, str], expected: str) -> None:
    assert language(chosen, environ) == expected


# ---------------------------------------------------------------- a check


def test_the_example() -> None:
    assert told(made.wrong(place=Place(41, 7))).splitlines() == [
        'rkd · case "typical" · value differs',
        "  called    rkd(l_t=float32[8, 10], l_s=float32[8, 10])",
        "  with      T=2",
        "  expected  0.30217",
        "  got       0.07554",
        "  wrong in 1 of 1; 9e-06 either way was allowed",
        "  Every entry is 0.25 times the expected value.",
        "  looks like  distances were not divided by their mean  (cell 41, line 7)",
    ]


def test_the_example_in_korean() -> None:
    block = told(made.wrong(place=Place(41, 7)), "ko")
    lines = block.splitlines()
    assert lines[0] == 'rkd · 케이스 "typical" · 값이 다릅니다'
    assert lines[-1] == "  짐작되는 원인  거리를 평균으로 나누지 않았습니다  (셀 41, 7번째 줄)"
    values = [line for line in lines if line.endswith(("0.30217", "0.07554"))]
    assert len({width(line) for line in values}) == 1, "columns line up although Korean is twice as wide"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_verdict_says_something_of_its_own(lang: str) -> None:
    blocks = {verdict: told(made.wrong(verdict=verdict, mismatch=None, mistake=None), lang) for verdict in Verdict}
    assert len(set(blocks.values())) == len(blocks)
    for verdict, meaning in sentences.MEANINGS.items():
        assert translator(lang)(meaning) in blocks[verdict]
    assert not [block for block in blocks.values() if "{" in block]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("check", ["value", "gradient:l_s"])
@pytest.mark.parametrize("kind", sorted(sentences.MISMATCHES))
def test_every_mismatch(kind: str, check: str, lang: str) -> None:
    block = told(made.wrong(check, mismatch=Mismatch(kind, "(3,)", "a floating dtype", 0.1)), lang)
    assert ("l_s" in block.splitlines()[0]) == (check != "value")
    assert ("a floating dtype" in block) == (lang == "en")
    assert "{" not in block


def test_non_finite_entries_are_counted_apart() -> None:
    mismatch = Mismatch("non_finite", "[0, 1] = nan", "0.5", 1e-5, wrong=2, total=80)
    block = told(made.wrong(mismatch=mismatch))
    assert "2 of 80 entries are NaN or infinite" in block
    assert "either way" not in block


def test_a_wrong_sign_is_said_in_words() -> None:
    block = told(made.wrong(mismatch=replace(made.VALUE_DIFFERS, factor=-1.0)))
    assert "Every entry has the wrong sign." in block


def test_a_lost_gradient() -> None:
    block = told(made.wrong("gradient:l_s", mismatch=Mismatch("none", "no gradient", "(8, 10)")))
    assert "no gradient reaches l_s" in block
    assert ".numpy()" in block


def test_an_unknown_name_says_what_the_grader_provides() -> None:
    fault = Fault("NameError", "name 'tff' is not defined. Did you mean: 'tf'?", Place(4, 2))
    block = told(made.wrong(verdict=Verdict.ERROR, mismatch=None, mistake=None, fault=fault, place=Place(4, 2)))
    assert "NameError: name 'tff' is not defined" in block
    assert "Define or import tff in the notebook" in block
    assert "provides these names for this function: T." in block
    assert block.endswith("(cell 4, line 2)")


def test_advice_is_called_advice() -> None:
    check = made.results()[0].checks[2]
    block = explain_check(check, made.CASES[1], made.MISTAKES, "en", made.DISTANCE)
    assert "take this as advice" in block
    assert "take this as advice" not in told(made.wrong())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_hidden_case_keeps_verdict_hint_and_place_and_nothing_else(lang: str) -> None:
    secret = made.HIDDEN_VALUE
    for verdict in Verdict:
        for kind in ("ValueError", f"Leak_{secret}"):  # a learner may call an exception after the inputs
            check = made.wrong(
                case="outlier",
                public=False,
                verdict=verdict,
                mismatch=made.HIDDEN_DIFFERS,
                fault=Fault(kind, f"l_t is {secret}", Place(41, 9)),
                place=Place(41, 9),
                detail=f"said {secret}",
            )
            block = told(check, lang, OUTLIER)
            assert secret not in block
            assert "float32" not in block
            assert "l_t" not in block
            assert ("ValueError" in block) == (kind == "ValueError")
            assert "Leak" not in block
            assert made.MISTAKES["rkd_no_mean"].hint[lang] in block
            assert "41" in block
            assert translator(lang)("This is a hidden case: its inputs and values are not shown.") in block


def test_limits_are_named() -> None:
    limits = {
        Verdict.TIMEOUT: "over 20 s",
        Verdict.CPU: "over 15 s of processor time",
        Verdict.MEMORY: "over 1536 MB",
    }
    for verdict, detail in limits.items():
        check = made.wrong(verdict=verdict, mismatch=None, mistake=None, detail=detail)
        number = detail.split()[1]
        assert f"The limit is {number} " in told(check)
        assert number in told(check, "ko")
    assert "signal" not in told(made.wrong(verdict=Verdict.TIMEOUT, mismatch=None, detail="signal 11"))
    assert "limit is" not in told(made.wrong(verdict=Verdict.CRASHED, mismatch=None, detail="over 3 s"))


def test_a_public_case_shows_its_exception() -> None:
    check = made.wrong(verdict=Verdict.ERROR, mismatch=None, fault=Fault("Leak", "0.5"))
    assert "Leak: 0.5" in told(check)


# ---------------------------------------------------------------- an exercise


def explained(lang: str = "en", **changes: object) -> str:
    result = replace(made.results()[1], **changes)  # type: ignore[arg-type]
    return explain_exercise(result, made.EXPECTATIONS, made.LOSS, lang)


def test_a_wrong_exercise() -> None:
    assert explained() == (
        "2 of 2 cases are not correct. It looks like this: distances were not divided by their mean"
    )
    assert "right direction" in explained(proportional=True)


def test_a_right_exercise_and_its_form() -> None:
    right = made.results()[0]
    assert explain_exercise(right, made.EXPECTATIONS, made.DISTANCE, "en") == "All checks passed. Clipped."
    assert "잘랐습니다." in explain_exercise(right, made.EXPECTATIONS, made.DISTANCE, "ko")
    followed = replace(right, followed=("helper",))
    told_followed = explain_exercise(followed, made.EXPECTATIONS, made.DISTANCE, "en")
    assert "the mistake in helper is not charged" in told_followed
    assert "All checks" not in told_followed


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_verdict_of_an_exercise(lang: str) -> None:
    for verdict in Verdict:
        if verdict not in (Verdict.MISSING, Verdict.NOT_ATTEMPTED):  # those have a finding, below
            assert explained(lang, verdict=verdict), verdict


def finding(found: Found, **more: object) -> str:
    return explain_finding(Finding(found, **more), made.LOSS, "en")  # type: ignore[arg-type]


def test_findings() -> None:
    assert finding(Found.DEFINED, place=Place(3, 1), definitions=2) == ""
    assert finding(Found.MISSING) == "No function named rkd was found in the notebook."
    assert "The most similar name is rdk (cell 5, line 1)" in finding(
        Found.MISSING, nearest="rdk", place=Place(5, 1)
    )
    nested = finding(Found.MISSING, nearest="Model.rkd", detail="nested", place=Place(5, 1))
    assert nested == "rkd stands inside Model (cell 5, line 1). Define it at the top level of a cell."
    assert "not filled in yet" in finding(Found.BLANK, place=Place(5, 1))
    broken = finding(Found.BROKEN, place=Place(5, 1), detail="line 4: invalid syntax")
    assert broken == "The cell of rkd is not valid Python (cell 5, line 4), so it could not be run: invalid syntax"


def test_what_to_mend_first() -> None:
    distance, loss = made.results()
    results = {"pairwise_distance": replace(distance, verdict=Verdict.FAILED), "rkd": loss}
    assert "It uses pairwise_distance" in explain_helpers(made.LOSS, results, "en")
    results["rkd"] = replace(loss, verdict=Verdict.PASSED)
    assert not explain_helpers(made.LOSS, results, "en")
    assert not explain_helpers(made.LOSS, {"pairwise_distance": distance, "rkd": loss}, "en")


# ---------------------------------------------------------------- scores, remarks, reasons


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_reason_of_a_score(lang: str) -> None:
    criterion = Criterion("loss", 20.0, "rkd")
    for because in (*sentences.BECAUSE, *Verdict):
        verdict = Verdict(because) if because in {v.value for v in Verdict} else Verdict.FAILED
        sentence = explain_score(Score(criterion, 0.0, verdict, str(because), "pairwise_distance"), lang)
        assert sentence
        assert "{" not in sentence
    hint = explain_score(Score(criterion, 0.0, Verdict.FAILED, "mistake", "rkd_no_mean"), lang, made.MISTAKES)
    assert made.MISTAKES["rkd_no_mean"].hint[lang] in hint


def test_unreadable_files() -> None:
    assert explain_unreadable("truncated", "line 17, column 2: Unterminated", "en").endswith("(line 17)")
    assert explain_unreadable("truncated", "", "ko").startswith("파일이 중간에서 끊겼습니다.")
    assert "could not be read" in explain_unreadable("something_new", "", "en")
    texts = {reason: explain_unreadable(reason, "", "en") for reason in sentences.UNREADABLE}
    assert len(set(texts.values())) >= len(texts) - 1  # two reasons are the same to a learner


def test_remarks() -> None:
    assert explain_remark(Remark("several_definitions", Place(5, 2), "3"), "en") == (
        "This function is defined 3 times in the notebook; this last one counts. (cell 5, line 2)"
    )
    assert explain_remark(Remark("something_new", None, "\x1b[31mred"), "en") == "red"


# ---------------------------------------------------------------- untrusted text

NASTY = "\x1b[2J\x1b]0;title\x07\x9b31m\u202egnp.exe\u202c\u200b\x00\x07a\nb\u2028c\ud800" + "e" + "\u0301" * 50


def test_clean_text() -> None:
    assert clean(NASTY) == "gnp.exea b cé" + "\u0301" * 4
    assert clean("x" * 1000, 10) == "x" * 9 + "…"
    assert clean("한글 ") == "한글"


@given(st.text())
def test_clean_text_has_one_harmless_line(text: str) -> None:
    result = clean(text, 50)
    assert len(result) <= 50
    assert len(result.splitlines()) <= 1
    assert not {unicodedata.category(c) for c in result} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    result.encode("utf-8")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_escape_sequence_gets_into_a_message(lang: str) -> None:
    fault = Fault(NASTY, NASTY * 100, Place(1, 1))
    block = told(made.wrong(verdict=Verdict.ERROR, mismatch=None, fault=fault), lang)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", block)
    assert max(map(len, block.splitlines())) < 500
    for text in (
        explain_finding(Finding(Found.BROKEN, detail=NASTY), made.LOSS, lang),
        explain_finding(Finding(Found.MISSING, nearest=NASTY), made.LOSS, lang),
        explain_remark(Remark("left_out", None, NASTY), lang),
    ):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b\u202a-\u202e]", text)


def test_a_learner_cannot_use_our_placeholders() -> None:
    remark = explain_remark(Remark("left_out", None, "{0.__class__} {detail}"), "en")
    assert remark.startswith("{0.__class__} {detail} comes from")


def test_markdown_cannot_be_broken_out_of() -> None:
    block = "a\n```\n# heading\n<script>"
    fenced = fence(block).splitlines()
    assert fenced[0] == "````text"
    assert fenced[-1] == "````"
    assert escape_markdown("It is 1.5 (see a-b): fine!") == "It is 1.5 (see a-b): fine!"
    escaped = escape_markdown("<b>[x](http://y) `z` a_b | WWW.x a@b #1 ~~s~~ $m$ \\")
    assert escaped == (r"&lt;b&gt;\[x\](http\://y) \`z\` a\_b \| WWW\.x a\@b \#1 \~\~s\~\~ \$m\$ \\")
    assert [escape_markdown(text) for text in ("- x", "1. x", "===")] == [r"\- x", r"1\. x", r"\==="]


def test_padding_counts_columns() -> None:
    assert width("값 a") == 4
    assert pad("값", 4) == "값  "


def test_result_without_case_or_exercise() -> None:
    block = explain_check(made.wrong(), None, {}, "en")
    assert "0.30217" in block
    assert "called" not in block
    undefined = made.wrong("defined", case="", verdict=Verdict.MISSING, mismatch=None, mistake=None)
    assert explain_check(undefined, None, {}, "en") == "rkd · not found"
    assert isinstance(made.results()[0], ExerciseResult)


def test_of_a_hidden_case_no_line_is_told_but_the_functions_own() -> None:
    fault = Fault("ValueError", "", Place(7, 3))
    checks = tuple(
        CheckResult("f", "a", "value", Verdict.ERROR, public=public, fault=fault, place=fault.place)
        for public in (True, False)
    )
    result = ExerciseResult("f", Verdict.ERROR, Finding(Found.DEFINED, Place(7, 1)), checks)
    assert [check.place for check in located(result)] == [Place(7, 3), Place(7, 1)]


# ---------------------------------------------------------------- training

CLEAR = made.comparison()
SUMMARY = Summary(4, 35.75, 32.5, 38.5, 3.0, 0.98767)
SAME = made.comparison((0.45, 0.45), (0.5, 0.5))
WORSE = made.comparison((0.2, 0.45), (0.22, 0.5))
LITTLE = made.comparison((0.46, 0.45), (0.52, 0.5))


def trained(lang: str = "en", **changes: object) -> str:
    return explain_check(made.trained(**changes), None, {}, lang, made.LOSS)  # type: ignore[arg-type]


def broken_at(*steps: int | None) -> tuple[TrainingRun, ...]:
    return tuple(made.training_run(seed, 0.1, nan_from=step) for seed, step in enumerate(steps))


def test_a_training_that_passed() -> None:
    assert trained().splitlines() == [
        "rkd · training · helps the student  (cell 41, line 7)",
        "  Trained briefly with 30 labelled images (digits); paired runs: 4, 100 steps each.",
        "  Held-out images classified correctly: 81.8 % with your loss, 46.0 % without the distillation term.",
        "  Difference: +35.8 percentage points, 98.76 % interval +32.5 … +38.5; the interval has to lie above 3.",
        "  So the student learns more with your loss than without the distillation term.",
    ]
    korean = trained("ko").splitlines()
    assert korean[0] == "rkd · 훈련 · 학생 모델에 도움이 됩니다  (셀 41, 7번째 줄)"
    assert [re.findall(r"\d+(?:\.\d+)?", line) for line in korean[1:4]] == [
        ["30", "4", "100"],
        ["81.8", "46.0"],
        ["35.8", "98.76", "32.5", "38.5", "3"],
    ]


FAILED = {
    "same": (SAME, "does not reach the student's weights"),
    "worse": (WORSE, "Check the sign of the term"),
    "little": (LITTLE, "Often no gradient reaches the student on some path"),
    "nan": (replace(WORSE, distilled=broken_at(None, 60)), "became NaN or infinite at step 60."),
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_way_to_fail_a_training_has_its_own_sentence(lang: str) -> None:
    meant = {}
    for name, (compared, said) in FAILED.items():
        block = trained(lang, verdict=Verdict.FAILED, training=compared)
        meant[name] = block.splitlines()[-1]
        assert "{" not in block
        if lang == "en":
            assert said in meant[name]
            assert [other for other, (_, words) in FAILED.items() if words in block] == [name]
    assert len(set(meant.values())) == len(FAILED)
    assert "60" in meant["nan"]


def test_equal_at_the_end_alone_is_not_the_same_run() -> None:
    first, *others = SAME.distilled
    different = replace(first, accuracies=(0.2, *first.accuracies[1:]))
    compared = replace(SAME, distilled=(different, *others))
    assert "does not reach" not in trained(verdict=Verdict.FAILED, training=compared)


FREE = "A person will look at it; it costs no points."


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("detail", "training", "said"),
    [
        ("", LITTLE, "The difference is not clear after 2 paired runs."),
        ("too slow: over 100 s", None, "compute with whole tensors."),
        ("too slow: over 100 s", made.comparison((0.5, 0.4), summary=None), "compute with whole tensors."),
        ("memory: over 2048 MB", None, "Look for tensors that grow too large."),
        ("", None, "The training could not be finished."),
    ],
)
def test_an_inconclusive_training_costs_nothing(detail: str, training: object, said: str, lang: str) -> None:
    block = trained(lang, verdict=Verdict.INCONCLUSIVE, training=training, detail=detail)
    assert block.splitlines()[-1].strip() == translator(lang)(FREE)
    assert translator(lang)("not clear") in block.splitlines()[0]
    assert "Please tell your instructor" not in block
    if lang == "en":
        assert said in block


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_was_not_trained_says_why(lang: str) -> None:
    blocks = {
        detail: trained(lang, verdict=Verdict.SKIPPED, training=None, detail=detail)
        for detail in ("numeric", "followed", "form", "")
    }
    assert len({block.splitlines()[-1] for block in blocks.values()}) == 4
    if lang == "en":
        assert "numeric checks did not pass" in blocks["numeric"]
        assert "charged there and not again here" in blocks["followed"]
        assert "this form is right" in blocks["form"]


COMPILED = (
    Fault("AttributeError", "'SymbolicTensor' object has no attribute 'numpy'", Place(41, 9)),
    Fault("NotImplementedError", "Cannot convert a symbolic tf.Tensor (x:0) to a numpy array."),
    Fault("OperatorNotAllowedInGraphError", "Using a symbolic `tf.Tensor` as a Python `bool` is not allowed."),
    Fault("ValueError", "tf.function only supports singleton tf.Variables created on the first call."),
)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("fault", [*COMPILED, Fault("ValueError", "shapes differ")])
def test_an_exception_while_training_is_shown(fault: Fault, lang: str) -> None:
    check = made.trained(Verdict.ERROR, training=None, fault=fault, place=Place(41, 9))
    lines = explain_check(check, None, {}, lang, made.LOSS).splitlines()
    assert "41" in lines[0]
    assert lines[1] == f"  {fault.type}: {fault.message}"
    assert (len(lines) == 3) == (fault in COMPILED)
    assert all("tf.function" in line for line in lines[2:])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_verdict_of_a_training(lang: str) -> None:
    blocks = {verdict: trained(lang, verdict=verdict) for verdict in Verdict}
    assert len(set(blocks.values())) == len(blocks)
    assert not [block for block in blocks.values() if "{" in block]
    assert translator(lang)(sentences.MEANINGS[Verdict.CRASHED]) in blocks[Verdict.CRASHED]
    assert translator(lang)(sentences.OUR_FAULT) in blocks[Verdict.INTERNAL]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_too_few_runs_for_an_interval(lang: str) -> None:
    for summary in (None, replace(SUMMARY, low=-math.inf), replace(SUMMARY, high=math.inf)):
        block = trained(lang, verdict=Verdict.INCONCLUSIVE, training=replace(CLEAR, summary=summary))
        assert "inf" not in block
        assert "81.8 %" in block
        assert "98.76" not in block
    empty = replace(CLEAR, distilled=(), scratch=(), summary=None)
    assert "81.8" not in trained(lang, verdict=Verdict.INCONCLUSIVE, training=empty)


def test_numbers_can_be_left_to_a_table() -> None:
    told = list(explain_training(made.trained(), "en", numbers=False))
    assert len(told) == 2
    assert not any("%" in sentence for sentence in told)


def test_confidence_is_never_rounded_up() -> None:
    shown = [confidence(replace(SUMMARY, confidence=c)) for c in (0.95, 0.98767, 0.99999, 0.57)]
    assert shown == ["95", "98.76", "99.99", "57"]


def test_a_training_does_not_count_among_the_cases() -> None:
    failed = made.trained(Verdict.FAILED, training=WORSE)
    without = made.results()[1].checks
    assert explained(checks=(*without, failed)) == explained(checks=without)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_reasons_of_a_score_for_training(lang: str) -> None:
    codes = [code for code in sentences.BECAUSE if code.startswith("training_")]
    assert {code.removeprefix("training_") for code in codes} == {
        "passed", "failed", "inconclusive", "skipped", "followed", "form", "error",
    }  # fmt: skip
    told = {explain_score(Score(made.TRAINING, 0.0, Verdict.SKIPPED, code), lang) for code in codes}
    assert len(told) == len(codes)
