"""What of a submission is trained, and where: the programs and devices of the training pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("scipy")

from trainings_made_up import (
    ASSIGNMENT,
    AT,
    DATA,
    KD,
    PLAN,
    RKD,
    SAMPLES,
    SOURCE,
    STEPS,
    MadeUp,
    changed_plan,
    confirmed,
    context,
    most_at_once,
    only,
    program_of,
)

from grader.intake import one, read
from grader.pipeline import needed_part, read_notebook
from grader.training import opening
from grader.training.opening import Equipment, open_trainer
from grader.training.programs import members_of, normal_form, scratch_program, training_program
from grader.types import (
    Chunk,
    Found,
    FriendlyError,
    Program,
)

# ---------------------------------------------------------------- programs


def test_a_training_program_is_what_the_loss_needs_at_its_lines() -> None:
    whole = program_of()
    own = training_program(whole, ASSIGNMENT, KD)
    assert own.findings == {KD: whole.findings[KD]}
    assert own.cells == whole.cells
    heads = [chunk.source.strip().splitlines()[0] for chunk in own.chunks]
    assert heads == [
        "import tensorflow as tf",
        "def helper(x):",
        "def knowledge_distillation(l_t, l_s, T):",
        f"def {KD}(y_true, y_pred):",
    ]
    lines = SOURCE.splitlines()
    for chunk in own.chunks:
        for number, line in enumerate(chunk.source.splitlines()):
            assert line in ("", lines[number])


def sample_files() -> list[Path]:
    files = [p for p in sorted(SAMPLES.glob("*/*")) if p.suffix in (".ipynb", ".py")]
    return [p for p in files if p.parent.name != "truncated_file"]


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.parent.name)
def test_each_statement_of_a_training_program_is_one_of_the_submission(path: Path) -> None:
    whole = needed_part(read_notebook(read(one(path))), context())
    for name in STEPS:
        own = training_program(whole, ASSIGNMENT, name)
        assert set(own.chunks) <= set(whole.chunks)
        assert normal_form(training_program(own, ASSIGNMENT, name)) == normal_form(own)
        if whole.findings[name].found == Found.DEFINED:
            assert own.chunks


def test_a_definition_that_wraps_an_earlier_one_keeps_it() -> None:
    source = SOURCE + f"\n{KD} = tf.function({KD})\n"
    own = training_program(program_of(source), ASSIGNMENT, KD)
    assert [c.source.strip().splitlines()[0] for c in own.chunks][-2:] == [
        f"def {KD}(y_true, y_pred):",
        f"{KD} = tf.function({KD})",
    ]


def test_a_loss_may_use_an_exercise_that_it_need_not() -> None:
    source = SOURCE.replace(
        "return attention_transfer(x1_t, x1_s)", "return knowledge_distillation(x1_t, x1_s, 1)"
    )
    own = training_program(program_of(source), ASSIGNMENT, AT)
    assert any("def knowledge_distillation" in chunk.source for chunk in own.chunks)
    assert any("def helper" in chunk.source for chunk in own.chunks)


def test_members_of_an_exercise_are_all_that_it_is_built_on() -> None:
    assert members_of(ASSIGNMENT, RKD) == (RKD, "relational_knowledge_distillation", "pairwise_distance")
    assert members_of(ASSIGNMENT, "pairwise_distance") == ("pairwise_distance",)


def normal(*sources: str) -> str:
    return normal_form(Program(tuple(Chunk(source, 3) for source in sources), {}))


def test_the_normal_form_is_the_code_alone() -> None:
    assert normal("\n\n\nx = 1  # one") == normal("x=1") == normal("(x) = (1)")
    assert normal("def f(a):\n\n  # c\n  return 'a'") == normal('def f( a ):\n        return "a"')
    assert normal("x = 1", "y = 2") == normal("x = 1\ny = 2")
    assert normal("x = 1") != normal("x = 1.0") != normal("x = -1.0")
    assert normal("x = 1", "y = 2") != normal("y = 2", "x = 1")
    assert normal("def f():\n    'doc'\n    return 1") != normal("def f():\n    return 1")


@pytest.mark.parametrize("source", ["x = " + "-" * 5000 + "1", "x = " + "a." * 5000 + "b", "x = = 2", "x = '\0'"])
def test_what_is_too_deep_or_no_python_equals_only_itself(source: str) -> None:
    assert normal(source) == normal(source)
    assert normal(source) != normal(source + "  # a comment")


@pytest.mark.parametrize("framework", ["tensorflow", "torch"])
def test_the_loss_without_a_teacher_knows_no_teacher(framework: str) -> None:
    (chunk,) = scratch_program(framework).chunks
    compile(chunk.source, "scratch", "exec")
    assert not any(name in chunk.source for name in ("logits", "x1_", "teacher", "student"))


def test_numpy_has_no_scratch_program() -> None:
    with pytest.raises(KeyError):
        scratch_program("numpy")


# ---------------------------------------------------------------- devices


@pytest.mark.parametrize(
    ("device", "data", "present", "chosen"),
    [
        ("auto", "digits", True, "cpu"),
        ("auto", "digits", False, "cpu"),
        ("auto", "cifar10", True, "gpu"),
        ("auto", "cifar10", False, "cpu"),
        ("cpu", "cifar10", True, "cpu"),
        ("cpu", "digits", False, "cpu"),
        ("gpu", "digits", True, "gpu"),
        ("gpu", "cifar10", True, "gpu"),
    ],
)
def test_the_device_follows_the_wish_the_data_and_the_machine(
    device: str, data: str, present: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "gpu_present", lambda: present)
    assert Equipment(device).chosen(changed_plan(data=data)) == chosen


@pytest.mark.parametrize("data", ["digits", "cifar10"])
def test_a_gpu_that_is_not_there_is_told(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "gpu_present", lambda: False)
    with pytest.raises(FriendlyError, match="grader doctor"):
        Equipment("gpu").chosen(changed_plan(data=data))


class OnGpu(MadeUp):
    """In the place of a Zygote."""

    def __init__(self, framework: str, device: str) -> None:
        super().__init__()
        self.opened, self.closed = (framework, device), False

    def __enter__(self) -> OnGpu:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


def test_the_trainer_of_a_class_is_opened_for_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "gpu_present", lambda: True)
    monkeypatch.setattr(opening, "Zygote", OnGpu)
    monkeypatch.setattr(
        "grader.training.data.load", lambda name, protocol, path: replace(DATA, digest=f"{name} {path}")
    )
    gym = MadeUp()
    path = tmp_path / "deep" / "training.sqlite"
    with open_trainer(PLAN, "tensorflow", gym, path, Equipment()) as trainer:
        assert (trainer.device, trainer.fallback, trainer.sandbox) == ("cpu", None, gym)
        assert trainer.data.digest == "digits None"
        confirmed(trainer)
    assert path.exists()
    with open_trainer(only(), "tensorflow", gym, path, Equipment("gpu", 2, tmp_path)) as trainer:
        on_gpu = trainer.sandbox
        assert isinstance(on_gpu, OnGpu)
        assert (on_gpu.opened, on_gpu.closed) == (("tensorflow", "gpu"), False)
        assert trainer.device == "gpu"
        assert trainer.fallback is not None
        assert (trainer.fallback.device, trainer.fallback.sandbox) == ("cpu", gym)
        assert trainer.data.digest == f"digits {tmp_path}"
        assert most_at_once(trainer, on_gpu) == 2
    assert on_gpu.closed
