# Specimens of what learners write, wrong on purpose; names that are not defined here come from
# solution_tensorflow.py.
# mypy: ignore-errors
"""Known wrong answers to the exercises of `assignments/cnn_transfer`, each with its hint.

A hint says where to look and why it matters; it never gives the code of the answer. Where two mistakes show the
same numbers on every case, the one that stands first is named.
"""

import math

import numpy as np
import tensorflow as tf

from grader.authoring import mistake

# ------------------------------------------------------------------ output_shape


@mistake(
    "output_shape",
    en="With `valid` you are one position short: the kernel also fits where it starts, before the first step. "
    "Count the positions of a 3-pixel kernel on 5 pixels by hand.",
    ko="`valid`일 때 한 칸이 모자랍니다. kernel은 한 번도 움직이기 전의 자리에도 놓일 수 있습니다. 5픽셀 위에 "
    "3픽셀짜리 kernel을 놓을 수 있는 자리를 손으로 세어 보세요.",
)
def os_one_short(side, kernel_size, strides, padding, filters):
    size = math.ceil(side / strides) if padding == "same" else (side - kernel_size) // strides
    return size, size, filters


@mistake(
    "output_shape",
    en="The padding makes no difference in your answer. With `same` the image is framed with zeros, so that "
    "the kernel's size does not shrink it.",
    ko="padding이 결과에 영향을 주지 않고 있습니다. `same`이면 가장자리를 0으로 채우므로 kernel 크기 때문에 "
    "줄어들지 않습니다.",
)
def os_never_padded(side, kernel_size, strides, padding, filters):
    size = (side - kernel_size) // strides + 1
    return size, size, filters


@mistake(
    "output_shape",
    en="You treat `valid` like `same`. Without padding the kernel must lie inside of the image entirely, so "
    "the output loses some pixels at the rim.",
    ko="`valid`를 `same`처럼 계산하셨습니다. padding이 없으면 kernel이 이미지 안에 완전히 들어가야 하므로 "
    "가장자리만큼 줄어듭니다.",
)
def os_always_padded(side, kernel_size, strides, padding, filters):
    size = math.ceil(side / strides)
    return size, size, filters


@mistake(
    "output_shape",
    en="The stride is missing: with stride 2 the kernel skips every other position.",
    ko="stride가 빠져 있습니다. stride가 2이면 kernel은 한 칸씩 건너뜁니다.",
)
def os_no_strides(side, kernel_size, strides, padding, filters):
    size = side if padding == "same" else side - kernel_size + 1
    return size, size, filters


@mistake(
    "output_shape",
    en="With `same`, a side that the stride does not divide is rounded up, not down: the pixels left over at "
    "the end get a position too.",
    ko="`same`에서 stride로 나누어떨어지지 않을 때는 내림이 아니라 올림입니다. 끝에 남은 픽셀도 한 자리를 "
    "차지합니다.",
)
def os_same_rounded_down(side, kernel_size, strides, padding, filters):
    size = side // strides if padding == "same" else (side - kernel_size) // strides + 1
    return size, size, filters


@mistake(
    "output_shape",
    en="With `valid`, a last step that does not fit any more is dropped: round down.",
    ko="`valid`에서는 마지막에 다 들어가지 못하는 걸음은 버립니다. 내림으로 계산하세요.",
)
def os_valid_rounded_up(side, kernel_size, strides, padding, filters):
    size = math.ceil(side / strides) if padding == "same" else math.ceil((side - kernel_size) / strides) + 1
    return size, size, filters


@mistake(
    "output_shape",
    en="The last number should be the channels of the output. Each filter makes one channel, whatever the "
    "input has.",
    ko="마지막 값은 출력의 채널 수여야 합니다. 입력의 채널 수와 상관없이 filter 하나가 채널 하나를 만듭니다.",
)
def os_channels_of_the_image(side, kernel_size, strides, padding, filters):
    size = math.ceil(side / strides) if padding == "same" else (side - kernel_size) // strides + 1
    return size, size, 3


# ------------------------------------------------------------------ parameter_count


@mistake(
    "parameter_count",
    en="The biases are missing: every filter adds one number of its own to what it computes.",
    ko="bias가 빠졌습니다. filter마다 계산 결과에 더하는 숫자가 하나씩 있습니다.",
)
def pc_no_bias(kernel_size, channels, filters):
    return kernel_size * kernel_size * channels * filters


@mistake(
    "parameter_count",
    en="There is one bias for each filter, not one for all of them.",
    ko="bias는 전체에 하나가 아니라 filter마다 하나씩 있습니다.",
)
def pc_one_bias(kernel_size, channels, filters):
    return kernel_size * kernel_size * channels * filters + 1


@mistake(
    "parameter_count",
    en="A filter reaches through all channels of its input: it has a slice of weights for each of them.",
    ko="filter는 입력의 모든 채널을 함께 봅니다. 채널마다 따로 가중치를 가집니다.",
)
def pc_no_channels(kernel_size, channels, filters):
    return (kernel_size * kernel_size + 1) * filters


@mistake(
    "parameter_count",
    en="The kernel has a height and a width; you counted only one of them.",
    ko="kernel에는 높이와 너비가 있는데 한 쪽만 세셨습니다.",
)
def pc_kernel_not_squared(kernel_size, channels, filters):
    return (kernel_size * channels + 1) * filters


@mistake(
    "parameter_count",
    en="You gave each channel of each filter a bias of its own; a filter has a single one.",
    ko="filter의 채널마다 bias를 하나씩 두셨습니다. bias는 filter 하나에 하나뿐입니다.",
)
def pc_bias_a_channel(kernel_size, channels, filters):
    return (kernel_size * kernel_size + 1) * channels * filters


# ------------------------------------------------------------------ encode_labels


@mistake(
    "encode_labels",
    en="The test labels got a numbering of their own. The number that means `otter` in training must mean "
    "`otter` in the test too, or the accuracy is that of guessing.",
    ko="테스트 레이블에 따로 번호를 매기셨습니다. 학습에서 `otter`를 뜻하는 숫자가 테스트에서도 `otter`를 "
    "뜻해야 합니다. 그렇지 않으면 정확도가 찍은 것과 다를 바 없어집니다.",
)
def el_two_numberings(train_names, test_names):
    train = {name: n for n, name in enumerate(dict.fromkeys(train_names))}
    test = {name: n for n, name in enumerate(dict.fromkeys(test_names))}
    return np.array([train[name] for name in train_names]), np.array([test[name] for name in test_names])


@mistake(
    "encode_labels",
    en="The numbers should start at 0: the output layer has exactly as many units as there are classes, and "
    "they are counted from 0.",
    ko="번호는 0부터 시작해야 합니다. 출력층의 unit 수는 클래스 수와 같고, 0부터 셉니다.",
)
def el_from_one(train_names, test_names):
    number_of = {name: n for n, name in enumerate(dict.fromkeys(train_names), start=1)}
    return np.array([number_of[name] for name in train_names]), np.array([number_of[name] for name in test_names])


@mistake(
    "encode_labels",
    en="You numbered the images, not the names: a class should get one number, and the numbers should have no "
    "gaps.",
    ko="이름이 아니라 이미지에 번호를 매기셨습니다. 클래스마다 번호가 하나이고, 번호 사이에 빈 곳이 없어야 "
    "합니다.",
)
def el_images_numbered(train_names, test_names):
    number_of = {name: n for n, name in enumerate(train_names)}
    return np.array([number_of[name] for name in train_names]), np.array([number_of[name] for name in test_names])


@mistake(
    "encode_labels",
    en="Every name got the same number, so there is nothing to tell apart.",
    ko="모든 이름이 같은 번호를 받았습니다. 구별할 것이 없습니다.",
)
def el_all_alike(train_names, test_names):
    return np.zeros(len(train_names), int), np.zeros(len(test_names), int)


# ------------------------------------------------------------------ conv_model


def one(filters=2, kernel_size=3, **options):
    return tf.keras.Sequential(
        [tf.keras.Input((32, 32, 3)), tf.keras.layers.Conv2D(filters, kernel_size, **options)]
    )


@mistake(
    "conv_model",
    en="The output is 30 pixels wide: there is no padding. The image should keep its 32 pixels.",
    ko="출력이 30픽셀입니다. padding이 없기 때문입니다. 이미지의 크기 32가 유지되어야 합니다.",
)
def cm_valid():
    return one()


@mistake(
    "conv_model",
    en="The kernel has the wrong size; compare the number of parameters with the 56 of the text.",
    ko="kernel의 크기가 다릅니다. 파라미터 수를 본문의 56과 비교해 보세요.",
)
def cm_five_pixels():
    return one(kernel_size=5, padding="same")


@mistake(
    "conv_model",
    en="The number of filters is not that of the image's channels: it is chosen freely and becomes the number "
    "of channels of the output. The text asks for 2.",
    ko="filter의 수는 이미지의 채널 수가 아니라 자유롭게 정하는 값이며, 출력의 채널 수가 됩니다. 본문에서는 "
    "2개를 요구합니다.",
)
def cm_three_filters():
    return one(3, padding="same")


@mistake(
    "conv_model",
    en="A stride of 2 halves the image; here it should keep its size.",
    ko="stride가 2이면 크기가 절반이 됩니다. 여기서는 크기가 유지되어야 합니다.",
)
def cm_strides():
    return one(strides=2, padding="same")


@mistake(
    "conv_model",
    en="Your model has an activation; the text asks for the convolution alone, whose values may be negative.",
    ko="activation이 들어 있습니다. 본문은 합성곱만 요구하며, 그 값은 음수일 수 있습니다.",
)
def cm_relu():
    return one(padding="same", activation="relu")


@mistake(
    "conv_model",
    en="The bias was switched off; the 56 parameters of the text include one for each filter.",
    ko="bias를 끄셨습니다. 본문의 56개에는 filter마다 하나씩 bias가 들어 있습니다.",
)
def cm_no_bias():
    return one(padding="same", use_bias=False)


# ------------------------------------------------------------------ strided_model, pooled_model, shared_function

L = tf.keras.layers


def blocks(*makers):
    """A model of four blocks; each of `makers` makes one layer of a block."""
    layers = [make() for _ in range(4) for make in makers]
    return tf.keras.Sequential([tf.keras.Input((32, 32, 3)), *layers])


def ended(model, *layers):
    for layer in layers:
        model.add(layer)
    return model


def conv(filters=64, strides=1, padding="same", **options):
    return lambda: L.Conv2D(filters, 3, strides=strides, padding=padding, **options)


def relu():
    return L.Activation("relu")


def softmax_of_three():
    return L.Flatten(), L.Dense(3, activation="softmax")


@mistake(
    "strided_model",
    en="The maps keep their 32 pixels: the convolutions have no stride, and the last layer gets far too many "
    "parameters.",
    ko="합성곱에 stride가 없어 크기가 32로 유지됩니다. 그래서 마지막 층의 파라미터가 너무 많아집니다.",
)
def sm_no_strides():
    return ended(blocks(conv(), L.BatchNormalization, relu), *softmax_of_three())


@mistake(
    "strided_model",
    en="Without padding the maps shrink faster than by half; look at the shapes in the summary.",
    ko="padding이 없어서 크기가 절반보다 더 빨리 줄어듭니다. summary에서 크기를 확인해 보세요.",
)
def sm_valid():
    return ended(blocks(conv(strides=2, padding="valid"), L.BatchNormalization, relu), *softmax_of_three())


@mistake(
    "strided_model",
    en="Batch normalisation is missing after the convolutions: the model has no parameters that are not trained.",
    ko="합성곱 뒤에 batch normalization이 빠졌습니다. 학습되지 않는 파라미터가 하나도 없습니다.",
)
def sm_no_normalisation():
    return ended(blocks(conv(strides=2), relu), *softmax_of_three())


@mistake(
    "strided_model",
    en="The activation is missing. Convolutions without one in between are together only one linear function.",
    ko="activation이 빠졌습니다. 그 사이에 activation이 없는 합성곱들은 모두 합쳐도 하나의 선형 함수입니다.",
)
def sm_no_activation():
    return ended(blocks(conv(strides=2), L.BatchNormalization), *softmax_of_three())


@mistake(
    "strided_model",
    en="ReLU stands before the batch normalisation; the text normalises first.",
    ko="ReLU가 batch normalization보다 앞에 있습니다. 본문에서는 normalization이 먼저입니다.",
)
def sm_relu_first():
    return ended(blocks(conv(strides=2), relu, L.BatchNormalization), *softmax_of_three())


@mistake(
    "strided_model",
    en="The outputs are no probabilities: the softmax at the end is missing.",
    ko="출력이 확률이 아닙니다. 마지막에 softmax가 빠졌습니다.",
)
def sm_no_softmax():
    return ended(blocks(conv(strides=2), L.BatchNormalization, relu), L.Flatten(), L.Dense(3))


@mistake(
    "strided_model",
    en="A sigmoid looks at each class by itself, so that the three outputs need not add up to 1. An image "
    "belongs to exactly one class here.",
    ko="sigmoid는 클래스를 따로따로 보므로 세 출력의 합이 1이 되지 않습니다. 여기서는 이미지가 정확히 한 "
    "클래스에 속합니다.",
)
def sm_sigmoid():
    model = blocks(conv(strides=2), L.BatchNormalization, relu)
    return ended(model, L.Flatten(), L.Dense(3, activation="sigmoid"))


@mistake(
    "strided_model",
    en="The maps are not flattened: the last layer works on each pixel, and the output is no list of three "
    "numbers.",
    ko="feature map을 1차원으로 펴지 않았습니다. 마지막 층이 픽셀마다 따로 적용되어 출력이 숫자 세 개가 아닙니다.",
)
def sm_not_flattened():
    return ended(blocks(conv(strides=2), L.BatchNormalization, relu), L.Dense(3, activation="softmax"))


@mistake(
    "strided_model",
    en="You averaged each map instead of flattening them, so the last layer sees 64 numbers instead of 256.",
    ko="feature map을 펴지 않고 평균을 내셨습니다. 마지막 층이 256개가 아니라 64개의 값만 보게 됩니다.",
)
def sm_averaged():
    model = blocks(conv(strides=2), L.BatchNormalization, relu)
    return ended(model, L.GlobalAveragePooling2D(), L.Dense(3, activation="softmax"))


@mistake(
    "strided_model",
    en="The convolutions have the wrong number of filters; the text asks for 64.",
    ko="합성곱의 filter 수가 다릅니다. 본문에서는 64개입니다.",
)
def sm_few_filters():
    return ended(blocks(conv(32, strides=2), L.BatchNormalization, relu), *softmax_of_three())


@mistake(
    "pooled_model",
    en="This model cannot be built. Each block halves the image twice, once by its stride and once by its "
    "pooling: 32, 16, 8, 4, 2, 1, and then MaxPool2D looks for 2 pixels where only 1 is left (`Negative "
    "dimension size caused by subtracting 2 from 1`). Let only one of the two do the shrinking.",
    ko="이 모델은 만들어지지 않습니다. block마다 stride로 한 번, pooling으로 한 번, 모두 두 번 절반이 됩니다. "
    "32, 16, 8, 4, 2, 1로 줄어든 뒤 MaxPool2D가 1픽셀에서 2픽셀을 찾게 됩니다(`Negative dimension size caused "
    "by subtracting 2 from 1`). 둘 중 하나만 크기를 줄이게 하세요.",
)
def pm_nothing_left():
    return ended(blocks(conv(strides=2), L.BatchNormalization, relu, L.MaxPooling2D), *softmax_of_three())


@mistake(
    "pooled_model",
    en="There is no pooling: this is the strided model again.",
    ko="pooling이 없습니다. stride를 사용한 모델과 같습니다.",
)
def pm_strides_only():
    return ended(blocks(conv(strides=2), L.BatchNormalization, relu), *softmax_of_three())


@mistake(
    "pooled_model",
    en="You pool by the average; the text asks for the largest value of each window.",
    ko="평균으로 pooling하셨습니다. 본문은 창마다 가장 큰 값을 요구합니다.",
)
def pm_average():
    return ended(blocks(conv(), L.BatchNormalization, relu, lambda: L.AveragePooling2D(2)), *softmax_of_three())


@mistake(
    "pooled_model",
    en="Only the last block pools. With one pooling per block the maps shrink 32, 16, 8, 4, 2.",
    ko="마지막 block에만 pooling이 있습니다. block마다 pooling하면 크기가 32, 16, 8, 4, 2로 줄어듭니다.",
)
def pm_pooled_once():
    model = blocks(conv(), L.BatchNormalization, relu)
    return ended(model, L.MaxPooling2D(), *softmax_of_three())


@mistake(
    "pooled_model",
    en="Neither stride nor pooling: the maps keep their 32 pixels.",
    ko="stride도 pooling도 없어 크기가 32로 유지됩니다.",
)
def pm_no_pooling():
    return ended(blocks(conv(), L.BatchNormalization, relu), *softmax_of_three())


@mistake(
    "pooled_model",
    en="Batch normalisation is missing; only the pooling should be new compared with the strided model.",
    ko="batch normalization이 빠졌습니다. stride를 사용한 모델과 비교해 pooling만 달라져야 합니다.",
)
def pm_no_normalisation():
    return ended(blocks(conv(), relu, L.MaxPooling2D), *softmax_of_three())


@mistake(
    "pooled_model",
    en="The activation is missing.",
    ko="activation이 빠졌습니다.",
)
def pm_no_activation():
    return ended(blocks(conv(), L.BatchNormalization, L.MaxPooling2D), *softmax_of_three())


@mistake(
    "pooled_model",
    en="The outputs are no probabilities: the softmax at the end is missing.",
    ko="출력이 확률이 아닙니다. 마지막에 softmax가 빠졌습니다.",
)
def pm_no_softmax():
    model = blocks(conv(), L.BatchNormalization, relu, L.MaxPooling2D)
    return ended(model, L.Flatten(), L.Dense(3))


@mistake(
    "shared_function",
    en="This extractor cannot be built: it halves the image twice in each block, by strides and by pooling, "
    "until no two pixels are left to pool. The pooling alone should shrink it.",
    ko="이 추출기는 만들어지지 않습니다. block마다 stride와 pooling으로 두 번 절반이 되어, pooling할 2픽셀이 "
    "남지 않습니다. pooling만 크기를 줄이게 하세요.",
)
def sf_nothing_left():
    return blocks(conv(128, strides=2), L.BatchNormalization, relu, L.MaxPooling2D)


@mistake(
    "shared_function",
    en="The convolutions have 64 filters as before; the extractor of the text has 128 (448,384 parameters).",
    ko="합성곱의 filter가 앞에서처럼 64개입니다. 본문의 추출기는 128개입니다(파라미터 448,384개).",
)
def sf_64_filters():
    return blocks(conv(64), L.BatchNormalization, relu, L.MaxPooling2D)


@mistake(
    "shared_function",
    en="Batch normalisation is missing: nothing in your extractor is non-trainable, the text has 1,024 such "
    "parameters.",
    ko="batch normalization이 빠졌습니다. 학습되지 않는 파라미터가 1,024개 있어야 하는데 하나도 없습니다.",
)
def sf_no_normalisation():
    return blocks(conv(128), relu, L.MaxPooling2D)


@mistake(
    "shared_function",
    en="The activation is missing: features may not be negative after a ReLU.",
    ko="activation이 빠졌습니다. ReLU를 거친 특징은 음수일 수 없습니다.",
)
def sf_no_activation():
    return blocks(conv(128), L.BatchNormalization, L.MaxPooling2D)


@mistake(
    "shared_function",
    en="ReLU stands before the batch normalisation; the text normalises first.",
    ko="ReLU가 batch normalization보다 앞에 있습니다. 본문에서는 normalization이 먼저입니다.",
)
def sf_relu_first():
    return blocks(conv(128), relu, L.BatchNormalization, L.MaxPooling2D)


@mistake(
    "shared_function",
    en="Pooling is missing after the last block: the features are 4 x 4, not 2 x 2. Which layer does your "
    "function return?",
    ko="마지막 block 뒤의 pooling이 빠져 특징이 2 x 2가 아니라 4 x 4입니다. 함수가 어느 층의 결과를 돌려주는지 "
    "확인해 보세요.",
)
def sf_last_not_pooled():
    model = blocks(conv(128), L.BatchNormalization, relu, L.MaxPooling2D)
    return tf.keras.Model(model.inputs, model.layers[-2].output)


@mistake(
    "shared_function",
    en="The extractor already ends in a classifier. Leave the head out here: each task gets a head of its own.",
    ko="추출기가 이미 분류층으로 끝납니다. 과제마다 다른 출력층을 붙일 것이므로 여기서는 빼 두세요.",
)
def sf_with_head():
    return ended(blocks(conv(128), L.BatchNormalization, relu, L.MaxPooling2D), *softmax_of_three())


@mistake(
    "shared_function",
    en="The features are flattened already; the extractor should return maps, the head flattens them.",
    ko="특징이 이미 1차원으로 펴져 있습니다. 추출기는 feature map을 돌려주고, 펴는 일은 출력층에서 합니다.",
)
def sf_flattened():
    return ended(blocks(conv(128), L.BatchNormalization, relu, L.MaxPooling2D), L.Flatten())


@mistake(
    "shared_function",
    en="The extractor has the wrong number of blocks: 32 pixels should be halved four times.",
    ko="block의 수가 다릅니다. 32픽셀이 네 번 절반이 되어야 합니다.",
)
def sf_three_blocks():
    model = blocks(conv(128), L.BatchNormalization, relu, L.MaxPooling2D)
    return tf.keras.Model(model.inputs, model.layers[11].output)


@mistake(
    "shared_function",
    en="You pool by the average; the text asks for the largest value of each window.",
    ko="평균으로 pooling하셨습니다. 본문은 창마다 가장 큰 값을 요구합니다.",
)
def sf_average():
    return blocks(conv(128), L.BatchNormalization, relu, lambda: L.AveragePooling2D(2))


@mistake(
    "shared_function",
    en="The convolutions have no bias: 512 of the 448,384 parameters are missing.",
    ko="합성곱에 bias가 없습니다. 파라미터 448,384개 가운데 512개가 모자랍니다.",
)
def sf_no_bias():
    return blocks(conv(128, use_bias=False), L.BatchNormalization, relu, L.MaxPooling2D)


# ------------------------------------------------------------------ add_head


def headed(shared, *layers):
    image = x = tf.keras.Input((32, 32, 3))
    for layer in (shared, *layers):
        x = layer(x)
    return tf.keras.Model(image, x)


@mistake(
    "add_head",
    en="The head always has three units. Another task has another number of classes: use what is passed in.",
    ko="출력 unit이 언제나 3개입니다. 과제가 바뀌면 클래스 수도 바뀝니다. 넘겨받은 값을 사용하세요.",
)
def ah_always_three(shared, classes):
    return headed(shared, *softmax_of_three())


@mistake(
    "add_head",
    en="A sigmoid looks at each class by itself; the outputs need not add up to 1. One class is right for each "
    "image.",
    ko="sigmoid는 클래스를 따로따로 보므로 출력의 합이 1이 되지 않습니다. 이미지마다 정답 클래스는 하나입니다.",
)
def ah_sigmoid(shared, classes):
    return headed(shared, L.Flatten(), L.Dense(classes, activation="sigmoid"))


@mistake(
    "add_head",
    en="The softmax is missing: the outputs are no probabilities, which the cross-entropy of the text takes "
    "them for.",
    ko="softmax가 빠졌습니다. 출력이 확률이 아닌데, 본문의 cross-entropy는 확률로 여기고 계산합니다.",
)
def ah_no_softmax(shared, classes):
    return headed(shared, L.Flatten(), L.Dense(classes))


@mistake(
    "add_head",
    en="You averaged each map instead of flattening them: the head sees 128 features and not 512, where they "
    "are gets lost.",
    ko="feature map을 펴지 않고 평균을 내셨습니다. 출력층이 512개가 아니라 128개의 특징만 보게 되고, 위치 "
    "정보를 잃습니다.",
)
def ah_averaged(shared, classes):
    return headed(shared, L.GlobalAveragePooling2D(), L.Dense(classes, activation="softmax"))


@mistake(
    "add_head",
    en="The maps are not flattened, so every pixel is classified by itself.",
    ko="feature map을 펴지 않아 픽셀마다 따로 분류하게 됩니다.",
)
def ah_not_flattened(shared, classes):
    return headed(shared, L.Dense(classes, activation="softmax"))


@mistake(
    "add_head",
    en="The head has one layer more than the text asks for.",
    ko="출력층이 본문보다 한 층 더 많습니다.",
)
def ah_hidden_layer(shared, classes):
    return headed(shared, L.Flatten(), L.Dense(64, activation="relu"), L.Dense(classes, activation="softmax"))


@mistake(
    "add_head",
    en="The model does not use the extractor that was passed in but one of its own, with other weights. What "
    "is learned there never reaches the shared one. Put the head on the model that you were given.",
    ko="넘겨받은 추출기가 아니라 가중치가 다른 새 추출기를 사용하고 있습니다. 거기서 배운 것은 공유하는 "
    "추출기에 전해지지 않습니다. 넘겨받은 모델 위에 출력층을 붙이세요.",
)
def ah_own_extractor(shared, classes):
    return headed(shared_function(), L.Flatten(), L.Dense(classes, activation="softmax"))


@mistake(
    "add_head",
    en="The extractor is frozen, so only the head learns. In this exercise both are trained.",
    ko="추출기를 고정하여 출력층만 학습됩니다. 이 실습에서는 둘 다 학습합니다.",
)
def ah_frozen(shared, classes):
    shared.trainable = False
    return headed(shared, L.Flatten(), L.Dense(classes, activation="softmax"))


# ------------------------------------------------------------------ save_and_load


@mistake(
    "save_and_load",
    en="The model was saved, but you return the one that was in memory. Only loading shows that the file holds "
    "all of it.",
    ko="저장은 했지만 메모리에 있던 모델을 돌려주고 있습니다. 파일에 제대로 들어 있는지는 불러와야 알 수 "
    "있습니다.",
)
def sl_not_loaded(model, path):
    model.save(path)
    return model


@mistake(
    "save_and_load",
    en="You return the model that you were given; nothing was saved.",
    ko="받은 모델을 그대로 돌려주었을 뿐, 아무것도 저장되지 않았습니다.",
)
def sl_nothing_done(model, path):
    return model


@mistake(
    "save_and_load",
    en="The network was built anew: it has the same layers, but random weights. What was learned must come "
    "from the file.",
    ko="신경망을 새로 만드셨습니다. 층은 같지만 가중치가 무작위입니다. 학습한 것은 파일에서 가져와야 합니다.",
)
def sl_built_anew(model, path):
    model.save(path)
    return tf.keras.models.clone_model(model)


@mistake(
    "save_and_load",
    en="You copied the weights in memory. Nothing was written to the path, so nothing will be left tomorrow.",
    ko="메모리에서 가중치를 복사하셨습니다. 경로에 아무것도 저장되지 않아 프로그램이 끝나면 사라집니다.",
)
def sl_copied_in_memory(model, path):
    copy = tf.keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


@mistake(
    "save_and_load",
    en="Something was cut off or added: what you return is not the network that was handed in, although its "
    "weights came back.",
    ko="가중치는 돌아왔지만 넘겨받은 신경망과 같은 계산을 하지 않습니다. 무엇이 빠지거나 더해졌는지 확인해 "
    "보세요.",
)
def sl_other_output(model, path):
    model.save(path)
    loaded = tf.keras.models.load_model(path)
    return tf.keras.Model(loaded.inputs, L.Softmax()(loaded.outputs[0]))


# ------------------------------------------------------------------ train_superclass


def fitted(model, images, y, epochs, loss="categorical_crossentropy"):
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    model.fit(images, y, batch_size=200, epochs=epochs)
    return model


def one_hot(y, classes):
    return tf.keras.utils.to_categorical(y, classes)


@mistake(
    "train_superclass",
    en="The model is never fitted.",
    ko="모델을 학습(fit)시키지 않았습니다.",
)
def tp_not_fitted(shared, images, super_y, epochs):
    model = add_head(shared, 3)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


@mistake(
    "train_superclass",
    en="There are three super classes, but the output layer has fifteen units: twelve of them can never be right.",
    ko="super class는 3개인데 출력 unit이 15개입니다. 그중 12개는 정답이 될 수 없습니다.",
)
def tp_fifteen_units(shared, images, super_y, epochs):
    return fitted(add_head(shared, 15), images, one_hot(super_y, 15), epochs)


@mistake(
    "train_superclass",
    en="The labels and the loss do not go together: `categorical_crossentropy` wants one-hot rows, "
    "`sparse_categorical_crossentropy` numbers.",
    ko="레이블의 형태와 손실 함수가 맞지 않습니다. `categorical_crossentropy`는 one-hot 벡터를, "
    "`sparse_categorical_crossentropy`는 숫자를 받습니다.",
)
def tp_labels_not_one_hot(shared, images, super_y, epochs):
    return fitted(add_head(shared, 3), images, super_y, epochs)


@mistake(
    "train_superclass",
    en="The loss is the squared error, as for numbers. For classes take a cross-entropy.",
    ko="손실 함수가 숫자를 맞힐 때 쓰는 제곱 오차입니다. 분류에는 cross-entropy를 사용하세요.",
)
def tp_squares(shared, images, super_y, epochs):
    return fitted(add_head(shared, 3), images, one_hot(super_y, 3), epochs, "mse")


@mistake(
    "train_superclass",
    en="The binary cross-entropy asks each class a question of its own; with a softmax over several classes "
    "take the categorical one.",
    ko="binary cross-entropy는 클래스마다 따로 예/아니요를 묻습니다. 여러 클래스에 대한 softmax에는 "
    "categorical cross-entropy를 사용하세요.",
)
def tp_binary(shared, images, super_y, epochs):
    return fitted(add_head(shared, 3), images, one_hot(super_y, 3), epochs, "binary_crossentropy")


@mistake(
    "train_superclass",
    en="The loss is told that it gets logits, but the model already ends in a softmax: it is applied twice.",
    ko="손실 함수에는 logit이 들어온다고 알렸지만 모델이 이미 softmax로 끝납니다. softmax가 두 번 적용됩니다.",
)
def tp_softmax_twice(shared, images, super_y, epochs):
    loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
    return fitted(add_head(shared, 3), images, one_hot(super_y, 3), epochs, loss)


@mistake(
    "train_superclass",
    en="The training starts from another extractor than the one passed in, so what that one had learned is lost.",
    ko="넘겨받은 추출기가 아닌 다른 추출기로 학습을 시작합니다. 이미 학습한 내용을 잃게 됩니다.",
)
def tp_fresh_extractor(shared, images, super_y, epochs):
    return fitted(add_head(shared_function(), 3), images, one_hot(super_y, 3), epochs)


@mistake(
    "train_superclass",
    en="The extractor that was passed in does not change: it is frozen, or a copy of it was trained. In this "
    "exercise it learns together with the head.",
    ko="넘겨받은 추출기가 변하지 않습니다. 고정되어 있거나 복사본이 학습되었습니다. 이 실습에서는 출력층과 "
    "함께 학습합니다.",
)
def tp_frozen(shared, images, super_y, epochs):
    shared.trainable = False
    return fitted(add_head(shared, 3), images, one_hot(super_y, 3), epochs)


@mistake(
    "train_superclass",
    en="The number of epochs is not the one that was passed in.",
    ko="epoch 수가 넘겨받은 값과 다릅니다.",
)
def tp_one_epoch(shared, images, super_y, epochs):
    return fitted(add_head(shared, 3), images, one_hot(super_y, 3), 1)


@mistake(
    "train_superclass",
    en="Only the training images are divided by 255. The test images are evaluated as they are, 0 to 255: "
    "treat both alike.",
    ko="학습 이미지만 255로 나누셨습니다. 테스트 이미지는 0에서 255 그대로 평가합니다. 둘을 똑같이 처리하세요.",
)
def tp_scaled_in_training_only(shared, images, super_y, epochs):
    return fitted(add_head(shared, 3), images / 255.0, one_hot(super_y, 3), epochs)


# ------------------------------------------------------------------ train_subclass


@mistake(
    "train_subclass",
    en="This is the task of the three super classes once more: the head has three units and the labels are "
    "those of the super classes. To tell the fifteen mammals apart, both must change: the head's units and the "
    "labels given to fit.",
    ko="super class 3개를 맞히는 과제를 다시 풀고 있습니다. 출력 unit이 3개이고 레이블도 super class의 "
    "것입니다. 포유류 15종을 구별하려면 출력 unit 수와 fit에 넘기는 레이블을 둘 다 바꾸어야 합니다.",
)
def ts_super_task_again(path, images, super_y, sub_y, epochs):
    return fitted(add_head(tf.keras.models.load_model(path), 3), images, one_hot(super_y, 3), epochs)


@mistake(
    "train_subclass",
    en="The head has fifteen units, but it is trained on the labels of the super classes: twelve units are "
    "never right.",
    ko="출력 unit은 15개이지만 super class의 레이블로 학습하고 있습니다. 그중 12개는 정답이 될 수 없습니다.",
)
def ts_super_labels(path, images, super_y, sub_y, epochs):
    return fitted(add_head(tf.keras.models.load_model(path), 15), images, one_hot(super_y, 15), epochs)


@mistake(
    "train_subclass",
    en="The labels are those of the fifteen mammals, but the head still has three units, so the loss cannot "
    "compare them.",
    ko="레이블은 포유류 15종의 것이지만 출력 unit이 아직 3개라서 손실을 계산할 수 없습니다.",
)
def ts_three_units(path, images, super_y, sub_y, epochs):
    return fitted(add_head(tf.keras.models.load_model(path), 3), images, one_hot(sub_y, 15), epochs)


@mistake(
    "train_subclass",
    en="The labels and the loss do not go together: `categorical_crossentropy` wants one-hot rows, "
    "`sparse_categorical_crossentropy` numbers.",
    ko="레이블의 형태와 손실 함수가 맞지 않습니다. `categorical_crossentropy`는 one-hot 벡터를, "
    "`sparse_categorical_crossentropy`는 숫자를 받습니다.",
)
def ts_labels_not_one_hot(path, images, super_y, sub_y, epochs):
    return fitted(add_head(tf.keras.models.load_model(path), 15), images, sub_y, epochs)


@mistake(
    "train_subclass",
    en="The model starts from random weights, not from what was saved: nothing is transferred. Load the "
    "extractor from the path.",
    ko="저장된 가중치가 아니라 무작위 가중치로 시작합니다. 전이되는 것이 없습니다. 추출기를 경로에서 불러오세요.",
)
def ts_fresh_extractor(path, images, super_y, sub_y, epochs):
    return fitted(add_head(shared_function(), 15), images, one_hot(sub_y, 15), epochs)


@mistake(
    "train_subclass",
    en="The loaded extractor is frozen, so only the head learns. The text lets both go on learning.",
    ko="불러온 추출기를 고정하여 출력층만 학습됩니다. 본문에서는 둘 다 계속 학습합니다.",
)
def ts_frozen(path, images, super_y, sub_y, epochs):
    shared = tf.keras.models.load_model(path)
    for layer in shared.layers:
        layer.trainable = False
    return fitted(add_head(shared, 15), images, one_hot(sub_y, 15), epochs)


@mistake(
    "train_subclass",
    en="The model is never fitted.",
    ko="모델을 학습(fit)시키지 않았습니다.",
)
def ts_not_fitted(path, images, super_y, sub_y, epochs):
    model = add_head(tf.keras.models.load_model(path), 15)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


@mistake(
    "train_subclass",
    en="The loss is the squared error, as for numbers. For classes take a cross-entropy.",
    ko="손실 함수가 숫자를 맞힐 때 쓰는 제곱 오차입니다. 분류에는 cross-entropy를 사용하세요.",
)
def ts_squares(path, images, super_y, sub_y, epochs):
    return fitted(add_head(tf.keras.models.load_model(path), 15), images, one_hot(sub_y, 15), epochs, "mse")


@mistake(
    "train_subclass",
    en="The number of epochs is not the one that was passed in.",
    ko="epoch 수가 넘겨받은 값과 다릅니다.",
)
def ts_one_epoch(path, images, super_y, sub_y, epochs):
    return fitted(add_head(tf.keras.models.load_model(path), 15), images, one_hot(sub_y, 15), 1)


@mistake(
    "train_subclass",
    en="Only the training images are divided by 255, and the extractor had learned from 0 to 255. Treat all "
    "images alike.",
    ko="학습 이미지만 255로 나누셨습니다. 추출기는 0에서 255인 이미지로 배웠습니다. 모든 이미지를 똑같이 "
    "처리하세요.",
)
def ts_scaled(path, images, super_y, sub_y, epochs):
    model = add_head(tf.keras.models.load_model(path), 15)
    return fitted(model, images / 255.0, one_hot(sub_y, 15), epochs)
