# mypy: disable-error-code="name-defined"
"""Second opinion on `solution_tensorflow.py`: the same exercises written anew in PyTorch.

Inputs are laid out as in TensorFlow (feature maps NHWC). Different library calls are used on purpose
where there is a choice, so that a slip in one file is not repeated in the other. Formulas, shapes
and sources are in `solution_tensorflow.py`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def knowledge_distillation(l_t: Tensor, l_s: Tensor, T: float) -> Tensor:
    """Mean over the batch of the cross-entropy between softened classes. [B, C], [B, C] -> []."""
    return F.cross_entropy(l_s / T, torch.softmax(l_t / T, dim=1))


def loss_with_kd(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Label loss plus 0.5 x distillation at T = 2. [B, C], [B, C] -> [B]."""
    return keras_cross_entropy(y_true, y_pred) + 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)


def attention_transfer(x_t: Tensor, x_s: Tensor) -> Tensor:
    """Mean distance of unit attention maps. [B, H, W, C_t], [B, H, W, C_s] -> []."""
    a_t = F.normalize(x_t.abs().sum(dim=3).flatten(1), dim=1)
    a_s = F.normalize(x_s.abs().sum(dim=3).flatten(1), dim=1)
    return (a_t - a_s).square().sum(dim=1).sqrt().mean()


def loss_with_at(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Label loss plus 0.1 x attention transfer over three blocks. [B, C], [B, C] -> [B]."""
    pairs = ((x1_t, x1_s), (x2_t, x2_s), (x3_t, x3_s))
    return keras_cross_entropy(y_true, y_pred) + 0.1 * sum(attention_transfer(t, s) for t, s in pairs)


def relational_knowledge_distillation(l_t: Tensor, l_s: Tensor) -> Tensor:
    """Mean Huber loss of distances relative to their mean. [B, C_t], [B, C_s] -> []."""
    d_t, d_s = pairwise_distance(l_t), pairwise_distance(l_s)
    return F.smooth_l1_loss(d_s / d_s.mean(), d_t / d_t.mean())


def pairwise_distance(z: Tensor) -> Tensor:
    """Euclidean distances between rows, clipped to [1e-6, 100]. [B, D] -> [B, B].

    `torch.linalg.vector_norm` has gradient 0 at 0, so the clip costs the diagonal nothing.
    """
    return torch.linalg.vector_norm(z[:, None] - z[None, :], dim=-1).clamp(1e-6, 100)


def loss_with_rkd(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Label loss plus 0.1 x relational distillation. [B, C], [B, C] -> [B]."""
    return keras_cross_entropy(y_true, y_pred) + 0.1 * relational_knowledge_distillation(logits_t, logits_s)


def keras_cross_entropy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`keras.losses.categorical_crossentropy` on probabilities. [B, C], [B, C] -> [B].

    Keras divides each row by its sum and clips to [1e-7, 1 - 1e-7] before the logarithm. The
    division does not change the value of a row that sums to 1, but it does change the gradient.
    """
    p = y_pred / y_pred.sum(dim=-1, keepdim=True)
    return -(y_true * p.clamp(1e-7, 1 - 1e-7).log()).sum(dim=-1)
