"""grader.learner.kit: a kit is enough to check with, and holds no answer; an old one says what to do."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_class import SLUG, notebook

from grader.cli import main
from grader.commands import MEND, OK, USAGE
from grader.context import DEVELOPMENT_SECRET
from grader.learner import kit
from grader.spec import ConfigError, list_assignments, load_assignment

ROOT = Path(__file__).resolve().parent.parent
SLUGS = list_assignments(ROOT)
# The loss of a student without a teacher: given in the notebook, and what the training pass compares with.
GIVEN = "return tf.keras.losses.categorical_crossentropy(y_true, y_pred)"
SECRET = b"a secret of thirty-two letters.."


def files_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def lines_of_answers(slug: str) -> set[str]:
    """Every statement inside a function of the reference that a learner could copy."""
    found: set[str] = set()
    for path in sorted((ROOT / "reference" / slug).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                found |= {ast.unparse(part) for part in node.body if isinstance(part, ast.Return | ast.Assign)}
    return {line for line in found if len(line) > 24}


@pytest.mark.parametrize("slug", SLUGS)
def test_a_kit_holds_no_answer_no_hidden_case_and_no_secret(slug: str) -> None:
    folder = ROOT / "assignments" / slug
    files = files_of(kit.build(folder, 2, SECRET, {}))
    assert not [name for name in files if "reference" in name or "solution" in name or "mistakes" in name]
    handed_out = "\n".join(  # what the notebook, the probes and so on show anyway
        path.read_text("utf-8", "replace")
        for path in folder.iterdir()
        if path.suffix in (".py", ".ipynb", ".yaml")
    )
    answers = {line for line in lines_of_answers(slug) if line not in handed_out}
    assert len(answers) > 20  # or this would prove nothing
    for name, content in files.items():
        text = content.decode("utf-8", "replace")
        assert not [line for line in answers if line in text], name
        assert SECRET.decode() not in text
        assert SECRET.hex() not in text
    hidden = {
        f"{exercise.name}/{case.name}"
        for exercise in load_assignment(folder).exercises.values()
        for case in exercise.cases
        if not case.public
    }
    with np.load(io.BytesIO(files[f"{slug}/assignments/{slug}/public.npz"]), allow_pickle=False) as stored:
        table = json.loads(stored["meta"].tobytes())["table"]
    assert table
    assert hidden
    assert not {row[0] for row in table} & hidden


def test_the_search_for_answers_bites(tmp_path: Path, small_root: Path) -> None:
    """The same search finds an answer where somebody puts one."""
    answer = sorted(lines_of_answers("distillation_tf"))[0]
    assert answer in f"x = 1\n{answer}\n"
    files = files_of(kit.build(small_root / "assignments" / SLUG, 2, SECRET, {}))
    assert not any(answer in content.decode("utf-8", "replace") for content in files.values())


def test_the_wheel_holds_no_assignment_and_no_reference(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "-w", str(tmp_path), str(ROOT)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    files = files_of(wheel.read_bytes())
    assert "grader/cli.py" in files
    assert "grader/locale/ko/grader.po" in files
    assert not [name for name in files if not re.match(r"grader/|grader-[\d.]+\.dist-info/", name)]
    answers = {line for slug in SLUGS for line in lines_of_answers(slug)} - {GIVEN}
    shared = "\n".join(path.read_text("utf-8") for path in (ROOT / "grader" / "loops").glob("*.py"))
    found = {
        (name, line)
        for name, content in files.items()
        for line in answers
        if line not in shared and line in content.decode("utf-8", "replace")
    }
    assert not found


def test_a_kit_is_enough_to_check_with(tmp_path: Path, small_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_ROOT", str(small_root))
    assert main(["kit", SLUG, "-o", str(tmp_path / "kit.zip"), "--dev-secret"]) == OK
    zipfile.ZipFile(tmp_path / "kit.zip").extractall(tmp_path)
    monkeypatch.delenv("GRADER_ROOT")
    monkeypatch.chdir(tmp_path / SLUG)
    (tmp_path / SLUG / "mine.ipynb").write_bytes(notebook("right"))
    assert main(["check", "mine.ipynb", "--receipt", "receipt.json"]) == OK
    (tmp_path / SLUG / "mine.ipynb").write_bytes(notebook("sum"))
    assert main(["check", "mine.ipynb"]) == MEND
    assert main(["check", f"{SLUG}.ipynb", "-e", "Q1"]) == MEND  # as it is handed out
    assert main(["check", "mine.ipynb", "-e", "Q2"]) == OK
    assert main(["check", "mine.ipynb", "-e", "Q9"]) == USAGE


def test_the_same_files_make_the_same_bytes(small_root: Path) -> None:
    folder = small_root / "assignments" / SLUG
    assert kit.build(folder, 2, SECRET, {}) == kit.build(folder, 2, SECRET, {})
    assert kit.build(folder, 2, SECRET, {}) != kit.build(folder, 2, b"another", {})


def test_the_readme_speaks_both_languages(small_root: Path) -> None:
    text = kit.readme(load_assignment(ROOT / "assignments" / "distillation_tf"))
    assert 'pip install "grader[tensorflow]"' in text
    assert "Keep the names" in text
    assert "바꾸지" in text


def test_a_folder_that_cannot_be_checked_is_refused(tmp_path: Path, small_root: Path) -> None:
    import shutil

    folder = tmp_path / SLUG
    shutil.copytree(small_root / "assignments" / SLUG, folder)
    (folder / "public.npz").unlink()
    with pytest.raises(ConfigError, match=r"no public\.npz"):
        kit.build(folder, 2, SECRET, {})


def made_with(**other: str) -> kit.Kit:
    assignment = load_assignment(ROOT / "assignments" / "distillation_tf")
    own = kit.Kit(assignment.slug, assignment.version, assignment.digest, kit.grader.__version__, 2, "00")
    return replace(own, **other)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, ""),
        ({"grader": "99.0.0"}, "pip install --upgrade grader"),
        ({"grader": "0.0.1"}, "older grader"),
        ({"version": "0"}, "get the newer one"),
        ({"digest": "0"}, "unpack the kit anew"),
    ],
)
def test_a_kit_of_another_time_says_what_to_do(other: dict[str, str], told: str) -> None:
    assignment = load_assignment(ROOT / "assignments" / "distillation_tf")
    said = kit.outdated(made_with(**other), assignment, "en")
    assert told in said
    assert bool(said) == bool(told)
    assert (kit.outdated(made_with(**other), assignment, "ko") != said) == bool(told)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"slug": "x"}', "\udcff"])
def test_a_damaged_kit_is_said(content: str, tmp_path: Path) -> None:
    (tmp_path / "kit.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(kit.NoKit, match="anew"):
        kit.read(tmp_path)
    assert kit.read(tmp_path / "nothing") is None


def test_the_development_secret_is_asked_for(
    tmp_path: Path, small_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_ROOT", str(small_root))
    monkeypatch.delenv("GRADER_SECRET", raising=False)
    assert DEVELOPMENT_SECRET
    assert main(["kit", SLUG, "-o", str(tmp_path / "kit.zip")]) == USAGE
    assert not (tmp_path / "kit.zip").exists()
