"""Right answers, written plainly: what a submission with `honest_rest: true` gets for the exercises it leaves out."""

import tensorflow as tf


def knowledge_distillation(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    return tf.reduce_mean(-tf.reduce_sum(p_t * tf.nn.log_softmax(l_s / T), axis=1))


def loss_with_kd(y_true, y_pred):
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


def attention_transfer(x_t, x_s):
    def unit(x):
        flat = tf.reshape(tf.reduce_sum(tf.abs(x), axis=3), [x.shape[0], -1])
        return tf.math.l2_normalize(flat, axis=1)

    return tf.reduce_mean(tf.norm(unit(x_t) - unit(x_s), axis=1))


def loss_with_at(y_true, y_pred):
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    pairs = [(x1_t, x1_s), (x2_t, x2_s), (x3_t, x3_s)]
    return loss + 0.1 * sum(attention_transfer(t, s) for t, s in pairs)


def pairwise_distance(z):
    out = tf.norm(z[:, None] - z[None], axis=2)
    return tf.clip_by_value(out, 1e-6, 100.0)


def relational_knowledge_distillation(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    return tf.reduce_mean(tf.keras.losses.huber(d_t / tf.reduce_mean(d_t), d_s / tf.reduce_mean(d_s)))


def loss_with_rkd(y_true, y_pred):
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * relational_knowledge_distillation(logits_t, logits_s)


def refused(*attempts):
    """Every attempt must raise OSError or return -1, as C does; one that works tells what it got."""
    for attempt in attempts:
        try:
            got = attempt()
        except OSError:
            continue
        if type(got) is not int or got != -1:
            raise SystemError(f"it worked: {got!r}")
