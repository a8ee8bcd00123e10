import tensorflow as tf


def denied(attempt):
    try:
        got = attempt()
    except (tf.errors.OpError, OSError, ValueError, RuntimeError):
        return
    raise SystemError(f"it worked: {got}")


def loss_with_at(y_true, y_pred):
    for path in ("@CANARIES@/secret.txt", "@ROOT@/reference/distillation_tf/solution_tensorflow.py", "@ROOT_CANARY@", "/etc/passwd"):
        denied(lambda: tf.io.read_file(path))
        denied(lambda: tf.io.gfile.GFile(path).read())
        denied(lambda: list(tf.data.TextLineDataset(path)))
        denied(lambda: list(tf.data.FixedLengthRecordDataset(path, 1)))
        denied(lambda: tf.io.gfile.copy(path, "copy"))
        denied(lambda: tf.raw_ops.ReadFile(filename=path))
        denied(lambda: tf.load_op_library(path))
        denied(lambda: tf.train.load_checkpoint(path))
        denied(lambda: tf.io.gfile.remove(path))
    denied(lambda: tf.io.gfile.listdir("@CANARIES@"))
    denied(lambda: tf.io.write_file("@CANARIES@/hostile-was-here", "x"))
    denied(lambda: tf.io.gfile.rmtree("@CANARIES@"))
    denied(lambda: tf.io.gfile.makedirs("@CANARIES@/hostile-was-here"))
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
