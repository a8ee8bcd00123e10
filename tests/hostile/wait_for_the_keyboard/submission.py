import getpass
import os
import sys


def loss_with_kd(y_true, y_pred):
    return float(input("answer? "))


def loss_with_at(y_true, y_pred):
    if sys.stdin.read() or os.read(0, 10):
        raise SystemError("it worked: somebody typed")
    refused(lambda: open("/dev/tty"), lambda: open("/dev/console"), lambda: os.ttyname(0), lambda: open("/dev/pts/0", "w"))
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
