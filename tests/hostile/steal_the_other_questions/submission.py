import os
import select


def loss_with_at(y_true, y_pred):
    while select.select([3], [], [], 0.2)[0]:
        os.read(3, 1000)
    return tf.reduce_sum(y_pred)
