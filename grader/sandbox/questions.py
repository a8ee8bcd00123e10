"""What is asked of a worker, as frames, and what its answers must look like. No input or output.

A call is one evaluation of one function; a training is many steps with one loss. Both questions hold
inputs only. Names are checked against fixed lists here, so that nothing else can slip into a frame.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.sandbox import wire
from grader.types import Array, Call, Observation, TrainingCall, Verdict

Asked = Call | TrainingCall
SHARED = {"images": ("float32", 4), "held_out": ("float32", 4), "teacher": ("float32", 1)}
INPUTS = {"indices": ("int32", 2), "labels": ("int32", 2), "weights": ("float32", 1)}
MOST_WEIGHTS = 4 << 20  # of a network that an assignment brings
SETTINGS = frozenset("width teacher_width classes learning_rate checkpoints seed return_weights".split())


class Forged(ValueError):
    """Something that the protocol does not allow."""


def demand_inputs(call: Asked) -> None:
    """Raises ValueError when a call names inputs that it does not bring, or brings what no worker may see."""
    if isinstance(call, TrainingCall):
        _demand_training(call)
        return
    used = [*call.args, *call.bind, *call.gradient, *([call.cotangent] if call.cotangent else [])]
    used += [name for s in call.stand_ins for name in (*s.args, s.returns) if isinstance(name, str)]
    if unknown := sorted(set(used) - set(call.inputs)):
        raise ValueError(f"call {call.id} uses inputs that it does not bring: {', '.join(unknown)}")


def _demand_training(call: TrainingCall) -> None:
    """Exactly the arrays and settings of a training: held-out labels have no name under which to travel."""
    for arrays, known, optional in ((call.shared, SHARED, {"teacher"}), (call.inputs, INPUTS, set[str]())):
        if not set(known) - optional <= set(arrays) <= set(known):
            raise ValueError(f"training {call.id} brings {sorted(arrays)}, not {sorted(known)}")
        for name, array in arrays.items():
            if (array.dtype.name, array.ndim) != known[name]:
                raise ValueError(f"training {call.id}: {name} is {array.dtype.name} with {array.ndim} axes")
    if set(call.settings) != SETTINGS:
        raise ValueError(f"training {call.id} has the settings {sorted(call.settings)}, not {sorted(SETTINGS)}")
    if call.inputs["indices"].shape != call.inputs["labels"].shape:
        raise ValueError(f"training {call.id}: as many labels as indices")


def question(call: Call) -> bytes:
    """The frame that asks for one call."""
    entries = [[s.function, list(s.args), s.returns, s.symmetric] for s in call.stand_ins]
    note = {
        "id": call.id,
        "function": call.function,
        "args": call.args,
        "bind": call.bind,
        "gradient": call.gradient,
        "cotangent": call.cotangent,
        "stand_ins": entries,
        "probe": call.probe,
        "observes": call.observes,
        "numbers": [name for name, value in call.inputs.items() if wire.is_number(value)],
    }
    return wire.encode(note, {name: wire.as_array(value) for name, value in call.inputs.items()})


def training_question(call: TrainingCall, shared: Mapping[str, Array]) -> bytes:
    """The frame that asks for one training; `shared`: the shared arrays that the worker does not have yet."""
    note = {
        "id": call.id,
        "train": call.function,
        "settings": dict(call.settings),
        "shared": list(shared),
        "probed": call.probed,
    }
    return wire.encode(note, {**shared, **call.inputs})


def same(some: Mapping[str, Array], others: Mapping[str, Array]) -> bool:
    """Are these the same arrays? Answered without looking at the values where they are the same objects."""
    if set(some) != set(others):
        return False
    return all(array is others[name] or np.array_equal(array, others[name]) for name, array in some.items())


def passed(call: Call, arrays: dict[str, Array]) -> Observation:
    """A value came back, or what a probe observed. Raises Forged for what nobody asked for."""
    if call.probe:
        if not set(arrays) <= set(call.observes):
            raise Forged("observations that nobody asked for")
        return Observation(call.id, Verdict.PASSED, arrays=arrays)
    if "value" not in arrays:
        raise Forged("no value")
    allowed = {"value", *(f"d {name}" for name in call.gradient)}
    if not set(arrays) <= allowed:
        raise Forged("gradients that nobody asked for")
    gradients = {name: arrays.get(f"d {name}") for name in call.gradient}
    return Observation(call.id, Verdict.PASSED, value=arrays["value"], gradients=gradients)


def trained(call: TrainingCall, arrays: dict[str, Array]) -> Observation:
    """A training came to its end. Raises Forged unless the arrays are exactly those that follow from `call`.

    A loss that is not finite is no forgery: the learner's may be so.
    """
    steps = call.inputs["indices"].shape[0]
    held_out = call.shared["held_out"].shape[0]
    wanted = {
        "predictions": ("uint8", (int(call.settings["checkpoints"]), held_out)),
        "curve": ("float32", (steps,)),
    }
    if call.settings["return_weights"]:
        own = arrays.get("weights", np.zeros(0)).shape  # of networks that only training.py knows
        free = call.probed and len(own) == 1 and 0 < own[0] <= MOST_WEIGHTS
        wanted["weights"] = ("float32", own if free else call.inputs["weights"].shape)
    if {name: (array.dtype.name, array.shape) for name, array in arrays.items()} != wanted:
        raise Forged("a training of another form")
    predictions = arrays.pop("predictions")
    if predictions.max(initial=0) >= call.settings["classes"]:
        raise Forged("a class that does not exist")
    return Observation(call.id, Verdict.PASSED, value=predictions, arrays=arrays)
