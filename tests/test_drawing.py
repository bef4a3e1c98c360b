"""The networks that draw: the bound and its terms, windows, strokes; lesson 17 defines the same."""

import keras
import numpy as np
import pytest
from cells import run_cells
from keras import layers, ops

from utils import drawing

RNG = np.random.default_rng(0)
X = (RNG.random((3, 784)) < 0.2).astype("float32")
NOISE = RNG.normal(size=(3, 2, 4)).astype("float32")
GIVEN = {"np": np, "keras": keras, "layers": layers, "ops": ops, "STROKES": 3, "UNITS": 6, "LATENT": 4}


def shaken(points):
    """A network with weights of some size, so that its windows are somewhere."""
    keras.utils.set_random_seed(0)
    model = drawing.Draw(3, 6, 4, points)
    model(X)
    list(model.strokes(noise=NOISE))
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.3)
    return model


def numbers(tensors):
    return np.array([ops.convert_to_numpy(tensor) for tensor in tensors])


def test_pixels_are_a_binary_cross_entropy():
    logits = RNG.normal(size=(3, 784)).astype("float32") * 3
    wanted = 784 * keras.losses.binary_crossentropy(X, logits, from_logits=True)
    assert np.allclose(drawing.pixels(X, logits), wanted, rtol=1e-5)
    assert np.isfinite(drawing.pixels(X, 1000 * logits)).all()


def test_divergence():
    assert float(drawing.divergence(np.zeros((1, 3)), np.ones((1, 3)))[0]) == 0
    mean, spread = np.array([[0.5, -1.0]]), np.array([[0.3, 1.2]])
    z = mean + spread * np.random.default_rng(0).normal(size=(200_000, 2))
    drawn = np.sum((z**2 - ((z - mean) / spread) ** 2) / 2 - np.log(spread), axis=1).mean()
    assert float(drawing.divergence(mean, spread)[0]) == pytest.approx(drawn, abs=0.02)


def test_code_is_drawn_and_its_price_is_in_the_loss():
    keras.utils.set_random_seed(0)
    code, features = drawing.Code(4), np.ones((20_000, 2), "float32")
    code(features)
    code.mean.bias.assign([2.0, 0, 0, 0])
    code.log_spread.bias.assign([0.0, -1, 0, 0])
    mean, spread = code.mean(features[:1]), ops.exp(code.log_spread(features[:1]))
    z = ops.convert_to_numpy(code(features))
    assert np.allclose(z.mean(axis=0), mean[0], atol=0.06)
    assert np.allclose(z.std(axis=0), spread[0], rtol=0.03)
    assert float(code.losses[0]) == pytest.approx(float(drawing.divergence(mean, spread)[0]), rel=1e-4)
    assert not np.allclose(z, code(features))


@pytest.mark.parametrize(("center", "distance", "blur", "count"), [(10, 3.0, 1.5, 4), (3.3, 0.7, 0.4, 5)])
def test_filters(center, distance, blur, count):
    given = (np.array([v], "float32") for v in (center, distance, blur))
    ours = ops.convert_to_numpy(drawing.filters(*given, count))[0]
    for i in range(count):
        m = center + (i - (count - 1) / 2) * distance
        weights = np.exp(-((np.arange(28) - m) ** 2) / (2 * blur**2))
        assert np.allclose(ours[i], weights / weights.sum(), atol=1e-5)


def test_a_window_begins_on_the_whole_picture_and_goes_where_it_is_told():
    keras.utils.set_random_seed(0)
    window = drawing.Window(5)
    fx, fy, gamma, place = window(np.zeros((1, 6), "float32"))
    assert np.allclose(place, [[13.5, 13.5, 27]])
    assert np.allclose(gamma, 1)
    assert np.allclose(fx, fy)
    assert np.allclose(ops.argmax(fx[0], axis=1)[::4], [0, 27])
    window.five.bias.assign([0.5, -0.5, np.log(0.5), 2 * np.log(3.0), np.log(2.0)])
    fx, fy, gamma, place = window(np.zeros((1, 6), "float32"))
    assert np.allclose(place, [[20.25, 6.75, 13.5]])
    assert np.allclose(gamma, 2)
    one = np.array([1], "float32")
    assert np.allclose(fx, drawing.filters(20.25 * one, 27 / 8 * one, 3 * one, 5), atol=1e-6)
    assert np.allclose(fy, drawing.filters(6.75 * one, 27 / 8 * one, 3 * one, 5), atol=1e-6)


def test_what_is_read_and_written():
    model = shaken(5)
    h = RNG.normal(size=(3, 6)).astype("float32")
    error = RNG.normal(size=(3, 784)).astype("float32")
    fx, fy, gamma, _ = (ops.convert_to_numpy(v) for v in model.reader(h))
    read = [
        g * np.concatenate([(b @ s.reshape(28, 28) @ a.T).ravel() for s in (p, e)])
        for a, b, g, p, e in zip(fx, fy, gamma, X, error, strict=True)
    ]
    assert np.allclose(model.read(X, error, h), read, atol=1e-5)
    fx, fy, gamma, _ = (ops.convert_to_numpy(v) for v in model.writer(h))
    patches = ops.convert_to_numpy(model.paint(h)).reshape(3, 5, 5)
    written = [(b.T @ w @ a).ravel() / g for a, b, g, w in zip(fx, fy, gamma, patches, strict=True)]
    assert np.allclose(model.write(h), written, atol=1e-5)


@pytest.mark.parametrize("points", [None, 5])
def test_the_loss_is_the_pixels_of_the_last_canvas_and_all_codes(points):
    model = shaken(points)
    model.compile("sgd", drawing.pixels, metrics=[drawing.pixels])
    loss, sharp = model.evaluate(X, X, batch_size=3, verbose=0)
    assert loss > sharp + 0.1
    model(X)
    assert len(model.losses) == 3


@pytest.mark.parametrize("points", [None, 5])
def test_new_pictures_need_no_encoder(points):
    model = shaken(points)
    before = numbers(canvas for canvas, _ in model.strokes(noise=NOISE))
    for variable in (*model.encoder.trainable_variables, *model.code.trainable_variables):
        variable.assign(variable * 0)
    assert np.array_equal(before, numbers(canvas for canvas, _ in model.strokes(noise=NOISE)))
    steps = np.diff(before, axis=0)
    states = [h for _, h in model.strokes(noise=NOISE)]
    assert np.allclose(steps[0], model.write(states[1]), atol=1e-4)


@pytest.mark.parametrize("points", [None, 5])
def test_saved_and_loaded(points, tmp_path):
    model = shaken(points)
    model.save(tmp_path / "draw.keras")
    loaded = keras.models.load_model(tmp_path / "draw.keras")
    ours, theirs = (numbers(c for c, _ in m.strokes(noise=NOISE)) for m in (model, loaded))
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(("steps", "points"), [(0, None), (3, 1)])
def test_no_stroke_and_no_window(steps, points):
    with pytest.raises(ValueError, match="give 1 stroke at least, and 2 points or None"):
        drawing.Draw(steps, 6, 4, points)


@pytest.mark.parametrize("points", [None, 5])
def test_lesson_17_draws_as_utils_drawing(points):
    ids = ["code", "filters", "strokes-do", "model-do", "window-do", "windows-do"]
    names = run_cells("17_", *ids, **GIVEN, POINTS=5)
    lesson, ours = names["DrawWindows" if points else "Draw"](), shaken(points)
    lesson(X)
    list(names["strokes"](lesson, noise=NOISE))
    for layer in ("encoder", "decoder", "code", "paint", *(("reader", "writer") if points else ())):
        getattr(lesson, layer).set_weights(getattr(ours, layer).get_weights())
    lesson.blank.assign(ours.blank)
    for given in ({"x": X}, {"noise": NOISE}):
        for model in (lesson, ours):
            model.code.seed.state.assign([0, 0])
        theirs = numbers(canvas for canvas, _ in names["strokes"](lesson, **given))
        assert np.allclose(theirs, numbers(canvas for canvas, _ in ours.strokes(**given)), atol=1e-5)
    mean, spread = RNG.normal(size=(2, 3)), RNG.random((2, 3)) + 0.1
    assert np.allclose(names["divergence"](mean, spread), drawing.divergence(mean, spread))
    assert np.allclose(names["pixels"](X, X), drawing.pixels(X, X))
