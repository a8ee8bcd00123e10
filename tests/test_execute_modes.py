"""Whole notebooks of each era run clean in the mode that they call for, on tiny data and a short schedule."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from grader.execute.records import Bounds
from grader.notebook import parse_notebook
from grader.types import Cell, Execution, Notebook, Place, Verdict

if sys.platform != "linux":
    pytest.skip("strangers' code is run on Linux only", allow_module_level=True)
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

from test_course_notebook import ANSWERS, TEXT
from test_course_notebook import notebook as course_notebook

from grader.execute.run import execute
from grader.sandbox.pool import Unprotected

AMPLE = Bounds(wall_s=600)


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    try:
        execute(Notebook((Cell(1, "import numpy"),)), AMPLE)
    except Unprotected as why:
        pytest.skip(str(why))


def clean(*cells: str, mode: str, stand_ins: str = "") -> Execution:
    """Run these cells; every one must run, in that mode."""
    sources = [textwrap.dedent(cell) for cell in cells]
    done = execute(Notebook(tuple(Cell(i, s) for i, s in enumerate(sources, 1))), AMPLE, stand_ins=stand_ins)
    assert done.mode == mode
    assert done.ended is Verdict.PASSED, done
    assert done.ran == tuple(range(1, len(cells) + 1))
    return done


def told(done: Execution) -> set[tuple[str, str]]:
    return {(s.kind, s.detail) for s in done.substitutions}


# How Keras was written in 2020, for TensorFlow 1.15.
OLD = (
    """
    %tensorflow_version 1.x
    %matplotlib inline
    import matplotlib.pyplot as plt
    import tensorflow as tf
    from tensorflow.keras.layers import *
    from tensorflow.keras.preprocessing.image import ImageDataGenerator
    from keras.utils import to_categorical
    """,
    """
    options = tf.ConfigProto()
    options.gpu_options.allow_growth = True
    session = tf.Session(config=options)
    """,
    """
    (x, y), (x_val, y_val) = tf.keras.datasets.cifar10.load_data()
    x, y = x / 255.0, to_categorical(y, 10)
    x_val, y_val = x[45000:], y[45000:]
    flow = ImageDataGenerator(horizontal_flip=True).flow(x, y, batch_size=16)
    """,
    """
    inputs = Input(shape=(32, 32, 3))

    def build(width):
        hidden = Conv2D(width, (3, 3), strides=4)(inputs)
        hidden = Activation('relu')(BatchNormalization()(hidden))
        logits = Dense(10)(GlobalAveragePooling2D()(hidden))
        return tf.keras.models.Model(inputs, Activation('softmax')(logits)), logits

    teacher, teacher_logits = build(4)
    student, student_logits = build(2)
    student.save_weights('start.h5')
    """,
    """
    def soft_loss(y_true, y_pred):
        soft = tf.nn.softmax(teacher_logits / 2.0, dim=1)
        kd = -tf.reduce_mean(tf.reduce_sum(soft * tf.nn.log_softmax(student_logits / 2.0), reduction_indices=1))
        return tf.keras.losses.categorical_crossentropy(y_true, y_pred) + 0.5 * kd

    student.load_weights('start.h5')
    student.compile(optimizer='adam', loss=soft_loss, metrics=['accuracy'])
    history = student.fit_generator(flow, steps_per_epoch=300, epochs=10, validation_data=(x_val, y_val))
    """,
    """
    plt.plot(range(10), history.history['acc'], 'r--')
    print('%.2f%%' % (max(history.history['val_acc']) * 100,))
    assert len(history.history['acc']) == 1
    with tf.variable_scope('more'):
        weight = tf.get_variable('weight', [2])
    session.run(tf.global_variables_initializer())
    assert session.run(weight).shape == (2,)
    """,
)


def test_the_tensorflow_of_2019() -> None:
    pytest.importorskip("tf_keras")
    done = clean(*OLD, mode="tf1")
    assert {
        ("data_set", "keras.datasets.cifar10"),
        ("epochs", "fit_generator: 10 -> 1"),
        ("steps", "fit_generator(steps_per_epoch): 300 -> 1"),
        ("module", "matplotlib"),
    } <= told(done)
    assert {"tensorflow", "tf_keras"} <= set(done.versions)


STAND_INS = """
import numpy as np

def prepare():
    labels = ["fine_labels,coarse_labels"] + [f"fox{i % 3},{('small', 'big')[i % 2]}_mammals" for i in range(12)]
    for part, name in (("10_train", "10_tr_labels"), ("10_test", "10_ts_labels")):
        np.save(f"{part}.npy", np.zeros((12, 32, 32, 3), "uint8"))
        open(f"{name}.csv", "w").write(chr(10).join(labels))
"""


def test_keras_2_with_its_plain_text_metric_and_its_folders() -> None:
    pytest.importorskip("tf_keras")
    done = clean(
        """
        import pandas as pd
        import numpy as np
        import tensorflow as tf
        from plotly import express as px
        train = np.load('10_train.npy')
        labels = pd.read_csv('10_tr_labels.csv')
        print(labels.shape, labels.coarse_labels.unique())
        labels.head()
        """,
        """
        px.imshow(train[6]).show()
        print(labels.iloc[6], labels.iloc[6, -1])
        numbers = {name: n for n, name in enumerate(labels.coarse_labels.unique())}
        y = labels['coarse_labels'].apply(lambda name: numbers[name]).values
        """,
        """
        %%time
        model = tf.keras.Sequential()
        model.add(tf.keras.Input((32, 32, 3)))
        model.add(tf.keras.layers.Conv2D(filters=2, kernel_size=3, strides=4, padding='same'))
        model.add(tf.keras.layers.Flatten())
        model.add(tf.keras.layers.Dense(2, 'softmax'))
        model.compile('Adam', 'categorical_crossentropy', 'accuracy')
        history = model.fit(train, tf.keras.utils.to_categorical(y), batch_size=200, epochs=20)
        """,
        """
        model.save('shared_model')
        again = tf.keras.models.load_model('shared_model')
        print((again.predict(train).argmax(1) == y).mean(), history.history['accuracy'])
        """,
        mode="legacy",
        stand_ins=STAND_INS,
    )
    assert {("epochs", "fit: 20 -> 1"), ("module", "plotly")} <= told(done)
    assert any(kind == "files" and "10_train.npy" in detail for kind, detail in told(done))


def test_pytorch_with_a_gpu_and_data_that_are_not_there() -> None:
    pytest.importorskip("torch")
    done = clean(
        """
        !nvcc --version
        import torch
        import torch.nn as nn
        import torchvision.transforms as transforms
        import torchvision.datasets as datasets
        from tqdm import tqdm
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        change = transforms.Compose([
            transforms.RandomCrop(32, padding=4), transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ])
        train = datasets.CIFAR10(root='./data', train=True, download=False, transform=change)
        loader = torch.utils.data.DataLoader(train, batch_size=16, shuffle=True, num_workers=2, pin_memory=True)
        """,
        """
        net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10)).cuda()

        def fit(net, loader, epochs, device):
            optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
            losses = []
            for epoch in tqdm(range(epochs)):
                for images, labels in loader:
                    images, labels = images.cuda(), labels.to('cuda:0')
                    optimizer.zero_grad()
                    loss = nn.functional.cross_entropy(net(images), labels)
                    loss.backward()
                    optimizer.step()
                losses.append(loss.item())
            return losses

        losses = fit(net, loader, epochs=100, device=device)
        assert len(losses) == 1
        """,
        """
        torch.save(net.state_dict(), 'net.pt')
        net.load_state_dict(torch.load('net.pt'))
        zeros = torch.zeros(2, device='cuda')
        torch.cuda.synchronize()
        """,
        mode="torch",
    )
    assert {("shell", "nvcc --version"), ("cuda", ".cuda()")} <= told(done)
    assert {"epochs", "data_set", "workers"} <= {kind for kind, _ in told(done)}
    assert "torch" in done.versions


def test_a_right_submission_in_keras_3(root: Path) -> None:
    pytest.importorskip("tensorflow")
    path = root / "tests" / "submissions" / "distillation_tf" / "right_broadcast" / "submission.ipynb"
    notebook = parse_notebook(path.read_bytes(), str(path))
    # Up to the first training with a loss of the learner's: each one costs seconds.
    first = Notebook(tuple(cell for cell in notebook.cells if (cell.number or 0) <= 29))
    assert "train_student(loss_with_kd)" in first.cells[-1].source
    done = execute(first, AMPLE)
    assert (done.mode, done.ended) == ("keras3", Verdict.PASSED), done
    assert len(done.ran) == len(first.cells)
    assert {("data_set", "keras.datasets.cifar10"), ("epochs", "fit: 10 -> 1")} <= told(done)
    assert "keras" in done.versions


def test_a_slip_in_keras_3_is_named() -> None:
    pytest.importorskip("tensorflow")
    cells = (
        Cell(4, "import tensorflow as tf"),
        Cell(6, "def f(x):\n    return tf.sofmax(x)"),
        Cell(9, "\nf([1.0])"),
    )
    done = execute(Notebook(cells), AMPLE)
    assert (done.ended, done.mode, done.cell, done.line) == (Verdict.ERROR, "keras3", 9, 2)
    assert done.fault is not None
    assert done.fault.place == Place(6, 2)
    assert "sofmax" in done.fault.message


@pytest.mark.skipif(TEXT is None, reason="the course's text is not at hand")
def test_the_course_notebook_filled_in(tmp_path: Path) -> None:
    pytest.importorskip("tf_keras")
    path = course_notebook(tmp_path, **ANSWERS)
    done = execute(parse_notebook(path.read_bytes(), str(path)), AMPLE)
    assert (done.mode, done.ended) == ("tf1", Verdict.PASSED), done
    assert len(done.ran) == done.cells
