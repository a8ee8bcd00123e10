# Specimens of what learners write, wrong on purpose; names such as `DeepNN` that are not defined here come from
# solution_torch.py.
# mypy: ignore-errors
"""Known wrong answers to the exercises of `assignments/distillation_torch`, each with its hint.

A hint says where to look and why it matters; it never gives the code of the answer. Where two mistakes give the
same numbers on every case, they are one entry, and its hint names both.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

from grader.authoring import mistake

# ------------------------------------------------------------------ DeepNN


@mistake(
    "DeepNN",
    en="With these weights the logits are those of a network without the ReLU behind its last convolution. "
    "Without it, two layers in a row are one linear map.",
    ko="마지막 합성곱 뒤에 ReLU가 없는 네트워크의 logit이 나옵니다. 활성화 함수가 없으면 이어진 두 층은 하나의 "
    "선형 변환과 같습니다.",
)
class DeepNoLastRelu(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[8] = nn.Identity()


@mistake(
    "DeepNN",
    en="There is no ReLU behind the first convolution. Every convolution of this network is followed by one.",
    ko="첫 번째 합성곱 뒤에 ReLU가 없습니다. 이 네트워크에서는 모든 합성곱 뒤에 ReLU가 옵니다.",
)
class DeepNoFirstRelu(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[1] = nn.Identity()


@mistake(
    "DeepNN",
    en="The classifier's hidden layer has no ReLU: its two linear layers collapse into one.",
    ko="classifier의 은닉층에 ReLU가 없습니다. 이렇게 하면 두 선형층이 하나의 선형층과 같아집니다.",
)
class DeepNoHiddenRelu(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[1] = nn.Identity()


@mistake(
    "DeepNN",
    en="Regions are averaged where their maximum is asked for. Look at the kind of pooling.",
    ko="영역의 최댓값 대신 평균을 취했습니다. pooling의 종류를 확인해 보세요.",
)
class DeepAveragePool(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[4] = self.features[9] = nn.AvgPool2d(2)


@mistake(
    "DeepNN",
    en="In training mode nothing is dropped. The classifier of this network has a dropout between its two "
    "linear layers.",
    ko="학습 모드에서도 dropout이 일어나지 않습니다. 이 네트워크의 classifier에는 두 선형층 사이에 dropout이 "
    "있습니다.",
)
class DeepNoDropout(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[2] = nn.Identity()


@mistake(
    "DeepNN",
    en="Half of the hidden units are dropped in training mode: the default of nn.Dropout. The notebook names "
    "another rate.",
    ko="학습 모드에서 은닉 유닛의 절반이 꺼집니다. 이는 nn.Dropout의 기본값이며, 노트북에서 정한 비율은 다릅니다.",
)
class DeepDropoutHalf(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[2] = nn.Dropout()


@mistake(
    "DeepNN",
    en="Units are dropped in evaluation mode as well, so two evaluations of one image differ. Dropout has to "
    "follow the mode of the network.",
    ko="평가 모드에서도 유닛이 꺼지므로 같은 이미지도 평가할 때마다 결과가 달라집니다. dropout은 네트워크의 "
    "모드를 따라야 합니다.",
)
class DeepDropoutAlways(DeepNN):
    def forward(self, x):
        x = self.classifier[:2](self.features(x).flatten(1))
        return self.classifier[3](F.dropout(x, 0.1))


@mistake(
    "DeepNN",
    en="Dropout stands behind the last layer, so it switches off whole logits. It belongs to the hidden layer.",
    ko="dropout이 마지막 층 뒤에 있어 logit 자체가 꺼집니다. dropout은 은닉층에 두어야 합니다.",
)
class DeepDropoutOnLogits(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        layers = [*self.classifier]
        self.classifier = nn.Sequential(layers[0], layers[1], layers[3], layers[2])


@mistake(
    "DeepNN",
    en="The network always has ten outputs. The number of classes is an argument.",
    ko="출력이 언제나 10개입니다. 클래스의 수는 인자로 주어집니다.",
)
class DeepTenClasses(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(10)


@mistake(
    "DeepNN",
    en="The outputs are probabilities: a softmax stands at the end. The cross-entropy of PyTorch expects logits "
    "and takes a softmax itself.",
    ko="출력이 확률입니다. 마지막에 softmax가 있는 것 같습니다. PyTorch의 cross-entropy는 logit을 받아 스스로 "
    "softmax를 계산합니다.",
)
class DeepSoftmax(DeepNN):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@mistake(
    "DeepNN",
    en="The last layer is followed by a ReLU, so no logit can be negative. Logits are the plain result of the "
    "last linear layer.",
    ko="마지막 층 뒤에 ReLU가 있어 logit이 음수가 될 수 없습니다. logit은 마지막 선형층의 결과 그대로입니다.",
)
class DeepReluOnLogits(DeepNN):
    def forward(self, x):
        return super().forward(x).relu()


@mistake(
    "DeepNN",
    en="The classifier's hidden layer has 256 units, as the student's. The teacher's is wider.",
    ko="classifier의 은닉층이 student와 같은 256 유닛입니다. teacher의 은닉층은 더 넓습니다.",
)
class DeepNarrowHead(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier = nn.Sequential(
            nn.Linear(2048, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, num_classes)
        )


@mistake(
    "DeepNN",
    en="The last convolution has 64 channels. With the notebook's number the flattened features are 2048 wide.",
    ko="마지막 합성곱의 채널이 64개입니다. 노트북의 채널 수를 따르면 펼친 특징의 크기가 2048이 됩니다.",
)
class DeepWideFeatures(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[7] = nn.Conv2d(64, 64, 3, padding=1)
        self.classifier[0] = nn.Linear(4096, 512)


@mistake(
    "DeepNN",
    en="The first two convolutions have 64 and 128 channels; in the notebook the wider one comes first.",
    ko="처음 두 합성곱의 채널이 64, 128 순서입니다. 노트북에서는 더 넓은 층이 먼저 옵니다.",
)
class DeepChannelsSwapped(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[0], self.features[2] = nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 128, 3, padding=1)
        self.features[5] = nn.Conv2d(128, 64, 3, padding=1)


# ------------------------------------------------------------------ LightNN


@mistake(
    "LightNN",
    en="The logits are those of a network without the ReLU behind its second convolution.",
    ko="두 번째 합성곱 뒤에 ReLU가 없는 네트워크의 logit이 나옵니다.",
)
class LightNoRelu(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[4] = nn.Identity()


@mistake(
    "LightNN",
    en="The classifier's hidden layer has no ReLU: its two linear layers collapse into one.",
    ko="classifier의 은닉층에 ReLU가 없습니다. 이렇게 하면 두 선형층이 하나의 선형층과 같아집니다.",
)
class LightNoHiddenRelu(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[1] = nn.Identity()


@mistake(
    "LightNN",
    en="Regions are averaged where their maximum is asked for. Look at the kind of pooling.",
    ko="영역의 최댓값 대신 평균을 취했습니다. pooling의 종류를 확인해 보세요.",
)
class LightAveragePool(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[2] = self.features[5] = nn.AvgPool2d(2)


@mistake(
    "LightNN",
    en="In training mode nothing is dropped. The classifier of this network has a dropout between its two "
    "linear layers.",
    ko="학습 모드에서도 dropout이 일어나지 않습니다. 이 네트워크의 classifier에는 두 선형층 사이에 dropout이 "
    "있습니다.",
)
class LightNoDropout(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[2] = nn.Identity()


@mistake(
    "LightNN",
    en="Half of the hidden units are dropped in training mode: the default of nn.Dropout. The notebook names "
    "another rate.",
    ko="학습 모드에서 은닉 유닛의 절반이 꺼집니다. 이는 nn.Dropout의 기본값이며, 노트북에서 정한 비율은 다릅니다.",
)
class LightDropoutHalf(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[2] = nn.Dropout()


@mistake(
    "LightNN",
    en="The network always has ten outputs. The number of classes is an argument.",
    ko="출력이 언제나 10개입니다. 클래스의 수는 인자로 주어집니다.",
)
class LightTenClasses(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(10)


@mistake(
    "LightNN",
    en="The outputs are probabilities: a softmax stands at the end. Distillation and the cross-entropy both "
    "start from logits.",
    ko="출력이 확률입니다. 마지막에 softmax가 있는 것 같습니다. 지식 증류와 cross-entropy는 모두 logit에서 "
    "출발합니다.",
)
class LightSoftmax(LightNN):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@mistake(
    "LightNN",
    en="The classifier's hidden layer has 512 units, as the teacher's. The student's is narrower.",
    ko="classifier의 은닉층이 teacher와 같은 512 유닛입니다. student의 은닉층은 더 좁습니다.",
)
class LightWideHead(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier = nn.Sequential(
            nn.Linear(1024, 512), nn.ReLU(), nn.Dropout(0.1), nn.Linear(512, num_classes)
        )


@mistake(
    "LightNN",
    en="The second convolution has 32 channels; in the notebook both have 16.",
    ko="두 번째 합성곱의 채널이 32개입니다. 노트북에서는 두 합성곱 모두 16개입니다.",
)
class LightWideFeatures(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[3] = nn.Conv2d(16, 32, 3, padding=1)
        self.classifier[0] = nn.Linear(2048, 256)


# ------------------------------------------------------------------ loops: what the mistakes below have in common


def descend(parameters, batches, epochs, learning_rate, loss_of, make=optim.Adam, clear=True):
    optimizer = make(parameters, lr=learning_rate)
    for _ in range(epochs):
        for images, labels in batches:
            if clear:
                optimizer.zero_grad()
            loss_of(images, labels).backward()
            optimizer.step()


def adding_up(*settings):
    descend(*settings, clear=False)


def cleared_late(parameters, batches, epochs, learning_rate, loss_of):
    optimizer = optim.Adam(parameters, lr=learning_rate)
    for _ in range(epochs):
        for images, labels in batches:
            loss_of(images, labels).backward()
            optimizer.zero_grad()
            optimizer.step()


def without_steps(parameters, batches, epochs, learning_rate, loss_of):
    for _ in range(epochs):
        for images, labels in batches:
            loss_of(images, labels).backward()


def first_batch(parameters, batches, epochs, *settings):
    descend(parameters, [next(iter(batches))], 1, *settings)


def last_batch(parameters, batches, epochs, *settings):
    descend(parameters, [list(batches)[-1]], epochs, *settings)


def one_epoch(parameters, batches, epochs, *settings):
    descend(parameters, batches, 1, *settings)


def fixed_rate(parameters, batches, epochs, learning_rate, loss_of):
    descend(parameters, batches, epochs, 0.001, loss_of)


def plain_gradient(*settings):
    descend(*settings, make=optim.SGD)


# ------------------------------------------------------------------ train


def on_labels(model, loader, epochs, learning_rate, device, hard=F.cross_entropy, mode=True, run=descend):
    model.train(mode)
    run(model.parameters(), loader, epochs, learning_rate, lambda images, labels: hard(model(images), labels))


@mistake(
    "train",
    en="From the second step on, the gradient is the sum of all gradients so far: PyTorch adds to what is "
    "there. Something has to clear it before each backward pass.",
    ko="두 번째 단계부터 gradient가 지금까지의 gradient를 모두 더한 값입니다. PyTorch는 gradient를 기존 값에 "
    "누적하므로, backward 전에 매번 지워야 합니다.",
)
def train_no_zero_grad(*settings):
    on_labels(*settings, run=adding_up)


@mistake(
    "train",
    en="The gradient is cleared between the backward pass and the step, so the optimizer has nothing to go by. "
    "Check the order of the calls.",
    ko="backward와 step 사이에서 gradient를 지웠기 때문에 optimizer가 사용할 gradient가 없습니다. 호출 순서를 "
    "확인해 보세요.",
)
def train_zero_grad_late(*settings):
    on_labels(*settings, run=cleared_late)


@mistake(
    "train",
    en="The model's weights do not move, as no optimizer step follows a backward pass. Each batch needs both, "
    "in that order.",
    ko="backward 다음에 optimizer의 step이 실행되지 않아 모델의 가중치가 움직이지 않습니다. 각 batch마다 두 "
    "가지가 순서대로 필요합니다.",
)
def train_no_step(*settings):
    on_labels(*settings, run=without_steps)


@mistake(
    "train",
    en="Training ends after the first batch. Look at the indentation of `return`: it must stand outside of both "
    "loops.",
    ko="첫 번째 batch만 학습하고 끝납니다. `return`의 들여쓰기를 확인해 보세요. 두 반복문 바깥에 있어야 합니다.",
)
def train_first_batch_only(*settings):
    on_labels(*settings, run=first_batch)


@mistake(
    "train",
    en="There is one step in each epoch, for its last batch. Look at the indentation: the backward pass and the "
    "step belong into the loop over the batches.",
    ko="각 epoch마다 마지막 batch에 대해서만 한 번 갱신합니다. 들여쓰기를 확인해 보세요. backward와 step은 "
    "batch에 대한 반복문 안에 있어야 합니다.",
)
def train_last_batch_only(*settings):
    on_labels(*settings, run=last_batch)


@mistake(
    "train",
    en="The data is gone through once, whatever `epochs` says.",
    ko="`epochs` 값과 관계없이 데이터를 한 번만 학습합니다.",
)
def train_one_epoch(*settings):
    on_labels(*settings, run=one_epoch)


@mistake(
    "train",
    en="Losses and gradients begin right, but the steps are those of a learning rate of 0.001: the default of "
    "Adam, or a fixed number. The learning rate is an argument.",
    ko="loss와 gradient의 첫 값은 맞지만 learning rate가 0.001일 때처럼 움직입니다. Adam의 기본값이거나 고정된 "
    "숫자인 것 같습니다. learning rate는 인자로 주어집니다.",
)
def train_fixed_rate(*settings):
    on_labels(*settings, run=fixed_rate)


@mistake(
    "train",
    en="Losses and gradients begin right, but the weights move along the plain gradient (SGD). The notebook "
    "trains with Adam.",
    ko="loss와 gradient의 첫 값은 맞지만 가중치가 gradient를 그대로 따라 움직입니다(SGD). 노트북에서는 Adam으로 "
    "학습합니다.",
)
def train_sgd(*settings):
    on_labels(*settings, run=plain_gradient)


@mistake(
    "train",
    en="The model was in evaluation mode while it was trained: dropout is off. Set the mode at the beginning.",
    ko="모델이 평가 모드인 채로 학습되어 dropout이 꺼져 있습니다. 학습을 시작할 때 모드를 설정해 주세요.",
)
def train_in_evaluation_mode(*settings):
    on_labels(*settings, mode=False)


@mistake(
    "train",
    en="A softmax is taken twice: the cross-entropy of PyTorch takes one itself and expects logits. Twice, the "
    "gradients are small and training is slow.",
    ko="softmax가 두 번 적용되었습니다. PyTorch의 cross-entropy는 logit을 받아 스스로 softmax를 계산합니다. 두 "
    "번 적용하면 gradient가 작아져 학습이 느려집니다.",
)
def train_softmax_first(*settings):
    on_labels(*settings, hard=lambda logits, y: F.cross_entropy(logits.softmax(1), y))


@mistake(
    "train",
    en="NLLLoss is given logits: the log-softmax in front of it is missing, and the loss has no lower bound.",
    ko="NLLLoss에 logit이 그대로 들어갔습니다. 그 앞에 있어야 할 log-softmax가 없어 loss가 한없이 작아질 수 "
    "있습니다.",
)
def train_nll_of_logits(*settings):
    on_labels(*settings, hard=lambda logits, y: F.nll_loss(logits, y))


@mistake(
    "train",
    en="This is a squared error between probabilities and one-hot labels. The notebook uses the cross-entropy.",
    ko="확률과 one-hot 레이블 사이의 제곱 오차를 사용했습니다. 노트북에서는 cross-entropy를 사용합니다.",
)
def train_mse_of_labels(*settings):
    on_labels(
        *settings, hard=lambda logits, y: F.mse_loss(logits.softmax(1), F.one_hot(y, logits.shape[1]).float())
    )


@mistake(
    "train",
    en="The loss is added up over the batch instead of averaged: larger batches then make larger losses.",
    ko="loss를 batch에 대해 평균하지 않고 더했습니다. 이렇게 하면 batch가 클수록 loss도 커집니다.",
)
def train_batch_sum(*settings):
    on_labels(*settings, hard=lambda logits, y: F.cross_entropy(logits, y, reduction="sum"))


@mistake(
    "train",
    en="The sign is wrong: what you minimise is the negative loss, and the model gets worse with every step.",
    ko="부호가 반대입니다. 음의 loss를 최소화하고 있어 학습할수록 모델이 나빠집니다.",
)
def train_uphill(*settings):
    on_labels(*settings, hard=lambda logits, y: -F.cross_entropy(logits, y))


@mistake(
    "train",
    en="Losses and gradients begin right, but the weights also decay at each step, as with AdamW. The notebook "
    "trains with Adam.",
    ko="loss와 gradient의 첫 값은 맞지만 AdamW처럼 매 단계마다 가중치가 줄어듭니다. 노트북에서는 Adam으로 "
    "학습합니다.",
)
def train_adamw(*settings):
    on_labels(*settings, run=lambda *loop: descend(*loop, make=optim.AdamW))


# ------------------------------------------------------------------ test and test_multiple_outputs


def hits(model, loader, logits_of=lambda outputs: outputs, training=False, graph=False):
    """(right answers, images) of each batch."""
    model.train(training)
    with torch.set_grad_enabled(graph):
        return [(int((logits_of(model(x)).argmax(1) == y).sum()), len(y)) for x, y in loader]


def per_cent(counts):
    return 100 * sum(right for right, _ in counts) / sum(size for _, size in counts)


def logits_first(outputs):
    return outputs[0]


@mistake(
    "test",
    en="The result is a share between 0 and 1. The notebook asks for per cent.",
    ko="결과가 0과 1 사이의 비율입니다. 노트북에서는 퍼센트(%)로 요구합니다.",
)
def test_fraction(model, test_loader, device):
    return per_cent(hits(model, test_loader)) / 100


@mistake(
    "test",
    en="The model was in training mode: dropout switches units off and BatchNorm uses, and changes, its "
    "statistics. Evaluation needs the other mode.",
    ko="모델이 학습 모드인 채로 평가되었습니다. dropout이 유닛을 끄고, BatchNorm은 현재 batch의 통계를 "
    "사용하면서 이동 평균까지 바꿉니다. 평가할 때는 평가 모드가 필요합니다.",
)
def test_in_training_mode(model, test_loader, device):
    return per_cent(hits(model, test_loader, training=True))


@mistake(
    "test",
    en="The accuracy is right, but every forward pass is recorded for a gradient that nobody needs. That costs "
    "memory and time; say that no gradient is wanted.",
    ko="정확도는 맞지만 필요 없는 gradient를 위해 모든 forward가 기록됩니다. 메모리와 시간이 낭비되므로, "
    "gradient가 필요 없음을 알려 주세요.",
)
def test_with_graph(model, test_loader, device):
    return per_cent(hits(model, test_loader, graph=True))


@mistake(
    "test",
    en="Neither the mode was set nor the gradient switched off: dropout is active, BatchNorm changes, and every "
    "forward pass is recorded.",
    ko="평가 모드로 바꾸지 않았고 gradient 계산도 끄지 않았습니다. dropout이 작동하고 BatchNorm의 통계가 바뀌며 "
    "모든 forward가 기록됩니다.",
)
def test_as_it_comes(model, test_loader, device):
    return per_cent(hits(model, test_loader, training=True, graph=True))


@mistake(
    "test",
    en="This is the mean of the batches' accuracies. The last batch is smaller, so its images count more than "
    "the others; count right answers and images instead.",
    ko="batch별 정확도의 평균을 구했습니다. 마지막 batch는 더 작아서 그 이미지가 더 크게 반영됩니다. 맞은 "
    "개수와 전체 이미지 수를 세어야 합니다.",
)
def test_mean_of_batches(model, test_loader, device):
    shares = [100 * right / size for right, size in hits(model, test_loader)]
    return sum(shares) / len(shares)


@mistake(
    "test",
    en="Only the first batch counts: the function returns from inside its loop.",
    ko="첫 번째 batch만 계산되었습니다. 반복문 안에서 함수가 끝납니다.",
)
def test_first_batch(model, test_loader, device):
    return per_cent(hits(model, test_loader)[:1])


@mistake(
    "test",
    en="The function returns nothing. It should return the accuracy, not only print it.",
    ko="함수가 아무것도 반환하지 않습니다. 정확도를 출력할 뿐 아니라 반환해야 합니다.",
)
def test_returns_nothing(model, test_loader, device):
    print(per_cent(hits(model, test_loader)))


@mistake(
    "test",
    en="Only the last batch counts: the counters are set back within the loop.",
    ko="마지막 batch만 계산되었습니다. 반복문 안에서 개수가 초기화되고 있습니다.",
)
def test_last_batch(model, test_loader, device):
    return per_cent(hits(model, test_loader)[-1:])


@mistake(
    "test",
    en="The number of right answers is divided by the number of batches, not of images.",
    ko="맞은 개수를 이미지 수가 아니라 batch의 수로 나누었습니다.",
)
def test_divided_by_batches(model, test_loader, device):
    return 100 * sum(right for right, _ in hits(model, test_loader)) / len(test_loader)


@mistake(
    "test",
    en="The number of images is taken as batches times batch size, but the last batch is smaller.",
    ko="이미지 수를 batch의 수와 batch 크기의 곱으로 계산했습니다. 마지막 batch는 더 작습니다.",
)
def test_full_batches(model, test_loader, device):
    return 100 * sum(right for right, _ in hits(model, test_loader)) / (len(test_loader) * test_loader.batch_size)


@mistake(
    "test",
    en="This is the number of right answers. The notebook asks for their share in per cent.",
    ko="맞은 개수를 반환했습니다. 노트북에서는 그 비율을 퍼센트(%)로 요구합니다.",
)
def test_count(model, test_loader, device):
    return sum(right for right, _ in hits(model, test_loader))


@mistake(
    "test",
    en="This is the share of wrong answers. Compare where predictions and labels are equal.",
    ko="틀린 비율을 구했습니다. 예측과 레이블이 같은 경우를 세어야 합니다.",
)
def test_error_rate(model, test_loader, device):
    return 100 - per_cent(hits(model, test_loader))


@mistake(
    "test_multiple_outputs",
    en="The result is a share between 0 and 1. The notebook asks for per cent.",
    ko="결과가 0과 1 사이의 비율입니다. 노트북에서는 퍼센트(%)로 요구합니다.",
)
def pair_fraction(model, test_loader, device):
    return per_cent(hits(model, test_loader, logits_first)) / 100


@mistake(
    "test_multiple_outputs",
    en="The model was in training mode: dropout switches units off and BatchNorm uses, and changes, its "
    "statistics. Evaluation needs the other mode.",
    ko="모델이 학습 모드인 채로 평가되었습니다. dropout이 유닛을 끄고, BatchNorm은 현재 batch의 통계를 "
    "사용하면서 이동 평균까지 바꿉니다. 평가할 때는 평가 모드가 필요합니다.",
)
def pair_in_training_mode(model, test_loader, device):
    return per_cent(hits(model, test_loader, logits_first, training=True))


@mistake(
    "test_multiple_outputs",
    en="The accuracy is right, but every forward pass is recorded for a gradient that nobody needs. That costs "
    "memory and time; say that no gradient is wanted.",
    ko="정확도는 맞지만 필요 없는 gradient를 위해 모든 forward가 기록됩니다. 메모리와 시간이 낭비되므로, "
    "gradient가 필요 없음을 알려 주세요.",
)
def pair_with_graph(model, test_loader, device):
    return per_cent(hits(model, test_loader, logits_first, graph=True))


@mistake(
    "test_multiple_outputs",
    en="Neither the mode was set nor the gradient switched off: dropout is active, BatchNorm changes, and every "
    "forward pass is recorded.",
    ko="평가 모드로 바꾸지 않았고 gradient 계산도 끄지 않았습니다. dropout이 작동하고 BatchNorm의 통계가 바뀌며 "
    "모든 forward가 기록됩니다.",
)
def pair_as_it_comes(model, test_loader, device):
    return per_cent(hits(model, test_loader, logits_first, training=True, graph=True))


@mistake(
    "test_multiple_outputs",
    en="This is the mean of the batches' accuracies. The last batch is smaller, so its images count more than "
    "the others; count right answers and images instead.",
    ko="batch별 정확도의 평균을 구했습니다. 마지막 batch는 더 작아서 그 이미지가 더 크게 반영됩니다. 맞은 "
    "개수와 전체 이미지 수를 세어야 합니다.",
)
def pair_mean_of_batches(model, test_loader, device):
    shares = [100 * right / size for right, size in hits(model, test_loader, logits_first)]
    return sum(shares) / len(shares)


@mistake(
    "test_multiple_outputs",
    en="Only the first batch counts: the function returns from inside its loop.",
    ko="첫 번째 batch만 계산되었습니다. 반복문 안에서 함수가 끝납니다.",
)
def pair_first_batch(model, test_loader, device):
    return per_cent(hits(model, test_loader, logits_first)[:1])


@mistake(
    "test_multiple_outputs",
    en="The function returns nothing. It should return the accuracy, not only print it.",
    ko="함수가 아무것도 반환하지 않습니다. 정확도를 출력할 뿐 아니라 반환해야 합니다.",
)
def pair_returns_nothing(model, test_loader, device):
    print(per_cent(hits(model, test_loader, logits_first)))


@mistake(
    "test_multiple_outputs",
    en="The prediction is taken from the second output, the hidden representation. The logits are the first.",
    ko="두 번째 출력인 hidden representation에서 예측을 구했습니다. logit은 첫 번째 출력입니다.",
)
def pair_second_output(model, test_loader, device):
    return per_cent(hits(model, test_loader, lambda outputs: outputs[1]))


# ------------------------------------------------------------------ train_knowledge_distillation


def p(logits, T):
    return F.softmax(logits / T, dim=1)


def log_p(logits, T):
    return F.log_softmax(logits / T, dim=1)


def kl(l_t, l_s, T):
    return F.kl_div(log_p(l_s, T), p(l_t, T), reduction="batchmean") * T**2


def follow(teacher, student, loader, epochs, learning_rate, loss, modes=(False, True), learns=None, run=descend):
    """Train on `loss`; `modes` of teacher and student; `learns` chooses what the optimizer gets."""
    teacher.train(modes[0])
    student.train(modes[1])
    parameters = learns(teacher, student) if learns else student.parameters()
    run(parameters, loader, epochs, learning_rate, loss)


def teacher_only(teacher, student):
    return teacher.parameters()


def both(teacher, student):
    return [*teacher.parameters(), *student.parameters()]


def distil(
    teacher,
    student,
    loader,
    epochs,
    learning_rate,
    T,
    soft_weight,
    label_weight,
    device,
    soft=kl,
    hard=F.cross_entropy,
    graph=False,
    weights=lambda soft, label: (soft, label),
    **how,
):
    """soft_weight * soft(l_t, l_s, T) + label_weight * hard(l_s, labels), unless `weights` changes the weights."""
    a, b = weights(soft_weight, label_weight)

    def loss(images, labels):
        with torch.set_grad_enabled(graph):
            l_t = teacher(images)
        l_s = student(images)
        return a * soft(l_t, l_s, T) + b * hard(l_s, labels)

    follow(teacher, student, loader, epochs, learning_rate, loss, **how)


@mistake(
    "train_knowledge_distillation",
    en="The soft loss is too small by the number of classes: KLDivLoss averages over the classes too unless "
    "told otherwise. The divergence is a sum over classes; only the batch is averaged. Look at `reduction`.",
    ko="soft loss가 클래스 수만큼 작습니다. KLDivLoss는 따로 지정하지 않으면 클래스에 대해서까지 평균을 냅니다. "
    "발산은 클래스에 대한 합이고 평균은 batch에 대해서만 취합니다. `reduction`을 확인해 보세요.",
    line=2,
)
def kd_class_mean(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.kl_div(log_p(l_s, T), p(l_t, T), reduction="mean") * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The KL divergence is too small by the number of classes, and T^2 is missing as well. KLDivLoss averages "
    "over the classes too unless told otherwise: look at `reduction`.",
    ko="KL 발산이 클래스 수만큼 작고 T^2도 곱하지 않았습니다. KLDivLoss는 따로 지정하지 않으면 클래스에 "
    "대해서까지 평균을 냅니다. `reduction`을 확인해 보세요.",
    line=2,
)
def kd_class_mean_no_t2(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.kl_div(log_p(l_s, T), p(l_t, T), reduction="mean"))


@mistake(
    "train_knowledge_distillation",
    en="The soft cross-entropy is too small by the number of classes: a mean was taken over the classes as "
    "well. Only the batch is averaged.",
    ko="soft cross-entropy가 클래스 수만큼 작습니다. 클래스에 대해서까지 평균을 냈습니다. 평균은 batch에 "
    "대해서만 취합니다.",
    line=2,
)
def kd_class_mean_cross_entropy(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: -(p(l_t, T) * log_p(l_s, T)).mean() * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The soft loss is added up over the batch; it has to be averaged, like the loss on the labels.",
    ko="soft loss를 batch에 대해 더했습니다. 레이블에 대한 loss처럼 batch에 대해 평균을 내야 합니다.",
    line=2,
)
def kd_batch_sum(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.kl_div(log_p(l_s, T), p(l_t, T), reduction="sum") * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The soft cross-entropy is added up over the batch; it has to be averaged, like the loss on the labels.",
    ko="soft cross-entropy를 batch에 대해 더했습니다. 레이블에 대한 loss처럼 batch에 대해 평균을 내야 합니다.",
    line=2,
)
def kd_batch_sum_cross_entropy(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: -(p(l_t, T) * log_p(l_s, T)).sum() * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The soft loss carries the factor T. The gradient shrinks with the square of T, so it takes T^2 to make "
    "up for it.",
    ko="soft loss에 T가 한 번만 곱해져 있습니다. gradient는 T의 제곱에 반비례하여 작아지므로 이를 보상하려면 "
    "T^2이 필요합니다.",
    line=2,
)
def kd_times_t(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(l_t, l_s, T) / T)


@mistake(
    "train_knowledge_distillation",
    en="The soft loss is divided by T^2. The gradient already shrinks with T^2; the factor is there to make up "
    "for it.",
    ko="soft loss를 T^2으로 나누었습니다. gradient는 이미 T^2에 반비례하여 작아지며, 이 상수는 그것을 보상하기 "
    "위한 것입니다.",
    line=2,
)
def kd_divided_by_t2(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(l_t, l_s, T) / T**4)


@mistake(
    "train_knowledge_distillation",
    en="The result does not depend on T. Both logits are divided by it before the softmax.",
    ko="결과가 T와 무관합니다. 두 네트워크의 logit을 모두 T로 나눈 뒤 softmax를 취해야 합니다.",
    line=1,
)
def kd_no_temperature(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(l_t, l_s, 1.0))


@mistake(
    "train_knowledge_distillation",
    en="T^2 is there, but the logits are not divided by T: nothing is softened, and the soft term only counts "
    "more.",
    ko="T^2은 곱했지만 logit을 T로 나누지 않았습니다. 확률이 부드러워지지 않고 soft loss만 커집니다.",
    line=1,
)
def kd_temperature_only_outside(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(l_t, l_s, 1.0) * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The result is that of T = 2 whatever T is given. Use the function's argument, not a fixed number or a "
    "global of the same name.",
    ko="어떤 T를 넣어도 T = 2일 때의 결과가 나옵니다. 고정된 숫자나 같은 이름의 전역 변수가 아니라 함수의 "
    "인자를 사용해야 합니다.",
    line=1,
)
def kd_fixed_temperature(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(l_t, l_s, 2.0))


@mistake(
    "train_knowledge_distillation",
    en="Only the teacher's logits are divided by T. The student's are softened as well, otherwise the two "
    "distributions cannot agree.",
    ko="teacher의 logit만 T로 나누었습니다. student의 logit도 T로 나누어야 합니다. 그렇지 않으면 두 분포가 서로 "
    "같아질 수 없습니다.",
    line=1,
)
def kd_temperature_teacher_only(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.kl_div(log_p(l_s, 1.0), p(l_t, T), reduction="batchmean") * T**2)


@mistake(
    "train_knowledge_distillation",
    en="Only the student's logits are divided by T. The teacher's are softened as well: that is what makes its "
    "small probabilities visible.",
    ko="student의 logit만 T로 나누었습니다. teacher의 logit도 T로 나누어야 작은 확률들이 드러납니다.",
    line=1,
)
def kd_temperature_student_only(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.kl_div(log_p(l_s, T), p(l_t, 1.0), reduction="batchmean") * T**2)


@mistake(
    "train_knowledge_distillation",
    en="A larger T makes the distributions sharper instead of softer. Check how the temperature enters the "
    "softmax.",
    ko="T가 커질수록 분포가 부드러워지지 않고 오히려 뾰족해집니다. temperature가 softmax 안에 어떻게 들어가는지 "
    "확인해 보세요.",
    line=1,
)
def kd_temperature_multiplied(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(l_t, l_s, 1.0 / T) * T**4)


@mistake(
    "train_knowledge_distillation",
    en="The temperature is applied to the result of the softmax. It belongs inside, to the logits; outside it "
    "no longer softens anything.",
    ko="temperature가 softmax의 결과에 적용되었습니다. T는 softmax 안쪽, 즉 logit에 적용해야 분포가 "
    "부드러워집니다.",
    line=1,
)
def kd_temperature_outside(*settings):
    distil(
        *settings,
        soft=lambda l_t, l_s, T: F.kl_div(log_p(l_s, 1.0) / T, p(l_t, 1.0) / T, reduction="batchmean") * T**2,
    )


@mistake(
    "train_knowledge_distillation",
    en="The first argument of the KL divergence of PyTorch has to be log-probabilities; yours are "
    "probabilities. A KL divergence is never negative.",
    ko="PyTorch의 KL 발산에서 첫 번째 인자는 로그 확률이어야 하는데 확률이 들어갔습니다. KL 발산은 음수가 될 수 "
    "없습니다.",
    line=2,
)
def kd_probabilities_for_logarithms(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.kl_div(p(l_s, T), p(l_t, T), reduction="batchmean") * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The target of the KL divergence is given as log-probabilities without saying so: the loss is not a "
    "number. Look at `log_target`, or give it probabilities.",
    ko="KL 발산의 목표(target)에 로그 확률을 넣고 그 사실을 알리지 않아 loss가 NaN이 됩니다. `log_target`을 "
    "확인하거나 확률을 넣어 주세요.",
    line=2,
)
def kd_log_target_unsaid(*settings):
    distil(
        *settings, soft=lambda l_t, l_s, T: F.kl_div(log_p(l_s, T), log_p(l_t, T), reduction="batchmean") * T**2
    )


@mistake(
    "train_knowledge_distillation",
    en="Teacher and student have changed places within the divergence: the target has to be the teacher's "
    "distribution, under the logarithm stands the student's.",
    ko="발산 안에서 teacher와 student의 자리가 바뀌었습니다. 목표(target)는 teacher의 분포이고, log를 취하는 "
    "쪽은 student의 분포입니다.",
    line=2,
)
def kd_roles_swapped(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(l_s, l_t, T))


@mistake(
    "train_knowledge_distillation",
    en="Teacher and student have changed places within the cross-entropy: the weights are the teacher's "
    "probabilities, the logarithm is the student's.",
    ko="cross-entropy 안에서 teacher와 student의 자리가 바뀌었습니다. 가중치는 teacher의 확률이고, log를 취하는 "
    "쪽은 student입니다.",
    line=2,
)
def kd_roles_swapped_cross_entropy(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: -(p(l_s, T) * log_p(l_t, T)).sum(1).mean() * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The softmax runs over the batch, so that an image's probabilities depend on the other images. It has to "
    "run over the classes: look at `dim`.",
    ko="softmax가 batch 방향으로 계산되어 한 이미지의 확률이 다른 이미지에 따라 달라집니다. 클래스 방향으로 "
    "계산해야 합니다. `dim`을 확인해 보세요.",
    line=1,
)
def kd_softmax_over_batch(*settings):
    distil(
        *settings,
        soft=lambda l_t, l_s, T: (
            F.kl_div(F.log_softmax(l_s / T, 0), F.softmax(l_t / T, 0), reduction="batchmean") * T**2
        ),
    )


@mistake(
    "train_knowledge_distillation",
    en="A softmax is taken twice. The networks return logits; it is these that are divided by T.",
    ko="softmax가 두 번 적용되었습니다. 네트워크는 logit을 반환하며, T로 나누는 것은 바로 이 logit입니다.",
    line=1,
)
def kd_double_softmax(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(p(l_t, 1.0), p(l_s, 1.0), T))


@mistake(
    "train_knowledge_distillation",
    en="Only the teacher's most likely class counts. Distillation lives from the teacher's other probabilities: "
    "use all of them as the target.",
    ko="teacher가 가장 높게 예측한 클래스만 사용했습니다. 지식 증류의 핵심은 나머지 클래스의 확률에 있으므로 "
    "확률 전체를 목표로 사용해야 합니다.",
    line=2,
)
def kd_hard_targets(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.cross_entropy(l_s / T, l_t.argmax(1)) * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The soft term is a squared error between logits. This exercise compares probability distributions.",
    ko="soft loss로 logit 사이의 제곱 오차를 사용했습니다. 이 문제에서는 확률 분포를 비교합니다.",
    line=2,
)
def kd_mse_of_logits(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.mse_loss(l_s / T, l_t / T) * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The soft term is a squared error between probabilities: a method of its own, but not the divergence "
    "asked for here.",
    ko="soft loss로 확률 사이의 제곱 오차를 사용했습니다. 이런 방법도 있지만 이 문제에서 요구하는 발산은 "
    "아닙니다.",
    line=2,
)
def kd_mse_of_probabilities(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: F.mse_loss(p(l_s, T), p(l_t, T)) * T**2)


@mistake(
    "train_knowledge_distillation",
    en="The loss is right, but the soft term has no gradient: the student's logits are cut off from the graph "
    "(detach, no_grad, a new tensor). Only the teacher's may be.",
    ko="loss는 맞지만 soft loss의 gradient가 없습니다. student의 logit이 그래프에서 끊겼습니다(detach, no_grad, "
    "새 텐서 등). 끊어도 되는 것은 teacher의 logit뿐입니다.",
)
def kd_student_cut_off(*settings):
    distil(*settings, soft=lambda l_t, l_s, T: kl(l_t, l_s.detach(), T))


@mistake(
    "train_knowledge_distillation",
    en="The loss on the labels does not count: the sum lacks it, or its weight is 0.",
    ko="레이블에 대한 loss가 반영되지 않습니다. 합에서 빠졌거나 가중치가 0입니다.",
    line=3,
)
def kd_no_labels(*settings):
    distil(*settings, weights=lambda guide, label: (guide, 0.0))


@mistake(
    "train_knowledge_distillation",
    en="The teacher has no influence: the soft loss is not part of the sum, or it compares the teacher with "
    "itself.",
    ko="teacher의 영향이 전혀 없습니다. soft loss가 합에서 빠졌거나 teacher를 teacher와 비교하고 있습니다.",
    line=3,
)
def kd_no_teacher(*settings):
    distil(*settings, weights=lambda guide, label: (0.0, label))


@mistake(
    "train_knowledge_distillation",
    en="The soft loss is subtracted: the student is driven away from the teacher.",
    ko="soft loss를 뺐습니다. 이렇게 하면 student가 teacher에서 멀어집니다.",
    line=3,
)
def kd_minus(*settings):
    distil(*settings, weights=lambda guide, label: (-guide, label))


@mistake(
    "train_knowledge_distillation",
    en="The two weights have changed places: each belongs to the loss that it is named after.",
    ko="두 가중치의 자리가 바뀌었습니다. 각 가중치는 이름에 해당하는 loss에 곱해야 합니다.",
    line=3,
)
def kd_weights_swapped(*settings):
    distil(*settings, weights=lambda guide, label: (label, guide))


@mistake(
    "train_knowledge_distillation",
    en="The loss on the labels is weighted by 1 minus the other weight. The two weights are arguments of their "
    "own and need not sum to 1.",
    ko="레이블에 대한 loss의 가중치로 1에서 다른 가중치를 뺀 값을 사용했습니다. 두 가중치는 서로 다른 인자이며 "
    "합이 1일 필요가 없습니다.",
    line=3,
)
def kd_one_minus(*settings):
    distil(*settings, weights=lambda guide, label: (guide, 1 - guide))


@mistake(
    "train_knowledge_distillation",
    en="Both losses are added with weight 1. The weights are arguments.",
    ko="두 loss를 가중치 1로 더했습니다. 가중치는 인자로 주어집니다.",
    line=3,
)
def kd_weights_ignored(*settings):
    distil(*settings, weights=lambda guide, label: (1.0, 1.0))


@mistake(
    "train_knowledge_distillation",
    en="T^2 multiplies the loss on the labels too. It belongs to the soft loss alone, whose gradient shrinks "
    "with T^2.",
    ko="레이블에 대한 loss에도 T^2이 곱해졌습니다. T^2은 gradient가 작아지는 soft loss에만 곱합니다.",
    line=3,
)
def kd_t2_on_both(teacher, student, loader, epochs, learning_rate, T, soft_weight, label_weight, device):
    distil(teacher, student, loader, epochs, learning_rate, T, soft_weight, label_weight * T**2, device)


@mistake(
    "train_knowledge_distillation",
    en="The loss on the labels is taken of logits divided by T. The labels are learned at temperature 1.",
    ko="레이블에 대한 loss를 T로 나눈 logit으로 계산했습니다. 레이블은 temperature 1에서 학습합니다.",
    line=3,
)
def kd_labels_softened(teacher, student, loader, epochs, learning_rate, T, *settings):
    softened = lambda l_s, y: F.cross_entropy(l_s / T, y)  # noqa: E731
    distil(teacher, student, loader, epochs, learning_rate, T, *settings, hard=softened)


@mistake(
    "train_knowledge_distillation",
    en="The cross-entropy with the labels is given probabilities. It takes a softmax itself and expects the "
    "student's logits.",
    ko="레이블에 대한 cross-entropy에 확률이 들어갔습니다. 이 함수는 스스로 softmax를 계산하므로 student의 "
    "logit을 넣어야 합니다.",
    line=3,
)
def kd_labels_of_probabilities(*settings):
    distil(*settings, hard=lambda l_s, y: F.cross_entropy(l_s.softmax(1), y))


@mistake(
    "train_knowledge_distillation",
    en="The teacher is in training mode: its dropout disturbs what it says, and its BatchNorm statistics "
    "change. Set its mode at the beginning.",
    ko="teacher가 학습 모드입니다. dropout 때문에 teacher의 출력이 흔들리고 BatchNorm의 통계가 바뀝니다. 시작할 "
    "때 teacher의 모드를 설정해 주세요.",
)
def kd_teacher_in_training_mode(*settings):
    distil(*settings, modes=(True, True))


@mistake(
    "train_knowledge_distillation",
    en="The student is in evaluation mode while it is trained: its dropout is off. Set its mode at the beginning.",
    ko="student가 평가 모드인 채로 학습되어 dropout이 꺼져 있습니다. 시작할 때 student의 모드를 설정해 주세요.",
)
def kd_student_in_evaluation_mode(*settings):
    distil(*settings, modes=(False, False))


@mistake(
    "train_knowledge_distillation",
    en="The modes are the wrong way round, or were never set: the teacher is in training mode, the student in "
    "evaluation mode.",
    ko="두 네트워크의 모드가 반대이거나 설정되지 않았습니다. teacher가 학습 모드이고 student가 평가 모드입니다.",
)
def kd_modes_exchanged(*settings):
    distil(*settings, modes=(True, False))


@mistake(
    "train_knowledge_distillation",
    en="The student does not move: the optimizer was given the teacher's parameters.",
    ko="student가 움직이지 않습니다. optimizer에 teacher의 파라미터를 넘겼습니다.",
)
def kd_optimizer_of_teacher(*settings):
    distil(*settings, learns=teacher_only)


@mistake(
    "train_knowledge_distillation",
    en="The teacher learns along with the student: the optimizer has the parameters of both and the gradient "
    "reaches the teacher. The teacher is to stay as it is.",
    ko="teacher도 student와 함께 학습되고 있습니다. optimizer가 두 네트워크의 파라미터를 모두 가지고 있고 "
    "gradient가 teacher까지 전달됩니다. teacher는 그대로 두어야 합니다.",
)
def kd_teacher_moves_too(*settings):
    distil(*settings, learns=both, graph=True)


@mistake(
    "train_knowledge_distillation",
    en="The two networks have changed places throughout: the teacher is trained, and the student tells it what "
    "to do.",
    ko="두 네트워크의 역할이 통째로 바뀌었습니다. teacher가 학습되고 student가 가르치고 있습니다.",
)
def kd_networks_swapped(teacher, student, *settings):
    distil(student, teacher, *settings)


@mistake(
    "train_knowledge_distillation",
    en="From the second step on, the gradient is the sum of all gradients so far: PyTorch adds to what is "
    "there. Something has to clear it before each backward pass.",
    ko="두 번째 단계부터 gradient가 지금까지의 gradient를 모두 더한 값입니다. PyTorch는 gradient를 기존 값에 "
    "누적하므로, backward 전에 매번 지워야 합니다.",
)
def kd_no_zero_grad(*settings):
    distil(*settings, run=adding_up)


@mistake(
    "train_knowledge_distillation",
    en="The gradient is cleared between the backward pass and the step, so the optimizer has nothing to go by. "
    "Check the order of the calls.",
    ko="backward와 step 사이에서 gradient를 지웠기 때문에 optimizer가 사용할 gradient가 없습니다. 호출 순서를 "
    "확인해 보세요.",
)
def kd_zero_grad_late(*settings):
    distil(*settings, run=cleared_late)


@mistake(
    "train_knowledge_distillation",
    en="The student's weights do not move, as no optimizer step follows a backward pass. Each batch needs both, "
    "in that order.",
    ko="backward 다음에 optimizer의 step이 실행되지 않아 student의 가중치가 움직이지 않습니다. 각 batch마다 두 "
    "가지가 순서대로 필요합니다.",
)
def kd_no_step(*settings):
    distil(*settings, run=without_steps)


@mistake(
    "train_knowledge_distillation",
    en="Training ends after the first batch. Look at the indentation of `return`: it must stand outside of both "
    "loops.",
    ko="첫 번째 batch만 학습하고 끝납니다. `return`의 들여쓰기를 확인해 보세요. 두 반복문 바깥에 있어야 합니다.",
)
def kd_first_batch_only(*settings):
    distil(*settings, run=first_batch)


@mistake(
    "train_knowledge_distillation",
    en="There is one step in each epoch, for its last batch. Look at the indentation: the backward pass and the "
    "step belong into the loop over the batches.",
    ko="각 epoch마다 마지막 batch에 대해서만 한 번 갱신합니다. 들여쓰기를 확인해 보세요. backward와 step은 "
    "batch에 대한 반복문 안에 있어야 합니다.",
)
def kd_last_batch_only(*settings):
    distil(*settings, run=last_batch)


@mistake(
    "train_knowledge_distillation",
    en="The data is gone through once, whatever `epochs` says.",
    ko="`epochs` 값과 관계없이 데이터를 한 번만 학습합니다.",
)
def kd_one_epoch(*settings):
    distil(*settings, run=one_epoch)


@mistake(
    "train_knowledge_distillation",
    en="Losses and gradients begin right, but the steps are those of a learning rate of 0.001: the default of "
    "Adam, or a fixed number. The learning rate is an argument.",
    ko="loss와 gradient의 첫 값은 맞지만 learning rate가 0.001일 때처럼 움직입니다. Adam의 기본값이거나 고정된 "
    "숫자인 것 같습니다. learning rate는 인자로 주어집니다.",
)
def kd_fixed_rate(*settings):
    distil(*settings, run=fixed_rate)


@mistake(
    "train_knowledge_distillation",
    en="Losses and gradients begin right, but the weights move along the plain gradient (SGD). The notebook "
    "trains with Adam.",
    ko="loss와 gradient의 첫 값은 맞지만 가중치가 gradient를 그대로 따라 움직입니다(SGD). 노트북에서는 Adam으로 "
    "학습합니다.",
)
def kd_sgd(*settings):
    distil(*settings, run=plain_gradient)


# ------------------------------------------------------------------ ModifiedDeepNNCosine


@mistake(
    "ModifiedDeepNNCosine",
    en="The hidden representation is 2048 wide. To be compared with the student's it is first averaged in "
    "pairs, down to 1024.",
    ko="hidden representation의 크기가 2048입니다. student의 것과 비교하려면 먼저 둘씩 평균을 내어 1024로 "
    "줄여야 합니다.",
)
class DeepCosineNotPooled(DeepNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.classifier(x), x


@mistake(
    "ModifiedDeepNNCosine",
    en="Of each pair of features the larger is kept. The notebook averages them.",
    ko="두 값 중 큰 값을 남겼습니다. 노트북에서는 평균을 냅니다.",
)
class DeepCosineMaxPooled(DeepNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.classifier(x), F.max_pool1d(x.unsqueeze(1), 2)


@mistake(
    "ModifiedDeepNNCosine",
    en="The hidden representation is the first half of the features. The notebook averages neighbouring pairs, "
    "so that all of them count.",
    ko="hidden representation으로 특징의 앞쪽 절반만 사용했습니다. 노트북에서는 이웃한 둘씩 평균을 내어 모든 "
    "특징을 사용합니다.",
)
class DeepCosineCut(DeepNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.classifier(x), x[:, :1024]


@mistake(
    "ModifiedDeepNNCosine",
    en="Features that are 1024 places apart are averaged. The pooling works on neighbours.",
    ko="1024칸 떨어진 특징끼리 평균을 냈습니다. pooling은 이웃한 값끼리 계산합니다.",
)
class DeepCosineHalvesAveraged(DeepNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.classifier(x), x.reshape(len(x), 2, 1024).mean(1)


@mistake(
    "ModifiedDeepNNCosine",
    en="The pairs of features are added up. An average is half of that.",
    ko="둘씩 더한 값을 반환했습니다. 평균은 그 절반입니다.",
)
class DeepCosinePairSums(DeepNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.classifier(x), x.reshape(len(x), 1024, 2).sum(2)


@mistake(
    "ModifiedDeepNNCosine",
    en="The hidden representation comes from the classifier (512 values). The one asked for is that of the "
    "convolutions, flattened.",
    ko="hidden representation이 classifier 안의 값(512개)입니다. 필요한 것은 합성곱의 결과를 펼친 값입니다.",
)
class DeepCosineOfClassifier(DeepNN):
    def forward(self, x):
        hidden = self.classifier[:2](self.features(x).flatten(1))
        return self.classifier[2:](hidden), hidden


@mistake(
    "ModifiedDeepNNCosine",
    en="The two results come in reverse order: the logits are the first.",
    ko="두 결과의 순서가 반대입니다. logit이 먼저입니다.",
)
class DeepCosineReversed(DeepNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return F.avg_pool1d(x.unsqueeze(1), 2), self.classifier(x)


@mistake(
    "ModifiedDeepNNCosine",
    en="The classifier works on the averaged features (1024). The average is for the comparison with the "
    "student only; the classifier takes all 2048, as in `DeepNN`.",
    ko="classifier가 평균을 낸 특징(1024개)을 받고 있습니다. 평균은 student와 비교할 때만 필요하며, "
    "classifier는 `DeepNN`처럼 2048개를 모두 받습니다.",
)
class DeepCosineClassifierOnPooled(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[0] = nn.Linear(1024, 512)

    def forward(self, x):
        x = F.avg_pool1d(self.features(x).flatten(1).unsqueeze(1), 2).squeeze(1)
        return self.classifier(x), x


@mistake(
    "ModifiedDeepNNCosine",
    en="In training mode nothing is dropped. The network is the same as `DeepNN`, dropout included.",
    ko="학습 모드에서도 dropout이 일어나지 않습니다. dropout을 포함하여 `DeepNN`과 같은 네트워크여야 합니다.",
)
class DeepCosineNoDropout(ModifiedDeepNNCosine):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[2] = nn.Identity()


@mistake(
    "ModifiedDeepNNCosine",
    en="The network always has ten outputs. The number of classes is an argument.",
    ko="출력이 언제나 10개입니다. 클래스의 수는 인자로 주어집니다.",
)
class DeepCosineTenClasses(ModifiedDeepNNCosine):
    def __init__(self, num_classes=10):
        super().__init__(10)


# ------------------------------------------------------------------ ModifiedLightNNCosine


@mistake(
    "ModifiedLightNNCosine",
    en="The hidden representation comes from the classifier (256 values). The one asked for is that of the "
    "convolutions, flattened.",
    ko="hidden representation이 classifier 안의 값(256개)입니다. 필요한 것은 합성곱의 결과를 펼친 값입니다.",
)
class LightCosineOfClassifier(LightNN):
    def forward(self, x):
        hidden = self.classifier[:2](self.features(x).flatten(1))
        return self.classifier[2:](hidden), hidden


@mistake(
    "ModifiedLightNNCosine",
    en="Both results are the logits. The second one is what the convolutions return, flattened.",
    ko="두 결과가 모두 logit입니다. 두 번째 결과는 합성곱의 결과를 펼친 값이어야 합니다.",
)
class LightCosineLogitsTwice(LightNN):
    def forward(self, x):
        x = self.classifier(self.features(x).flatten(1))
        return x, x


@mistake(
    "ModifiedLightNNCosine",
    en="The student's hidden representation was pooled. Its 1024 values already are as many as the teacher's "
    "after pooling.",
    ko="student의 hidden representation에 pooling을 적용했습니다. student의 값은 이미 1024개로, pooling을 거친 "
    "teacher의 것과 같습니다.",
)
class LightCosinePooled(LightNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.classifier(x), F.avg_pool1d(x.unsqueeze(1), 2)


@mistake(
    "ModifiedLightNNCosine",
    en="The two results come in reverse order: the logits are the first.",
    ko="두 결과의 순서가 반대입니다. logit이 먼저입니다.",
)
class LightCosineReversed(LightNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return x, self.classifier(x)


@mistake(
    "ModifiedLightNNCosine",
    en="The hidden representation is 2048 wide, as the teacher's before pooling: the second convolution has 32 "
    "channels. The network has the layers of `LightNN`.",
    ko="hidden representation의 크기가 pooling 전의 teacher처럼 2048입니다. 두 번째 합성곱의 채널이 32개입니다. "
    "`LightNN`과 같은 층을 가져야 합니다.",
)
class LightCosineWide(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features[3] = nn.Conv2d(16, 32, 3, padding=1)
        self.classifier[0] = nn.Linear(2048, 256)

    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.classifier(x), x


@mistake(
    "ModifiedLightNNCosine",
    en="In training mode nothing is dropped. The network is the same as `LightNN`, dropout included.",
    ko="학습 모드에서도 dropout이 일어나지 않습니다. dropout을 포함하여 `LightNN`과 같은 네트워크여야 합니다.",
)
class LightCosineNoDropout(ModifiedLightNNCosine):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[2] = nn.Identity()


@mistake(
    "ModifiedLightNNCosine",
    en="The network always has ten outputs. The number of classes is an argument.",
    ko="출력이 언제나 10개입니다. 클래스의 수는 인자로 주어집니다.",
)
class LightCosineTenClasses(ModifiedLightNNCosine):
    def __init__(self, num_classes=10):
        super().__init__(10)


# ------------------------------------------------------------------ train_cosine_loss


def cosine(hidden_s, hidden_t, logits_s, logits_t):
    return 1 - F.cosine_similarity(hidden_s, hidden_t).mean()


def match(
    second,
    teacher,
    student,
    loader,
    epochs,
    learning_rate,
    weight,
    label_weight,
    device,
    hard=F.cross_entropy,
    graph=False,
    weights=lambda guide, label: (guide, label),
    **how,
):
    """weight * second(second_s, second_t, l_s, l_t) + label_weight * hard(l_s, labels), of two outputs each."""
    a, b = weights(weight, label_weight)

    def loss(images, labels):
        with torch.set_grad_enabled(graph):
            l_t, second_t = teacher(images)
        l_s, second_s = student(images)
        return a * second(second_s, second_t, l_s, l_t) + b * hard(l_s, labels)

    follow(teacher, student, loader, epochs, learning_rate, loss, **how)


@mistake(
    "train_cosine_loss",
    en="The target says that the vectors do not belong together (-1): the loss drives them apart. For pairs "
    "that belong together it is 1.",
    ko="target이 -1로, 두 벡터가 서로 무관하다고 알려 주고 있습니다. 이렇게 하면 두 벡터가 멀어집니다. 함께 "
    "가까워져야 하는 쌍의 target은 1입니다.",
    line=1,
)
def cosine_apart(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.cosine_embedding_loss(h_s, h_t, -torch.ones(len(h_s))), *settings)


@mistake(
    "train_cosine_loss",
    en="The similarity itself is minimised, so the student turns away from the teacher. A loss has to fall as "
    "the vectors become alike.",
    ko="cosine 유사도 자체를 최소화하여 student가 teacher와 반대 방향을 향하게 됩니다. 두 벡터가 비슷해질수록 "
    "loss가 작아져야 합니다.",
    line=1,
)
def cosine_similarity_minimised(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.cosine_similarity(h_s, h_t).mean(), *settings)


@mistake(
    "train_cosine_loss",
    en="The gradient is right; the loss is the negative similarity, without the constant that makes it 0 for "
    "equal directions. Compare with the formula.",
    ko="gradient는 맞지만 loss가 음의 유사도입니다. 방향이 같을 때 0이 되도록 하는 상수가 빠졌습니다. 수식과 "
    "비교해 보세요.",
    line=1,
)
def cosine_constant_missing(*settings):
    match(lambda h_s, h_t, l_s, l_t: -F.cosine_similarity(h_s, h_t).mean(), *settings)


@mistake(
    "train_cosine_loss",
    en="The logits are compared. The exercise compares the hidden representations, the second result of each "
    "network.",
    ko="logit끼리 비교했습니다. 이 문제에서는 각 네트워크의 두 번째 결과인 hidden representation을 비교합니다.",
    line=1,
)
def cosine_of_logits(*settings):
    match(lambda h_s, h_t, l_s, l_t: 1 - F.cosine_similarity(l_s, l_t).mean(), *settings)


@mistake(
    "train_cosine_loss",
    en="The loss is right, but the cosine term has no gradient: the student's hidden representation is cut off "
    "from the graph. Only the teacher's may be.",
    ko="loss는 맞지만 cosine 항의 gradient가 없습니다. student의 hidden representation이 그래프에서 끊겼습니다. "
    "끊어도 되는 것은 teacher의 것뿐입니다.",
)
def cosine_student_cut_off(*settings):
    match(lambda h_s, h_t, l_s, l_t: cosine(h_s.detach(), h_t, l_s, l_t), *settings)


@mistake(
    "train_cosine_loss",
    en="The similarity is taken along the batch, one for each feature. It belongs to the two vectors of an "
    "image: look at `dim`.",
    ko="유사도가 batch 방향으로 특징마다 계산되었습니다. 유사도는 한 이미지의 두 벡터 사이에서 계산해야 합니다. "
    "`dim`을 확인해 보세요.",
    line=1,
)
def cosine_over_batch(*settings):
    match(lambda h_s, h_t, l_s, l_t: 1 - F.cosine_similarity(h_s, h_t, dim=0).mean(), *settings)


@mistake(
    "train_cosine_loss",
    en="The cosine term is added up over the batch; it has to be averaged, like the loss on the labels.",
    ko="cosine 항을 batch에 대해 더했습니다. 레이블에 대한 loss처럼 batch에 대해 평균을 내야 합니다.",
    line=1,
)
def cosine_batch_sum(*settings):
    match(lambda h_s, h_t, l_s, l_t: (1 - F.cosine_similarity(h_s, h_t)).sum(), *settings)


@mistake(
    "train_cosine_loss",
    en="This is a squared error between the hidden representations. The exercise compares their directions: a "
    "cosine.",
    ko="hidden representation 사이의 제곱 오차를 사용했습니다. 이 문제에서는 방향(cosine)을 비교합니다.",
    line=1,
)
def cosine_squared_error(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.mse_loss(h_s, h_t), *settings)


@mistake(
    "train_cosine_loss",
    en="The teacher has no influence: the cosine term is not part of the sum, or is always 0. Look at its two "
    "vectors, one of which has to be the student's, and at the target, which is 1 for pairs that belong "
    "together.",
    ko="teacher의 영향이 전혀 없습니다. cosine 항이 합에서 빠졌거나 언제나 0입니다. 두 벡터 중 하나가 student의 "
    "것인지, 그리고 함께 가까워져야 하는 쌍의 target이 1인지 확인해 보세요.",
    line=2,
)
def cosine_term_missing(*settings):
    match(cosine, *settings, weights=lambda guide, label: (0.0, label))


@mistake(
    "train_cosine_loss",
    en="The loss on the labels does not count: the sum lacks it, or its weight is 0.",
    ko="레이블에 대한 loss가 반영되지 않습니다. 합에서 빠졌거나 가중치가 0입니다.",
    line=2,
)
def cosine_no_labels(*settings):
    match(cosine, *settings, weights=lambda guide, label: (guide, 0.0))


@mistake(
    "train_cosine_loss",
    en="The cosine term is subtracted: the student is driven away from the teacher.",
    ko="cosine 항을 뺐습니다. 이렇게 하면 student가 teacher에서 멀어집니다.",
    line=2,
)
def cosine_minus(*settings):
    match(cosine, *settings, weights=lambda guide, label: (-guide, label))


@mistake(
    "train_cosine_loss",
    en="The two weights have changed places: each belongs to the loss that it is named after.",
    ko="두 가중치의 자리가 바뀌었습니다. 각 가중치는 이름에 해당하는 loss에 곱해야 합니다.",
    line=2,
)
def cosine_weights_swapped(*settings):
    match(cosine, *settings, weights=lambda guide, label: (label, guide))


@mistake(
    "train_cosine_loss",
    en="The loss on the labels is weighted by 1 minus the other weight. The two weights are arguments of their "
    "own and need not sum to 1.",
    ko="레이블에 대한 loss의 가중치로 1에서 다른 가중치를 뺀 값을 사용했습니다. 두 가중치는 서로 다른 인자이며 "
    "합이 1일 필요가 없습니다.",
    line=2,
)
def cosine_one_minus(*settings):
    match(cosine, *settings, weights=lambda guide, label: (guide, 1 - guide))


@mistake(
    "train_cosine_loss",
    en="Both losses are added with weight 1. The weights are arguments.",
    ko="두 loss를 가중치 1로 더했습니다. 가중치는 인자로 주어집니다.",
    line=2,
)
def cosine_weights_ignored(*settings):
    match(cosine, *settings, weights=lambda guide, label: (1.0, 1.0))


@mistake(
    "train_cosine_loss",
    en="The cross-entropy with the labels is given probabilities. It takes a softmax itself and expects the "
    "student's logits.",
    ko="레이블에 대한 cross-entropy에 확률이 들어갔습니다. 이 함수는 스스로 softmax를 계산하므로 student의 "
    "logit을 넣어야 합니다.",
    line=2,
)
def cosine_labels_of_probabilities(*settings):
    match(cosine, *settings, hard=lambda l_s, y: F.cross_entropy(l_s.softmax(1), y))


@mistake(
    "train_cosine_loss",
    en="The teacher is in training mode: its dropout disturbs what it says, and its BatchNorm statistics "
    "change. Set its mode at the beginning.",
    ko="teacher가 학습 모드입니다. dropout 때문에 teacher의 출력이 흔들리고 BatchNorm의 통계가 바뀝니다. 시작할 "
    "때 teacher의 모드를 설정해 주세요.",
)
def cosine_teacher_in_training_mode(*settings):
    match(cosine, *settings, modes=(True, True))


@mistake(
    "train_cosine_loss",
    en="The student is in evaluation mode while it is trained: its dropout is off. Set its mode at the beginning.",
    ko="student가 평가 모드인 채로 학습되어 dropout이 꺼져 있습니다. 시작할 때 student의 모드를 설정해 주세요.",
)
def cosine_student_in_evaluation_mode(*settings):
    match(cosine, *settings, modes=(False, False))


@mistake(
    "train_cosine_loss",
    en="The modes are the wrong way round, or were never set: the teacher is in training mode, the student in "
    "evaluation mode.",
    ko="두 네트워크의 모드가 반대이거나 설정되지 않았습니다. teacher가 학습 모드이고 student가 평가 모드입니다.",
)
def cosine_modes_exchanged(*settings):
    match(cosine, *settings, modes=(True, False))


@mistake(
    "train_cosine_loss",
    en="The student does not move: the optimizer was given the teacher's parameters.",
    ko="student가 움직이지 않습니다. optimizer에 teacher의 파라미터를 넘겼습니다.",
)
def cosine_optimizer_of_teacher(*settings):
    match(cosine, *settings, learns=teacher_only)


@mistake(
    "train_cosine_loss",
    en="The teacher learns along with the student: the optimizer has the parameters of both and the gradient "
    "reaches the teacher. The teacher is to stay as it is.",
    ko="teacher도 student와 함께 학습되고 있습니다. optimizer가 두 네트워크의 파라미터를 모두 가지고 있고 "
    "gradient가 teacher까지 전달됩니다. teacher는 그대로 두어야 합니다.",
)
def cosine_teacher_moves_too(*settings):
    match(cosine, *settings, learns=both, graph=True)


@mistake(
    "train_cosine_loss",
    en="The two networks have changed places throughout: the teacher is trained, and the student tells it what "
    "to do.",
    ko="두 네트워크의 역할이 통째로 바뀌었습니다. teacher가 학습되고 student가 가르치고 있습니다.",
)
def cosine_networks_swapped(teacher, student, *settings):
    match(cosine, student, teacher, *settings)


@mistake(
    "train_cosine_loss",
    en="From the second step on, the gradient is the sum of all gradients so far: PyTorch adds to what is "
    "there. Something has to clear it before each backward pass.",
    ko="두 번째 단계부터 gradient가 지금까지의 gradient를 모두 더한 값입니다. PyTorch는 gradient를 기존 값에 "
    "누적하므로, backward 전에 매번 지워야 합니다.",
)
def cosine_no_zero_grad(*settings):
    match(cosine, *settings, run=adding_up)


@mistake(
    "train_cosine_loss",
    en="The gradient is cleared between the backward pass and the step, so the optimizer has nothing to go by. "
    "Check the order of the calls.",
    ko="backward와 step 사이에서 gradient를 지웠기 때문에 optimizer가 사용할 gradient가 없습니다. 호출 순서를 "
    "확인해 보세요.",
)
def cosine_zero_grad_late(*settings):
    match(cosine, *settings, run=cleared_late)


@mistake(
    "train_cosine_loss",
    en="The student's weights do not move, as no optimizer step follows a backward pass. Each batch needs both, "
    "in that order.",
    ko="backward 다음에 optimizer의 step이 실행되지 않아 student의 가중치가 움직이지 않습니다. 각 batch마다 두 "
    "가지가 순서대로 필요합니다.",
)
def cosine_no_step(*settings):
    match(cosine, *settings, run=without_steps)


@mistake(
    "train_cosine_loss",
    en="Training ends after the first batch. Look at the indentation of `return`: it must stand outside of both "
    "loops.",
    ko="첫 번째 batch만 학습하고 끝납니다. `return`의 들여쓰기를 확인해 보세요. 두 반복문 바깥에 있어야 합니다.",
)
def cosine_first_batch_only(*settings):
    match(cosine, *settings, run=first_batch)


@mistake(
    "train_cosine_loss",
    en="There is one step in each epoch, for its last batch. Look at the indentation: the backward pass and the "
    "step belong into the loop over the batches.",
    ko="각 epoch마다 마지막 batch에 대해서만 한 번 갱신합니다. 들여쓰기를 확인해 보세요. backward와 step은 "
    "batch에 대한 반복문 안에 있어야 합니다.",
)
def cosine_last_batch_only(*settings):
    match(cosine, *settings, run=last_batch)


@mistake(
    "train_cosine_loss",
    en="The data is gone through once, whatever `epochs` says.",
    ko="`epochs` 값과 관계없이 데이터를 한 번만 학습합니다.",
)
def cosine_one_epoch(*settings):
    match(cosine, *settings, run=one_epoch)


@mistake(
    "train_cosine_loss",
    en="Losses and gradients begin right, but the steps are those of a learning rate of 0.001: the default of "
    "Adam, or a fixed number. The learning rate is an argument.",
    ko="loss와 gradient의 첫 값은 맞지만 learning rate가 0.001일 때처럼 움직입니다. Adam의 기본값이거나 고정된 "
    "숫자인 것 같습니다. learning rate는 인자로 주어집니다.",
)
def cosine_fixed_rate(*settings):
    match(cosine, *settings, run=fixed_rate)


@mistake(
    "train_cosine_loss",
    en="Losses and gradients begin right, but the weights move along the plain gradient (SGD). The notebook "
    "trains with Adam.",
    ko="loss와 gradient의 첫 값은 맞지만 가중치가 gradient를 그대로 따라 움직입니다(SGD). 노트북에서는 Adam으로 "
    "학습합니다.",
)
def cosine_sgd(*settings):
    match(cosine, *settings, run=plain_gradient)


# ------------------------------------------------------------------ ModifiedDeepNNRegressor


@mistake(
    "ModifiedDeepNNRegressor",
    en="The feature map was flattened. The student's regressor returns a map of 32 x 8 x 8, and this one has to "
    "have the same shape.",
    ko="feature map을 펼쳐서 반환했습니다. student의 regressor는 32 x 8 x 8 크기의 map을 반환하므로 같은 "
    "모양이어야 합니다.",
)
class DeepMapFlattened(DeepNN):
    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.flatten(1)), x.flatten(1)


@mistake(
    "ModifiedDeepNNRegressor",
    en="The feature map is taken before the last pooling (16 x 16). It should be the result of all "
    "convolutional layers, 8 x 8.",
    ko="마지막 pooling 이전의 feature map(16 x 16)을 반환했습니다. 합성곱 부분 전체의 결과(8 x 8)여야 합니다.",
)
class DeepMapBeforePooling(DeepNN):
    def forward(self, x):
        map = self.features[:-1](x)
        return self.classifier(self.features[-1](map).flatten(1)), map


@mistake(
    "ModifiedDeepNNRegressor",
    en="The two results come in reverse order: the logits are the first.",
    ko="두 결과의 순서가 반대입니다. logit이 먼저입니다.",
)
class DeepMapReversed(DeepNN):
    def forward(self, x):
        x = self.features(x)
        return x, self.classifier(x.flatten(1))


@mistake(
    "ModifiedDeepNNRegressor",
    en="The second result is the hidden representation of the cosine exercise. Here it is the feature map, with "
    "its channels and positions.",
    ko="두 번째 결과가 cosine 문제의 hidden representation입니다. 여기서는 채널과 위치를 그대로 가진 feature "
    "map이 필요합니다.",
)
class DeepMapPooled(DeepNN):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.classifier(x), F.avg_pool1d(x.unsqueeze(1), 2).squeeze(1)


@mistake(
    "ModifiedDeepNNRegressor",
    en="The teacher's feature map goes through a regressor. The regressor belongs to the student: the teacher "
    "is finished and would never train it.",
    ko="teacher의 feature map이 regressor를 거칩니다. regressor는 student의 것입니다. teacher는 더 이상 "
    "학습하지 않으므로 regressor도 배우지 못합니다.",
)
class DeepMapRegressed(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.regressor = nn.Conv2d(32, 32, 3, padding=1)

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.flatten(1)), self.regressor(x)


@mistake(
    "ModifiedDeepNNRegressor",
    en="In training mode nothing is dropped. The network is the same as `DeepNN`, dropout included.",
    ko="학습 모드에서도 dropout이 일어나지 않습니다. dropout을 포함하여 `DeepNN`과 같은 네트워크여야 합니다.",
)
class DeepMapNoDropout(ModifiedDeepNNRegressor):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[2] = nn.Identity()


@mistake(
    "ModifiedDeepNNRegressor",
    en="The network always has ten outputs. The number of classes is an argument.",
    ko="출력이 언제나 10개입니다. 클래스의 수는 인자로 주어집니다.",
)
class DeepMapTenClasses(ModifiedDeepNNRegressor):
    def __init__(self, num_classes=10):
        super().__init__(10)


# ------------------------------------------------------------------ ModifiedLightNNRegressor


@mistake(
    "ModifiedLightNNRegressor",
    en="The feature map is returned as it was before the regressor (16 channels). The regressor's output is "
    "what is compared with the teacher's 32 channels.",
    ko="regressor를 거치기 전의 feature map(채널 16개)을 반환했습니다. teacher의 32채널과 비교하는 것은 "
    "regressor의 출력입니다.",
)
class LightMapNotRegressed(ModifiedLightNNRegressor):
    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.flatten(1)), x


@mistake(
    "ModifiedLightNNRegressor",
    en="There is no regressor: the feature map has the student's 16 channels, the teacher's has 32. A "
    "convolution of its own takes it from one to the other.",
    ko="regressor가 없습니다. student의 feature map은 16채널인데 teacher의 것은 32채널입니다. 채널 수를 맞추는 "
    "별도의 합성곱이 필요합니다.",
)
class LightNoRegressor(LightNN):
    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.flatten(1)), x


@mistake(
    "ModifiedLightNNRegressor",
    en="The classifier works on the regressor's output. The regressor stands beside the path to the logits: it "
    "only serves the comparison and can be thrown away after training.",
    ko="classifier가 regressor의 출력을 받고 있습니다. regressor는 logit으로 가는 길 옆에 있어야 합니다. "
    "비교에만 쓰이고 학습 후에는 버릴 수 있습니다.",
)
class LightRegressorInThePath(ModifiedLightNNRegressor):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[0] = nn.Linear(2048, 256)

    def forward(self, x):
        x = self.regressor(self.features(x))
        return self.classifier(x.flatten(1)), x


@mistake(
    "ModifiedLightNNRegressor",
    en="A ReLU stands behind the regressor. The notebook's regressor is a convolution alone.",
    ko="regressor 뒤에 ReLU가 있습니다. 노트북의 regressor는 합성곱 하나뿐입니다.",
)
class LightRegressorRelu(ModifiedLightNNRegressor):
    def forward(self, x):
        logits, map = super().forward(x)
        return logits, map.relu()


@mistake(
    "ModifiedLightNNRegressor",
    en="The regressor is a 1 x 1 convolution. That is a method of its own; the notebook's is 3 x 3 with a "
    "padding of 1.",
    ko="regressor가 1 x 1 합성곱입니다. 그런 방법도 있지만 노트북의 regressor는 padding이 1인 3 x 3 합성곱입니다.",
)
class LightRegressorPointwise(ModifiedLightNNRegressor):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.regressor = nn.Conv2d(16, 32, 1)


@mistake(
    "ModifiedLightNNRegressor",
    en="The two results come in reverse order: the logits are the first.",
    ko="두 결과의 순서가 반대입니다. logit이 먼저입니다.",
)
class LightMapReversed(ModifiedLightNNRegressor):
    def forward(self, x):
        return super().forward(x)[::-1]


@mistake(
    "ModifiedLightNNRegressor",
    en="In training mode nothing is dropped. The rest of the network is the same as `LightNN`, dropout included.",
    ko="학습 모드에서도 dropout이 일어나지 않습니다. regressor를 뺀 나머지는 dropout을 포함하여 `LightNN`과 "
    "같아야 합니다.",
)
class LightMapNoDropout(ModifiedLightNNRegressor):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.classifier[2] = nn.Identity()


@mistake(
    "ModifiedLightNNRegressor",
    en="The network always has ten outputs. The number of classes is an argument.",
    ko="출력이 언제나 10개입니다. 클래스의 수는 인자로 주어집니다.",
)
class LightMapTenClasses(ModifiedLightNNRegressor):
    def __init__(self, num_classes=10):
        super().__init__(10)


# ------------------------------------------------------------------ train_mse_loss


def mse(map_s, map_t, logits_s, logits_t):
    return F.mse_loss(map_s, map_t)


@mistake(
    "train_mse_loss",
    en="The squared differences are added up over all entries of the maps; MSE is their mean. The sum is "
    "thousands of times larger and drowns the labels.",
    ko="feature map의 모든 원소에 대해 제곱 오차를 더했습니다. MSE는 그 평균입니다. 합은 수천 배 커서 레이블의 "
    "영향이 사라집니다.",
    line=1,
)
def mse_sum(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.mse_loss(h_s, h_t, reduction="sum"), *settings)


@mistake(
    "train_mse_loss",
    en="The squared differences are added up within each image and only the batch is averaged. MSE is the mean "
    "over all entries of the maps.",
    ko="이미지 안에서는 제곱 오차를 더하고 batch에 대해서만 평균을 냈습니다. MSE는 feature map의 모든 원소에 "
    "대한 평균입니다.",
    line=1,
)
def mse_sum_per_image(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.mse_loss(h_s, h_t, reduction="sum") / len(h_s), *settings)


@mistake(
    "train_mse_loss",
    en="This is the root of the mean squared error. The notebook's loss is the mean squared error itself.",
    ko="평균 제곱 오차의 제곱근을 사용했습니다. 노트북의 loss는 평균 제곱 오차 그 자체입니다.",
    line=1,
)
def mse_root(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.mse_loss(h_s, h_t).sqrt(), *settings)


@mistake(
    "train_mse_loss",
    en="The squared error carries a factor of one half. The mean squared error of PyTorch has none.",
    ko="제곱 오차에 1/2이 곱해져 있습니다. PyTorch의 평균 제곱 오차에는 이 상수가 없습니다.",
    line=1,
)
def mse_half(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.mse_loss(h_s, h_t) / 2, *settings)


@mistake(
    "train_mse_loss",
    en="The differences are taken absolute, not squared.",
    ko="차이의 제곱이 아니라 절댓값을 사용했습니다.",
    line=1,
)
def mse_absolute(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.l1_loss(h_s, h_t), *settings)


@mistake(
    "train_mse_loss",
    en="The logits are compared. The exercise compares feature maps: the regressor's with the teacher's.",
    ko="logit끼리 비교했습니다. 이 문제에서는 regressor의 feature map과 teacher의 feature map을 비교합니다.",
    line=1,
)
def mse_of_logits(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.mse_loss(l_s, l_t), *settings)


@mistake(
    "train_mse_loss",
    en="The loss is right, but it has no gradient by the feature map: the regressor's output is cut off from "
    "the graph, so neither regressor nor convolutions learn from it. Only the teacher's may be.",
    ko="loss는 맞지만 feature map에 대한 gradient가 없습니다. regressor의 출력이 그래프에서 끊겨 regressor도 "
    "합성곱도 배우지 못합니다. 끊어도 되는 것은 teacher의 것뿐입니다.",
)
def mse_student_cut_off(*settings):
    match(lambda h_s, h_t, l_s, l_t: F.mse_loss(h_s.detach(), h_t), *settings)


@mistake(
    "train_mse_loss",
    en="This is the cosine loss of the exercise before. Here the maps are compared entry by entry, by their "
    "mean squared error.",
    ko="앞 문제의 cosine loss를 사용했습니다. 여기서는 두 feature map을 원소별로, 평균 제곱 오차로 비교합니다.",
    line=1,
)
def mse_cosine(*settings):
    match(lambda h_s, h_t, l_s, l_t: 1 - F.cosine_similarity(h_s.flatten(1), h_t.flatten(1)).mean(), *settings)


@mistake(
    "train_mse_loss",
    en="The regressor does not move: the optimizer was given only some of the student's parameters.",
    ko="regressor가 움직이지 않습니다. optimizer에 student의 파라미터 일부만 넘겼습니다.",
)
def mse_regressor_not_trained(*settings):
    def rest(teacher, student):
        return [weight for name, weight in student.named_parameters() if not name.startswith("regressor")]

    match(mse, *settings, learns=rest)


@mistake(
    "train_mse_loss",
    en="The teacher has no influence: the term of the feature maps is not part of the sum, or is always 0. One "
    "of its two maps has to be the output of the student's regressor.",
    ko="teacher의 영향이 전혀 없습니다. feature map 항이 합에서 빠졌거나 언제나 0입니다. 두 feature map 중 "
    "하나는 student의 regressor가 반환한 것이어야 합니다.",
    line=2,
)
def mse_term_missing(*settings):
    match(mse, *settings, weights=lambda guide, label: (0.0, label))


@mistake(
    "train_mse_loss",
    en="The loss on the labels does not count: the sum lacks it, or its weight is 0.",
    ko="레이블에 대한 loss가 반영되지 않습니다. 합에서 빠졌거나 가중치가 0입니다.",
    line=2,
)
def mse_no_labels(*settings):
    match(mse, *settings, weights=lambda guide, label: (guide, 0.0))


@mistake(
    "train_mse_loss",
    en="The term of the feature maps is subtracted: the student is driven away from the teacher.",
    ko="feature map 항을 뺐습니다. 이렇게 하면 student가 teacher에서 멀어집니다.",
    line=2,
)
def mse_minus(*settings):
    match(mse, *settings, weights=lambda guide, label: (-guide, label))


@mistake(
    "train_mse_loss",
    en="The two weights have changed places: each belongs to the loss that it is named after.",
    ko="두 가중치의 자리가 바뀌었습니다. 각 가중치는 이름에 해당하는 loss에 곱해야 합니다.",
    line=2,
)
def mse_weights_swapped(*settings):
    match(mse, *settings, weights=lambda guide, label: (label, guide))


@mistake(
    "train_mse_loss",
    en="The loss on the labels is weighted by 1 minus the other weight. The two weights are arguments of their "
    "own and need not sum to 1.",
    ko="레이블에 대한 loss의 가중치로 1에서 다른 가중치를 뺀 값을 사용했습니다. 두 가중치는 서로 다른 인자이며 "
    "합이 1일 필요가 없습니다.",
    line=2,
)
def mse_one_minus(*settings):
    match(mse, *settings, weights=lambda guide, label: (guide, 1 - guide))


@mistake(
    "train_mse_loss",
    en="Both losses are added with weight 1. The weights are arguments.",
    ko="두 loss를 가중치 1로 더했습니다. 가중치는 인자로 주어집니다.",
    line=2,
)
def mse_weights_ignored(*settings):
    match(mse, *settings, weights=lambda guide, label: (1.0, 1.0))


@mistake(
    "train_mse_loss",
    en="The cross-entropy with the labels is given probabilities. It takes a softmax itself and expects the "
    "student's logits.",
    ko="레이블에 대한 cross-entropy에 확률이 들어갔습니다. 이 함수는 스스로 softmax를 계산하므로 student의 "
    "logit을 넣어야 합니다.",
    line=2,
)
def mse_labels_of_probabilities(*settings):
    match(mse, *settings, hard=lambda l_s, y: F.cross_entropy(l_s.softmax(1), y))


@mistake(
    "train_mse_loss",
    en="The teacher is in training mode: its dropout disturbs what it says, and its BatchNorm statistics "
    "change. Set its mode at the beginning.",
    ko="teacher가 학습 모드입니다. dropout 때문에 teacher의 출력이 흔들리고 BatchNorm의 통계가 바뀝니다. 시작할 "
    "때 teacher의 모드를 설정해 주세요.",
)
def mse_teacher_in_training_mode(*settings):
    match(mse, *settings, modes=(True, True))


@mistake(
    "train_mse_loss",
    en="The student is in evaluation mode while it is trained: its dropout is off. Set its mode at the beginning.",
    ko="student가 평가 모드인 채로 학습되어 dropout이 꺼져 있습니다. 시작할 때 student의 모드를 설정해 주세요.",
)
def mse_student_in_evaluation_mode(*settings):
    match(mse, *settings, modes=(False, False))


@mistake(
    "train_mse_loss",
    en="The modes are the wrong way round, or were never set: the teacher is in training mode, the student in "
    "evaluation mode.",
    ko="두 네트워크의 모드가 반대이거나 설정되지 않았습니다. teacher가 학습 모드이고 student가 평가 모드입니다.",
)
def mse_modes_exchanged(*settings):
    match(mse, *settings, modes=(True, False))


@mistake(
    "train_mse_loss",
    en="The student does not move: the optimizer was given the teacher's parameters.",
    ko="student가 움직이지 않습니다. optimizer에 teacher의 파라미터를 넘겼습니다.",
)
def mse_optimizer_of_teacher(*settings):
    match(mse, *settings, learns=teacher_only)


@mistake(
    "train_mse_loss",
    en="The teacher learns along with the student: the optimizer has the parameters of both and the gradient "
    "reaches the teacher. The teacher is to stay as it is.",
    ko="teacher도 student와 함께 학습되고 있습니다. optimizer가 두 네트워크의 파라미터를 모두 가지고 있고 "
    "gradient가 teacher까지 전달됩니다. teacher는 그대로 두어야 합니다.",
)
def mse_teacher_moves_too(*settings):
    match(mse, *settings, learns=both, graph=True)


@mistake(
    "train_mse_loss",
    en="The two networks have changed places throughout: the teacher is trained, and the student tells it what "
    "to do.",
    ko="두 네트워크의 역할이 통째로 바뀌었습니다. teacher가 학습되고 student가 가르치고 있습니다.",
)
def mse_networks_swapped(teacher, student, *settings):
    match(mse, student, teacher, *settings)


@mistake(
    "train_mse_loss",
    en="From the second step on, the gradient is the sum of all gradients so far: PyTorch adds to what is "
    "there. Something has to clear it before each backward pass.",
    ko="두 번째 단계부터 gradient가 지금까지의 gradient를 모두 더한 값입니다. PyTorch는 gradient를 기존 값에 "
    "누적하므로, backward 전에 매번 지워야 합니다.",
)
def mse_no_zero_grad(*settings):
    match(mse, *settings, run=adding_up)


@mistake(
    "train_mse_loss",
    en="The gradient is cleared between the backward pass and the step, so the optimizer has nothing to go by. "
    "Check the order of the calls.",
    ko="backward와 step 사이에서 gradient를 지웠기 때문에 optimizer가 사용할 gradient가 없습니다. 호출 순서를 "
    "확인해 보세요.",
)
def mse_zero_grad_late(*settings):
    match(mse, *settings, run=cleared_late)


@mistake(
    "train_mse_loss",
    en="The student's weights do not move, as no optimizer step follows a backward pass. Each batch needs both, "
    "in that order.",
    ko="backward 다음에 optimizer의 step이 실행되지 않아 student의 가중치가 움직이지 않습니다. 각 batch마다 두 "
    "가지가 순서대로 필요합니다.",
)
def mse_no_step(*settings):
    match(mse, *settings, run=without_steps)


@mistake(
    "train_mse_loss",
    en="Training ends after the first batch. Look at the indentation of `return`: it must stand outside of both "
    "loops.",
    ko="첫 번째 batch만 학습하고 끝납니다. `return`의 들여쓰기를 확인해 보세요. 두 반복문 바깥에 있어야 합니다.",
)
def mse_first_batch_only(*settings):
    match(mse, *settings, run=first_batch)


@mistake(
    "train_mse_loss",
    en="There is one step in each epoch, for its last batch. Look at the indentation: the backward pass and the "
    "step belong into the loop over the batches.",
    ko="각 epoch마다 마지막 batch에 대해서만 한 번 갱신합니다. 들여쓰기를 확인해 보세요. backward와 step은 "
    "batch에 대한 반복문 안에 있어야 합니다.",
)
def mse_last_batch_only(*settings):
    match(mse, *settings, run=last_batch)


@mistake(
    "train_mse_loss",
    en="The data is gone through once, whatever `epochs` says.",
    ko="`epochs` 값과 관계없이 데이터를 한 번만 학습합니다.",
)
def mse_one_epoch(*settings):
    match(mse, *settings, run=one_epoch)


@mistake(
    "train_mse_loss",
    en="Losses and gradients begin right, but the steps are those of a learning rate of 0.001: the default of "
    "Adam, or a fixed number. The learning rate is an argument.",
    ko="loss와 gradient의 첫 값은 맞지만 learning rate가 0.001일 때처럼 움직입니다. Adam의 기본값이거나 고정된 "
    "숫자인 것 같습니다. learning rate는 인자로 주어집니다.",
)
def mse_fixed_rate(*settings):
    match(mse, *settings, run=fixed_rate)


@mistake(
    "train_mse_loss",
    en="Losses and gradients begin right, but the weights move along the plain gradient (SGD). The notebook "
    "trains with Adam.",
    ko="loss와 gradient의 첫 값은 맞지만 가중치가 gradient를 그대로 따라 움직입니다(SGD). 노트북에서는 Adam으로 "
    "학습합니다.",
)
def mse_sgd(*settings):
    match(mse, *settings, run=plain_gradient)
