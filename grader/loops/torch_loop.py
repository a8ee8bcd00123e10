"""Short trainings in PyTorch: functional operations on views of one vector of weights, the protocol of `tf_loop`.

Eager; the numbers are those of TensorFlow's loop: the same layout of weights, padding as TensorFlow's "same",
batch normalisation with the statistics of the batch, and Adam with Keras' epsilon outside the bias correction.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from grader import network
from grader.loops import BETA_1, BETA_2, EPSILON, STUDENT_NAMES, TEACHER_NAMES, Bind, Loss, Settings
from grader.types import Array


class Net:
    """What `student` and `teacher` mean to a learner's loss: enough of a module for what losses touch.

    `net(images)` gives probabilities (images in the layout that the maps have); `inputs` are the images of the
    batch; `weights`, `trainable_weights`, `trainable_variables` and `parameters()` are the parameters as tensors.
    Nothing can be assigned or trained through it.
    """

    def __init__(self, torch: Any, name: str, weights: list[Any], inputs: Any, channels_last: bool) -> None:
        self.name = name
        self.losses: list[Any] = []
        self.weights = weights
        self.trainable_weights = self.trainable_variables = weights if name == "student" else []
        self._torch = torch
        self._channels_last = channels_last
        self.inputs = inputs.permute(0, 2, 3, 1) if channels_last else inputs

    def __call__(self, images: Any, training: bool = True) -> Any:
        images = images.permute(0, 3, 1, 2) if self._channels_last else images
        return self._torch.softmax(forward(self._torch, self.weights, images)[0], 1)

    def parameters(self) -> list[Any]:
        return self.weights


class Loop:
    """Trains students with a learner's loss. Images and the teacher's outputs are kept.

    Memory: all feature maps of the teacher on all transfer images (for width 16, 115 KB an image of 32 x 32).
    """

    def __init__(self, module: Any, shared: Mapping[str, Array], settings: Settings) -> None:
        self.torch = torch = module
        self.device = "cuda" if settings.get("gpu", 0) else "cpu"
        if settings.get("gpu", 0):
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        self.images = self._tensor(shared["images"]).permute(0, 3, 1, 2).contiguous()
        self.held_out = self._tensor(shared["held_out"]).permute(0, 3, 1, 2).contiguous()
        self.teacher: list[Any] = []
        self.teacher_outputs: dict[str, Any] = {}
        if "teacher" in shared:
            self.teacher = self._split(self._tensor(shared["teacher"]), settings, "teacher_width")
            with torch.no_grad():
                parts = [forward(torch, self.teacher, self.images[s]) for s in network.slices(len(self.images))]
            joined = (torch.cat(part) for part in zip(*parts, strict=True))
            self.teacher_outputs = dict(zip(TEACHER_NAMES, joined, strict=True))

    def _tensor(self, array: Array) -> Any:
        return self.torch.from_numpy(array.copy()).to(self.device)

    def _split(self, flat: Any, settings: Settings, width: str) -> list[Any]:
        """The parameters as views of the vector; kernels as PyTorch wants them, (out, in, height, width)."""
        shapes = network.shapes(int(settings[width]), int(settings["classes"]), self.images.shape[1])
        parts = flat.split([prod(shape) for shape in shapes])
        views = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
        return [view.permute(3, 2, 0, 1) if view.ndim == 4 else view for view in views]

    def run(self, function: Loss, bind: Bind, inputs: Mapping[str, Array], settings: Settings) -> dict[str, Array]:
        """One training: "predictions" uint8 (checkpoints, M), "curve" float32 (steps,), "weights" if asked for.

        Raises whatever `function` raises.
        """
        torch = self.torch
        for seed in (torch.manual_seed, np.random.seed, random.seed):  # for losses that draw numbers
            seed(int(settings.get("seed", 0)))
        indices = self._tensor(inputs["indices"]).long()
        labels = self._one_hot(inputs["labels"], int(settings["classes"]))
        flat = self._tensor(inputs["weights"]).requires_grad_(True)
        m, v = torch.zeros_like(flat), torch.zeros_like(flat)
        rate = float(settings["learning_rate"])
        curve, predictions = [], []
        for part in network.segments(len(indices), int(settings["checkpoints"])):
            for k in range(part.start, part.stop):
                weights = self._split(flat, settings, "width")
                value = self._loss(function, bind, weights, indices[k], labels[k], settings)
                curve.append(value.detach())
                gradient = torch.autograd.grad(value, flat, allow_unused=True)[0] if value.requires_grad else None
                with torch.no_grad():
                    update(flat, m, v, gradient if gradient is not None else torch.zeros_like(flat), k + 1, rate)
            predictions.append(self._classify(flat, settings))
        found = {"predictions": np.stack(predictions), "curve": torch.stack(curve).cpu().numpy()}
        return found | ({"weights": flat.detach().cpu().numpy()} if settings.get("return_weights") else {})

    def _one_hot(self, labels: Array, classes: int) -> Any:
        return self._tensor((labels[..., None] == np.arange(classes)).astype(np.float32))

    def _loss(
        self, function: Loss, bind: Bind, weights: list[Any], indices: Any, labels: Any, settings: Settings
    ) -> Any:
        """The mean of the learner's loss on one batch, with the names bound that it may read."""
        torch = self.torch
        last = bool(settings.get("channels_last", 1))
        images = self.images[indices]
        names = {name: array[indices] for name, array in self.teacher_outputs.items()}
        names |= zip(STUDENT_NAMES, forward(torch, weights, images), strict=True)
        if last:
            names = {n: tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor for n, tensor in names.items()}
        names["student"] = Net(torch, "student", weights, images, last)
        if self.teacher:
            names["teacher"] = Net(torch, "teacher", self.teacher, images, last)
        with bind(names):
            value = function(labels, torch.softmax(names["logits_s"], 1))
        if value is None:
            raise TypeError(network.NOTHING)
        return torch.as_tensor(value).float().mean()

    def _classify(self, flat: Any, settings: Settings) -> Array:
        """The class of each held-out image, uint8 (M,)."""
        with self.torch.no_grad():
            weights = self._split(flat, settings, "width")
            parts = [forward(self.torch, weights, self.held_out[s])[0] for s in network.slices(len(self.held_out))]
        predicted: Array = np.concatenate([part.cpu().numpy() for part in parts]).argmax(1).astype(np.uint8)
        return predicted


def update(flat: Any, m: Any, v: Any, gradient: Any, t: int, rate: float) -> None:
    """One step of Adam, in place."""
    m.lerp_(gradient, 1 - BETA_1)
    v.lerp_(gradient * gradient, 1 - BETA_2)
    scale = rate * (1 - BETA_2**t) ** 0.5 / (1 - BETA_1**t)
    flat.addcdiv_(m, v.sqrt().add_(EPSILON), value=-scale)


def forward(torch: Any, weights: list[Any], images: Any) -> tuple[Any, ...]:
    """Logits and the feature maps of the three stages, (B, C, H, W) each."""
    nn = torch.nn.functional
    x, maps, parameters = images, [], iter(weights)
    for stage in range(network.STAGES):
        if stage:
            x = pool(nn, x)
        for _ in range(network.BLOCKS):
            kernel, bias, gamma, beta = (next(parameters) for _ in range(4))
            x = nn.conv2d(x, kernel, bias, padding=1)
            x = torch.relu(nn.batch_norm(x, None, None, gamma, beta, True, 0.0, network.EPSILON))
        maps.append(x)
    kernel, bias = parameters
    return torch.addmm(bias, x.mean((2, 3)), kernel), *maps


def pool(nn: Any, x: Any) -> Any:
    """Max pool 3x3 of stride 2, padded as TensorFlow's "same": an even length at its end, an odd one at both."""
    high, wide = (n % 2 for n in x.shape[2:])
    return nn.max_pool2d(x, 3, 2, (high, wide), ceil_mode=True)
