"""Reference answers of the exercises in `assignments/distillation_torch`, in PyTorch.

Classes and functions have the names and arguments of the notebook. Images are [B, 3, 32, 32]; all of it
keeps the dtype of its inputs: float32 as learners use it, float64 for expected values.
"""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

Batches = Iterable[tuple[Tensor, Tensor]]  # images [B, 3, 32, 32], labels int64 [B]


# ---------------------------------------------------------------- networks


class DeepNN(nn.Module):
    """The teacher: four convolutions, two linear layers; 1,186,986 parameters with ten classes.

    forward: [B, 3, 32, 32] -> logits [B, num_classes].
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 128, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(128, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = head(2048, 512, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class LightNN(nn.Module):
    """The student: two convolutions, two linear layers; 267,738 parameters with ten classes.

    forward: [B, 3, 32, 32] -> logits [B, num_classes].
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = head(1024, 256, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def head(inputs: int, hidden: int, num_classes: int) -> nn.Sequential:
    """Two linear layers with a ReLU and a dropout of 0.1 between them. [B, inputs] -> [B, num_classes]."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, num_classes))


class ModifiedDeepNNCosine(DeepNN):
    """forward: -> (logits [B, num_classes], features averaged in pairs [B, 1024])."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat = self.features(x).flatten(1)
        return self.classifier(flat), F.avg_pool1d(flat.unsqueeze(1), 2).squeeze(1)


class ModifiedLightNNCosine(LightNN):
    """forward: -> (logits [B, num_classes], features [B, 1024])."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat = self.features(x).flatten(1)
        return self.classifier(flat), flat


class ModifiedDeepNNRegressor(DeepNN):
    """forward: -> (logits [B, num_classes], feature map [B, 32, 8, 8])."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        feature_map = self.features(x)
        return self.classifier(feature_map.flatten(1)), feature_map


class ModifiedLightNNRegressor(LightNN):
    """forward: -> (logits [B, num_classes], feature map taken to the teacher's channels [B, 32, 8, 8])."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__(num_classes)
        self.regressor = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        feature_map = self.features(x)
        return self.classifier(feature_map.flatten(1)), self.regressor(feature_map)


# ---------------------------------------------------------------- loops


def minimise(
    loss_of: Callable[[Tensor, Tensor], Tensor],
    student: nn.Module,
    batches: Batches,
    epochs: int,
    learning_rate: float,
    device: torch.device,
) -> list[float]:
    """Adam on the student's parameters, `loss_of(images, labels)` of each batch of each epoch; the mean losses."""
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    means = []
    for _ in range(epochs):
        losses = []
        for images, labels in batches:
            optimizer.zero_grad()
            loss = loss_of(images.to(device), labels.to(device))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        means.append(sum(losses) / len(losses))
    return means


def train(
    model: nn.Module, train_loader: Batches, epochs: int, learning_rate: float, device: torch.device
) -> list[float]:
    """Train on the labels alone, with cross-entropy. Returns the mean loss of each epoch, in nats."""
    model.to(device).train()
    return minimise(
        lambda images, labels: F.cross_entropy(model(images), labels),
        model, train_loader, epochs, learning_rate, device,
    )  # fmt: skip


def test(model: nn.Module, test_loader: Batches, device: torch.device) -> float:
    """The share of images whose largest logit is the label's, in per cent."""
    return accuracy(model, test_loader, device)


def test_multiple_outputs(model: nn.Module, test_loader: Batches, device: torch.device) -> float:
    """`test` for a model that returns (logits, something else)."""
    return accuracy(model, test_loader, device, lambda outputs: outputs[0])


def accuracy(
    model: nn.Module,
    batches: Batches,
    device: torch.device,
    logits_of: Callable[[Tensor], Tensor] = lambda outputs: outputs,
) -> float:
    """Per cent of right answers, in evaluation mode, without a graph."""
    model.to(device).eval()
    right = total = 0
    with torch.no_grad():
        for images, labels in batches:
            predicted = logits_of(model(images.to(device))).argmax(dim=1)
            right += int((predicted == labels.to(device)).sum())
            total += len(labels)
    return 100 * right / total


def train_knowledge_distillation(
    teacher: nn.Module,
    student: nn.Module,
    train_loader: Batches,
    epochs: int,
    learning_rate: float,
    T: float,
    soft_target_loss_weight: float,
    ce_loss_weight: float,
    device: torch.device,
) -> list[float]:
    """Train the student on the teacher's softened probabilities and on the labels.

        soft_weight * T^2 * mean_b KL(p_t || p_s) + ce_weight * CE(l_s, labels),  p = softmax(l / T)

    T^2 makes up for the gradient, which shrinks with 1 / T^2. Sums run over classes, means over the batch.

    Source: Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531,
        section 2.
    """
    teacher.to(device).eval()
    student.to(device).train()

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            teacher_logits = teacher(images)
        student_logits = student(images)
        soft = F.kl_div(
            F.log_softmax(student_logits / T, dim=1), F.softmax(teacher_logits / T, dim=1), reduction="batchmean"
        )
        return soft_target_loss_weight * T**2 * soft + ce_loss_weight * F.cross_entropy(student_logits, labels)

    return minimise(loss_of, student, train_loader, epochs, learning_rate, device)


def train_cosine_loss(
    teacher: nn.Module,
    student: nn.Module,
    train_loader: Batches,
    epochs: int,
    learning_rate: float,
    hidden_rep_loss_weight: float,
    ce_loss_weight: float,
    device: torch.device,
) -> list[float]:
    """Train the student on the direction of the teacher's hidden representation and on the labels.

        hidden_weight * mean_b (1 - cos(h_s, h_t)) + ce_weight * CE(l_s, labels)

    Both networks return (logits, hidden representation [B, D] or [B, 1, D]).

    Source: torch.nn.CosineEmbeddingLoss with target 1.
    """
    teacher.to(device).eval()
    student.to(device).train()

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            _, teacher_hidden = teacher(images)
        student_logits, student_hidden = student(images)
        alike = torch.ones(len(images), dtype=student_hidden.dtype, device=device)
        hidden = F.cosine_embedding_loss(student_hidden.flatten(1), teacher_hidden.flatten(1), alike)
        return hidden_rep_loss_weight * hidden + ce_loss_weight * F.cross_entropy(student_logits, labels)

    return minimise(loss_of, student, train_loader, epochs, learning_rate, device)


def train_mse_loss(
    teacher: nn.Module,
    student: nn.Module,
    train_loader: Batches,
    epochs: int,
    learning_rate: float,
    feature_map_weight: float,
    ce_loss_weight: float,
    device: torch.device,
) -> list[float]:
    """Train the student, its regressor included, on the teacher's feature maps and on the labels.

        map_weight * mean((r(f_s) - f_t)^2) + ce_weight * CE(l_s, labels)

    The mean is over all entries of the maps. Both networks return (logits, feature map [B, 32, 8, 8]).

    Source: Romero et al. 2015, "FitNets: Hints for Thin Deep Nets", arXiv:1412.6550, equation 3 (there a
        sum and a stage of its own; here a mean, next to the labels).
    """
    teacher.to(device).eval()
    student.to(device).train()

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            _, teacher_map = teacher(images)
        student_logits, student_map = student(images)
        return feature_map_weight * F.mse_loss(student_map, teacher_map) + ce_loss_weight * F.cross_entropy(
            student_logits, labels
        )

    return minimise(loss_of, student, train_loader, epochs, learning_rate, device)
