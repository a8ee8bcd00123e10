import ctypes
import fcntl
import os
import sys
import tempfile

libc = ctypes.CDLL(None, use_errno=True)
LOCKS = []


def loss_with_at(y_true, y_pred):
    found = os.listdir(tempfile.gettempdir()) + os.listdir(os.getcwd())
    if any(name.startswith("left") for name in found) or hasattr(sys, "left"):
        if not globals().get("LEFT"):
            raise SystemError(f"it worked: somebody left {found}")
    globals()["LEFT"] = sys.left = True
    with open("left-here", "w") as file:
        file.write("answers")
    if not LOCKS:
        LOCKS.append(os.open(os.__file__, os.O_RDONLY))
        fcntl.flock(LOCKS[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
    refused(
        lambda: libc.shmget(4711, 4096, 0o1666),
        lambda: libc.semget(4711, 1, 0o1666),
        lambda: libc.msgget(4711, 0o1666),
        lambda: os.mkfifo("@CANARIES@/hostile-was-here"),
        lambda: os.mknod("@CANARIES@/hostile-was-here"),
    )
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
