"""How the learner's three training functions are trained briefly, beside a student without a teacher.

Small networks with the shapes that the notebook's functions rely on: a hidden vector of 1024 numbers of the
student, 2048 of the teacher (halved by average pooling), feature maps of 32 x 8 x 8. Both have a narrow layer in
front of it, so that the hidden vector says something about the class. Most images of a batch have no label: -100,
which PyTorch's cross-entropy leaves out, so that on them only the teacher teaches (Hinton, Vinyals, Dean 2015,
https://arxiv.org/abs/1503.02531, section 3).
"""

import numpy as np
import torch
from torch import nn

NO_LABEL = -100  # ignore_index of torch.nn.CrossEntropyLoss
# function -> what its networks return besides the logits, and its arguments between learning rate and device: T
# and the weights as in the notebook, or weights with which features are worth as much as the few labels
METHODS = {
    "train_knowledge_distillation": ("", (2, 0.25, 0.75)),
    "train_cosine_loss": ("vector", (25.0, 1.0)),
    "train_mse_loss": ("map", (25.0, 1.0)),
}


class Network(nn.Module):
    """Student (`channels` 8, hidden 1024) or teacher (32, hidden 2048), for grey images of 8 x 8."""

    def __init__(self, channels, inner, hidden, classes, form):
        super().__init__()
        self.form = form
        self.student = hidden == 1024
        self.features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(16 * channels, inner), nn.ReLU(), nn.Linear(inner, 32), nn.ReLU(), nn.Linear(32, hidden),
        )  # fmt: skip
        self.classifier = nn.Linear(hidden, classes)
        self.regressor = nn.Conv2d(16, 32, 3, padding=1) if self.student else nn.Identity()

    def forward(self, x):
        hidden = self.features(x)
        logits = self.classifier(hidden)
        if self.form == "vector":
            return logits, hidden if self.student else nn.functional.avg_pool1d(hidden.unsqueeze(1), 2)
        if self.form == "map":
            return logits, self.regressor(hidden.view(len(x), -1, 8, 8))
        return logits


class Batches:
    """What the learner's function takes for its loader. Between two batches the student is looked at."""

    def __init__(self, pairs, look):
        self._pairs, self._look = pairs, look
        self.batch_size = len(pairs[0][0])
        self.dataset = range(len(pairs) * self.batch_size)

    def __len__(self):
        return len(self._pairs)

    def __iter__(self):
        for step, pair in enumerate(self._pairs):
            yield pair
            self._look(step + 1)


def train(learner, function, arrays, settings):
    """One training; see the grader's documentation of TrainingCall for `arrays` and `settings`."""
    device = torch.device("cuda" if settings["gpu"] else "cpu")
    images, held_out = (torch.tensor(arrays[n]).permute(0, 3, 1, 2).to(device) for n in ("images", "held_out"))
    labels = np.where(arrays["labels"] < 0, NO_LABEL, arrays["labels"])
    rows = zip(arrays["indices"], labels, strict=True)
    pairs = [(images[torch.tensor(i).long()].cpu(), torch.tensor(y).long()) for i, y in rows]
    form, weights = METHODS.get(function, ("", ()))
    classes, rate = int(settings["classes"]), float(settings["learning_rate"])
    torch.manual_seed(int(settings["seed"]))
    student = network(settings["return_weights"], classes, form).to(device)
    predictions, curve = [], []
    ends = {len(pairs) * (at + 1) // int(settings["checkpoints"]) for at in range(int(settings["checkpoints"]))}

    def look(step):
        if step in ends:
            predictions.append(classify(student, held_out))

    batches = Batches(pairs, look)
    with Recording(curve):
        if function in METHODS:
            teacher = network(True, classes, form).to(device)
            nn.utils.vector_to_parameters(torch.tensor(arrays["teacher"]).to(device), teacher.parameters())
            getattr(learner, function)(teacher, student, batches, 1, rate, *weights, device)
        else:
            alone(student, batches, rate, device)
    found = {"predictions": np.stack(predictions), "curve": np.resize(curve or [0.0], len(pairs))}
    if settings["return_weights"]:
        found["weights"] = nn.utils.parameters_to_vector(student.parameters()).detach().cpu().numpy()
    return found


def network(teacher, classes, form):
    """The teacher or a student, with initial weights."""
    return Network(32, 128, 2048, classes, form) if teacher else Network(8, 32, 1024, classes, form)


def alone(student, batches, rate, device):
    """Train on the labels only."""
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(student.parameters(), lr=rate)
    student.train()
    for images, labels in batches:
        optimizer.zero_grad()
        value = loss(student(images.to(device)), labels.to(device))
        value.backward()
        optimizer.step()


def classify(student, images):
    """The class of each image, uint8 (M,). Leaves the student in the mode it was in."""
    training = student.training
    student.eval()
    with torch.no_grad():
        logits = student(images)
    student.train(training)
    logits = logits[0] if isinstance(logits, tuple) else logits
    return logits.argmax(1).to(torch.uint8).cpu().numpy()


class Recording:
    """Notes each loss that is minimised, in `curve`."""

    def __init__(self, curve):
        self._curve, self._backward = curve, torch.Tensor.backward

    def __enter__(self):
        backward, curve = self._backward, self._curve

        def noted(tensor, *args, **kwargs):
            curve.append(float(tensor.detach()))
            return backward(tensor, *args, **kwargs)

        torch.Tensor.backward = noted

    def __exit__(self, *error):
        torch.Tensor.backward = self._backward
