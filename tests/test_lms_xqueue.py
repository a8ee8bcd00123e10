"""Open edX: the reply, the client that polls a queue, and both against the rules of the real queues."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_xqueue import PASSWORD, USER, EdxSubmissions, Entry, XQueue, served
from importers.xqueue import parses, set_score, update_score
from lms_class import KINDS
from packaged import environment, started, unpacked
from small_class import KINDS as ANSWERS
from small_class import SLUG, make_root, notebook
from stub_python import stub

from grader.lms import xqueue, xqueue_client, xqueue_work
from grader.lms.records import Mark, Refused
from grader.lms.xqueue_http import Declined, Queue, Submission, Trouble
from grader.lms.xqueue_work import Job, hand_in, maximum_of, plain

ROOT = Path(__file__).resolve().parent.parent


def body(mark: Mark) -> bytes:
    return xqueue.reply(mark).files["xqueue_body.json"]


# ---------------------------------------------------------------- the reply


def test_the_bytes_are_these() -> None:
    mark = replace(KINDS["partial"], parts=KINDS["partial"].parts[1:])
    assert body(mark).decode() == (
        '{"correct": false, "score": 0.725, "msg": "<pre>\\uc9c0\\uc2dd \\uc99d\\ub958 (Knowledge distillation): '
        '72.5 of 100 points\\n\\nQ: attention_transfer: 60 / 60. All checks passed.</pre>"}'
    )


def test_what_is_not_final_gets_no_reply() -> None:
    told = xqueue.reply(KINDS["not_final"])
    assert (told.files, told.stdout, told.exit_code) == ({}, b"", 3)


@pytest.mark.parametrize(("kind", "sign"), [("full", True), ("extra", True), ("partial", False), ("zero", False)])
def test_only_full_marks_are_correct(kind: str, sign: bool) -> None:
    assert json.loads(body(KINDS[kind]))["correct"] is sign


def test_no_control_character_gets_into_the_message() -> None:
    mark = replace(KINDS["full"], remarks=("a\x1b[31m\x00\x08\ufffeb",))
    assert json.loads(body(mark))["msg"].endswith("- a[31mb</pre>")
    update_score(body(mark).decode(), 1)


def test_a_very_long_message_is_cut_and_says_so() -> None:
    mark = replace(KINDS["long"], remarks=("word " * 30_000,))
    message = json.loads(body(mark))["msg"]
    assert len(message) < 100_100
    assert message.endswith("cut here: this system takes 100000 characters</pre>")


@pytest.mark.parametrize(
    ("maximum", "whole", "due"),
    [(100, False, 72.5), (100, True, 72), (1, False, 0.725), (1, True, 0), (8, False, 5.8)],
)
def test_a_score_is_put_on_the_scale_of_the_problem(maximum: float, whole: bool, due: float) -> None:
    made = xqueue.worth(body(KINDS["partial"]), maximum, whole=whole)
    assert json.loads(made)["score"] == pytest.approx(due)
    if whole:
        assert set_score(json.loads(made), int(maximum)) == due


def test_full_marks_stay_full_marks_in_whole_points() -> None:
    assert json.loads(xqueue.worth(body(KINDS["full"]), 7, whole=True))["score"] == 7


@pytest.mark.parametrize(
    "wrong",
    [b"", b"[]", b"{}", b'{"correct":1,"score":0.5,"msg":"<p/>"}', b'{"correct":true,"score":true,"msg":"<p/>"}',
     b'{"correct":true,"score":1.5,"msg":"<p/>"}', b'{"correct":true,"score":"1","msg":"<p/>"}',
     b'{"correct":true,"score":NaN,"msg":"<p/>"}', b'{"correct":true,"score":1,"msg":""}'],
)  # fmt: skip
def test_what_open_edx_would_misread_is_not_sent(wrong: bytes) -> None:
    with pytest.raises(Refused, match="no reply for an XQueue"):
        xqueue.worth(wrong, 1)


# ---------------------------------------------------------------- the model of the other side


@pytest.mark.parametrize(
    ("message", "good"),
    [("<p>a</p>", True), ("plain", True), ("<p>a</p><p>b</p>", True), ("a & b", True), ("a\x00b", True),
     ("a\x7fb", True), ("a\x0cb", True), ("<p>unclosed", True), ("", False),
     ("\x1b[31mred", False), ("<pre>\x08</pre>", False)],
)  # fmt: skip
def test_the_model_takes_what_the_real_parsers_take(message: str, good: bool) -> None:
    assert parses(message) is good


def test_the_model_finds_a_grade_above_the_maximum_and_a_wrong_sign() -> None:
    told = {"correct": False, "score": 72.5, "msg": "<p/>"}
    with pytest.raises(AssertionError, match="does not clip"):
        update_score(json.dumps(told), 1)
    with pytest.raises(AssertionError, match="sign"):
        update_score(json.dumps({**told, "correct": True}), 100)
    with pytest.raises(AssertionError, match="Invalid grader reply"):
        update_score(json.dumps({**told, "msg": ""}), 100)
    with pytest.raises(AssertionError, match="integer"):
        set_score(told, 100)


# ---------------------------------------------------------------- parts of the client


def given(**told: object) -> Submission:
    return replace(Submission("1", "{}", "", {}, ""), **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("payload", "maximum", "due"),
    [("", 10, 10), ('{"max_score": 5}', 10, 5), ('{"max_score": 2.5}', None, 2.5), ("hw1", 10, 10),
     ("[1]", 10, 10), ('{"grader": "hw1", "assignment": "small"}', 10, 10)],
)  # fmt: skip
def test_what_a_problem_is_worth(payload: str, maximum: float | None, due: float) -> None:
    assert maximum_of(given(payload=payload), Job(SLUG, maximum)) == due


@pytest.mark.parametrize(
    ("payload", "maximum", "why"),
    [("", None, "nobody says"), ('{"max_score": "10"}', 10, "no number"), ('{"max_score": 0}', 10, "no number"),
     ('{"max_score": true}', 10, "no number"), ('{"max_score": 10', 10, "no JSON"),
     ('{"assignment": "other"}', 10, "other"), ('{"max_score": NaN}', 10, "no number")],
)  # fmt: skip
def test_no_score_is_guessed(payload: str, maximum: float | None, why: str) -> None:
    with pytest.raises(Refused, match=why):
        maximum_of(given(payload=payload), Job(SLUG, maximum))


@pytest.mark.parametrize(
    ("name", "due"),
    [("hw1.ipynb", "hw1.ipynb"), ("../../etc/cron.d/x.ipynb", "x.ipynb"), ("C:\\a\\과제 1.ipynb", "과제 1.ipynb"),
     ("..", "submission"), ("", "submission"), (".bashrc", "bashrc"), ("a\x00b\nc.ipynb", "a_b_c.ipynb"),
     ("x" * 500 + ".ipynb", "x" * 80 + ".ipynb"), ("-rf", "-rf"), ("y" * 300, "y" * 80)],
)  # fmt: skip
def test_a_name_of_an_upload_is_a_name_only(name: str, due: str) -> None:
    assert plain(name) == due


def test_uploads_of_one_name_are_both_kept(tmp_path: Path) -> None:
    files = {"a/hw.ipynb": "1", "b/hw.ipynb": "2"}
    folder = hand_in(given(files=files), tmp_path / "s", lambda address: address.encode())
    assert sorted((path.name, path.read_text("utf-8")) for path in folder.iterdir()) == [
        ("1-hw.ipynb", "2"), ("hw.ipynb", "1"),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "name"), [('{"cells": []}', "submission.ipynb"), ("x = 1", "submission.py")])
def test_what_was_typed_in_is_a_file(text: str, name: str, tmp_path: Path) -> None:
    folder = hand_in(given(response=text), tmp_path / "s", bytes)
    assert [(path.name, path.read_text("utf-8")) for path in folder.iterdir()] == [(name, text)]


# ---------------------------------------------------------------- the calls


@pytest.fixture(params=[XQueue, EdxSubmissions], ids=["xqueue", "edx-submissions"])
def queue(request: pytest.FixtureRequest) -> Iterator[XQueue]:
    with served(request.param()) as queue:
        yield queue


def opened(queue: XQueue, **told: object) -> Queue:
    return Queue(queue.url, "hw1", USER, PASSWORD, **told)  # type: ignore[arg-type]


def test_a_submission_comes_and_its_result_goes(queue: XQueue) -> None:
    entry = queue.submit("", {"hw.ipynb": b"{}"}, points=100)
    client = opened(queue)
    taken = client.take()
    assert taken is not None
    assert [client.fetch(address) for address in taken.files.values()] == [b"{}"]
    assert client.take() is None  # it is in our hands
    client.put(taken, xqueue.worth(body(KINDS["partial"]), 100, whole=True))
    assert entry.recorded is not None
    assert entry.recorded.share == 0.72
    assert "72.5 of 100 points" in (entry.recorded.comment or "")
    assert entry.retired


def test_a_session_that_ran_out_is_opened_anew(queue: XQueue) -> None:
    entry = queue.submit("x = 1")
    client = opened(queue)
    taken = client.take()
    assert taken is not None
    queue.sessions.clear()
    client.put(
        taken, body(KINDS["full"]) if queue.login_page else xqueue.worth(body(KINDS["full"]), 1, whole=True)
    )
    assert entry.retired


def test_a_wrong_password_is_told(queue: XQueue) -> None:
    with pytest.raises(Refused, match="Incorrect login credentials"):
        Queue(queue.url, "hw1", USER, "wrong").take()


def test_a_queue_that_there_is_not_is_told() -> None:
    with served(XQueue()) as queue, pytest.raises(Refused, match="not found"):
        Queue(queue.url, "hw2", USER, PASSWORD).take()


def test_a_result_with_an_old_key_is_declined(queue: XQueue) -> None:
    entry = queue.submit("x = 1")
    client = opened(queue)
    taken = client.take()
    assert taken is not None
    entry.key = "of another grader"
    with pytest.raises(Declined, match="Incorrect key"):
        client.put(taken, body(KINDS["full"]))
    assert entry.recorded is None


def test_a_server_that_fails_or_is_not_there_is_trouble(queue: XQueue) -> None:
    queue.down = 9
    with pytest.raises(Trouble, match="500"):
        opened(queue).take()
    with pytest.raises(Trouble, match="refused"):
        Queue("http://127.0.0.1:9", "hw1", USER, PASSWORD).take()


def test_a_result_for_a_locked_row_is_put_again() -> None:
    with served(EdxSubmissions()) as queue:
        entry, client = queue.submit("x = 1"), opened(queue)
        taken = client.take()
        assert taken is not None
        queue.busy = 1
        full = xqueue.worth(body(KINDS["full"]), 1, whole=True)
        with pytest.raises(Trouble, match="being processed"):
            client.put(taken, full)
        client.put(taken, full)
        assert entry.retired


def test_uploads_come_from_the_queue_or_a_named_host_only(queue: XQueue) -> None:
    client = opened(queue)
    for address in ("http://169.254.169.254/latest/", "http://localhost:1/", "file:///etc/passwd", "ftp://x/y"):
        with pytest.raises(Refused, match="not fetched"):
            client.fetch(address)
    queue.uploads["/u"] = b"ours"
    port = queue.url.rpartition(":")[2]
    assert opened(queue, files_from=["localhost"]).fetch(f"http://localhost:{port}/u") == b"ours"


@pytest.mark.parametrize("address", ["", "xqueue.example.edu", "file:///tmp"])
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(Refused, match="no address"):
        Queue(address, "hw1", USER, PASSWORD)


def test_a_redirect_leads_to_no_other_host(queue: XQueue) -> None:
    client = opened(queue)
    port = queue.url.rpartition(":")[2]
    queue.uploads["/secret"] = b"of our network"
    queue.redirects = {"/near": f"{queue.url}/secret", "/away": f"http://localhost:{port}/secret"}
    assert client.fetch("/near") == b"of our network"
    with pytest.raises(Refused, match="not fetched"):
        client.fetch("/away")


# ---------------------------------------------------------------- the whole of it


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("root"))


class Client:
    """The program, as an operator starts it."""

    def __init__(self, queue: XQueue, root: Path, *more: str, secret: str = "--dev-secret") -> None:
        environment = {
            **os.environ,
            "GRADER_ROOT": str(root),
            "XQUEUE_PASSWORD": PASSWORD,
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "grader.lms.xqueue_client", "--url", queue.url, "--queue", "hw1",
                   "--user", USER, "-a", SLUG, "--options", f"{secret} -j 1", "--wait", "0.05", *more]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True,
                                        start_new_session=True)  # fmt: skip

    def end(self, seconds: float = 120) -> tuple[int, str]:
        _, told = self.process.communicate(timeout=seconds)
        return self.process.returncode, told


def share(entry: Entry) -> float | None:
    return entry.recorded.share if entry.recorded else None


def test_a_class_is_graded_from_the_queue(queue: XQueue, root: Path) -> None:
    entries = {
        kind: queue.submit("", {"../hw 1.ipynb": notebook(kind)}, points=10)
        for kind in ("right", "sum", "truncated")
    }
    typed = queue.submit(notebook("uphill").decode(), points=10)
    status, told = Client(queue, root, "--max", "10", "--whole-points", "--until-empty").end()
    assert status == 0, told
    assert {kind: share(entry) for kind, entry in entries.items()} == {
        kind: ANSWERS[kind].earned / 100 for kind in entries
    }
    assert share(typed) == 0.4
    assert PASSWORD not in told
    assert all(entry.pulls == 1 for entry in entries.values())


def test_what_cannot_be_graded_gets_no_result(root: Path) -> None:
    """A grader without its secret cannot begin; then one that is stopped before its end."""
    with served(XQueue(delay=0.0)) as queue:
        entry = queue.submit(notebook("right").decode())
        client = Client(queue, root, "--max", "1", "--seconds", "0.05")
        wait_for(lambda: entry.pulls > xqueue_client.MOST_TRIES)
        client.process.send_signal(signal.SIGTERM)
        status, told = client.end()
    assert status == 0
    assert entry.replies == []
    assert not entry.retired
    assert told.count("nothing is sent, the queue hands it out again") == xqueue_client.MOST_TRIES
    assert "left alone" in told


def test_a_grader_that_cannot_begin_puts_nothing(queue: XQueue, root: Path) -> None:
    entry = queue.submit(notebook("right").decode())
    status, told = Client(queue, root, "--max", "1", "--until-empty", secret="--no-such-option").end()
    assert status == 0
    assert entry.replies == []
    assert "exit status 2" in told


@pytest.mark.parametrize("from_the_keyboard", [False, True])
def test_a_signal_lets_the_one_in_hand_come_to_its_end(from_the_keyboard: bool, root: Path) -> None:
    """Ctrl-C goes to all processes of a terminal's group."""
    with served(XQueue()) as queue:
        first, second = (queue.submit(notebook(kind).decode()) for kind in ("right", "sum"))
        client = Client(queue, root, "--max", "1")
        wait_for(lambda: first.pulls == 1)
        threading.Event().wait(0.3)  # until the grader has begun
        if from_the_keyboard:
            os.killpg(client.process.pid, signal.SIGINT)
        else:
            client.process.send_signal(signal.SIGTERM)
        status, told = client.end()
    assert status == 0, told
    assert share(first) == 1.0
    assert second.pulls == 0


def test_a_result_is_put_again_after_trouble(root: Path) -> None:
    with served(XQueue()) as queue:
        queue.lose_answers = 1
        entry = queue.submit(notebook("right").decode())
        status, told = Client(queue, root, "--max", "1", "--until-empty").end()
    assert status == 0, told
    assert share(entry) == 1.0
    assert len(entry.replies) == 2


def test_a_fraction_that_edx_submissions_loses_is_noticed(root: Path) -> None:
    with served(EdxSubmissions()) as queue:
        entry = queue.submit(notebook("sum").decode(), points=1)
        status, told = Client(queue, root, "--max", "1", "--until-empty").end()
    assert status == 0
    assert entry.recorded is None
    assert "--whole-points" in told


GOOD = '{"correct": true, "score": 1, "msg": "<p/>"}'


@pytest.mark.parametrize(
    ("status", "name", "due"), [(0, xqueue.FILE, GOOD), (3, xqueue.FILE, None), (0, "", None)]
)
def test_only_a_final_reply_counts(
    status: int, name: str, due: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier reply may lie there when grading comes to no end."""
    monkeypatch.setenv("XQUEUE_PASSWORD", "s3cret")
    monkeypatch.setattr(xqueue_work.sys, "executable", str(stub(tmp_path, status, name, GOOD)))
    made = xqueue_work.judged(tmp_path, tmp_path, Job(SLUG))
    assert made == (due.encode() if due else None)
    seen = (tmp_path / "seen").read_text("utf-8")
    assert "PATH=" in seen
    assert "s3cret" not in seen


@pytest.mark.parametrize("status", [1, 2, 137])
def test_another_end_of_the_grader_is_told(status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xqueue_work.sys, "executable", str(stub(tmp_path, status, xqueue.FILE, GOOD)))
    with pytest.raises(Refused, match=f"exit status {status}"):
        xqueue_work.judged(tmp_path, tmp_path, Job(SLUG))


@pytest.mark.parametrize("missing", ["XQUEUE_PASSWORD"])
def test_without_a_password_it_does_not_begin(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(missing, raising=False)
    words = ["--url", "http://x", "--queue", "q", "--user", "u", "-a", SLUG]
    assert xqueue_client.main(words) == 2


def wait_for(true: object, seconds: float = 60) -> None:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        threading.Event().wait(0.02)


# ---------------------------------------------------------------- the package, on a machine of one's own


def test_the_package_watches_a_queue(tmp_path: Path) -> None:
    folder = unpacked("xqueue", tmp_path / "grader")
    with served(XQueue()) as queue:
        entries = [queue.submit(notebook(kind).decode(), points=100, payload=payload_of(folder)) for kind in
                   ("right", "sum")]  # fmt: skip
        named = {"XQUEUE_URL": queue.url, "XQUEUE_QUEUE": "hw1", "XQUEUE_USER": USER, "XQUEUE_PASSWORD": PASSWORD}
        ended = started(["bash", str(folder / "watch.sh"), "--until-empty"], Path("/"), {**environment(), **named})
    assert ended.returncode == 0, ended.stderr.decode()
    assert [share(entry) for entry in entries] == [1.0, 0.6]


def payload_of(folder: Path) -> str:
    """What the problem in the package sends along."""
    told = ET.parse(folder / "problem.xml").getroot().findtext("coderesponse/codeparam/grader_payload")
    assert told is not None
    return told


def test_the_problem_and_the_settings_say_the_same_points(tmp_path: Path) -> None:
    folder = unpacked("xqueue", tmp_path)
    field = ET.parse(folder / "problem.xml").getroot().find("coderesponse/filesubmission")
    assert field is not None
    assert field.get("points") == "100"
    assert json.loads(payload_of(folder))["max_score"] == 100
    assert "\nXQUEUE_MAX=100\n" in (folder / "xqueue.env").read_text("utf-8")


@pytest.mark.parametrize("missing", ["XQUEUE_URL", "XQUEUE_PASSWORD"])
def test_the_package_says_what_is_not_set(missing: str, tmp_path: Path) -> None:
    folder = unpacked("xqueue", tmp_path)
    named = dict.fromkeys(("XQUEUE_URL", "XQUEUE_QUEUE", "XQUEUE_USER", "XQUEUE_PASSWORD"), "x") | {missing: ""}
    ended = started(["bash", str(folder / "watch.sh")], Path("/"), {**environment(), **named})
    assert ended.returncode == 2
    assert ended.stderr.decode() == f"watch.sh: {missing} is not set\n"
