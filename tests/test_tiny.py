"""The tiny arrays that stand for data sets: what a notebook does with the real one's length works, and ends."""

from itertools import islice

import numpy as np
import pytest

from grader.execute.inside.tiny import load_data


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
def test_an_iteration_ends(name: str) -> None:
    (images, labels), _ = load_data(name)
    for array in (images, labels, labels.ravel()):
        assert len(list(islice(array, 1000))) == len(array) < 1000


def test_an_index_of_the_real_length_is_taken_in_proportion() -> None:
    (images, labels), _ = load_data("cifar10")
    assert 0 < len(images[45000:]) < len(images)
    assert len(images[45000:]) == len(labels[45000:])
    assert images[49999].shape == (32, 32, 3)
    assert np.array_equal(images[:3], np.asarray(images)[:3])
