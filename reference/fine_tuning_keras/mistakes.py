# Specimens of what learners write, wrong on purpose; what is not defined here comes from solution_tensorflow.py.
# mypy: ignore-errors
"""Known wrong answers to the exercises of `assignments/fine_tuning_keras`, each with its hint.

A hint says where to look and why it matters; it never gives the code of the answer. Where two mistakes show
the same in every case, the one that stands first is named.
"""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from grader.authoring import mistake

# ------------------------------------------------------------------ count_weights


@mistake(
    "count_weights",
    en="Your numbers count single parameters. Asked for are weight arrays: a Dense layer has two of "
    "them, kernel and bias, however large they are.",
    ko="개별 파라미터의 수를 세셨습니다. 여기서 세는 것은 가중치 배열입니다. Dense 층은 크기와 상관없이 "
    "kernel과 bias 두 개를 가집니다.",
)
def cw_parameters(layer):
    def size(weights):
        return sum(int(np.prod(w.shape)) for w in weights)

    return size(layer.weights), size(layer.trainable_weights), size(layer.non_trainable_weights)


@mistake(
    "count_weights",
    en="The order is not the one asked for: first all weights, then the trainable ones, then the others.",
    ko="순서가 다릅니다. 전체, 학습 가능한 것, 학습되지 않는 것의 순서로 돌려주어야 합니다.",
)
def cw_order(layer):
    return len(layer.weights), len(layer.non_trainable_weights), len(layer.trainable_weights)


@mistake(
    "count_weights",
    en="The number of all weights stands at the end; it has to be the first of the three.",
    ko="전체 개수가 맨 뒤에 있습니다. 세 값 중 첫 번째가 전체 개수여야 합니다.",
)
def cw_all_last(layer):
    return len(layer.trainable_weights), len(layer.non_trainable_weights), len(layer.weights)


@mistake(
    "count_weights",
    en="Every weight is counted as trainable, also of a frozen layer and the moving statistics of "
    "BatchNormalization. The layer itself keeps a list of those that training may change.",
    ko="모든 가중치를 학습 가능한 것으로 세셨습니다. 고정된 층의 가중치나 BatchNormalization의 이동 "
    "통계는 학습되지 않습니다. 학습이 바꿀 수 있는 가중치의 목록은 layer가 따로 가지고 있습니다.",
)
def cw_all_trainable(layer):
    return len(layer.weights), len(layer.weights), 0


@mistake(
    "count_weights",
    en="You decide by the flag `trainable` of the whole layer. A BatchNormalization is trainable and "
    "still has weights that no gradient changes, and a model may be frozen in part.",
    ko="layer 전체의 `trainable` 값만 보고 판단하셨습니다. BatchNormalization은 학습 가능한 층이지만 "
    "gradient로 바뀌지 않는 가중치도 있고, model은 일부만 고정될 수도 있습니다.",
)
def cw_by_flag(layer):
    n = len(layer.weights)
    return (n, n, 0) if layer.trainable else (n, 0, n)


@mistake(
    "count_weights",
    en="The last number is always 0. What is frozen does not disappear: it moves to the weights that are "
    "not trained.",
    ko="마지막 값이 항상 0입니다. 고정된 가중치는 사라지는 것이 아니라 학습되지 않는 가중치 쪽으로 옮겨집니다.",
)
def cw_none_frozen(layer):
    return len(layer.weights), len(layer.trainable_weights), 0


# ------------------------------------------------------------------ freeze


@mistake(
    "freeze",
    en="Nothing was frozen: after the call everything can still be trained. In a loop, look whether the "
    "name that you change is really that of the loop variable, and whether it is the given object and "
    "not a copy that you change.",
    ko="아무것도 고정되지 않았습니다. 함수를 부른 뒤에도 모든 가중치가 학습 가능합니다. 반복문을 "
    "쓰셨다면 값을 바꾸는 이름이 반복 변수의 이름과 같은지, 사본이 아니라 주어진 객체를 바꾸고 있는지 "
    "확인해 보세요.",
)
def fz_nothing(layer):
    for one in getattr(layer, "layers", [layer]):  # noqa: B007
        layers.trainable = False
    return layer


@mistake(
    "freeze",
    en="The model inside of the model was left out, so its layers go on training. Freezing has to reach "
    "every level.",
    ko="model 안에 들어 있는 model이 빠져서 그 층들은 계속 학습됩니다. 고정은 모든 단계의 층에 적용되어야 합니다.",
)
def fz_models_inside_left_out(layer):
    if not hasattr(layer, "layers"):
        layer.trainable = False
    for one in getattr(layer, "layers", []):
        if not hasattr(one, "layers"):
            one.trainable = False
    return layer


@mistake(
    "freeze",
    en="The last layer was left trainable. Here the whole base is frozen; what is to be trained comes on "
    "top of it.",
    ko="마지막 층이 고정되지 않았습니다. 여기서는 전체를 고정하고, 학습할 층은 그 위에 새로 얹습니다.",
)
def fz_all_but_last(layer):
    layer.trainable = False
    inner = [x for x in getattr(layer, "layers", []) if x.weights]
    if inner:
        inner[-1].trainable = True
    return layer


@mistake(
    "freeze",
    en="BatchNormalization was left out. Unfrozen it goes on changing: its gamma and beta by the "
    "gradient, its moving statistics with every batch that passes.",
    ko="BatchNormalization이 빠졌습니다. 고정하지 않으면 gamma와 beta는 gradient로, 이동 통계는 batch가 "
    "지나갈 때마다 계속 바뀝니다.",
)
def fz_batch_norm_left_out(layer):
    if isinstance(layer, layers.BatchNormalization):
        return layer
    if not hasattr(layer, "layers"):
        layer.trainable = False
    for one in getattr(layer, "layers", []):
        fz_batch_norm_left_out(one)
    return layer


@mistake(
    "freeze",
    en="Only BatchNormalization was frozen. The weights of the other layers go on training as well.",
    ko="BatchNormalization만 고정하셨습니다. 다른 층의 가중치는 계속 학습됩니다.",
)
def fz_batch_norm_only(layer):
    for one in getattr(layer, "layers", [layer]):
        if hasattr(one, "layers"):
            fz_batch_norm_only(one)
        elif isinstance(one, layers.BatchNormalization):
            one.trainable = False
    return layer


@mistake(
    "freeze",
    en="The weights were marked and not the layers. BatchNormalization looks at its own flag: as long as "
    "that is on, its moving statistics change in training mode.",
    ko="layer가 아니라 가중치 하나하나에 표시하셨습니다. BatchNormalization은 층 자신의 `trainable` 값을 "
    "보기 때문에, 그 값이 True인 동안에는 학습 모드에서 이동 통계가 바뀝니다.",
)
def fz_weights_only(layer):
    for weight in layer.weights:
        weight.trainable = False
    return layer


@mistake(
    "freeze",
    en="A model is frozen, but a single layer is not. The function gets either.",
    ko="model은 고정되지만 층 하나를 넣으면 고정되지 않습니다. 이 함수는 두 경우 모두에 쓰입니다.",
)
def fz_models_only(layer):
    for one in getattr(layer, "layers", []):
        one.trainable = False
    return layer


# ------------------------------------------------------------------ build_model


@mistake(
    "build_model",
    en="The pixels reach the base as they are, 0 to 255. It was trained on values from -1 to 1 and knows no "
    "others; look whether what the scaling returns is what the base is called with.",
    ko="픽셀이 0에서 255 사이의 값 그대로 base_model에 들어갑니다. base_model은 -1에서 1 사이의 값으로만 "
    "학습되었습니다. 스케일을 바꾼 결과가 실제로 base_model에 들어가는지 확인해 보세요.",
)
def bm_raw_pixels(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = inputs
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The base gets values from 0 to 1. That is a common scaling, but not the one that this base was "
    "trained with.",
    ko="base_model에 0에서 1 사이의 값이 들어갑니다. 흔히 쓰는 방법이지만 이 base_model이 학습될 때의 "
    "범위와는 다릅니다.",
)
def bm_zero_to_one(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The pixels are scaled twice, so that almost every image becomes the same grey close to -1.",
    ko="픽셀의 스케일을 두 번 바꾸어서, 거의 모든 이미지가 -1에 가까운 똑같은 값이 됩니다.",
)
def bm_scaled_twice(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(layers.Rescaling(1 / 255)(inputs))
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The range has the right width but lies from 0 to 2: something has to be subtracted as well.",
    ko="범위의 폭은 맞지만 0에서 2 사이에 있습니다. 나눈 뒤에 빼는 값이 빠졌습니다.",
)
def bm_no_offset(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The pixels are centred but not divided: they reach the base as values from -127.5 to 127.5.",
    ko="픽셀에서 평균만 빼고 나누지 않으셨습니다. base_model에 -127.5에서 127.5 사이의 값이 들어갑니다.",
)
def bm_only_centred(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1.0, offset=-127.5)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The base gets values from -0.5 to 0.5, half of the range that it was trained with.",
    ko="base_model에 -0.5에서 0.5 사이의 값이 들어갑니다. 학습될 때 범위의 절반입니다.",
)
def bm_half_range(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 255, offset=-0.5)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The pixels are centred and divided by the root of 127.5. A Normalization layer divides by the "
    "root of the variance that you give it.",
    ko="픽셀을 127.5의 제곱근으로 나누셨습니다. Normalization 층은 주어진 분산(variance)의 제곱근으로 나눕니다.",
)
def bm_variance_not_squared(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Normalization(mean=[127.5] * 3, variance=[127.5] * 3)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="This is the preprocessing of another network (colours in another order, a mean per colour "
    "subtracted). Each base needs the one that it was trained with.",
    ko="다른 네트워크의 전처리입니다(색의 순서를 바꾸고 색마다 평균을 뺍니다). base_model마다 학습될 때 "
    "쓴 전처리를 그대로 써야 합니다.",
)
def bm_other_preprocessing(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = keras.applications.vgg16.preprocess_input(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The base is not in the model: the new layers sit directly on the pixels, and nothing is transferred.",
    ko="model 안에 base_model이 없습니다. 새 층이 픽셀 위에 바로 놓여 있어 전이되는 것이 없습니다.",
)
def bm_base_dropped(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The model holds a copy of the base and not the base itself. What is frozen, unfrozen or loaded "
    "on the base later does not reach it.",
    ko="model 안에 base_model이 아니라 그 사본이 들어 있습니다. 나중에 base_model을 고정하거나 고정 "
    "해제해도 사본에는 적용되지 않습니다.",
)
def bm_base_copied(base_model, input_shape):
    copy = keras.models.clone_model(base_model)
    copy.set_weights(base_model.get_weights())
    copy.trainable = False
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = copy(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The head sits on a layer in the middle of the base. Use what comes out at its end.",
    ko="head가 base_model의 중간 층 위에 놓여 있습니다. base_model의 마지막 출력을 사용하세요.",
)
def bm_base_cut(base_model, input_shape):
    first = keras.Model(base_model.inputs, base_model.layers[len(base_model.layers) // 2].output)
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = first(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The base can be trained again: something in the function unfreezes it. In the first phase the "
    "large gradients of a random head would destroy its features.",
    ko="base_model이 다시 학습 가능해졌습니다. 첫 단계에서는 아직 무작위인 head에서 오는 큰 gradient가 "
    "base_model의 특징을 망가뜨립니다.",
)
def bm_unfrozen(base_model, input_shape):
    base_model.trainable = True
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="Nothing of the new model can be trained: it was frozen as a whole, the head along with the base.",
    ko="새 model에서 학습할 수 있는 것이 없습니다. base_model과 함께 head까지 모두 고정되었습니다.",
)
def bm_head_frozen(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    model = keras.Model(inputs, outputs)
    model.trainable = False
    return model


@mistake(
    "build_model",
    en="The maps are flattened, so that the head has one weight for every position. Asked for is the "
    "mean over the positions, one number for each channel.",
    ko="feature map을 그대로 펼쳐서 위치마다 가중치가 생겼습니다. 채널마다 위치에 대한 평균을 하나씩 "
    "구해야 합니다.",
)
def bm_flatten(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The largest value over the positions is taken instead of the mean.",
    ko="위치에 대한 평균 대신 최댓값을 취하셨습니다.",
)
def bm_max_pooling(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalMaxPooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The positions were not averaged: the model gives a map of answers instead of one for each image.",
    ko="위치에 대한 평균을 내지 않아, 이미지마다 답이 하나가 아니라 여러 개 나옵니다.",
)
def bm_no_pooling(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="There is no dropout in front of the last layer: in training the output is the same as in use.",
    ko="마지막 층 앞에 dropout이 없습니다. 학습할 때의 출력이 사용할 때와 같습니다.",
)
def bm_no_dropout(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="Dropout drops half of the features; here it is 0.2.",
    ko="dropout이 특징의 절반을 버립니다. 여기서는 0.2입니다.",
)
def bm_dropout_half(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="Dropout drops 0.8 of the features and keeps 0.2. The number is the share that is dropped.",
    ko="dropout이 특징의 0.8을 버리고 0.2만 남깁니다. 인자는 버리는 비율입니다.",
)
def bm_dropout_keeps(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.8)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="Dropout is at work also when the model is used. Its answers to one image then differ from call to call.",
    ko="model을 사용할 때도 dropout이 작동합니다. 같은 이미지에 대한 답이 부를 때마다 달라집니다.",
)
def bm_dropout_always(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x, training=True)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="Dropout comes after the last layer and throws away whole answers. It belongs in front of it, on "
    "the features.",
    ko="dropout이 마지막 층 뒤에 있어 답 자체를 버립니다. 마지막 층 앞의 특징에 적용해야 합니다.",
)
def bm_dropout_on_the_answer(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dropout(0.2)(layers.Dense(1)(x))
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The head has two outputs. For two classes one logit is enough, and the loss of the next exercise "
    "expects one.",
    ko="head의 출력이 두 개입니다. 두 클래스를 구별하는 데는 logit 하나면 충분하고, 다음 문제의 loss도 "
    "하나를 기대합니다.",
)
def bm_two_outputs(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(2)(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="A softmax over a single output is always 1, whatever the image.",
    ko="출력이 하나일 때 softmax는 어떤 이미지에 대해서도 항상 1입니다.",
)
def bm_softmax(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1, activation="softmax")(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="A ReLU follows the last layer, so the logit cannot be negative and one class cannot be predicted.",
    ko="마지막 층에 ReLU가 있어 logit이 음수가 될 수 없습니다. 그러면 한 클래스는 예측할 수 없습니다.",
)
def bm_relu(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1, activation="relu")(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="A tanh follows the last layer. The logit is neither that nor a probability.",
    ko="마지막 층에 tanh가 있습니다. 이것은 logit도 확률도 아닙니다.",
)
def bm_tanh(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1, activation="tanh")(x)
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="There is another trainable layer between the features and the answer. The head asked for is a "
    "single Dense layer.",
    ko="특징과 답 사이에 학습되는 층이 하나 더 있습니다. head는 Dense 층 하나입니다.",
)
def bm_hidden_layer(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(layers.Dense(8, activation="relu")(x))
    return keras.Model(inputs, outputs)


@mistake(
    "build_model",
    en="The last layer has no bias.",
    ko="마지막 층에 bias가 없습니다.",
)
def bm_no_bias(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1, use_bias=False)(x)
    return keras.Model(inputs, outputs)


# ------------------------------------------------------------------ train_head


@mistake(
    "train_head",
    en="The loss does not agree with what your model gives: one of the two speaks of logits, the other "
    "of probabilities. Look at the last layer of `build_model` and at `from_logits`.",
    ko="loss가 model의 출력과 맞지 않습니다. 한쪽은 logit, 다른 쪽은 확률을 가정합니다. `build_model`의 "
    "마지막 층과 `from_logits`를 함께 확인해 보세요.",
)
def th_loss_of_other_output(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=False))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="A sigmoid is applied twice: the model gives probabilities, or the loss turns its outputs into some, and "
    "the loss takes them for logits. Look at the last layer of `build_model` and at `from_logits`.",
    ko="sigmoid가 두 번 적용되었습니다. model의 출력이 이미 확률인데 loss는 logit으로 받아들입니다. "
    "`build_model`의 마지막 층과 `from_logits`를 함께 확인해 보세요.",
)
def th_sigmoid_twice(model, dataset, epochs):
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(), loss=lambda y, z: bce(y, tf.sigmoid(z)))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The squared error was minimised. For two classes the binary cross-entropy is asked for.",
    ko="제곱 오차를 최소화하셨습니다. 두 클래스를 구별할 때는 binary cross-entropy를 사용합니다.",
)
def th_squared_error(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(), loss="mse")
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="A hinge loss was minimised. Asked for is the binary cross-entropy.",
    ko="hinge loss를 최소화하셨습니다. 여기서는 binary cross-entropy를 사용합니다.",
)
def th_hinge(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(), loss="hinge")
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The cross-entropy over several classes is of no use with one output: its gradient is 0 and "
    "nothing is learned.",
    ko="출력이 하나일 때 여러 클래스용 cross-entropy는 쓸 수 없습니다. gradient가 0이 되어 아무것도 "
    "학습되지 않습니다.",
)
def th_categorical(model, dataset, epochs):
    dataset = dataset.map(lambda x, y: (x, tf.cast(y, x.dtype)[:, None]))
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The optimizer is plain gradient descent with a learning rate of 0.01; asked for is Adam with its default.",
    ko="optimizer가 learning rate 0.01의 SGD입니다. 기본값의 Adam을 사용해야 합니다.",
)
def th_sgd(model, dataset, epochs):
    model.compile(optimizer="sgd", loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The optimizer is RMSprop; asked for is Adam.",
    ko="optimizer가 RMSprop입니다. Adam을 사용해야 합니다.",
)
def th_rmsprop(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.RMSprop(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The learning rate is ten times that of the first phase asked for.",
    ko="learning rate가 첫 단계에서 요구한 값의 열 배입니다.",
)
def th_rate_too_high(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The learning rate is a hundred times that of the first phase asked for; the head will not settle.",
    ko="learning rate가 첫 단계에서 요구한 값의 백 배입니다. head가 수렴하지 못합니다.",
)
def th_rate_far_too_high(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(1e-1), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="This is the low learning rate of the second phase. The head starts from random weights and needs "
    "larger steps.",
    ko="두 번째 단계의 낮은 learning rate입니다. head는 무작위 가중치에서 시작하므로 더 큰 걸음이 필요합니다.",
)
def th_rate_of_fine_tuning(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The data are passed through once whatever `epochs` says.",
    ko="`epochs`와 상관없이 데이터를 한 번만 학습합니다.",
)
def th_one_epoch(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, verbose=0)


@mistake(
    "train_head",
    en="Each epoch sees only the first batch of the data set.",
    ko="epoch마다 데이터의 첫 번째 batch만 사용합니다.",
)
def th_one_batch(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset.take(1), epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The model is compiled anew for every epoch, so that Adam forgets what it has gathered.",
    ko="epoch마다 다시 compile하여 Adam이 모아 둔 정보가 매번 사라집니다.",
)
def th_compiled_every_epoch(model, dataset, epochs):
    for _ in range(epochs):
        model.compile(keras.optimizers.Adam(), keras.losses.BinaryCrossentropy(from_logits=True))
        model.fit(dataset, verbose=0)


@mistake(
    "train_head",
    en="The base is trained along with the head. In the first phase it has to stay as it is: only later, "
    "when the head has settled, is it tuned.",
    ko="head와 함께 base_model까지 학습됩니다. 첫 단계에서는 base_model이 그대로 있어야 합니다. 미세 "
    "조정은 head가 수렴한 뒤의 일입니다.",
)
def th_everything_unfrozen(model, dataset, epochs):
    for layer in model.layers:
        layer.trainable = True
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The base was unfrozen but for its kernels: the moving statistics of BatchNormalization change "
    "with every batch. In the first phase everything in the base stays frozen.",
    ko="base_model의 BatchNormalization이 고정되지 않아 batch가 지나갈 때마다 바뀝니다. 첫 단계에서는 "
    "base_model 전체가 고정되어 있어야 합니다.",
)
def th_statistics_moved(model, dataset, epochs):
    for layer in model.layers:
        for inner in getattr(layer, "layers", []):
            inner.trainable = isinstance(inner, layers.BatchNormalization)
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="Nothing moved: the model was compiled but not trained, or all of it is frozen, the head as well.",
    ko="움직인 가중치가 없습니다. compile만 하고 학습하지 않았거나, head까지 포함해 model 전체가 고정되어 "
    "있습니다.",
)
def th_not_trained(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return model.evaluate(dataset, verbose=0)


@mistake(
    "train_head",
    en="The labels are exchanged: the gradient points the other way.",
    ko="레이블이 서로 바뀌어 gradient의 방향이 반대입니다.",
)
def th_labels_swapped(model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset.map(lambda x, y: (x, 1 - y)), epochs=epochs, verbose=0)


@mistake(
    "train_head",
    en="The loss adds up the images of a batch; it has to be their mean, or it depends on the batch size.",
    ko="loss가 batch의 이미지에 대한 합입니다. 평균이어야 batch 크기에 따라 달라지지 않습니다.",
)
def th_sum_over_batch(model, dataset, epochs):
    model.compile(
        optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum")
    )
    model.fit(dataset, epochs=epochs, verbose=0)


# ------------------------------------------------------------------ fine_tune


@mistake(
    "fine_tune",
    en="The moving statistics of BatchNormalization change: unfrozen, it runs in training mode during "
    "`fit`. In Keras 3 that holds even where the base was called with `training=False`. What the base "
    "has learned is lost with them; keep these layers as they were.",
    ko="BatchNormalization의 이동 통계가 바뀝니다. 고정을 풀면 `fit` 동안 학습 모드로 동작하며, Keras "
    "3에서는 base_model을 `training=False`로 호출했더라도 그렇습니다. 그러면 base_model이 배운 것이 "
    "망가집니다. 이 층들은 그대로 두어야 합니다.",
)
def ft_batch_norm_training_mode(model, base_model, dataset, epochs):
    base_model.trainable = True
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The moving statistics of BatchNormalization change, and the learning rate is still that of the "
    "first phase: both destroy what the base has learned.",
    ko="BatchNormalization의 이동 통계가 바뀌고, learning rate도 첫 단계의 값 그대로입니다. 두 가지 모두 "
    "base_model이 배운 것을 망가뜨립니다.",
)
def ft_batch_norm_training_mode_high_rate(model, base_model, dataset, epochs):
    base_model.trainable = True
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The base is still frozen: only the head goes on training. In a loop, look whether the name that you "
    "change is that of the loop variable. And Keras 3 does nothing when `trainable` is set to what it already "
    "is: set on the whole model, which is not frozen itself, it does not reach the base.",
    ko="base_model이 여전히 고정되어 있어 head만 계속 학습됩니다. 반복문을 쓰셨다면 값을 바꾸는 이름이 반복 "
    "변수의 이름과 같은지 확인해 보세요. 또한 Keras 3에서는 `trainable`에 이미 가지고 있는 값을 넣으면 아무 "
    "일도 일어나지 않습니다. 고정되지 않은 전체 model에 True를 넣어도 안쪽의 base_model에는 전달되지 않습니다.",
)
def ft_not_unfrozen(model, base_model, dataset, epochs):
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The model was not compiled anew after the base was unfrozen: it goes on with the optimizer and "
    "the learning rate of the first phase, and what was unfrozen is not taken into account.",
    ko="base_model의 고정을 푼 뒤 다시 compile하지 않으셨습니다. 첫 단계의 optimizer와 learning rate가 "
    "그대로 쓰이고, 고정을 푼 것도 반영되지 않습니다.",
)
def ft_not_compiled_anew(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The learning rate was changed, but the model was not compiled anew: the optimizer of the first "
    "phase knows nothing of the weights that you unfroze.",
    ko="learning rate는 바꾸었지만 다시 compile하지 않으셨습니다. 첫 단계의 optimizer는 고정을 푼 "
    "가중치를 알지 못합니다.",
)
def ft_rate_assigned(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.optimizer.learning_rate.assign(1e-5)
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The learning rate is that of the first phase, 0.001. Steps of that size destroy what the base "
    "has learned; the notebook asks for a far lower one.",
    ko="learning rate가 첫 단계의 0.001 그대로입니다. 이렇게 큰 걸음은 base_model이 배운 것을 "
    "망가뜨립니다. 노트북에서 요구하는 훨씬 낮은 값을 사용하세요.",
)
def ft_rate_of_first_phase(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The learning rate is ten times the one asked for.",
    ko="learning rate가 요구한 값의 열 배입니다.",
)
def ft_rate_1e_4(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-4), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The learning rate is a tenth of the one asked for.",
    ko="learning rate가 요구한 값의 십분의 일입니다.",
)
def ft_rate_too_low(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-6), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The base is tuned by plain gradient descent with a learning rate of 0.01. Asked for are Adam and "
    "a far lower rate.",
    ko="learning rate 0.01의 SGD로 미세 조정하셨습니다. Adam과 훨씬 낮은 learning rate를 사용해야 합니다.",
)
def ft_sgd(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer="sgd", loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The optimizer is RMSprop; asked for is Adam.",
    ko="optimizer가 RMSprop입니다. Adam을 사용해야 합니다.",
)
def ft_rmsprop(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.RMSprop(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="Only the last layers of the base are tuned. That is done too, but here the whole base is asked for.",
    ko="base_model의 마지막 층들만 미세 조정하셨습니다. 그런 방법도 있지만 여기서는 base_model 전체를 학습합니다.",
)
def ft_last_layers_only(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    for layer in base_model.layers[: len(base_model.layers) // 2]:
        layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The head was frozen while the base is tuned. Both are trained in the second phase.",
    ko="base_model을 학습하는 동안 head를 고정하셨습니다. 두 번째 단계에서는 둘 다 학습합니다.",
)
def ft_head_frozen(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.layers[-1].trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="Only BatchNormalization was unfrozen: just the layers that should have stayed frozen.",
    ko="BatchNormalization만 고정을 푸셨습니다. 오히려 이 층들이 고정되어 있어야 합니다.",
)
def ft_batch_norm_only(model, base_model, dataset, epochs):
    for layer in base_model.layers:
        layer.trainable = isinstance(layer, layers.BatchNormalization)
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The loss does not agree with what your model gives: one of the two speaks of logits, the other "
    "of probabilities. Look at the last layer of `build_model` and at `from_logits`.",
    ko="loss가 model의 출력과 맞지 않습니다. 한쪽은 logit, 다른 쪽은 확률을 가정합니다. `build_model`의 "
    "마지막 층과 `from_logits`를 함께 확인해 보세요.",
)
def ft_loss_of_other_output(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=False))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="A sigmoid is applied twice: the model gives probabilities, or the loss turns its outputs into some, and "
    "the loss takes them for logits. Look at the last layer of `build_model` and at `from_logits`.",
    ko="sigmoid가 두 번 적용되었습니다. model의 출력이 이미 확률인데 loss는 logit으로 받아들입니다. "
    "`build_model`의 마지막 층과 `from_logits`를 함께 확인해 보세요.",
)
def ft_sigmoid_twice(model, base_model, dataset, epochs):
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=lambda y, z: bce(y, tf.sigmoid(z)))
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The squared error was minimised. The loss stays that of the first phase.",
    ko="제곱 오차를 최소화하셨습니다. loss는 첫 단계와 같아야 합니다.",
)
def ft_squared_error(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss="mse")
    model.fit(dataset, epochs=epochs, verbose=0)


@mistake(
    "fine_tune",
    en="The data are passed through once whatever `epochs` says.",
    ko="`epochs`와 상관없이 데이터를 한 번만 학습합니다.",
)
def ft_one_epoch(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, verbose=0)


@mistake(
    "fine_tune",
    en="The model was prepared but not trained: nothing moved.",
    ko="준비만 하고 학습하지 않아 움직인 가중치가 없습니다.",
)
def ft_not_trained(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return model.evaluate(dataset, verbose=0)


# ------------------------------------------------------------------ extract_features


@mistake(
    "extract_features",
    en="The features are those of raw pixels, 0 to 255. The base was trained on values from -1 to 1.",
    ko="0에서 255 사이의 픽셀을 그대로 넣은 특징입니다. base_model은 -1에서 1 사이의 값으로 학습되었습니다.",
)
def ef_raw_pixels(base_model, images):
    return tf.reduce_mean(base_model(images, training=False), axis=(1, 2))


@mistake(
    "extract_features",
    en="The base got values from 0 to 1; it was trained on values from -1 to 1.",
    ko="base_model에 0에서 1 사이의 값이 들어갔습니다. base_model은 -1에서 1 사이의 값으로 학습되었습니다.",
)
def ef_zero_to_one(base_model, images):
    return tf.reduce_mean(base_model(images / 255, training=False), axis=(1, 2))


@mistake(
    "extract_features",
    en="The base ran in training mode: its BatchNormalization used the statistics of these images and "
    "changed its own. The features of one image then depend on the others.",
    ko="base_model이 학습 모드로 동작했습니다. BatchNormalization이 이 이미지들의 통계를 쓰고 자신의 "
    "통계도 바꾸므로, 한 이미지의 특징이 다른 이미지에 따라 달라집니다.",
)
def ef_training_mode(base_model, images):
    return tf.reduce_mean(base_model(images / 127.5 - 1, training=True), axis=(1, 2))


@mistake(
    "extract_features",
    en="These are whole feature maps. Asked for is one vector for each image: the mean over the positions.",
    ko="feature map 전체를 돌려주셨습니다. 이미지마다 벡터 하나, 즉 위치에 대한 평균을 구해야 합니다.",
)
def ef_no_pooling(base_model, images):
    return base_model(images / 127.5 - 1, training=False)


@mistake(
    "extract_features",
    en="The maps were flattened. Asked for is the mean over the positions, one number for each channel.",
    ko="feature map을 그대로 펼치셨습니다. 채널마다 위치에 대한 평균을 하나씩 구해야 합니다.",
)
def ef_flatten(base_model, images):
    return layers.Flatten()(base_model(images / 127.5 - 1, training=False))


@mistake(
    "extract_features",
    en="The largest value over the positions is taken instead of the mean.",
    ko="위치에 대한 평균 대신 최댓값을 취하셨습니다.",
)
def ef_max_pooling(base_model, images):
    return layers.GlobalMaxPooling2D()(base_model(images / 127.5 - 1, training=False))


@mistake(
    "extract_features",
    en="The values are added up over the positions instead of averaged.",
    ko="위치에 대해 평균이 아니라 합을 구하셨습니다.",
)
def ef_sum(base_model, images):
    return tf.reduce_sum(base_model(images / 127.5 - 1, training=False), axis=(1, 2))


@mistake(
    "extract_features",
    en="The mean runs over the channels as well. Each channel is a feature of its own.",
    ko="채널에 대해서까지 평균을 내셨습니다. 채널 하나하나가 서로 다른 특징입니다.",
)
def ef_mean_over_channels(base_model, images):
    return tf.reduce_mean(base_model(images / 127.5 - 1, training=False), axis=(1, 2, 3))


@mistake(
    "extract_features",
    en="The mean runs over the images as well. Each image has features of its own.",
    ko="이미지에 대해서까지 평균을 내셨습니다. 이미지마다 자신의 특징이 있어야 합니다.",
)
def ef_mean_over_images(base_model, images):
    return tf.reduce_mean(base_model(images / 127.5 - 1, training=False), axis=(0, 1, 2))


@mistake(
    "extract_features",
    en="These are the means of the pixels; the base was not used.",
    ko="픽셀의 평균입니다. base_model이 사용되지 않았습니다.",
)
def ef_pixels(base_model, images):
    return tf.reduce_mean(images / 127.5 - 1, axis=(1, 2))
