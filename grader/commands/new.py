"""`grader new`: the files of a small assignment that vets green as it stands, for an author to change."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from string import Template

from grader.commands import OK
from grader.context import bake
from grader.intake import UsageError
from grader.programs import load_reference
from grader.sandbox.pool import open_sandbox
from grader.spec import find_root, load_assignment, load_rubric
from grader.yamlfile import entries, raise_faults, read_yaml

NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
NO_NAMES = ("true", "false", "null")  # YAML reads them otherwise
GRADIENT = "\n    gradient: [p]                # with respect to which inputs the gradient is compared"
# What the templates call by name; each framework has it.
WORDS: Mapping[str, Mapping[str, str]] = {
    "numpy": {
        "import_line": "import numpy as np",
        "tensor": "np.asarray",
        "transpose": "np.transpose",
        "gradient": "",
        **{word: f"np.{word}" for word in ("mean", "sum", "abs", "stack")},
    },
    "torch": {
        "import_line": "import torch",
        "tensor": "torch.from_numpy",
        "transpose": "torch.t",
        "gradient": GRADIENT,
        **{word: f"torch.{word}" for word in ("mean", "sum", "abs", "stack")},
    },
    "tensorflow": {
        "import_line": "import tensorflow as tf",
        "tensor": "tf.constant",
        "transpose": "tf.transpose",
        "mean": "tf.reduce_mean",
        "sum": "tf.reduce_sum",
        "gradient": GRADIENT,
        **{word: f"tf.{word}" for word in ("abs", "stack")},
    },
}
FILES: Mapping[str, str] = {  # file -> its template; {} is the slug or the framework
    "assignments/{slug}/notebook.ipynb": "notebook.txt",
    "assignments/{slug}/spec.yaml": "spec.yaml.txt",
    "assignments/{slug}/probes.py": "probes.py.txt",
    "assignments/{slug}/README.md": "README.md.txt",
    "reference/{slug}/solution_{framework}.py": "solution.py.txt",
    "reference/{slug}/solution_second.py": "second.py.txt",
    "reference/{slug}/variants.py": "variants.py.txt",
    "reference/{slug}/mistakes.py": "mistakes.py.txt",
}


def new(slug: str, framework: str, title_en: str, title_ko: str) -> int:
    """Write an assignment, its reference and its points; all of it or nothing. Raises UsageError, ConfigError."""
    root = find_root()
    refuse(root, slug)
    english = " ".join(title_en.split()) or slug.replace("_", " ").capitalize()
    korean = " ".join(title_ko.split()) or english
    words = {
        "slug": slug,
        "framework": framework,
        "title_en": english,
        "title_ko": korean,
        "title_en_quoted": json.dumps(english, ensure_ascii=False),
        "title_ko_quoted": json.dumps(korean, ensure_ascii=False),
        **WORDS[framework],
    }
    (root / ".grader").mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=root / ".grader") as draft:
        block = write(Path(draft), words)
        prove(Path(draft), root, block, words)
        install(Path(draft), root, block, slug)
    tell(root, slug)
    return OK


def refuse(root: Path, slug: str) -> None:
    """Raises UsageError for a slug that is no name or is taken, ConfigError for a rubric.yaml that is no YAML."""
    if not NAME.fullmatch(slug) or slug in NO_NAMES:
        raise UsageError(
            f"{slug!r}: not a name for an assignment; begin with a small letter and go on with small letters, "
            "digits, _ and -, 60 at most"
        )
    for folder in (root / "assignments" / slug, root / "reference" / slug):
        if os.path.lexists(folder):
            raise UsageError(f"{folder}: is there already; choose another name or remove it")
    rubric = root / "rubric.yaml"
    if rubric.exists():
        node = read_yaml(rubric)
        blocks = {} if node.value is None else entries(node)
        raise_faults(node)
        if slug in blocks:
            raise UsageError(f"{rubric}: has a block {slug!r} already; choose another name or remove it")


def write(draft: Path, words: Mapping[str, str]) -> str:
    """Every file of the assignment below `draft`; its block for rubric.yaml."""
    for name, template in FILES.items():
        path = draft / name.format(**words)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = fill(template, words)
        path.write_text(to_notebook(text) if path.suffix == ".ipynb" else text, "utf-8")
    return fill("rubric.yaml.txt", words)


def fill(template: str, words: Mapping[str, str]) -> str:
    """A template with the framework's words. Raises KeyError for a word that nobody gives."""
    source = resources.files("grader") / "scaffold" / template
    return Template(source.read_text("utf-8")).substitute(words)


def to_notebook(text: str) -> str:
    """``# %% [kind] id`` begins a cell -> a notebook without outputs."""
    found = re.findall(r"^# %% \[(\w+)\] ([\w-]+)\n(.*?)(?=^# %% \[|\Z)", text, re.MULTILINE | re.DOTALL)
    cells = []
    for kind, name, source in found:
        cell = {
            "cell_type": kind,
            "id": name,
            "metadata": {},
            "source": source.strip("\n").splitlines(keepends=True),
        }
        cells.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def prove(draft: Path, root: Path, block: str, words: Mapping[str, str]) -> None:
    """Store the numbers of the public cases and read everything back as the other commands will.

    Raises NotInstalled where the framework is missing, ConfigError.
    """
    folder = draft / "assignments" / words["slug"]
    assignment = load_assignment(folder)
    rubric = root / "rubric.yaml"
    before = rubric.read_text("utf-8") if rubric.exists() else ""
    (draft / "rubric.yaml").write_text(appended(before, block), "utf-8")
    load_rubric(draft / "rubric.yaml", assignment)
    reference = load_reference(draft / "reference" / words["slug"], assignment)
    with open_sandbox(words["framework"]) as sandbox:
        bake(folder, reference, sandbox)


def appended(before: str, block: str) -> str:
    """rubric.yaml with one more block."""
    return before + ("" if not before or before.endswith("\n") else "\n") + block


def install(draft: Path, root: Path, block: str, slug: str) -> None:
    """Move the folders into their places and add the block; undone when something of it fails."""
    with ExitStack() as undo:
        for part in ("assignments", "reference"):
            target = root / part / slug
            target.parent.mkdir(exist_ok=True)
            os.mkdir(target)  # fails where somebody was faster
            undo.callback(shutil.rmtree, target, ignore_errors=True)
            for file in sorted((draft / part / slug).iterdir()):
                os.replace(file, target / file.name)
        rubric = root / "rubric.yaml"
        undo.callback(cut, rubric, rubric.stat().st_size if rubric.exists() else None)
        before = rubric.read_text("utf-8") if rubric.exists() else ""
        with open(rubric, "a", encoding="utf-8") as end:
            end.write(appended(before, block)[len(before) :])
        undo.pop_all()


def cut(file: Path, size: int | None) -> None:
    """Take back what was added to a file; None: all of it."""
    if size is not None:
        os.truncate(file, size)
    else:
        file.unlink(missing_ok=True)


def tell(root: Path, slug: str) -> None:
    """What was written and what to do next."""
    for part in ("assignments", "reference"):
        print(f"{root / part / slug}/: {', '.join(sorted(p.name for p in (root / part / slug).iterdir()))}")
    print(f"{root / 'rubric.yaml'}: block {slug!r} added")
    print(
        f"\nIt vets green as it stands. Put your own exercises in place of its two, then\n"
        f"  grader bake {slug}    store the expected values of the public cases anew\n"
        f"  grader vet {slug}     prove that it is sound\n"
        "What each file holds is told in docs/authoring.md."
    )
