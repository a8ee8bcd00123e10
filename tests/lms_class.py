"""Marks of every kind that an adapter must get right, and what each system made of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from grader.lms.comment import comment
from grader.lms.records import About, Mark, Marks, Part
from grader.plaintext import clean, clean_block
from grader.types import Learner

ABOUT = About("distillation_tf", "지식 증류 (Knowledge distillation)", "3", "en")
ATTACK = '</pre><script>alert("x")</script> & <b>bold</b> a<b \x1b[31mred\x1b[0m \x00 Q1: KD http://x.example'
LONG = "\n".join(f"line {n}: 값이 다릅니다, value differs" for n in range(2200))[:70_000]


@dataclass(frozen=True)
class Taken:
    """What a system recorded for one learner, by our model of how it reads."""

    share: float | None  # of the maximum there, 0..1; None: no grade, or the old one kept
    comment: str | None = None  # as a person there reads it; None: the system takes none by this way


def mark(kind: str, number: int = 1) -> Mark:
    """One mark of that kind (see KINDS); `number` tells learners apart."""
    return replace(KINDS[kind], address={"number": str(number)})


def a_class(*kinds: str) -> Marks:
    """A class with one learner of each kind, or of those named."""
    marks = tuple(mark(kind, number) for number, kind in enumerate(kinds or KINDS, 1))
    return Marks(ABOUT, 100.0, marks)


def with_files(marks: Marks, folder: Path) -> Marks:
    """The same with feedback files on disk."""
    made = []
    for one in marks.marks:
        own = folder / one.id
        own.mkdir(parents=True)
        (own / "feedback.html").write_text(f"<p>{clean(one.id)}</p>", "utf-8")
        (own / "feedback.md").write_text(comment(one), "utf-8")
        made.append(replace(one, files={name: own / name for name in ("feedback.html", "feedback.md")}))
    return replace(marks, marks=tuple(made))


def _part(name: str, points: float, earned: float | None, verdict: str, because: str, *details: str) -> Part:
    exercise = name.partition("-")[0]
    return Part(name, f"Q: {name}", points, earned, verdict, because, details, "exercise", exercise)


def _mark(
    name: str, one: float | None, two: float | None, *, learner: Learner, details: tuple[str, ...] = ()
) -> Mark:
    final = one is not None and two is not None
    parts = (
        _part("knowledge_distillation", 40, one, _verdict(one, 40), "It looks like this: no T squared.", *details),
        _part("attention_transfer", 60, two, _verdict(two, 60), "All checks passed."),
    )
    earned = (one or 0) + (two or 0) if final else None
    return Mark(ABOUT, name, learner, final, earned, 100.0, parts, graded_at=1_795_336_756.25, seconds=3.5)


def _verdict(earned: float | None, points: float) -> str:
    if earned is None:
        return "internal"
    return "passed" if earned >= points else "failed"


KINDS = {
    "full": _mark("ada", 40, 60, learner=Learner("Ada Lovelace", "1", "", "ada@example.test")),
    "partial": _mark("sean", 12.5, 60, learner=Learner("Seán O'Brien", "2", "", "sean@example.test")),
    "third": _mark("third", 40 / 3, 20, learner=Learner("John Smith", "3", "", "john1@example.test")),
    "zero": _mark("zero", 0, 0, learner=Learner("John Smith", "4", "", "john2@example.test")),
    "not_final": _mark("waiting", 40, None, learner=Learner("Max Müller-Lüdenscheidt", "5", "", "m@example.test")),
    "extra": _mark("extra", 52, 60, learner=Learner("Anne_Marie de la Cruz", "6", "", "anne@example.test")),
    "korean": _mark(
        "김하늘",
        30,
        60,
        learner=Learner("김하늘", "7", "가 조", "haneul@example.test"),
        details=("knowledge_distillation · 값이 다릅니다\n  기댓값    0.30217",),
    ),
    "long": _mark("long", 10, 60, learner=Learner("小龙 李", "8", "", "li@example.test"), details=(LONG,)),
    "attack": _mark(
        "attack",
        20,
        60,
        learner=Learner("Eve =2+5", "9", "", "eve@example.test"),
        details=(clean_block(ATTACK),),
    ),
    "formula": _mark("=cmd", 5, 60, learner=Learner('=HYPERLINK("http://x")', "10", "", "f@example.test")),
}
