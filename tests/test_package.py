"""`grader package`: what is in the zip, that it grades, and that no submission reads the answers in it."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from importers import gradescope as system
from small_class import SLUG, cells, make_root, notebook

from grader.cli import main
from grader.commands import OK, USAGE
from grader.lms import packaging
from grader.lms.packaging import PROGRAMS, below, payload, settings, to_zip
from grader.lms.records import Bundle, Refused
from grader.spec import load_assignment

HERE = Path(__file__).parent
SECRET = "a secret that hidden cases come from"
LIKE_DOCKER = [sys.executable, str(HERE / "docker_like.py")]
AS_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become like a container's root"
)
# How a container's kernel may be: as here; as Docker's default; the same, without Landlock.
KERNELS = [
    pytest.param([], id="as-here"),
    pytest.param(LIKE_DOCKER, id="docker", marks=AS_ROOT),
    pytest.param([*LIKE_DOCKER, "--no-landlock"], id="docker-without-landlock", marks=AS_ROOT),
]
# Opens all that it can find, in ways that need no import inside the function, and says how much it got.
THIEF = """
import io, os, sys
PATHS = {paths!r}

def attempts(path):
    yield lambda: open(path, "rb").read(64)
    yield lambda: os.read(os.open(path, os.O_RDONLY), 64)
    yield lambda: os.read(os.open("/proc/self/root" + path, os.O_RDONLY), 64)
    yield lambda: os.read(os.open("/proc/%d/root%s" % (os.getppid(), path), os.O_RDONLY), 64)
    yield lambda: np.fromfile(path, np.uint8, 64).tobytes()
    yield lambda: os.readlink(path)
    yield lambda: os.listdir(os.path.dirname(path))
    yield lambda: open(path, "ab").write(b"x")
    yield lambda: os.rename(path, path + ".away")

def steal():
    got = []
    for path in PATHS:
        for attempt in attempts(path):
            try:
                got.append(repr(attempt()))
            except BaseException:
                pass
    for module in list(sys.modules.values()):
        got += [name for name in ("expectations", "reference", "secret") if name in vars(module)
                and str(getattr(module, "__name__", "")).startswith("grader")]
    got += [value for name, value in os.environ.items() if "SECRET" in name]
    return got
"""
ELSEWHERE = "what somebody else keeps"
STEAL = "    got = steal()\n    raise ValueError('TRIED %d GOT %d: %s' % (len(PATHS), len(got), got[:5]))"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of this module's own, with a secret and the expected answers computed."""
    made = make_root(tmp_path_factory.mktemp("package") / "root")
    (made / ".grader").mkdir(exist_ok=True)
    (made / ".grader" / "secret").write_text(SECRET + "\n")
    (made / "one.ipynb").write_bytes(notebook("right"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_ROOT", str(made))
        assert main(["grade", str(made / "one.ipynb"), "-a", SLUG, "-o", str(made / "out")]) == OK
    return made


@pytest.fixture(scope="module")
def package(root: Path) -> Path:
    """The zip, by the command."""
    out = root / "made" / "autograder.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_ROOT", str(root))
        assert main(["package", "gradescope", SLUG, "-o", str(out)]) == OK
    return out


@pytest.fixture
def autograder(package: Path, tmp_path: Path) -> Path:
    """A folder laid out as Gradescope's /autograder."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path / "source")  # without executable bits, as there
    for folder in ("submission", "results"):
        (tmp_path / folder).mkdir()
    shutil.copy(tmp_path / "source" / "run_autograder", tmp_path)
    return tmp_path


def run(
    folder: Path, hand_in: dict[str, bytes], kernel: list[str] | None = None, **told: str
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """What `run_autograder` answers."""
    for name, content in hand_in.items():
        (folder / "submission" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "submission" / name).write_bytes(content)
    done = subprocess.run(
        [*(kernel or []), "bash", str(folder / "run_autograder")],
        env={
            **os.environ,
            "AUTOGRADER_FOLDER": str(folder),
            "GRADER_PYTHON": sys.executable,
            "GRADER_ROOT": "/nowhere",  # what is around must not matter
            "GRADER_SECRET": "another",
            **told,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return system.read((folder / "results" / "results.json").read_bytes()), done


# ---------------------------------------------------------------- what is in it


def test_it_holds_what_one_assignment_needs_and_nothing_of_others(root: Path, package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
        assert archive.read("grader/.grader/secret").decode().strip() == SECRET
    inside = {name.removeprefix("grader/") for name in names}
    assert {"setup.sh", "run_autograder"} <= names
    assert {
        "grader/cli.py", "grader/result.schema.json", "grader/locale/ko/grader.po",
        "grader/reports/html/base.html",
        f"assignments/{SLUG}/spec.yaml", f"reference/{SLUG}/mistakes.py", "rubric.yaml", "requirements.txt",
        "constraints.txt", "run_one.sh", "install.sh",
    } <= inside  # fmt: skip
    assert sum(name.startswith(".grader/cache/") and name.endswith(".npz") for name in inside) == 1
    assert not [name for name in inside if "__pycache__" in name or name.startswith(("tests/", "out/"))]
    assert {name.split("/")[1] for name in inside if name.startswith(("assignments/", "reference/"))} == {SLUG}


def test_answers_of_another_secret_are_left_out(root: Path) -> None:
    assert not [name for name in payload(root, SLUG, b"another one") if name.endswith(".npz") and "cache" in name]


def test_libraries_are_those_that_the_project_names() -> None:
    told = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    extras = told["optional-dependencies"]
    for ours, theirs in (
        (packaging.CORE, told["dependencies"]),
        (packaging.TRAINING, extras["training"]),
        (packaging.EXECUTE, extras["execute"]),
    ):
        assert sorted(ours) == sorted(name.partition(">")[0] for name in theirs)


@pytest.mark.parametrize(
    ("slug", "framework", "others"),
    [
        ("distillation_tf", "tensorflow==", ("torch", "tf_keras", "nbclient")),
        ("distillation_torch", "torch==", ("tensorflow", "tf_keras", "nbclient")),
        ("distiller_keras", "tf_keras==", ("torch", "nbclient")),
    ],
)
def test_only_the_frameworks_of_the_assignment_are_installed(slug: str, framework: str, others: str) -> None:
    made = payload(HERE.parent, slug, b"x")
    lines = [line for line in made["requirements.txt"].decode().splitlines() if not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert any(line.startswith(framework) for line in lines)
    assert not [line for line in lines for other in others if line.startswith(f"{other}==")]
    assert settings(made)["GRADER_ASSIGNMENT"] == slug
    assert settings(made)["GRADER_MEMORY_MB"] == str(
        load_assignment(HERE.parent / "assignments" / slug).limits.memory_mb
    )


def test_a_library_without_a_version_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaging, "constraints", lambda root: "numpy==2.0\n")
    with pytest.raises(Refused, match="names no version of"):
        payload(root, SLUG, b"x")


# ---------------------------------------------------------------- the zip


def test_the_same_bundle_is_the_same_bytes_and_programs_can_be_run() -> None:
    bundle = Bundle({"b.sh": b"#!/bin/sh\n", "a/한글.txt": b"x"}, frozenset({"b.sh"}))
    made = to_zip(bundle)
    assert made == to_zip(Bundle(dict(reversed(bundle.files.items())), bundle.programs))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.namelist() == ["a/한글.txt", "b.sh"]
        modes = {info.filename: stat.S_IMODE(info.external_attr >> 16) for info in archive.infolist()}
    assert modes == {"a/한글.txt": 0o644, "b.sh": 0o755}


@pytest.mark.parametrize("name", ["/etc/passwd", "a/../../b", "a\\b"])
def test_a_path_that_leaves_the_zip_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="no path"):
        to_zip(Bundle({name: b""}))


def test_windows_line_ends_in_a_program_are_refused() -> None:
    with pytest.raises(Refused, match="Windows"):
        to_zip(Bundle({"run.sh": b"#!/bin/sh\r\n"}, frozenset({"run.sh"})))


def test_programs_of_the_payload_are_in_it(root: Path) -> None:
    assert below(payload(root, SLUG, b"x")).keys() >= PROGRAMS


def test_the_zip_is_for_its_owner_only(package: Path) -> None:
    assert stat.S_IMODE(package.stat().st_mode) == 0o600


def test_the_command_says_what_to_do_with_it(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_ROOT", str(root))
    assert main(["package", "gradescope", SLUG, "-o", str(tmp_path / "a.zip")]) == OK
    told = capsys.readouterr().err
    assert "Autograder points: 100" in told
    assert "RAM" in told
    assert main(["package", "gradescope", SLUG, "-o", str(tmp_path)]) == USAGE
    assert main(["package", "gradescope", "none", "-o", str(tmp_path / "b.zip")]) == USAGE
    assert not (tmp_path / "b.zip").exists()


TEMPLATES = HERE.parent / "grader" / "lms" / "templates"


@pytest.mark.parametrize(
    "script", sorted(path for path in TEMPLATES.rglob("*.*") if path.parent.name != "__pycache__")
)
def test_scripts_are_sound(script: Path) -> None:
    content = script.read_bytes()
    assert b"\r" not in content
    if content.startswith(b"#!/usr/bin/env bash"):
        subprocess.run(["bash", "-n", str(script)], check=True)


# ---------------------------------------------------------------- it grades


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_unpacked_package_grades(autograder: Path, kernel: list[str]) -> None:
    told, done = run(autograder, {"half.ipynb": notebook("half"), "notes.txt": b"hello"}, kernel)
    assert system.shown(told) == 60, done.stderr
    assert done.returncode == 0
    assert done.stdout == ""
    assert "computing expected answers" not in done.stderr  # those in the package are current
    assert stat.S_IMODE((autograder / "source" / "grader").stat().st_mode) == 0o700


def test_nothing_of_the_surroundings_is_used(autograder: Path) -> None:
    told, _ = run(autograder, {"right.ipynb": notebook("right"), "numpy.py": b"raise SystemExit(3)"})
    assert system.shown(told) == 100


def test_without_a_notebook_the_answer_says_so(autograder: Path) -> None:
    told, _ = run(autograder, {"report.pdf": b"%PDF"})
    assert system.shown(told) == 0
    assert ".ipynb" in told["output"]
    assert "report.pdf" in told["output"]


def test_a_grader_that_cannot_start_leaves_an_answer_without_a_grade(autograder: Path) -> None:
    told, done = run(autograder, {"right.ipynb": notebook("right")}, GRADER_PYTHON="/nowhere/python")
    assert system.shown(told) is None
    assert "No grade yet" in told["output"]
    assert "status 12" in done.stderr


def patient(autograder: Path) -> None:
    """A submission may take a minute: only the system's own limit can end one that hangs."""
    spec = autograder / "source" / "grader" / "assignments" / SLUG / "spec.yaml"
    text = spec.read_text("utf-8")
    assert "{wall_s: 2, cpu_s: 2}" in text
    spec.write_text(text.replace("{wall_s: 2, cpu_s: 2}", "{wall_s: 50, cpu_s: 50}"), "utf-8")


def test_out_of_time_there_is_an_answer_without_a_grade(autograder: Path) -> None:
    patient(autograder)
    told, done = run(autograder, {"hangs.ipynb": notebook("hangs")}, GRADER_SECONDS="4")
    assert system.shown(told) is None
    assert done.returncode == 0


# ---------------------------------------------------------------- nobody reads the answers


def thief(folder: Path) -> bytes:
    """A notebook that knows where everything lies."""
    paths = [str(path) for path in folder.rglob("*") if path.is_file()]
    elsewhere = folder.parent / "elsewhere.txt"  # never a file of this machine: unsafe, the thief takes them away
    elsewhere.write_text(ELSEWHERE, "utf-8")
    paths += [str(folder / "results" / "results.json"), str(elsewhere)]
    assert any(path.endswith("secret") for path in paths)
    return cells(
        "import numpy as np",
        THIEF.format(paths=paths),
        f"def squared_error(y, p):\n{STEAL}",
        f"class Line:\n    def __init__(self, w):\n        self.w = w\n\n"
        f"    def train_step(self, x, y, learning_rate):\n    {STEAL.replace(chr(10), chr(10) + '    ')}",
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_submission_reads_nothing_of_the_package(autograder: Path, kernel: list[str]) -> None:
    stealing = thief(autograder)
    before = {path: path.read_bytes() for path in (autograder / "source").rglob("*") if path.is_file()}
    told, done = run(autograder, {"thief.ipynb": stealing}, kernel)
    tried = system.page(told)
    assert "TRIED" in tried, done.stderr
    assert "GOT 0: []" in tried
    everything = (autograder / "results" / "results.json").read_text("utf-8")
    assert SECRET not in everything
    assert ELSEWHERE not in everything
    assert system.shown(told) == 0
    after = {path: path.read_bytes() for path in before}
    assert after == before, "something of the package was changed"


def test_the_thief_is_a_good_one(autograder: Path) -> None:
    told, _ = run(autograder, {"thief.ipynb": thief(autograder)}, GRADER_OPTIONS="--unsafe")
    tried = system.page(told)
    assert re.search(r"TRIED \d+ GOT [1-9]", tried)


# ---------------------------------------------------------------- what the package was told


def test_language_and_time_limit_are_those_of_the_command(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_ROOT", str(root))
    out = tmp_path / "a.zip"
    assert main(["package", "gradescope", SLUG, "-o", str(out), "--lang", "ko", "--seconds", "10"]) == OK
    with zipfile.ZipFile(out) as archive:
        about = settings({"settings.sh": archive.read("grader/settings.sh")})
    assert (about["GRADER_LANG"], about["GRADER_PACKED_SECONDS"]) == ("ko", "10")


@pytest.mark.parametrize("packed", ["", "4"])
def test_the_packed_time_limit_comes_first(autograder: Path, packed: str) -> None:
    file = autograder / "source" / "grader" / "settings.sh"
    file.write_text(
        file.read_text("utf-8").replace("GRADER_PACKED_SECONDS=''", f"GRADER_PACKED_SECONDS='{packed}'")
    )
    if packed:
        patient(autograder)
    told, _ = run(autograder, {"hangs.ipynb": notebook("hangs")}, GRADER_SECONDS="60")
    assert system.shown(told) == (None if packed else 60)


def test_seconds_must_make_sense(root: Path, tmp_path: Path) -> None:
    for seconds in ("0", "-1", "x"):
        with pytest.raises(SystemExit):
            main(["package", "gradescope", SLUG, "-o", str(tmp_path / "a.zip"), "--seconds", seconds])
