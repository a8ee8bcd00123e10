"""Which mode a notebook asks for: by what its author says, and else by what its calls need."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from limits_for_tests import cpu_limit

from grader.modes import NEEDS, Mode, detect
from grader.types import Cell, Notebook, Place

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"
TF, KERAS = "import tensorflow as tf\n", "from tensorflow import keras\n"


def notebook(*sources: str) -> Notebook:
    """Cells 1, 3, 5, ...: text stands between them."""
    return Notebook(tuple(Cell(1 + 2 * i, textwrap.dedent(source)) for i, source in enumerate(sources)))


def mode(*sources: str) -> str:
    return detect(notebook(*sources)).name


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # nothing tells
        ("", "keras3"),
        ("# only a remark", "keras3"),
        ("%matplotlib inline", "keras3"),
        (TF + "tf.nn.softmax(x)", "keras3"),
        (TF + "model.fit(x, y, epochs=3)\nhistory.history['accuracy']", "keras3"),
        # other libraries
        ("import torch", "torch"),
        ("import torch.nn as nn\nimport numpy as np", "torch"),
        ("import numpy as np", "numpy"),
        ("import torch\n" + TF, "keras3"),
        # said in so many words
        ("import tf_keras", "legacy"),
        ("import tf_keras as keras\n" + TF, "legacy"),
        ("import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\n" + TF, "legacy"),
        ("import os\nos.environ['TF_USE_LEGACY_KERAS'] = '0'\n" + TF + "m.fit_generator(x)", "keras3"),
        ("import os\nos.environ.setdefault('TF_USE_LEGACY_KERAS', '1')\n" + TF, "legacy"),
        ("%env TF_USE_LEGACY_KERAS=1\n" + TF, "legacy"),
        ("%tensorflow_version 1.x\n" + TF, "tf1"),
        ("%tensorflow_version 2.x\n" + TF, "keras3"),
        ("!pip install tensorflow==1.15\n" + TF, "tf1"),
        ("!pip install -q tensorflow-gpu==1.14.0 numpy\n" + TF, "tf1"),
        ("pip install 'tensorflow<2'\n" + TF, "tf1"),
        ("%pip install tensorflow==2.4.1\n" + TF, "legacy"),
        ("!pip install 'tensorflow<2.16'\n" + TF, "legacy"),
        ("!pip install 'tensorflow<=2.16'\n" + TF, "keras3"),
        ("!pip install tensorflow==2.16.1\n" + TF, "keras3"),
        ("!pip install 'keras<3'\n" + TF, "legacy"),
        ("!pip install keras==2.15\n" + TF, "legacy"),
        ("!pip install 'keras>=3'\n" + TF + "model.fit_generator(x)", "keras3"),
        ("!pip install tf-keras\n" + TF, "legacy"),
        ("!pip install tensorflow\n" + TF + "model.fit_generator(x)", "legacy"),
        ("!pip install tensorflow-datasets==1.3\n" + TF, "keras3"),
        ("import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()", "tf1"),
        ("import tensorflow.compat.v1 as tf", "tf1"),
        ("from tensorflow.compat import v1 as tf", "tf1"),
        (TF + "tf.compat.v1.disable_v2_behavior()", "tf1"),
        # suggested by calls
        (TF + "config = tf.ConfigProto()", "tf1"),
        (TF + "tf.compat.v1.ConfigProto()", "keras3"),
        (TF + "x = tf.placeholder(tf.float32)", "tf1"),
        (TF + "tf.layers.dense(x, 3)", "tf1"),
        (TF + "tf.losses.huber_loss(a, b)", "tf1"),
        (TF + "tf.reduce_sum(x, keep_dims=True)", "tf1"),
        (TF + "tf.contrib.slim.conv2d(x)", "tf1"),
        (TF + "print(history.history['acc'])", "tf1"),
        (TF + "m.compile('adam', 'mse', metrics=['acc'])\nprint(h.history['acc'])", "keras3"),
        (TF + "model.fit_generator(flow)", "legacy"),
        (TF + "model.fit_generator(flow)\nplot(history.history['val_acc'])", "tf1"),
        (TF + "model.fit_generator(flow)\nplot(history.history['accuracy'])", "legacy"),
        (TF + "with tf.GradientTape() as t: pass\ntf.log(x)", "keras3"),
        (TF + "model.save_weights('a.h5')", "legacy"),
        (TF + "model.save_weights('a.weights.h5')", "keras3"),
        (TF + "model.save('folder')\n", "legacy"),
        (TF + "model.save('folder/a.keras')\n", "keras3"),
        (TF + "np.save('folder', x)\n", "keras3"),
        (TF + "tf.keras.models.load_model('shared')", "legacy"),
        (TF + "tf.keras.models.load_model('shared.keras')", "keras3"),
        (TF + "m.compile('Adam', 'categorical_crossentropy', 'accuracy')", "legacy"),
        (TF + "m.compile('Adam', 'categorical_crossentropy', metrics='accuracy')", "legacy"),
        (TF + "m.compile('Adam', 'categorical_crossentropy', metrics=['accuracy'])", "keras3"),
        (TF + "tf.keras.optimizers.Adam(lr=0.1)", "legacy"),
        (TF + "tf.keras.optimizers.Adam(learning_rate=0.1)", "keras3"),
        ("import torch\nimport keras\ntorch.optim.Adam(net.parameters(), lr=0.1)", "keras3"),
        (TF + "m.fit(x, y, workers=4)", "legacy"),
        ("from keras.preprocessing.image import ImageDataGenerator", "legacy"),
        ("from tensorflow.keras import backend as K\nK.set_value(a, 1)", "legacy"),
        ("from tensorflow.keras.layers.experimental.preprocessing import Rescaling", "legacy"),
        ("import keras\nkeras.layers.experimental.preprocessing.Rescaling(1)", "legacy"),
        # as it stands in no code
        (TF + "# tf.ConfigProto()", "keras3"),
        (TF + "text = 'tf.ConfigProto()'", "keras3"),
        ("class A:\n    ConfigProto = 1\nA.ConfigProto\n" + TF, "keras3"),
    ],
)
def test_the_mode_is(source: str, expected: str) -> None:
    assert mode(source) == expected


def test_it_says_where_it_saw_that() -> None:
    found = detect(notebook("%matplotlib inline\n" + TF, "x = 1\n\nconfig = tf.ConfigProto()"))
    assert [(reason.what, reason.place) for reason in found.reasons] == [("tensorflow.ConfigProto", Place(3, 3))]
    assert not found.reasons[0].asked


def test_what_was_asked_for_wins_and_is_the_only_reason() -> None:
    found = detect(notebook(TF + "tf.ConfigProto()\nhistory.history['acc']", "import tf_keras"))
    assert found.name == "legacy"
    assert [(reason.what, reason.asked) for reason in found.reasons] == [("import tf_keras", True)]


def test_names_are_followed_over_cells_and_aliases() -> None:
    assert mode("import tensorflow as T", "def f():\n    return T.Session()") == "tf1"
    assert mode("from tensorflow import Session as S, keras as k", "k.backend.set_value(a, b)") == "tf1"
    assert mode("import tensorflow.keras.backend as K", "K.softmax(x)") == "legacy"
    assert mode("import tensorflow", "tensorflow.keras.backend.softmax(x)") == "legacy"


def test_broken_cells_do_not_hide_the_others() -> None:
    assert mode("def f(:\n  ???\nloss = ?", TF + "loss = ?\ntf.placeholder(1)", "print 'x'") == "tf1"
    assert mode(TF + "x = (\n\ntf.placeholder(1)\n") == "tf1"


def test_libraries_are_listed() -> None:
    found = detect(notebook("import torch.nn as nn", "from keras import layers\nimport os.path"))
    assert found.libraries == {"torch", "keras", "os"}


def test_every_mode_says_what_it_needs() -> None:
    assert set(NEEDS) == {"keras3", "legacy", "tf1", "torch", "numpy"}


def test_it_never_takes_long() -> None:
    long = "pip install " + "tensorflow " * 200_000 + "\n" + "x = tf" + ".a" * 5000 + "\n" + "[" * 5000
    with cpu_limit(10):
        assert isinstance(detect(Notebook((Cell(1, long), Cell(2, "%env " + " " * 200_000)))), Mode)


@pytest.mark.skipif(not SEEDS.is_dir(), reason=f"no texts of courses at {SEEDS}")
@pytest.mark.parametrize(
    ("name", "expected"), [("000", "tf1"), ("001", "torch"), ("002", "keras3"), ("004", "legacy")]
)
def test_notebooks_of_courses(name: str, expected: str) -> None:
    text = next(SEEDS.glob(f"{name}_*.txt")).read_text("utf-8")
    parts = re.split(r"^In \[[\w ]*\]:\n", text, flags=re.M)[1:]
    assert mode(*parts) == expected
