"""index.html: the class for its instructors, as one file. Made from rows alone; computes nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from markupsafe import Markup

from grader.alike import Group
from grader.check_words import hint_of, in_language
from grader.i18n import mark, translator
from grader.plaintext import clean
from grader.reports import charts, figures
from grader.reports.document import TONES, render
from grader.reports.figures import Row
from grader.reports.marks import NOTHING as NOT_DONE
from grader.reports.marks import OURS, PARTLY, RIGHT, UNCLEAR, WRONG, mark_of
from grader.training_words import verdict_word
from grader.types import Learner, Mistake, Text, Verdict

MARKS: Mapping[str, str] = {
    RIGHT: mark("right"),
    PARTLY: mark("partly right"),
    WRONG: mark("wrong"),
    NOT_DONE: mark("not done"),
    UNCLEAR: mark("unclear"),
    OURS: mark("not graded"),
}
ALIKE: Mapping[str, str] = {
    "behaviour": mark("the same wrong numbers, bit for bit"),
    "code": mark("unusual pieces of code in common"),
}


@dataclass(frozen=True)
class About:
    """What is to be said of a class besides its rows."""

    slug: str
    title: Text
    version: str
    graded_at: str
    told: tuple[str, ...] = ()  # what intake recognised
    absent: tuple[Learner, ...] = ()  # on the roster, with nothing handed in
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    alike: tuple[Group, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True  # False: the run was stopped


@dataclass(frozen=True)
class Person:
    """One submission as it is shown wherever it is named."""

    id: str
    name: str
    link: str


@dataclass(frozen=True)
class Line:
    """One submission in the table."""

    person: Person
    learner: str
    group: str
    late: bool
    grade: str
    share: str  # what the table sorts by: 0..1, -1 without a grade
    marks: tuple[str, ...]
    note: str
    also: str  # searched, not shown


@dataclass(frozen=True)
class Interval:
    """One training of one submission."""

    person: Person
    picture: Markup
    mean: str
    range: str
    verdict: str


def to_html(rows: Sequence[Row], about: About, lang: str) -> str:
    """The class in one language. `rows` come from `grader.result.to_row`."""
    numbers = figures.numbers(rows)
    criteria = figures.successes(rows)
    people = {row["id"]: _person(row) for row in rows}
    return render(
        "index.html",
        lang,
        script=True,
        title=clean(in_language(about.title, lang) or about.slug, 200),
        about=about,
        numbers=numbers,
        mean=_percent(numbers.mean),
        median=_percent(numbers.median),
        distribution=_distribution(rows, lang),
        criteria=criteria,
        bars={one.id: charts.shares([(TONES[m], one.counts.get(m, 0)) for m in TONES]) for one in criteria},
        marks=MARKS,
        cells={m: _cell(m, lang) for m in MARKS},
        odd=[m for m in (UNCLEAR, OURS) if any(one.counts.get(m) for one in criteria)],
        mistakes=[
            (one, _hint(one.name, about, lang), [people[row["id"]] for row in one.rows])
            for one in figures.mistakes(rows)
        ],
        waiting=[(people[row["id"]], clean(row["note"], 300)) for row in rows if not row["final"]],
        unclear=_unclear(rows, people),
        unreadable=[(people[row["id"]], clean(row["note"], 300)) for row in rows if _cannot_be_read(row)],
        empty=[people[row["id"]] for row in rows if figures.is_empty(row)],
        absent=[_absent(learner) for learner in about.absent],
        trainings=_trainings(rows, people, lang),
        groups=[
            (_alike(group, lang), _in_common(group, lang), [_named(i, people) for i in group.ids])
            for group in about.alike
        ],
        lines=[_line(row, people[row["id"]], [one.id for one in criteria], lang) for row in rows],
        named=any(person.name for person in people.values()),
        grouped=any(_text(row, "group") for row in rows),
        lated=any(row["late"] for row in rows),
        possible=_possible(rows),
        versions=[f"{clean(name, 40)} {clean(version, 80)}" for name, version in about.environment.items()],
        told=[clean(sentence, 400) for sentence in about.told],
    )


def link_to(name: str) -> str:
    """The address of a learner's page, beside index.html. An id is a folder's name and may hold % and #."""
    return f"{quote(name, safe='', errors='replace')}/feedback.html"


def _cell(sign: str, lang: str) -> Markup:
    """A mark in the large table: there are thousands of them, so they are put together once."""
    words = translator(lang)(MARKS[sign])
    return Markup(
        '<td class="m"><span class="{0}" role="img" aria-label="{1}" title="{1}">{2}</span></td>'
    ).format(TONES[sign], words, sign)


def _person(row: Row) -> Person:
    return Person(clean(row["id"], 120), _text(row, "name"), link_to(row["id"]))


def _named(name: str, people: Mapping[str, Person]) -> Person:
    return people.get(name) or Person(clean(name, 120), "", link_to(name))


def _text(row: Row, key: str) -> str:
    return clean(row[key] or "", 120)


def _absent(learner: Learner) -> str:
    parts = [clean(part, 120) for part in (learner.name, learner.id, learner.group, learner.email)]
    return " · ".join(dict.fromkeys(part for part in parts if part))


def _cannot_be_read(row: Row) -> bool:
    return bool(row["final"] and row["unreadable"] and not figures.is_empty(row))


def _unclear(rows: Sequence[Row], people: Mapping[str, Person]) -> list[tuple[Person, str]]:
    found = []
    for row in rows:
        titles = [clean(c["title"], 100) for c in row["criteria"] if c["verdict"] == Verdict.INCONCLUSIVE]
        if row["final"] and titles:
            found.append((people[row["id"]], ", ".join(titles)))
    return found


def _possible(rows: Sequence[Row]) -> str:
    """The points of the assignment; empty where rows differ, as they may while a rubric changes."""
    found = {row["possible"] for row in rows}
    return f"{found.pop():g}" if len(found) == 1 else ""


def _percent(share: float | None) -> str:
    return NOT_DONE if share is None else f"{100 * share:.0f} %"


def _distribution(rows: Sequence[Row], lang: str) -> Markup:
    _ = translator(lang)
    counts = figures.histogram(figures.shares(rows))
    step = 100 // len(counts)
    told = "; ".join(
        _("{low} to {high} %: {count}").format(low=step * number, high=step * (number + 1), count=count)
        for number, count in enumerate(counts)
    )
    return charts.distribution(counts, _("How many grades lie in each tenth of the points"), told)


def _hint(name: str, about: About, lang: str) -> str:
    return hint_of(about.mistakes.get(name), lang)


def _alike(group: Group, lang: str) -> str:
    _ = translator(lang)
    told = _(ALIKE[group.kind]) if group.kind in ALIKE else clean(group.kind, 80)
    return f"{told}: {', '.join(clean(name, 80) for name in group.exercises)}" if group.exercises else told


def _in_common(group: Group, lang: str) -> str:
    _ = translator(lang)
    if group.kind != "code":
        return ""  # the detail is a digest, which tells a person nothing
    if group.detail == "identical":
        return _("the same code, but for its formatting and comments")
    share = f"{100 * group.share:.0f} %"
    return _("in common, of what is unusual in this class: {share} ({detail})").format(
        share=share, detail=clean(group.detail, 40)
    )


def _trainings(
    rows: Sequence[Row], people: Mapping[str, Person], lang: str
) -> list[tuple[str, charts.Scale, list[Interval], str]]:
    """Title, common scale, intervals and a summary of each exercise that was trained."""
    _ = translator(lang)
    criteria = [c for row in rows for c in row["criteria"] if c["kind"] == "exercise"]
    titles = {c["exercise"]: clean(c["title"], 100) for c in criteria}
    made = []
    for exercise, some in figures.trainings(rows).items():
        over = charts.scale([v for one in some for v in (one.low, one.high, one.margin or 0.0)])
        intervals = [
            Interval(
                people[one.row["id"]],
                charts.interval(one.mean, one.low, one.high, one.margin, over),
                f"{one.mean:+.1f}",
                f"{one.low:+.1f} … {one.high:+.1f}",
                _(verdict_word("training", one.verdict)),
            )
            for one in some
        ]
        counted = Counter(one.verdict for one in intervals).most_common()
        summary = ", ".join(f"{verdict}: {count}" for verdict, count in counted)
        made.append((titles.get(exercise, clean(exercise, 100)), over, intervals, summary))
    return made


def _line(row: Row, person: Person, criteria: Sequence[str], lang: str) -> Line:
    _ = translator(lang)
    marks = {c["id"]: mark_of(c) if row["final"] else OURS for c in row["criteria"]}
    graded = row["final"] and row["earned"] is not None
    return Line(
        person,
        learner=_text(row, "learner"),
        group=_text(row, "group"),
        late=bool(row["late"]),
        grade=f"{row['earned']:g}" if graded else _("not final"),
        share=f"{row['earned'] / row['possible'] if row['possible'] else 0:.6f}" if graded else "-1",
        marks=tuple(marks.get(name, OURS if not row["final"] else NOT_DONE) for name in criteria),
        note=clean(row["note"], 200),
        also=" ".join([*(clean(name, 80) for name in row["mistakes"]), clean(row["path"], 200)]),
    )
