"""The other commands as people type them: check, vet, bake, doctor, init, --help."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent / "submissions" / "distillation_tf"


def grader(*args: object, root: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "GRADER_SECRET": "", "LANGUAGE": "en", **env}
    if root is not None:
        settings["GRADER_ROOT"] = str(root)
    return subprocess.run(
        [sys.executable, "-m", "grader.cli", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=300,
        env=settings,
        check=False,
    )


@pytest.fixture
def learner_root(tmp_path: Path, root: Path) -> Path:
    """What a learner has: the assignment, and neither reference/, rubric.yaml nor a secret."""
    copy = tmp_path / "laptop"
    shutil.copytree(root / "assignments", copy / "assignments")
    return copy


def test_check_needs_only_what_a_learner_has_and_guesses_the_assignment(learner_root: Path) -> None:
    done = grader("check", SAMPLES / "right_broadcast" / "submission.ipynb", root=learner_root)
    assert done.returncode == 0, done.stderr
    assert "7 of 7 exercises are right on the public cases" in done.stdout


def test_check_names_the_mistake_in_the_chosen_language(learner_root: Path) -> None:
    notebook = SAMPLES / "at_no_abs" / "submission.ipynb"
    for lang, hint, known in (("en", "absolute value", "looks like"), ("ko", "절댓값", "짐작되는 원인")):
        done = grader("check", notebook, "-e", "attention_transfer", "--lang", lang, root=learner_root)
        assert done.returncode == 1
        assert hint in done.stdout
        assert known in done.stdout
        assert "knowledge_distillation:" not in done.stdout


def test_check_says_when_it_could_not_check(learner_root: Path, tmp_path: Path) -> None:
    truncated = SAMPLES / "truncated_file" / "submission.ipynb"
    other = tmp_path / "other.py"
    other.write_text("print('hello')\n")
    for args, told in (
        ((truncated,), "submission.ipynb"),
        ((truncated, "-a", "distillation_tf"), "cut off"),
        ((tmp_path / "absent.ipynb",), "absent.ipynb"),
        ((other,), "holds no exercise"),
        ((other, "-a", "nonsense"), "no such assignment"),
        ((other, "-a", "distillation_tf", "-e", "nonsense"), "no such exercise"),
    ):
        done = grader("check", *args, root=learner_root)
        assert done.returncode == 2, args
        assert told in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_check_without_stored_numbers_says_who_makes_them(learner_root: Path) -> None:
    stored = learner_root / "assignments" / "distillation_tf" / "public.npz"
    notebook = SAMPLES / "right_broadcast" / "submission.ipynb"
    spec = stored.with_name("spec.yaml")
    text = spec.read_text("utf-8")
    assert "low: -3, high: 3" in text
    spec.write_text(text.replace("low: -3, high: 3", "low: -3, high: 4", 1), "utf-8")
    stale = grader("check", notebook, "-a", "distillation_tf", root=learner_root)
    stored.unlink()
    missing = grader("check", notebook, "-a", "distillation_tf", root=learner_root)
    assert (stale.returncode, missing.returncode) == (2, 2)
    assert "out of date" in stale.stderr
    assert "grader bake" in missing.stderr


def test_the_stored_numbers_are_up_to_date(root: Path) -> None:
    assert grader("bake", "--check", root=root).returncode == 0


def test_bake_check_notices_a_changed_reference(tmp_path: Path, root: Path) -> None:
    copy = tmp_path / "root"
    for name in ("assignments", "reference"):
        shutil.copytree(root / name, copy / name)
    mistakes = copy / "reference" / "distillation_tf" / "mistakes.py"
    mistakes.write_text(mistakes.read_text("utf-8") + "\n# changed\n", "utf-8")
    done = grader("bake", "--check", "distillation_tf", root=copy)
    assert done.returncode == 1
    assert "out of date" in done.stdout


def test_init_makes_one_secret_that_others_cannot_read(learner_root: Path) -> None:
    assert grader("init", root=learner_root).returncode == 0
    secret = learner_root / ".grader" / "secret"
    first = secret.read_text()
    assert len(first.strip()) == 64
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    again = grader("init", root=learner_root)
    assert again.returncode == 0
    assert "already" in again.stdout
    assert secret.read_text() == first


def test_doctor_says_plainly_whether_a_bulk_run_is_protected() -> None:
    done = grader("doctor")
    assert done.returncode in (0, 1)
    assert ("UNPROTECTED" in done.stdout) == (done.returncode == 1)
    assert "seccomp" in done.stdout


@pytest.mark.parametrize("command", ["grade", "check", "vet", "bake", "doctor", "init", "cache"])
def test_every_help_shows_an_example(command: str) -> None:
    done = grader(command, "--help")
    assert done.returncode == 0
    assert f"grader {command}" in done.stdout.split("example")[1]


def test_usage_errors_end_with_2() -> None:
    assert grader().returncode == 2
    assert grader("grade").returncode == 2
    assert grader("grade", "x", "-a", "distillation_tf", "-o", "out", "-j", "0").returncode == 2


def test_a_missing_framework_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    from grader.sandbox import pool

    monkeypatch.setattr(pool.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(pool.NotInstalled, match=r"pip install 'grader\[tensorflow\]'"):
        pool.open_sandbox("tensorflow")
