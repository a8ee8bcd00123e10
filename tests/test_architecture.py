"""The shape of the project: what loads what, how long files may be, what no file may mention."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "grader"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# Runs inside the sandbox; the only modules that may import a framework, and only these may import them.
WORKER_SIDE = {
    "grader.frameworks",
    "grader.sandbox.worker",
    "grader.sandbox.zygote",
    "grader.sandbox.plain_child",
    "grader.sandbox.dialect",
    "grader.sandbox.probing",
}
# Loaded by the Dask engine when it is opened, and inside Dask's workers.
ON_DASK = {"grader.engines.dask_crew", "grader.engines.dask_worker"}
# The web tool: nothing else imports it.
SERVING = ("grader.serve", "grader.commands.serve")
INSIDE = "grader.execute.inside"  # the same for whole notebooks
# Top-level packages that the grading process must not load: frameworks, engines, web libraries.
HEAVY = {"tensorflow", "torch", "keras", "tf_keras", "jax", "sklearn", "dask", "distributed", "requests",
         "urllib3", "httpx", "aiohttp", "flask", "fastapi", "django", "tornado", "jinja2", "werkzeug", "waitress",
         "sqlalchemy", "jwt", "pylti1p3", "canvasapi", "lxml"}  # fmt: skip

MAX_LINES = 300
# The one exception: every record of the project stands in one file, so that there is one place to look.
MAX_LINES_OF = {"types.py": 680}


def dotted(path: Path) -> str:
    """``grader/sandbox/pool.py`` -> ``grader.sandbox.pool``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def loaded_by(*modules: str) -> set[str]:
    """Every module that a fresh interpreter holds after importing `modules`."""
    code = f"import json, sys, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def heavy(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules} & HEAVY


# ---------------------------------------------------------------- what loads what


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("grader")
    assert not heavy(loaded)
    assert not {module for module in loaded if module.startswith(("grader.engines.", "grader.sandbox."))}


def test_the_command_line_loads_nothing_heavy() -> None:
    assert not heavy(loaded_by("grader.cli"))


def test_no_module_of_the_trusted_side_loads_anything_heavy() -> None:
    trusted = {dotted(path) for path in SOURCES if path.name != "__main__.py"} - WORKER_SIDE - ON_DASK
    assert not heavy(loaded_by(*sorted(module for module in trusted if not module.startswith((INSIDE, *SERVING)))))


def test_only_its_own_command_imports_the_web_tool() -> None:
    graph = grimp.build_graph("grader", cache_dir=None)
    importers = {
        importer
        for module in graph.find_descendants("grader.serve") | {"grader.serve"}
        for importer in graph.find_modules_that_directly_import(module)
        if not importer.startswith(SERVING)
    }
    assert not importers
    assert graph.find_modules_that_directly_import("grader.commands.serve") <= {"grader.cli_systems"}


def test_a_learners_self_check_loads_nothing_heavy() -> None:
    assert not heavy(loaded_by("grader.commands.check"))


def test_the_worker_imports_only_its_own_side() -> None:
    """Also inside functions: `grimp` reads the source, so that a lazy import counts."""
    graph = grimp.build_graph("grader", cache_dir=None)
    imported = graph.find_modules_directly_imported_by("grader.sandbox.worker")
    own = ("wire", "dialect", "stand_ins", "probing")
    allowed = {"grader.frameworks", "grader.loops.tf_loop", "grader.loops.torch_loop", "grader.types"}
    allowed |= {f"grader.sandbox.{name}" for name in own}
    assert imported <= allowed


def test_nothing_is_parsed_by_two_threads_at_once() -> None:
    """CPython's parser shares a counter between threads: all go through `grader.syntax.parse`."""
    trusted = [
        path for path in SOURCES if not {"inside", "sandbox"} & set(path.parts) and path.name != "syntax.py"
    ]
    assert [path.name for path in trusted if "ast.parse(" in path.read_text(encoding="utf-8")] == []


# ---------------------------------------------------------------- size


@pytest.mark.parametrize("path", SOURCES, ids=dotted)
def test_files_stay_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES_OF.get(path.relative_to(PACKAGE).as_posix(), MAX_LINES)


# ---------------------------------------------------------------- what no file may mention

# Each pattern is written so that it does not match its own text.
FORBIDDEN = re.compile(
    r"(?<![\w.])/(?:work|root|Users/\w+)/"  # absolute paths of one machine
    r"|pypi\.org|pythonhosted\.org|download\.pytorch\.org|registry\.npmjs\.org"  # package registries
)
BINARY = {".npz", ".npy", ".png", ".jpg", ".zip", ".gz", ".pdf"}
# Attacks name the files that they try to reach.
SPECIMENS = ("tests/hostile/",)


def project_files() -> list[str]:
    """Every file that is tracked or would be by `git add .`, as paths relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def test_the_patterns_find_what_they_look_for() -> None:
    for text in (
        "open('/" + "work/x')",
        "see /" + "root/.cache",
        "-i https://" + "pypi" + ".org/simple",
    ):
        assert FORBIDDEN.search(text)
    for text in ("homework/kim.ipynb", "./work/x", "sys.prefix + '/lib'"):
        assert not FORBIDDEN.search(text)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout: nothing says which files are ours")
def test_no_file_mentions_a_machine_or_a_registry() -> None:
    names = [name for name in project_files() if not name.startswith(SPECIMENS)]
    assert "pyproject.toml" in names
    found = []
    for name in names:
        if Path(name).suffix in BINARY:
            continue
        # Some specimens are damaged on purpose and are not UTF-8.
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if match := FORBIDDEN.search(line):
                found.append(f"{name}:{number}: {match.group()}")
    assert not found


# ---------------------------------------------------------------- documentation


def test_readme_shows_the_two_first_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme
    assert readme.index("make demo") < readme.index("make test")


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for document in documents:
        named = set(re.findall(r"`?\bmake ([a-z]+)`", document.read_text(encoding="utf-8")))
        assert named <= targets, document.name


def test_links_of_the_documentation_lead_somewhere() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert not broken


def test_every_module_is_in_the_picture() -> None:
    picture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    missing = [path.name for path in SOURCES if path.name != "__init__.py" and path.name not in picture]
    assert not missing
