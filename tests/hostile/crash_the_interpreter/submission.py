import ctypes
import os
import signal


def loss_with_kd(y_true, y_pred):
    ctypes.string_at(0)


def loss_with_at(y_true, y_pred):
    os.abort()


def loss_with_rkd(y_true, y_pred):
    os.kill(os.getpid(), signal.SIGKILL)
