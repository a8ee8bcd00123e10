"""One `tensorflow` that understands notebooks of both eras (worker side only).

The rule: TensorFlow 2's meaning where TF 2 has the name and the call fits its signature, and
`tf.compat.v1`'s otherwise. So `tf.log`, `tf.losses.huber_loss`, `keep_dims=` and `tf.Session()` work,
and code written for TF 2 means what it always meant. `tensorflow.compat.v1` is the same the other way
round. Names are looked up when they are used; nothing here runs an operation or starts a thread, so
that `install` may be called in a process that will fork.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType, TracebackType
from typing import Any

from grader.frameworks import legacy_keras
from grader.sandbox import old_keras

MISSING = object()
# Namespaces in which the eras cannot be mixed: TF 2's alone.
WHOLE = frozenset({"keras", "data", "experimental", "summary", "types", "version", "compat"})
HINTS = {
    "contrib": "tf.contrib was removed in TensorFlow 2",
    "examples": "tensorflow.examples was removed in TensorFlow 2",
}
# tf.layers functions of TF 1 and the Keras layers that do the same (tf.layers is gone with Keras 3).
LAYERS = {
    "flatten": "Flatten",
    "dense": "Dense",
    "conv2d": "Conv2D",
    "max_pooling2d": "MaxPooling2D",
    "average_pooling2d": "AveragePooling2D",
    "batch_normalization": "BatchNormalization",
    "dropout": "Dropout",
}
# Switches between the eras: the worker stays eager.
SWITCHES = (
    "enable_eager_execution", "disable_eager_execution", "enable_v2_behavior", "disable_v2_behavior",
    "enable_resource_variables", "disable_resource_variables", "disable_v2_tensorshape",
)  # fmt: skip


class Namespace(ModuleType):
    """A module whose names come from `first`, where it has them, and else from `second`."""

    def __init__(self, name: str, first: Any, second: Any, own: Mapping[str, Any] | None = None) -> None:
        super().__init__(name)
        for dunder in ("__doc__", "__package__", "__file__", "__path__", "__spec__", "__loader__", "__version__"):
            if (value := vars(first).get(dunder, MISSING)) is not MISSING:
                self.__dict__[dunder] = value
        self.__dict__.update(own or {}, _first=first, _second=second)

    def __getattr__(self, name: str) -> Any:
        found = self._find(name)
        if found is MISSING:
            hint = f" ({HINTS[name]})" if name in HINTS else ""
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}{hint}", name=name, obj=self)
        if not name.startswith("__"):
            self.__dict__[name] = found
        return found

    def _find(self, name: str) -> Any:
        first = getattr(self._first, name, MISSING)
        if name.startswith("__") or name in WHOLE:
            return first
        second = _touch(self._second, name)
        if first is MISSING or second is MISSING or first is second:
            return second if first is MISSING else first
        if isinstance(first, ModuleType) and isinstance(second, ModuleType):
            return Namespace(f"{self.__name__}.{name}", first, second)
        if isinstance(first, FunctionType) and isinstance(second, FunctionType):
            return _either(first, second)
        return first

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *dir(self._first), *dir(self._second)})


class InertSession:
    """tf.Session(): made by notebooks of 2019 and 2020 to set a GPU option. `run` hands values back."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.graph = None

    def run(self, fetches: Any, *_: Any, **__: Any) -> Any:
        """The values of eager tensors, in the structure that they came in."""
        if isinstance(fetches, list | tuple):
            return type(fetches)(map(self.run, fetches))
        if isinstance(fetches, dict):
            return {name: self.run(value) for name, value in fetches.items()}
        return fetches.numpy() if hasattr(fetches, "numpy") else fetches

    def as_default(self) -> InertSession:
        """Itself, for `with sess.as_default():`."""
        return self

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> InertSession:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        return None


def install() -> None:
    """Put the two-era namespace where `import tensorflow` finds it. Once per process; no way back."""
    import tensorflow as tf

    if isinstance(tf, Namespace):
        return
    v1 = tf.compat.v1
    own: dict[str, Any] = dict.fromkeys(SWITCHES, _nothing)
    own.update(Session=InertSession, InteractiveSession=InertSession)
    own["layers"] = Namespace("tensorflow.layers", v1.layers, tf.keras.layers, _layer_functions(tf.keras.layers))
    old = Namespace("tensorflow.compat.v1", v1, tf, own)
    compat = Namespace("tensorflow.compat", tf.compat, tf.compat, {"v1": old})
    both = Namespace("tensorflow", tf, v1, {**own, "compat": compat})
    sys.modules.update({"tensorflow": both, "tensorflow.compat": compat, "tensorflow.compat.v1": old})
    sys.modules["tensorflow.layers"] = own["layers"]
    # `from tensorflow.math import ...` must find the same namespace as `tf.math`, not load TF 2's anew.
    for name in dir(tf):
        if not name.startswith("_") and isinstance(getattr(both, name), Namespace):
            sys.modules[f"tensorflow.{name}"] = getattr(both, name)
    _complete_keras(tf, both)


def _touch(module: Any, name: str) -> Any:
    """A name of the other era; some raise when touched under Keras 3."""
    try:
        return getattr(module, name, MISSING)
    except Exception:
        return MISSING


def _either(first: Callable[..., Any], second: Callable[..., Any]) -> Callable[..., Any]:
    """Call `first` if the arguments fit its signature, else `second` if they fit that one."""

    # functools.wraps copies __module__, by which AutoGraph knows a function of TensorFlow and calls it
    # as it is. (do_not_convert would also switch conversion off for functions handed to map_fn or cond.)
    @functools.wraps(first)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not _fits(first, args, kwargs) and _fits(second, args, kwargs):
            return second(*args, **kwargs)
        return first(*args, **kwargs)

    return call


def _fits(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    try:
        _signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _nothing(*_: Any, **__: Any) -> None:
    """A switch that is already where it has to be."""


def _layer_functions(layers: Any) -> dict[str, Any]:
    def function(layer: str) -> Callable[..., Any]:
        def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            return getattr(layers, layer)(*args, **kwargs)(inputs)

        return call

    return {name: function(layer) for name, layer in LAYERS.items()}


def _complete_keras(tf: Any, both: Namespace) -> None:
    """Names that Keras 2 had under both paths and Keras 3 has under one.

    `keras.backend` (K.sum, K.softmax) and `tf.keras.losses` (kl_divergence, mean_squared_error).
    """
    tf.keras.backend.set_session = _nothing
    if legacy_keras():
        old_keras.install()
        sys.modules["tensorflow.keras"] = tf.keras
        return
    import keras

    for name in dir(keras.losses):
        getattr(both.losses, name, None)  # tf.losses keeps TF 1's where Keras 3 had left it the name
    for module, other in ((tf.keras.backend, keras.backend), (tf.keras.losses, keras.losses)):
        for source, target in ((module, other), (other, module)):
            for name in dir(source):
                if callable(getattr(source, name)) and not name.startswith("_") and not hasattr(target, name):
                    setattr(target, name, getattr(source, name))
    losses = sys.modules["keras.src.losses.loss"]
    known = losses.standardize_reduction
    # Keras 2's default reduction has another name in Keras 3.
    losses.standardize_reduction = lambda name: known("sum_over_batch_size" if name == "auto" else name)  # type: ignore[attr-defined]
    # The very modules that tf.keras has: importing them by these paths would make copies.
    sys.modules["tensorflow.keras"] = sys.modules[tf.keras.__name__]
    sys.modules["tensorflow.keras.backend"] = tf.keras.backend
    sys.modules["tensorflow.keras.losses"] = tf.keras.losses
