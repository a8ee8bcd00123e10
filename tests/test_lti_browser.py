"""The protocol in a real browser: cookies in windows and frames, policies that hold, registration in a window.

Needs a Chromium of the system's and the Python package playwright; without them all of it is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_platform import FakePlatform
from lti_tool import OFFERS, Tool, introduce, running_tool
from test_browser import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("NO BROWSER: LTI launches were not tried in one; install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="NO BROWSER: the Python package playwright is missing")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile of its own; that a policy stopped something is a failure."""
    made = browser.new_context(locale="en")
    made.set_default_timeout(10_000)
    complaints: list[str] = []
    made.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield made
    made.close()
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []


@pytest.fixture(params=["127.0.0.1", "localhost"], ids=["same-site", "cross-site"])
def lms(request: pytest.FixtureRequest, tool: Tool) -> Iterator[FakePlatform]:
    """The tool is at 127.0.0.1: for a browser, localhost is another site."""
    with FakePlatform(host=request.param) as running:
        introduce(tool, running)
        yield running


def course(context: BrowserContext, lms: FakePlatform, user: str) -> Page:
    page = context.new_page()
    page.goto(f"{lms.url}/course?user={user}")
    return page


@pytest.mark.parametrize("times", [1, 2])
def test_in_a_new_window(context: BrowserContext, lms: FakePlatform, tool: Tool, times: int) -> None:
    for _ in range(times):
        page = course(context, lms, "5")
        with context.expect_page() as opened:
            page.click("#window")
        opened.value.get_by_text("let in: learner 5").wait_for()
    assert len(tool.visits) == times


def test_in_the_same_window(context: BrowserContext, lms: FakePlatform, tool: Tool) -> None:
    page = course(context, lms, "5")
    page.click("#here")
    page.get_by_text("let in: learner 5").wait_for()
    page.reload()  # the browser posts the same launch again
    page.get_by_text("This visit was used already").wait_for()


def test_in_a_frame(context: BrowserContext, lms: FakePlatform, tool: Tool) -> None:
    """On the same site cookies are kept; on another one they are not, and a window of its own helps."""
    page = course(context, lms, "5")
    page.click("#frame")
    frame = page.frame_locator("iframe")
    if lms.host == "127.0.0.1":
        frame.get_by_text("let in: learner 5").wait_for()
        return
    frame.get_by_text("Open this page in a window of its own").wait_for()
    assert tool.visits == []
    with context.expect_page() as opened:
        frame.locator("#window").click()
    opened.value.get_by_text("let in: learner 5").wait_for()
    assert len(tool.visits) == 1


@pytest.mark.parametrize("third_parties", [True, False], ids=["their-cookies", "no-third-party-cookies"])
def test_over_https_a_frame_on_another_site_works(tmp_path: Path, browser: Browser, third_parties: bool) -> None:
    """There the cookie is kept for the site around it (`Partitioned`), also where no others are kept."""
    flags = [*FLAGS, *(() if third_parties else ("--test-third-party-cookie-phaseout",))]
    with running_tool(tmp_path, encrypted=True) as tool, FakePlatform(host="localhost") as lms:
        introduce(tool, lms)
        started = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
        context = started.new_context(ignore_https_errors=True)
        page = course(context, lms, "5")
        page.click("#frame")
        page.frame_locator("iframe").get_by_text("let in: learner 5").wait_for(timeout=10_000)
        [cookie] = context.cookies(tool.url)
        assert (cookie["name"], cookie["secure"], cookie["httpOnly"]) == ("__Host-grader_browser", True, True)
        started.close()


def test_an_assignment_is_placed(context: BrowserContext, lms: FakePlatform, tool: Tool) -> None:
    page = course(context, lms, "3")
    page.click("#place")
    page.get_by_text("Choose an assignment for this course").wait_for()
    page.click("#choose-2")
    page.locator("#placed").wait_for()  # the policy let the form go there
    assert page.locator("#placed").inner_text() == OFFERS[1].title
    assert len(lms.answers) == 1


def test_a_platform_registers_itself_in_a_window(context: BrowserContext, tool: Tool) -> None:
    with FakePlatform() as lms:
        page = context.new_page()
        page.goto(f"{lms.url}/course")
        page.evaluate(
            "() => { told = []; onmessage = event => { told.push([event.origin, event.data.subject]) } }"
        )
        address = lms.registration_address(tool.services.register_url(tool.services.platforms.invite()))
        with context.expect_page() as opened:
            page.evaluate("address => { window.open(address) }", address)
        window = opened.value
        window.click("#register")
        window.click("#close")
        page.wait_for_function("told.length")
        assert page.evaluate("told") == [[tool.url, "org.imsglobal.lti.close"]]
        assert len(tool.services.platforms.all()) == 1
