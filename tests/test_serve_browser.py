"""The whole way in a real browser: course, launch, upload, grading in the sandbox, feedback, gradebook.

`grader serve` runs in a process of its own; the learning system is `fake_platform`. Needs a Chromium of the
system's and the Python package playwright; without them it is skipped, and the summary of the tests says so.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_platform import FakePlatform
from small_class import make_root, notebook
from test_browser import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SHOTS = os.environ.get("GRADER_SCREENSHOTS", "")  # a folder to look at


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A fresh Chromium with a profile of its own."""
    if not CHROMIUM:
        pytest.skip(
            "NO BROWSER: the pages of grader serve were not tried in one; install chromium (and fonts-nanum)"
        )
    api = pytest.importorskip("playwright.sync_api", reason="NO BROWSER: the Python package playwright is missing")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@dataclass
class Serving:
    """A running `grader serve`, with a platform that knows it."""

    platform: FakePlatform
    url: str
    config: Path
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it listens."""
        command = [sys.executable, "-m", "grader.cli", "serve", "--config", str(self.config), "--dev-secret"]
        log = open(self.config.with_suffix(".log"), "a", encoding="utf-8")  # noqa: SIM115 (the process keeps it)
        self.process = subprocess.Popen(command, stdout=log, stderr=log, text=True, cwd=self.config.parent)
        log.close()
        until = time.monotonic() + 60
        while "listening on" not in self.log()[self._seen :]:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)
        self._seen = len(self.log())

    _seen: int = 0

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.process = None
        return code

    def log(self) -> str:
        return self.config.with_suffix(".log").read_text(encoding="utf-8")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


CONFIG = """
url: {url}
listen: 127.0.0.1:{port}
root: root
assignments: [small]
timezone: Asia/Seoul
jobs: 1
platforms:
  - {{issuer: "{p.issuer}", client_id: "{p.client_id}", login_url: "{p.login_url}", token_url: "{p.token_url}",
      keys_url: "{p.keys_url}", deployments: ["1"]}}
"""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("serve")
    make_root(folder / "root")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with FakePlatform() as platform:
        registered = platform.register(url)
        config = folder / "serve.yaml"
        config.write_text(CONFIG.format(url=url, port=port, p=registered), encoding="utf-8")
        one = Serving(platform, url, config)
        one.start()
        yield one
        if one.process is not None:
            assert one.stop() == 0, one.log()


@dataclass
class Opened:
    """A browser of somebody's, and all that happened in it which must not."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def person(browser: Browser, serving: Serving) -> Iterator[Callable[..., Page]]:
    """A launch of somebody's in a browser of their own, on the tool's page. At the end: no complaint of theirs."""
    opened = []

    def go(user: str, locale: str = "en", role: str | None = None, **options: Any) -> Page:
        one = Opened(
            browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": locale, **options})
        )
        opened.append(one)
        page = one.context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda told: page.url.startswith(serving.url) and one.complaints.append(told.text))
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (one.complaints.append(dialog.message), dialog.dismiss()))
        presentation = "https://purl.imsglobal.org/spec/lti/claim/launch_presentation"
        claims = {presentation: {"locale": locale, "return_url": f"{serving.platform.url}/course"}}
        claims["https://purl.imsglobal.org/spec/lti/claim/custom"] = {"assignment": "small"}
        page.goto(serving.platform.start_url(user, role=role, claims=claims))
        if not options.get("java_script_enabled", True):
            page.click("text=Go on")  # the platform's own form
        page.wait_for_url(f"{serving.url}/p/**")
        return page

    yield go
    complaints = [complaint for one in opened for complaint in one.complaints]
    for one in opened:
        one.context.close()
    assert not complaints


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def hand_in(page: Page, kind: str, tag: str = "") -> None:
    upload = {"name": f"{kind}.ipynb", "mimeType": "application/octet-stream", "buffer": notebook(kind, tag)}
    page.set_input_files("#notebook", files=[upload])
    page.click("form.upload button")
    page.wait_for_url("**/a/*")


def graded(page: Page) -> None:
    """The page follows by itself, without a reload of ours, until nothing can change any more."""
    page.wait_for_selector(".grade", timeout=40_000)
    page.wait_for_selector(".progress:not([data-state])", state="attached", timeout=40_000)


def save(page: Page) -> None:
    """The rules."""
    with page.expect_navigation():
        page.click("form.rules button")
    page.wait_for_selector(".saved")


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_learner_hands_in_reads_and_hands_in_again(person: Callable[..., Page], serving: Serving) -> None:
    learner = person("5")
    assert learner.inner_text("h1") == "Small"
    shot(learner, "home_empty")
    hand_in(learner, "sum", "a")
    shot(learner, "waiting")
    graded(learner)
    shot(learner, "graded")
    assert "60 of 100 points" in learner.inner_text(".grade")
    report = learner.frame_locator("iframe")
    assert "Attempt 1" in report.locator(".who").inner_text()
    assert report.locator("section.exercise").count() == 2
    grades = serving.platform.grades
    assert grades[serving.platform.lineitem, "5"] == 60
    assert "60 of 100 points" in serving.platform.comment("5")
    learner.click("text=← Your attempts")
    hand_in(learner, "right", "a")
    graded(learner)
    assert serving.platform.grades[serving.platform.lineitem, "5"] == 100
    learner.click("text=← Your attempts")
    assert "Attempt 2 counts: the best one." in learner.inner_text("main")
    shot(learner, "home")
    hand_in(learner, "sum", "b")
    learner.wait_for_selector(".grade")
    assert serving.platform.grades[serving.platform.lineitem, "5"] == 100, "the best one counts"


def test_an_instructor_sees_the_class_and_sets_the_rules(person: Callable[..., Page], serving: Serving) -> None:
    for user, kind in (("6", "uphill"), ("7", "syntax")):
        learner = person(user)
        hand_in(learner, kind, user)
        graded(learner)
    teacher = person("3")
    shot(teacher, "class")
    names = teacher.locator(".people-table tbody th").all_inner_texts()
    assert set(names) >= {serving.platform.users["6"]["name"], serving.platform.users["7"]["name"]}
    teacher.click("text=Ask the learning system")
    shot(teacher, "class_roster")
    assert serving.platform.users["8"]["name"] in teacher.inner_text("section:has(#missing)")
    assert serving.platform.users["6"]["name"] not in teacher.inner_text("section:has(#missing)")
    teacher.click(f"text={serving.platform.users['6']['name']}")
    shot(teacher, "person")
    teacher.click("tbody a")
    assert teacher.frame_locator("iframe").locator("h1").inner_text() == "Small"
    shot(teacher, "attempt_staff")
    teacher.click("nav >> text=Settings")
    teacher.fill("#attempts", "1")
    teacher.check("#latest")
    save(teacher)
    shot(teacher, "settings")
    learner = person("6")
    assert "All of your attempts are used: 1." in learner.inner_text("main")
    assert learner.locator("form").count() == 0
    teacher.fill("#attempts", "0")
    teacher.check("#best")
    save(teacher)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
@pytest.mark.parametrize("locale", ["ko", "en"])
def test_on_a_phone_in_both_languages(person: Callable[..., Page], locale: str, width: int, height: int) -> None:
    learner = person("9", locale, viewport={"width": width, "height": height}, role="student")
    assert learner.evaluate("document.documentElement.lang") == locale
    shot(learner, f"home_{locale}_{width}")
    hand_in(learner, "sum", f"{locale}{width}")
    graded(learner)
    shot(learner, f"graded_{locale}_{width}")
    assert learner.evaluate("document.documentElement.scrollWidth") <= width
    assert learner.is_visible("iframe") == (width > 640)
    learner.click(".trail a")
    assert learner.evaluate("document.documentElement.scrollWidth") <= width
    teacher = person("3", locale, viewport={"width": width, "height": height})
    for place in ("class", "settings"):
        teacher.goto(teacher.url.split("/p/")[0] + "/p/1/" + place)
        shot(teacher, f"{place}_{locale}_{width}")
        assert teacher.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_is_enough(person: Callable[..., Page]) -> None:
    learner = person("5")
    learner.keyboard.press("Tab")
    assert learner.evaluate("document.activeElement.className") == "skip"
    reached = []
    for _ in range(12):
        learner.keyboard.press("Tab")
        reached.append(learner.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert "notebook" in reached
    assert "Hand in" in reached
    learner.focus("form.upload button")
    assert learner.evaluate("getComputedStyle(document.activeElement).outlineStyle") in ("solid", "none", "auto")


def test_a_file_that_will_not_be_taken_is_told_before_it_is_sent(person: Callable[..., Page]) -> None:
    learner = person("5")
    big = {"name": "big.ipynb", "mimeType": "application/json", "buffer": b" " * (10 * 2**20 + 1)}
    learner.set_input_files("#notebook", files=[big])
    assert "larger than 10 MB" in learner.inner_text("#told")
    learner.set_input_files("#notebook", files=[{**big, "name": "my.pdf", "buffer": b"x"}])
    assert "ends in .ipynb or .py" in learner.inner_text("#told")
    before = learner.url
    learner.click("form.upload button")
    assert learner.url == before
    upload = {"name": "a.ipynb", "mimeType": "application/json", "buffer": b"{}"}
    learner.set_input_files("#notebook", files=[upload])
    assert learner.inner_text("#told") == ""


def test_without_javascript_the_page_loads_itself_anew(person: Callable[..., Page]) -> None:
    learner = person("10", role="student", java_script_enabled=False)
    hand_in(learner, "right", "no js")
    graded(learner)


def test_inside_the_frame_of_a_course(browser: Browser, serving: Serving) -> None:
    """The frame is of the same site here; what a browser does without cookies is the launch's affair."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{serving.platform.url}/frame?user=11")
    tool = page.frame_locator("iframe")
    tool.locator("h1").wait_for()
    assert tool.locator("form.upload").count() + tool.locator(".notice").count() >= 1
    shot(page, "in_a_frame")
    context.close()


def test_another_site_may_not_show_the_pages(browser: Browser, serving: Serving) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{serving.url}/p/1/"></iframe>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_timeout(500)
        server.shutdown()
        page.close()
    assert any("frame-ancestors" in text for text in said)


@pytest.mark.parametrize("guarded", [True, False])
def test_a_report_cannot_reach_the_page(
    browser: Browser, serving: Serving, person: Callable[..., Page], guarded: bool
) -> None:
    """Markup in a report, should an escape be missing: nothing of it runs. Without our headers it would."""
    learner = person("12", role="student")
    hand_in(learner, "right", "report")
    graded(learner)
    bad = "<script>document.title = 'ran'</script><img src=x onerror=\"document.title='ran'\">"

    def worse(route: Any) -> None:
        answer = route.fetch()
        headers = answer.headers if guarded else {"content-type": "text/html"}
        route.fulfill(response=answer, body=f"<!doctype html><title>x</title>{bad}", headers=headers)

    learner.route("**/feedback", worse)
    with learner.context.expect_page() as opening:
        learner.evaluate("window.open(document.querySelector('.report a').href)")
    alone = opening.value
    alone.route("**/feedback", worse)
    alone.goto(alone.url)
    alone.wait_for_timeout(300)
    assert alone.title() == ("x" if guarded else "ran")
    learner.unroute("**/feedback")


def test_a_kill_in_the_middle_of_a_grading(person: Callable[..., Page], serving: Serving) -> None:
    learner = person("13", role="student")
    hand_in(learner, "hangs", "killed")
    learner.wait_for_selector("text=Being graded now.")
    address = learner.url
    learner.goto("about:blank")
    serving.stop(signal.SIGKILL)
    serving.start()
    learner.goto(address)
    learner.wait_for_selector("text=60 of 100 points", timeout=90_000)
    key = serving.platform.lineitem, "13"
    wait_for(lambda: serving.platform.grades.get(key) == 60)
    assert serving.platform.count("/scores") >= 1


def test_sigterm_lets_what_is_being_graded_finish(person: Callable[..., Page], serving: Serving) -> None:
    learner = person("14", role="student")
    hand_in(learner, "hangs", "stopped")
    learner.wait_for_selector("text=Being graded now.")
    address = learner.url
    learner.goto("about:blank")
    assert serving.stop() == 0
    assert "Traceback" not in serving.log()
    serving.start()
    learner.goto(address)
    assert "60 of 100 points" in learner.inner_text(".grade"), "it was done before the process ended"
