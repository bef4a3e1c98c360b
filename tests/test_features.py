"""Extraction of features: caching and resuming; VGG16 as far as it goes without its weights."""

import dataclasses
import shutil
import types

import h5py
import keras
import numpy as np
import pytest

from utils import features
from utils.datasets import Pictures
from utils.features import (
    NETWORKS,
    Extractor,
    extract,
    extract_grid,
    find_weights,
    load_extractor,
    see,
    see_grid,
    with_outputs,
)
from utils.fetch import DataError, Unavailable
from utils.folders import NoFolder

VGG16, MOBILE = NETWORKS["VGG16"], NETWORKS["MobileNetV2"]


def tiny_classifier():
    """A classifier with the layers of VGG16 that features are taken from, and little else."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((features.SIDE, features.SIDE, 3)),
            keras.layers.AveragePooling2D(32),
            keras.layers.Conv2D(4, 3, name="block5_pool"),
            keras.layers.Flatten(),
            keras.layers.Dense(7, activation="relu", name="fc1"),
            keras.layers.Dense(6, activation="relu", name="fc2"),
            keras.layers.Dense(5, activation="softmax", name="predictions"),
        ]
    )


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(features, "PART", 4)
    monkeypatch.setattr(features, "BATCH", 3)
    network = dataclasses.replace(VGG16, build=tiny_classifier, grid="block5_pool")
    return Extractor(network, with_outputs(network, tiny_classifier()), "UNROLLED_DATA", "0" * 64)


@pytest.fixture(autouse=True)
def _folders(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path / "data"))


def ten_pictures(log):
    names = tuple(f"p{i}" for i in range(10))

    def load(name):
        log.append(name)
        rng = np.random.default_rng(int(name[1:]))
        return rng.integers(0, 256, (features.SIDE, features.SIDE, 3), dtype=np.uint8)

    return Pictures(names, tuple(("a caption",) for _ in names), load)


def test_features_are_those_of_the_network_in_the_order_of_the_names(tiny):
    pictures = ten_pictures([])
    found = extract(tiny, pictures, "hash")
    assert {kind: array.shape for kind, array in found.items()} == {
        "pooled": (10, 4),
        "fc1": (10, 7),
        "fc2": (10, 6),
        "logits": (10, 5),
    }
    classifier, batch = tiny_classifier(), np.stack([pictures.load(name) for name in pictures.names])
    p = classifier.predict(VGG16.preprocess(np.float32(batch)), verbose=0)
    assert keras.ops.softmax(found["logits"]).numpy() == pytest.approx(p, abs=1e-5)
    assert see(tiny, batch)["fc2"] == pytest.approx(found["fc2"], abs=1e-4)
    turned = extract(tiny, pictures, "hash", mirrored=True)
    assert see(tiny, batch[:, :, ::-1])["fc2"] == pytest.approx(turned["fc2"], abs=1e-4)


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "mixed_bfloat16"])
def test_features_are_float32_and_each_precision_has_its_own(tiny, policy):
    log, before = [], keras.config.dtype_policy()
    pictures = ten_pictures(log)
    usual = extract(tiny, pictures, "hash")
    keras.config.set_dtype_policy(policy)
    try:
        model = with_outputs(tiny.network, tiny_classifier())
        model.set_weights(tiny.model.get_weights())
        other = dataclasses.replace(tiny, model=model)
        log.clear()
        first = extract(other, pictures, "hash")
        assert len(log) == 10  # none is taken from the other precision's
        log.clear()
        again = extract(other, pictures, "hash")
    finally:
        keras.config.set_dtype_policy(before)
    assert log == []  # and its own are found again
    for kind, values in usual.items():
        assert first[kind].dtype == again[kind].dtype == values.dtype == np.float32
        np.testing.assert_array_equal(first[kind], again[kind])
        np.testing.assert_allclose(first[kind], values, rtol=0.05, atol=0.05 * np.abs(values).max())
    assert all(np.array_equal(extract(tiny, pictures, "hash")[kind], usual[kind]) for kind in usual)


def test_a_stored_file_of_another_type_is_made_anew(tiny):
    log = []
    pictures = ten_pictures(log)
    right = extract(tiny, pictures, "hash")
    (path, *_) = sorted(features.build_folder("features").glob("*/000000.npz"))
    with np.load(path) as stored:
        features.write_part(path, {kind: np.float16(values) for kind, values in stored.items()})
    log.clear()
    found = extract(tiny, pictures, "hash")
    assert len(log) == 4  # of one file
    assert all(np.array_equal(found[kind], right[kind]) for kind in right)


def test_an_interrupted_extraction_goes_on_where_it_stopped(tiny):
    log = []
    pictures = ten_pictures(log)

    def stops(name):
        if name == "p6":
            raise KeyboardInterrupt
        return pictures.load(name)

    with pytest.raises(KeyboardInterrupt):
        extract(tiny, dataclasses.replace(pictures, load=stops), "hash")
    assert {"p0", "p3"} <= set(log)
    log.clear()
    first = extract(tiny, pictures, "hash")
    assert sorted(log) == ["p4", "p5", "p6", "p7", "p8", "p9"]
    log.clear()
    again = extract(tiny, pictures, "hash")
    assert log == []
    assert all((first[kind] == again[kind]).all() for kind in first)


def test_other_pictures_or_weights_are_never_taken_from_the_cache(tiny):
    log = []
    pictures = ten_pictures(log)
    extract(tiny, pictures, "hash")
    for extractor, digest in [(tiny, "other"), (dataclasses.replace(tiny, sha256="1" * 64), "hash")]:
        log.clear()
        extract(extractor, pictures, digest)
        assert len(log) == 10
    other = dataclasses.replace(pictures, names=tuple(f"p{i}" for i in range(10, 20)))
    log.clear()
    extract(tiny, other, "hash")
    assert sorted(log) == sorted(other.names)  # as many, of the same data: another part of it


def test_a_damaged_file_of_the_cache_is_made_anew(tiny, tmp_path):
    pictures = ten_pictures([])
    first = extract(tiny, pictures, "hash")
    paths = sorted((tmp_path / "build").rglob("*.npz"))
    assert len(paths) == 3
    paths[0].write_bytes(paths[0].read_bytes()[:100])
    shutil.copy(paths[2], paths[1])  # whole, but of two pictures in place of four
    again = extract(tiny, pictures, "hash")
    assert all((first[kind] == again[kind]).all() for kind in first)
    assert not list((tmp_path / "build").rglob("*.part"))


def test_pictures_of_another_shape_are_refused(tiny):
    with pytest.raises(ValueError, match=r"float64 of shape \(1, 224, 224, 3\); they must be uint8"):
        see(tiny, np.zeros((1, 224, 224, 3)))
    with pytest.raises(ValueError, match=r"\(1, 64, 64, 3\)"):
        see(tiny, np.zeros((1, 64, 64, 3), np.uint8))


def test_vgg16_is_prepared_for_as_it_was_trained():
    # Blue, green, red, less the means of ImageNet (Simonyan and Zisserman 2015, section 2.1; Caffe's order).
    pixel = np.float32([[[[10, 20, 30]]]])
    assert VGG16.preprocess(pixel).ravel() == pytest.approx([30 - 103.939, 20 - 116.779, 10 - 123.68])
    assert MOBILE.preprocess(np.float32([0, 127.5, 255])).tolist() == [-1, 0, 1]


def write_official_layout(path, model, value):
    """A file as Keras publishes it: a group per layer, a dataset per weight, all of one value."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            kinds = ("W", "b")[: len(layer.weights)]
            names = [f"{layer.name}_{kind}_1:0" for kind in kinds]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group.create_dataset(
                    name,
                    weight.shape,
                    "f4",
                    chunks=tuple(min(n, 4096) for n in weight.shape),
                    fillvalue=value,
                )  # chunks that are never written take no room in the file


def test_vgg16_its_layers_and_a_file_of_the_official_layout(tmp_path, monkeypatch):
    model = VGG16.build()
    assert model.count_params() == 138_357_544  # Simonyan and Zisserman 2015, table 2: 138 million
    assert model.get_layer("fc2").output.shape == (None, 4096)
    assert [layer.name for layer in model.layers[-3:]] == ["fc1", "fc2", "predictions"]
    path = tmp_path / "data" / VGG16.weights.name
    path.parent.mkdir()
    write_official_layout(path, model, 1e-3)
    assert path.stat().st_size < 2_000_000
    known = VGG16.weights.hash_of(path)
    changed = dataclasses.replace(VGG16, build=lambda: model)
    remote = dataclasses.replace(VGG16.weights, sha256=known)
    monkeypatch.setitem(NETWORKS, "VGG16", dataclasses.replace(changed, weights=remote))
    extractor = load_extractor(["VGG16"])
    assert extractor.origin == "UNROLLED_DATA"
    for name in ("block1_conv1", "fc2", "predictions"):
        assert np.ptp(np.asarray(model.get_layer(name).kernel)) == 0
        assert np.asarray(model.get_layer(name).bias)[0] == np.float32(1e-3)
    sizes = {kind: tuple(output.shape) for kind, output in extractor.model.output.items()}
    full = {"fc1": (None, 4096), "fc2": (None, 4096)}
    assert sizes == {"pooled": (None, 512), **full, "logits": (None, 1000)}

    monkeypatch.setitem(NETWORKS, "VGG16", changed)  # the hash of the real file again
    with pytest.raises(
        DataError, match=r"vgg16_weights_tf_dim_ordering_tf_kernels.h5 in UNROLLED_DATA is damaged"
    ):
        load_extractor(["VGG16"])


@pytest.mark.parametrize("content", ["cut off", "of another network", "no weights at all"])
def test_a_prepared_file_that_is_wrong_says_so(content, tmp_path, monkeypatch):
    network = dataclasses.replace(VGG16, build=tiny_classifier)
    monkeypatch.setitem(NETWORKS, "VGG16", network)
    path = tmp_path / "data" / network.prepared
    path.parent.mkdir()
    if content == "of another network":
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    else:
        tiny_classifier().save_weights(path)
        load_extractor(["VGG16"])
        path.write_bytes(path.read_bytes()[:2000] if content == "cut off" else b"not HDF5 at all")
    with pytest.raises(DataError, match=r"vgg16.weights.h5 \(UNROLLED_DATA\) is damaged or not of VGG16"):
        load_extractor(["VGG16"])


def test_the_cache_of_keras_is_used_if_the_file_is_right(tmp_path, monkeypatch):
    content = b"as if these were weights"
    cached = tmp_path / "keras" / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content)
    remote = dataclasses.replace(VGG16.weights, sha256=VGG16.weights.hash_of(cached))
    network = dataclasses.replace(VGG16, weights=remote)
    assert find_weights(network) == (cached, "Keras cache")
    cached.write_bytes(content[:-1])
    monkeypatch.setattr(features, "fetch", lambda remote: ("fetched", "download"))
    assert find_weights(network) == ("fetched", "download")


def test_the_next_network_is_taken_where_weights_are_missing(monkeypatch, capsys, tmp_path):
    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.setattr(features, "fetch", nothing)
    network = dataclasses.replace(MOBILE, build=tiny_classifier, layers=VGG16.layers)
    monkeypatch.setitem(NETWORKS, "MobileNetV2", network)
    path = tmp_path / "data" / network.prepared
    path.parent.mkdir()
    tiny_classifier().save_weights(path)
    assert load_extractor().network.name == "MobileNetV2"
    assert capsys.readouterr().out == "The weights of VGG16 cannot be had: no connection to the host.\n"
    with pytest.raises(Unavailable, match="no connection"):
        load_extractor(["VGG16"])


def test_mobilenet_has_the_layers_that_are_named():
    model = with_outputs(MOBILE, MOBILE.build())
    sizes = {kind: tuple(output.shape) for kind, output in model.output.items()}
    assert sizes == {"pooled": (None, 1280), "logits": (None, 1000)}


def test_a_network_that_nobody_knows_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="'ResNet50' is no network known here; they are VGG16, MobileNetV2"):
        features.load_extractor(["ResNet50", "MobileNetV2"])


def grid_files(tmp_path):
    return sorted(path for path in (tmp_path / "build").rglob("grid*") if path.is_file())


def test_a_grid_is_what_the_layer_gives_row_by_row(tiny):
    pictures = ten_pictures([])
    found = extract_grid(tiny, pictures, "hash")
    assert found.shape == (10, 25, 4)
    assert found.dtype == np.float16
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    batch = np.stack([pictures.load(name) for name in pictures.names])
    inputs = tiny.network.preprocess(np.float32(batch))
    convolved = tiny.model.get_layer("block5_pool").output
    there = np.asarray(keras.Model(tiny.model.inputs, {"x": convolved})(inputs)["x"])
    np.testing.assert_allclose(found.reshape(10, 5, 5, 4), there, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(see_grid(tiny, batch), found, rtol=1e-3, atol=1e-3)


def test_a_grid_is_not_made_by_who_wants_the_whole(tiny, tmp_path):
    assert "grid" not in extract(tiny, ten_pictures([]), "hash")
    assert grid_files(tmp_path) == []


def test_an_interrupted_grid_goes_on_where_it_stopped(tiny, tmp_path):
    log = []
    pictures = ten_pictures(log)
    whole = np.array(extract_grid(tiny, pictures, "other hash"))
    log.clear()

    def stops(name):
        if name == "p6":
            raise KeyboardInterrupt
        return pictures.load(name)

    with pytest.raises(KeyboardInterrupt):
        extract_grid(tiny, dataclasses.replace(pictures, load=stops), "hash")
    assert {"p0", "p3"} <= set(log)
    log.clear()
    assert np.array_equal(extract_grid(tiny, pictures, "hash"), whole)
    assert sorted(log) == ["p4", "p5", "p6", "p7", "p8", "p9"]
    log.clear()
    assert np.array_equal(extract_grid(tiny, pictures, "hash"), whole)
    assert log == []
    assert not list((tmp_path / "build").rglob("*.part"))


def test_other_pictures_or_weights_have_another_grid(tiny, tmp_path):
    pictures = ten_pictures([])
    extract_grid(tiny, pictures, "hash")
    extract_grid(tiny, pictures, "other")
    extract_grid(dataclasses.replace(tiny, sha256="1" * 64), pictures, "hash")
    fewer = dataclasses.replace(pictures, names=pictures.names[:5])
    assert len(extract_grid(tiny, fewer, "hash")) == 5
    assert len([path for path in grid_files(tmp_path) if path.suffix == ".npy"]) == 4


@pytest.mark.parametrize(
    ("damage", "looked_at"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), 10),
        (lambda path: path.write_bytes(path.read_bytes()[:50]), 10),
        (lambda path: np.save(path, np.zeros((10, 24, 4), np.float16)), 10),
        (lambda path: np.save(path, np.zeros((10, 25, 4), np.float32)), 10),
        (lambda path: np.save(path, np.array([None] * 3), allow_pickle=True), 10),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"), 2),  # of the third of three parts
        (lambda path: path.with_suffix(".json").write_text("[]"), 10),
        (lambda path: path.with_suffix(".json").write_text("{"), 10),
        (lambda path: path.with_suffix(".json").unlink(), 10),
        (lambda path: path.unlink(), 10),
    ],
)
def test_a_damaged_grid_is_made_anew(tiny, tmp_path, damage, looked_at):
    log = []
    pictures = ten_pictures(log)
    whole = np.array(extract_grid(tiny, pictures, "hash"))
    damage(next(path for path in grid_files(tmp_path) if path.suffix == ".npy"))
    log.clear()
    assert np.array_equal(extract_grid(tiny, pictures, "hash"), whole)
    assert len(log) == looked_at


def test_a_grid_says_how_large_it_will_be_and_needs_room(tiny, monkeypatch, capsys):
    extract_grid(tiny, ten_pictures([]), "hash")
    told = "What is seen at 25 places of 10 photos takes 0.00 GB of disk.\n"
    assert told in capsys.readouterr().out
    extract_grid(tiny, ten_pictures([]), "hash")
    assert "takes" not in capsys.readouterr().out
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1))
    with pytest.raises(NoFolder, match="There is no room"):
        extract_grid(tiny, ten_pictures([]), "another hash")


def test_the_grids_of_the_networks_have_the_shapes_of_the_papers():
    for network, places, channels in ((MOBILE, 49, 1280), (VGG16, 196, 512)):
        output = network.build().get_layer(network.grid).output
        assert (output.shape[1] * output.shape[2], output.shape[3]) == (places, channels)
