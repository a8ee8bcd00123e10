"""Program + exercise results -> one check "training" per trained exercise.

A student is trained with the learner's loss and one without it from the same seed: same labelled
images, batches and initial weights. Seeds are added until the paired differences decide (stats.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from grader.training import stats
from grader.training.programs import members_of, training_program
from grader.training.trainer import Clock, Trainer, Training
from grader.types import (
    NOTHING,
    Assignment,
    CheckResult,
    Comparison,
    ExerciseResult,
    Family,
    Found,
    Observation,
    Program,
    Summary,
    TrainingCall,
    TrainingRun,
    Verdict,
)

Forms = Mapping[str, Sequence[Family]]
# A right loss can be slow or large: that is no reason to fail it. A person looks.
OUT_OF_BOUNDS = {Verdict.TIMEOUT: "too slow", Verdict.CPU: "too slow", Verdict.MEMORY: "memory"}


def confirm(
    program: Program,
    results: Sequence[ExerciseResult],
    assignment: Assignment,
    forms: Forms,
    trainer: Training,
    stored: Mapping[str, CheckResult] = NOTHING,
    watch: Callable[[Sequence[ExerciseResult]], None] = lambda results: None,
) -> tuple[ExerciseResult, ...]:
    """`results` with the check "training" added to every exercise that the plan trains.

    `forms` are the accepted forms of every exercise. `stored`: checks of this program, trained earlier.
    `watch` is told after each exercise that took time, with what still lacks its check as it was.
    """
    by_name = {result.exercise: result for result in results}
    done = dict(by_name)

    def checked(result: ExerciseResult) -> ExerciseResult:
        if result.exercise not in trainer.plan.steps:
            return result
        members = [by_name[name] for name in members_of(assignment, result.exercise)]
        check = _why_not(result, members, forms, trainer.plan.always)
        if check is None and result.exercise in stored:
            check = stored[result.exercise]
        trained = check is None
        if check is None:
            check = _train(result, program, assignment, trainer.ready())
        done[result.exercise] = replace(result, checks=(*result.checks, check))
        if trained:
            watch(tuple(done.values()))
        return done[result.exercise]

    return tuple(map(checked, results))


def _why_not(
    result: ExerciseResult, members: Sequence[ExerciseResult], forms: Forms, always: bool
) -> CheckResult | None:
    """The check of what is not trained; None for what is."""
    check = _unjudged(result)
    if result.finding.found != Found.DEFINED or result.verdict == Verdict.INTERNAL:
        return replace(check, verdict=result.verdict)
    if any(not form.trains and form.name == one.family for one in members for form in forms[one.exercise]):
        return replace(check, detail="form")
    if always:
        return None
    if result.verdict != Verdict.PASSED:
        return replace(check, detail="numeric")
    # What trains is the loss with the learner's own helpers. Where one of them is wrong, it was charged there.
    return replace(check, detail="followed") if result.followed else None


def _unjudged(result: ExerciseResult) -> CheckResult:
    return CheckResult(result.exercise, "", "training", Verdict.SKIPPED, "training", place=result.finding.place)


def _train(result: ExerciseResult, program: Program, assignment: Assignment, trainer: Trainer) -> CheckResult:
    own = training_program(program, assignment, result.exercise)
    start = time.monotonic()
    trial = Trial(own, result.exercise, trainer).run()
    if trial.ended is not None and trial.ended.ended == Verdict.MEMORY and trainer.fallback is not None:
        trial = Trial(own, result.exercise, trainer.fallback).run()
    return trial.result(_unjudged(result), time.monotonic() - start)


class Trial:
    """The trainings of one exercise of one learner, from the first seed to the decision."""

    def __init__(self, program: Program, function: str, trainer: Trainer) -> None:
        self._program, self._function, self._trainer = program, function, trainer
        self._steps = trainer.plan.steps[function]
        self._looks = iter(stats.looks(trainer.plan.seeds_start, trainer.plan.seeds_cap))
        self._runs: dict[int, TrainingRun] = {}
        self._scratch: tuple[TrainingRun, ...] = ()
        self._asked: dict[str, TrainingCall] = {}
        self._wanted = next(self._looks)  # seeds at the look that comes next
        self._verdict: Verdict | None = None
        self._summary: Summary | None = None
        self.ended: Observation | None = None  # what was no training

    def run(self) -> Trial:
        """Train until decided. A finished seed is stored at once, so that an interruption repeats none."""
        with self._trainer.alone(self._program, self._function, self._steps):
            while self._verdict is None and self.ended is None:
                seeds = self._trainer.seeds(self._wanted)
                self._scratch = self._trainer.scratch(seeds, self._steps)
                missing = [seed for seed in seeds if seed not in self._runs]
                self._runs |= self._trainer.known(self._program, self._function, missing, self._steps)
                if calls := self._next():
                    self._train(calls)
                else:
                    self._look()
        return self

    def _train(self, calls: Sequence[TrainingCall]) -> None:
        self._clock = Clock()
        answers = self._trainer.train(self._program, calls, self._follow)
        # Not told to _follow: the end of a run that is given up, and an answer that proved forged later.
        self.ended = self.ended or next((a for a in answers.values() if a.ended != Verdict.PASSED), None)
        if self.ended is not None and self.ended.ended == Verdict.FORGED:
            self._trainer.forget(self._program, self._function, [*self._runs], self._steps)

    def result(self, check: CheckResult, seconds: float) -> CheckResult:
        """What to report."""
        check = replace(check, training=self._comparison(seconds))
        if self.ended is None:
            assert self._verdict is not None
            return replace(check, verdict=self._verdict)
        bound = OUT_OF_BOUNDS.get(self.ended.ended)
        if self.ended.ended == Verdict.ERROR and self._trainer.probed:
            bound = "error"  # it passed its numeric checks: our loop may ask for what it need not do
        if bound:
            fault, why = self.ended.fault, f"{bound}: {self.ended.detail}"
            return replace(check, verdict=Verdict.INCONCLUSIVE, detail=why, fault=fault)
        place = self.ended.fault.place if self.ended.fault else None
        return replace(
            check,
            verdict=self.ended.ended,
            fault=self.ended.fault,
            place=place or check.place,
            detail=self.ended.detail,
        )

    def _next(self) -> list[TrainingCall]:
        """The next seed to train, if one is missing."""
        seed = next((seed for seed in self._trainer.seeds(self._wanted) if seed not in self._runs), None)
        if seed is None:
            return []
        call = self._trainer.call(self._function, seed, self._steps)
        self._asked[call.id] = call
        return [call]

    def _follow(self, answer: Observation) -> Sequence[TrainingCall]:
        """One seed is done: ask for another in the same worker, or decide."""
        if answer.ended != Verdict.PASSED:
            self.ended = self.ended or answer
            return ()
        run = self._trainer.keep(self._program, self._asked[answer.id], answer, self._clock.lap())
        self._runs[run.seed] = run
        if calls := self._next():
            return calls
        self._look()
        if self._verdict is not None:
            return ()
        # Runs without a teacher are made in a worker of their own; this one does not wait for them.
        stored = self._trainer.stored_scratch(self._trainer.seeds(self._wanted), self._steps)
        self._scratch = stored or self._scratch
        return self._next() if stored else ()

    def _look(self) -> None:
        pairs = zip((self._runs[run.seed] for run in self._scratch), self._scratch, strict=True)
        differences = [100 * (ours.accuracy - without.accuracy) for ours, without in pairs]
        resolution = 100 / len(self._trainer.data.held_out_labels)
        self._verdict, self._summary = stats.decide(differences, self._trainer.plan, resolution)
        if self._verdict is None:
            self._wanted = next(self._looks)

    def _comparison(self, seconds: float) -> Comparison | None:
        if not self._runs:
            return None
        trainer = self._trainer
        scratch = tuple(run for run in self._scratch if run.seed in self._runs)
        return Comparison(
            tuple(self._runs[run.seed] for run in scratch),
            scratch,
            self._summary,
            trainer.data.name,
            trainer.plan.protocol.labels,
            self._steps,
            trainer.device,
            seconds,
        )
