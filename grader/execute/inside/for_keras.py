"""Keras of either generation: short epochs, tiny data, no downloads; the TensorFlow of 2019. Kernel's side."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from grader.execute.inside import tiny
from grader.execute.inside.telling import Telling
from grader.sandbox import old_keras

STEPS = 1
LONG = ("fit", "fit_generator", "evaluate", "predict", "evaluate_generator", "predict_generator")
V1 = "tf_keras.api._v1.keras"


def install(mode: str, telling: Telling) -> None:
    """Import TensorFlow as the mode wants it and put the stand-ins in place."""
    tf: Any = importlib.import_module("tensorflow")
    # Improving a graph takes longer than running it once.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if mode == "tf1":
        keras = _tensorflow_1(tf)
    elif mode == "legacy":
        old_keras.install()
        keras = importlib.import_module("keras")
    else:
        keras = tf.keras
    for model in _model_classes(mode, keras):
        for name in LONG:
            if name in vars(model):
                setattr(model, name, shorter(getattr(model, name), telling))
    if mode == "keras3":
        _without_xla(keras.Model)
    namespaces = _namespaces(keras)
    for name in tiny.SHAPES:
        for place in namespaces:
            if data := _part(place, f"datasets.{name}"):
                data.load_data = functools.partial(_load_data, name, telling)
    for place in namespaces:
        if utils := _part(place, "utils"):
            utils.to_categorical = _keeping_length(utils.to_categorical)
        if applications := _part(place, "applications"):
            _without_weights(applications, telling)


def _tensorflow_1(tf: Any) -> Any:
    """`tensorflow` is `tensorflow.compat.v1` from here on, with graphs, and so are its Keras and `keras`."""
    old = tf.compat.v1
    old.disable_v2_behavior()
    old_keras.install({"keras": V1, "tensorflow.keras": V1})
    sys.modules["tensorflow"] = old
    keras = importlib.import_module(V1)
    sys.modules["tensorflow.keras"] = keras
    old.keras = keras
    if not hasattr(old, "__version__"):
        old.__version__ = tf.__version__
    return keras


def _model_classes(mode: str, keras: Any) -> list[Any]:
    """Every class that defines `fit`, wherever in the ancestry of Model it stands."""
    found = [cls for cls in keras.Model.__mro__ if "fit" in vars(cls)]
    if mode in ("legacy", "tf1"):
        for name in ("training", "training_v1"):
            found.append(importlib.import_module(f"tf_keras.src.engine.{name}").Model)
    return list(dict.fromkeys(found))


def _namespaces(keras: Any) -> list[Any]:
    """The roads to Keras, which are different module objects."""
    names = (
        "keras",
        "tensorflow.keras",
        "keras._tf_keras.keras",
        "keras.api",
        "tf_keras",
        "tf_keras.api._v2.keras",
    )
    return list({id(m): m for m in (keras, *(sys.modules.get(name) for name in names)) if m}.values())


def _part(module: Any, path: str) -> Any:
    try:
        return functools.reduce(getattr, path.split("."), module)
    except AttributeError:
        return None


def _load_data(name: str, telling: Telling, *_: Any, **__: Any) -> Any:
    telling.substitution("data_set", f"keras.datasets.{name}")
    return tiny.load_data(name)


def _keeping_length(function: Callable[..., Any]) -> Callable[..., Any]:
    if getattr(function, "shortened", False):
        return function

    @functools.wraps(function)
    def to_categorical(y: Any, *args: Any, **kwargs: Any) -> Any:
        made = function(np.asarray(y) if isinstance(y, tiny.Tiny) else y, *args, **kwargs)
        real = getattr(y, "stands_for", 0) if isinstance(y, tiny.Tiny) else 0
        return tiny.tiny(made, real) if real and isinstance(made, np.ndarray) else made

    to_categorical.shortened = True  # type: ignore[attr-defined]
    return to_categorical


# ---------------------------------------------------------------- schedules


def shorter(function: Callable[..., Any], telling: Telling) -> Callable[..., Any]:
    """The same method with one epoch and few steps. Its history has as many entries as epochs ran."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # says itself what is wrong
        given = bound.arguments
        first = given.get("initial_epoch") or 0
        epochs = given.get("epochs")
        if isinstance(epochs, int) and epochs > first + 1:
            telling.substitution("epochs", f"{function.__name__}: {epochs} -> {first + 1}")
            given["epochs"] = first + 1
        for name in ("steps_per_epoch", "validation_steps", "steps"):
            if isinstance(given.get(name), int | float | np.integer) and given[name] > STEPS:
                telling.substitution("steps", f"{function.__name__}({name}): {given[name]} -> {STEPS}")
                given[name] = STEPS
        for name in ("workers", "use_multiprocessing"):
            if given.get(name):
                given[name] = 1 if name == "workers" else False
                telling.substitution("workers", f"{function.__name__}({name}=)")
        return function(*bound.args, **bound.kwargs)

    return call


def _without_xla(model: Any) -> None:
    """Compiling a step takes XLA seconds, which pay off after thousands of steps only."""
    compile_ = model.compile

    @functools.wraps(compile_)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 9 and kwargs.get("jit_compile", "auto") == "auto":
            kwargs["jit_compile"] = False
        return compile_(*args, **kwargs)

    model.compile = call


def _without_weights(applications: Any, telling: Telling) -> None:
    """`weights="imagenet"` would be downloaded: random ones instead."""

    def random_weights(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def build(*args: Any, **kwargs: Any) -> Any:
            bound = inspect.signature(function).bind_partial(*args, **kwargs)
            if bound.arguments.get("weights", "imagenet") is not None:
                telling.substitution("weights", f"keras.applications.{function.__name__}")
                bound.arguments["weights"] = None
            return function(*bound.args, **bound.kwargs)

        build.shortened = True  # type: ignore[attr-defined]
        return build

    modules = [applications, *(m for m in vars(applications).values() if isinstance(m, ModuleType))]
    for module in modules:
        for name, function in list(vars(module).items()):
            if isinstance(function, FunctionType) and name[:1].isupper() and not hasattr(function, "shortened"):
                setattr(module, name, random_weights(function))
