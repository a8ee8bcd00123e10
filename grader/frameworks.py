"""TensorFlow, PyTorch and NumPy behind one small interface. Imported lazily, and only by workers."""

from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from grader.types import Array

MAX_BYTES = 32 << 20  # of one returned array
SENDABLE = {np.dtype(n) for n in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?")}
Gradients = list[Array | None]
KERAS = """activations backend callbacks datasets datasets.cifar10 datasets.mnist initializers layers losses
    metrics models optimizers preprocessing preprocessing.image regularizers utils""".split()


class NotANumber(TypeError):
    """A function returned something that is no numeric array."""


class Framework(Protocol):
    """What a worker needs of a framework."""

    def prepare(self) -> dict[str, str]:
        """Import and configure, without running an operation or starting a thread; library versions."""

    def attach(self) -> None:
        """Only import, in a process that is not ours to configure."""

    def warm(self) -> None:
        """Run one operation, so that everything that is opened lazily is open."""

    def seed(self) -> None:
        """Every source of random numbers as at the start."""

    def tensor(self, array: Array, watched: bool) -> tuple[Any, Any]:
        """The tensor for the learner, and the one to differentiate by."""

    def observe(
        self, function: Callable[[], object], watched: Sequence[Any], cotangent: Array | None
    ) -> tuple[Array, Gradients]:
        """Call `function`; its value, and the gradient by each of `watched` (None where there is none).

        Differentiated is ``sum(cotangent * value)``, or the mean of all entries of the value for
        ``cotangent=None``. A cotangent of another shape than the value gives no gradient.
        Raises NotANumber and whatever `function` raises.
        """

    def array(self, value: object) -> Array | None:
        """The value of a tensor, array or number; None for anything else. Not differentiated."""


def framework(name: str) -> Framework:
    """The framework called "tensorflow", "torch" or "numpy". Raises KeyError for another name."""
    known: dict[str, Callable[[], Framework]] = {"tensorflow": TensorFlow, "torch": Torch, "numpy": Numpy}
    return known[name]()


def numeric(array: Array) -> Array:
    """`array` if it can be sent; bfloat16 as float32. Raises NotANumber."""
    if array.dtype not in SENDABLE and array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype not in SENDABLE:
        raise NotANumber(f"returned values of type {array.dtype.name}, not real numbers")
    if array.nbytes > MAX_BYTES:
        raise NotANumber(f"returned {array.nbytes >> 20} MiB, more than {MAX_BYTES >> 20} MiB")
    return array


def plain(value: object) -> Array | None:
    """A number, a NumPy array or what offers itself as one, as an array; else None."""
    if isinstance(value, bool | int | float | complex | np.generic | np.ndarray):
        return np.asarray(value)
    if hasattr(value, "__array__") and not isinstance(value, type):
        return np.asarray(value)
    return None


def refusal(value: object) -> NotANumber:
    """The complaint about a returned `value`."""
    if value is None:
        return NotANumber("returned None")
    kind = type(value).__name__
    if isinstance(value, list | tuple) and value:
        return NotANumber(f"returned a {kind} of {len(value)} ({type(value[0]).__name__}, ...)")
    return NotANumber(f"returned a {kind}, not a number or an array")


def untracked(value: object) -> Array:
    """A returned number or array that no gradient leads to. Raises NotANumber."""
    array = plain(value)
    if array is None:
        raise refusal(value)
    return numeric(array)


def weights(shape: tuple[int, ...], cotangent: Array | None) -> Array | None:
    """What to weight the entries of an output of `shape` with; None when the cotangent does not fit."""
    if cotangent is None:
        return np.full(shape, 1.0 / max(1, int(np.prod(shape))))
    return cotangent if cotangent.shape == shape else None


def versions(*names: str) -> dict[str, str]:
    """The versions of imported modules, and of Python."""
    found = {name: str(importlib.import_module(name).__version__) for name in names}
    return {**found, "python": platform.python_version()}


def legacy_keras() -> bool:
    """Is `tf.keras` tf_keras here? The environment says so before TensorFlow is imported."""
    return os.environ.get("TF_USE_LEGACY_KERAS") == "1"


class Numpy:
    """Plain functions of arrays; nothing is differentiated."""

    def prepare(self) -> dict[str, str]:
        np.random.seed(0)
        return versions("numpy")

    def attach(self) -> None:
        pass

    def warm(self) -> None:
        np.ones(2) + 1.0

    def seed(self) -> None:
        np.random.seed(0)

    def tensor(self, array: Array, watched: bool) -> tuple[Any, Any]:
        return array.copy(), None

    def observe(
        self, function: Callable[[], object], watched: Sequence[Any], cotangent: Array | None
    ) -> tuple[Array, Gradients]:
        return untracked(function()), [None] * len(watched)

    def array(self, value: object) -> Array | None:
        return plain(value)


class TensorFlow:
    """Eager TensorFlow 2, also for functions under `tf.function`.

    Compiled functions would keep the globals of their first call (`Call.bind`) and could not be
    given stand-ins, so `tf.function` runs the Python function each time.
    """

    def prepare(self) -> dict[str, str]:
        tf: Any = importlib.import_module("tensorflow")
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.run_functions_eagerly(True)
        tf.random.set_seed(0)
        np.random.seed(0)
        for part in KERAS:  # loaded lazily: once here instead of in every worker
            importlib.import_module(f"tensorflow.keras.{part}")
        self.attach()
        return versions("tensorflow", "tf_keras" if legacy_keras() else "keras", "numpy")

    def attach(self) -> None:
        self.tf: Any = importlib.import_module("tensorflow")
        tf = self.tf
        keras = importlib.import_module("tf_keras.src.engine.keras_tensor") if legacy_keras() else tf.keras
        self._symbolic = keras.KerasTensor
        own = () if legacy_keras() else (tf.keras.Variable,)  # Keras 2 has none
        self._variables = (tf.Variable, tf.IndexedSlices, *own)

    def warm(self) -> None:
        tf = self.tf
        with tf.GradientTape() as tape:
            x = tf.ones([2, 2])
            tape.watch(x)
            y = tf.reduce_sum(tf.matmul(x, x))
        tape.gradient(y, x)

    def seed(self) -> None:
        self.tf.keras.utils.set_random_seed(0)  # Python's, NumPy's, TensorFlow's and that of Keras' initializers

    def tensor(self, array: Array, watched: bool) -> tuple[Any, Any]:
        tensor = self.tf.constant(array)
        return tensor, tensor

    def observe(
        self, function: Callable[[], object], watched: Sequence[Any], cotangent: Array | None
    ) -> tuple[Array, Gradients]:
        tf = self.tf
        nothing: Gradients = [None] * len(watched)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for tensor in watched:
                tape.watch(tensor)
            value = function()
            output = value if isinstance(value, tf.Tensor) else self._tensor(value)
        if output is None or not hasattr(output, "numpy"):
            return untracked(value), nothing
        array = numeric(output.numpy())
        scale = weights(array.shape, cotangent)
        if not watched or scale is None or not output.dtype.is_floating:
            return array, nothing
        try:
            found = tape.gradient(output, watched, tf.constant(scale, output.dtype))
        except LookupError:  # an operation that has no gradient
            return array, nothing
        return array, [None if g is None else numeric(tf.convert_to_tensor(g).numpy()) for g in found]

    def _tensor(self, value: object) -> Any:
        """A variable or another of TensorFlow's containers of one tensor, read; None otherwise."""
        if isinstance(value, self._variables):
            return self.tf.convert_to_tensor(value)
        if isinstance(value, self._symbolic):
            raise NotANumber("returned a symbolic Keras tensor, which has no value")
        return None

    def array(self, value: object) -> Array | None:
        if hasattr(value, "numpy") and isinstance(value, self.tf.Tensor | self.tf.Variable):
            return np.asarray(value.numpy())
        return plain(value)


class Torch:
    """Eager PyTorch on one thread."""

    def prepare(self) -> dict[str, str]:
        torch: Any = importlib.import_module("torch")
        for part in ("torch._dynamo", "torch.utils.data", "torch.optim"):
            importlib.import_module(part)  # torch loads _dynamo lazily: 800 modules in every worker
        torch.set_num_threads(1)
        torch.manual_seed(0)
        np.random.seed(0)
        self.attach()
        return versions("torch", "numpy")

    def attach(self) -> None:
        self.torch: Any = importlib.import_module("torch")

    def warm(self) -> None:
        self.torch.ones(2, requires_grad=True).sum().backward()

    def seed(self) -> None:
        self.torch.manual_seed(0)
        np.random.seed(0)

    def tensor(self, array: Array, watched: bool) -> tuple[Any, Any]:
        tensor = self.torch.from_numpy(array.copy())
        if not watched or not tensor.is_floating_point():
            return tensor, None
        # The learner gets a copy: a leaf may not be changed in place, but a layer's output may.
        leaf = tensor.requires_grad_(True)
        return leaf.clone(), leaf

    def observe(
        self, function: Callable[[], object], watched: Sequence[Any], cotangent: Array | None
    ) -> tuple[Array, Gradients]:
        torch = self.torch
        nothing: Gradients = [None] * len(watched)
        value = function()
        if not isinstance(value, torch.Tensor):
            return untracked(value), nothing
        array = self._read(value)
        scale = weights(array.shape, cotangent)
        leaves = [leaf for leaf in watched if leaf is not None]
        if not leaves or scale is None or not value.requires_grad:
            return array, nothing
        seed = torch.from_numpy(np.array(scale)).to(value.dtype)
        found = iter(torch.autograd.grad(value, leaves, seed, allow_unused=True))
        gradients = (None if leaf is None else next(found) for leaf in watched)
        return array, [None if g is None else self._read(g) for g in gradients]

    def _read(self, tensor: Any) -> Array:
        tensor = tensor.detach()
        if tensor.layout is not self.torch.strided:
            raise NotANumber("returned a sparse tensor")
        if tensor.dtype is self.torch.bfloat16:
            tensor = tensor.float()
        return numeric(tensor.resolve_conj().resolve_neg().numpy())

    def array(self, value: object) -> Array | None:
        return self._read(value) if isinstance(value, self.torch.Tensor) else plain(value)
