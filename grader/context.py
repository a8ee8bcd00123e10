"""Opens what judging needs: cases, expected answers, template. One way for grading, one for the self-check."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import secrets
from collections.abc import Callable
from pathlib import Path

import numpy as np

import grader
from grader import oracle, store
from grader.draw import draw_cases
from grader.notebook import parse_notebook, read_bytes
from grader.oracle import Sandbox
from grader.pipeline import Context
from grader.programs import Reference, load_reference
from grader.sandbox.launch import installed
from grader.spec import ConfigError, load_assignment, load_rubric
from grader.training.trainer import Training
from grader.types import Assignment, Case, Execution, Expectations, Notebook, Policies, Rubric

DEVELOPMENT_SECRET = b"grader development secret"
SECRET_FILE = Path(".grader") / "secret"


def find_secret(root: Path, *, development: bool = False) -> bytes:
    """What the hidden cases are drawn from: $GRADER_SECRET, else the file that `grader init` made.

    Raises ConfigError when there is neither.
    """
    if development:
        return DEVELOPMENT_SECRET
    named = os.environ.get("GRADER_SECRET", "")
    if named:
        return named.encode()
    try:
        secret = (root / SECRET_FILE).read_bytes().strip()
    except OSError:
        secret = b""
    if not secret:
        mend = "run `grader init` once, or set GRADER_SECRET"
        raise ConfigError([f"{root / SECRET_FILE}: no secret to draw the hidden cases from; {mend}"])
    return secret


def make_secret(root: Path) -> Path | None:
    """Write a fresh secret, readable by its owner only; None when there is one already."""
    path = root / SECRET_FILE
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    return path


def assignment_folder(root: Path, named: str) -> Path:
    """The folder of an assignment given by slug or by path. Raises ConfigError."""
    for folder in (root / "assignments" / named, Path(named)):
        if (folder / "spec.yaml").is_file():
            return folder
    known = sorted(p.parent.name for p in (root / "assignments").glob("*/spec.yaml"))
    raise ConfigError([f"{named}: no such assignment; there are: {', '.join(known) or 'none'}"])


def load_template(assignment: Assignment) -> Notebook:
    """The notebook as it is handed out."""
    path = Path(assignment.folder) / "notebook.ipynb"
    return parse_notebook(read_bytes(path), path.name)


def environment(framework: str) -> dict[str, str]:
    """Versions that a result depends on."""
    own = {"grader": grader.__version__, "python": platform.python_version(), "numpy": np.__version__}
    return {**own, **installed(framework), "platform": platform.platform()}


class Grading:
    """Assignment, rubric, reference and cases of one class; needs no sandbox until something must run."""

    def __init__(
        self, root: Path, slug: str, secret: bytes, *, train: bool = False, execute: bool | None = False
    ) -> None:
        """`train`: with the training pass and its points. `execute`: with whole notebooks run; None: as the
        rubric says.
        """
        self.root = root
        self.assignment = load_assignment(assignment_folder(root, slug))
        self.rubric: Rubric = load_rubric(root / "rubric.yaml", self.assignment, train=train, execute=execute)
        self.reference: Reference = load_reference(root / "reference" / self.assignment.slug, self.assignment)
        self.cases: tuple[Case, ...] = draw_cases(self.assignment, secret)
        self.digest = oracle.digest(self.assignment, self.reference, self.cases)
        self.template = load_template(self.assignment)
        own = self.assignment
        # Changes when the same file could be judged otherwise.
        self.judgement = "-".join(
            (
                self.digest,
                self.rubric.digest,
                hashlib.sha256(repr((self.template, own.training, own.stand_ins)).encode()).hexdigest(),
                _version(self.assignment.framework),
                grader.__version__,
            )
        )

    def context(
        self,
        sandbox: Sandbox,
        jobs: int = 1,
        progress: Callable[[int, int], None] = lambda done, total: None,
        trainer: Training | None = None,
        execute: Callable[[Notebook], Execution] | None = None,
    ) -> Context:
        """What judging needs, with expected answers from the cache, or computed once and cached."""
        return Context(
            self.assignment,
            self.rubric,
            self.expectations(sandbox, jobs, progress),
            self.template,
            sandbox,
            environment(self.assignment.framework),
            trainer,
            execute,
        )

    def expectations(
        self,
        sandbox: Sandbox,
        jobs: int = 1,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Expectations:
        """From the cache, or computed once in `sandbox` and cached."""
        versions = "-".join(f"{k}{v}" for k, v in sorted(installed(self.assignment.framework).items()))
        cache = self.root / ".grader" / "cache" / f"{self.assignment.slug}-{self.digest[:16]}-{versions}.npz"
        cases_digest = oracle.cases_digest(self.cases)
        try:
            return store.load(cache, self.cases, cases_digest)
        except store.UNUSABLE:
            computed = oracle.compute(self.assignment, self.reference, self.cases, sandbox, jobs, progress)
            _save_if_possible(cache, lambda: store.save(cache, computed, cases_digest))
            return computed


def public_cases(assignment: Assignment) -> tuple[Case, ...]:
    """The cases that depend on no secret."""
    return tuple(case for case in draw_cases(assignment, b"") if case.public)


def self_check(folder: Path, sandbox: Sandbox) -> Context:
    """The public cases with their stored numbers; needs neither reference/ nor the secret.

    Raises ConfigError when public.npz is missing or does not belong to spec.yaml.
    """
    assignment = load_assignment(folder)
    cases = public_cases(assignment)
    path = folder / "public.npz"
    try:
        expectations = store.load(path, cases, oracle.cases_digest(cases))
    except OSError as missing:
        raise ConfigError([f"{path}: missing; the author makes it with `grader bake`"]) from missing
    except store.UNUSABLE as stale:
        raise ConfigError([f"{path}: out of date ({stale}); the author remakes it with `grader bake`"]) from stale
    rubric = Rubric(assignment.slug, (), Policies())
    versions = environment(assignment.framework)
    return Context(assignment, rubric, expectations, load_template(assignment), sandbox, versions)


def bake(folder: Path, reference: Reference, sandbox: Sandbox, jobs: int = 1) -> Path:
    """Compute and write public.npz for an assignment."""
    assignment = load_assignment(folder)
    cases = public_cases(assignment)
    expectations = oracle.compute(assignment, reference, cases, sandbox, jobs)
    path = folder / "public.npz"
    store.save(path, expectations, oracle.cases_digest(cases), float32=True)
    return path


def baked(folder: Path, reference: Reference) -> bool:
    """Whether public.npz is there and made from this spec.yaml and this reference."""
    assignment = load_assignment(folder)
    cases = public_cases(assignment)
    try:
        stored = store.load(folder / "public.npz", cases, oracle.cases_digest(cases))
    except store.UNUSABLE:
        return False
    return stored.digest == oracle.digest(assignment, reference, cases)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # opening the sandbox will say so
        return ""


def _save_if_possible(path: Path, save: Callable[[], None]) -> None:
    try:
        save()
    except OSError:  # a read-only checkout: it costs the time again, nothing else
        path.unlink(missing_ok=True)
