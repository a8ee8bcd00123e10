import ctypes
import os
import platform
import resource
import signal

libc = ctypes.CDLL(None, use_errno=True)
TKILL = {"x86_64": 200}.get(platform.machine(), 130)
SIGQUEUE = {"x86_64": 129}.get(platform.machine(), 138)


def loss_with_at(y_true, y_pred):
    import fcntl

    pids = (os.getppid(), @GRADER@, @DECOY@, 1, -1, 0, -os.getpgid(0))
    refused(
        *[lambda pid=pid: os.kill(pid, signal.SIGKILL) for pid in pids],
        *[lambda pid=pid: libc.syscall(TKILL, pid, 9) for pid in pids[:3]],
        *[lambda pid=pid: libc.syscall(SIGQUEUE, pid, 9, bytes(128)) for pid in pids[:3]],
        lambda: os.killpg(os.getpgid(os.getppid()), signal.SIGKILL),
        lambda: os.pidfd_open(@DECOY@),
        lambda: fcntl.fcntl(3, fcntl.F_SETOWN, @DECOY@),
        lambda: os.setpriority(os.PRIO_PROCESS, @DECOY@, 19),
        lambda: os.sched_setaffinity(@DECOY@, {0}),
        lambda: resource.prlimit(@DECOY@, resource.RLIMIT_NOFILE, (3, 3)),
        lambda: os.setpgid(@DECOY@, 0),
    )
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
