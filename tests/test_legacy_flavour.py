"""The flavour "tensorflow-legacy": the same sandbox, with tf_keras as `tf.keras` and as `keras`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
import textwrap
from collections.abc import Iterator
from importlib.machinery import ModuleSpec

import numpy as np
import pytest

from grader.types import Array, Call, Chunk, Limits, Observation, Program, Run, Verdict

if sys.platform != "linux":
    pytest.skip("the fork server needs Linux", allow_module_level=True)
pytest.importorskip("tensorflow")
pytest.importorskip("tf_keras")

from grader.sandbox.plain import PlainRunner
from grader.sandbox.pool import NotInstalled, Zygote, open_sandbox

X = np.arange(6, dtype="f4").reshape(2, 3)


@pytest.fixture(scope="module")
def legacy() -> Iterator[Zygote]:
    sandbox = open_sandbox("tensorflow-legacy")
    assert isinstance(sandbox, Zygote)
    with sandbox:
        yield sandbox


def run(sandbox: Zygote | PlainRunner, source: str) -> tuple[Run, Observation]:
    """`f(x)` of the program, with its gradient by x."""
    text = textwrap.dedent(source)
    done = sandbox.run(
        Program((Chunk(text, 1),), {}, {1: text}),
        [Call("f/a", "f", ("x",), (), {"x": X}, ("x",))],
        Limits(),
    )
    return done, done.observations["f/a"]


def value(sandbox: Zygote | PlainRunner, source: str) -> Array:
    done, observation = run(sandbox, source)
    assert not done.load_faults
    assert observation.ended is Verdict.PASSED, observation.fault
    assert observation.value is not None
    return observation.value


TELLS = """
    import numpy as np
    import tensorflow as tf
    import keras
    from keras.layers import Dense
    from tensorflow.keras.layers import Dense as TheSame
    from keras.preprocessing.image import ImageDataGenerator

    def f(x):
        model = tf.keras.Sequential([tf.keras.layers.LeakyReLU(alpha=0.25)])
        return np.array([
            hasattr(model, "fit_generator"), hasattr(tf.keras.backend, "set_value"),
            hasattr(tf.keras.layers, "experimental"), Dense is TheSame, keras.layers.Dense is Dense,
            float(model.layers[0].alpha),
        ], dtype="f4")
"""


def test_its_versions_name_tf_keras(legacy: Zygote) -> None:
    assert legacy.versions["tf_keras"] == importlib.metadata.version("tf_keras")
    assert "keras" not in legacy.versions


def test_every_road_to_keras_leads_to_tf_keras(legacy: Zygote) -> None:
    assert value(legacy, TELLS).tolist() == [1, 1, 1, 1, 1, 0.25]


def test_the_plain_runner_takes_it_too() -> None:
    sandbox = PlainRunner("tensorflow-legacy")
    assert {"tensorflow", "tf_keras"} <= set(sandbox.versions)
    assert value(sandbox, TELLS).tolist() == [1, 1, 1, 1, 1, 0.25]


def test_the_other_flavour_has_keras_3(tf_sandbox: Zygote) -> None:
    source = """
        import tensorflow as tf
        def f(x):
            return float(hasattr(tf.keras.Sequential, "fit_generator")) + 2 * float(hasattr(tf.keras, "Variable"))
    """
    assert value(tf_sandbox, source) == 2
    assert "tf_keras" not in tf_sandbox.versions


def test_a_model_takes_a_step_of_training(legacy: Zygote) -> None:
    source = """
        import tensorflow as tf
        def f(x):
            model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(3,))])
            model.compile("sgd", "mse")
            before = model.get_weights()[0]
            model.fit_generator(iter([(x.numpy(), x.numpy()[:, :1] + 1)] * 2), steps_per_epoch=2, verbose=0)
            return float(abs(before - model.get_weights()[0]).max() > 1e-4)
    """
    assert value(legacy, source) == 1


def test_functions_are_observed_as_ever(legacy: Zygote) -> None:
    """Value, gradient, and both eras of TensorFlow in one function."""
    done, observation = run(
        legacy,
        """
        import tensorflow as tf
        def f(x):
            squares = tf.square(tf.log(x + 1.0))
            return tf.reduce_sum(squares, reduction_indices=[1], keep_dims=True)
        """,
    )
    expected = np.log(X + 1) ** 2
    assert observation.value == pytest.approx(expected.sum(axis=1, keepdims=True), rel=1e-6)
    assert observation.gradients["x"] == pytest.approx(2 * np.log(X + 1) / (X + 1) / 2, rel=1e-5)
    assert done.layers == legacy.layers


def test_a_symbolic_tensor_of_keras_2_is_no_value(legacy: Zygote) -> None:
    _, observation = run(legacy, "import keras\ndef f(x):\n    return keras.Input((3,))")
    assert observation.ended is Verdict.ERROR
    assert observation.fault is not None
    assert "symbolic Keras tensor" in observation.fault.message


def test_without_tf_keras_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "tf_keras" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(NotInstalled, match=r"tf_keras is not installed here: pip install 'grader\[legacy\]'"):
        open_sandbox("tensorflow-legacy")
