"""Short trainings in a worker: question and reply, one loop, eager mode, hidden labels, the GPU's policy."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader import network
from grader.types import Array, Call, Chunk, Limits, Observation, Program, TrainingCall, Verdict

if sys.platform != "linux":
    pytest.skip("the fork server needs Linux", allow_module_level=True)

from grader.sandbox import jail, landlock, launch, seccomp, survey, wire
from grader.sandbox.attempts import SandboxLost
from grader.sandbox.dialogue import Dialogue, Forged
from grader.sandbox.plain import PlainRunner
from grader.sandbox.pool import Zygote
from grader.sandbox.questions import question, training_question

LIMITS = Limits(wall_s=60.0, cpu_s=50)
RNG = np.random.default_rng(0)
SHARED = {
    "images": RNG.random((40, 8, 8, 1), np.float32),
    "held_out": RNG.random((7, 8, 8, 1), np.float32),
    "teacher": network.initial(RNG, 4, 3, 1),
}
INPUTS = {
    "indices": RNG.integers(0, 40, (3, 6)).astype(np.int32),
    "labels": RNG.integers(-1, 3, (3, 6)).astype(np.int32),
    "weights": network.initial(RNG, 2, 3, 1),
}
SETTINGS = {
    "width": 2, "teacher_width": 4, "classes": 3, "learning_rate": 0.005,
    "checkpoints": 1, "seed": 3, "return_weights": 0,
}  # fmt: skip
TF = """
import tensorflow as tf
traces = 0
def loss(y_true, y_pred):
    global traces
    traces += 1
    return tf.reduce_sum(tf.square(logits_t - logits_s), 1)
def branches(y_true, y_pred):
    total = tf.reduce_sum(logits_s)
    if total > 0.0:
        return total
    return -total
def raises(y_true, y_pred):
    x = logits_s
    return tf.matmul(x, x)
def exhausts(y_true, y_pred):
    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
def fails_on_gpu(y_true, y_pred):
    raise RuntimeError("CUDA error: out of memory")
def noisy(y_true, y_pred):
    return tf.reduce_sum(tf.square(logits_t - logits_s)) * float(tf.random.uniform([], seed=None).shape.rank == 0)
@tf.function
def compiled(x):
    return k * x
def counted(x):
    return float(traces)
def leaves(y_true, y_pred):
    import os
    os._exit(3)
def names(x):
    return float(any(n in globals() for n in ("logits_t", "logits_s", "x1_t", "x3_s", "student", "teacher")))
"""
TORCH = """
import torch, random, numpy
def loss(y_true, y_pred):
    return ((logits_t - logits_s) ** 2).sum(1)
def noisy(y_true, y_pred):
    return ((logits_t - logits_s) ** 2).sum(1) * (torch.rand(()) + random.random() + numpy.random.rand())
def raises(y_true, y_pred):
    x = logits_s
    return x @ x
def names(x):
    return float(any(n in globals() for n in ("logits_t", "logits_s", "x1_t", "x3_s", "student", "teacher")))
"""


def program(source: str) -> Program:
    text = textwrap.dedent(source)
    return Program((Chunk(text, 1),), {}, {1: text})


def training(function: str = "loss", seed: int = 3, id: str = "", **settings: float) -> TrainingCall:
    own = {**SETTINGS, "seed": seed, **settings}
    return TrainingCall(id or f"{function}/seed {seed}", function, SHARED, INPUTS, own)


def numeric(function: str, id: str = "", bind: Mapping[str, Array | float] | None = None) -> Call:
    inputs = {"x": np.ones(2, "f4"), **(bind or {})}
    return Call(id or f"{function}/a", function, ("x",), tuple(bind or ()), inputs)


@pytest.fixture(params=["tensorflow", "torch"])
def both(request: pytest.FixtureRequest) -> tuple[Zygote, str]:
    return request.getfixturevalue(request.param), {"tensorflow": TF, "torch": TORCH}[request.param]


def trained(observation: Observation) -> Observation:
    """It came to its end, in the form that the question asks for."""
    assert observation.ended is Verdict.PASSED, observation
    assert observation.value is not None
    assert (observation.value.dtype, observation.value.shape) == (np.uint8, (1, 7))
    assert observation.arrays["curve"].shape == (3,)
    return observation


# ---------------------------------------------------------------- the question


def body(frame: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    (inner,) = wire.Splitter(1 << 30).feed(frame)
    return wire.decode(inner)


def test_the_question_holds_the_arrays_of_the_call_and_nothing_else() -> None:
    call = training()
    note, arrays = body(training_question(call, call.shared))
    assert note == {
        "id": "loss/seed 3",
        "train": "loss",
        "settings": SETTINGS,
        "shared": ["images", "held_out", "teacher"],
        "probed": False,
    }
    assert set(arrays) == {*SHARED, *INPUTS}
    for name, array in {**SHARED, **INPUTS}.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)
    later, few = body(training_question(call, {}))
    assert later["shared"] == []
    assert set(few) == set(INPUTS)


def test_no_byte_of_the_question_depends_on_held_out_labels() -> None:
    """The frame is its header and the arrays' own bytes: there is no place for anything else."""
    call = training()
    frame = training_question(call, call.shared)
    arrays = b"".join(array.tobytes() for array in (*SHARED.values(), *INPUTS.values()))
    header, rest = frame[: -len(arrays)], frame[-len(arrays) :]
    assert rest == arrays
    secret = np.arange(7, dtype=np.uint8)  # as held-out labels would look, of any usual type
    for dtype in ("u1", "i2", "i4", "i8", "f4", "f8"):
        assert secret.astype(dtype).tobytes() not in frame
    assert b"held_out_labels" not in header
    assert b"[0, 1, 2" not in header


@pytest.mark.parametrize(
    "change",
    [
        {"shared": {**SHARED, "held_out_labels": np.zeros(7, np.uint8)}},
        {"shared": {"images": SHARED["images"]}},
        {"shared": {**SHARED, "images": SHARED["images"].astype("f8")}},
        {"inputs": {**INPUTS, "answers": np.zeros(7, np.int32)}},
        {"inputs": {**INPUTS, "labels": INPUTS["labels"][:2]}},
        {"inputs": {name: INPUTS[name] for name in ("indices", "labels")}},
        {"settings": {**SETTINGS, "margin": 5.0}},
        {"settings": {"width": 2}},
    ],
)
def test_a_training_that_brings_more_or_less_is_our_fault(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="training"):
        Dialogue(program(""), [0], [replace(training(), **change)])


def talk(*calls: Call | TrainingCall) -> Dialogue:
    dialogue = Dialogue(program(""), [], calls)
    dialogue.due()
    dialogue.feed(wire.encode({"is": "hello", "layers": []}) + wire.encode({"is": "loaded"}))
    return dialogue


REPLY = {"predictions": np.zeros((1, 7), np.uint8), "curve": np.zeros(3, np.float32)}


def reply(call: TrainingCall, arrays: Mapping[str, Array] = REPLY) -> bytes:
    return wire.encode({"is": "trained", "id": call.id}, arrays)


def test_shared_arrays_are_sent_once_to_a_worker_and_again_to_the_next() -> None:
    first, second, third = training(seed=1), training(seed=2), training(seed=3)
    other = replace(third, shared={**SHARED, "held_out": SHARED["held_out"] + 1})
    copied = replace(second, shared={name: array.copy() for name, array in SHARED.items()})
    for _ in range(2):  # a worker each
        dialogue = talk(first, numeric("f"), copied, other)
        sent = []
        for answer in (
            reply(first),
            wire.encode({"is": "value", "id": "f/a"}, {"value": np.zeros(())}),
            reply(second),
            reply(other),
        ):
            sent.append(set(body(dialogue.due())[1]))
            dialogue.feed(answer)
        assert sent == [{*SHARED, *INPUTS}, {"x"}, set(INPUTS), {*SHARED, *INPUTS}]
        assert dialogue.finished


# ---------------------------------------------------------------- the reply


def test_a_training_reply_becomes_an_observation() -> None:
    call = training(return_weights=1)
    dialogue = talk(call)
    dialogue.due()
    curve = np.array([1.0, np.nan, np.inf], "f4")  # a learner's loss may come to that
    dialogue.feed(reply(call, {**REPLY, "curve": curve, "weights": np.ones_like(INPUTS["weights"])}))
    observation = dialogue.observations[call.id]
    assert observation.ended is Verdict.PASSED
    assert observation.value is not None
    assert observation.value.shape == (1, 7)
    assert set(observation.arrays) == {"curve", "weights"}
    assert np.array_equal(observation.arrays["curve"], curve, equal_nan=True)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"predictions": REPLY["predictions"]},
        {"curve": REPLY["curve"]},
        {**REPLY, "weights": INPUTS["weights"]},
        {**REPLY, "accuracy": np.ones(1, "f4")},
        {**REPLY, "predictions": np.zeros((1, 8), np.uint8)},
        {**REPLY, "predictions": np.zeros((2, 7), np.uint8)},
        {**REPLY, "predictions": np.zeros(7, np.uint8)},
        {**REPLY, "predictions": np.zeros((1, 7), np.int64)},
        {**REPLY, "predictions": np.full((1, 7), 3, np.uint8)},
        {**REPLY, "curve": np.zeros(3, np.float64)},
        {**REPLY, "curve": np.zeros(4, np.float32)},
        {**REPLY, "curve": np.zeros((3, 1), np.float32)},
        {"value": np.zeros(())},
    ],
)
def test_a_training_reply_of_another_form_is_forged(arrays: dict[str, Array]) -> None:
    call = training()
    dialogue = talk(call)
    dialogue.due()
    with pytest.raises(Forged, match=r"another form|does not exist"):
        dialogue.feed(reply(call, arrays))
    assert dialogue.observations == {}


def test_weights_that_were_asked_for_must_come() -> None:
    for weights in ({}, {"weights": INPUTS["weights"][:-1]}, {"weights": INPUTS["weights"].astype("f8")}):
        call = training(return_weights=1)
        dialogue = talk(call)
        dialogue.due()
        with pytest.raises(Forged, match="another form"):
            dialogue.feed(reply(call, {**REPLY, **weights}))


def test_the_kind_of_a_reply_is_that_of_its_question() -> None:
    for call, note in ((training(), {"is": "value"}), (numeric("f"), {"is": "trained"})):
        dialogue = talk(call)
        dialogue.due()
        arrays = {"value": np.zeros(())} if isinstance(call, Call) else REPLY
        with pytest.raises(Forged, match="what was asked for"):
            dialogue.feed(wire.encode({**note, "id": call.id}, arrays))


# ---------------------------------------------------------------- in a worker


def test_a_student_is_trained(both: tuple[Zygote, str]) -> None:
    zygote, source = both
    run = zygote.run(program(source), [training(return_weights=1)], LIMITS)
    (observation,) = run.observations.values()
    found = trained(observation)
    assert found.arrays["weights"].dtype == np.float32
    assert not np.array_equal(found.arrays["weights"], INPUTS["weights"])
    assert np.isfinite(found.arrays["curve"]).all()


def test_seeds_follow_in_one_worker_and_repeat_to_the_bit(both: tuple[Zygote, str]) -> None:
    zygote, source = both

    def follow(observation: Observation) -> list[TrainingCall]:
        at = int(observation.id.rpartition(" ")[2])
        return [training(seed=at + 1)] if at < 4 else []

    runs = [zygote.run(program(source), [training(seed=1)], LIMITS, follow) for _ in range(2)]
    for run in runs:
        assert list(run.observations) == [f"loss/seed {i}" for i in (1, 2, 3, 4)]
        assert run.workers == 1
    for one, two in zip(runs[0].observations.values(), runs[1].observations.values(), strict=True):
        assert np.array_equal(trained(one).arrays["curve"], trained(two).arrays["curve"])
        assert np.array_equal(one.value, two.value)


def test_chance_in_a_loss_depends_on_the_seed_alone(torch: Zygote) -> None:
    order = [training("noisy", seed, id=f"noisy/{i}") for i, seed in enumerate((5, 6, 5))]
    a, b, c = (trained(o).arrays["curve"] for o in torch.run(program(TORCH), order, LIMITS).observations.values())
    assert np.array_equal(a, c)
    assert not np.array_equal(a, b)


def test_a_loss_is_traced_once_for_all_its_seeds(tensorflow: Zygote) -> None:
    one = tensorflow.run(program(TF), [training(seed=1), numeric("counted")], LIMITS)
    many = tensorflow.run(program(TF), [*(training(seed=i) for i in range(4)), numeric("counted")], LIMITS)
    assert one.observations["counted/a"].value >= 1
    assert one.observations["counted/a"].value == many.observations["counted/a"].value


def test_a_new_worker_gets_images_and_teacher_again(tensorflow: Zygote) -> None:
    asked = [training(seed=1), training("leaves"), training("branches")]
    run = tensorflow.run(program(TF), asked, LIMITS)
    first, gone, again = run.observations.values()
    trained(first)
    assert (gone.ended, gone.detail) == (Verdict.EXITED, "exit status 3")
    trained(again)
    assert run.workers == 2


def test_python_branches_on_tensors_are_compiled(tensorflow: Zygote) -> None:
    (observation,) = tensorflow.run(program(TF), [training("branches")], LIMITS).observations.values()
    assert (trained(observation).arrays["curve"] >= 0).all()


def test_functions_run_eagerly_again_after_a_training(tensorflow: Zygote) -> None:
    """A compiled function keeps the globals of its first call; `k` is another one in each numeric call."""
    asked = [
        numeric("compiled", "compiled/2", {"k": 2.0}),
        training(),
        numeric("compiled", "compiled/3", {"k": 3.0}),
        training("raises"),
        numeric("compiled", "compiled/5", {"k": 5.0}),
    ]
    run = tensorflow.run(program(TF), asked, LIMITS)
    found = [run.observations[f"compiled/{k}"].value for k in (2, 3, 5)]
    assert [float(value[0]) for value in found] == [2.0, 3.0, 5.0]
    trained(run.observations["loss/seed 3"])
    assert run.workers == 1


def test_the_names_of_a_training_are_gone_after_it(both: tuple[Zygote, str]) -> None:
    zygote, source = both
    run = zygote.run(program(source), [training(), training("raises"), numeric("names")], LIMITS)
    assert run.observations["names/a"].value == 0.0


def test_an_exception_in_a_loss_has_its_line(both: tuple[Zygote, str]) -> None:
    zygote, source = both
    (observation,) = zygote.run(program(source), [training("raises")], LIMITS).observations.values()
    assert observation.ended is Verdict.ERROR
    assert observation.fault is not None
    assert observation.fault.place is not None
    line = next(i for i, text in enumerate(source.splitlines(), 1) if text in ("    return x @ x", MATMUL))
    assert (observation.fault.place.cell, observation.fault.place.line) == (1, line)


MATMUL = "    return tf.matmul(x, x)"


@pytest.mark.parametrize("name", ["exhausts", "fails_on_gpu"])
def test_out_of_memory_is_its_own_verdict(tensorflow: Zygote, name: str) -> None:
    (observation,) = tensorflow.run(program(TF), [training(name)], LIMITS).observations.values()
    assert observation.ended is Verdict.MEMORY


def test_a_missing_loss_is_a_name_error_and_the_next_one_trains(torch: Zygote) -> None:
    missing, there = torch.run(program(TORCH), [training("nothing"), training()], LIMITS).observations.values()
    assert missing.fault is not None
    assert missing.fault.type == "NameError"
    trained(there)


def test_numpy_does_not_train() -> None:
    with Zygote("numpy") as zygote:
        run = zygote.run(program("def loss(a, b):\n    return 0.0"), [training()], LIMITS)
    (observation,) = run.observations.values()
    assert observation.fault is not None
    assert observation.fault.type == "TypeError"


def test_a_plain_process_trains_as_well() -> None:
    pytest.importorskip("torch")
    with PlainRunner("torch") as runner:
        asked = [training(seed=1), training(seed=2)]
        for observation in runner.run(program(TORCH), asked, LIMITS).observations.values():
            trained(observation)


# ---------------------------------------------------------------- labels on the disk

OPENS = """
import numpy as np
def opens(path):
    with open(path, "rb") as file:
        return len(file.read())
def looks(x):
    kinds = []
    for path in PATHS:
        try:
            kinds.append(float(opens(path) > 0))
        except (PermissionError, FileNotFoundError):
            kinds.append(-1.0)
    return np.array(kinds)
"""


def look(paths: list[str], zygote: Zygote) -> list[float]:
    """1 for each file that a worker could read, -1 for one that it could not."""
    run = zygote.run(program(f"PATHS = {paths!r}\n{OPENS}"), [numeric("looks")], LIMITS)
    observation = run.observations["looks/a"]
    assert observation.value is not None, observation
    return [float(kind) for kind in observation.value]


needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")


@needs_landlock
@pytest.mark.parametrize("box", ["self", "bwrap"])
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_labels_of_the_bundled_digits_cannot_be_read(box: str, device: str) -> None:
    sklearn = pytest.importorskip("sklearn")
    if box == "bwrap" and not launch.bwrap_works():
        pytest.skip("bubblewrap is not installed or may not work here")
    package = Path(sklearn.__file__).parent
    digits = package / "datasets" / "data" / "digits.csv.gz"
    assert digits.is_file()
    paths = [str(digits), str(package / "__init__.py"), np.__file__, str(package / "datasets" / "_base.py")]
    with Zygote("numpy", device, box=box) as zygote:
        assert look(paths, zygote) == [-1, 1, 1, 1]
        assert look([f"/proc/self/root{digits}", str(digits.parent / "iris.csv")], zygote) == [-1, -1]
    with Zygote("numpy", device, box=box, without=("hiding",)) as zygote:
        assert look(paths, zygote) == [1, 1, 1, 1]


@needs_landlock
def test_a_folder_of_data_can_be_hidden_too() -> None:
    inside = Path(np.__file__).parent / "f2py"  # not imported by the zygote, which in bubblewrap lacks it as well
    with Zygote("numpy", hidden=(str(inside),)) as zygote:
        assert look([str(inside / "__init__.py"), np.__file__], zygote) == [-1, 1]


@needs_landlock
def test_scikit_learn_works_in_a_notebook_but_for_its_data() -> None:
    pytest.importorskip("sklearn")
    source = """
        import numpy as np, scipy.stats
        from sklearn.linear_model import LinearRegression
        from sklearn import datasets
        def fits(x):
            return LinearRegression().fit(np.arange(4.0)[:, None], np.arange(4.0)).coef_
        def loads(x):
            return datasets.load_digits().target
    """
    with Zygote("numpy") as zygote:
        run = zygote.run(program(source), [numeric("fits"), numeric("loads")], LIMITS)
    assert run.load_faults == ()
    assert run.observations["fits/a"].value == pytest.approx([1.0])
    fault = run.observations["loads/a"].fault
    assert fault is not None
    assert fault.type in ("PermissionError", "FileNotFoundError")


def test_trees_without_a_folder(tmp_path: Path) -> None:
    site, other = tmp_path / "lib" / "site", tmp_path / "other"
    for folder in (site / "sk" / "data" / "deep", site / "sk" / "tests", site / "np", other):
        folder.mkdir(parents=True)
    for file in (
        site / "six.py",
        site / "sk" / "a.py",
        site / "sk" / "data" / "labels",
        site / "sk" / "data.py",
        other / "x",
    ):
        file.touch()
    (tmp_path / "link").symlink_to(site)
    (site / "sk" / "linked").symlink_to(site / "sk" / "data")
    hidden = [str(tmp_path / "link" / "sk" / "data")]

    def kept(*trees: Path) -> list[str]:
        return sorted(str(Path(p).relative_to(tmp_path)) for p in landlock.without(map(str, trees), hidden))

    expanded = ["lib/site/np", "lib/site/six.py", "lib/site/sk/a.py", "lib/site/sk/data.py", "lib/site/sk/tests"]
    assert kept(site) == expanded
    assert kept(tmp_path / "link") == expanded  # through a link
    assert kept(tmp_path / "lib", site, other) == [*expanded, "other"]  # trees in trees, each path once
    assert kept(site / "sk" / "data" / "deep", site / "sk" / "data") == []
    assert kept(other, tmp_path / "absent") == ["absent", "other"]
    assert landlock.without([str(site)], []) == (str(site),)


def test_hidden_folders_are_found_where_scikit_learn_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    linked, empty, second = tmp_path / "linked", tmp_path / "empty", tmp_path / "second"
    real, other = tmp_path / "store" / launch.LABELLED, second / "python3.11" / "dist-packages" / launch.LABELLED
    for folder in (real, empty, other):
        folder.mkdir(parents=True)
    linked.symlink_to(tmp_path / "store")
    monkeypatch.setattr(launch.importlib.util, "find_spec", lambda name: None)
    for trees, found in (
        ([empty], []),
        ([linked, empty], [real]),
        ([linked, tmp_path / "store", second], [other, real]),
        ([second / "python3.11", tmp_path / "absent"], [other]),
    ):
        monkeypatch.setattr(launch, "readable_trees", lambda trees=trees: tuple(map(str, trees)))
        assert launch.hidden_folders() == tuple(sorted(str(folder.resolve()) for folder in found))


def test_bubblewrap_covers_every_path_of_a_hidden_folder(tmp_path: Path) -> None:
    folder = tmp_path / "lib" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "lib")
    trees = [str(tmp_path / "lib"), str(tmp_path / "link"), str(tmp_path / "other"), str(tmp_path)]
    assert launch._inside(trees, (str(folder),)) == [str(folder), str(tmp_path / "link" / "data")]
    assert launch._inside(trees, (str(tmp_path / "absent"),)) == []


# ---------------------------------------------------------------- the GPU's policy, without a GPU


@needs_landlock
@pytest.mark.parametrize("framework", ["tensorflow", "torch"])
def test_a_gpu_worker_trains_on_the_processor_where_there_is_no_gpu(
    framework: str, request: pytest.FixtureRequest
) -> None:
    plain: Zygote = request.getfixturevalue(framework)
    source = {"tensorflow": TF, "torch": TORCH}[framework]
    with Zygote(framework, device="gpu") as zygote:
        if launch.gpu_devices():
            pytest.skip("there is a GPU here")
        assert zygote.device == "gpu"
        assert jail.ON_GPU in zygote.layers
        assert {"rlimits (gpu)", "no GPU found"} <= set(zygote.layers)
        assert not {"seccomp", "rlimits"} & set(zygote.layers)
        assert jail.suffices(zygote.layers)
        asked = [training(seed=1), training(seed=2)]
        gpu = zygote.run(program(source), asked, LIMITS)
    cpu = plain.run(program(source), asked, LIMITS)
    for one, two in zip(gpu.observations.values(), cpu.observations.values(), strict=True):
        assert np.array_equal(trained(one).arrays["curve"], trained(two).arrays["curve"])


WIDER = """
import ctypes, mmap, os, resource, socket
import numpy as np
libc = ctypes.CDLL(None, use_errno=True)
def refused(attempt):
    try:
        got = attempt()
    except OSError:
        return 1.0
    return 1.0 if isinstance(got, int) and got == -1 else 0.0
def ioctl(fd, number):
    ctypes.set_errno(0)
    libc.ioctl(fd, ctypes.c_ulong(number), None)
    return -1 if ctypes.get_errno() == 1 else 0
def listens():
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as made:
        made.bind("\\0cuda-uvmfd-1-2")
        made.listen(1)
def connects():
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as made:
        made.connect("\\0cuda-uvmfd-1-2")
def names_a_thread():
    with open(f"/proc/self/task/{os.getpid()}/comm", "w") as file:
        file.write("cuda")
def probe(x):
    return np.array([refused(a) for a in (
        lambda: os.memfd_create("x"),
        listens,
        names_a_thread,
        lambda: ioctl(1, 0xC0204629),
        lambda: ioctl(1, 0x30000001),
        lambda: ioctl(1, 37),
        lambda: mmap.mmap(-1, 1 << 44, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, 0) and 0,
        connects,
        lambda: socket.socket(),
        lambda: socket.socketpair(),
        lambda: os.fork() or os._exit(0),
        lambda: open("/etc/passwd").read(),
        lambda: open("/dev/full", "w"),
        lambda: open("/proc/self/oom_score_adj", "w"),
        lambda: ioctl(1, 0x5412),
        lambda: os.kill(os.getppid(), 0),
    )])
"""
WHAT_CUDA_NEEDS = 7  # of them come first


@needs_landlock
def test_the_gpu_policy_grants_what_cuda_needs_and_no_more() -> None:
    with Zygote("numpy", device="gpu", box="self") as zygote:
        run = zygote.run(program(WIDER), [numeric("probe")], LIMITS)
        value = run.observations["probe/a"].value
        assert value is not None, run
        assert value[:WHAT_CUDA_NEEDS].tolist() == [0] * WHAT_CUDA_NEEDS
        assert value[WHAT_CUDA_NEEDS:].tolist() == [1] * (len(value) - WHAT_CUDA_NEEDS)
    with Zygote("numpy", box="self") as zygote:
        run = zygote.run(program(WIDER), [numeric("probe")], LIMITS)
        assert run.observations["probe/a"].value.tolist() == [1] * len(value)


RESTRICTED = """
import os
from grader.sandbox import kernel, landlock
kernel.prctl(kernel.SET_NO_NEW_PRIVS, 1)
landlock.restrict(["/dev/zero"], [], ["/dev/full"])
for path in ("/dev/full", "/dev/zero", "/dev/random"):
    try:
        print(path, os.open(path, os.O_RDWR) > 0)
    except OSError as error:
        print(path, type(error).__name__)
"""


@needs_landlock
def test_a_device_node_is_usable_only_where_it_is_granted() -> None:
    """With harmless devices in the place of a GPU's."""
    done = subprocess.run(
        [sys.executable, "-c", RESTRICTED], capture_output=True, check=True, cwd=launch.ROOT, text=True
    )
    assert done.stdout.splitlines() == [
        "/dev/full True",
        "/dev/zero PermissionError",
        "/dev/random PermissionError",
    ]


@needs_landlock
def test_a_gpu_that_the_framework_does_not_find_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "gpu_devices", lambda: ("/dev/full",))
    with pytest.raises(SandboxLost, match="the framework finds none"):
        Zygote("numpy", device="gpu", box="self")


def test_a_gpu_worker_does_not_go_without_landlock() -> None:
    with pytest.raises(SandboxLost, match="a GPU worker needs Landlock"):
        Zygote("numpy", device="gpu", without=("landlock",))


def test_the_environment_of_a_gpu_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert launch.environment("cpu")["CUDA_VISIBLE_DEVICES"] == ""
    found = launch.environment("gpu")
    assert "CUDA_VISIBLE_DEVICES" not in found
    assert found["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert set(launch.ENVIRONMENT) - set(found) == {"CUDA_VISIBLE_DEVICES"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert launch.environment("gpu")["CUDA_VISIBLE_DEVICES"] == "1"


def test_the_survey_knows_gpus_by_their_nodes(tmp_path: Path) -> None:
    assert survey.gpu(str(tmp_path))[1:] == (False, "none (optional): short trainings run on the processor")
    (tmp_path / "nvidiactl").touch()
    assert not survey.gpu_present(str(tmp_path))
    assert not survey.gpu(str(tmp_path))[1]
    for name in ("nvidia0", "nvidia-uvm", "nvidia-modeset"):
        (tmp_path / name).touch()
    assert survey.gpu_present(str(tmp_path))
    driver = tmp_path / "version"
    assert survey.gpu(str(tmp_path), str(driver))[2] == "nvidia-uvm, nvidia0, nvidiactl; driver: unknown"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu\nGCC version: 12\n")
    wanted = "nvidia-uvm, nvidia0, nvidiactl; driver: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu"
    assert survey.gpu(str(tmp_path), str(driver)) == ("GPU", True, wanted)


def test_bubblewrap_gets_the_nodes_as_devices() -> None:
    command = launch.bwrap_command((), ("/dev/nvidia0", "/dev/nvidia-caps"))
    at = command.index("/dev/nvidia0")
    assert command[at - 1 : at + 2] == ["--dev-bind", "/dev/nvidia0", "/dev/nvidia0"]
    assert at > command.index("--dev")
    assert "--dev-bind" not in launch.bwrap_command()


def test_the_gpu_filter_is_the_other_one_and_more() -> None:
    for files in seccomp.Files:
        assert len(seccomp.assemble(files, gpu=True)) > len(seccomp.assemble(files))


def test_a_numeric_question_is_as_it_was() -> None:
    note, arrays = body(question(numeric("f", bind={"k": 2.0})))
    assert (note["function"], note["bind"], note["numbers"]) == ("f", ["k"], ["k"])
    assert set(arrays) == {"x", "k"}
