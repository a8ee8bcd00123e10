# Specimens of what learners write, wrong on purpose.
# mypy: ignore-errors
"""Known wrong answers to the exercises of `assignments/distiller_keras`, each with its hint.

A hint says where to look and why it matters; it never gives the code of the answer. Where two mistakes give the
same numbers on every case, the one that stands first is named; its hint covers both. A network that Keras trains
because it was not frozen and one whose weights were handed to the optimizer are such a pair.
"""

import tensorflow as tf
from tensorflow import keras

from grader.authoring import mistake


class Right(keras.Model):
    """A right distiller in pieces, so that a mistake is the one piece that it gets wrong."""

    squared = False  # whether the distillation loss is multiplied by T^2

    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn, self.distillation_loss_fn = student_loss_fn, distillation_loss_fn
        self.alpha, self.temperature = alpha, temperature

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            z_t, z_s = self.ask_teacher(x), self.ask_student(x)
            soft = self.soft(z_t, z_s)
            loss = self.mixed(self.hard(y, z_s), soft * self.temperature**2 if self.squared else soft)
        variables = self.learned()
        self.update(tape.gradient(loss, variables), variables)
        return self.told(y, z_t, z_s)

    def ask_teacher(self, x):
        return self.teacher(x, training=False)

    def ask_student(self, x):
        return self.student(x, training=True)

    def hard(self, y, z_s):
        return self.student_loss_fn(y, z_s)

    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(
            tf.nn.softmax(z_t / self.temperature), tf.nn.softmax(z_s / self.temperature)
        )

    def mixed(self, hard, soft):
        return self.alpha * hard + (1 - self.alpha) * soft

    def learned(self):
        return self.student.trainable_variables

    def update(self, gradients, variables):
        self.optimizer.apply_gradients(zip(gradients, variables))

    def told(self, y, z_t, z_s):
        return self.compute_metrics(None, y, z_s, None)

    def test_step(self, data):
        x, y = data
        return self.compute_metrics(x, y, self.student(x, training=False), None)


class Squared(Right):
    squared = True


# ------------------------------------------------------------------ roles


@mistake(
    "roles",
    en="Roles swapped: what your class keeps as the teacher is the student and the other way round. In "
    "training the teacher's weights then move and the student's do not, and it is the large network that "
    "you evaluate. Compare the two assignments in `__init__` with the names of its arguments.",
    ko="teacher와 student의 역할이 서로 바뀌었습니다. 클래스가 teacher로 보관한 것이 사실은 student입니다. "
    "이대로 학습하면 teacher의 가중치가 바뀌고 student는 그대로이며, 평가되는 것도 큰 네트워크입니다. "
    "`__init__`의 두 대입문을 인자의 이름과 비교해 보세요.",
)
class roles_swapped(Right):
    def __init__(self, student, teacher):
        super().__init__(teacher, student)


@mistake(
    "roles",
    en="With names for its arguments your `Distiller` is right, but the order of the arguments has changed: "
    "the notebook's `Distiller(student, teacher)` now gets the roles the wrong way round.",
    ko="인자 이름을 붙여 호출하면 맞지만, 인자의 순서가 바뀌었습니다. 노트북의 `Distiller(student, "
    "teacher)`처럼 호출하면 역할이 뒤바뀝니다.",
)
class arguments_in_other_order(Right):
    def __init__(self, teacher, student):
        super().__init__(student, teacher)


@mistake(
    "roles",
    en="Both roles are played by the student: it learns from itself, and the teacher is never asked.",
    ko="두 역할을 모두 student가 맡고 있습니다. student가 자기 자신에게서 배우고 teacher는 전혀 사용되지 "
    "않습니다.",
)
class student_twice(Right):
    def __init__(self, student, teacher):
        super().__init__(student, student)


@mistake(
    "roles",
    en="Both roles are played by the teacher; the student that was handed over is never trained.",
    ko="두 역할을 모두 teacher가 맡고 있습니다. 전달된 student는 전혀 학습되지 않습니다.",
)
class teacher_twice(Right):
    def __init__(self, student, teacher):
        super().__init__(teacher, teacher)


@mistake(
    "roles",
    en="The distiller does not keep the teacher. `train_step` gets nothing but a batch, so whatever it "
    "needs has to be kept in the object.",
    ko="distiller가 teacher를 보관하지 않습니다. `train_step`은 batch만 받으므로, 필요한 것은 모두 객체에 "
    "보관해 두어야 합니다.",
)
class teacher_not_kept(Right):
    def __init__(self, student, teacher):
        keras.Model.__init__(self)
        self.student = student


@mistake(
    "roles",
    en="The distiller does not keep the student, so there is nothing to train or to evaluate.",
    ko="distiller가 student를 보관하지 않습니다. 학습하고 평가할 네트워크가 없습니다.",
)
class student_not_kept(Right):
    def __init__(self, student, teacher):
        keras.Model.__init__(self)
        self.teacher = teacher


# ------------------------------------------------------------------ compile


class Keeps(Right):
    """Every argument of compile goes through one of these."""

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        self.hand_on(optimizer, metrics)
        self.keep_losses(student_loss_fn, distillation_loss_fn)
        self.alpha, self.temperature = self.numbers(alpha, temperature)

    def hand_on(self, optimizer, metrics):
        keras.Model.compile(self, optimizer=optimizer, metrics=metrics)

    def keep_losses(self, student_loss_fn, distillation_loss_fn):
        self.student_loss_fn, self.distillation_loss_fn = student_loss_fn, distillation_loss_fn

    def numbers(self, alpha, temperature):
        return alpha, temperature


@mistake(
    "compile",
    en="`alpha` is 0.1 whatever is handed to `compile`: a fixed number stands where the argument should.",
    ko="`compile`에 어떤 `alpha`를 넘겨도 0.1이 됩니다. 인자 대신 고정된 숫자가 들어가 있습니다.",
)
class alpha_not_taken(Keeps):
    def numbers(self, alpha, temperature):
        return 0.1, temperature


@mistake(
    "compile",
    en="`temperature` is 3 whatever is handed to `compile`: a fixed number stands where the argument should.",
    ko="`compile`에 어떤 `temperature`를 넘겨도 3이 됩니다. 인자 대신 고정된 숫자가 들어가 있습니다.",
)
class temperature_not_taken(Keeps):
    def numbers(self, alpha, temperature):
        return alpha, 3


@mistake(
    "compile",
    en="`alpha` and `temperature` have changed places.",
    ko="`alpha`와 `temperature`의 자리가 서로 바뀌었습니다.",
)
class numbers_exchanged(Keeps):
    def numbers(self, alpha, temperature):
        return temperature, alpha


@mistake(
    "compile",
    en="What is kept is 1 - alpha. `alpha` is the weight of the loss on the labels and is kept as it is; "
    "its counterpart is formed where the two losses are mixed.",
    ko="보관된 값이 1 - alpha입니다. `alpha`는 레이블에 대한 loss의 가중치이므로 그대로 보관하고, 나머지 "
    "몫은 두 loss를 섞는 곳에서 계산합니다.",
)
class alpha_complement(Keeps):
    def numbers(self, alpha, temperature):
        return 1 - alpha, temperature


@mistake(
    "compile",
    en="Neither `alpha` nor `temperature` is kept in the object. `train_step` gets nothing but a batch and "
    "has to find them there.",
    ko="`alpha`와 `temperature`가 객체에 보관되지 않았습니다. `train_step`은 batch만 받으므로 이 값들을 "
    "객체에서 찾아야 합니다.",
)
class numbers_not_kept(Keeps):
    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        self.hand_on(optimizer, metrics)
        self.keep_losses(student_loss_fn, distillation_loss_fn)


@mistake(
    "compile",
    en="The default of `alpha` is 0.5; the notebook says 0.1. If that is left from an experiment, set it "
    "back and pass the other value in the call.",
    ko="`alpha`의 기본값이 0.5입니다. 노트북에서는 0.1입니다. 실험하다 남은 값이라면 되돌리고, 다른 값은 "
    "호출할 때 넘겨 주세요.",
)
class alpha_default_half(Keeps):
    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.5, temperature=3):
        super().compile(optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha, temperature)


@mistake(
    "compile",
    en="The default of `temperature` is 10; the notebook says 3. If that is left from an experiment, set it "
    "back and pass the other value in the call.",
    ko="`temperature`의 기본값이 10입니다. 노트북에서는 3입니다. 실험하다 남은 값이라면 되돌리고, 다른 값은 "
    "호출할 때 넘겨 주세요.",
)
class temperature_default_ten(Keeps):
    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=10):
        super().compile(optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha, temperature)


@mistake(
    "compile",
    en="The two loss functions have changed places: the labels would be compared by a divergence of "
    "distributions and the distributions by a cross-entropy with labels.",
    ko="두 loss 함수의 자리가 바뀌었습니다. 레이블에는 분포 사이의 발산이, 분포에는 레이블용 "
    "cross-entropy가 적용됩니다.",
)
class losses_exchanged(Keeps):
    def keep_losses(self, student_loss_fn, distillation_loss_fn):
        super().keep_losses(distillation_loss_fn, student_loss_fn)


@mistake(
    "compile",
    en="The loss on the labels is kept twice; the distillation loss is lost.",
    ko="레이블에 대한 loss 함수가 두 번 보관되고, distillation loss 함수는 사라졌습니다.",
)
class hard_loss_twice(Keeps):
    def keep_losses(self, student_loss_fn, distillation_loss_fn):
        super().keep_losses(student_loss_fn, student_loss_fn)


@mistake(
    "compile",
    en="The distillation loss is kept twice; the loss on the labels is lost.",
    ko="distillation loss 함수가 두 번 보관되고, 레이블에 대한 loss 함수는 사라졌습니다.",
)
class soft_loss_twice(Keeps):
    def keep_losses(self, student_loss_fn, distillation_loss_fn):
        super().keep_losses(distillation_loss_fn, distillation_loss_fn)


@mistake(
    "compile",
    en="Keras has got neither the optimizer nor the metrics. Your `compile` replaces that of `keras.Model`, "
    "which has to be called with both of them all the same.",
    ko="Keras에 optimizer도 metric도 전달되지 않았습니다. `compile`을 새로 정의하더라도, 원래 "
    "`keras.Model`의 `compile`을 이 둘과 함께 호출해 주어야 합니다.",
)
class super_compile_missing(Keeps):
    def hand_on(self, optimizer, metrics):
        pass


@mistake(
    "compile",
    en="The metrics never reach Keras, so that nothing is measured. `keras.Model`'s own `compile` has to be "
    "given the optimizer and the metrics.",
    ko="metric이 Keras에 전달되지 않아 아무것도 측정되지 않습니다. 원래 `keras.Model`의 `compile`에 "
    "optimizer와 metric을 모두 넘겨야 합니다.",
)
class metrics_not_handed_on(Keeps):
    def hand_on(self, optimizer, metrics):
        keras.Model.compile(self, optimizer=optimizer)


@mistake(
    "compile",
    en="The student would be trained by another optimizer than the one that was handed over: hand the "
    "argument on to `keras.Model`'s own `compile`.",
    ko="전달된 optimizer가 아닌 다른 optimizer로 학습하게 됩니다. 인자로 받은 optimizer를 원래 "
    "`keras.Model`의 `compile`에 넘겨 주세요.",
)
class optimizer_not_handed_on(Keeps):
    def hand_on(self, optimizer, metrics):
        keras.Model.compile(self, optimizer=keras.optimizers.Adam(), metrics=metrics)


# ------------------------------------------------------------------ train_step: what moves


@mistake(
    "train_step",
    en="The teacher is trained along with the student: its weights move. Only the student's variables may "
    "be updated. Where Keras' own `train_step` does the work (a class with `compute_loss` and `call`), it "
    "updates every trainable variable that the object owns, so the teacher has to be frozen.",
    ko="teacher도 student와 함께 학습되어 가중치가 바뀝니다. student의 변수만 갱신해야 합니다. Keras의 "
    "`train_step`을 그대로 쓰는 경우(`compute_loss`와 `call`을 정의한 클래스)에는 객체가 가진 학습 가능한 "
    "변수가 모두 갱신되므로, teacher를 고정해야 합니다.",
)
class teacher_trained(Right):
    def learned(self):
        return self.trainable_variables


@mistake(
    "train_step",
    en="The factor T^2 is fine, but the teacher is trained along with the student: its weights move. Only "
    "the student's variables may be updated; where Keras' own `train_step` does the work (a class with "
    "`compute_loss` and `call`), the teacher has to be frozen.",
    ko="T^2을 곱한 것은 괜찮지만, teacher도 student와 함께 학습되어 가중치가 바뀝니다. student의 변수만 "
    "갱신해야 합니다. Keras의 `train_step`을 그대로 쓰는 경우(`compute_loss`와 `call`을 정의한 클래스)에는 "
    "teacher를 고정해야 합니다.",
)
class teacher_trained_t2(Squared):
    def learned(self):
        return self.trainable_variables


class Published(Right):
    """As often published for Keras 3: `call` without `training`, a teacher that is not frozen."""

    train_step = keras.Model.train_step
    test_step = keras.Model.test_step

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        soft = self.soft(self.teacher(x, training=False), y_pred)
        return self.mixed(self.hard(y, y_pred), soft * self.temperature**2 if self.squared else soft)

    def call(self, x):
        return self.student(x)


@mistake(
    "train_step",
    en="Two things at once. The teacher's weights move: Keras' own `train_step` updates every trainable "
    "variable of the object, and the teacher is not frozen. And the student runs in inference mode while it "
    "is trained: `call` takes no `training` argument that it could hand on (dropout and batch normalisation "
    "would not notice that this is training).",
    ko="두 가지 문제가 있습니다. 첫째, teacher가 고정되지 않아 가중치가 바뀝니다. Keras의 `train_step`은 "
    "객체의 학습 가능한 변수를 모두 갱신합니다. 둘째, 학습 중에도 student가 추론 모드로 실행됩니다. "
    "`call`에 넘겨받을 `training` 인자가 없어서 dropout이나 batch normalization이 학습 중임을 알지 못합니다.",
)
class teacher_trained_student_inferring(Published):
    pass


@mistake(
    "train_step",
    en="The factor T^2 is fine, but two other things are not. The teacher's weights move: Keras' own "
    "`train_step` updates every trainable variable of the object, and the teacher is not frozen. And the "
    "student runs in inference mode while it is trained: `call` takes no `training` argument that it could "
    "hand on (dropout and batch normalisation would not notice that this is training).",
    ko="T^2을 곱한 것은 괜찮지만, 다른 두 가지 문제가 있습니다. 첫째, teacher가 고정되지 않아 가중치가 "
    "바뀝니다. Keras의 `train_step`은 객체의 학습 가능한 변수를 모두 갱신합니다. 둘째, 학습 중에도 "
    "student가 추론 모드로 실행됩니다. `call`에 넘겨받을 `training` 인자가 없어서 dropout이나 batch "
    "normalization이 학습 중임을 알지 못합니다.",
)
class teacher_trained_student_inferring_t2(Published):
    squared = True


@mistake(
    "train_step",
    en="The student runs in inference mode while it is trained: dropout and batch normalisation in it would "
    "not notice that this is training. Say so in the call; a class with `call` instead of `train_step` "
    "needs a `training` argument there that it hands on.",
    ko="학습 중에도 student가 추론 모드로 실행됩니다. 그러면 student의 dropout이나 batch normalization이 "
    "학습 중임을 알지 못합니다. student를 호출할 때 학습 중임을 알려 주세요. `train_step` 대신 `call`을 "
    "정의했다면 `call`이 `training` 인자를 받아 넘겨야 합니다.",
)
class student_inferring(Right):
    def ask_student(self, x):
        return self.student(x, training=False)


@mistake(
    "train_step",
    en="The factor T^2 is fine, but the student runs in inference mode while it is trained: dropout and "
    "batch normalisation in it would not notice that this is training. A class with `call` instead of "
    "`train_step` needs a `training` argument there that it hands on.",
    ko="T^2을 곱한 것은 괜찮지만, 학습 중에도 student가 추론 모드로 실행됩니다. 그러면 dropout이나 batch "
    "normalization이 학습 중임을 알지 못합니다. `train_step` 대신 `call`을 정의했다면 `call`이 `training` "
    "인자를 받아 넘겨야 합니다.",
)
class student_inferring_t2(Squared):
    def ask_student(self, x):
        return self.student(x, training=False)


@mistake(
    "train_step",
    en="The teacher runs in training mode: its dropout is active and the statistics of its batch "
    "normalisation move, so it does not say what it has learned and it changes. It is only asked here, not "
    "trained.",
    ko="teacher가 학습 모드로 실행됩니다. dropout이 적용되고 batch normalization의 통계가 바뀌어, 배운 대로 "
    "답하지 않을 뿐 아니라 teacher 자체가 변합니다. 여기서 teacher는 질문을 받을 뿐 학습하지 않습니다.",
)
class teacher_in_training_mode(Right):
    def ask_teacher(self, x):
        return self.teacher(x, training=True)


@mistake(
    "train_step",
    en="The teacher is frozen, but it is called in training mode: its dropout is active, so it does not say "
    "what it has learned.",
    ko="teacher를 고정했지만 학습 모드로 호출했습니다. dropout이 적용되어 teacher가 배운 대로 답하지 않습니다.",
)
class frozen_teacher_in_training_mode(Right):
    def ask_teacher(self, x):
        self.teacher.trainable = False
        return self.teacher(x, training=True)


@mistake(
    "train_step",
    en="The gradients are applied to the teacher: it moves and the student stays as it was.",
    ko="gradient가 teacher에 적용됩니다. teacher의 가중치가 바뀌고 student는 그대로입니다.",
)
class only_teacher_trained(Right):
    def learned(self):
        return self.teacher.trainable_variables


@mistake(
    "train_step",
    en="The two networks have changed places in the step: the teacher is trained towards the student. Look "
    "at which one is called where, and whose variables are updated.",
    ko="한 번의 갱신 안에서 두 네트워크의 자리가 바뀌었습니다. teacher가 student를 따라가도록 학습됩니다. "
    "어느 네트워크를 어디서 호출하는지, 누구의 변수를 갱신하는지 확인해 보세요.",
)
class roles_exchanged_in_step(Right):
    def ask_teacher(self, x):
        return self.student(x, training=False)

    def ask_student(self, x):
        return self.teacher(x, training=True)

    def learned(self):
        return self.teacher.trainable_variables


@mistake(
    "train_step",
    en="Nothing moves: the gradients are not handed to the optimizer (or they are gradients of something "
    "that does not depend on the student).",
    ko="아무 가중치도 바뀌지 않습니다. gradient를 구한 뒤 optimizer에 넘겨 가중치를 갱신하는 단계가 빠진 것 "
    "같습니다.",
)
class no_update(Right):
    def update(self, gradients, variables):
        pass


@mistake(
    "train_step",
    en="The optimizer makes two updates per batch. One step takes the gradient of the mixed loss once; with "
    "two, optimizers such as Adam go another way.",
    ko="batch마다 optimizer가 두 번 갱신합니다. 두 loss를 섞은 값의 gradient를 한 번만 적용해야 합니다. 두 "
    "번 적용하면 Adam과 같은 optimizer에서는 결과가 달라집니다.",
)
class two_updates(Right):
    def update(self, gradients, variables):
        for _ in range(2):
            super().update([g / 2 for g in gradients], variables)


# ------------------------------------------------------------------ train_step: how the losses are mixed


@mistake(
    "train_step",
    en="alpha has changed sides: it is the weight of the loss on the labels, and 1 - alpha that of the "
    "distillation loss.",
    ko="alpha가 반대쪽에 곱해졌습니다. alpha는 레이블에 대한 loss의 가중치이고, 1 - alpha가 distillation "
    "loss의 가중치입니다.",
    line=2,
)
class alpha_swapped(Right):
    def mixed(self, hard, soft):
        return (1 - self.alpha) * hard + self.alpha * soft


@mistake(
    "train_step",
    en="The factor T^2 is fine, but alpha has changed sides: it is the weight of the loss on the labels, "
    "and 1 - alpha that of the distillation loss.",
    ko="T^2을 곱한 것은 괜찮지만, alpha가 반대쪽에 곱해졌습니다. alpha는 레이블에 대한 loss의 가중치이고, 1 "
    "- alpha가 distillation loss의 가중치입니다.",
    line=2,
)
class alpha_swapped_t2(Squared):
    def mixed(self, hard, soft):
        return (1 - self.alpha) * hard + self.alpha * soft


@mistake(
    "train_step",
    en="Both losses are weighted by alpha. The distillation loss gets the rest, so that the weights add up to 1.",
    ko="두 loss에 모두 alpha가 곱해졌습니다. distillation loss에는 나머지 몫을 곱해 가중치의 합이 1이 되게 "
    "해야 합니다.",
    line=2,
)
class alpha_on_both(Right):
    def mixed(self, hard, soft):
        return self.alpha * (hard + soft)


@mistake(
    "train_step",
    en="The two losses are added without weights; alpha is not used.",
    ko="두 loss를 가중치 없이 더하셨습니다. alpha가 사용되지 않았습니다.",
    line=2,
)
class plain_sum(Right):
    def mixed(self, hard, soft):
        return hard + soft


@mistake(
    "train_step",
    en="The loss on the labels is weighted, the distillation loss is not: it gets 1 - alpha.",
    ko="레이블에 대한 loss에만 가중치가 곱해졌습니다. distillation loss에는 1 - alpha를 곱해야 합니다.",
    line=2,
)
class soft_unweighted(Right):
    def mixed(self, hard, soft):
        return self.alpha * hard + soft


@mistake(
    "train_step",
    en="The distillation loss is weighted, the loss on the labels is not: it gets alpha.",
    ko="distillation loss에만 가중치가 곱해졌습니다. 레이블에 대한 loss에는 alpha를 곱해야 합니다.",
    line=2,
)
class hard_unweighted(Right):
    def mixed(self, hard, soft):
        return hard + (1 - self.alpha) * soft


@mistake(
    "train_step",
    en="The distillation loss is subtracted: the student is driven away from the teacher.",
    ko="distillation loss를 빼셨습니다. 이렇게 하면 student가 teacher에서 멀어집니다.",
    line=2,
)
class minus(Right):
    def mixed(self, hard, soft):
        return self.alpha * hard - (1 - self.alpha) * soft


@mistake(
    "train_step",
    en="Only the distillation loss is minimised, without a weight; the labels are not learned from.",
    ko="가중치 없는 distillation loss만 최소화하고 있습니다. 레이블에서는 배우지 않습니다.",
    line=2,
)
class soft_only(Right):
    def mixed(self, hard, soft):
        return soft


@mistake(
    "train_step",
    en="Only the distillation loss is minimised: the loss on the labels is gone, or it is computed from "
    "something that the student cannot change, such as the teacher's predictions.",
    ko="distillation loss만 최소화하고 있습니다. 레이블에 대한 loss가 빠졌거나, teacher의 예측처럼 "
    "student가 바꿀 수 없는 값으로 계산되었습니다.",
    line=2,
)
class soft_weighted_only(Right):
    def mixed(self, hard, soft):
        return (1 - self.alpha) * soft


@mistake(
    "train_step",
    en="The student only learns from the labels. If the mixed loss is computed and reported, look at which "
    "one the gradient is taken of.",
    ko="student가 레이블에서만 배우고 있습니다. 두 loss를 섞어 계산하고 출력까지 했다면, gradient를 어느 "
    "값에 대해 구했는지 확인해 보세요.",
    line=2,
)
class hard_only(Right):
    def mixed(self, hard, soft):
        return hard


@mistake(
    "train_step",
    en="The student only learns from the labels, weighted by alpha: the distillation loss is gone, or no "
    "gradient passes through it.",
    ko="alpha를 곱한 레이블 loss로만 배우고 있습니다. distillation loss가 빠졌거나, 그쪽으로 gradient가 "
    "전달되지 않습니다.",
    line=2,
)
class hard_weighted_only(Right):
    def mixed(self, hard, soft):
        return self.alpha * hard + (1 - self.alpha) * tf.stop_gradient(soft)


@mistake(
    "train_step",
    en="The whole loss is multiplied by T^2. The factor makes up for the small gradients of softened "
    "distributions, so it belongs to the distillation loss alone.",
    ko="loss 전체에 T^2이 곱해졌습니다. T^2은 부드러워진 분포의 작은 gradient를 보상하는 것이므로 "
    "distillation loss에만 곱해야 합니다.",
    line=2,
)
class t2_on_everything(Right):
    def mixed(self, hard, soft):
        return self.temperature**2 * super().mixed(hard, soft)


@mistake(
    "train_step",
    en="The distillation loss carries a factor T. Either none (the notebook) or T^2 (the paper) is right: "
    "the gradient shrinks with the square of T.",
    ko="distillation loss에 T가 한 번 곱해져 있습니다. 곱하지 않거나(노트북) T^2을 곱하는 것(논문)이 "
    "맞습니다. gradient는 T의 제곱에 반비례하여 작아지기 때문입니다.",
    line=2,
)
class times_t(Right):
    def mixed(self, hard, soft):
        return super().mixed(hard, self.temperature * soft)


@mistake(
    "train_step",
    en="The weight is 0.1 whatever `alpha` was handed to `compile`: use the one that the object keeps.",
    ko="`compile`에 어떤 `alpha`를 넘겨도 가중치가 0.1입니다. 객체에 보관된 값을 사용하세요.",
    line=2,
)
class alpha_fixed(Right):
    def mixed(self, hard, soft):
        return 0.1 * hard + 0.9 * soft


# ------------------------------------------------------------------ train_step: the distillation loss


class Softened(Right):
    """The distillation loss of two distributions p_t and p_s, which a mistake gets wrong."""

    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(self.p_t(z_t), self.p_s(z_s))

    def p_t(self, z):
        return tf.nn.softmax(z / self.temperature)

    def p_s(self, z):
        return tf.nn.softmax(z / self.temperature)


@mistake(
    "train_step",
    en="The temperature is not used: nothing is softened. Both networks' logits are divided by it before "
    "the softmax.",
    ko="temperature가 사용되지 않아 분포가 부드러워지지 않습니다. softmax 앞에서 두 네트워크의 logit을 모두 "
    "temperature로 나눕니다.",
    line=1,
)
class no_temperature(Right):
    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(tf.nn.softmax(z_t), tf.nn.softmax(z_s))


@mistake(
    "train_step",
    en="The factor T^2 is there, but the temperature is missing where it softens: both networks' logits are "
    "divided by it before the softmax.",
    ko="T^2은 곱했지만 정작 분포를 부드럽게 하는 곳에 temperature가 없습니다. softmax 앞에서 두 네트워크의 "
    "logit을 모두 temperature로 나눕니다.",
    line=1,
)
class no_temperature_t2(Squared):
    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(tf.nn.softmax(z_t), tf.nn.softmax(z_s))


@mistake(
    "train_step",
    en="Only the teacher's logits are divided by the temperature. The student's are softened as well, "
    "otherwise the two distributions cannot agree.",
    ko="teacher의 logit만 temperature로 나누셨습니다. student의 logit도 나누어야 두 분포가 같아질 수 있습니다.",
    line=1,
)
class temperature_on_teacher_only(Softened):
    def p_s(self, z):
        return tf.nn.softmax(z)


@mistake(
    "train_step",
    en="The factor T^2 is fine, but only the teacher's logits are divided by the temperature; the student's "
    "are softened as well.",
    ko="T^2을 곱한 것은 괜찮지만, teacher의 logit만 temperature로 나누셨습니다. student의 logit도 나누어야 "
    "합니다.",
    line=1,
)
class temperature_on_teacher_only_t2(Softened):
    squared = True

    def p_s(self, z):
        return tf.nn.softmax(z)


@mistake(
    "train_step",
    en="Only the student's logits are divided by the temperature. The teacher's are softened as well: that "
    "is what brings out how it ranks the wrong classes.",
    ko="student의 logit만 temperature로 나누셨습니다. teacher의 logit도 나누어야 정답이 아닌 클래스들 "
    "사이의 차이가 드러납니다.",
    line=1,
)
class temperature_on_student_only(Softened):
    def p_t(self, z):
        return tf.nn.softmax(z)


@mistake(
    "train_step",
    en="The factor T^2 is fine, but only the student's logits are divided by the temperature; the teacher's "
    "are softened as well.",
    ko="T^2을 곱한 것은 괜찮지만, student의 logit만 temperature로 나누셨습니다. teacher의 logit도 나누어야 "
    "합니다.",
    line=1,
)
class temperature_on_student_only_t2(Softened):
    squared = True

    def p_t(self, z):
        return tf.nn.softmax(z)


@mistake(
    "train_step",
    en="A larger temperature makes your distributions sharper instead of softer: check how it enters the softmax.",
    ko="temperature가 커질수록 분포가 부드러워지지 않고 오히려 뾰족해집니다. softmax 안에 어떻게 들어가는지 "
    "확인해 보세요.",
    line=1,
)
class temperature_multiplied(Right):
    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(
            tf.nn.softmax(z_t * self.temperature), tf.nn.softmax(z_s * self.temperature)
        )


@mistake(
    "train_step",
    en="The temperature divides the result of the softmax. It belongs inside, to the logits; outside it no "
    "longer softens anything.",
    ko="softmax의 결과를 temperature로 나누셨습니다. temperature는 softmax 안쪽의 logit에 적용해야 분포가 "
    "부드러워집니다.",
    line=1,
)
class temperature_outside(Right):
    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(
            tf.nn.softmax(z_t) / self.temperature, tf.nn.softmax(z_s) / self.temperature
        )


@mistake(
    "train_step",
    en="The temperature is 3 whatever was handed to `compile`: use the one that the object keeps.",
    ko="`compile`에 어떤 temperature를 넘겨도 3이 사용됩니다. 객체에 보관된 값을 사용하세요.",
    line=1,
)
class temperature_fixed_3(Right):
    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(tf.nn.softmax(z_t / 3), tf.nn.softmax(z_s / 3))


@mistake(
    "train_step",
    en="The temperature is 10 whatever was handed to `compile`: use the one that the object keeps.",
    ko="`compile`에 어떤 temperature를 넘겨도 10이 사용됩니다. 객체에 보관된 값을 사용하세요.",
    line=1,
)
class temperature_fixed_10(Right):
    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(tf.nn.softmax(z_t / 10), tf.nn.softmax(z_s / 10))


@mistake(
    "train_step",
    en="The softmax is missing: the distillation loss compares distributions, and logits are none.",
    ko="softmax가 빠졌습니다. distillation loss는 확률 분포를 비교하는데, logit은 확률이 아닙니다.",
    line=1,
)
class no_softmax(Right):
    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(z_t / self.temperature, z_s / self.temperature)


@mistake(
    "train_step",
    en="The student's logits go into the distillation loss without a softmax; it compares two distributions.",
    ko="student의 logit이 softmax 없이 distillation loss에 들어갔습니다. 두 확률 분포를 비교해야 합니다.",
    line=1,
)
class no_softmax_on_student(Softened):
    def p_s(self, z):
        return z / self.temperature


@mistake(
    "train_step",
    en="A log_softmax goes into the distillation loss where a softmax belongs: `keras.losses.KLDivergence` "
    "takes the logarithm itself.",
    ko="softmax가 들어갈 자리에 log_softmax가 들어갔습니다. `keras.losses.KLDivergence`는 로그를 스스로 취합니다.",
)
class log_of_student(Softened):
    def p_s(self, z):
        return tf.nn.log_softmax(z / self.temperature)


@mistake(
    "train_step",
    en="A softmax is taken twice: the networks end in logits, and these are softened by one softmax.",
    ko="softmax가 두 번 적용되었습니다. 네트워크의 출력은 logit이며, softmax는 한 번만 적용해야 합니다.",
    line=1,
)
class double_softmax(Right):
    def soft(self, z_t, z_s):
        return super().soft(tf.nn.softmax(z_t), tf.nn.softmax(z_s))


@mistake(
    "train_step",
    en="The softmax runs over the batch, so that a sample's probabilities depend on the other samples. It "
    "has to run over the classes.",
    ko="softmax가 batch 방향으로 계산되어, 한 표본의 확률이 다른 표본에 따라 달라집니다. softmax는 클래스 "
    "방향으로 계산해야 합니다.",
    line=1,
)
class softmax_over_batch(Right):
    def soft(self, z_t, z_s):
        return self.distillation_loss_fn(
            tf.nn.softmax(z_t / self.temperature, axis=0), tf.nn.softmax(z_s / self.temperature, axis=0)
        )


@mistake(
    "train_step",
    en="The arguments of the distillation loss have changed places. The KL divergence is not symmetric: the "
    "target, which comes first, is the teacher's distribution.",
    ko="distillation loss의 두 인자가 바뀌었습니다. KL 발산은 대칭이 아니며, 먼저 오는 목표(target)는 "
    "teacher의 분포입니다.",
)
class kl_reversed(Right):
    def soft(self, z_t, z_s):
        return super().soft(z_s, z_t)


@mistake(
    "train_step",
    en="The factor T^2 is fine, but the arguments of the distillation loss have changed places. The KL "
    "divergence is not symmetric: the target, which comes first, is the teacher's distribution.",
    ko="T^2을 곱한 것은 괜찮지만, distillation loss의 두 인자가 바뀌었습니다. KL 발산은 대칭이 아니며, 먼저 "
    "오는 목표(target)는 teacher의 분포입니다.",
)
class kl_reversed_t2(Squared):
    def soft(self, z_t, z_s):
        return super().soft(z_s, z_t)


@mistake(
    "train_step",
    en="Only the teacher's most likely class counts. Distillation lives from its other probabilities: use "
    "all of them as the target.",
    ko="teacher가 가장 높게 예측한 클래스만 사용하셨습니다. 지식 증류의 핵심은 나머지 클래스의 확률에 "
    "있으므로 확률 전체를 목표로 사용해야 합니다.",
)
class hard_target(Softened):
    def p_t(self, z):
        return tf.one_hot(tf.argmax(z, axis=1), z.shape[1], dtype=z.dtype)


@mistake(
    "train_step",
    en="The loss on the labels is softened too. The temperature belongs to the comparison with the teacher; "
    "the labels are compared with the student's logits as they are.",
    ko="레이블에 대한 loss에도 temperature가 적용되었습니다. temperature는 teacher와 비교할 때만 사용하고, "
    "레이블은 student의 logit과 그대로 비교합니다.",
)
class hard_loss_softened(Right):
    def hard(self, y, z_s):
        return self.student_loss_fn(y, z_s / self.temperature)


@mistake(
    "train_step",
    en="The loss on the labels is given probabilities, but it expects logits (`from_logits=True`): a "
    "softmax is taken twice.",
    ko="레이블에 대한 loss에 확률을 넣으셨습니다. 이 loss는 logit을 기대하므로(`from_logits=True`) "
    "softmax가 두 번 적용됩니다.",
)
class hard_loss_of_probabilities(Right):
    def hard(self, y, z_s):
        return self.student_loss_fn(y, tf.nn.softmax(z_s))


@mistake(
    "train_step",
    en="The divergence is right for the notebook's own `KLDivergence()`, but another `distillation_loss_fn` "
    "changes nothing: use the function that was handed to `compile`.",
    ko="노트북의 `KLDivergence()`를 쓸 때는 맞지만, 다른 `distillation_loss_fn`을 넘겨도 결과가 바뀌지 "
    "않습니다. `compile`에 전달된 함수를 사용하세요.",
)
class divergence_fixed(Softened):
    def soft(self, z_t, z_s):
        return keras.losses.KLDivergence()(self.p_t(z_t), self.p_s(z_s))


# ------------------------------------------------------------------ train_step: what is reported


@mistake(
    "train_step",
    en="The student is trained as it should be, but the metrics are never told of its predictions: fit reports 0.",
    ko="student의 학습은 올바르지만, metric에 예측이 전달되지 않아 fit이 0을 보고합니다. 갱신 후 metric의 "
    "상태도 갱신해 주세요.",
)
class metrics_not_updated(Right):
    def told(self, y, z_t, z_s):
        return {metric.name: metric.result() for metric in self.metrics}


@mistake(
    "train_step",
    en="The metrics are not among the results that `train_step` returns, so `fit` cannot show them.",
    ko="`train_step`이 돌려주는 결과에 metric이 들어 있지 않아 `fit`이 보여 줄 수 없습니다.",
)
class metrics_not_returned(Right):
    def told(self, y, z_t, z_s):
        super().told(y, z_t, z_s)
        return {"student_loss": self.student_loss_fn(y, z_s)}


@mistake(
    "train_step",
    en="The metrics measure the teacher's predictions; they are about the student.",
    ko="metric이 teacher의 예측을 측정합니다. 측정해야 할 것은 student의 예측입니다.",
)
class metrics_of_teacher(Right):
    def told(self, y, z_t, z_s):
        return self.compute_metrics(None, y, z_t, None)


# ------------------------------------------------------------------ test_step


@mistake(
    "test_step",
    en="The student is evaluated in training mode: dropout is active, batch normalisation uses and changes "
    "its statistics, and evaluating twice gives different numbers. Evaluation runs in inference mode.",
    ko="평가할 때 student가 학습 모드로 실행됩니다. dropout이 적용되고 batch normalization의 통계가 바뀌어, "
    "두 번 평가하면 결과가 달라집니다. 평가는 추론 모드로 해야 합니다.",
)
class evaluated_in_training_mode(Right):
    def test_step(self, data):
        x, y = data
        return self.compute_metrics(x, y, self.student(x, training=True), None)


@mistake(
    "test_step",
    en="It is the teacher that is evaluated. What counts in the end is how good the student has become.",
    ko="teacher가 평가되고 있습니다. 확인해야 할 것은 student가 얼마나 좋아졌는지입니다.",
)
class teacher_evaluated(Right):
    def test_step(self, data):
        x, y = data
        return self.compute_metrics(x, y, self.teacher(x, training=False), None)


@mistake(
    "test_step",
    en="Evaluation trains: the student's weights move, and the test set is learned from. `test_step` only "
    "measures.",
    ko="평가하면서 학습이 이루어집니다. student의 가중치가 바뀌고 테스트 데이터로 학습하게 됩니다. "
    "`test_step`은 측정만 해야 합니다.",
)
class trained_by_evaluation(Right):
    def test_step(self, data):
        return self.train_step(data)


@mistake(
    "test_step",
    en="The evaluation runs the teacher in training mode: the statistics of its batch normalisation move.",
    ko="평가 중에 teacher가 학습 모드로 실행되어 batch normalization의 통계가 바뀝니다.",
)
class teacher_moved_by_evaluation(Right):
    def test_step(self, data):
        x, y = data
        z_s = self.student(x, training=False)
        soft = self.soft(self.teacher(x, training=True), z_s)
        return {**self.compute_metrics(x, y, z_s, None), "distillation_loss": soft}


@mistake(
    "test_step",
    en="The metrics are never told of the predictions: evaluate reports 0.",
    ko="metric에 예측이 전달되지 않아 evaluate가 0을 보고합니다.",
)
class evaluation_not_measured(Right):
    def test_step(self, data):
        return {metric.name: metric.result() for metric in self.metrics}


@mistake(
    "test_step",
    en="The metrics are not among the results that `test_step` returns, so `evaluate` cannot show them.",
    ko="`test_step`이 돌려주는 결과에 metric이 들어 있지 않아 `evaluate`가 보여 줄 수 없습니다.",
)
class evaluation_not_returned(Right):
    def test_step(self, data):
        x, y = data
        predictions = self.student(x, training=False)
        self.compute_metrics(x, y, predictions, None)
        return {"student_loss": self.student_loss_fn(y, predictions)}


@mistake(
    "test_step",
    en="The student is compared with the teacher's choice instead of the labels.",
    ko="student를 레이블이 아니라 teacher의 선택과 비교하고 있습니다.",
)
class evaluated_against_teacher(Right):
    def test_step(self, data):
        x, _ = data
        chosen = tf.argmax(self.teacher(x, training=False), axis=1)
        return self.compute_metrics(x, chosen, self.student(x, training=False), None)
