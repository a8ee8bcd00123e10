"""How often the training pass is right: right and wrong losses over many disjoint sets of seeds.

`python benchmarks/long/calibration.py -o calibration.json` (about an hour on two cores); `-a` names another
assignment with a training pass. Every program goes through the same code as a submission; only the first seed
differs from set to set. Runs are stored in a file of
their own, so a stopped calibration goes on where it was. The table of docs/training-pass.md comes from `--table`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from grader.context import Grading
from grader.programs import with_marked
from grader.sandbox.pool import Zygote
from grader.training import data
from grader.training.cache import Cache
from grader.training.confirm import Trial
from grader.training.programs import training_program
from grader.training.trainer import Clock, Trainer
from grader.types import CheckResult, Observation, Program, TrainingCall, Verdict

ROOT = Path(__file__).resolve().parent.parent.parent
SETS, FIRST = 40, 1000  # the seeds of a class begin at 0
# Of distillation_tf: accepted forms that are trained, other ways to write them, mistakes that change the gradient.
WANTED = frozenset(
    """
    kd_kl kd_cross_entropy_t2 kd_kl_t2 loss_with_kd_t2 at_per_sample
    rkd_squares_mean rkd_huber_row_sum rkd_distinct_pairs rkd_constant_normaliser
    kd_gradient_cut kd_teacher_twice kd_no_minus loss_with_kd_minus loss_with_kd_labels_only kd_softmax_over_batch
    at_gradient_cut at_teacher_twice loss_with_at_minus at_norm_over_batch
    rkd_gradient_cut rkd_teacher_twice rkd_minus loss_with_rkd_minus pd_columns
    """.split()
)
TRAINED = {
    "knowledge_distillation": "loss_with_kd",
    "attention_transfer": "loss_with_at",
    "pairwise_distance": "loss_with_rkd",
    "relational_knowledge_distillation": "loss_with_rkd",
}


def main() -> None:
    """Calibrate, or print the table of a calibration."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-o", "--out", type=Path, required=True)
    options.add_argument("-a", "--assignment", default="distillation_tf")
    options.add_argument("--sets", type=int, default=SETS)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--only", nargs="*", help="names of variants and mistakes (default: those of WANTED)")
    options.add_argument("--table", action="store_true", help="only print what is in the file")
    given = options.parse_args()
    rows: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    if not given.table:
        calibrate(rows, given)
    table(rows)


def calibrate(rows: dict[str, Any], given: argparse.Namespace) -> None:
    """Fill `rows` with one entry per program and write the file after each."""
    grading = Grading(ROOT, given.assignment, b"calibration", train=True)
    plan = grading.rubric.training
    assert plan is not None
    images = data.load(plan.protocol.data, plan.protocol, None)
    store = given.out.with_suffix(".sqlite")
    with (
        Zygote(grading.assignment.framework) as sandbox,
        Cache(store) as runs,
        ThreadPoolExecutor(given.jobs) as pool,
    ):

        def trainer(index: int) -> Trainer:
            first = FIRST + index * plan.seeds_cap
            own = grading.assignment
            return Trainer(plan, images, sandbox, own.framework, runs, first_seed=first, training=own.training)

        def prepare(program: Program, loss: str, indices: Sequence[int]) -> None:
            """The first seeds of some sets in one worker: compiling 40 times would take as long as training."""
            some = [trainer(index) for index in indices]
            steps = plan.steps[loss]
            some[0].scratch([seed for one in some for seed in one.seeds(plan.seeds_start)], steps)
            left = [(one, seed) for one in some for seed in one.seeds(plan.seeds_start)]
            left = [(one, seed) for one, seed in left if not one.known(program, loss, [seed], steps)]
            calls = [one.call(loss, seed, steps) for one, seed in left]
            clock, by_id = Clock(), {call.id: (one, call) for (one, _), call in zip(left, calls, strict=True)}

            def keep(answer: Observation) -> Sequence[TrainingCall]:
                if answer.ended == Verdict.PASSED:
                    one, call = by_id[answer.id]
                    one.keep(program, call, answer, clock.lap())
                return ()

            if calls:
                some[0].train(program, calls, keep)

        for kind, name, loss, program in programs(grading, given.only):
            if name in rows and len(rows[name]["sets"]) >= given.sets:
                continue
            own = training_program(program, grading.assignment, loss)
            parts = [range(start, min(start + 10, given.sets)) for start in range(0, given.sets, 10)]
            list(pool.map(lambda part, own=own, loss=loss: prepare(own, loss, part), parts))
            check = CheckResult(loss, "", "training", Verdict.SKIPPED)
            trials = [Trial(own, loss, trainer(index)) for index in range(given.sets)]
            sets = [told(trial.result(check, 0.0)) for trial in pool.map(Trial.run, trials)]
            rows[name] = {"kind": kind, "loss": loss, "sets": sets}
            given.out.write_text(json.dumps(rows, indent=1) + "\n")
            print(line(name, rows[name]), file=sys.stderr, flush=True)


def programs(grading: Grading, only: list[str] | None) -> Iterator[tuple[str, str, str, Program]]:
    """(kind, name, trained loss, program): the reference, then variants and mistakes."""
    reference, plan = grading.reference, grading.rubric.training
    assert plan is not None
    for loss in plan.steps:
        yield "right", f"reference: {loss}", loss, reference.solution
    for kind, marked in (("right", reference.variants), ("wrong", reference.mistakes)):
        for one in marked:
            loss = TRAINED.get(one.exercise, one.exercise)
            if loss in plan.steps and one.name in (only if only is not None else WANTED):
                yield kind, one.name, loss, with_marked(reference.solution, [one])


def told(check: CheckResult) -> dict[str, Any]:
    """What is kept of one set."""
    compared = check.training
    summary = compared.summary if compared else None
    return {
        "verdict": check.verdict.value,
        "detail": check.fault.message[:200] if check.fault else check.detail,
        "seeds": len(compared.distilled) if compared else 0,
        "mean": round(summary.mean, 2) if summary else None,
    }


def line(name: str, row: dict[str, Any]) -> str:
    """One row of the table."""
    sets = row["sets"]
    verdicts = Counter(one["verdict"] for one in sets)
    means = [one["mean"] for one in sets if one["mean"] is not None]
    mean = f"{sum(means) / len(means):+.1f}" if means else ""
    seeds = sum(one["seeds"] for one in sets) / len(sets)
    other = len(sets) - sum(verdicts[v] for v in ("passed", "failed", "inconclusive"))
    counts = " | ".join(str(verdicts[v]) for v in ("passed", "failed", "inconclusive"))
    return f"| {row['kind']} | {name} | {row['loss']} | {counts} | {other} | {mean} | {seeds:.1f} |"


def table(rows: dict[str, Any]) -> None:
    """Markdown."""
    print("| | program | trained | passed | failed | inconclusive | error | mean difference, points | seeds |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, row in sorted(rows.items(), key=lambda item: (item[1]["kind"], item[1]["loss"])):
        print(line(name, row))


if __name__ == "__main__":
    main()
