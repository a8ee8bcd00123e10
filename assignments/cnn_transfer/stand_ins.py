"""For running the whole notebook: the files that it makes from CIFAR-100, with noise in place of photographs."""

import numpy as np

MAMMALS = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
}


def prepare():
    """Four small files in the working folder: two photographs of each mammal to train on, one to test."""
    for part, labels, each in (("10_train.npy", "10_tr_labels.csv", 2), ("10_test.npy", "10_ts_labels.csv", 1)):
        rows = [f"{name},{kind}" for kind, names in MAMMALS.items() for name in names] * each
        rng = np.random.default_rng(each)
        np.save(part, rng.integers(0, 256, (len(rows), 32, 32, 3), np.uint8))
        with open(labels, "w", encoding="utf-8") as file:
            file.write("\n".join(["fine_labels,coarse_labels", *rows, ""]))
