"""Mean field against a few lines of NumPy; kernels; saving; gradients through the iterations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from utils import mean_field

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (2, 5, 7, 3))
SCORES = RNG.normal(size=(2, 5, 7, 4)).astype("float32")
PLACE, COLOR, NEAR = 3.0, 60.0, 1.5


def points(picture, place, color=None):
    grid = np.stack(np.indices(picture.shape[:2]), axis=-1).reshape(-1, 2) / place
    return grid if color is None else np.concatenate([grid, picture.reshape(-1, 3) / color], axis=1)


def kernel(x):
    return np.exp(-((x[:, None] - x) ** 2).sum(axis=-1) / 2)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def by_hand(picture, scores, near, alike, costs, iterations):
    u = scores.reshape(-1, scores.shape[-1]).astype(float)
    others = [kernel(points(picture, NEAR)), kernel(points(picture, PLACE, COLOR))]
    others = [k - np.eye(len(k)) for k in others]
    z = u
    for _ in range(iterations):
        near_said, alike_said = (k @ softmax(z) / k.sum(axis=1, keepdims=True) for k in others)
        z = u - (near * near_said + alike * alike_said) @ costs
    return z.reshape(scores.shape)


def layer_with_weights(iterations):
    layer = mean_field.MeanField(iterations, NEAR)
    layer.build(SCORES.shape)
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0, 3, 4), rng.uniform(0, 3, 4), rng.uniform(-1, 1, (4, 4))]
    layer.set_weights(weights)
    return layer, weights


@pytest.mark.parametrize("iterations", [0, 1, 5])
def test_the_layer_is_what_numpy_gives(iterations):
    layer, weights = layer_with_weights(iterations)
    found = layer(SCORES, *mean_field.Kernels(PLACE, COLOR)(PICTURES))
    for picture, scores, z in zip(PICTURES, SCORES, np.array(found), strict=True):
        assert np.allclose(z, by_hand(picture, scores, *weights, iterations), atol=1e-4)


def test_kernels_are_gaussians_and_sums_leave_out_the_pixel_itself():
    made, sums = (np.array(x) for x in mean_field.Kernels(PLACE, COLOR)(PICTURES))
    for picture, k, total in zip(PICTURES, made, sums, strict=True):
        assert np.allclose(k, kernel(points(picture, PLACE, COLOR)), atol=1e-4)
        assert np.allclose(total[:, 0], k.sum(axis=1) - 1, atol=1e-4)
    large = mean_field.gaussian(np.float32(points(np.zeros((44, 64, 3)), 1.0)) + 1000)
    assert np.allclose(np.diagonal(large), 1, atol=1e-3)
    assert float(np.max(large)) <= 1


def test_untrained_it_prefers_what_the_neighbours_have():
    scores = np.zeros((1, 5, 7, 2), "float32")
    scores[..., 0] = 2
    scores[0, 2, 3] = (0, 1)  # one pixel that differs
    layer = mean_field.MeanField(3, strength=3.0)
    gray = np.full((1, 5, 7, 3), 128)
    z = np.array(layer(scores, *mean_field.Kernels()(gray)))
    assert z[0, 2, 3, 0] > z[0, 2, 3, 1]
    free = mean_field.MeanField(3, strength=0.0)
    assert np.allclose(free(scores, *mean_field.Kernels()(gray)), scores)


def test_labels_after_each_iteration_for_several_runs():
    layer, weights = layer_with_weights(2)
    other, _ = layer_with_weights(1)
    other.set_weights([0 * w for w in weights])
    pictures, scores = np.concatenate([PICTURES] * 2), np.concatenate([SCORES, -SCORES])
    runs = [(layer, scores), (other, -scores)]
    found = mean_field.guesses(runs, pictures, mean_field.Kernels(PLACE, COLOR), 3, batch=3)
    assert found.shape == (2, 4, 4, 5, 7)
    for t in range(4):
        right = by_hand(PICTURES[0], SCORES[0], *weights, t).argmax(axis=-1)
        assert np.array_equal(found[0, t, 0], right)
        assert np.array_equal(found[1, t], (-scores).argmax(axis=-1))  # no weights, no change


@pytest.mark.parametrize("compiled", [False, True])
def test_all_weights_learn_through_the_iterations(compiled):
    inputs = [keras.Input((5, 7, 4)), keras.Input((5, 7, 3))]
    layer, kernels = mean_field.MeanField(3, NEAR), mean_field.Kernels(PLACE, COLOR)
    model = keras.Model(inputs, layer(inputs[0], *kernels(inputs[1])))
    assert len(model.trainable_variables) == 3
    before = [w.copy() for w in layer.get_weights()]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=compiled)
    model.fit([SCORES, PICTURES], np.zeros((2, 5, 7)), verbose=0)
    assert all(np.abs(a - b).max() > 0 for a, b in zip(before, layer.get_weights(), strict=True))


def test_the_gradient_is_that_of_small_differences():
    layer, weights = layer_with_weights(4)
    made = mean_field.Kernels(PLACE, COLOR)(PICTURES)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.sin(layer(SCORES, *made)))
    gradient = tape.gradient(value, layer.costs.value).numpy()
    step = np.zeros((4, 4))
    step[1, 2] = 1e-4

    def at(costs):
        z = [by_hand(p, s, *weights[:2], costs, 4) for p, s in zip(PICTURES, SCORES, strict=True)]
        return np.sin(z).sum()

    slope = (at(weights[2] + step) - at(weights[2] - step)) / 2e-4
    assert gradient[1, 2] == pytest.approx(slope, rel=1e-2, abs=1e-2)


def test_it_survives_saving(tmp_path):
    inputs = [keras.Input((5, 7, 4)), keras.Input((5, 7, 3))]
    layer = mean_field.MeanField(2, NEAR, 0.5)
    model = keras.Model(inputs, layer(inputs[0], *mean_field.Kernels(PLACE, COLOR)(inputs[1])))
    layer.costs.assign(np.arange(16).reshape(4, 4) / 10)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    given = [SCORES, PICTURES.astype("float32")]
    assert np.allclose(model.predict(given, verbose=0), again.predict(given, verbose=0), atol=1e-6)
