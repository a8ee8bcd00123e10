"""The whole server: its configuration, what machines ask it, pages for trouble; no names among the numbers."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_platform import FakePlatform
from serve_made import LMS, SLUG, URL, Made, Shop, database, made, notebook
from sqlalchemy import event
from test_serve_security import upload

from grader.cli import main
from grader.serve.queue import Offered
from grader.serve.server import open_server, open_services
from grader.serve.settings import DATABASE, Limits, Settings, read_settings
from grader.types import FriendlyError
from grader.yamlfile import ConfigError

LEAST = "url: https://grader.example.edu\nroot: .\nassignments: [small]\n"


@pytest.fixture
def of(tmp_path: Path) -> Iterator[Made]:
    with database(f"sqlite:///{tmp_path / 'serve.sqlite'}") as engine:
        yield made(engine, tmp_path)


def settings(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "serve.yaml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, environ)


# ---------------------------------------------------------------- serve.yaml


def test_the_least_configuration(tmp_path: Path) -> None:
    found = settings(tmp_path, LEAST)
    assert (found.url, found.root, found.assignments) == ("https://grader.example.edu", tmp_path, ("small",))
    assert found.database == f"sqlite:///{tmp_path / 'serve.sqlite'}"
    assert (found.host, found.port, found.secure) == ("127.0.0.1", 8080, True)
    assert found.limits == Limits()


def test_a_full_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    found = settings(
        tmp_path,
        LEAST + "listen: '[::1]:9000'\ndatabase: sqlite:///data/x.sqlite\nsecret: key\njobs: 3\ntrain: false\n"
        "execute: true\ndevice: cpu\ndata: key\ntimezone: Asia/Seoul\nframes: [https://school.example.edu]\n"
        "limits: {upload_mb: 5, uploads_per_minute: 3, waiting: 1, session_hours: 1.5, tries: 2}\n"
        "platforms:\n  - {issuer: i, client_id: c, login_url: l, token_url: t, keys_url: k,\n"
        "     deployments: ['1', '2']}\n",
    )
    assert (found.host, found.port) == ("::1", 9000)
    assert found.database == f"sqlite:///{tmp_path / 'data/x.sqlite'}"
    assert (found.secret, found.jobs, found.train, found.execute) == (tmp_path / "key", 3, False, True)
    assert found.limits == Limits(5, 3, 1, 1.5, 2)
    ((platform, deployments),) = found.platforms
    assert (platform.issuer, platform.keys_url, deployments) == ("i", "k", ("1", "2"))


def test_a_database_in_the_environment_wins(tmp_path: Path) -> None:
    url = "postgresql+psycopg://user:secret@host/name"
    assert settings(tmp_path, LEAST + "database: nonsense\n", **{DATABASE: url}).database == url


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("urll: x\n", "urll: unknown key; did you mean 'url'?"),
        ("limits: {upload: 3}\n", "limits.upload: unknown key; did you mean 'upload_mb'?"),
        ("limits: {upload_mb: 0}\n", "limits.upload_mb: must be a whole number"),
        ("limits: {session_hours: 0}\n", "limits.session_hours: must be"),
        ("listen: 8080\n", "listen: must be text"),
        ("listen: '8080'\n", "listen: must be ADDRESS:PORT"),
        ("listen: x:99999\n", "listen: must be ADDRESS:PORT"),
        ("database: serve.sqlite\n", "database: must be a URL"),
        ("secret: no-such-file\n", "secret: "),
        ("timezone: Seoul\n", "timezone: there is no time zone 'Seoul'"),
        ("timezone: ../../etc/passwd\n", "timezone: there is no time zone"),
        ("device: tpu\n", "device: unknown 'tpu'"),
        ("jobs: many\n", "jobs: must be a whole number"),
        ("train: 'no'\n", "train: must be true or false"),
        ("frames: ['https://a.example/path']\n", "frames[0]: must be a site"),
        ('frames: ["https://a.example; script-src *"]\n', "frames[0]: "),
        ("frames: ['*']\n", "frames[0]: must be a site"),
        ("platforms: [{issuer: x}]\n", "platforms[0]: the key 'client_id' is missing"),
        ("platforms: [{issuer: x, client: y}]\n", "platforms[0].client: unknown key"),
    ],
)
def test_every_fault_is_told_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(place)):
        settings(tmp_path, LEAST + text)


@pytest.mark.parametrize(
    "url",
    [
        "http://grader.example.edu",
        "https://grader.example.edu/tools",
        "https://u:p@grader.example.edu",
        "grader",
        "ftp://x",
    ],
)
def test_addresses_that_will_not_do(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="url: must"):
        settings(tmp_path, LEAST.replace("https://grader.example.edu", url))


def test_all_faults_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as wrong:
        settings(tmp_path, "url: x\nassignments: []\nsecret: y\nz: 1\n")
    assert len(wrong.value.faults) == 5


# ---------------------------------------------------------------- the command


def test_a_configuration_that_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--config", str(tmp_path / "serve.yaml")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_an_invitation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "serve.yaml"
    path.write_text(LEAST, encoding="utf-8")
    assert main(["serve", "--config", str(path), "--invite"]) == 0
    told = capsys.readouterr()
    assert re.fullmatch(r"https://grader\.example\.edu/lti/register/[\w-]{30,}\n", told.out)
    assert "works once" in told.err


def test_the_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        services = open_services(settings(tmp_path, LEAST + "database: sqlite:///new/serve.sqlite\n"))
    finally:
        os.umask(before)
    services.engine.dispose()
    for path in (tmp_path / "new").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://u:hidden@127.0.0.1:1/x", "nonsense+driver://x", "sqlite:////proc/no/such.sqlite"]
)
def test_a_database_that_cannot_be_opened_is_told_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises((FriendlyError, OSError)) as wrong:
        open_services(settings(tmp_path, LEAST, **{DATABASE: url}))
    assert "hidden" not in str(wrong.value)


def test_a_platform_that_cannot_be_is_told(tmp_path: Path) -> None:
    told = "issuer: i, client_id: c, login_url: 'http://x.example', token_url: t, keys_url: k, deployments: ['1']"
    bad = f"platforms: [{{{told}}}]\n"
    with pytest.raises(FriendlyError, match="http://x"):
        open_services(settings(tmp_path, LEAST + bad))


# ---------------------------------------------------------------- for machines


def test_health(of: Made) -> None:
    client = of.app.test_client()
    assert client.get("/healthz").text == "ok\n"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (200, {"grading": True, "sending": True, "database": True})


def test_a_database_that_does_not_answer_is_not_ready(of: Made) -> None:
    from sqlalchemy.exc import OperationalError

    def broken(*_: object) -> None:
        raise OperationalError("select 1", {}, Exception("gone"))

    event.listen(of.engine, "before_cursor_execute", broken)
    answer = of.app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, False)  # type: ignore[index]
    assert of.app.test_client().get("/healthz").status_code == 200
    object.__setattr__(of.desk, "sites", broken)
    assert of.app.test_client().get("/healthz").status_code == 200, "the headers ask the database too"
    client = of.app.test_client()
    client.set_cookie("__Host-grader-1", "x", domain="grader.example.edu")
    page = client.get("/p/1/", base_url=URL)
    assert page.status_code == 500
    assert "Something went wrong on our side." in page.text
    assert "gone" not in page.text
    event.remove(of.engine, "before_cursor_execute", broken)


def test_threads_that_died_are_not_ready(of: Made) -> None:
    from grader.serve.app import create_app

    app = create_app(of.desk, None, {"grading": lambda: False, "sending": lambda: True})
    assert app.test_client().get("/readyz").status_code == 503


def test_metrics_hold_numbers_and_no_names(of: Made) -> None:
    client, placement = of.client("user-777", name="Grace Hopper", title="Secret title")
    answer = upload(client, placement, notebook(70), "grace.ipynb")
    of.grade()
    upload(client, placement, notebook(None), "other.ipynb")
    client.get(answer.headers["Location"], base_url=URL)
    client.get("/p/1/a/Grace", base_url=URL)
    text = client.get("/metrics").text
    for line in ('grader_jobs{state="waiting"} 1', 'grader_jobs{state="done"} 1', "grader_submissions 2",
                 'grader_scores{state="waiting"} 1', "grader_results 1", "grader_grading_seconds 1.5",
                 'grader_http_answers_total{endpoint="pages.submit",status="303"} 2'):  # fmt: skip
        assert line in text.splitlines(), line
    submission = answer.headers["Location"].rpartition("/")[2]
    for name in ("Grace", "Hopper", "777", "Secret", "grace", "lms.example", "course", "small", submission):
        assert name not in text, name
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) grader_\w+ .+|grader_\w+(\{(\w+="[\w.]+",?)+\})? [\d.e+]+', line), line


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_metrics_are_not_for_who_comes_through_the_proxy(of: Made, header: str) -> None:
    assert of.app.test_client().get("/metrics", headers={header: "203.0.113.5"}).status_code == 404


# ---------------------------------------------------------------- pages for trouble


@pytest.mark.parametrize(("path", "status"), [("/", 404), ("/p/x/", 404), ("/p/1/", 404), ("/lti/launch", 405)])
def test_trouble_has_a_page_in_both_languages(of: Made, path: str, status: int) -> None:
    for lang, words in (("en", "That did not work"), ("ko", "처리하지 못했습니다")):
        answer = of.app.test_client().get(path, headers={"Accept-Language": lang}, base_url=URL)
        assert answer.status_code == status
        assert f"<h1>{words}</h1>" in answer.text
        assert answer.headers["Content-Security-Policy"]


def test_a_fault_of_ours_tells_nobody_its_details(of: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    import grader.serve.pages as module

    client, placement = of.client()
    monkeypatch.setattr(module, "attempts_of", lambda *_: 1 / 0)
    answer = client.get(f"/p/{placement}/", base_url=URL)
    assert answer.status_code == 500
    assert "division" not in answer.text
    assert "Traceback" not in answer.text


def test_static_files(of: Made) -> None:
    client = of.app.test_client()
    page = client.get("/", base_url=URL).text
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["Cache-Control"]
    for path in ("/static/home.html", "/static/../app.py", "/static/%2e%2e/app.py", "/static/nothing.css"):
        assert client.get(path).status_code == 404, path


def test_nothing_is_fetched_from_elsewhere() -> None:
    import grader.serve

    folder = Path(grader.serve.__file__).parent / "html"
    for path in (*folder.glob("*.css"), *folder.glob("*.js")):
        assert not re.search(r"https?://|url\(|@import|eval\(|innerHTML", path.read_text("utf-8")), path.name


# ---------------------------------------------------------------- all together, with a platform


def test_a_launch_to_a_grade_through_the_real_protocol(tmp_path: Path) -> None:
    """Without a browser: the platform's own flow, an upload, and the score in its gradebook."""
    import io
    import threading
    import time

    import requests
    from waitress.server import create_server

    found = settings(tmp_path, LEAST.replace("https://grader.example.edu", "http://127.0.0.1:8080"))
    with FakePlatform() as platform:
        listening = create_server(lambda *_: [], host="127.0.0.1", port=0, clear_untrusted_proxy_headers=True)
        url = f"http://127.0.0.1:{listening.effective_port}"
        object.__setattr__(found, "url", url)
        object.__setattr__(found, "platforms", ((platform.register(url), ("1",)),))
        services = open_services(found)
        offers = {SLUG: Offered(SLUG, {"en": "Small", "ko": "작은"}, 100.0, Shop())}
        with open_server(found, services, offers, 1) as server:
            listening.application = server.app
            threading.Thread(target=listening.run, daemon=True).start()
            browser = requests.Session()
            custom = {"https://purl.imsglobal.org/spec/lti/claim/custom": {"assignment": SLUG}}
            home = platform.launch("5", url, session=browser, claims=custom)
            assert home.status_code == 200
            csrf = re.search(r'name="csrf" value="([^"]+)"', home.text)
            assert csrf
            file = {"notebook": ("a.ipynb", io.BytesIO(notebook(72.5)))}
            sent = browser.post(home.url + "hand-in", data={"csrf": csrf[1]}, files=file, timeout=20)
            assert sent.status_code == 200
            until = time.monotonic() + 20
            while platform.grades.get((platform.lineitem, "5")) != 72.5:
                assert time.monotonic() < until
                time.sleep(0.05)
            assert "72.5 of 100 points" in platform.comment("5")
            assert LMS.issuer not in browser.get(home.url, timeout=20).headers["Content-Security-Policy"]
            ready = browser.get(url + "/readyz", timeout=20)
            assert ready.json() == {"grading": True, "sending": True, "database": True}
            listening.close()
        services.engine.dispose()
