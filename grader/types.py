"""Every noun of the grader, frozen. Verbs live in the modules named after what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Text = Mapping[str, str]  # language code -> sentence, e.g. {"en": ..., "ko": ...}
LANGUAGES = ("en", "ko")  # every sentence exists in each of them
NOTHING: Mapping[str, Any] = MappingProxyType({})
REFERENCE = "reference"  # the family that an assignment's own solution belongs to


class FriendlyError(Exception):
    """Something the person at the keyboard can mend; its text is all that they are shown."""


class Verdict(StrEnum):
    """How one check, one exercise or one criterion came out."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"  # an exception in the learner's code
    TIMEOUT = "timeout"  # wall clock
    CPU = "cpu"  # processor time
    MEMORY = "memory"
    CRASHED = "crashed"  # killed by a signal: segfault, abort
    EXITED = "exited"  # left without answering: os._exit, a closed pipe
    FORBIDDEN = "forbidden"  # a system call that nobody makes by accident
    FORGED = "forged"  # a reply that the protocol does not allow
    MISSING = "missing"  # no function of that name
    NOT_ATTEMPTED = "not_attempted"  # the blank is still there
    SKIPPED = "skipped"  # not run because something it needs did not pass
    INCONCLUSIVE = "inconclusive"
    INTERNAL = "internal"  # our fault: never a number


# ---------------------------------------------------------------- notebook -> program


@dataclass(frozen=True)
class Place:
    """A line in the learner's file. `cell` counts every cell from 1; None in a .py file."""

    cell: int | None
    line: int


@dataclass(frozen=True)
class Cell:
    """One code cell (or a whole .py file, number None) as the learner wrote it."""

    number: int | None
    source: str


@dataclass(frozen=True)
class Notebook:
    """What was read from a file: its code cells in order."""

    cells: tuple[Cell, ...]


class Found(StrEnum):
    """What extraction found under an exercise's name."""

    DEFINED = "defined"
    BLANK = "blank"  # `?`, `...`, `pass`, NotImplementedError, or the template unchanged
    BROKEN = "broken"  # its cell does not parse
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """Where an exercise's function stands in the notebook, or why it does not."""

    found: Found
    place: Place | None = None
    definitions: int = 0  # how many times it is defined; the last one counts
    nearest: str | None = None  # for MISSING: the most similar function name found
    detail: str = ""  # for BROKEN: the parser's message


@dataclass(frozen=True)
class Chunk:
    """One top-level statement, to be executed in the learner's namespace.

    `source` is padded with empty lines so that its line numbers are those of the cell.
    """

    source: str
    cell: int | None


@dataclass(frozen=True)
class Remark:
    """Something about the notebook that the learner should know. `kind` selects the sentence."""

    kind: str  # "cell_unparseable", "several_definitions", ...
    place: Place | None = None
    detail: str = ""


@dataclass(frozen=True)
class Program:
    """The part of a notebook that the exercises need, in notebook order."""

    chunks: tuple[Chunk, ...]
    findings: Mapping[str, Finding]  # exercise name -> finding
    cells: Mapping[int | None, str] = field(default_factory=dict)  # cell -> text, for tracebacks
    remarks: tuple[Remark, ...] = ()
    probes: str = ""  # source of the assignment's probes.py, loaded before the chunks
    mode: str = ""  # "legacy" or "keras3" where the notebook asks for a Keras; "": whichever runs it


# ---------------------------------------------------------------- assignment


@dataclass(frozen=True)
class StandIn:
    """A stand-in for a helper during one call: for these arguments it returns that case input.

    `args` and `returns` are names of case inputs (or plain numbers among `args`).
    `symmetric` accepts the arguments in any order.
    """

    function: str
    args: tuple[str | float, ...]
    returns: str
    symmetric: bool = False


@dataclass(frozen=True)
class Case:
    """One set of fixed inputs of one exercise. Arrays are float32 (or one-hot float32)."""

    exercise: str
    name: str
    kind: str  # "ordinary" | "robustness" | "follow_through"
    public: bool
    inputs: Mapping[str, Array | float]
    gradient: tuple[str, ...]  # names of inputs whose gradient is compared
    cotangent: str | None  # name of the input that weights the output; None: mean over all entries
    stand_ins: tuple[StandIn, ...] = ()
    probe: str = ""  # what looks at the learner's work; "": one plain call
    observes: tuple[str, ...] = ()  # what that probe returns

    @property
    def id(self) -> str:
        """Unique within an assignment: ``exercise/name``."""
        return f"{self.exercise}/{self.name}"


@dataclass(frozen=True)
class Limits:
    """What one worker may use."""

    wall_s: float = 20.0
    cpu_s: int = 15
    memory_mb: int = 1536  # address space on top of what the zygote already maps
    scratch_mb: int = 32
    open_files: int = 256


@dataclass(frozen=True)
class CaseSpec:
    """A case as the author wrote it in spec.yaml; `grader.draw` turns it into a Case."""

    name: str
    kind: str
    public: bool
    inputs: Mapping[str, Any]  # input name -> draw recipe or number
    like: str | None  # start from the inputs of this other case of the exercise
    gradient: tuple[str, ...]
    stand_ins: tuple[StandIn, ...]
    probe: str = ""


@dataclass(frozen=True)
class Observable:
    """One thing that a probe observes, and the tolerance relative to its largest expected entry."""

    title: Text
    rtol: float


@dataclass(frozen=True)
class FormulaLine:
    """One line of an exercise's formula as the notebook gives it, and the operation that it stands for."""

    line: str
    means: Text


@dataclass(frozen=True)
class Probe:
    """A function of probes.py: exercises what is not one plain call, and says what it saw."""

    name: str
    inputs: tuple[str, ...]
    observes: Mapping[str, Observable]


@dataclass(frozen=True)
class Exercise:
    """One function or class that the learner writes, or one method of a class."""

    name: str
    title: Text
    args: tuple[str, ...]
    globals: tuple[str, ...]  # notebook names that are bound to case inputs for the call
    uses: tuple[str, ...]  # other exercises that it calls
    returns: str  # "loss": scalar or one value per sample | "array": compared as it is
    gradient: tuple[str, ...]
    rtol: float  # of the largest expected entry
    symmetric: bool
    cases: tuple[CaseSpec, ...]
    probabilities: tuple[str, ...] = ()  # inputs whose rows are the softmax of logits
    probes: Mapping[str, Probe] = field(default_factory=dict)  # empty: each case is one plain call
    definition: str = ""  # where it stands: "Distiller", "Distiller.train_step"; "": under its own name
    variables: tuple[str, ...] = ()  # what stands for it in a notebook that is one script
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # input or "returns" -> names of its axes
    formula: tuple[FormulaLine, ...] = ()

    @property
    def root(self) -> str:
        """The top-level name that defines it."""
        return (self.definition or self.name).partition(".")[0]

    @property
    def method(self) -> str:
        """The method of the class `root` that it is about; empty for all of it."""
        return self.definition.partition(".")[2]


@dataclass(frozen=True)
class Assignment:
    """spec.yaml, loaded. Knows no points and no answers."""

    slug: str
    version: str
    title: Text
    framework: str  # "tensorflow" | "torch" | "numpy"
    exercises: Mapping[str, Exercise]  # in notebook order
    limits: Limits
    folder: str
    digest: str  # sha256 of everything in the folder that can change a verdict
    legacy: bool = False  # notebooks for legacy Keras run too, in a flavour of their own
    probes: str = ""  # source of probes.py
    stand_ins: str = ""  # source of stand_ins.py: data for running whole notebooks
    training: str = ""  # source of probes.py and training.py: how functions are trained that are no loss


# ---------------------------------------------------------------- running


@dataclass(frozen=True)
class Call:
    """One call for the worker: inputs only, never an answer."""

    id: str  # the case id
    function: str
    args: tuple[str, ...]  # input names, in positional order
    bind: tuple[str, ...]  # input names that become globals of the same name
    inputs: Mapping[str, Array | float]
    gradient: tuple[str, ...] = ()
    cotangent: str | None = None
    stand_ins: tuple[StandIn, ...] = ()
    probe: str = ""  # a function of Program.probes that is called instead, with the inputs `args` by name
    observes: tuple[str, ...] = ()
    group: str = ""  # calls of one group share the fate of one that ends the worker; "": the exercise


@dataclass(frozen=True)
class TrainingCall:
    """One short training for the worker: images, labels of a few of them, initial weights; never a held-out label.

    `shared` is the same for all trainings of a worker and is sent once:
      images float32 (N, H, W, C), held_out float32 (M, H, W, C), and where there is a teacher its weights,
      teacher float32 (P,).
    `inputs` belong to one seed:
      indices int32 (steps, batch) into images, labels int32 (steps, batch) with -1 for "no label",
      weights float32 (Q,), the student's initial weights.
    `settings`: width, teacher_width, classes, learning_rate, checkpoints (how often the held-out images are
    classified, evenly spaced, the last time at the end), seed, return_weights (0 or 1).
    """

    id: str  # "<function>/seed 3"
    function: str  # the loss of (y_true, y_pred)
    shared: Mapping[str, Array]
    inputs: Mapping[str, Array]
    settings: Mapping[str, float | int]
    group: str = ""
    probed: bool = False  # the assignment's training.py trains; its networks draw their own initial weights


@dataclass(frozen=True)
class Fault:
    """An exception inside the worker, as the worker told it: untrusted text, cut to size."""

    type: str
    message: str
    place: Place | None = None  # innermost frame in the learner's file
    during: str = "call"  # "load" | "call"


@dataclass(frozen=True)
class Observation:
    """What one call came to. `ended` is the supervisor's word; the rest is what the worker returned.

    PASSED means only that a value came back. A gradient that does not exist is None.
    """

    id: str
    ended: Verdict
    value: Array | None = None
    gradients: Mapping[str, Array | None] = field(default_factory=dict)
    fault: Fault | None = None
    detail: str = ""  # e.g. "signal 11", "over 20 s"
    # Of a probe: what it observed, float32 or float64.
    # Of a training, whose `value` is the predicted classes, uint8 (checkpoints, M):
    # "curve" float32 (steps,), the loss of each step; "weights" float32 (Q,) where they were asked for.
    arrays: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One program through the sandbox."""

    observations: Mapping[str, Observation]  # one for every call of the plan
    load_faults: tuple[Fault, ...] = ()  # chunks that raised; the others ran
    layers: tuple[str, ...] = ()  # sandbox layers in force
    printed: str = ""  # stdout and stderr, first 64 KiB
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_mb: float = 0.0
    mode: str = ""  # "legacy" where it ran with legacy Keras
    workers: int = 1  # how many workers it took (a new one after each abnormal end)


@dataclass(frozen=True)
class Substitution:
    """Something that stood in for what is not there, or that was shortened. `kind` selects the sentence.

    data_set      `detail`: which one
    files         `detail`: which files were laid into the working folder
    module        `detail`: a stub in place of this module
    weights       `detail`: weights that could not be downloaded, so random ones
    epochs        `detail`: the function, "10 -> 1"
    steps         `detail`: the function and argument, "300 -> 2"
    shell         `detail`: the command that was not run
    magic         `detail`: the magic that did nothing
    cuda          `detail`: what stayed on the processor
    workers       `detail`: loaders that ran in their own process
    output        `detail`: the cell whose output was cut
    """

    kind: str
    detail: str = ""
    cell: int | None = None  # where it happened first; None: before the first cell
    times: int = 1


@dataclass(frozen=True)
class Execution:
    """One notebook from top to bottom. `ended` is the supervisor's word where it is not PASSED or ERROR.

    PASSED: every cell ran; what the cells computed is nobody's claim. The rest was told from inside the
    sandbox and is untrusted text, cleaned and cut to size.
    """

    ended: Verdict
    mode: str  # "keras3" | "legacy" | "tf1" | "torch" | "numpy"
    cells: int  # how many code cells there are to run
    ran: tuple[int, ...] = ()  # numbers of those that ran to their end, counting every cell from 1
    cell: int | None = None  # the first failing one, or the one that was running at the end
    line: int | None = None  # in that cell
    fault: Fault | None = None  # with the innermost place in the learner's code, maybe in another cell
    detail: str = ""  # "over 120 s", "signal 11"
    substitutions: tuple[Substitution, ...] = ()
    seconds: float = 0.0  # from the first cell on
    startup_s: float = 0.0  # starting the kernel and importing the framework
    cpu_s: float = 0.0  # all of it
    memory_mb: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    printed: str = ""  # what went past Jupyter to the process's own output, its first 16 KiB


# ---------------------------------------------------------------- judging


@dataclass(frozen=True)
class Answer:
    """What a trusted program returned on one case (float64), or None where it raised."""

    value: Array | None
    gradients: Mapping[str, Array | None]
    arrays: Mapping[str, Array] = field(default_factory=dict)  # of a probe

    @property
    def given(self) -> bool:
        """Whether anything came back."""
        return self.value is not None or bool(self.arrays)


@dataclass(frozen=True)
class Family:
    """One accepted form of an exercise. `note` is told to the learner; empty for the plain form."""

    name: str
    note: Text = field(default_factory=dict)
    helpers: tuple[str, ...] = ()  # forms of the helpers that it goes with; empty: all
    trains: bool = True  # False: right, but so large that it drowns the labels in a training


@dataclass(frozen=True)
class Mistake:
    """One known wrong form of an exercise, with the hint that it earns."""

    name: str
    exercise: str
    hint: Text
    line: int | None = None  # of the exercise's formula, from 1


@dataclass(frozen=True)
class Expected:
    """Everything known about one case: stored numbers, no code."""

    case: Case
    families: Mapping[str, Answer]  # "own family" or "own family/family of the helper it uses"
    mistakes: Mapping[str, Answer]
    rounding: Mapping[str, float]  # check -> float32 error measured on the reference, absolute


@dataclass(frozen=True)
class Expectations:
    """All cases of an assignment with their answers."""

    cases: Mapping[str, Expected]  # case id -> expected
    families: Mapping[str, tuple[Family, ...]]  # exercise -> accepted forms, the reference first
    mistakes: Mapping[str, Mistake]
    digest: str = ""


@dataclass(frozen=True)
class Mismatch:
    """How an actual value differs from the expected one."""

    kind: str  # "none" | "shape" | "dtype" | "non_finite" | "value"
    actual: str = ""  # short rendering
    expected: str = ""
    allowed: float = 0.0  # absolute
    excess: float = float("inf")  # largest difference in units of `allowed`
    wrong: int = 0
    total: int = 0
    factor: float | None = None  # actual == factor * expected, where that holds


@dataclass(frozen=True)
class TrainingRun:
    """One training from one seed. Accuracies were computed outside the worker, from its predictions."""

    seed: int
    accuracies: tuple[float, ...]  # 0..1 on the held-out images, at each checkpoint; the last one counts
    curve: tuple[float, ...]  # loss of each step
    seconds: float = 0.0
    cached: bool = False

    @property
    def accuracy(self) -> float:
        """At the end."""
        return self.accuracies[-1]


@dataclass(frozen=True)
class Summary:
    """Paired differences, distilled minus scratch, in percentage points."""

    n: int
    mean: float
    low: float
    high: float
    margin: float
    confidence: float  # of the interval, at this look: 0..1


@dataclass(frozen=True)
class Comparison:
    """Trainings with a learner's loss against trainings without it: same seeds, batches, initial weights."""

    distilled: tuple[TrainingRun, ...]
    scratch: tuple[TrainingRun, ...]  # of the same seeds, in the same order
    summary: Summary | None  # None before there are enough runs for an interval
    data: str  # "digits"
    labels: int
    steps: int
    device: str  # "cpu" | "gpu"
    seconds: float  # spent on this submission for it


@dataclass(frozen=True)
class CheckResult:
    """One check on one case."""

    exercise: str
    case: str
    check: str  # "defined" | "value" | "gradient:<input>" | what a probe observes | "training"
    verdict: Verdict
    kind: str = "ordinary"  # the case's kind; "training"
    public: bool = True
    mismatch: Mismatch | None = None
    mistake: str | None = None
    fault: Fault | None = None
    place: Place | None = None
    detail: str = ""
    training: Comparison | None = None


@dataclass(frozen=True)
class ExerciseResult:
    """One exercise after all its checks: what scoring and explaining read."""

    exercise: str
    verdict: Verdict
    finding: Finding
    checks: tuple[CheckResult, ...]
    family: str | None = None  # the accepted form it matched
    mistake: str | None = None  # the known mistake it matched
    followed: tuple[str, ...] = ()  # helpers whose failure was not charged here
    proportional: bool = False  # every gradient is a positive multiple of the expected one


# ---------------------------------------------------------------- scoring


@dataclass(frozen=True)
class Criterion:
    """One line of the rubric."""

    id: str
    points: float
    exercise: str | None  # None: every exercise (robustness)
    kind: str = "exercise"  # "exercise" | "robustness" | "training" | "runs_clean"
    needs: tuple[str, ...] = ()  # criteria that must be passed for this one to count
    needs_attempt: tuple[str, ...] = ()  # criteria that must at least have been attempted
    title: Text = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """How the rubric treats what is neither right nor wrong. Shares are 0..1 of the points."""

    follow_through: float = 1.0
    proportional_gradient: float = 0.5
    forbid_families: tuple[str, ...] = ()  # "exercise.family"
    hints: int = 3  # how far a self-check goes: 1 what was expected, 2 the likely mistake, 3 the formula's line


@dataclass(frozen=True)
class Protocol:
    """How a short training goes. Whatever changes here changes every training run."""

    data: str = "digits"
    labels: int = 30  # images whose label is known, equally many of each class
    batch: int = 64  # images of one step
    labelled: int = 16  # of these with a label
    learning_rate: float = 0.005  # of Adam
    student_width: int = 8
    teacher_width: int = 16
    teacher_steps: int = 400  # with all labels
    transfer: int = 1000  # images that are trained on
    held_out: int = 797  # images that accuracy is measured on


@dataclass(frozen=True)
class TrainingPlan:
    """Which exercises are trained, and when that counts as better than scratch."""

    preset: str
    protocol: Protocol
    steps: Mapping[str, int]  # exercise (a loss of y_true and y_pred) -> steps
    always: bool  # also what did not pass its numeric checks
    margin: float  # percentage points above scratch
    seeds_start: int
    seeds_cap: int
    error: float  # chance, on either side, of a wrong decision over all looks


@dataclass(frozen=True)
class Rubric:
    """The part of rubric.yaml for one assignment."""

    assignment: str
    criteria: tuple[Criterion, ...]
    policies: Policies
    digest: str = ""
    training: TrainingPlan | None = None

    @property
    def executes(self) -> bool:
        """Whether whole notebooks are run."""
        return any(criterion.kind == "runs_clean" for criterion in self.criteria)


@dataclass(frozen=True)
class Score:
    """What one criterion earned, and why."""

    criterion: Criterion
    earned: float
    verdict: Verdict
    because: str  # reason code for explain: "passed", "mistake", "follow_through", ...
    detail: str = ""


@dataclass(frozen=True)
class Grade:
    """The whole judgement of one submission. `final` False: no number may be published."""

    final: bool
    earned: float
    possible: float
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Learner:
    """Who handed something in, as far as an export tells. Untrusted text, NFC."""

    name: str = ""
    id: str = ""  # the learning system's own: participant, user id, login
    group: str = ""  # of a team submission
    email: str = ""


@dataclass(frozen=True)
class Submission:
    """One thing handed in."""

    id: str
    path: str  # where it came from, for people ("class.zip!/kim.ipynb")
    data: bytes | None  # the file's content; None when it could not be read
    sha256: str
    problem: str = ""  # what is wrong with the file, "code: detail": the learner's affair
    fault: str = ""  # why we could not read it: ours
    learner: Learner = Learner()
    late: bool = False  # the learning system says so; points know nothing of it
    remarks: tuple[Remark, ...] = ()  # what intake decided: which of several notebooks was taken, ...


@dataclass(frozen=True)
class Graded:
    """One submission with everything that was found out about it."""

    submission: Submission
    assignment: Assignment
    grade: Grade
    program: Program | None
    run: Run | None
    results: tuple[ExerciseResult, ...]
    execution: Execution | None = None  # of the whole notebook, where that was asked for
    unreadable: str = ""  # reason code when the notebook could not be read
    internal: str = ""  # our own fault, in words for the instructor
    notebook: Notebook | None = None  # all code cells, as they were written
    twin: str = ""  # id of the submission whose identical program was run in its place
    timing: Mapping[str, float] = field(default_factory=dict)
