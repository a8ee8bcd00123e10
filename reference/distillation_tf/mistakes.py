# Specimens of what learners write, wrong on purpose; names such as `logits_t` and helpers that are
# not defined here come from the notebook or from solution_tensorflow.py.
# mypy: ignore-errors
"""Known wrong answers to the exercises of `assignments/distillation_tf`, each with its hint.

A hint says where to look and why it matters; it never gives the code of the answer. Where two
mistakes give the same numbers on every case, the one that stands first is named.
"""

import tensorflow as tf

from grader.authoring import mistake

# ------------------------------------------------------------------ knowledge_distillation


def soft_cross_entropy(p, log_q):
    return -tf.reduce_mean(tf.reduce_sum(p * log_q, axis=1))


@mistake(
    "knowledge_distillation",
    en="Your loss is smaller than it should be by the number of classes: a mean was taken over the classes "
    "as well. Only the samples of the batch are averaged; look at which axis each reduction works on.",
    ko="loss가 클래스 수만큼 작습니다. 클래스에 대해서까지 평균을 내신 것 같습니다. 평균은 batch의 표본에 "
    "대해서만 취해야 하니, 각 reduce 함수가 어느 축에 적용되는지 확인해 보세요.",
    line=2,
)
def kd_class_mean(l_t, l_s, T):
    return -tf.reduce_mean(tf.nn.softmax(l_t / T) * tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="This is the KL divergence divided by the number of classes: a mean was taken over the classes as "
    "well. The formula adds up over classes and only averages over the batch.",
    ko="KL 발산이 클래스 수로 나누어져 있습니다. 수식에서 클래스에 대해서는 합을, batch에 대해서만 평균을 "
    "취합니다. 각 reduce 함수의 축을 확인해 보세요.",
    line=2,
)
def kd_class_mean_kl(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    return tf.reduce_mean(p_t * (tf.nn.log_softmax(l_t / T) - tf.nn.log_softmax(l_s / T)))


@mistake(
    "knowledge_distillation",
    en="The factor T^2 is fine, but the cross-entropy was averaged over the classes too, so it is too "
    "small by their number. Look at the axes of the reductions.",
    ko="T^2을 곱한 것은 괜찮지만, 클래스에 대해서까지 평균을 내어 loss가 클래스 수만큼 작아졌습니다. "
    "reduce 함수의 축을 확인해 보세요.",
    line=2,
)
def kd_class_mean_t2(l_t, l_s, T):
    return -(T**2) * tf.reduce_mean(tf.nn.softmax(l_t / T) * tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="The factor T^2 is fine, but the KL divergence was averaged over the classes too, so it is too "
    "small by their number. Look at the axes of the reductions.",
    ko="T^2을 곱한 것은 괜찮지만, KL 발산을 클래스에 대해서까지 평균 내셨습니다. reduce 함수의 축을 확인해 "
    "보세요.",
    line=2,
)
def kd_class_mean_kl_t2(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    return T**2 * tf.reduce_mean(p_t * (tf.nn.log_softmax(l_t / T) - tf.nn.log_softmax(l_s / T)))


@mistake(
    "knowledge_distillation",
    en="The result does not depend on the temperature: T is not used. Both probabilities in the formula "
    "are softened with it.",
    ko="결과가 temperature와 무관합니다. T가 사용되지 않았습니다. 수식의 두 확률은 모두 T로 부드럽게 만든 "
    "값입니다.",
    line=1,
)
def kd_no_temperature(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t), tf.nn.log_softmax(l_s))


@mistake(
    "knowledge_distillation",
    en="Only the teacher's logits are divided by T. In the formula the student's are softened as well, "
    "otherwise the two distributions cannot agree.",
    ko="teacher의 logit만 T로 나누셨습니다. 수식에서는 student의 logit도 T로 나눕니다. 그렇지 않으면 두 "
    "분포가 서로 같아질 수 없습니다.",
    line=1,
)
def kd_temperature_teacher_only(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(l_s))


@mistake(
    "knowledge_distillation",
    en="Only the student's logits are divided by T. In the formula the teacher's are softened as well.",
    ko="student의 logit만 T로 나누셨습니다. 수식에서는 teacher의 logit도 T로 나눕니다.",
    line=1,
)
def kd_temperature_student_only(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t), tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="A larger T makes your distributions sharper instead of softer. Check how the temperature enters "
    "the softmax in the formula.",
    ko="T가 커질수록 분포가 부드러워지지 않고 오히려 뾰족해집니다. 수식에서 temperature가 softmax 안에 "
    "어떻게 들어가는지 확인해 보세요.",
    line=1,
)
def kd_temperature_multiplied(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t * T), tf.nn.log_softmax(l_s * T))


@mistake(
    "knowledge_distillation",
    en="The temperature is applied to the result of the softmax. It belongs inside, to the logits; outside "
    "it no longer softens anything.",
    ko="temperature가 softmax의 결과에 적용되었습니다. T는 softmax 안쪽, 즉 logit에 적용해야 분포가 "
    "부드러워집니다.",
    line=1,
)
def kd_temperature_outside(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t) / T, tf.nn.log_softmax(l_s) / T)


@mistake(
    "knowledge_distillation",
    en="The result is that of temperature 2 whatever T is given. Use the function's argument, not a fixed "
    "number or a global of the same name.",
    ko="어떤 T를 넣어도 temperature가 2일 때의 값이 나옵니다. 고정된 숫자나 같은 이름의 전역 변수가 아니라 "
    "함수의 인자를 사용해야 합니다.",
    line=1,
)
def kd_temperature_fixed(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / 2.0), tf.nn.log_softmax(l_s / 2.0))


@mistake(
    "knowledge_distillation",
    en="Teacher and student have changed places: the distribution under the logarithm has to be the "
    "student's, the target the teacher's.",
    ko="teacher와 student의 자리가 바뀌었습니다. log 안에는 student의 분포가, 목표(target)에는 teacher의 "
    "분포가 와야 합니다.",
    line=2,
)
def kd_roles_swapped(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_s / T), tf.nn.log_softmax(l_t / T))


@mistake(
    "knowledge_distillation",
    en="This is the divergence the other way round, KL(p_s || p_t). The KL divergence is not symmetric; "
    "the formula weights by the teacher's probabilities.",
    ko="방향이 반대인 KL(p_s || p_t)를 계산하셨습니다. KL 발산은 대칭이 아니며, 수식에서는 teacher의 "
    "확률로 가중합니다.",
    line=2,
)
def kd_reverse_kl(l_t, l_s, T):
    p_s = tf.nn.softmax(l_s / T)
    return tf.reduce_mean(tf.reduce_sum(p_s * (tf.nn.log_softmax(l_s / T) - tf.nn.log_softmax(l_t / T)), axis=1))


@mistake(
    "knowledge_distillation",
    en="The sign is wrong: minimising your loss would drive the student away from the teacher. Compare "
    "with the sign in front of the sum in the formula.",
    ko="부호가 반대입니다. 이 loss를 최소화하면 student가 teacher에서 멀어집니다. 수식에서 합 앞의 부호를 "
    "확인해 보세요.",
    line=2,
)
def kd_no_minus(l_t, l_s, T):
    return -soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="The softmax runs over the batch, so that a sample's probabilities depend on the other samples. It "
    "has to run over the classes.",
    ko="softmax가 batch 방향으로 계산되어, 한 표본의 확률이 다른 표본에 따라 달라집니다. softmax는 클래스 "
    "방향으로 계산해야 합니다.",
    line=1,
)
def kd_softmax_over_batch(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / T, axis=0), tf.nn.log_softmax(l_s / T, axis=0))


@mistake(
    "knowledge_distillation",
    en="A softmax is taken twice. The arguments are logits; a function that expects logits must not be "
    "given probabilities.",
    ko="softmax가 두 번 적용되었습니다. 인자는 logit이며, logit을 기대하는 함수에 확률을 넣으면 안 됩니다.",
    line=1,
)
def kd_double_softmax(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(tf.nn.softmax(l_s / T)))


@mistake(
    "knowledge_distillation",
    en="Both networks' outputs go through a softmax twice. The arguments are logits, before any softmax.",
    ko="두 네트워크의 출력에 모두 softmax가 두 번 적용되었습니다. 인자는 softmax를 거치기 전의 logit입니다.",
    line=1,
)
def kd_double_softmax_both(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(tf.nn.softmax(l_t) / T), tf.nn.log_softmax(tf.nn.softmax(l_s) / T))


@mistake(
    "knowledge_distillation",
    en="This is a mean squared error between probabilities: a method of its own, but not the divergence "
    "asked for here.",
    ko="확률 사이의 평균 제곱 오차를 계산하셨습니다. 이런 방법도 있지만 이 문제에서 요구하는 KL 발산은 아닙니다.",
    line=2,
)
def kd_mse_probabilities(l_t, l_s, T):
    return tf.reduce_mean(tf.square(tf.nn.softmax(l_t / T) - tf.nn.softmax(l_s / T)))


@mistake(
    "knowledge_distillation",
    en="This is a mean squared error between logits. The exercise asks to compare probability distributions.",
    ko="logit 사이의 평균 제곱 오차를 계산하셨습니다. 이 문제에서는 확률 분포를 비교해야 합니다.",
    line=2,
)
def kd_mse_logits(l_t, l_s, T):
    return tf.reduce_mean(tf.square(l_t / T - l_s / T))


@mistake(
    "knowledge_distillation",
    en="The student's probabilities are used where their logarithms belong.",
    ko="student의 확률에 log를 취하지 않으셨습니다. 수식에는 p_s가 아니라 p_s의 로그가 들어갑니다.",
    line=2,
)
def kd_no_log(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="Logarithms are used on both sides. The weights in the sum are the teacher's probabilities themselves.",
    ko="양쪽 모두에 로그를 취하셨습니다. 합에서 가중치가 되는 것은 teacher의 확률 그 자체입니다.",
    line=2,
)
def kd_log_target(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.log_softmax(l_t / T), tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="Only the teacher's most likely class counts. Distillation lives from the teacher's other "
    "probabilities: use all of them as the target.",
    ko="teacher가 가장 높게 예측한 클래스만 사용하셨습니다. 지식 증류의 핵심은 나머지 클래스의 확률에 "
    "있으므로, 확률 전체를 목표로 사용해야 합니다.",
    line=2,
)
def kd_hard_target(l_t, l_s, T):
    target = tf.one_hot(tf.argmax(l_t, axis=1), l_t.shape[1], dtype=l_t.dtype)
    return soft_cross_entropy(target, tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="The student's logits do not enter at all: teacher is compared with teacher.",
    ko="student의 logit이 전혀 사용되지 않았습니다. teacher를 teacher와 비교하고 있습니다.",
    line=2,
)
def kd_teacher_twice(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(l_t / T))


@mistake(
    "knowledge_distillation",
    en="The teacher's logits do not enter at all: student is compared with student, so there is nothing to "
    "learn from.",
    ko="teacher의 logit이 전혀 사용되지 않았습니다. student를 student와 비교하면 배울 것이 없습니다.",
    line=2,
)
def kd_student_twice(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_s / T), tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="The value is right but no gradient reaches the student: something cuts it off (NumPy, a new "
    "variable, stop_gradient). Stay with TensorFlow operations on the student's side.",
    ko="값은 맞지만 gradient가 student까지 전달되지 않습니다. NumPy 변환, 새 변수, stop_gradient 등으로 "
    "연결이 끊긴 것 같습니다. student 쪽은 TensorFlow 연산만 사용하세요.",
)
def kd_gradient_cut(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(tf.stop_gradient(l_s) / T))


@mistake(
    "knowledge_distillation",
    en="The result is too large by the batch size: the samples are added up, but the batch has to be averaged.",
    ko="결과가 batch 크기만큼 큽니다. 표본에 대해 합이 아니라 평균을 취해야 합니다.",
    line=3,
)
def kd_batch_sum(l_t, l_s, T):
    return -tf.reduce_sum(tf.nn.softmax(l_t / T) * tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="The KL divergence is added up over the batch; it has to be averaged.",
    ko="KL 발산을 batch에 대해 더하셨습니다. batch에 대해서는 평균을 취해야 합니다.",
    line=3,
)
def kd_batch_sum_kl(l_t, l_s, T):
    p_t = tf.nn.softmax(l_t / T)
    return tf.reduce_sum(p_t * (tf.nn.log_softmax(l_t / T) - tf.nn.log_softmax(l_s / T)))


@mistake(
    "knowledge_distillation",
    en="The loss carries a factor T. Either none (the notebook) or T^2 (the paper) is right: the gradient "
    "shrinks with the square of T.",
    ko="loss에 T가 한 번 곱해져 있습니다. 곱하지 않거나(노트북) T^2을 곱하는 것(논문)이 맞습니다. "
    "gradient는 T의 제곱에 반비례하여 작아지기 때문입니다.",
    line=3,
)
def kd_times_t(l_t, l_s, T):
    return T * soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="The loss is divided by T^2. The gradient already shrinks with T^2; the paper multiplies to make up "
    "for it.",
    ko="loss를 T^2으로 나누셨습니다. gradient는 이미 T^2에 반비례하여 작아지므로, 논문에서는 이를 보상하기 "
    "위해 오히려 곱합니다.",
    line=3,
)
def kd_divided_by_t2(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(l_s / T)) / T**2


@mistake(
    "knowledge_distillation",
    en="There is a factor 2 too many. Old code multiplies by 2 to undo a weight of 0.5; here the weight "
    "stands in `loss_with_kd`.",
    ko="2가 더 곱해져 있습니다. 예전 코드에서는 0.5의 가중치를 상쇄하려고 2를 곱했지만, 여기서는 가중치가 "
    "`loss_with_kd`에 있습니다.",
    line=3,
)
def kd_factor_two(l_t, l_s, T):
    return 2 * soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(l_s / T))


@mistake(
    "knowledge_distillation",
    en="The logarithm is to the base 2. The formula, like the softmax, uses the natural logarithm.",
    ko="밑이 2인 로그를 사용하셨습니다. 수식의 로그는 자연로그입니다.",
    line=2,
)
def kd_base_two(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.softmax(l_t / T), tf.nn.log_softmax(l_s / T)) / tf.math.log(
        tf.constant(2, l_s.dtype)
    )


@mistake(
    "knowledge_distillation",
    en="A sigmoid is used per class. The classes exclude each other, so their probabilities have to sum to 1.",
    ko="클래스마다 sigmoid를 사용하셨습니다. 클래스는 서로 배타적이므로 확률의 합이 1이 되어야 합니다.",
    line=1,
)
def kd_sigmoid(l_t, l_s, T):
    return soft_cross_entropy(tf.nn.sigmoid(l_t / T), tf.math.log_sigmoid(l_s / T))


@mistake(
    "knowledge_distillation",
    en="A Keras cross-entropy is given logits as if they were probabilities. Say that they are logits, or "
    "turn them into probabilities first.",
    ko="Keras의 cross-entropy에 logit을 확률처럼 넣으셨습니다. logit임을 알려 주거나, 먼저 확률로 바꾸어야 "
    "합니다.",
)
def kd_logits_as_probabilities(l_t, l_s, T):
    return tf.keras.losses.categorical_crossentropy(tf.nn.softmax(l_t / T), l_s / T)


# ------------------------------------------------------------------ loss_with_kd


def label_loss(y_true, y_pred):
    return tf.keras.losses.categorical_crossentropy(y_true, y_pred)


@mistake(
    "loss_with_kd",
    en="The distillation term is added with weight 1; `kd_weight` is not used.",
    ko="증류 항이 가중치 1로 더해졌습니다. `kd_weight`가 사용되지 않았습니다.",
    line=1,
)
def loss_with_kd_no_weight(y_true, y_pred):
    return label_loss(y_true, y_pred) + knowledge_distillation(logits_t, logits_s, 2.0)


@mistake(
    "loss_with_kd",
    en="The weight of the distillation term is 0.1; in this exercise it is 0.5.",
    ko="증류 항의 가중치가 0.1입니다. 이 문제의 가중치는 0.5입니다.",
    line=1,
)
def loss_with_kd_weight_of_others(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * knowledge_distillation(logits_t, logits_s, 2.0)


@mistake(
    "loss_with_kd",
    en="The distillation term is subtracted: the student would be driven away from the teacher.",
    ko="증류 항을 빼셨습니다. 이렇게 하면 student가 teacher에서 멀어집니다.",
    line=1,
)
def loss_with_kd_minus(y_true, y_pred):
    return label_loss(y_true, y_pred) - 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


@mistake(
    "loss_with_kd",
    en="The loss on the true labels is gone; the distillation term comes on top of it.",
    ko="정답 레이블에 대한 loss가 빠졌습니다. 증류 항은 그 위에 더하는 것입니다.",
    line=1,
)
def loss_with_kd_no_labels(y_true, y_pred):
    return 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


@mistake(
    "loss_with_kd",
    en="The distillation term is gone: only the labels are learned from.",
    ko="증류 항이 빠졌습니다. 레이블로만 학습하고 있습니다.",
    line=1,
)
def loss_with_kd_labels_only(y_true, y_pred):
    return label_loss(y_true, y_pred)


@mistake(
    "loss_with_kd",
    en="The label loss is weighted down as well. In this notebook it keeps its full weight and the "
    "distillation term is added.",
    ko="레이블 loss에도 가중치가 곱해져 있습니다. 이 노트북에서는 레이블 loss를 그대로 두고 증류 항을 더합니다.",
    line=1,
)
def loss_with_kd_mixed(y_true, y_pred):
    return 0.5 * label_loss(y_true, y_pred) + 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


@mistake(
    "loss_with_kd",
    en="The temperature is 4; the notebook sets it to 2.",
    ko="temperature가 4입니다. 노트북에서는 2로 정했습니다.",
    line=2,
)
def loss_with_kd_temperature_4(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.5 * knowledge_distillation(logits_t, logits_s, 4.0)


@mistake(
    "loss_with_kd",
    en="The temperature is 10; the notebook sets it to 2. If that is left from an experiment, set it back.",
    ko="temperature가 10입니다. 노트북에서는 2로 정했습니다. 실험하다 남은 값이라면 되돌려 주세요.",
    line=2,
)
def loss_with_kd_temperature_10(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.5 * knowledge_distillation(logits_t, logits_s, 10.0)


@mistake(
    "loss_with_kd",
    en="The temperature is 1, so nothing is softened; the notebook sets it to 2.",
    ko="temperature가 1이어서 분포가 부드러워지지 않습니다. 노트북에서는 2로 정했습니다.",
    line=2,
)
def loss_with_kd_temperature_1(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.5 * knowledge_distillation(logits_t, logits_s, 1.0)


@mistake(
    "loss_with_kd",
    en="Teacher and student have changed places in the call; mind the order of the arguments.",
    ko="함수를 호출할 때 teacher와 student의 자리가 바뀌었습니다. 인자의 순서를 확인해 보세요.",
    line=2,
)
def loss_with_kd_roles_swapped(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.5 * knowledge_distillation(logits_s, logits_t, 2.0)


@mistake(
    "loss_with_kd",
    en="The student's probabilities are distilled instead of its logits: `y_pred` has been through the "
    "softmax already.",
    ko="student의 logit 대신 확률을 사용하셨습니다. `y_pred`는 이미 softmax를 거친 값입니다.",
    line=2,
)
def loss_with_kd_probabilities(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.5 * knowledge_distillation(logits_t, y_pred, 2.0)


@mistake(
    "loss_with_kd",
    en="`y_pred` is treated as logits, but the network ends in a softmax: it holds probabilities.",
    ko="`y_pred`를 logit으로 취급하셨습니다. 네트워크가 softmax로 끝나므로 `y_pred`는 확률입니다.",
    line=1,
)
def loss_with_kd_from_logits(y_true, y_pred):
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)
    return loss + 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


# ------------------------------------------------------------------ attention_transfer


def channel_sum(x):
    return tf.reduce_sum(tf.abs(x), axis=3)


def flat(a):
    return tf.reshape(a, [tf.shape(a)[0], -1])


def unit(a):
    return tf.math.l2_normalize(flat(a), axis=1)


def mean_norm(difference):
    return tf.reduce_mean(tf.norm(difference, axis=1))


@mistake(
    "attention_transfer",
    en="The absolute value is missing: positive and negative activations cancel out in the sum over the channels.",
    ko="절댓값이 빠졌습니다. 채널에 대해 더할 때 양수와 음수 활성값이 서로 상쇄됩니다.",
    line=1,
)
def at_no_abs(x_t, x_s):
    return mean_norm(unit(tf.reduce_sum(x_t, axis=3)) - unit(tf.reduce_sum(x_s, axis=3)))


@mistake(
    "attention_transfer",
    en="The absolute value is taken after the sum over the channels; the formula takes it before, channel "
    "by channel.",
    ko="채널에 대해 더한 뒤에 절댓값을 취하셨습니다. 수식에서는 더하기 전에 채널마다 절댓값을 취합니다.",
    line=1,
)
def at_abs_after_sum(x_t, x_s):
    return mean_norm(unit(tf.abs(tf.reduce_sum(x_t, axis=3))) - unit(tf.abs(tf.reduce_sum(x_s, axis=3))))


@mistake(
    "attention_transfer",
    en="The maps are not normalised: the loss grows when the activations are scaled. Each map is divided "
    "by its own norm first.",
    ko="attention map이 정규화되지 않아, 활성값의 크기가 바뀌면 loss도 바뀝니다. 빼기 전에 각 map을 자신의 "
    "norm으로 나누어야 합니다.",
    line=2,
)
def at_no_normalisation(x_t, x_s):
    return mean_norm(flat(channel_sum(x_t)) - flat(channel_sum(x_s)))


@mistake(
    "attention_transfer",
    en="The maps are normalised over the batch, so that one sample's loss depends on the others. Each "
    "sample's vector has its own norm.",
    ko="batch 방향으로 정규화되어 한 표본의 loss가 다른 표본에 따라 달라집니다. 표본마다 자신의 벡터 "
    "norm으로 나누어야 합니다.",
    line=2,
)
def at_normalised_over_batch(x_t, x_s):
    a_t = tf.math.l2_normalize(flat(channel_sum(x_t)), axis=0)
    return mean_norm(a_t - tf.math.l2_normalize(flat(channel_sum(x_s)), axis=0))


@mistake(
    "attention_transfer",
    en="One norm is taken over the whole batch. Without an axis the normalisation covers every entry; each "
    "sample needs its own.",
    ko="batch 전체를 하나의 norm으로 나누셨습니다. 축을 지정하지 않으면 모든 원소에 대해 정규화됩니다. "
    "표본마다 따로 정규화해야 합니다.",
    line=2,
)
def at_normalised_over_everything(x_t, x_s):
    return mean_norm(tf.math.l2_normalize(flat(channel_sum(x_t))) - tf.math.l2_normalize(flat(channel_sum(x_s))))


@mistake(
    "attention_transfer",
    en="Each row of a map is normalised on its own. The whole map of a sample becomes one vector, and that "
    "vector is normalised.",
    ko="map의 각 행이 따로 정규화되었습니다. 한 표본의 map 전체를 하나의 벡터로 만든 뒤 정규화해야 합니다.",
    line=2,
)
def at_rows_normalised(x_t, x_s):
    a_t = tf.math.l2_normalize(channel_sum(x_t), axis=-1)
    return mean_norm(flat(a_t) - flat(tf.math.l2_normalize(channel_sum(x_s), axis=-1)))


@mistake(
    "attention_transfer",
    en="The sum runs over the height. In TensorFlow feature maps are laid out batch, height, width, "
    "channels: the channels come last.",
    ko="높이 방향으로 더하셨습니다. TensorFlow의 feature map은 (batch, 높이, 너비, 채널) 순서이므로 채널은 "
    "마지막 축입니다.",
    line=1,
)
def at_sum_over_height(x_t, x_s):
    return mean_norm(unit(tf.reduce_sum(tf.abs(x_t), axis=1)) - unit(tf.reduce_sum(tf.abs(x_s), axis=1)))


@mistake(
    "attention_transfer",
    en="The sum runs over the width. In TensorFlow feature maps are laid out batch, height, width, "
    "channels: the channels come last.",
    ko="너비 방향으로 더하셨습니다. TensorFlow의 feature map은 (batch, 높이, 너비, 채널) 순서이므로 채널은 "
    "마지막 축입니다.",
    line=1,
)
def at_sum_over_width(x_t, x_s):
    return mean_norm(unit(tf.reduce_sum(tf.abs(x_t), axis=2)) - unit(tf.reduce_sum(tf.abs(x_s), axis=2)))


@mistake(
    "attention_transfer",
    en="The positions are summed and the channels are left. An attention map keeps the positions and sums "
    "over the channels.",
    ko="위치에 대해 더하고 채널을 남기셨습니다. attention map은 위치를 남기고 채널에 대해 더한 것입니다.",
    line=1,
)
def at_sum_over_positions(x_t, x_s):
    return mean_norm(unit(tf.reduce_sum(tf.abs(x_t), axis=[1, 2])) - unit(tf.reduce_sum(tf.abs(x_s), axis=[1, 2])))


@mistake(
    "attention_transfer",
    en="The channels are not summed. It only runs where teacher and student have equally many; an "
    "attention map has one value per position.",
    ko="채널에 대한 합이 없습니다. teacher와 student의 채널 수가 같을 때만 동작합니다. attention map은 "
    "위치마다 값이 하나입니다.",
    line=1,
)
def at_no_channel_sum(x_t, x_s):
    return mean_norm(unit(tf.abs(x_t)) - unit(tf.abs(x_s)))


@mistake(
    "attention_transfer",
    en="The largest channel is taken instead of the sum over all of them.",
    ko="모든 채널의 합이 아니라 가장 큰 채널의 값을 사용하셨습니다.",
    line=1,
)
def at_channel_maximum(x_t, x_s):
    return mean_norm(unit(tf.reduce_max(tf.abs(x_t), axis=3)) - unit(tf.reduce_max(tf.abs(x_s), axis=3)))


@mistake(
    "attention_transfer",
    en="Activations are squared. The paper prefers that, but the notebook's formula sums absolute values.",
    ko="활성값을 제곱하셨습니다. 논문에서는 제곱을 선호하지만, 노트북의 수식은 절댓값을 더합니다.",
    line=1,
)
def at_squares(x_t, x_s):
    return mean_norm(unit(tf.reduce_sum(tf.square(x_t), axis=3)) - unit(tf.reduce_sum(tf.square(x_s), axis=3)))


@mistake(
    "attention_transfer",
    en="Activations are squared and the error is averaged over all positions, as in the paper's code. The "
    "notebook sums absolute values and takes the norm of the difference.",
    ko="논문의 공개 코드처럼 활성값을 제곱하고 모든 위치에 대해 평균을 내셨습니다. 노트북의 수식은 "
    "절댓값을 더하고 차이의 norm을 구합니다.",
)
def at_squares_mse(x_t, x_s):
    difference = unit(tf.reduce_sum(tf.square(x_t), axis=3)) - unit(tf.reduce_sum(tf.square(x_s), axis=3))
    return tf.reduce_mean(tf.square(difference))


@mistake(
    "attention_transfer",
    en="The norm of the difference is squared; the formula takes the norm itself.",
    ko="차이의 norm이 제곱되어 있습니다. 수식은 norm 그 자체입니다.",
    line=3,
)
def at_squared_norm(x_t, x_s):
    return tf.reduce_mean(tf.reduce_sum(tf.square(unit(channel_sum(x_t)) - unit(channel_sum(x_s))), axis=1))


@mistake(
    "attention_transfer",
    en="The squared differences are averaged over all positions. The formula takes the norm of each "
    "sample's difference and averages over the batch only.",
    ko="차이의 제곱을 모든 위치에 대해 평균 내셨습니다. 수식은 표본마다 차이의 norm을 구하고 batch에 "
    "대해서만 평균을 취합니다.",
    line=3,
)
def at_mse(x_t, x_s):
    return tf.reduce_mean(tf.square(unit(channel_sum(x_t)) - unit(channel_sum(x_s))))


@mistake(
    "attention_transfer",
    en="This is the mean squared error of the raw maps: neither normalised nor a norm.",
    ko="정규화하지 않은 map의 평균 제곱 오차입니다. 정규화와 norm이 모두 빠졌습니다.",
)
def at_mse_of_raw_maps(x_t, x_s):
    return tf.reduce_mean(tf.square(channel_sum(x_t) - channel_sum(x_s)))


@mistake(
    "attention_transfer",
    en="The difference is measured by absolute values; the formula uses the Euclidean norm.",
    ko="차이를 절댓값의 합으로 재셨습니다. 수식은 유클리드 norm을 사용합니다.",
    line=3,
)
def at_l1_distance(x_t, x_s):
    return tf.reduce_mean(tf.reduce_sum(tf.abs(unit(channel_sum(x_t)) - unit(channel_sum(x_s))), axis=1))


@mistake(
    "attention_transfer",
    en="The difference enters to the fourth power: it was squared once too often.",
    ko="차이가 네제곱으로 들어갔습니다. 제곱이 한 번 더 적용된 것 같습니다.",
    line=3,
)
def at_fourth_power(x_t, x_s):
    return tf.reduce_mean(tf.reduce_sum((unit(channel_sum(x_t)) - unit(channel_sum(x_s))) ** 4, axis=1))


@mistake(
    "attention_transfer",
    en="The result is too large by the batch size: the samples are added up, but the batch has to be averaged.",
    ko="결과가 batch 크기만큼 큽니다. 표본에 대해 합이 아니라 평균을 취해야 합니다.",
    line=4,
)
def at_batch_sum(x_t, x_s):
    return tf.reduce_sum(tf.norm(unit(channel_sum(x_t)) - unit(channel_sum(x_s)), axis=1))


@mistake(
    "attention_transfer",
    en="One norm is taken over the whole batch. Take one per sample, then the mean over the batch.",
    ko="batch 전체에 대해 하나의 norm을 구하셨습니다. 표본마다 norm을 구한 뒤 batch에 대해 평균을 취해야 합니다.",
    line=3,
)
def at_one_norm(x_t, x_s):
    return tf.norm(unit(channel_sum(x_t)) - unit(channel_sum(x_s)))


@mistake(
    "attention_transfer",
    en="The norm of the difference runs over the batch (axis 0); each sample has its own norm.",
    ko="차이의 norm을 batch 방향(축 0)으로 구하셨습니다. norm은 표본마다 구해야 합니다.",
    line=3,
)
def at_norm_over_batch(x_t, x_s):
    return tf.reduce_mean(tf.norm(unit(channel_sum(x_t)) - unit(channel_sum(x_s)), axis=0))


@mistake(
    "attention_transfer",
    en="Only the teacher's map is normalised; the student's has to be as well.",
    ko="teacher의 map만 정규화하셨습니다. student의 map도 정규화해야 합니다.",
    line=2,
)
def at_only_teacher_normalised(x_t, x_s):
    return mean_norm(unit(channel_sum(x_t)) - flat(channel_sum(x_s)))


@mistake(
    "attention_transfer",
    en="Only the student's map is normalised; the teacher's has to be as well.",
    ko="student의 map만 정규화하셨습니다. teacher의 map도 정규화해야 합니다.",
    line=2,
)
def at_only_student_normalised(x_t, x_s):
    return mean_norm(flat(channel_sum(x_t)) - unit(channel_sum(x_s)))


@mistake(
    "attention_transfer",
    en="The maps are divided by their sum instead of their Euclidean norm.",
    ko="map을 유클리드 norm이 아니라 합으로 나누셨습니다.",
    line=2,
)
def at_divided_by_sum(x_t, x_s):
    a_t, a_s = flat(channel_sum(x_t)), flat(channel_sum(x_s))
    return mean_norm(a_t / tf.reduce_sum(a_t, 1, keepdims=True) - a_s / tf.reduce_sum(a_s, 1, keepdims=True))


@mistake(
    "attention_transfer",
    en="The maps are divided by their largest value instead of their Euclidean norm.",
    ko="map을 유클리드 norm이 아니라 최댓값으로 나누셨습니다.",
    line=2,
)
def at_divided_by_maximum(x_t, x_s):
    a_t, a_s = flat(channel_sum(x_t)), flat(channel_sum(x_s))
    return mean_norm(a_t / tf.reduce_max(a_t, 1, keepdims=True) - a_s / tf.reduce_max(a_s, 1, keepdims=True))


@mistake(
    "attention_transfer",
    en="The maps go through a softmax; the formula divides by the Euclidean norm.",
    ko="map에 softmax를 적용하셨습니다. 수식에서는 유클리드 norm으로 나눕니다.",
    line=2,
)
def at_softmax(x_t, x_s):
    return mean_norm(tf.nn.softmax(flat(channel_sum(x_t))) - tf.nn.softmax(flat(channel_sum(x_s))))


@mistake(
    "attention_transfer",
    en="This is 1 minus the cosine of the two maps. It is related (half the squared distance), but the "
    "formula asks for the distance.",
    ko="두 map의 코사인 유사도를 1에서 뺀 값입니다. 거리의 제곱의 절반에 해당하지만, 수식은 거리 그 자체입니다.",
    line=3,
)
def at_cosine(x_t, x_s):
    return tf.reduce_mean(1 - tf.reduce_sum(unit(channel_sum(x_t)) * unit(channel_sum(x_s)), axis=1))


@mistake(
    "attention_transfer",
    en="The result is always 0: one network's map is compared with itself.",
    ko="결과가 항상 0입니다. 같은 네트워크의 map끼리 비교하고 있습니다.",
    line=3,
)
def at_teacher_twice(x_t, x_s):
    return tf.reduce_mean(tf.norm(unit(channel_sum(x_t)) - unit(channel_sum(x_t)), axis=1))


@mistake(
    "attention_transfer",
    en="The value is right but no gradient reaches the student's features: something cuts it off (NumPy, a "
    "new variable, stop_gradient).",
    ko="값은 맞지만 gradient가 student의 feature까지 전달되지 않습니다. NumPy 변환, 새 변수, stop_gradient "
    "등으로 연결이 끊긴 것 같습니다.",
)
def at_gradient_cut(x_t, x_s):
    return mean_norm(unit(channel_sum(x_t)) - tf.stop_gradient(unit(channel_sum(x_s))))


# ------------------------------------------------------------------ loss_with_at


@mistake(
    "loss_with_at",
    en="The transfer terms are added with weight 1; `at_weight` is not used.",
    ko="전이 항이 가중치 1로 더해졌습니다. `at_weight`가 사용되지 않았습니다.",
    line=1,
)
def loss_with_at_no_weight(y_true, y_pred):
    return label_loss(y_true, y_pred) + (
        attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s)
    )


@mistake(
    "loss_with_at",
    en="Only the first of the three terms is weighted: a product binds more tightly than a sum. Every term "
    "carries the weight.",
    ko="세 항 중 첫 번째 항에만 가중치가 곱해졌습니다. 곱셈이 덧셈보다 먼저 계산되기 때문입니다. 모든 항에 "
    "가중치가 곱해져야 합니다.",
    line=1,
)
def loss_with_at_first_weighted(y_true, y_pred):
    at_weight = 0.1
    transfer = (
        at_weight * attention_transfer(x1_t, x1_s)
        + attention_transfer(x2_t, x2_s)
        + attention_transfer(x3_t, x3_s)
    )
    return label_loss(y_true, y_pred) + transfer


@mistake(
    "loss_with_at",
    en="The weight is 0.5; in this exercise it is 0.1.",
    ko="가중치가 0.5입니다. 이 문제의 가중치는 0.1입니다.",
    line=1,
)
def loss_with_at_weight_of_kd(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.5 * (
        attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s)
    )


@mistake(
    "loss_with_at",
    en="The transfer terms are averaged; the exercise adds one for each pair of feature maps.",
    ko="전이 항의 평균을 사용하셨습니다. 이 문제에서는 feature map 쌍마다 하나씩 더합니다.",
    line=1,
)
def loss_with_at_averaged(y_true, y_pred):
    terms = [attention_transfer(x1_t, x1_s), attention_transfer(x2_t, x2_s), attention_transfer(x3_t, x3_s)]
    return label_loss(y_true, y_pred) + 0.1 * tf.add_n(terms) / 3


@mistake(
    "loss_with_at",
    en="Only the first pair of feature maps is used; there are three.",
    ko="첫 번째 feature map 쌍만 사용하셨습니다. 쌍은 모두 세 개입니다.",
    line=2,
)
def loss_with_at_first_only(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * attention_transfer(x1_t, x1_s)


@mistake(
    "loss_with_at",
    en="Only the last pair of feature maps is used; there are three.",
    ko="마지막 feature map 쌍만 사용하셨습니다. 쌍은 모두 세 개입니다.",
    line=2,
)
def loss_with_at_last_only(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * attention_transfer(x3_t, x3_s)


@mistake(
    "loss_with_at",
    en="The last pair of feature maps is missing; there are three.",
    ko="마지막 feature map 쌍이 빠졌습니다. 쌍은 모두 세 개입니다.",
    line=2,
)
def loss_with_at_last_missing(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s))


@mistake(
    "loss_with_at",
    en="The first pair of feature maps is missing; there are three.",
    ko="첫 번째 feature map 쌍이 빠졌습니다. 쌍은 모두 세 개입니다.",
    line=2,
)
def loss_with_at_first_missing(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * (attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))


@mistake(
    "loss_with_at",
    en="The same pair of feature maps enters three times; each block has its own.",
    ko="같은 feature map 쌍이 세 번 사용되었습니다. 블록마다 자신의 쌍이 있습니다.",
    line=2,
)
def loss_with_at_first_three_times(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * 3 * attention_transfer(x1_t, x1_s)


@mistake(
    "loss_with_at",
    en="The transfer terms are subtracted: the student would be driven away from the teacher.",
    ko="전이 항을 빼셨습니다. 이렇게 하면 student가 teacher에서 멀어집니다.",
    line=1,
)
def loss_with_at_minus(y_true, y_pred):
    return label_loss(y_true, y_pred) - 0.1 * (
        attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s)
    )


@mistake(
    "loss_with_at",
    en="The loss on the true labels is gone; the transfer terms come on top of it.",
    ko="정답 레이블에 대한 loss가 빠졌습니다. 전이 항은 그 위에 더하는 것입니다.",
    line=1,
)
def loss_with_at_no_labels(y_true, y_pred):
    return 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))


@mistake(
    "loss_with_at",
    en="The student's feature maps do not enter: the transfer terms are missing, or the teacher's maps are "
    "compared with themselves.",
    ko="student의 feature map이 사용되지 않았습니다. 전이 항이 빠졌거나 teacher의 map끼리 비교하고 있습니다.",
)
def loss_with_at_labels_only(y_true, y_pred):
    return label_loss(y_true, y_pred)


@mistake(
    "loss_with_at",
    en="The label loss is weighted down as well. It keeps its full weight and the transfer terms are added.",
    ko="레이블 loss에도 가중치가 곱해져 있습니다. 레이블 loss는 그대로 두고 전이 항을 더합니다.",
    line=1,
)
def loss_with_at_mixed(y_true, y_pred):
    return 0.9 * label_loss(y_true, y_pred) + 0.1 * (
        attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s)
    )


@mistake(
    "loss_with_at",
    en="Logits are distilled here instead of feature maps: this is the loss of Q2.",
    ko="feature map이 아니라 logit을 증류하고 있습니다. 이것은 Q2의 loss입니다.",
    line=2,
)
def loss_with_at_distillation(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * knowledge_distillation(logits_t, logits_s, 2.0)


@mistake(
    "loss_with_at",
    en="`y_pred` is treated as logits, but the network ends in a softmax: it holds probabilities.",
    ko="`y_pred`를 logit으로 취급하셨습니다. 네트워크가 softmax로 끝나므로 `y_pred`는 확률입니다.",
    line=1,
)
def loss_with_at_from_logits(y_true, y_pred):
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)
    return loss + 0.1 * (
        attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s)
    )


# ------------------------------------------------------------------ pairwise_distance


def differences(z):
    return tf.expand_dims(z, 1) - tf.expand_dims(z, 0)


def clipped(out):
    return tf.clip_by_value(out, clip_value_min=1e-6, clip_value_max=100)


@mistake(
    "pairwise_distance",
    en="These are squared distances: the square root is missing.",
    ko="거리의 제곱이 나옵니다. 제곱근이 빠졌습니다.",
    line=1,
)
def pd_squared(z):
    return clipped(tf.reduce_sum(tf.square(differences(z)), axis=-1))


@mistake(
    "pairwise_distance",
    en="The absolute differences are added up (L1). Entry [i][j] is the Euclidean norm.",
    ko="차이의 절댓값을 더하셨습니다(L1 거리). out[i][j]는 유클리드 norm이어야 합니다.",
    line=1,
)
def pd_l1(z):
    return clipped(tf.reduce_sum(tf.abs(differences(z)), axis=-1))


@mistake(
    "pairwise_distance",
    en="Only the largest difference of the coordinates counts. Entry [i][j] is the Euclidean norm.",
    ko="좌표 차이 중 가장 큰 값만 사용하셨습니다. out[i][j]는 유클리드 norm이어야 합니다.",
    line=1,
)
def pd_maximum(z):
    return clipped(tf.reduce_max(tf.abs(differences(z)), axis=-1))


@mistake(
    "pairwise_distance",
    en="The squares are averaged over the coordinates, where the Euclidean norm adds them up.",
    ko="좌표에 대해 제곱의 평균을 내셨습니다. 유클리드 norm은 제곱의 합을 사용합니다.",
    line=1,
)
def pd_root_mean_square(z):
    return clipped(tf.sqrt(tf.reduce_mean(tf.square(differences(z)), axis=-1)))


@mistake(
    "pairwise_distance",
    en="The result is a single number: without an axis the norm covers everything. One distance per pair "
    "of rows is asked for.",
    ko="결과가 숫자 하나입니다. 축을 지정하지 않으면 전체에 대한 norm이 됩니다. 행의 쌍마다 거리가 하나씩 "
    "나와야 합니다.",
    line=1,
)
def pd_no_axis(z):
    return clipped(tf.norm(differences(z)))


@mistake(
    "pairwise_distance",
    en="The norm runs over samples instead of coordinates, so the result has the wrong shape. Think about "
    "which axis holds the coordinates after the subtraction.",
    ko="norm을 좌표가 아니라 표본 방향으로 구해서 결과의 모양이 다릅니다. 뺄셈을 한 뒤 좌표가 어느 축에 "
    "있는지 생각해 보세요.",
    line=1,
)
def pd_norm_over_samples(z):
    return clipped(tf.norm(differences(z), axis=1))


@mistake(
    "pairwise_distance",
    en="These are distances between columns. The rows of z are the samples.",
    ko="열 사이의 거리를 구하셨습니다. z의 행이 표본입니다.",
    line=1,
)
def pd_columns(z):
    return clipped(tf.norm(differences(tf.transpose(z)), axis=-1))


@mistake(
    "pairwise_distance",
    en="This is 1 minus the cosine of two rows: an angle, not a distance.",
    ko="두 행의 코사인 유사도를 1에서 뺀 값입니다. 이것은 각도이지 거리가 아닙니다.",
    line=1,
)
def pd_cosine(z):
    z = tf.math.l2_normalize(z, axis=1)
    return clipped(1 - tf.matmul(z, z, transpose_b=True))


@mistake(
    "pairwise_distance",
    en="The rows are normalised first. The distances of the rows themselves are asked for.",
    ko="행을 먼저 정규화하셨습니다. 주어진 행 그대로의 거리를 구해야 합니다.",
    line=1,
)
def pd_rows_normalised(z):
    return clipped(tf.norm(differences(tf.math.l2_normalize(z, axis=1)), axis=-1))


@mistake(
    "pairwise_distance",
    en="The distances are divided by their mean here. That belongs to the loss; this function returns "
    "plain distances.",
    ko="여기서 거리를 평균으로 나누셨습니다. 그 과정은 loss 함수의 몫이고, 이 함수는 거리 그 자체를 "
    "돌려주어야 합니다.",
    line=1,
)
def pd_divided_by_mean(z):
    d = clipped(tf.norm(differences(z), axis=-1))
    return d / tf.reduce_mean(d)


@mistake(
    "pairwise_distance",
    en="These are inner products of rows, not distances.",
    ko="행 사이의 내적입니다. 거리가 아닙니다.",
    line=1,
)
def pd_inner_product(z):
    return clipped(tf.matmul(z, z, transpose_b=True))


@mistake(
    "pairwise_distance",
    en="Rows are added where they have to be subtracted.",
    ko="행을 빼야 하는데 더하셨습니다.",
    line=1,
)
def pd_sums(z):
    return clipped(tf.norm(tf.expand_dims(z, 1) + tf.expand_dims(z, 0), axis=-1))


@mistake(
    "pairwise_distance",
    en="The norms of the rows are subtracted. Take the norm of the difference, not the difference of the norms.",
    ko="행의 norm끼리 빼셨습니다. norm의 차이가 아니라 차이의 norm을 구해야 합니다.",
    line=1,
)
def pd_difference_of_norms(z):
    norms = tf.norm(z, axis=1)
    return clipped(tf.abs(norms[:, None] - norms[None, :]))


@mistake(
    "pairwise_distance",
    en="Differences are added up with their signs, so that they cancel. A norm is asked for.",
    ko="차이를 부호가 있는 채로 더해서 서로 상쇄됩니다. norm을 구해야 합니다.",
    line=1,
)
def pd_signed_sum(z):
    return clipped(tf.reduce_sum(differences(z), axis=-1))


@mistake(
    "pairwise_distance",
    en="In ||a - b||^2 = ||a||^2 + ||b||^2 - 2ab the factor 2 is missing.",
    ko="||a - b||^2 = ||a||^2 + ||b||^2 - 2ab 에서 2가 빠졌습니다.",
    line=1,
)
def pd_gram_without_two(z):
    squares = tf.reduce_sum(z * z, axis=1)
    return clipped(
        tf.sqrt(tf.maximum(squares[:, None] + squares[None, :] - tf.matmul(z, z, transpose_b=True), 1e-12))
    )


@mistake(
    "pairwise_distance",
    en="The diagonal is 1. A row has distance 0 from itself (1e-6 after the clipping).",
    ko="대각선이 1입니다. 어떤 행과 자기 자신의 거리는 0입니다(clip 이후에는 1e-6).",
    line=1,
)
def pd_ones_on_diagonal(z):
    d = clipped(tf.norm(differences(z), axis=-1))
    return tf.linalg.set_diag(d, tf.ones_like(d[:, 0]))


@mistake(
    "pairwise_distance",
    en="Only the pairs with i < j have a distance. The matrix is symmetric: entry [j][i] equals entry [i][j].",
    ko="i < j인 쌍만 거리가 채워져 있습니다. 행렬은 대칭이어서 out[j][i]와 out[i][j]가 같아야 합니다.",
    line=1,
)
def pd_upper_triangle(z):
    return clipped(tf.linalg.band_part(tf.norm(differences(z), axis=-1), 0, -1))


@mistake(
    "pairwise_distance",
    en="The values are right, but the gradient is not a number: the derivative of a square root is "
    "infinite at 0, on the diagonal. This is what the clipping line of the notebook is for.",
    ko="값은 맞지만 gradient가 NaN입니다. 대각선의 0에서 제곱근의 미분이 무한대가 되기 때문입니다. "
    "노트북의 clip 줄은 이를 막기 위한 것입니다.",
    line=2,
)
def pd_no_clip(z):
    return tf.norm(differences(z), axis=-1)


@mistake(
    "pairwise_distance",
    en="The values are right but no gradient comes back: something cuts it off (NumPy, a new variable, "
    "stop_gradient).",
    ko="값은 맞지만 gradient가 전달되지 않습니다. NumPy 변환, 새 변수, stop_gradient 등으로 연결이 끊긴 것 "
    "같습니다.",
)
def pd_gradient_cut(z):
    return clipped(tf.norm(differences(tf.stop_gradient(z)), axis=-1))


# ------------------------------------------------------------------ relational_knowledge_distillation


def relative(z):
    d = pairwise_distance(z)
    return d / tf.reduce_mean(d)


def mean_huber(a, b):
    return tf.reduce_mean(tf.keras.losses.huber(a, b))


@mistake(
    "relational_knowledge_distillation",
    en="The distances are not divided by their mean: the loss changes when one network's logits are merely "
    "scaled.",
    ko="거리를 평균으로 나누지 않으셨습니다. 한 네트워크의 logit 크기만 바뀌어도 loss가 달라집니다.",
    line=2,
)
def rkd_no_normalisation(l_t, l_s):
    return mean_huber(pairwise_distance(l_t), pairwise_distance(l_s))


@mistake(
    "relational_knowledge_distillation",
    en="Squares of plain distances are averaged: the division by the mean distance is missing.",
    ko="나누지 않은 거리의 차이를 제곱하여 평균을 내셨습니다. 평균 거리로 나누는 과정이 빠졌습니다.",
    line=2,
)
def rkd_no_normalisation_squares(l_t, l_s):
    return tf.reduce_mean(tf.square(pairwise_distance(l_t) - pairwise_distance(l_s)))


@mistake(
    "relational_knowledge_distillation",
    en="The distances are divided by the largest one; the formula divides by the mean.",
    ko="거리를 최댓값으로 나누셨습니다. 수식에서는 평균으로 나눕니다.",
    line=2,
)
def rkd_divided_by_maximum(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    return mean_huber(d_t / tf.reduce_max(d_t), d_s / tf.reduce_max(d_s))


@mistake(
    "relational_knowledge_distillation",
    en="The distances are divided by their sum. The formula also multiplies by B^2, which makes it a mean.",
    ko="거리를 합으로 나누셨습니다. 수식에는 B^2이 곱해져 있어서 평균으로 나누는 것이 됩니다.",
    line=2,
)
def rkd_divided_by_sum(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    return mean_huber(d_t / tf.reduce_sum(d_t), d_s / tf.reduce_sum(d_s))


@mistake(
    "relational_knowledge_distillation",
    en="The distances are divided by their Euclidean norm; the formula divides by the mean.",
    ko="거리를 norm으로 나누셨습니다. 수식에서는 평균으로 나눕니다.",
    line=2,
)
def rkd_divided_by_norm(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    return mean_huber(d_t / tf.norm(d_t), d_s / tf.norm(d_s))


@mistake(
    "relational_knowledge_distillation",
    en="Each row of distances has its own mean. One mean over all pairs of the batch is asked for.",
    ko="행마다 따로 평균을 구하셨습니다. batch의 모든 쌍에 대한 하나의 평균으로 나누어야 합니다.",
    line=2,
)
def rkd_row_means(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    return mean_huber(d_t / tf.reduce_mean(d_t, 1, keepdims=True), d_s / tf.reduce_mean(d_s, 1, keepdims=True))


@mistake(
    "relational_knowledge_distillation",
    en="Only the teacher's distances are divided by their mean; the student's have to be as well.",
    ko="teacher의 거리만 평균으로 나누셨습니다. student의 거리도 자신의 평균으로 나누어야 합니다.",
    line=2,
)
def rkd_only_teacher_normalised(l_t, l_s):
    return mean_huber(relative(l_t), pairwise_distance(l_s))


@mistake(
    "relational_knowledge_distillation",
    en="Only the student's distances are divided by their mean; the teacher's have to be as well.",
    ko="student의 거리만 평균으로 나누셨습니다. teacher의 거리도 자신의 평균으로 나누어야 합니다.",
    line=2,
)
def rkd_only_student_normalised(l_t, l_s):
    return mean_huber(pairwise_distance(l_t), relative(l_s))


@mistake(
    "relational_knowledge_distillation",
    en="Both networks' distances are divided by the teacher's mean. Each network has its own.",
    ko="두 네트워크의 거리를 모두 teacher의 평균으로 나누셨습니다. 각자 자신의 평균으로 나누어야 합니다.",
    line=2,
)
def rkd_teacher_mean_for_both(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    return mean_huber(d_t / tf.reduce_mean(d_t), d_s / tf.reduce_mean(d_t))


@mistake(
    "relational_knowledge_distillation",
    en="The distances are multiplied by their mean; the formula divides by it.",
    ko="거리에 평균을 곱하셨습니다. 수식에서는 평균으로 나눕니다.",
    line=2,
)
def rkd_multiplied_by_mean(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    return mean_huber(d_t * tf.reduce_mean(d_t), d_s * tf.reduce_mean(d_s))


@mistake(
    "relational_knowledge_distillation",
    en="Squared distances enter. The formula compares the distances themselves and squares only their difference.",
    ko="거리의 제곱이 사용되었습니다. 수식은 거리 자체를 비교하고, 그 차이만 제곱합니다.",
    line=1,
)
def rkd_squared_distances(l_t, l_s):
    d_t, d_s = pairwise_distance(l_t) ** 2, pairwise_distance(l_s) ** 2
    return mean_huber(d_t / tf.reduce_mean(d_t), d_s / tf.reduce_mean(d_s))


@mistake(
    "relational_knowledge_distillation",
    en="Teacher and student are compared sample by sample. Relational distillation compares pairs of "
    "samples within each network.",
    ko="teacher와 student를 표본별로 직접 비교하셨습니다. 관계형 증류는 각 네트워크 안에서 표본 쌍 사이의 "
    "관계를 비교합니다.",
    line=1,
)
def rkd_pointwise(l_t, l_s):
    return tf.reduce_mean(tf.norm(l_t - l_s, axis=1))


@mistake(
    "relational_knowledge_distillation",
    en="The Huber loss is applied to the logits. It compares the pairwise distances.",
    ko="Huber loss를 logit에 적용하셨습니다. 비교해야 하는 것은 쌍별 거리입니다.",
    line=1,
)
def rkd_huber_of_logits(l_t, l_s):
    return mean_huber(l_t, l_s)


@mistake(
    "relational_knowledge_distillation",
    en="The absolute differences are averaged. The formula squares them, and the recommended Huber loss "
    "does so for small ones.",
    ko="차이의 절댓값을 평균 내셨습니다. 수식에서는 제곱하고, 추천하는 Huber loss도 작은 차이는 제곱합니다.",
    line=3,
)
def rkd_absolute_differences(l_t, l_s):
    return tf.reduce_mean(tf.abs(relative(l_t) - relative(l_s)))


@mistake(
    "relational_knowledge_distillation",
    en="The square root of the mean square is taken at the end; the formula has no root around the sum.",
    ko="마지막에 제곱근을 취하셨습니다. 수식의 합 바깥에는 제곱근이 없습니다.",
    line=3,
)
def rkd_root_mean_square(l_t, l_s):
    return tf.sqrt(tf.reduce_mean(tf.square(relative(l_t) - relative(l_s))))


@mistake(
    "relational_knowledge_distillation",
    en="The Huber loss compares the difference with a matrix of ones. Its two arguments are the two things "
    "to compare.",
    ko="Huber loss가 차이를 1로 채운 행렬과 비교하고 있습니다. 두 인자에는 서로 비교할 두 값을 넣어야 합니다.",
    line=3,
)
def rkd_huber_of_ones(l_t, l_s):
    psi_t, psi_s = relative(l_t), relative(l_s)
    return mean_huber(tf.ones_like(psi_t), psi_s - psi_t)


@mistake(
    "relational_knowledge_distillation",
    en="The result is always 0 and teaches nothing: the student's logits do not enter.",
    ko="결과가 항상 0이어서 아무것도 배우지 못합니다. student의 logit이 사용되지 않았습니다.",
    line=3,
)
def rkd_teacher_twice(l_t, l_s):
    return mean_huber(relative(l_t), relative(l_t))


@mistake(
    "relational_knowledge_distillation",
    en="The result is always 0 and teaches nothing: the student is compared with itself.",
    ko="결과가 항상 0이어서 아무것도 배우지 못합니다. student를 자기 자신과 비교하고 있습니다.",
    line=3,
)
def rkd_student_twice(l_t, l_s):
    return mean_huber(relative(l_s), relative(l_s))


@mistake(
    "relational_knowledge_distillation",
    en="The distances are taken between probabilities. The formula takes them between logits.",
    ko="확률 사이의 거리를 구하셨습니다. 수식에서는 logit 사이의 거리를 구합니다.",
    line=1,
)
def rkd_of_probabilities(l_t, l_s):
    return mean_huber(relative(tf.nn.softmax(l_t)), relative(tf.nn.softmax(l_s)))


@mistake(
    "relational_knowledge_distillation",
    en="The logits are normalised before the distances are taken. Only the distances are divided, by their mean.",
    ko="거리를 구하기 전에 logit을 정규화하셨습니다. 나누는 것은 거리이며, 그 평균으로 나눕니다.",
    line=1,
)
def rkd_logits_normalised(l_t, l_s):
    return mean_huber(relative(tf.math.l2_normalize(l_t, axis=1)), relative(tf.math.l2_normalize(l_s, axis=1)))


@mistake(
    "relational_knowledge_distillation",
    en="Cosines of pairs of samples are compared: that is an angle, where this exercise asks for distances.",
    ko="표본 쌍의 코사인 유사도를 비교하셨습니다. 이 문제에서는 각도가 아니라 거리를 비교해야 합니다.",
    line=1,
)
def rkd_cosines(l_t, l_s):
    z_t, z_s = tf.math.l2_normalize(l_t, axis=1), tf.math.l2_normalize(l_s, axis=1)
    return mean_huber(tf.matmul(z_t, z_t, transpose_b=True), tf.matmul(z_s, z_s, transpose_b=True))


@mistake(
    "relational_knowledge_distillation",
    en="The distances go through a softmax; the formula divides them by their mean.",
    ko="거리에 softmax를 적용하셨습니다. 수식에서는 평균으로 나눕니다.",
    line=2,
)
def rkd_softmax_of_distances(l_t, l_s):
    return mean_huber(tf.nn.softmax(pairwise_distance(l_t)), tf.nn.softmax(pairwise_distance(l_s)))


@mistake(
    "relational_knowledge_distillation",
    en="The sign is wrong: minimising your loss would pull the relations apart.",
    ko="부호가 반대입니다. 이 loss를 최소화하면 두 네트워크의 관계가 서로 멀어집니다.",
    line=3,
)
def rkd_minus(l_t, l_s):
    return -mean_huber(relative(l_t), relative(l_s))


@mistake(
    "relational_knowledge_distillation",
    en="The value is right but no gradient reaches the student: something cuts it off (NumPy, a new "
    "variable, stop_gradient).",
    ko="값은 맞지만 gradient가 student까지 전달되지 않습니다. NumPy 변환, 새 변수, stop_gradient 등으로 "
    "연결이 끊긴 것 같습니다.",
)
def rkd_gradient_cut(l_t, l_s):
    return mean_huber(relative(l_t), tf.stop_gradient(relative(l_s)))


# ------------------------------------------------------------------ loss_with_rkd


@mistake(
    "loss_with_rkd",
    en="The relational term is added with weight 1; `rkd_weight` is not used.",
    ko="관계 항이 가중치 1로 더해졌습니다. `rkd_weight`가 사용되지 않았습니다.",
    line=1,
)
def loss_with_rkd_no_weight(y_true, y_pred):
    return label_loss(y_true, y_pred) + relational_knowledge_distillation(logits_t, logits_s)


@mistake(
    "loss_with_rkd",
    en="The weight is 0.5; in this exercise it is 0.1.",
    ko="가중치가 0.5입니다. 이 문제의 가중치는 0.1입니다.",
    line=1,
)
def loss_with_rkd_weight_of_kd(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.5 * relational_knowledge_distillation(logits_t, logits_s)


@mistake(
    "loss_with_rkd",
    en="The relational term is subtracted: the student's relations would be driven away from the teacher's.",
    ko="관계 항을 빼셨습니다. 이렇게 하면 student의 관계가 teacher의 관계에서 멀어집니다.",
    line=1,
)
def loss_with_rkd_minus(y_true, y_pred):
    return label_loss(y_true, y_pred) - 0.1 * relational_knowledge_distillation(logits_t, logits_s)


@mistake(
    "loss_with_rkd",
    en="The loss on the true labels is gone; the relational term comes on top of it.",
    ko="정답 레이블에 대한 loss가 빠졌습니다. 관계 항은 그 위에 더하는 것입니다.",
    line=1,
)
def loss_with_rkd_no_labels(y_true, y_pred):
    return 0.1 * relational_knowledge_distillation(logits_t, logits_s)


@mistake(
    "loss_with_rkd",
    en="The student's logits do not enter: the relational term is missing, or the teacher is compared with "
    "itself.",
    ko="student의 logit이 사용되지 않았습니다. 관계 항이 빠졌거나 teacher를 teacher와 비교하고 있습니다.",
)
def loss_with_rkd_labels_only(y_true, y_pred):
    return label_loss(y_true, y_pred)


@mistake(
    "loss_with_rkd",
    en="The label loss is weighted down as well. It keeps its full weight and the relational term is added.",
    ko="레이블 loss에도 가중치가 곱해져 있습니다. 레이블 loss는 그대로 두고 관계 항을 더합니다.",
    line=1,
)
def loss_with_rkd_mixed(y_true, y_pred):
    return 0.9 * label_loss(y_true, y_pred) + 0.1 * relational_knowledge_distillation(logits_t, logits_s)


@mistake(
    "loss_with_rkd",
    en="The student's probabilities are compared instead of its logits: `y_pred` has been through the "
    "softmax already.",
    ko="student의 logit 대신 확률을 사용하셨습니다. `y_pred`는 이미 softmax를 거친 값입니다.",
    line=2,
)
def loss_with_rkd_probabilities(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * relational_knowledge_distillation(logits_t, y_pred)


@mistake(
    "loss_with_rkd",
    en="The labels stand where the teacher's logits belong.",
    ko="teacher의 logit이 들어갈 자리에 레이블이 들어갔습니다.",
    line=2,
)
def loss_with_rkd_labels_as_teacher(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * relational_knowledge_distillation(y_true, logits_s)


@mistake(
    "loss_with_rkd",
    en="This adds the distillation loss of Q2 instead of the relational one.",
    ko="관계형 증류가 아니라 Q2의 증류 loss를 더하셨습니다.",
    line=1,
)
def loss_with_rkd_distillation(y_true, y_pred):
    return label_loss(y_true, y_pred) + 0.1 * knowledge_distillation(logits_t, logits_s, 2.0)


@mistake(
    "loss_with_rkd",
    en="`y_pred` is treated as logits, but the network ends in a softmax: it holds probabilities.",
    ko="`y_pred`를 logit으로 취급하셨습니다. 네트워크가 softmax로 끝나므로 `y_pred`는 확률입니다.",
    line=1,
)
def loss_with_rkd_from_logits(y_true, y_pred):
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)
    return loss + 0.1 * relational_knowledge_distillation(logits_t, logits_s)
