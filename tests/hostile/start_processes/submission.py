import ctypes
import multiprocessing
import os
import platform
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE = {"x86_64": 56}.get(platform.machine(), 220)
VFORK = {"x86_64": 58}.get(platform.machine(), 9999)


def pairwise_distance(z):
    refused(
        os.fork,
        lambda: os.forkpty(),
        lambda: subprocess.run(["/bin/sh", "-c", "touch @CANARIES@/hostile-was-here"]),
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: os.execv(sys.executable, [sys.executable, "-c", "1"]),
        lambda: multiprocessing.get_context("fork").Process(target=print).start(),
        lambda: libc.syscall(CLONE, 17, 0, 0, 0, 0),
        lambda: libc.syscall(VFORK),
        lambda: libc.syscall(435, bytes(88), 88),  # clone3
        lambda: os.popen("true").read(),
    )
    if os.system("touch @CANARIES@/hostile-was-here") == 0:
        raise SystemError("a shell ran")
    out = tf.norm(z[:, None] - z[None], axis=2)
    return tf.clip_by_value(out, 1e-6, 100.0)
