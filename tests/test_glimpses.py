"""The network that looks glimpse by glimpse."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

from utils import glimpses

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 60, 60)).astype("uint8")


def sliced(picture, place, size):
    """A patch by plain slicing."""
    y, x = np.round((np.clip(place, -1, 1) + 1) / 2 * len(picture)).astype(int) + 24 - 6 * size
    square = np.pad(picture / 255, 24)[y : y + 12 * size, x : x + 12 * size]
    return square.reshape(12, size, 12, size).mean(axis=(1, 3))


def test_a_glimpse_is_what_slicing_cuts_out():
    places = np.array([[0, 0], [-1, 1], [0.3, -0.77], [-2.0, 3.0], [0.99, -0.99]], "float32")
    found = glimpses.glimpse(glimpses.sums_of(PICTURES), places)
    plain = [
        [sliced(picture, place, size) for size in glimpses.SIZES]
        for picture, place in zip(PICTURES, places, strict=True)
    ]
    assert np.allclose(found, plain, atol=1e-4)


def test_a_small_picture_has_black_all_around():
    seen = np.asarray(glimpses.glimpse(glimpses.sums_of(np.full((1, 6, 6), 255)), np.zeros((1, 2))))
    assert np.isclose(seen[0, 0].sum(), 36)
    assert np.allclose(seen[0, 0, 3:9, 3:9], 1)


def gradient(choose):
    keras.utils.set_random_seed(0)
    model = glimpses.Ram(8, 3, choose)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(y=np.arange(5)[:, None], y_pred=model(PICTURES, training=True))
    variables = [model.aim.kernel, model.label.kernel]
    return [0 if g is None else float(np.abs(g).max()) for g in tape.gradient(loss, variables)]


@pytest.mark.parametrize(("choose", "aims"), [("learnt", True), ("frozen", False), ("at_random", False)])
def test_only_learnt_places_have_a_gradient_and_all_read(choose, aims):
    aim, label = gradient(choose)
    assert (aim > 0) == aims
    assert label > 0


def test_places_are_the_means_unless_it_trains():
    model = glimpses.Ram(8, 3)
    _, still, log_p, _ = model(PICTURES)
    assert np.array_equal(model(PICTURES)[1], still)
    assert not np.any(log_p)
    _, moved, log_p, expected = model(PICTURES, training=True)
    assert moved.shape == (5, 3, 2)
    assert log_p.shape == expected.shape == (5, 3)
    assert np.all(np.asarray(log_p) < 0)


def test_fixed_places_are_those_of_all_pictures_and_not_learnt():
    fixed = [(-0.5, 0.25), (0.5, 0.0), (0.0, 1.0)]
    model = glimpses.Ram(8, 3, fixed=fixed)
    for training in (False, True):
        _, places, log_p, _ = model(PICTURES, training=training)
        assert np.allclose(places, [fixed] * 5)
        assert not np.any(log_p)
    assert glimpses.Ram.from_config(model.get_config()).fixed == model.fixed
    with pytest.raises(ValueError, match="3 glimpses need as many fixed places, or none; got 2"):
        glimpses.Ram(8, 3, fixed=fixed[:2])


def test_random_places_are_spread_over_the_picture():
    noise = np.random.default_rng(0).normal(size=(20_000, 2)).astype("float32")
    places, _ = glimpses.at_random(noise, noise, False)
    shares = np.histogram(places, bins=4, range=(-1, 1))[0] / 40_000
    assert np.allclose(shares, 0.25, atol=0.01)


def test_the_log_probability_is_that_of_a_normal_distribution():
    mean, noise = (
        np.array([[0.1, -0.2], [0.0, 0.0]], "float32"),
        np.array([[1.0, 2.0], [0.0, 0.0]], "float32"),
    )
    place, log_p = glimpses.sampled(mean, noise, 0.5)
    assert np.allclose(place, mean + 0.5 * noise)
    assert np.allclose(log_p, [-2.5, 0.0])


def test_weights_add_up_and_the_last_glimpse_has_half():
    assert np.allclose(glimpses.weights_of(3), [0.25, 0.25, 0.5])
    assert glimpses.weights_of(1).tolist() == [1]


def test_the_loss_adds_up_its_three_terms():
    logits = np.zeros((1, 2, 10), "float32")
    logits[0, 1, 3] = 100.0  # right at the second glimpse: rewards 0 and 0.5
    log_p, expected = np.array([[-1.0, -2.0]], "float32"), np.array([[0.2, 0.1]], "float32")
    loss = glimpses.hybrid(np.array([[3]]), logits, None, log_p, expected)
    surprise, better = 0.5 * np.log(10), np.array([0.5 - 0.2, 0.5 - 0.1])
    assert np.isclose(loss, surprise - 0.15 * better @ log_p[0] + 0.5 * np.sum(better**2), atol=1e-5)


def test_it_is_saved_and_loaded(tmp_path):
    model = glimpses.Ram(8, 3)
    said = model(PICTURES)[0]
    model.save(tmp_path / "ram.keras")
    assert np.allclose(keras.saving.load_model(tmp_path / "ram.keras")(PICTURES)[0], said, atol=1e-6)


def test_paths_are_drawn():
    places = np.zeros((2, 3, 2), "float32")
    glimpses.draw_paths(PICTURES[:2], places, np.array([[1, 2, 3], [4, 5, 6]]))
    axes = plt.gcf().axes
    assert [ax.get_title() for ax in axes] == ["", "1", "2", "3", "", "4", "5", "6"]
    assert np.allclose(axes[0].lines[0].get_xdata(), 29.5)
    plt.close()
    tall = {}
    for columns in (1, 2):
        glimpses.draw_paths(PICTURES[:2], places, np.array([[1, 2, 3], [4, 5, 6]]), columns)
        one, other = (plt.gcf().axes[k].get_position() for k in (0, 4))
        tall[columns] = one.y0 > other.y1
        plt.close()
    assert tall == {1: True, 2: False}


def test_an_album_says_what_is_to_be_found():
    glimpses.album(PICTURES, np.arange(10).reshape(5, 2))
    assert [ax.get_title() for ax in plt.gcf().axes] == ["0 1", "2 3", "4 5", "6 7", "8 9"]
    plt.close()
