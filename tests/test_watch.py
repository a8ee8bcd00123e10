"""`grader watch`: every save that changes the code is seen, once, however an editor writes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from small_class import notebook

from grader.learner.watch import saves


def scripted(path: Path, *steps: Callable[[], object]) -> list[bytes]:
    """What `saves` yields while these things happen, each between two looks at the file, then a long calm."""
    left = [*steps, *[lambda: None] * 6]

    def sleep(_seconds: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    seen: list[bytes] = []
    found: Iterator[bytes] = saves(path, sleep)
    with contextlib.suppress(KeyboardInterrupt):
        for content in found:
            seen.append(content)
    return seen


def calm() -> None:
    """Nothing happens."""


def test_the_first_look_and_every_change_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "my.ipynb"
    path.write_bytes(notebook("sum"))
    seen = scripted(path, calm, lambda: path.write_bytes(notebook("right")), calm, calm, calm)
    assert seen == [notebook("sum"), notebook("right")]


def test_a_save_without_a_change_of_code_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "my.ipynb"
    path.write_bytes(notebook("right"))
    told = json.loads(notebook("right"))
    told["cells"].append({"cell_type": "markdown", "metadata": {}, "id": "m", "source": "a thought"})
    assert len(scripted(path, calm, lambda: path.write_text(json.dumps(told), "utf-8"), calm, calm)) == 1


def test_a_file_that_is_written_in_steps_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "my.ipynb"
    path.write_bytes(notebook("sum"))
    whole = notebook("right")
    steps = [
        lambda: path.write_bytes(whole[:50]),
        lambda: path.write_bytes(whole[:200]),
        lambda: path.write_bytes(whole),
    ]
    assert scripted(path, calm, *steps, calm, calm) == [notebook("sum"), whole]


def test_editors_that_put_a_new_file_in_its_place_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "my.ipynb"
    path.write_bytes(notebook("sum"))

    def replaced() -> None:
        (tmp_path / "new").write_bytes(notebook("right"))
        os.replace(tmp_path / "new", path)

    assert len(scripted(path, calm, path.unlink, calm, calm, replaced, calm, calm)) == 2


def test_a_file_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "my.ipynb"
    path.write_bytes(notebook("right"))
    seen = scripted(path, calm, lambda: path.write_bytes(b"{"), calm, calm, lambda: path.write_bytes(b"{"), calm)
    assert seen == [notebook("right"), b"{"]


def test_the_command_answers_each_save_and_ends_with_ctrl_c(tmp_path: Path, small_root: Path) -> None:
    path = tmp_path / "my.ipynb"
    path.write_bytes(notebook("sum"))
    process = subprocess.Popen(
        [sys.executable, "-m", "grader.cli", "watch", str(path), "--lang", "en"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "GRADER_ROOT": str(small_root)},
    )  # fmt: skip
    assert process.stdout is not None
    giving_up = threading.Timer(120, process.kill)
    giving_up.start()

    def until_checked() -> str:
        lines = []
        for line in process.stdout or ():
            lines.append(line)
            if "was checked in" in line:
                return "".join(lines)
        raise AssertionError("".join(lines))

    try:
        assert "✗ squared_error" in until_checked()
        path.write_bytes(notebook("right"))
        assert "2 of 2 exercises are right" in until_checked()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        giving_up.cancel()
        process.kill()
        process.stdout.close()
        process.wait()
