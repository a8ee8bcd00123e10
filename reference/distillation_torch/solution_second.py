"""Second opinion on `solution_torch.py`: the same exercises by hand, so that no slip is made twice.

Convolutions as matrix products over patches, softmax, divergence, cosine and the steps of Adam from their
formulas, the parameters as plain tensors. What is meant and where it comes from stands in `solution_torch.py`.
"""

import numpy as np
import torch
from torch import Tensor, nn

# ---------------------------------------------------------------- layers


def weight(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape) * 0.1)


def conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """3 x 3 with a rim of zeros. [B, C, H, W], [K, C, 3, 3], [K] -> [B, K, H, W]."""
    rows, _, height, width = x.shape
    padded = torch.zeros(rows, x.shape[1], height + 2, width + 2, dtype=x.dtype)
    padded[:, :, 1:-1, 1:-1] = x
    total = torch.zeros(rows, w.shape[0], height, width, dtype=x.dtype)
    for i in range(3):
        for j in range(3):
            shifted = padded[:, :, i : i + height, j : j + width]
            total = total + torch.einsum("bchw,kc->bkhw", shifted, w[:, :, i, j])
    return total + b[:, None, None]


def relu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.zeros_like(x))


def pool(x: Tensor) -> Tensor:
    """The largest of each 2 x 2."""
    rows, channels, height, width = x.shape
    return x.reshape(rows, channels, height // 2, 2, width // 2, 2).amax((3, 5))


class Deep(nn.Module):
    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.w5, self.b5 = weight(512, 2048), weight(512)
        self.w6, self.b6 = weight(num_classes, 512), weight(num_classes)
        self.w1, self.b1 = weight(128, 3, 3, 3), weight(128)
        self.w2, self.b2 = weight(64, 128, 3, 3), weight(64)
        self.w3, self.b3 = weight(64, 64, 3, 3), weight(64)
        self.w4, self.b4 = weight(32, 64, 3, 3), weight(32)

    def map(self, x: Tensor) -> Tensor:
        x = relu(conv(relu(conv(x, self.w1, self.b1)), self.w2, self.b2))
        x = relu(conv(relu(conv(pool(x), self.w3, self.b3)), self.w4, self.b4))
        return pool(x)

    def logits(self, map: Tensor) -> Tensor:
        hidden = relu(map.reshape(len(map), 2048) @ self.w5.T + self.b5)
        return nn.functional.dropout(hidden, 0.1, self.training) @ self.w6.T + self.b6


class Light(nn.Module):
    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.w3, self.b3 = weight(256, 1024), weight(256)
        self.w4, self.b4 = weight(num_classes, 256), weight(num_classes)
        self.w1, self.b1 = weight(16, 3, 3, 3), weight(16)
        self.w2, self.b2 = weight(16, 16, 3, 3), weight(16)

    def map(self, x: Tensor) -> Tensor:
        return pool(relu(conv(pool(relu(conv(x, self.w1, self.b1))), self.w2, self.b2)))

    def logits(self, map: Tensor) -> Tensor:
        hidden = relu(map.reshape(len(map), 1024) @ self.w3.T + self.b3)
        return nn.functional.dropout(hidden, 0.1, self.training) @ self.w4.T + self.b4


class DeepNN(Deep):
    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.map(x))


class LightNN(Light):
    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.map(x))


class ModifiedDeepNNCosine(Deep):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        map = self.map(x)
        pairs = map.reshape(len(map), 1024, 2)
        return self.logits(map), (pairs[:, :, 0] + pairs[:, :, 1]) / 2


class ModifiedLightNNCosine(Light):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        map = self.map(x)
        return self.logits(map), map.reshape(len(map), 1024)


class ModifiedDeepNNRegressor(Deep):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        map = self.map(x)
        return self.logits(map), map


class ModifiedLightNNRegressor(Light):
    def __init__(self, num_classes: int = 10) -> None:
        super().__init__(num_classes)
        self.w5, self.b5 = weight(32, 16, 3, 3), weight(32)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        map = self.map(x)
        return self.logits(map), conv(map, self.w5, self.b5)


# ---------------------------------------------------------------- training by hand


class Adam(torch.optim.Optimizer):
    """Kingma & Ba 2015, arXiv:1412.6980, algorithm 1."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        for group in self.param_groups:
            for p in group["params"]:
                s = self.state[p]
                g = p.grad
                s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
                s["v"] = 0.999 * s.get("v", 0.0) + 0.001 * g * g
                m, v = s["m"] / (1 - 0.9**self.t), s["v"] / (1 - 0.999**self.t)
                p -= group["lr"] * m / (v.sqrt() + 1e-8)


def log_probabilities(logits):
    shifted = logits - logits.max(1, keepdim=True).values.detach()
    return shifted - shifted.exp().sum(1, keepdim=True).log()


def label_loss(logits, labels):
    total = 0.0
    for row, label in zip(log_probabilities(logits), labels.tolist()):
        total = total - row[label]
    return total / len(labels)


def descend(student, loader, epochs, learning_rate, loss_of):
    optimizer = Adam(list(student.parameters()), learning_rate)
    batches = [batch for _ in range(epochs) for batch in loader]
    for images, labels in batches:
        for parameter in student.parameters():
            parameter.grad = None
        loss_of(images, labels).backward()
        optimizer.step()


def prepared(teacher, student):
    for module in teacher.modules():
        module.training = False
    for module in student.modules():
        module.training = True


def train(model, train_loader, epochs, learning_rate, device):
    for module in model.modules():
        module.training = True
    descend(model, train_loader, epochs, learning_rate, lambda x, y: label_loss(model(x), y))


def train_knowledge_distillation(
    teacher, student, train_loader, epochs, learning_rate, T, soft_target_loss_weight, ce_loss_weight, device
):
    prepared(teacher, student)

    def loss_of(images, labels):
        logits = student(images)
        log_t, log_s = log_probabilities(teacher(images).detach() / T), log_probabilities(logits / T)
        divergence = (log_t.exp() * (log_t - log_s)).sum() / len(images)
        return soft_target_loss_weight * T * T * divergence + ce_loss_weight * label_loss(logits, labels)

    descend(student, train_loader, epochs, learning_rate, loss_of)


def train_cosine_loss(
    teacher, student, train_loader, epochs, learning_rate, hidden_rep_loss_weight, ce_loss_weight, device
):
    prepared(teacher, student)

    def loss_of(images, labels):
        logits, h_s = student(images)
        h_t = teacher(images)[1].detach().reshape(h_s.shape)
        cosine = (h_s * h_t).sum(1) / ((h_s * h_s).sum(1) * (h_t * h_t).sum(1)).sqrt()
        return hidden_rep_loss_weight * (1 - cosine.mean()) + ce_loss_weight * label_loss(logits, labels)

    descend(student, train_loader, epochs, learning_rate, loss_of)


def train_mse_loss(
    teacher, student, train_loader, epochs, learning_rate, feature_map_weight, ce_loss_weight, device
):
    prepared(teacher, student)

    def loss_of(images, labels):
        logits, map_s = student(images)
        difference = map_s - teacher(images)[1].detach()
        squares = (difference * difference).sum() / difference.numel()
        return feature_map_weight * squares + ce_loss_weight * label_loss(logits, labels)

    descend(student, train_loader, epochs, learning_rate, loss_of)


# ---------------------------------------------------------------- evaluation


def test(model, test_loader, device):
    return per_cent(model, test_loader, lambda outputs: outputs)


def test_multiple_outputs(model, test_loader, device):
    return per_cent(model, test_loader, lambda outputs: outputs[0])


@torch.inference_mode()
def per_cent(model, loader, logits_of):
    model.eval()
    hits = [
        int(np.argmax(row)) == int(label)
        for images, labels in loader
        for row, label in zip(logits_of(model(images)).numpy(), labels)
    ]
    return 100.0 * sum(hits) / len(hits)
