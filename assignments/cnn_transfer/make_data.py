"""Stand-in data for trying the notebook out without a download: handwritten digits under the names of mammals.

    python make_data.py [folder]

Writes `10_train.npy`, `10_test.npy`, `10_tr_labels.csv` and `10_ts_labels.csv` as the notebook makes them from
CIFAR-100, but smaller: 750 and 120 images. These are NOT photographs of mammals. A "mammal" is one of the digits
0 to 4, its super class the colour of the paper (sea, forest, earth). Accuracies on them say nothing about mammals.

The digits are real: UCI ML hand-written digits, https://archive.ics.uci.edu/dataset/80, shipped with scikit-learn.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

MAMMALS = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
}
PAPER = {"aquatic_mammals": (30, 80, 150), "medium_mammals": (40, 110, 50), "small_mammals": (130, 90, 50)}
EACH, TESTED = 58, 8  # images of one mammal, and how many of them are for the test


def photograph(digit: np.ndarray, paper: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """An 8x8 digit (0 to 16) as uint8 (32, 32, 3): bright ink on coloured paper, never quite the same."""
    ink = np.kron(digit / 16, np.ones((4, 4)))[..., np.newaxis]
    ground = np.array(paper) + rng.normal(0, 25, 3)
    image = (1 - ink) * ground + ink * rng.normal(220, 15) + rng.normal(0, 12, (32, 32, 3))
    return image.clip(0, 255).astype(np.uint8)


def main(folder: Path) -> None:
    """Write the four files into `folder`."""
    rng = np.random.default_rng(0)
    digits = load_digits()
    parts: dict[str, list[tuple[np.ndarray, str]]] = {"train": [], "test": []}
    for start, (kind, names) in enumerate(MAMMALS.items()):
        for number, name in enumerate(names):
            own = digits.images[digits.target == number][start * EACH :][:EACH]
            for i, digit in enumerate(own):
                part = parts["test" if i < TESTED else "train"]
                part.append((photograph(digit, PAPER[kind], rng), f"{name},{kind}"))
    for part, files in (
        ("train", ("10_train.npy", "10_tr_labels.csv")),
        ("test", ("10_test.npy", "10_ts_labels.csv")),
    ):
        images, rows = zip(*(parts[part][i] for i in rng.permutation(len(parts[part]))), strict=True)
        np.save(folder / files[0], np.stack(images))
        (folder / files[1]).write_text("\n".join(["fine_labels,coarse_labels", *rows, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
