"""`grader vet`, `bake`, `doctor`, `init`: for those who write assignments and run the grader."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

from grader.commands import MEND, OK
from grader.context import (
    DEVELOPMENT_SECRET,
    SECRET_FILE,
    Grading,
    assignment_folder,
    baked,
    find_secret,
    make_secret,
)
from grader.context import bake as bake_one
from grader.programs import load_reference
from grader.sandbox.pool import open_sandbox
from grader.sandbox.survey import protected, survey
from grader.spec import ConfigError, find_root, list_assignments, load_assignment
from grader.vetting.assignment import Bench, checks


def vet(named: str | None) -> int:
    """Run the contract of one assignment or all."""
    root = find_root()
    sound = True
    for slug in _chosen(named):
        try:
            secret = find_secret(root)
        except ConfigError:
            secret = DEVELOPMENT_SECRET
            print("hidden cases: drawn from the development secret (`grader init` makes your own)")
        grading = Grading(root, slug, secret)
        with ExitStack() as stack:
            sandbox = open_sandbox(grading.assignment.framework)
            stack.callback(sandbox.close)
            second = None
            if grading.reference.second is not None:
                second = open_sandbox(grading.reference.second_framework)
                stack.callback(second.close)
            sound &= _vet_one(Bench(grading, sandbox, second, os.cpu_count() or 1))
    return OK if sound else MEND


def _vet_one(bench: Bench) -> bool:
    reference, assignment = bench.grading.reference, bench.context.assignment
    print(
        f"{assignment.slug}: {len(assignment.exercises)} exercises, {len(bench.grading.cases)} cases, "
        f"{len(reference.variants)} variants, {len(reference.mistakes)} mistakes"
    )
    sound = True
    for check in checks(bench):
        start = time.perf_counter()
        wrong = check.run()
        print(f"  {'FAIL' if wrong else 'ok  '}  {check.name}  ({time.perf_counter() - start:.1f} s)", flush=True)
        for line in wrong:
            print(f"        {line}")
        sound &= not wrong
    return sound


def bake(named: str | None, *, check: bool) -> int:
    """Make (or only compare) public.npz."""
    root = find_root()
    fresh = True
    for slug in _chosen(named):
        folder = assignment_folder(root, slug)
        assignment = load_assignment(folder)
        reference = load_reference(root / "reference" / assignment.slug, assignment)
        if baked(folder, reference):
            print(f"{folder / 'public.npz'}: up to date")
        elif check:
            fresh = False
            print(f"{folder / 'public.npz'}: out of date; run `grader bake {assignment.slug}`")
        else:
            with open_sandbox(assignment.framework) as sandbox:
                print(f"{bake_one(folder, reference, sandbox)}: written")
    return OK if fresh else MEND


def doctor() -> int:
    """Print what isolates submissions here and what would be missing."""
    for layer, in_force, detail in survey():
        print(f"{'yes' if in_force else 'NO '}  {layer:<24} {detail}")
    if protected():
        print("\nSubmissions are isolated here: a bulk run is protected.")
        return OK
    print("\nA bulk run would be UNPROTECTED here; `grader grade` refuses without --unsafe.")
    return MEND


def init() -> int:
    """Make the secret that hidden cases are drawn from."""
    root = find_root()
    path = make_secret(root)
    if path is None:
        print(f"{root / SECRET_FILE}: there is one already, left as it is")
    else:
        print(f"{path}: written; keep it from learners and back it up, grades depend on it")
    return OK


def _chosen(named: str | None) -> Iterator[str]:
    return iter([named] if named else list_assignments(find_root()))
