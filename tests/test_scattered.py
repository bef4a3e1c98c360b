"""Pictures with digits somewhere."""

import numpy as np
import pytest

from utils import scattered

PART = np.arange(1, 11)[:, None, None] * np.ones((10, 28, 28), "uint8"), np.arange(10)


def test_a_digit_lies_whole_in_each_picture_with_its_label():
    pictures, labels = scattered.translated(np.random.default_rng(0), PART, 25)
    assert (pictures.shape, pictures.dtype, labels.shape) == ((25, 60, 60), np.uint8, (25, 1))
    assert ((pictures > 0).sum(axis=(1, 2)) == 28 * 28).all()
    assert (pictures.max(axis=(1, 2)) == labels[:, 0] + 1).all()
    assert np.bincount(labels[:20, 0]).tolist() == [2] * 10  # each once before one comes twice


def test_pieces_lie_about_and_leave_the_digit():
    plain, _ = scattered.translated(np.random.default_rng(0), PART, 25)
    pictures, _ = scattered.cluttered(np.random.default_rng(0), PART, 25)
    assert (pictures >= plain).all()
    more = ((pictures > 0).sum(axis=(1, 2)) - 28 * 28) / 64
    assert (more > 0).any()
    assert (more <= 4).all()
    assert (scattered.cluttered(np.random.default_rng(0), PART, 25, pieces=0)[0] == plain).all()


def test_pairs_are_told_from_left_to_right():
    pictures, labels = scattered.pairs(np.random.default_rng(0), PART, 25)
    assert (pictures.shape, labels.shape) == ((25, 100, 100), (25, 2))
    for picture, pair in zip(pictures, labels, strict=True):
        columns = picture.max(axis=0)
        seen = columns[columns > 0]
        assert seen.tolist() == np.repeat(pair + 1, 28).tolist()


@pytest.mark.parametrize("make", [scattered.translated, scattered.cluttered, scattered.pairs])
def test_the_same_generator_makes_the_same_pictures(make):
    one, other = (make(np.random.default_rng(3), PART, 8)[0] for _ in range(2))
    assert (one == other).all()
    assert (make(np.random.default_rng(4), PART, 8)[0] != one).any()


def test_the_lighter_pixel_stays():
    pictures = np.full((1, 4, 4), 5, "uint8")
    scattered.paste(pictures, np.array([[[9, 1], [1, 9]]], "uint8"), np.array([1]), np.array([2]))
    assert pictures[0].tolist() == [[5] * 4, [5, 5, 9, 5], [5, 5, 5, 9], [5] * 4]
