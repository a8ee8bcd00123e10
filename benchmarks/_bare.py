"""What benchmarks/training.py compares with, in a process of its own: no sandbox, no frames, no judging.

`python _bare.py trainings.pickle`: the same trainings with the same loop, one after another.
`python _bare.py --notebook notebook.ipynb steps`: the notebook's own training step, on made-up images of its size.
Prints one JSON line. Imports are not counted.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import sys
import time
from pathlib import Path
from typing import Any


def trainings(path: Path) -> dict[str, float]:
    """Seconds for a list of (source, calls): each source once, its calls in order."""
    import tensorflow as tf

    from grader.loops.tf_loop import Loop

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    work = pickle.loads(path.read_bytes())  # written by training.py a moment ago
    start = time.perf_counter()
    for source, calls in work:
        namespace: dict[str, Any] = {}
        exec(source, namespace)

        @contextlib.contextmanager
        def bind(names: Any, namespace: dict[str, Any] = namespace) -> Any:
            namespace.update(names)
            yield

        loop = Loop(tf, calls[0].shared, calls[0].settings)
        for call in calls:
            loop.run(namespace[call.function], bind, call.inputs, call.settings)
    return {"seconds": time.perf_counter() - start}


def notebook(path: Path, steps: int) -> dict[str, float]:
    """Seconds of one step of the notebook's `train_student` on labels alone, after the first steps."""
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cells = json.loads(path.read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    wanted = [c for c in code if "def build_network" in c or "outputs_t, logits_t" in c or "student_start =" in c]
    wanted += [c for c in code if "def train_student" in c]
    namespace: dict[str, Any] = {
        "tf": tf, "layers": tf.keras.layers, "num_classes": 10, "batch_size": 128, "num_epochs": 1,
        "steps_per_epoch": 1,
    }  # fmt: skip
    rng = np.random.default_rng(0)
    images = rng.random((128, 32, 32, 3), np.float32)
    labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 128)]
    data = tf.data.Dataset.from_tensors((images, labels)).repeat()
    namespace |= {"train_data": data, "x_test": images, "y_test": labels}
    with contextlib.redirect_stdout(sys.stderr):
        for source in wanted:
            exec(source, namespace)

        def loss(y_true: Any, y_pred: Any) -> Any:
            return tf.keras.losses.categorical_crossentropy(y_true, y_pred)

        taken = []
        for count in (1, 1, 1 + steps):  # difference of the last two: without compiling and the evaluation
            start = time.perf_counter()
            namespace["train_student"](loss, epochs=1, steps=count)
            taken.append(time.perf_counter() - start)
    return {"seconds": (taken[2] - taken[1]) / steps}


def main() -> None:
    """See above."""
    if sys.argv[1] == "--notebook":
        print(json.dumps(notebook(Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        print(json.dumps(trainings(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
