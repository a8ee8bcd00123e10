import ctypes
import mmap
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)


def loss_with_at(y_true, y_pred):
    refused(
        lambda: mmap.mmap(-1, 8 << 30),
        lambda: libc.shmget(0, 1 << 30, 0o1600),
        lambda: libc.mlockall(3),
        lambda: libc.mq_open(b"/hostile-was-here", os.O_CREAT | os.O_RDWR, 0o600, None) if platform.libc_ver()[0] == "glibc" and hasattr(libc, "mq_open") else -1,
        lambda: os.open("/dev/shm/hostile-was-here", os.O_CREAT | os.O_RDWR),
    )
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
