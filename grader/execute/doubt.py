"""Failures that say more about our stand-ins than about the notebook: a person should look at them."""

from __future__ import annotations

import re
from collections.abc import Collection

from grader.execute.records import Substitution
from grader.types import Fault

# What notebooks import and a grader need not have installed. A name that is not listed may be a slip of the pen.
LIBRARIES = frozenset(
    """
    PIL albumentations bs4 catboost cv2 datasets efficientnet einops fastai gdown gensim
    huggingface_hub imageio imgaug ipywidgets jax kaggle keras_cv keras_nlp keras_tuner konlpy
    lightgbm lightning mlxtend nltk openai optuna pandas peft pytorch_lightning requests sacremoses
    scipy sentencepiece skimage sklearn spacy statsmodels tensorflow_addons tensorflow_datasets
    tensorflow_hub tensorflow_probability tensorflow_text tf_keras thop timm tokenizers torchaudio
    torchmetrics torchtext torchvision transformers ultralytics xgboost keras torch tensorflow
    """.split()
)
MODULE = re.compile(r"No module named '([^'.]+)")
NETWORK = re.compile(r"no network while a notebook|URL fetch failure|Errno -3|Max retries exceeded")
STAND_IN = re.compile(r"\bInert\b|'(?:Table|Column|Tiny|Small|Images)' object|nothing is drawn here")


def doubt(fault: Fault, substitutions: Collection[Substitution]) -> str:
    """Why this failure may be none of the learner's, as a code with a detail; "" where it is theirs.

    network          it wanted to download something
    file: NAME       it wanted to read a file that was not handed in
    module: NAME     a library that is not installed here
    process          it wanted to start another program
    stand_in         it went on with something that stands in for the real thing, or that was cut short
    """
    kinds = {s.kind for s in substitutions}
    if NETWORK.search(fault.message):
        return "network"
    if fault.type == "ModuleNotFoundError" and (found := MODULE.search(fault.message)) and found[1] in LIBRARIES:
        return f"module: {found[1]}"
    if fault.type == "FileNotFoundError":
        name = fault.message.rpartition(": ")[2].strip("'\"")
        return f"file: {name}"
    if fault.type == "PermissionError" and "fork" in fault.message:
        return "process"
    cut = bool(kinds & {"epochs", "steps", "data_set"})
    stubs = {s.detail for s in substitutions if s.kind == "module"}
    if (
        STAND_IN.search(fault.message)
        or (cut and fault.type in ("IndexError", "AssertionError"))
        or ("pandas" in stubs and fault.type in ("AttributeError", "TypeError", "ValueError", "KeyError"))
    ):
        return "stand_in"
    return ""
