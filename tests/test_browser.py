"""The pages in a real browser: sorting, searching, keyboard, phone, dark, print; nothing is fetched or run.

Needs a Chromium of the system's (`apt install chromium fonts-nanum`) and the Python package playwright; without
them all of it is skipped, and the summary of the tests says so.
"""

from __future__ import annotations

import re
import shutil
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pages import HOSTILE, about, criterion, row, rows
from test_page import graded, hostile, page

from grader.reports.index import link_to, to_html

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), "")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A fresh Chromium with a profile of its own."""
    if not CHROMIUM:
        pytest.skip("NO BROWSER: the HTML reports were not tried in one; install chromium (and fonts-nanum)")
    api = pytest.importorskip("playwright.sync_api", reason="NO BROWSER: the Python package playwright is missing")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@dataclass
class Opened:
    """A page, and all that happened on it which must not."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def open_(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    """Writes HTML to a file and opens it. At the end: no message, no dialog, no request but for files."""
    contexts, opened = [], []

    def go(text: str, name: str = "index.html", **options: Any) -> Page:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        one = Opened(context.new_page())
        opened.append(one)
        one.page.set_default_timeout(5000)
        one.page.on("console", lambda message: one.complaints.append(message.text))
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        one.page.on("dialog", lambda dialog: (one.complaints.append(dialog.message), dialog.dismiss()))
        context.on(
            "request",
            lambda request: request.url.startswith("file:") or one.complaints.append(request.url),
        )
        one.page.goto(path.as_uri())
        return one.page

    yield go
    complaints = [complaint for one in opened for complaint in one.complaints]
    for context in contexts:
        context.close()
    assert not complaints


def class_page(of: list[dict[str, Any]] | None = None, lang: str = "en") -> str:
    return to_html(rows() if of is None else of, about(), lang)


def first_cells(of: Page, column: int = 0) -> list[str]:
    texts = of.locator(f"#table tbody tr:visible > :nth-child({column + 1})").all_inner_texts()
    return [text.strip() for text in texts]


def many(count: int) -> list[dict[str, Any]]:
    return [
        row(f"l{n}", criterion("first", "passed" if n % 3 else "failed", n % 11), name="가나다라마"[n % 5])
        for n in range(count)
    ]


# ---------------------------------------------------------------- the class


def test_sorting_by_mouse(open_: Any) -> None:
    of = open_(class_page())
    given = ["kim", "lee", "park", "choi", "jung", "cut", "half"]
    assert first_cells(of) == given
    head = of.locator("th", has=of.get_by_role("button", name="submission"))
    assert head.get_attribute("aria-sort") == "none"
    of.get_by_role("button", name="submission").click()
    assert first_cells(of) == sorted(given)
    assert head.get_attribute("aria-sort") == "ascending"
    of.get_by_role("button", name="submission").click()
    assert first_cells(of) == sorted(given, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    of.get_by_role("button", name="grade").click()
    assert head.get_attribute("aria-sort") == "none"
    assert first_cells(of, 4) == ["not final", "0", "0", "10", "10", "15", "20"]
    assert first_cells(of)[1:3] == ["choi", "cut"], "equal ones stay as they were handed in"


def test_sorting_by_mark_name_and_number_in_an_id(open_: Any) -> None:
    of = open_(class_page())
    of.get_by_role("button", name="Second").click()
    assert first_cells(of, 6) == ["✓", "±", "✗", "✗", "✗", "–", "?"]
    of.get_by_role("button", name="name").click()
    of.get_by_role("button", name="name").click()
    assert first_cells(of, 1) == ["김하늘", *[""] * 6], "who has none stays at the end"
    of = open_(class_page([row(name) for name in ("l10", "l9", "나", "가")], lang="ko"))
    of.get_by_role("button", name="제출물").click()
    assert set(first_cells(of)[:2]) in ({"가", "나"}, {"l9", "l10"})
    assert first_cells(of).index("l9") < first_cells(of).index("l10")
    assert first_cells(of).index("가") < first_cells(of).index("나")


def test_the_keyboard_is_enough(open_: Any) -> None:
    of = open_(class_page())
    of.keyboard.press("Tab")
    assert of.evaluate("document.activeElement.className") == "skip"
    assert of.evaluate("document.activeElement.getBoundingClientRect().top") >= 0, "it shows itself"
    of.keyboard.press("/")
    assert of.evaluate("document.activeElement.id") == "search"
    assert of.input_value("#search") == "", "the key itself is not typed"
    assert of.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    of.keyboard.type("a/b")
    assert of.input_value("#search") == "a/b"
    of.keyboard.press("Escape")
    assert of.input_value("#search") == ""
    of.keyboard.press("Tab")
    assert of.evaluate("document.activeElement.className") == "wide tall", "the table scrolls by keys"
    of.keyboard.press("Tab")
    assert of.evaluate("document.activeElement.tagName") == "BUTTON"
    of.keyboard.press("Enter")
    assert first_cells(of)[0] == "choi"
    of.keyboard.press("Space")
    assert first_cells(of)[0] == "park"
    assert of.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("김하늘", ["kim"]),
        (unicodedata.normalize("NFD", "김하늘"), ["kim"]),  # as macOS has it: in parts
        ("4001", ["kim"]),
        ("PARK", ["park"]),
        ("no_mean", ["lee", "park"]),
        ("no_mean park", ["park"]),
        ("disk", ["jung"]),
        ("<b>", []),
    ],
)
def test_searching(open_: Any, words: str, found: list[str]) -> None:
    of = open_(class_page())
    of.fill("#search", words)
    assert first_cells(of) == found
    assert of.inner_text("#found") == f"{len(found)} of 7"
    assert of.is_visible("#nobody") == (not found)
    of.fill("#search", "")
    assert of.inner_text("#found") == "7 of 7"


def test_a_long_table_comes_as_one_scrolls(open_: Any) -> None:
    of = open_(class_page(many(350)))
    assert len(first_cells(of)) < 350
    assert of.inner_text("#found") == "350 of 350"
    of.get_by_role("button", name="submission").click()
    of.get_by_role("button", name="submission").click()
    assert first_cells(of)[0] == "l349"
    of.fill("#search", "l34")
    assert len(first_cells(of)) == 11
    of.fill("#search", "")
    box = of.locator(".tall")
    for _ in range(9):
        box.evaluate("box => { box.scrollTop = box.scrollHeight; }")
        of.wait_for_function("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0, true)))")
    assert first_cells(of)[-1] == "l0"
    assert len(first_cells(of)) == 350


def test_without_javascript_all_of_it_is_there(open_: Any) -> None:
    of = open_(class_page(many(350)), java_script_enabled=False)
    assert of.locator("#table tbody tr").count() == 350
    assert not of.is_visible("#search")
    assert of.locator("button").count() == 0


@pytest.mark.parametrize("name", ["김 하늘", "50% #1", "a?b\"'&;", "javascript:alert(1)"])
def test_opening_a_learner(open_: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "feedback.html").write_text(page(graded()), encoding="utf-8")
    of = open_(class_page([row(name)]))
    of.locator("#table").get_by_role("link", name=name, exact=True).click()
    assert of.title() == "Demo · 김하늘"
    assert of.url.endswith(link_to(name))


# ---------------------------------------------------------------- one learner


def test_a_place_opens_the_line(open_: Any) -> None:
    of = open_(page(graded()))
    of.get_by_role("link", name="cell 41, line 7").first.click()
    line = of.locator(".marked:target")
    assert line.count() == 1
    before = of.evaluate("getComputedStyle(document.querySelector('.marked'), '::before').content")
    assert before == '"▸ 7"', "a sign, and not only a colour"
    summary = of.locator("summary").last
    summary.focus()
    of.keyboard.press("Enter")
    assert of.locator("details.all pre").first.is_visible()


# ---------------------------------------------------------------- both


def hostile_class() -> str:
    bad = row(
        HOSTILE, criterion("first", "failed", 0, title=HOSTILE), name=HOSTILE, note=HOSTILE, mistakes=[HOSTILE]
    )
    return to_html([bad, row("b")], replace(about(), told=(HOSTILE,), alike=()), "en")


def test_hostile_text_is_only_shown(open_: Any) -> None:
    for text in (page(hostile()), hostile_class()):
        of = open_(text)
        assert of.locator("img").count() == 0
        assert of.locator("script").count() == text.count("<script>\n")
        assert of.evaluate("[...document.querySelectorAll('*')].every(e => !e.onclick && !e.onerror)")
        assert "<script>alert(1)</script>" in of.inner_text("body")
        of.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine: its address, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("kind", ["learner", "class"])
def test_the_policy_holds_where_an_escape_is_forgotten(
    browser: Browser, tmp_path: Path, listener: tuple[str, list[str]], kind: str, guarded: bool
) -> None:
    """Markup put into the page raw: nothing of it runs or loads, and without the policy all of it does."""
    address, asked = listener
    bad = f"""
        <script>document.body.dataset.ran = "script"</script><style>main {{ border: 7px solid }}</style>
        <p onclick="this.textContent = 'clicked'" id="p">p</p><b style="color: rgb(255, 0, 0)">b</b>
        <img src="{address}/image"><iframe src="{address}/frame"></iframe>
        <link rel="stylesheet" href="{address}/style"></main>"""
    text = (page(graded()) if kind == "learner" else class_page()).replace("</main>", bad)
    if not guarded:
        text = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    path = tmp_path / "x.html"
    path.write_text(text, encoding="utf-8")
    of = browser.new_page()
    of.goto(path.as_uri())
    of.click("#p")
    happened = {
        "script": of.evaluate("document.body.dataset.ran") == "script",
        "handler": of.inner_text("#p") == "clicked",
        "attribute": of.evaluate("getComputedStyle(document.querySelector('b')).color") == "rgb(255, 0, 0)",
        "sheet": of.evaluate("getComputedStyle(document.querySelector('main')).borderTopWidth") == "7px",
        **{name: f"/{name}" in asked for name in ("image", "style", "frame")},
    }
    of.close()
    assert happened == dict.fromkeys(happened, not guarded)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_phone_shows_it_without_scrolling_sideways(open_: Any, lang: str) -> None:
    for text in (page(graded(), lang), page(hostile(), lang), class_page(lang=lang), hostile_class()):
        of = open_(text, viewport={"width": 390, "height": 844})
        assert of.evaluate("document.documentElement.scrollWidth") <= 390
        of.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert of.evaluate("document.documentElement.scrollWidth") <= 390, "nor when all is unfolded"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(open_: Any, scheme: str) -> None:
    for text in (page(graded()), class_page()):
        of = open_(text, color_scheme=scheme)
        paper = of.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]


def test_nothing_moves_for_who_does_not_want_it(open_: Any) -> None:
    for motion, behaviour in (("reduce", "auto"), ("no-preference", "smooth")):
        of = open_(page(graded()), reduced_motion=motion)
        assert of.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == behaviour


def test_print(open_: Any, tmp_path: Path) -> None:
    of = open_(page(graded()), color_scheme="dark")
    of.emulate_media(media="print", color_scheme="dark")
    assert of.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not of.is_visible("#cells"), "what is folded is not printed"
    assert of.is_visible(".exercise pre >> nth=1")
    assert of.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") <= 3
    of = open_(class_page(many(350)))
    assert of.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") > 5
    assert of.locator("#table tbody tr").count() == 350, "all rows are printed"
    of.emulate_media(media="print")
    assert of.evaluate("getComputedStyle(document.querySelector('#table thead')).display") == "table-header-group"
    assert not of.is_visible("#search")
