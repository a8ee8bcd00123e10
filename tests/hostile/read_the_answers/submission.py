import ctypes
import linecache
import mmap
import os

import numpy as np

libc = ctypes.CDLL(None, use_errno=True)
PATHS = [
    "@ROOT@/reference/distillation_tf/solution_tensorflow.py",
    "@ROOT@/reference/distillation_tf/mistakes.py",
    "@ROOT@/rubric.yaml",
    "@ROOT@/assignments/distillation_tf/spec.yaml",
    "@ROOT@/assignments/distillation_tf/notebook.ipynb",
    "@ROOT@/grader/judge.py",
    "@ROOT@/tests/hostile/_honest.py",
    "@CANARIES@/secret.txt",
    "@CANARIES@/private.txt",
    "@CANARIES@/journal.sqlite",
    "@CANARIES@/other-learner.ipynb",
    "@ROOT_CANARY@",
    "/proc/self/root@CANARIES@/secret.txt",
    "/proc/self/cwd/../..@CANARIES@/secret.txt",
    "/proc/self/task/../root@CANARIES@/secret.txt",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hostname",
    "/dev/mem",
    "/dev/kmsg",
]


def by_link(path):
    def attempt():
        if os.path.lexists("link"):
            os.unlink("link")
        os.symlink(path, "link")
        return open("link").read()

    return attempt


def loss_with_at(y_true, y_pred):
    for path in PATHS:
        refused(
            lambda: open(path, "rb").read(),
            lambda: os.open(path, os.O_RDONLY),
            lambda: np.fromfile(path, "uint8"),
            lambda: np.memmap(path, "uint8", "r"),
            by_link(path),
            lambda: os.link(path, "hard"),
            lambda: os.rename(path, "moved"),
            lambda: libc.open(path.encode(), os.O_RDONLY),
            lambda: mmap.mmap(os.open(path, os.O_RDWR), 0),
        )
        if linecache.getlines(path):
            raise SystemError("it worked: linecache")
        try:
            raise SystemError(f"it worked: {tf.io.read_file(path)}")
        except tf.errors.OpError:
            pass
    for folder in ("/", "/root", "/home", "@ROOT@", "@ROOT@/reference", "@ROOT@/.grader", "@CANARIES@", "/tmp", "/etc", "/proc", "/sys"):
        refused(lambda: os.listdir(folder), lambda: list(os.scandir(folder)), lambda: os.fdopen(os.open(folder, os.O_RDONLY)))
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
