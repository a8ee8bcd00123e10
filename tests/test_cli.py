"""The other commands as people type them: check, vet, bake, doctor, init, --help."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import small_class

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


@pytest.fixture
def small_laptop(tmp_path: Path, small_root: Path) -> Path:
    """The same with the small assignment, which needs no framework."""
    copy = tmp_path / "small"
    shutil.copytree(small_root / "assignments", copy / "assignments")
    return copy


def handed_in(path: Path, kind: str) -> Path:
    path.write_bytes(small_class.notebook(kind))
    return path


def test_check_needs_only_what_a_learner_has_and_guesses_the_assignment(learner_root: Path) -> None:
    done = grader("check", SAMPLES / "right_broadcast" / "submission.ipynb", root=learner_root)
    assert done.returncode == 0, done.stderr
    assert "7 of 7 exercises are right on the public cases" in done.stdout


def test_check_names_the_mistake_in_the_chosen_language(small_laptop: Path, tmp_path: Path) -> None:
    notebook = handed_in(tmp_path / "uphill.ipynb", "uphill")
    for lang, hint, known in (("en", "uphill", "Likely cause"), ("ko", "부호", "짐작되는 원인")):
        done = grader("check", notebook, "-e", "train_step", "--lang", lang, root=small_laptop)
        assert done.returncode == 1
        assert hint in done.stdout
        assert known in done.stdout
        assert "squared_error:" not in done.stdout


def test_check_says_when_it_could_not_check(learner_root: Path, small_laptop: Path, tmp_path: Path) -> None:
    truncated = handed_in(tmp_path / "truncated.ipynb", "truncated")
    other = tmp_path / "other.py"
    other.write_text("print('hello')\n")
    for root, args, told in (
        (learner_root, (truncated,), "truncated.ipynb"),
        (small_laptop, (truncated, "-a", small_class.SLUG), "cut off"),
        (learner_root, (tmp_path / "absent.ipynb",), "absent.ipynb"),
        (learner_root, (other,), "holds no exercise"),
        (learner_root, (other, "-a", "nonsense"), "no such assignment"),
        (small_laptop, (other, "-a", small_class.SLUG, "-e", "nonsense"), "no such exercise"),
    ):
        done = grader("check", *args, root=root)
        assert done.returncode == 2, args
        assert told in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_check_without_stored_numbers_says_who_makes_them(small_laptop: Path, tmp_path: Path) -> None:
    stored = small_laptop / "assignments" / small_class.SLUG / "public.npz"
    notebook = handed_in(tmp_path / "right.ipynb", "right")
    spec = stored.with_name("spec.yaml")
    text = spec.read_text("utf-8")
    assert "p: {normal: [8, 3]}" in text
    assert grader("check", notebook, "-a", small_class.SLUG, root=small_laptop).returncode == 0
    spec.write_text(text.replace("p: {normal: [8, 3]}", "p: {normal: [8, 3], scale: 2}", 1), "utf-8")
    stale = grader("check", notebook, "-a", small_class.SLUG, root=small_laptop)
    stored.unlink()
    missing = grader("check", notebook, "-a", small_class.SLUG, root=small_laptop)
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
