import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)


def from_scratch():
    """A file of its own, made executable: nothing may be executed from there."""
    with open("program", "w") as file:
        file.write("#!/bin/sh\ntouch @CANARIES@/hostile-was-here\n")
    os.chmod("program", 0o755)
    os.execv("./program", ["program"])


def loss_with_at(y_true, y_pred):
    refused(
        lambda: os.memfd_create("x"),
        lambda: libc.syscall({"x86_64": 322}.get(platform.machine(), 281), 3, b"", 0, 0, 0x1000),
        lambda: os.execve(3, ["x"], {}),
        from_scratch,
    )
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
