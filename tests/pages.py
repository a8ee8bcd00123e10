"""HTML as a browser takes it, for tests: elements, their attributes and texts; and a class made up of rows."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from grader.alike import Group
from grader.reports.index import About
from grader.types import Learner, Mistake

BLOCKS = {"p", "li", "th", "td", "dt", "dd", "h1", "h2", "h3", "summary", "div"}
VOID = {"meta", "input", "br", "hr", "img", "link"}
# Everything at once: markup, a template's syntax, escapes of a terminal, marks of direction, what ends an element.
HOSTILE = (
    "<script>alert(1)</script></script><img src=x onerror=alert(2)>{{7*7}}{% raw %}"
    '</style></title></pre></textarea>" onclick="alert(3)" \' \x1b[31mred\x1b[0m \u202egnp.exe javascript:alert(4)'
)


@dataclass
class Element:
    """An element with all text below it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    inside: list[str] = field(default_factory=list)  # names of the elements around it


class Reader(HTMLParser):
    """Reads a page; raises AssertionError where an element is closed that is not open."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page)
        self.close()
        assert not self._open, [element.name for element in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), attrs
        around = [element.name for element in self._open]
        element = Element(tag, {name: value or "" for name, value in attrs}, inside=around)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop().name == tag, tag
        if tag in BLOCKS:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, name: str, **attributes: str) -> list[Element]:
        """Elements of that name with these attributes; `class_` stands for class."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.name == name and all(element.attributes.get(k) == v for k, v in wanted.items())
        ]

    def one(self, name: str, **attributes: str) -> Element:
        """The only such element."""
        found = self.all(name, **attributes)
        assert len(found) == 1, (name, attributes, len(found))
        return found[0]


def squeezed(text: str) -> str:
    """With single spaces."""
    return " ".join(text.split())


def check_document(page: str, lang: str) -> Reader:
    """What holds of every page: whole, self-contained, and shut in by a policy that fits what is in it."""
    read = Reader(page)
    assert read.one("html").attributes["lang"] == lang
    ids = [element.attributes["id"] for element in read.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids)), "an id stands twice"
    parts = dict(part.split(" ", 1) for part in read.one("meta", http_equiv="Content-Security-Policy").attributes[
        "content"
    ].split("; "))  # fmt: skip
    assert parts.pop("default-src") == parts.pop("base-uri") == parts.pop("form-action") == "'none'"
    for directive, name in (("style-src", "style"), ("script-src", "script")):
        hashes = [
            f"'sha256-{base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()}'"
            for element in read.all(name)
        ]
        assert parts.pop(directive, "") == " ".join(hashes)
        assert len(hashes) <= 1
    assert not parts
    names = {element.name for element in read.elements}
    assert not names & {"img", "link", "iframe", "object", "embed", "form", "base", "video", "audio", "use"}
    for element in read.elements:
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"], element
        assert "src" not in element.attributes
        target = element.attributes.get("href")
        if target is not None and target.startswith("#"):
            assert target[1:] in ids, target
        elif target is not None:
            assert re.fullmatch(r"[^/:?#\s<>\"']+/feedback\.html", target), target
        for reference in ("aria-labelledby", "aria-describedby", "for"):
            assert set(element.attributes.get(reference, "").split()) <= set(ids), element
    return read


def criterion(name: str, verdict: str, earned: float | None, **changes: Any) -> dict[str, Any]:
    """One criterion of a row."""
    plain = {"id": name, "title": name.title(), "kind": "exercise", "exercise": name, "points": 10}
    return {**plain, "verdict": verdict, "earned": earned, **changes}


def row(name: str, /, *criteria: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One submission as `grader.result.to_row` gives it."""
    criteria = criteria or (criterion("first", "passed", 10), criterion("second", "failed", 0))
    final = all(one["earned"] is not None for one in criteria)
    plain = {
        "id": name, "name": "", "learner": "", "email": "", "group": "", "late": False, "path": f"{name}.ipynb",
        "sha256": "ab" * 32, "final": final, "earned": sum(one["earned"] for one in criteria) if final else None,
        "possible": sum(one["points"] for one in criteria), "criteria": list(criteria), "mistakes": [],
        "unreadable": "", "note": "", "twin": "", "seconds": 1.0, "training": [], "wrong": {}, "prints": {},
    }  # fmt: skip
    return {**plain, **changes}


def training(mean: float | None, verdict: str = "passed") -> dict[str, Any]:
    """One training of a row."""
    near = (None, None) if mean is None else (mean - 2, mean + 2)
    return {"exercise": "first", "verdict": verdict, "mean": mean, "low": near[0], "high": near[1], "margin": 1.0}


def rows() -> list[dict[str, Any]]:
    """A class in which everything happens once."""
    done = ("passed", 10)
    left = ("not_attempted", 0)
    names = {"name": "김하늘", "learner": "4001", "group": "A", "late": True}
    return [
        row("kim", criterion("first", *done), criterion("second", *done), training=[training(12.0)], **names),
        row("lee", mistakes=["no_mean"], training=[training(0.5, "inconclusive")]),
        row("park", mistakes=["no_mean", "no_mean", "no_t2"]),
        row("choi", criterion("first", *left), criterion("second", *left), training=[training(None, "skipped")]),
        row("jung", criterion("first", "internal", None), criterion("second", "internal", None), note="disk full"),
        row("cut", criterion("first", "error", 0), criterion("second", "error", 0), unreadable="truncated"),
        row("half", criterion("first", "passed", 5), criterion("second", "inconclusive", 10)),
    ]


def about(**changes: Any) -> About:
    """What is said of that class besides."""
    hint = {"en": "not divided by the mean", "ko": "평균으로 나누지 않았습니다"}
    plain: dict[str, Any] = {
        "slug": "demo",
        "title": {"en": "Demo class", "ko": "데모 수업"},
        "version": "3",
        "graded_at": "2026-05-04 14:02",
        "told": ("an export of 7 files",),
        "absent": (Learner("홍길동", "4999", "B", "hong@example.org"),),
        "mistakes": {"no_mean": Mistake("no_mean", "second", hint)},
        "alike": (
            Group("behaviour", ("second",), ("lee", "park"), 1.0, "0123456789abcdef"),
            Group("code", ("first",), ("kim", "half"), 0.83, "17/20"),
        ),
        "environment": {"grader": "0.2.0"},
    }
    return About(**{**plain, **changes})
