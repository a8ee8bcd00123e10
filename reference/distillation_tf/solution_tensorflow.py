# mypy: disable-error-code="name-defined"
"""Reference answers of the exercises in `assignments/distillation_tf`, in TensorFlow.

One plain function per exercise, with the names and arguments of the notebook. They follow the
notebook's text where it departs from the papers; each docstring says where. All of them keep the
dtype of their inputs: float32 as learners use it, float64 for expected values.

Tensors that the notebook binds by name and that `loss_with_*` read:
    logits_t, logits_s: [B, C], logits of teacher and student for the current batch
    x1_t .. x3_t, x1_s .. x3_s: [B, H, W, channels], feature maps of the three blocks (NHWC)
"""

import tensorflow as tf


def knowledge_distillation(l_t: tf.Tensor, l_s: tf.Tensor, T: float) -> tf.Tensor:
    """Cross-entropy of the student's softened classes under the teacher's, in nats.

        L_KD = mean_b( - sum_i p_t[b, i] log p_s[b, i] ),  p = softmax(l / T)

    KL(p_t || p_s) up to the entropy of p_t, which does not depend on the student. The paper
    multiplies by T^2, so that the gradient keeps its size when T changes; the notebook does not.

    Args:
        l_t: [B, C] logits of the teacher.
        l_s: [B, C] logits of the student.
        T: temperature, > 0, without unit.

    Returns:
        [] scalar.

    Source: Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network",
        arXiv:1503.02531, section 2.
    """
    p_t = tf.nn.softmax(l_t / T, axis=-1)
    log_p_s = tf.nn.log_softmax(l_s / T, axis=-1)
    return -tf.reduce_mean(tf.reduce_sum(p_t * log_p_s, axis=-1))


def loss_with_kd(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Label loss plus 0.5 x distillation at T = 2. Given in the notebook.

    Args:
        y_true: [B, C] one-hot labels.
        y_pred: [B, C] probabilities of the student.

    Returns:
        [B] one loss per sample: its own cross-entropy, plus the batch's distillation loss.
    """
    kd_weight = 0.5
    T = 2.0
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + kd_weight * knowledge_distillation(logits_t, logits_s, T)


def attention_transfer(x_t: tf.Tensor, x_s: tf.Tensor) -> tf.Tensor:
    """Distance between the normalised attention maps of two feature maps; between 0 and sqrt(2).

        a = sum over channels of |x|
        L_AT = mean_b || vec(a_t) / ||vec(a_t)||_2 - vec(a_s) / ||vec(a_s)||_2 ||_2

    The paper prefers squares to absolute values (its p = 2, also in its code) and the code squares
    the norm; the notebook takes p = 1 and leaves the norm as it is.

    Args:
        x_t: [B, H, W, C_t] feature map of the teacher.
        x_s: [B, H, W, C_s] feature map of the student; only the channels may differ.

    Returns:
        [] scalar, without unit.

    Source: Zagoruyko & Komodakis 2017, "Paying More Attention to Attention", arXiv:1612.03928,
        section 3.1, equation 2.
    """

    def unit_map(x: tf.Tensor) -> tf.Tensor:
        attention = tf.reduce_sum(tf.abs(x), axis=-1)
        return tf.math.l2_normalize(tf.reshape(attention, [tf.shape(attention)[0], -1]), axis=1)

    return tf.reduce_mean(tf.norm(unit_map(x_t) - unit_map(x_s), axis=1))


def loss_with_at(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Label loss plus 0.1 x attention transfer, added up over the three blocks.

    Args:
        y_true: [B, C] one-hot labels.
        y_pred: [B, C] probabilities of the student.

    Returns:
        [B] one loss per sample.
    """
    at_weight = 0.1
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + at_weight * (
        attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s)
    )


def relational_knowledge_distillation(l_t: tf.Tensor, l_s: tf.Tensor) -> tf.Tensor:
    """Huber loss (delta 1) between the relative pairwise distances of teacher and student.

        psi = d / mean(d),  d = pairwise_distance(l),  L_RKD = mean over all B^2 pairs of huber(psi_t, psi_s)

    Three texts, three forms. The paper sums Huber losses over pairs and divides by the mean of the
    distinct pairs. The formula printed in the notebook sums squares and divides by the sum over
    B^2. The functions that the notebook recommends give this form: mean and Huber, over all B^2
    entries including the diagonal.

    Args:
        l_t: [B, C_t] logits of the teacher.
        l_s: [B, C_s] logits of the student.

    Returns:
        [] scalar, without unit; unchanged when either argument is scaled.

    Source: Park, Kim, Lu & Cho 2019, "Relational Knowledge Distillation", arXiv:1904.05068,
        section 3.2.1, equations 4 to 7.
    """
    d_t = pairwise_distance(l_t)
    d_s = pairwise_distance(l_s)
    psi_t = d_t / tf.reduce_mean(d_t)
    psi_s = d_s / tf.reduce_mean(d_s)
    return tf.reduce_mean(tf.keras.losses.huber(psi_t, psi_s))


def pairwise_distance(z: tf.Tensor) -> tf.Tensor:
    """Euclidean distance between every two rows, clipped to [1e-6, 100] in the unit of z.

    The clip is the notebook's: the gradient of a square root is infinite at 0, on the diagonal.

    Args:
        z: [B, D] one row per sample.

    Returns:
        [B, B] symmetric; 1e-6 on the diagonal.

    Source: Park et al. 2019, arXiv:1904.05068, equation 4 (before it is divided by the mean).
    """
    out = tf.norm(tf.expand_dims(z, 1) - tf.expand_dims(z, 0), axis=-1)
    return tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)


def loss_with_rkd(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Label loss plus 0.1 x relational distillation.

    Args:
        y_true: [B, C] one-hot labels.
        y_pred: [B, C] probabilities of the student.

    Returns:
        [B] one loss per sample.
    """
    rkd_weight = 0.1
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + rkd_weight * relational_knowledge_distillation(logits_t, logits_s)
