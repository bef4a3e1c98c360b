"""Photos to be described: what looks at them, and how they are shown."""

import types

import keras
import numpy as np
import pytest

from utils import features, photos, plots
from utils.datasets import Pictures
from utils.fetch import Unavailable

PIXELS = {name: np.full((4, 6, 3), 10 * k, np.uint8) for k, name in enumerate(("a.jpg", "b.jpg"))}
PART = Pictures(tuple(PIXELS), (("a dog",), ("a cat",)), PIXELS.__getitem__)


def mean_eyes(side=2):
    picture = keras.Input((side, side, 3), dtype="uint8")
    return keras.Model(picture, keras.layers.GlobalAveragePooling2D()(keras.ops.cast(picture, "float32")))


def tiny_extractor():
    inputs = keras.Input((features.SIDE, features.SIDE, 3))
    model = keras.Model(inputs, {"pooled": keras.layers.GlobalAveragePooling2D()(inputs), "logits": inputs})
    network = types.SimpleNamespace(features="pooled", preprocess=lambda x: x / 10)
    return features.Extractor(network, model, "test", "0" * 64)


def test_pictures_are_squeezed_to_the_size_that_is_wanted():
    seen = photos.look(mean_eyes(), np.stack(list(PIXELS.values())))
    assert seen.tolist() == [[0, 0, 0], [10, 10, 10]]


def test_pictures_keep_the_order_of_their_colours_and_their_places():
    picture = np.zeros((1, 2, 2, 3), np.uint8)
    picture[0, 0, 1] = 40, 80, 120
    inputs = keras.Input((2, 2, 3), dtype="uint8")
    eyes = keras.Model(inputs, keras.layers.Flatten()(keras.ops.cast(inputs, "float32")))
    assert photos.look(eyes, picture).tolist() == [[0, 0, 0, 40, 80, 120, 0, 0, 0, 0, 0, 0]]


def test_eyes_prepare_the_photo_as_the_network_wants_it():
    eyes = photos.eyes_of(tiny_extractor())
    assert eyes.input_shape == (None, 224, 224, 3)
    photo = np.zeros((1, 224, 224, 3), np.uint8)
    photo[..., :2] = 30, 40
    np.testing.assert_allclose(eyes(photo), [[0.6, 0.8, 0]], atol=1e-6)


def test_features_come_from_the_extractor_or_from_the_eyes(monkeypatch):
    assert photos.features_of(mean_eyes(), None, PART, "x").tolist() == [[0, 0, 0], [10, 10, 10]]
    kept = {"pooled": np.array([[3.0, 4], [0, 2]]), "logits": np.zeros((2, 5))}
    monkeypatch.setattr(features, "extract", lambda *_: kept)
    found = photos.features_of(mean_eyes(), tiny_extractor(), PART, "x")
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 1]])


@pytest.mark.parametrize("kind", ["real", "sample"])
def test_scenes_where_photos_or_what_looks_at_them_are_missing(kind, monkeypatch, capsys):
    data = types.SimpleNamespace(source=types.SimpleNamespace(kind=kind))

    def none(_):
        raise Unavailable("no weights")

    monkeypatch.setattr(photos, "flickr8k", lambda: data)
    monkeypatch.setattr(features, "load_extractor", none)
    found, extractor = photos.photos_or_scenes(["MobileNetV2"])
    assert extractor is None
    if kind == "real":
        assert found.train.load(found.train.names[0]).shape == (64, 64, 3)
        assert "The drawn scenes take the place of the photos" in capsys.readouterr().out
    else:
        assert found is data
    monkeypatch.setattr(features, "load_extractor", lambda _: "extractor")
    assert photos.photos_or_scenes(["MobileNetV2"])[1] == ("extractor" if kind == "real" else None)


def test_private_pictures_are_not_published(monkeypatch, capsys):
    monkeypatch.setattr(plots, "captioned", lambda pictures, texts, width: (pictures, texts))
    monkeypatch.delenv("UNROLLED_PUBLISH", raising=False)
    shown, texts = photos.gallery(PART, [1], ["a cat"], private=True)
    assert shown[0] is PIXELS["b.jpg"]
    assert texts == ["a cat"]
    monkeypatch.setenv("UNROLLED_PUBLISH", "1")
    assert photos.gallery(PART, [1], ["a cat"], private=True) is None
    assert capsys.readouterr().out == "b.jpg\na cat\n"
    assert photos.gallery(PART, [1], ["a cat"], private=False) is not None


def test_heat_lies_where_it_is_looked_at_and_the_rest_is_pale_grey():
    picture = np.full((40, 60, 3), 200, np.uint8)
    picture[..., 0] = 100
    weights = np.zeros((4, 6))
    weights[1, 4] = 0.3
    drawn = photos.heat_over(picture, weights)
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8
    pale, orange = 60 + 0.75 * 500 / 3, np.array([230, 159, 0])  # that of plots.ORANGE
    assert drawn[35, 5].tolist() == pytest.approx([pale] * 3, abs=1)
    assert drawn[15, 45].tolist() == pytest.approx((0.25 * pale + 0.75 * orange).tolist(), abs=8)
    assert np.ptp(photos.heat_over(picture, np.full((7, 7), 0.02)), axis=(0, 1)).tolist() == [0, 0, 0]
    weights[3, 0] = 0.3  # the largest weight is as orange as before, however many there are
    assert np.abs(photos.heat_over(picture, weights)[15, 45] - np.float64(drawn[15, 45])).max() <= 1
    assert np.ptp(photos.heat_over(picture, np.zeros((7, 7)))) == 0


def test_grids_come_from_the_extractor_or_from_the_eyes(monkeypatch):
    picture = keras.Input((2, 2, 3), dtype="uint8")
    eyes = keras.Model(picture, keras.layers.Reshape((4, 3))(keras.ops.cast(picture, "float32")))
    found = photos.grids_of(eyes, None, PART, "x")
    assert found.shape == (2, 4, 3)
    assert found[1].tolist() == [[10, 10, 10]] * 4
    monkeypatch.setattr(features, "extract_grid", lambda *given: given)
    assert photos.grids_of(eyes, "extractor", PART, "x") == ("extractor", PART, "x")


def test_drawn_company_takes_the_place_of_labelled_photos(monkeypatch, capsys):
    data = types.SimpleNamespace(source=types.SimpleNamespace(kind="real"))

    def none(_):
        raise Unavailable("no weights")

    monkeypatch.setattr(photos, "corel5k", lambda: data)
    monkeypatch.setattr(photos, "company_scenes", lambda: "company")
    monkeypatch.setattr(features, "load_extractor", none)
    assert photos.labels_or_scenes(["VGG16"]) == ("company", None)
    assert "no weights. The drawn scenes take the place" in capsys.readouterr().out
    monkeypatch.setattr(features, "load_extractor", lambda networks: networks)
    assert photos.labels_or_scenes(["VGG16"]) == (data, ["VGG16"])


def test_field_eyes_see_the_mean_colour_of_each_field_row_by_row():
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    picture[0, :2, 2:] = 51, 102, 255
    picture[0, 3, 0] = 204
    seen = photos.field_eyes(4, 2).predict(picture, verbose=0)
    np.testing.assert_allclose(seen, [[0, 0, 0, 0.2, 0.4, 1, 0.2, 0.2, 0.2, 0, 0, 0]], atol=1e-6)
