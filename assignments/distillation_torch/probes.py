"""How the classes and loops of this assignment are tried: on small networks, fixed weights, a few steps.

Nothing in here knows an answer. Networks take their weights from a seed and compute in the dtype of the
images. Chance is taken out of dropout: it always drops the same entries, so that what counts is where it
stands, how much it drops and whether it is switched on.
"""

import contextlib
import importlib.util
import sys
import types

import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.data import DataLoader, TensorDataset

CPU = torch.device("cpu")
HIDDEN = 1024  # width of the hidden representations and ...
MAP = (32, 8, 8)  # ... shape of the feature maps that the notebook's networks return


def before_loading():
    """Dropout without chance, `.cuda()` that stays where the probes are, progress bars without their package."""
    torch.nn.functional.dropout = fixed_dropout
    torch.Tensor.cuda = nn.Module.cuda = lambda self, *args, **kwargs: self
    for name in ("tqdm", "tqdm.auto", "tqdm.notebook"):
        module = types.ModuleType(name)
        module.__spec__ = importlib.util.spec_from_loader(name, loader=None)
        module.tqdm, module.trange = Progress, lambda *args, **kwargs: Progress(range(*args))
        sys.modules[name] = module
    sys.modules["tqdm"].auto, sys.modules["tqdm"].notebook = sys.modules["tqdm.auto"], sys.modules["tqdm.notebook"]


def fixed_dropout(input, p=0.5, training=True, inplace=False):
    """Dropout by a pattern that depends on the number of entries alone; the rest grows by 1 / (1 - p), as ever."""
    if not training or p == 0.0:
        return input
    kept = np.random.default_rng(input.numel()).random(input.numel()) >= p
    return input * torch.from_numpy(kept.reshape(input.shape)).to(input.dtype) / (1.0 - p)


class Progress:
    """A progress bar that shows nothing."""

    def __init__(self, iterable=(), *args, **kwargs):
        self.iterable = iterable

    def __iter__(self):
        return iter(self.iterable)

    def __len__(self):
        return len(self.iterable)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


# ---------------------------------------------------------------- weights


def fill(network, seed, dtype):
    """The network in `dtype`, every parameter drawn by `seed`, its shape and its place among those of that shape.

    So it does not matter in which order a class makes its layers, or what it calls them.
    """
    count = {}
    with torch.no_grad():
        for name, weight in [*network.named_parameters(), *network.named_buffers()]:
            if not weight.is_floating_point():
                continue
            shape = tuple(weight.shape)
            count[shape] = count.get(shape, 0) + 1
            random = np.random.default_rng([int(seed), count[shape], *shape])
            drawn = random.standard_normal(shape, np.float32)
            if len(shape) > 1:
                drawn *= np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
            elif name.endswith(("weight", "var")):  # of a BatchNorm
                drawn = 1.0 + 0.5 * np.abs(drawn)
            else:
                drawn *= np.float32(0.3)
            weight.copy_(torch.from_numpy(np.asarray(drawn, np.float32)))
    return network.to(dtype)


def weighted(network, images, seed):
    """`fill` in the dtype of the images."""
    return fill(network, seed, torch.from_numpy(images).dtype)


def state(network):
    """All parameters and running statistics, one after the other."""
    return torch.cat([t.detach().double().ravel() for t in network.state_dict().values()])


# ---------------------------------------------------------------- classes: parameters and what they compute


def made(kind, classes, seed, images):
    """An instance of a learner's class with drawn weights."""
    network = kind(int(classes))
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in network.parameters()):
        with torch.no_grad():
            network.eval()(torch.zeros(1, *images.shape[1:]))
    return weighted(network, images, seed)


def computed(kind, images, seed, classes):
    """(number of parameters, outputs in evaluation mode, outputs in training mode)."""
    network = made(kind, classes, seed, images)
    parameters = sum(p.numel() for p in network.parameters())
    with torch.no_grad():
        batch = torch.from_numpy(images)
        return parameters, network.eval()(batch), network.train()(batch)


def single(kind, images, seed, classes):
    """A network that returns logits."""
    parameters, evaluated, trained = computed(kind, images, seed, classes)
    return {"parameters": parameters, "logits": evaluated, "training_logits": trained}


def pair(kind, second, flat, images, seed, classes):
    """A network that returns (logits, something else); that is flattened for each image if `flat`."""
    parameters, evaluated, trained = computed(kind, images, seed, classes)
    rows = len(images)
    return {
        "parameters": parameters,
        "logits": evaluated[0].reshape(rows, -1),
        second: evaluated[1].reshape(rows, -1) if flat else evaluated[1],
        "training_logits": trained[0].reshape(rows, -1),
    }


def deep(learner, images, seed, classes):
    return single(learner.DeepNN, images, seed, classes)


def light(learner, images, seed, classes):
    return single(learner.LightNN, images, seed, classes)


def deep_cosine(learner, images, seed, classes):
    return pair(learner.ModifiedDeepNNCosine, "hidden", True, images, seed, classes)


def light_cosine(learner, images, seed, classes):
    return pair(learner.ModifiedLightNNCosine, "hidden", True, images, seed, classes)


def deep_regressor(learner, images, seed, classes):
    return pair(learner.ModifiedDeepNNRegressor, "feature_map", False, images, seed, classes)


def light_regressor(learner, images, seed, classes):
    return pair(learner.ModifiedLightNNRegressor, "feature_map", False, images, seed, classes)


# ---------------------------------------------------------------- small networks for the loops


class Small(nn.Module):
    """features -> dropout -> classifier, and beside the logits what `second` makes of the features.

    `forwards` notes of each forward pass: in training mode? was its graph recorded?
    """

    def __init__(self, features, classifier, second=None):
        super().__init__()
        self.features, self.regressor = features, second
        self.dropout, self.classifier = nn.Dropout(0.25), classifier
        self.forwards = []
        features[-1].register_forward_hook(self._note)

    def _note(self, layer, inputs, output):
        self.forwards.append((layer.training, output.requires_grad))

    def forward(self, x):
        code = self.features(x)
        logits = self.classifier(self.dropout(code.flatten(2).mean(2) if code.dim() == 4 else code))
        return logits if self.regressor is None else (logits, self.regressor(code))


class Repeat(nn.Module):
    """[B, n] -> [B, HIDDEN]: the features over and over."""

    def forward(self, x):
        return x.repeat(1, HIDDEN // x.shape[1])


def dense(images, width, classes, *, norm=False, second=None):
    """A network on the pixels of an image. Norms are for teachers: their statistics move in training mode."""
    first = nn.Linear(int(np.prod(images.shape[1:])), width, bias=not norm)
    layers = [nn.Flatten(), first, *([nn.BatchNorm1d(width)] if norm else []), nn.Tanh()]
    return Small(nn.Sequential(*layers), nn.Linear(width, classes), second)


def convolutional(images, width, classes, second, *, norm=False):
    """A network with feature maps as large as the image."""
    first = nn.Conv2d(images.shape[1], width, 1, bias=not norm)
    layers = [first, *([nn.BatchNorm2d(width)] if norm else []), nn.Tanh()]
    return Small(nn.Sequential(*layers), nn.Linear(width, classes), second)


def loader(images, labels, batch):
    """The images in batches, always in the same order; the last batch may be smaller."""
    data = TensorDataset(torch.from_numpy(images), torch.from_numpy(labels.argmax(1)))
    return DataLoader(data, batch_size=int(batch), shuffle=False)


# ---------------------------------------------------------------- loops: what a few steps do


@contextlib.contextmanager
def recorded(student):
    """Lists of the losses that are minimised and of the student's gradients, one entry for each optimizer step.

    Schedules of the learning rate are a matter of taste: each step uses the rate of the first.
    """
    losses, gradients, pending, rates = [], [], [], {}
    backward = torch.autograd.backward

    def noting(tensors, *args, **kwargs):
        several = tensors if isinstance(tensors, (list, tuple)) else [tensors]
        pending.append(sum(t.detach().sum() for t in several))
        return backward(tensors, *args, **kwargs)

    def before_step(optimizer, args, kwargs):
        for place, group in enumerate(optimizer.param_groups):
            group["lr"] = rates.setdefault((id(optimizer), place), group["lr"])
        if pending:
            losses.append(sum(pending))
            parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in student.parameters()]
            gradients.append(torch.cat([part.detach().ravel() for part in parts]).clone())
            pending.clear()

    hook = register_optimizer_step_pre_hook(before_step)
    torch.autograd.backward = noting
    try:
        yield losses, gradients
    finally:
        torch.autograd.backward = backward
        hook.remove()


def mode(network):
    """The share of forward passes in training mode; None without any.

    Where graphs were recorded only those passes count: to look at the accuracy in between is nobody's mistake.
    """
    recorded_ones = [training for training, graph in network.forwards if graph]
    passes = recorded_ones or [training for training, _ in network.forwards]
    return np.mean(passes) if passes else None


def observed(student, teacher, call):
    """Run `call`, which trains `student`. The modes are at first the opposite of what they should be."""
    student.eval()
    if teacher is not None:
        teacher.train()
    before = [state(network) for network in (student, teacher) if network is not None]
    with recorded(student) as (losses, gradients):
        call()
    seen = {
        "loss": torch.stack(losses) if losses else None,
        "gradient": torch.stack(gradients) if gradients else None,
        "student_change": state(student) - before[0],
        "student_mode": mode(student),
    }
    if teacher is not None:
        seen |= {"teacher_change": state(teacher) - before[1], "teacher_mode": mode(teacher)}
    return seen


def plain_steps(learner, images, labels, seed, batch, epochs, learning_rate):
    model = weighted(dense(images, 6, labels.shape[1]), images, seed)
    batches = loader(images, labels, batch)
    seen = observed(model, None, lambda: learner.train(model, batches, int(epochs), learning_rate, CPU))
    return {name.replace("student", "model"): value for name, value in seen.items()}


def distillation_steps(
    learner, images, labels, seed, batch, epochs, learning_rate, temperature, soft_weight, label_weight
):
    classes = labels.shape[1]
    teacher = weighted(dense(images, 12, classes, norm=True), images, seed)
    student = weighted(dense(images, 6, classes), images, seed + 1)
    settings = (int(epochs), learning_rate, temperature, soft_weight, label_weight, CPU)
    train, batches = learner.train_knowledge_distillation, loader(images, labels, batch)
    return observed(student, teacher, lambda: train(teacher, student, batches, *settings))


def distillation_gradient(learner, images, labels, seed, temperature, soft_weight, label_weight):
    """One step on one batch, and of it the gradient alone: a constant in the loss does not matter here."""
    settings = (len(images), 1, 0.01, temperature, soft_weight, label_weight)
    return {"gradient": distillation_steps(learner, images, labels, seed, *settings)["gradient"]}


def cosine_steps(learner, images, labels, seed, batch, epochs, learning_rate, hidden_weight, label_weight):
    classes = labels.shape[1]
    teacher = weighted(dense(images, 16, classes, norm=True, second=Repeat()), images, seed)
    student = weighted(dense(images, 8, classes, second=Repeat()), images, seed + 1)
    settings = (int(epochs), learning_rate, hidden_weight, label_weight, CPU)
    train, batches = learner.train_cosine_loss, loader(images, labels, batch)
    return observed(student, teacher, lambda: train(teacher, student, batches, *settings))


def regressor_steps(learner, images, labels, seed, batch, epochs, learning_rate, map_weight, label_weight):
    classes, channels = labels.shape[1], 4
    teacher = weighted(convolutional(images, MAP[0], classes, nn.Identity(), norm=True), images, seed)
    regressor = nn.Conv2d(channels, MAP[0], 1)
    student = weighted(convolutional(images, channels, classes, regressor), images, seed + 1)
    settings = (int(epochs), learning_rate, map_weight, label_weight, CPU)
    train, batches = learner.train_mse_loss, loader(images, labels, batch)
    return observed(student, teacher, lambda: train(teacher, student, batches, *settings))


# ---------------------------------------------------------------- evaluation


def evaluated(function, second, images, labels, seed, batch):
    """What a learner's test function returns for a network with BatchNorm and dropout."""
    model = weighted(dense(images, 16, labels.shape[1], norm=True, second=second), images, seed).train()
    accuracy = function(model, loader(images, labels, batch), CPU)
    tracked = np.mean([graph for _, graph in model.forwards]) if model.forwards else None
    return {"accuracy": accuracy, "mode": mode(model), "tracked": tracked}


def accuracy(learner, images, labels, seed, batch):
    return evaluated(learner.test, None, images, labels, seed, batch)


def accuracy_of_pair(learner, images, labels, seed, batch):
    return evaluated(learner.test_multiple_outputs, Repeat(), images, labels, seed, batch)
