"""The two-era namespace gives TF 1 calls the numbers of tf.compat.v1 and leaves TF 2 calls alone."""

import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from grader.sandbox import dialect

ROOT = Path(__file__).resolve().parent.parent
A = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
B = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def eras() -> Iterator[SimpleNamespace]:
    """`tf`: the two-era namespace, `tf1`: its compat.v1; `new`, `old`: the real modules."""
    import tensorflow as new

    def of_tensorflow() -> dict[str, ModuleType]:
        return {k: m for k, m in sys.modules.items() if k == "tensorflow" or k.startswith("tensorflow.")}

    before = of_tensorflow()
    dialect.install()
    import tensorflow as tf
    import tensorflow.compat.v1 as tf1

    yield SimpleNamespace(tf=tf, tf1=tf1, new=new, old=new.compat.v1)
    for name in of_tensorflow().keys() - before.keys():
        del sys.modules[name]
    sys.modules.update(before)


def value_and_gradient(function: Any, module: Any, new: Any, traced: bool) -> list[np.ndarray]:
    """Value, and gradient in both arguments, of function(module, a, b)."""

    def both(a: Any, b: Any) -> Any:
        with new.GradientTape() as tape:
            tape.watch([a, b])
            value = function(module, a, b)
        return value, *tape.gradient(value, [a, b], unconnected_gradients="zero")

    made = (new.function(both) if traced else both)(new.constant(A), new.constant(B))
    return [np.asarray(part) for part in made]


OLD_CALLS = {
    "log": lambda tf, a, b: tf.log(a * a + 1) * b,
    "div": lambda tf, a, b: tf.div(a, b * b + 1),
    "huber": lambda tf, a, b: tf.losses.huber_loss(a, b),
    "huber_delta": lambda tf, a, b: tf.losses.huber_loss(labels=a, predictions=b, delta=0.3),
    "mse": lambda tf, a, b: tf.losses.mean_squared_error(a, b),
    "keep_dims": lambda tf, a, b: tf.reduce_sum(a * b, axis=1, keep_dims=True),
    "reduction_indices": lambda tf, a, b: tf.reduce_mean(a * b, reduction_indices=[1]),
    "norm": lambda tf, a, b: tf.norm(a - b, axis=1, keep_dims=True),
    "softmax_dim": lambda tf, a, b: tf.nn.softmax(a, dim=0) * tf.nn.log_softmax(b, dim=0),
    "expand_dim": lambda tf, a, b: tf.expand_dims(a, dim=0) - tf.expand_dims(b, dim=1),
    "cross_entropy_v2": lambda tf, a, b: tf.nn.softmax_cross_entropy_with_logits_v2(labels=a, logits=b, dim=-1),
    "l2_dim": lambda tf, a, b: tf.math.l2_normalize(a, dim=1) * tf.nn.l2_normalize(b, dim=0),
    "squared_difference": lambda tf, a, b: tf.squared_difference(a, tf.to_float(b)),
    "matrix": lambda tf, a, b: tf.matrix_diag_part(tf.matmul(a, b, transpose_b=True)),
    "argmax": lambda tf, a, b: a * tf.to_float(tf.argmax(b, dimension=0)),
    "kl": lambda tf, a, b: tf.reduce_sum(tf.distributions.kl_divergence(
        tf.distributions.Categorical(logits=a), tf.distributions.Categorical(logits=b))),
}  # fmt: skip
NEW_CALLS = {
    "keepdims": lambda tf, a, b: tf.reduce_sum(a * b, axis=1, keepdims=True),
    "positional": lambda tf, a, b: tf.reduce_sum(a, 1, True) * tf.norm(b, 2, 1, True),
    "keras_mse": lambda tf, a, b: tf.keras.losses.MSE(a, b),
    "keras_huber": lambda tf, a, b: tf.keras.losses.huber(a, b) + tf.losses.huber(a, b),
    "huber_class": lambda tf, a, b: tf.losses.Huber(delta=0.3)(a, b),
    "cross_entropy": lambda tf, a, b: tf.nn.softmax_cross_entropy_with_logits(labels=a, logits=b),
    "dropout_rate": lambda tf, a, b: tf.nn.dropout(a, 0.0) + b,
    "kld": lambda tf, a, b: tf.keras.losses.KLD(tf.nn.softmax(a), tf.nn.softmax(b, axis=-1)),
    "math": lambda tf, a, b: tf.math.log(a * a + 1) * tf.linalg.norm(b) + tf.where(a > b, a, b),
    "gather": lambda tf, a, b: tf.gather(a, [1, 0], axis=1) - tf.squeeze(b[:, :1]) [:, None],
    "cond": lambda tf, a, b: tf.cond(tf.reduce_sum(a) > 0, lambda: a, lambda: b),
    "scan": lambda tf, a, b: tf.scan(lambda s, x: s * x, a) + tf.map_fn(lambda x: x * x, b),
    "flatten": lambda tf, a, b: tf.keras.layers.Flatten()(a[:, :, None]) * tf.transpose(tf.transpose(b)),
}  # fmt: skip


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "traced"])
@pytest.mark.parametrize("name", OLD_CALLS)
def test_calls_of_the_first_era_have_its_numbers(eras, name, traced):
    actual = value_and_gradient(OLD_CALLS[name], eras.tf, eras.new, traced)
    expected = value_and_gradient(OLD_CALLS[name], eras.old, eras.new, traced)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(part.any() for part in actual[1:])


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "traced"])
@pytest.mark.parametrize("name", NEW_CALLS)
def test_calls_of_the_second_era_keep_their_numbers(eras, name, traced):
    actual = value_and_gradient(NEW_CALLS[name], eras.tf, eras.new, traced)
    expected = value_and_gradient(NEW_CALLS[name], eras.new, eras.new, traced)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_eras_differ_where_the_tests_say_so(eras):
    """Else the two tests above could not tell the eras apart."""
    with pytest.raises(AttributeError):
        OLD_CALLS["huber"](eras.new, A, B)
    with pytest.raises(TypeError):
        OLD_CALLS["keep_dims"](eras.new, A, B)
    labels = eras.new.constant(A)
    gradients = {}
    for module in (eras.tf, eras.old, eras.tf1):
        with eras.new.GradientTape() as tape:
            tape.watch(labels)
            loss = NEW_CALLS["cross_entropy"](module, labels, B)
        gradients[module] = tape.gradient(loss, labels)
    assert gradients[eras.tf] is not None
    assert gradients[eras.old] is None  # TF 1 stops it
    assert gradients[eras.tf1] is None


@pytest.mark.parametrize("name", OLD_CALLS)
def test_compat_v1_is_the_first_eras(eras, name):
    actual = value_and_gradient(OLD_CALLS[name], eras.tf1, eras.new, False)
    expected = value_and_gradient(OLD_CALLS[name], eras.old, eras.new, False)
    np.testing.assert_array_equal(actual[0], expected[0])
    assert eras.tf.compat.v1 is eras.tf1


def test_every_name_of_tf_2_is_there_and_is_its_own(eras):
    for name in dir(eras.new):
        actual, expected = getattr(eras.tf, name), getattr(eras.new, name)
        if name in ("__builtins__", "__package__"):
            continue
        if isinstance(expected, ModuleType):
            assert isinstance(actual, ModuleType), name
            assert set(dir(actual)) >= set(dir(expected)), name
        elif isinstance(expected, str):
            assert actual == expected, name
        elif actual is not expected:
            assert isinstance(expected, FunctionType), name
            assert inspect.signature(actual) == inspect.signature(expected), name
            assert actual.__wrapped__ is expected, name


@pytest.mark.parametrize("name", ["keras", "data", "experimental", "summary", "types", "version"])
def test_namespaces_that_cannot_be_mixed_are_tf_2s(eras, name):
    assert not isinstance(getattr(eras.tf, name), dialect.Namespace)
    assert getattr(eras.tf, name).__name__ == getattr(eras.new, name).__name__


def test_types_stay_the_same(eras):
    assert isinstance(eras.new.constant(1.0), eras.tf.Tensor)
    assert isinstance(eras.tf.Variable(1.0), eras.new.Variable)
    assert eras.tf.keras.Model is eras.new.keras.Model
    assert eras.tf.float32 is eras.new.float32
    assert eras.tf.__version__ == eras.new.__version__


# ---------------------------------------------------------------- AutoGraph


def with_branch(tf, a):
    if tf.reduce_sum(a, keep_dims=False) > 0:
        loss = tf.log(tf.reduce_sum(a * a, axis=1, keep_dims=True))
    else:
        loss = tf.norm(a, axis=1, keep_dims=True)
    for i in tf.range(3):
        loss = loss + tf.to_float(i)
    return loss


def with_mapped_branch(tf, a):
    def each(row):
        if tf.reduce_sum(row) > 0:
            return tf.reduce_sum(row, keep_dims=True)
        return -tf.reduce_max(row, keep_dims=True)

    return tf.map_fn(each, a)


@pytest.mark.parametrize("function", [with_branch, with_mapped_branch])
def test_python_branches_on_tensors_work_in_traced_functions(eras, function):
    traced = eras.tf.function(lambda a: function(eras.tf, a))
    for sign in (1.0, -1.0):
        a = eras.tf.constant(sign * np.abs(A))
        np.testing.assert_allclose(traced(a), function(eras.tf, a), rtol=1e-6)


# ---------------------------------------------------------------- what notebooks import and set up


@pytest.mark.parametrize(
    "code",
    ["import tensorflow as tf; tf.log(2.0)",
     "import tensorflow.compat.v1 as tf; tf.disable_v2_behavior(); tf.log(2.0)",
     "from tensorflow.compat import v1 as tf; tf.disable_eager_execution(); tf.log(2.0).numpy()",
     "from tensorflow import keras; keras.layers.Dense",
     "from tensorflow.keras.layers import *; Conv2D, Flatten()",
     "import tensorflow.keras.backend as K; K.set_session(None); K.sum([1.0]); K.softmax",
     "from tensorflow.keras import backend as K; K.set_session(None); K.epsilon()",
     "import keras; keras.backend.sum([1.0])", "from keras import backend as K; K.softmax, K.set_session",
     "from tensorflow.python.ops import math_ops; math_ops.reduce_sum([1.0])",
     "from tensorflow.python.keras import backend", "from tensorflow.math import log; log(2.0)",
     "from tensorflow.nn import softmax; softmax([[1.0]], dim=0)", "from tensorflow.losses import huber_loss",
     "from tensorflow.layers import flatten; flatten", "import tensorflow.keras.losses as L; L.KLD",
     "from tensorflow.keras.preprocessing.image import ImageDataGenerator",
     "from tensorflow import *; reduce_sum([1.0])",
     "import tensorflow as tf\nconfig = tf.ConfigProto(gpu_options=tf.GPUOptions(allow_growth=True))\n"
     "config.gpu_options.allow_growth = True\nwith tf.Session(config=config) as sess:\n    sess.run(tf.log(1.0))",
     "import tensorflow as tf; tf.enable_eager_execution(); tf.set_random_seed(1); tf.InteractiveSession()",
     "import tensorflow as tf; tf.get_default_graph(); tf.train.AdamOptimizer(0.1); tf.layers.Flatten()",
     "import tensorflow as tf; tf.layers.dense(tf.ones([2, 3]), 4, activation=tf.nn.relu)",
     "import tensorflow as tf; tf.losses.kd = len; assert tf.losses.kd is len; del tf.losses.kd"],
)  # fmt: skip
def test_what_notebooks_write_runs(eras, code):
    exec(code, {})


def test_imported_and_dotted_names_are_the_same_namespace(eras):
    assert importlib.import_module("tensorflow.math") is eras.tf.math
    assert importlib.import_module("tensorflow.compat.v1") is eras.tf.compat.v1
    assert isinstance(eras.tf.math, dialect.Namespace)


def test_a_session_hands_values_back(eras):
    made = eras.tf.Session().run([eras.tf.constant(2.0), {"a": eras.tf.log(1.0)}, 3], feed_dict={})
    assert made == [2.0, {"a": 0.0}, 3]


def test_flatten_of_the_first_era(eras):
    x = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(eras.tf.layers.flatten(x), x.reshape(2, 12))


def test_losses_that_keras_3_has_under_one_path_are_under_both(eras):
    import keras
    from tensorflow.keras.losses import kl_divergence

    assert kl_divergence is eras.tf.keras.losses.KLD is keras.losses.KLD
    assert eras.tf.keras.losses.mean_squared_error is eras.tf.keras.losses.MSE
    assert eras.tf.keras.losses.mean_squared_error(A, B).shape == (4,)
    assert eras.tf.losses.mean_squared_error(A, B).shape == ()  # TF 1's


def test_unknown_names_are_attribute_errors(eras):
    with pytest.raises(AttributeError, match=r"^module 'tensorflow' has no attribute 'mean'$"):
        _ = eras.tf.mean
    with pytest.raises(AttributeError, match=r"'tensorflow\.losses' has no attribute 'kd'"):
        _ = eras.tf.losses.kd
    with pytest.raises(AttributeError, match=r"tf\.contrib was removed in TensorFlow 2"):
        _ = eras.tf.contrib
    assert not hasattr(eras.tf.nn, "nothing")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("tensorflow.contrib.slim")


def test_a_call_that_fits_neither_era_has_the_second_eras_message(eras):
    with pytest.raises(TypeError) as actual:
        eras.tf.reduce_sum(*range(9))
    with pytest.raises(TypeError) as expected:
        eras.new.reduce_sum(*range(9))
    assert str(actual.value) == str(expected.value)


# ---------------------------------------------------------------- before a fork

FRESH = """
import os, sys
import tensorflow as tf
tf.keras.layers
from grader.sandbox import dialect
dialect.install()
installed = sys.modules["tensorflow"]
dialect.install()
assert sys.modules["tensorflow"] is installed
from tensorflow.python.eager import context
print(len(os.listdir("/proc/self/task")), context.context()._context_handle)
pid = os.fork()
if pid == 0:
    import tensorflow as tf
    loss = tf.function(lambda a: tf.losses.huber_loss(a, tf.log(a)))(tf.constant([1.0, 2.0]))
    os._exit(0 if loss.shape == () else 3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_installing_runs_no_operation_and_starts_no_thread():
    environment = {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", FRESH],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split() == ["1", "None", "0"], done.stderr
