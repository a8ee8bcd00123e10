"""증류 실습 (스크립트로 제출)"""
import tensorflow as tf


def pairwise_distance(z):
    # Q4. z: (B, D) -> out: (B, B), out[i][j] = || z[i] - z[j] ||
    out = tf.norm(tf.expand_dims(z, 1) - tf.expand_dims(z, 0), axis=2)
    out = tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)
    return out


def knowledge_distillation(l_t, l_s, T):
    # Q2. l_t, l_s: (B, classes), T: temperature -> loss
    p_t = tf.nn.softmax(l_t / T, axis=1)
    log_p_s = tf.nn.log_softmax(l_s / T, axis=1)
    loss = -tf.math.reduce_mean(tf.math.reduce_sum(p_t * log_p_s, axis=1))
    return loss


def loss_with_kd(y_true, y_pred):
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


def attention_transfer(x_t, x_s):
    # Q3. x_t, x_s: (B, height, width, channels) -> loss
    a_t = tf.keras.layers.Flatten()(tf.math.reduce_sum(tf.math.abs(x_t), axis=3))
    a_s = tf.keras.layers.Flatten()(tf.math.reduce_sum(tf.math.abs(x_s), axis=3))
    a_t = tf.math.l2_normalize(a_t, axis=1)
    a_s = tf.math.l2_normalize(a_s, axis=1)
    loss = tf.math.reduce_mean(tf.norm(a_t - a_s, axis=1))
    return loss


def loss_with_at(y_true, y_pred):
    at_weight = 0.1
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    # Q3. the three attention terms
    loss = loss + at_weight * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
    return loss


def relational_knowledge_distillation(l_t, l_s):
    # Q4. l_t, l_s: (B, classes) -> loss
    d_t = pairwise_distance(l_t)
    d_s = pairwise_distance(l_s)
    d_t = d_t / tf.math.reduce_mean(d_t)
    d_s = d_s / tf.math.reduce_mean(d_s)
    loss = tf.math.reduce_mean(tf.keras.losses.huber(d_t, d_s))
    return loss


def loss_with_rkd(y_true, y_pred):
    rkd_weight = 0.1
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    # Q4. the relational term
    loss = loss + rkd_weight * relational_knowledge_distillation(logits_t, logits_s)
    return loss

if __name__ == "__main__":
    raise SystemExit("no training here")
