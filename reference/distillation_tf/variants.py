# Specimens of what learners write, not our own style; names such as `logits_t` and helpers that are
# not defined here come from the notebook or from solution_tensorflow.py.
# mypy: ignore-errors
"""Other right answers to the exercises of `assignments/distillation_tf`; each must get full marks.

Without `family`: the numbers of the reference, written differently. With `family`: numbers that
differ by what the notebook's text leaves open (a constant, KL or cross-entropy, squares or Huber,
which pairs are averaged); the first function of a family defines it and is generic in the dtype.
"""

import tensorflow as tf

from grader.authoring import variant

# ------------------------------------------------------------------ knowledge_distillation


@variant("knowledge_distillation")
def kd_log_of_softmax(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    p_s = tf.nn.softmax(l_s / T)
    loss = -tf.reduce_mean(tf.reduce_sum(p_t * tf.math.log(p_s), axis=1))
    return loss


@variant("knowledge_distillation")
def kd_per_sample(l_t, l_s, T):
    return -tf.math.reduce_sum(tf.nn.softmax(l_t / T) * tf.nn.log_softmax(l_s / T), axis=-1)


@variant("knowledge_distillation")
def kd_with_logits(l_t, l_s, T):
    soft_labels = tf.nn.softmax(l_t / T)
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=soft_labels, logits=l_s / T))


@variant("knowledge_distillation")
def kd_keras_function(l_t, l_s, T):
    soft_labels = tf.nn.softmax(l_t / T)
    return tf.keras.losses.categorical_crossentropy(soft_labels, l_s / T, from_logits=True)


@variant("knowledge_distillation")
def kd_keras_object(l_t, l_s, T):
    cross_entropy = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
    return cross_entropy(tf.keras.activations.softmax(l_t / T), l_s / T)


@variant("knowledge_distillation")
def kd_keras_on_probabilities(l_t, l_s, T):
    return tf.keras.losses.categorical_crossentropy(tf.nn.softmax(l_t / T), tf.nn.softmax(l_s / T))


@variant("knowledge_distillation")
def kd_loop_over_batch(l_t, l_s, T):
    total = 0.0
    batch = l_t.shape[0]
    for b in range(batch):
        p = tf.nn.softmax(l_t[b] / T)
        log_q = tf.nn.log_softmax(l_s[b] / T)
        total = total - tf.reduce_sum(p * log_q)
    return total / batch


@variant("knowledge_distillation")
def kd_log_sum_exp(l_t, l_s, T):
    z = l_s / T
    log_p_s = z - tf.reduce_logsumexp(z, axis=1, keepdims=True)
    return tf.reduce_mean(-tf.einsum("bc,bc->b", tf.nn.softmax(l_t / T, axis=1), log_p_s))


@variant("knowledge_distillation")
def kd_exponentials_by_hand(l_t, l_s, T):
    def soften(logits):
        e = tf.exp((logits - tf.stop_gradient(tf.reduce_max(logits, axis=1, keepdims=True))) / T)
        return e / tf.reduce_sum(e, axis=1, keepdims=True)

    return -tf.reduce_sum(soften(l_t) * tf.math.log(soften(l_s))) / tf.cast(tf.shape(l_t)[0], l_t.dtype)


@variant("knowledge_distillation")
def kd_teacher_detached(l_t, l_s, T):
    p_t = tf.stop_gradient(tf.nn.softmax(l_t / T))
    return tf.reduce_mean(tf.reduce_sum(-p_t * tf.nn.log_softmax(l_s / T), axis=1))


@variant("knowledge_distillation")
def kd_tf1_names(l_t, l_s, T):
    e_t = tf.exp(l_t / T)
    p_t = e_t / tf.reduce_sum(e_t, axis=1, keep_dims=True)
    p_s = tf.nn.softmax(l_s / T, dim=-1)
    return -tf.reduce_mean(tf.reduce_sum(p_t * tf.log(p_s), reduction_indices=1))


@variant("knowledge_distillation")
def kd_tf1_losses(l_t, l_s, T):
    return tf.losses.softmax_cross_entropy(onehot_labels=tf.nn.softmax(l_t / T), logits=l_s / T)


@variant(
    "knowledge_distillation",
    family="kl",
    en="You wrote the full KL divergence. It differs from the cross-entropy by the teacher's entropy, "
    "which no weight of the student can change: the gradient is the same, and it is accepted.",
    ko="KL 발산을 전부 계산하셨네요. 교차 엔트로피와는 teacher의 엔트로피만큼 차이가 나는데, 이 값은 "
    "student와 무관하므로 gradient가 같습니다. 정답으로 인정합니다.",
)
def kd_kl(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    log_p_t = tf.nn.log_softmax(l_t / T)
    log_p_s = tf.nn.log_softmax(l_s / T)
    return tf.reduce_mean(tf.reduce_sum(p_t * (log_p_t - log_p_s), axis=-1))


@variant("knowledge_distillation", family="kl")
def kd_kl_keras_object(l_t, l_s, T):
    return tf.keras.losses.KLDivergence()(tf.nn.softmax(l_t / T), tf.nn.softmax(l_s / T))


@variant("knowledge_distillation", family="kl")
def kd_kl_keras_per_sample(l_t, l_s, T):
    return tf.keras.losses.KLD(tf.nn.softmax(l_t / T), tf.nn.softmax(l_s / T))


@variant("knowledge_distillation", family="kl")
def kd_kl_log_of_ratio(l_t, l_s, T):
    p_t, p_s = tf.nn.softmax(l_t / T), tf.nn.softmax(l_s / T)
    return tf.reduce_mean(tf.reduce_sum(p_t * tf.math.log(p_t / p_s), axis=1))


@variant("knowledge_distillation", family="kl")
def kd_kl_cross_entropy_minus_entropy(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    cross = tf.nn.softmax_cross_entropy_with_logits(p_t, l_s / T)
    entropy = tf.nn.softmax_cross_entropy_with_logits(p_t, l_t / T)
    return cross - entropy


@variant(
    "knowledge_distillation",
    family="cross_entropy_t2",
    en="You multiply by T^2, as Hinton et al. (2015) do so that the gradient keeps its size when T "
    "changes. The notebook's formula leaves it out; both are accepted.",
    ko="Hinton 등(2015)처럼 T^2을 곱하셨네요. T가 바뀌어도 gradient의 크기가 유지되도록 하는 방법입니다. "
    "노트북의 수식에는 없지만 둘 다 정답으로 인정합니다.",
)
def kd_cross_entropy_t2(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    log_p_s = tf.nn.log_softmax(l_s / T)
    return -tf.reduce_mean(tf.reduce_sum(p_t * log_p_s, axis=1)) * T**2


@variant("knowledge_distillation", family="cross_entropy_t2")
def kd_with_logits_t2(l_t, l_s, T):
    return T * T * tf.nn.softmax_cross_entropy_with_logits(labels=tf.nn.softmax(l_t / T), logits=l_s / T)


@variant(
    "knowledge_distillation",
    family="kl_t2",
    en="You wrote the full KL divergence times T^2, the form of most published code. The student's "
    "gradient is that of the notebook's formula times T^2; it is accepted.",
    ko="KL 발산 전체에 T^2을 곱하셨네요. 공개된 코드에서 가장 흔한 형태입니다. student의 gradient는 노트북 "
    "수식의 T^2배이며, 정답으로 인정합니다.",
)
def kd_kl_t2(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    log_p_t = tf.nn.log_softmax(l_t / T)
    log_p_s = tf.nn.log_softmax(l_s / T)
    return T**2 * tf.reduce_mean(tf.reduce_sum(p_t * (log_p_t - log_p_s), axis=-1))


@variant("knowledge_distillation", family="kl_t2")
def kd_kl_t2_keras(l_t, l_s, T):
    kl = tf.keras.losses.KLDivergence(reduction="sum_over_batch_size")
    return kl(tf.nn.softmax(l_t / T, axis=1), tf.nn.softmax(l_s / T, axis=1)) * (T**2)


# ------------------------------------------------------------------ loss_with_kd


@variant("loss_with_kd")
def loss_with_kd_inline(y_true, y_pred):
    label_loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return label_loss + 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


@variant("loss_with_kd")
def loss_with_kd_by_hand(y_true, y_pred):
    label_loss = -tf.reduce_sum(y_true * tf.math.log(y_pred), axis=-1)
    return label_loss + 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


@variant("loss_with_kd")
def loss_with_kd_mean(y_true, y_pred):
    label_loss = tf.reduce_mean(tf.keras.losses.categorical_crossentropy(y_true, y_pred))
    distillation = tf.reduce_mean(knowledge_distillation(l_t=logits_t, l_s=logits_s, T=2.0))
    return tf.add(label_loss, tf.multiply(0.5, distillation))


@variant("loss_with_kd")
def loss_with_kd_keras_object(y_true, y_pred):
    kd_weight, temperature = 0.5, 2
    loss = tf.keras.losses.CategoricalCrossentropy()(y_true, y_pred)
    loss += knowledge_distillation(logits_t, logits_s, temperature) * kd_weight
    return loss


@variant(
    "loss_with_kd",
    family="t2_outside",
    helpers=("reference", "kl"),  # twice would be T^4
    en="You multiply the distillation term by T^2 here, which belongs to the paper's form. It is accepted; "
    "make sure that `knowledge_distillation` does not do it a second time.",
    ko="여기서 증류 항에 T^2을 곱하셨네요. 논문의 형태이므로 정답으로 인정합니다. 다만 "
    "`knowledge_distillation` 안에서 한 번 더 곱하고 있지는 않은지 확인해 보세요.",
)
def loss_with_kd_t2(y_true, y_pred):
    kd_weight = 0.5
    T = 2.0
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + kd_weight * T**2 * knowledge_distillation(logits_t, logits_s, T)


@variant("knowledge_distillation")
def kd_log_made_safe(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    p_s = tf.nn.softmax(l_s / T)
    return -tf.reduce_mean(tf.reduce_sum(p_t * tf.math.log(p_s + 1e-7), axis=1))


@variant("knowledge_distillation")
def kd_keepdims(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    return -tf.reduce_sum(p_t * tf.nn.log_softmax(l_s / T), axis=1, keepdims=True)


# ------------------------------------------------------------------ attention_transfer


@variant("attention_transfer")
def at_flatten_layer(x_t, x_s):
    a_t = tf.keras.layers.Flatten()(tf.math.reduce_sum(tf.math.abs(x_t), axis=3))
    a_s = tf.keras.layers.Flatten()(tf.math.reduce_sum(tf.math.abs(x_s), axis=3))
    a_t = tf.math.l2_normalize(a_t, axis=1)
    a_s = tf.math.l2_normalize(a_s, axis=1)
    loss = tf.math.reduce_mean(tf.norm(a_t - a_s, axis=1))
    return loss


@variant("attention_transfer")
def at_channel_mean(x_t, x_s):
    batch = x_t.shape[0]
    a_t = tf.reshape(tf.reduce_mean(tf.abs(x_t), -1), (batch, -1))
    a_s = tf.reshape(tf.reduce_mean(tf.abs(x_s), -1), (batch, -1))
    return tf.reduce_mean(tf.norm(tf.nn.l2_normalize(a_t, 1) - tf.nn.l2_normalize(a_s, 1), axis=1))


@variant("attention_transfer")
def at_per_sample(x_t, x_s):
    a_t = tf.math.l2_normalize(tf.keras.layers.Flatten()(tf.reduce_sum(abs(x_t), axis=3)), axis=-1)
    a_s = tf.math.l2_normalize(tf.keras.layers.Flatten()(tf.reduce_sum(abs(x_s), axis=3)), axis=-1)
    return tf.norm(a_t - a_s, axis=-1)


def attention_vector(x):
    return tf.reshape(tf.einsum("bhwc->bhw", tf.abs(x)), [-1, x.shape[1] * x.shape[2]])


@variant("attention_transfer")
def at_divided_by_norm(x_t, x_s):
    a_t, a_s = attention_vector(x_t), attention_vector(x_s)
    a_t = a_t / (tf.norm(a_t, axis=1, keepdims=True) + 1e-8)
    a_s = a_s / (tf.norm(a_s, axis=1, keepdims=True) + 1e-8)
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(a_t - a_s), axis=1)))


@variant("attention_transfer")
def at_linalg_normalize(x_t, x_s):
    a_t, _ = tf.linalg.normalize(attention_vector(x_t), axis=1)
    a_s, _ = tf.linalg.normalize(attention_vector(x_s), axis=1)
    return tf.reduce_mean(tf.linalg.norm(a_s - a_t, axis=1))


@variant("attention_transfer")
def at_without_flatten(x_t, x_s):
    a_t = tf.math.l2_normalize(tf.reduce_sum(tf.abs(x_t), axis=3), axis=[1, 2])
    a_s = tf.math.l2_normalize(tf.reduce_sum(tf.abs(x_s), axis=3), axis=[1, 2])
    return tf.reduce_mean(tf.norm(a_t - a_s, axis=[1, 2]))


@variant("attention_transfer")
def at_loop_over_batch(x_t, x_s):
    distances = []
    for teacher_map, student_map in zip(tf.unstack(x_t), tf.unstack(x_s), strict=True):
        a_t = tf.reshape(tf.reduce_sum(tf.abs(teacher_map), axis=-1), [-1])
        a_s = tf.reshape(tf.reduce_sum(tf.abs(student_map), axis=-1), [-1])
        distances.append(tf.norm(a_t / tf.norm(a_t) - a_s / tf.norm(a_s)))
    return tf.add_n(distances) / len(distances)


@variant("attention_transfer")
def at_channels_first(x_t, x_s):
    def unit(x):
        x = tf.abs(tf.transpose(x, [0, 3, 1, 2]))
        return tf.nn.l2_normalize(tf.reduce_sum(x, axis=1), axis=[1, 2])

    difference = unit(x_t) - unit(x_s)
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(difference * difference, axis=(1, 2)) + 1e-14))


@variant("attention_transfer")
def at_tf1_names(x_t, x_s):
    a_t = tf.layers.flatten(tf.reduce_sum(tf.abs(x_t), axis=3))
    a_s = tf.layers.flatten(tf.reduce_sum(tf.abs(x_s), axis=3))
    a_t = a_t / tf.norm(a_t, axis=1, keep_dims=True)
    a_s = a_s / tf.norm(a_s, axis=1, keep_dims=True)
    return tf.reduce_mean(tf.norm(a_t - a_s, axis=1))


# ------------------------------------------------------------------ loss_with_at


@variant("loss_with_at")
def loss_with_at_zip(y_true, y_pred):
    at_weight = 0.1
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    for x_t, x_s in zip([x1_t, x2_t, x3_t], [x1_s, x2_s, x3_s], strict=True):
        loss = loss + at_weight * attention_transfer(x_t, x_s)
    return loss


@variant("loss_with_at")
def loss_with_at_by_hand(y_true, y_pred):
    label_loss = -tf.reduce_mean(tf.reduce_sum(y_true * tf.math.log(y_pred + 1e-7), axis=1))
    transfer = [attention_transfer(t, s) for t, s in ((x1_t, x1_s), (x2_t, x2_s), (x3_t, x3_s))]
    return label_loss + 0.1 * sum(transfer)


@variant("loss_with_at")
def loss_with_at_add_n(y_true, y_pred):
    pairs = [(x1_t, x1_s), (x2_t, x2_s), (x3_t, x3_s)]
    transfer = tf.add_n([tf.reduce_mean(attention_transfer(t, s)) for t, s in pairs])
    return tf.keras.losses.categorical_crossentropy(y_true, y_pred) + 0.1 * transfer


@variant("loss_with_at")
def loss_with_at_other_order(y_true, y_pred):
    at_weight = 0.1
    loss = tf.reduce_mean(tf.keras.losses.categorical_crossentropy(y_true, y_pred))
    loss = loss + at_weight * attention_transfer(x3_t, x3_s) + at_weight * attention_transfer(x2_t, x2_s)
    return loss + at_weight * attention_transfer(x1_t, x1_s)


@variant("loss_with_at")
def loss_with_at_python_sum(y_true, y_pred):
    teacher, student = (x1_t, x2_t, x3_t), (x1_s, x2_s, x3_s)
    transfer = sum(attention_transfer(teacher[i], student[i]) for i in range(3))
    return tf.keras.losses.CategoricalCrossentropy()(y_true, y_pred) + transfer / 10


# ------------------------------------------------------------------ pairwise_distance


@variant("pairwise_distance")
def pd_newaxis(z):
    out = tf.norm(z[:, tf.newaxis, :] - z[tf.newaxis, :, :], axis=2)
    out = tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)
    return out


@variant("pairwise_distance")
def pd_squared_difference(z):
    squares = tf.math.squared_difference(tf.expand_dims(z, 0), tf.expand_dims(z, 1))
    return tf.clip_by_value(tf.sqrt(tf.reduce_sum(squares, axis=-1)), 1e-6, 100)


@variant("pairwise_distance")
def pd_gram_maximum(z):
    squares = tf.reduce_sum(z * z, axis=1)
    d2 = squares[:, None] + squares[None, :] - 2 * tf.matmul(z, z, transpose_b=True)
    return tf.clip_by_value(tf.sqrt(tf.maximum(d2, 1e-12)), 1e-6, 100)


@variant("pairwise_distance")
def pd_gram_clipped(z):
    r = tf.reshape(tf.reduce_sum(z * z, 1), [-1, 1])
    out = tf.sqrt(r - 2 * tf.matmul(z, tf.transpose(z)) + tf.transpose(r))
    return tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)


@variant("pairwise_distance")
def pd_keras_epsilon(z):
    difference = tf.expand_dims(z, 1) - tf.expand_dims(z, 0)
    return tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(difference), axis=-1), 1e-7))


@variant("pairwise_distance")
def pd_two_loops(z):
    rows = []
    for i in range(z.shape[0]):
        row = []
        for j in range(z.shape[0]):
            row.append(tf.norm(z[i] - z[j]))
        rows.append(tf.stack(row))
    out = tf.stack(rows)
    return tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)


@variant("pairwise_distance")
def pd_map_over_rows(z):
    out = tf.map_fn(lambda row: tf.norm(z - row, axis=1), z)
    return tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)


@variant("pairwise_distance")
def pd_list_of_rows(z):
    out = tf.stack([tf.sqrt(tf.reduce_sum((z - z[i]) ** 2, axis=-1) + 1e-12) for i in range(len(z))])
    return tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)


@variant("pairwise_distance")
def pd_zero_diagonal(z):
    out = tf.norm(tf.expand_dims(z, 1) - tf.expand_dims(z, 0), axis=-1)
    out = tf.clip_by_value(out, 1e-6, 100)
    return tf.linalg.set_diag(out, tf.zeros_like(out[:, 0]))


@variant("pairwise_distance")
def pd_safe_where(z):
    d2 = tf.reduce_sum(tf.square(z[:, None] - z[None]), axis=-1)
    zero = tf.equal(d2, 0)
    return tf.where(zero, tf.zeros_like(d2), tf.sqrt(tf.where(zero, tf.ones_like(d2), d2)))


@variant("pairwise_distance")
def pd_no_upper_clip(z):
    out = tf.norm(tf.expand_dims(z, 1) - tf.expand_dims(z, 0), axis=-1)
    return tf.maximum(out, 1e-6)


@variant("pairwise_distance")
def pd_tiled_tf1(z):
    n, d = z.get_shape().as_list()
    left = tf.reshape(tf.tile(z, [1, n]), [n, n, d])
    right = tf.tile(tf.expand_dims(z, dim=0), [n, 1, 1])
    out = tf.sqrt(tf.reduce_sum(tf.square(left - right), axis=2, keep_dims=False))
    out = tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)
    return out


# ------------------------------------------------------------------ relational_knowledge_distillation


def relative_distances(z):
    d = pairwise_distance(z)
    return d / tf.reduce_mean(d)


@variant("relational_knowledge_distillation")
def rkd_huber_object(l_t, l_s):
    d_t = pairwise_distance(l_t)
    d_s = pairwise_distance(l_s)
    return tf.keras.losses.Huber()(d_t / tf.reduce_mean(d_t), d_s / tf.reduce_mean(d_s))


@variant("relational_knowledge_distillation")
def rkd_huber_per_row(l_t, l_s):
    return tf.keras.losses.huber(relative_distances(l_t), relative_distances(l_s), delta=1.0)


@variant("relational_knowledge_distillation")
def rkd_huber_compat_v1(l_t, l_s):
    return tf.compat.v1.losses.huber_loss(relative_distances(l_t), relative_distances(l_s))


@variant("relational_knowledge_distillation")
def rkd_huber_tf1(l_t, l_s):
    psi_t = pairwise_distance(l_t)
    psi_t = psi_t / tf.reduce_mean(psi_t)
    psi_s = pairwise_distance(l_s)
    psi_s = psi_s / tf.reduce_mean(psi_s)
    loss = tf.losses.huber_loss(psi_t, psi_s)
    return loss


@variant("relational_knowledge_distillation")
def rkd_huber_where(l_t, l_s):
    error = tf.abs(relative_distances(l_t) - relative_distances(l_s))
    return tf.reduce_mean(tf.where(error <= 1, 0.5 * tf.square(error), error - 0.5))


@variant("relational_knowledge_distillation")
def rkd_huber_minimum(l_t, l_s):
    error = tf.abs(relative_distances(l_t) - relative_distances(l_s))
    quadratic = tf.minimum(error, 1.0)
    return tf.reduce_mean(0.5 * quadratic**2 + (error - quadratic))


@variant("relational_knowledge_distillation")
def rkd_sum_over_b2(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    b2 = l_t.shape[0] ** 2
    psi_t = d_t * b2 / tf.reduce_sum(d_t)
    psi_s = d_s * b2 / tf.reduce_sum(d_s)
    return tf.reduce_sum(tf.keras.losses.huber(psi_t, psi_s)) / l_t.shape[0]


@variant("relational_knowledge_distillation")
def rkd_without_helper(l_t, l_s):
    def relations(z):
        d = tf.norm(z[:, None, :] - z[None, :, :], axis=-1)
        d = tf.clip_by_value(d, 1e-6, 100)
        return d / tf.reduce_mean(d)

    return tf.reduce_mean(tf.keras.losses.huber(relations(l_t), relations(l_s)))


@variant("relational_knowledge_distillation")
def rkd_teacher_detached(l_t, l_s):
    psi_t = tf.stop_gradient(relative_distances(l_t))
    return tf.reduce_mean(tf.keras.losses.huber(psi_t, relative_distances(l_s)))


def distinct_pairs(d):
    """[B, B] -> [B, B] mask of 1 off the diagonal, 0 on it."""
    return 1 - tf.eye(tf.shape(d)[0], dtype=d.dtype)


def distinct_mean(d):
    mask = distinct_pairs(d)
    return tf.reduce_sum(d * mask) / tf.reduce_sum(mask)


def distances_over_distinct_mean(z):
    d = pairwise_distance(z)
    return d / distinct_mean(d)


def distances_over_constant_mean(z):
    d = pairwise_distance(z)
    return d / tf.stop_gradient(tf.reduce_mean(d))


def elementwise_huber(a, b):
    error = tf.abs(a - b)
    return tf.where(error <= 1, 0.5 * error**2, error - 0.5)


@variant(
    "relational_knowledge_distillation",
    family="squares_mean",
    en="You average squares, as in the printed formula, where the recommended function is the Huber loss. "
    "Both are accepted; Huber grows more slowly where two distances differ by more than 1.",
    ko="인쇄된 수식대로 제곱의 평균을 쓰셨네요. 노트북이 추천하는 함수는 Huber loss입니다. 둘 다 정답으로 "
    "인정하며, Huber는 두 거리의 차이가 1보다 클 때 더 완만하게 커집니다.",
)
def rkd_squares_mean(l_t, l_s):
    return tf.reduce_mean(tf.square(relative_distances(l_t) - relative_distances(l_s)))


@variant("relational_knowledge_distillation", family="squares_mean")
def rkd_squares_mean_keras(l_t, l_s):
    return tf.keras.losses.MeanSquaredError()(relative_distances(l_t), relative_distances(l_s))


@variant(
    "relational_knowledge_distillation",
    family="squares_sum",
    trains=False,
    en="You sum squares over all pairs, exactly as the formula is printed. It is accepted; the sum grows "
    "with the square of the batch size, so its weight has to be chosen smaller than for a mean.",
    ko="인쇄된 수식 그대로 모든 쌍에 대해 제곱을 더하셨네요. 정답으로 인정합니다. 다만 합은 batch 크기의 "
    "제곱에 비례해 커지므로, 평균을 쓸 때보다 가중치를 작게 잡아야 합니다.",
)
def rkd_squares_sum(l_t, l_s):
    return tf.reduce_sum(tf.square(relative_distances(l_t) - relative_distances(l_s)))


@variant("relational_knowledge_distillation", family="squares_sum")
def rkd_squares_sum_loops(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    batch = l_t.shape[0]
    total_t = sum(d_t[i, j] for i in range(batch) for j in range(batch) if i != j)
    total_s = sum(d_s[i, j] for i in range(batch) for j in range(batch) if i != j)
    loss = 0.0
    for i in range(batch):
        for j in range(batch):
            if i != j:
                loss += (d_t[i, j] * batch**2 / total_t - d_s[i, j] * batch**2 / total_s) ** 2
    return loss


@variant(
    "relational_knowledge_distillation",
    family="huber_sum",
    trains=False,
    en="You sum the Huber loss over all pairs, as the paper does, where the notebook averages. It is "
    "accepted; the sum grows with the square of the batch size.",
    ko="논문처럼 모든 쌍에 대해 Huber loss를 더하셨네요. 노트북은 평균을 사용합니다. 정답으로 인정하지만, "
    "합은 batch 크기의 제곱에 비례해 커진다는 점을 기억하세요.",
)
def rkd_huber_sum(l_t, l_s):
    return tf.reduce_sum(elementwise_huber(relative_distances(l_t), relative_distances(l_s)))


@variant(
    "relational_knowledge_distillation",
    family="huber_row_sum",
    en="You add up the mean Huber loss of each row, which is B times the mean over all pairs. It is accepted; "
    "the weight then depends on the batch size.",
    ko="각 행의 Huber loss 평균을 더하셨네요. 모든 쌍에 대한 평균의 B배입니다. 정답으로 인정하지만, 가중치가 "
    "batch 크기에 따라 달라집니다.",
)
def rkd_huber_row_sum(l_t, l_s):
    return tf.reduce_sum(tf.keras.losses.huber(relative_distances(l_t), relative_distances(l_s)))


@variant("relational_knowledge_distillation", family="huber_row_sum")
def rkd_huber_row_sum_object(l_t, l_s):
    return tf.keras.losses.Huber(reduction="sum")(relative_distances(l_t), relative_distances(l_s))


@variant(
    "relational_knowledge_distillation",
    family="squares_pairs",
    trains=False,
    en="You sum squares over each pair once (i < j), which is half of the printed formula's sum. It is accepted.",
    ko="각 쌍을 한 번씩만(i < j) 세어 제곱을 더하셨네요. 인쇄된 수식의 절반이지만 정답으로 인정합니다.",
)
def rkd_squares_pairs(l_t, l_s):
    squares = tf.square(relative_distances(l_t) - relative_distances(l_s))
    return tf.reduce_sum(squares) / 2


@variant("relational_knowledge_distillation", family="squares_pairs")
def rkd_squares_pairs_loops(l_t, l_s):
    psi_t, psi_s = relative_distances(l_t), relative_distances(l_s)
    loss = 0.0
    for i in range(l_t.shape[0]):
        for j in range(i + 1, l_t.shape[0]):
            loss = loss + (psi_t[i, j] - psi_s[i, j]) ** 2
    return loss


@variant(
    "relational_knowledge_distillation",
    family="huber_pairs",
    trains=False,
    en="You sum the Huber loss over each pair once (i < j). That is another constant, and accepted.",
    ko="각 쌍을 한 번씩만(i < j) 세어 Huber loss를 더하셨네요. 평균과 상수만 다르므로 정답으로 인정합니다.",
)
def rkd_huber_pairs(l_t, l_s):
    return tf.reduce_sum(elementwise_huber(relative_distances(l_t), relative_distances(l_s))) / 2


@variant("relational_knowledge_distillation", family="huber_sum")
def rkd_huber_sum_tf1(l_t, l_s):
    psi_t, psi_s = relative_distances(l_t), relative_distances(l_s)
    return tf.losses.huber_loss(psi_t, psi_s, reduction=tf.compat.v1.losses.Reduction.SUM)


@variant(
    "relational_knowledge_distillation",
    family="huber_distinct",
    en="You average the loss over the B(B-1) pairs of different samples, leaving out the diagonal, which "
    "is always 0. That changes only a constant factor and is accepted.",
    ko="항상 0인 대각선을 빼고 서로 다른 B(B-1)개의 쌍에 대해서만 평균을 내셨네요. 상수배 차이일 뿐이므로 "
    "정답으로 인정합니다.",
)
def rkd_huber_distinct(l_t, l_s):
    return distinct_mean(elementwise_huber(relative_distances(l_t), relative_distances(l_s)))


@variant(
    "relational_knowledge_distillation",
    family="squares_distinct",
    en="You average squares over the B(B-1) pairs of different samples. Next to the notebook's Huber mean "
    "over all B^2 entries that is another constant, and it is accepted.",
    ko="서로 다른 B(B-1)개의 쌍에 대해 제곱의 평균을 내셨네요. B^2개 전체에 대한 Huber 평균과 상수만 "
    "다르므로 정답으로 인정합니다.",
)
def rkd_squares_distinct(l_t, l_s):
    return distinct_mean(tf.square(relative_distances(l_t) - relative_distances(l_s)))


@variant(
    "relational_knowledge_distillation",
    family="distinct_normaliser",
    en="You divide by the mean distance of different samples, as the paper does; the notebook's mean also "
    "counts the zeros of the diagonal. A constant factor: accepted.",
    ko="논문처럼 서로 다른 표본 사이의 평균 거리로 나누셨네요. 노트북의 평균은 대각선의 0까지 포함합니다. "
    "상수배 차이이므로 정답으로 인정합니다.",
)
def rkd_distinct_normaliser(l_t, l_s):
    psi_t, psi_s = distances_over_distinct_mean(l_t), distances_over_distinct_mean(l_s)
    return tf.reduce_mean(elementwise_huber(psi_t, psi_s))


@variant("relational_knowledge_distillation", family="distinct_normaliser")
def rkd_positive_mean(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    mean_t = tf.reduce_mean(tf.boolean_mask(d_t, d_t > 1e-5))
    mean_s = tf.reduce_mean(tf.boolean_mask(d_s, d_s > 1e-5))
    return tf.keras.losses.Huber()(d_t / mean_t, d_s / mean_s)


@variant(
    "relational_knowledge_distillation",
    family="distinct_pairs",
    en="You use every pair of different samples once and leave out the diagonal, both in the mean distance "
    "and in the loss. A constant factor next to the notebook's form: accepted.",
    ko="평균 거리와 loss 모두에서 대각선을 빼고 서로 다른 표본의 쌍만 사용하셨네요. 노트북의 형태와 상수배 "
    "차이이므로 정답으로 인정합니다.",
)
def rkd_distinct_pairs(l_t, l_s):
    psi_t, psi_s = distances_over_distinct_mean(l_t), distances_over_distinct_mean(l_s)
    return distinct_mean(elementwise_huber(psi_t, psi_s))


@variant("relational_knowledge_distillation", family="distinct_pairs")
def rkd_upper_triangle(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    pairs = [(i, j) for i in range(l_t.shape[0]) for j in range(i + 1, l_t.shape[0])]
    d_t, d_s = tf.gather_nd(d_t, pairs), tf.gather_nd(d_s, pairs)
    return tf.keras.losses.huber(d_t / tf.reduce_mean(d_t), d_s / tf.reduce_mean(d_s))


@variant(
    "relational_knowledge_distillation",
    family="distinct_normaliser_squares_mean",
    en="You average squares of distances divided by the mean distance of different samples. The notebook's "
    "form differs by a constant (Huber, and all B^2 entries); accepted.",
    ko="서로 다른 표본의 평균 거리로 나눈 뒤 제곱의 평균을 내셨네요. 노트북의 형태(Huber, B^2개 전체)와 "
    "상수만 다르므로 정답으로 인정합니다.",
)
def rkd_distinct_normaliser_squares_mean(l_t, l_s):
    return tf.reduce_mean(tf.square(distances_over_distinct_mean(l_t) - distances_over_distinct_mean(l_s)))


@variant(
    "relational_knowledge_distillation",
    family="distinct_pairs_squares",
    en="You average squares over pairs of different samples and divide by their mean distance. The "
    "notebook's form differs by a constant; accepted.",
    ko="서로 다른 표본의 쌍만으로 평균 거리와 제곱의 평균을 계산하셨네요. 노트북의 형태와 상수만 다르므로 "
    "정답으로 인정합니다.",
)
def rkd_distinct_pairs_squares(l_t, l_s):
    psi_t, psi_s = distances_over_distinct_mean(l_t), distances_over_distinct_mean(l_s)
    return distinct_mean(tf.square(psi_t - psi_s))


@variant(
    "relational_knowledge_distillation",
    family="distinct_normaliser_squares_sum",
    trains=False,
    en="You sum squares of distances divided by the mean distance of different samples. Accepted; a sum "
    "grows with the square of the batch size, so its weight has to be smaller.",
    ko="서로 다른 표본의 평균 거리로 나눈 뒤 제곱을 더하셨네요. 정답으로 인정합니다. 다만 합은 batch "
    "크기의 제곱에 비례하므로 가중치를 더 작게 잡아야 합니다.",
)
def rkd_distinct_normaliser_squares_sum(l_t, l_s):
    return tf.reduce_sum(tf.square(distances_over_distinct_mean(l_t) - distances_over_distinct_mean(l_s)))


@variant(
    "relational_knowledge_distillation",
    family="paper",
    trains=False,
    en="This is the paper's form: distances over the mean distance of different samples, Huber losses "
    "summed. Accepted; the notebook averages, so its weight would have to be smaller here.",
    ko="논문의 형태입니다. 서로 다른 표본의 평균 거리로 나누고 Huber loss를 더하셨네요. 정답으로 "
    "인정합니다. 노트북은 평균을 쓰므로 여기서는 가중치를 더 작게 잡아야 합니다.",
)
def rkd_paper(l_t, l_s):
    psi_t, psi_s = distances_over_distinct_mean(l_t), distances_over_distinct_mean(l_s)
    return tf.reduce_sum(elementwise_huber(psi_t, psi_s))


@variant(
    "relational_knowledge_distillation",
    family="constant_normaliser",
    en="You treat the mean distance as a constant (no gradient flows through it). The loss is the same "
    "number and the gradient is close to it; accepted, but the formula differentiates the mean as well.",
    ko="평균 거리를 상수로 취급하여 gradient가 흐르지 않게 하셨네요. loss 값은 같고 gradient도 비슷하므로 "
    "정답으로 인정합니다. 다만 수식대로라면 평균 거리도 함께 미분됩니다.",
)
def rkd_constant_normaliser(l_t, l_s):
    psi_t, psi_s = distances_over_constant_mean(l_t), distances_over_constant_mean(l_s)
    return tf.reduce_mean(elementwise_huber(psi_t, psi_s))


@variant(
    "relational_knowledge_distillation",
    family="constant_normaliser_squares_mean",
    en="You average squares and treat the mean distance as a constant. Accepted; the formula "
    "differentiates the mean as well, and the recommended function is the Huber loss.",
    ko="평균 거리를 상수로 취급하고 제곱의 평균을 내셨네요. 정답으로 인정합니다. 다만 수식대로라면 평균 "
    "거리도 함께 미분되며, 노트북이 추천하는 함수는 Huber loss입니다.",
)
def rkd_constant_normaliser_squares_mean(l_t, l_s):
    return tf.reduce_mean(tf.square(distances_over_constant_mean(l_t) - distances_over_constant_mean(l_s)))


@variant(
    "relational_knowledge_distillation",
    family="constant_normaliser_squares_sum",
    trains=False,
    en="You sum squares and treat the mean distance as a constant. Accepted; the formula differentiates "
    "the mean as well, and a sum grows with the square of the batch size.",
    ko="평균 거리를 상수로 취급하고 제곱을 더하셨네요. 정답으로 인정합니다. 다만 수식대로라면 평균 거리도 "
    "함께 미분되며, 합은 batch 크기의 제곱에 비례해 커집니다.",
)
def rkd_constant_normaliser_squares_sum(l_t, l_s):
    return tf.reduce_sum(tf.square(distances_over_constant_mean(l_t) - distances_over_constant_mean(l_s)))


# ------------------------------------------------------------------ loss_with_rkd


@variant("loss_with_rkd")
def loss_with_rkd_by_hand(y_true, y_pred):
    label_loss = -tf.reduce_sum(y_true * tf.math.log(tf.clip_by_value(y_pred, 1e-7, 1.0)), axis=-1)
    return label_loss + 0.1 * relational_knowledge_distillation(logits_t, logits_s)


@variant("loss_with_rkd")
def loss_with_rkd_inline(y_true, y_pred):
    label_loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return label_loss + 0.1 * relational_knowledge_distillation(l_t=logits_t, l_s=logits_s)


@variant("loss_with_rkd")
def loss_with_rkd_mean(y_true, y_pred):
    rkd_weight = 0.1
    loss = tf.reduce_mean(tf.keras.losses.categorical_crossentropy(y_true, y_pred))
    loss = loss + rkd_weight * tf.reduce_mean(relational_knowledge_distillation(logits_t, logits_s))
    return loss


@variant("loss_with_rkd")
def loss_with_rkd_keras_object(y_true, y_pred):
    loss = tf.keras.losses.CategoricalCrossentropy()(y_true, y_pred)
    loss += relational_knowledge_distillation(logits_t, logits_s) / 10.0
    return loss
