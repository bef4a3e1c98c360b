"""MSRC-21 and what stands in for it: archives, faults, the split; what is seen, its loss and its score."""

import hashlib
import io
import tarfile
import zipfile

import keras
import numpy as np
import PIL.Image
import pytest

from utils import datasets, segmentation
from utils.datasets import segments
from utils.fetch import DataError, Remote
from utils.samples import landscapes

NAMES = [f"{series}_{k}_s" for series in (1, 2) for k in range(1, 9)]  # two series of eight
UPRIGHT = {"1_2_s", "2_5_s"}


def numbers(name):
    """A labelling: void above, the class of the series below, horse at the right."""
    wide, high = (8, 12) if name in UPRIGHT else (12, 8)
    found = np.zeros((high, wide), np.uint8)
    found[high // 2 :] = int(name[0])
    found[:, -2:] = 5
    return found


def packed(picture, kind):
    into = io.BytesIO()
    picture.save(into, kind)
    return into.getvalue()


def photo(name):
    high, wide = numbers(name).shape
    return PIL.Image.new("RGB", (wide, high), (10 * int(name[2]), 0, 0))


def prepared(path, change=lambda files: files):
    files = {f"images/{name}.jpg": packed(photo(name), "jpeg") for name in NAMES}
    files |= {f"labels/{name}.png": packed(PIL.Image.fromarray(numbers(name)), "png") for name in NAMES}
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:xz") as tar:
        for name, content in change(files).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def official(path):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in NAMES:
            colored = np.array(segments.COLORS, np.uint8)[numbers(name)]
            top = "MSRC_ObjCategImageDatabase_v2"
            archive.writestr(f"{top}/Images/{name}.bmp", packed(photo(name), "bmp"))
            archive.writestr(f"{top}/GroundTruth/{name}_GT.bmp", packed(PIL.Image.fromarray(colored), "bmp"))
        archive.writestr(f"{top}/Images/Thumbs.db", b"no picture")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    told = hashlib.sha256("\n".join(sorted(NAMES)).encode()).hexdigest()
    monkeypatch.setattr(segments, "NAMES_SHA256", told)
    return tmp_path


def put(folder, monkeypatch, change=lambda files: files):
    path = folder / "msrc_v2" / "msrc_v2.tar.xz"
    prepared(path, change)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(segments, "PREPARED", Remote("msrc_v2/msrc_v2.tar.xz", "its maker", digest))
    return path


def assert_whole(data):
    assert (data.source.name, data.source.kind, data.source.origin) == ("MSRC-21", "real", "UNROLLED_DATA")
    assert len(data.classes) == len(data.colors) == 21
    assert not set(segments.DROPPED) & set(data.classes)
    parts = (data.train, data.validation, data.test)
    assert [len(part.names) for part in parts] == [8, 2, 6]  # of each series in eighths
    assert sorted(name for part in parts for name in part.names) == NAMES
    for part in parts:
        assert part.pictures.shape[1:] == (44, 64, 3)
        assert part.photos.shape[1:] == (224, 224, 3)
        for name, labels, lies in zip(part.names, part.labels, part.mirrored, strict=True):
            assert lies == (name in UPRIGHT)
            upright = labels.T if lies else labels
            assert (upright[0] == segments.VOID).all()
            assert (upright[:, -1] == segments.VOID).all()  # a horse is no class here
            assert upright[-1, 0] == data.classes.index(segments.MSRC_CLASSES[int(name[0]) - 1])


def test_msrc_from_the_prepared_archive_and_from_the_official(folder, monkeypatch):
    path = put(folder, monkeypatch)
    one = datasets.msrc21()
    assert_whole(one)
    path.unlink()
    official(folder / segments.OFFICIAL.name)
    two = datasets.msrc21()
    assert_whole(two)
    for part in ("train", "validation", "test"):
        assert np.array_equal(getattr(one, part).labels, getattr(two, part).labels)
        assert getattr(one, part).names == getattr(two, part).names
    assert one.train.first(3).names == one.train.names[:3]
    assert one.train.first(None).photos.shape == one.train.photos.shape


def test_shrunk_labels_are_classes_that_lie_there():
    files = {}
    for name in NAMES:
        labels = np.full((88, 128), 2, np.uint8)  # grass; sheep at the right, from an odd column on
        labels[:, 63:] = 6
        picture = PIL.Image.new("RGB", (128, 88))
        files[name] = packed(picture, "png"), packed(PIL.Image.fromarray(labels), "png")
    data = segments.msrc_parts(files, "made up")
    there = {data.classes.index("grass"), data.classes.index("sheep")}
    assert set(np.unique(data.train.labels)) == there


def without(name):
    return lambda files: {key: value for key, value in files.items() if key != name}


def changed(name, content):
    return lambda files: files | {name: content}


WRONG = packed(PIL.Image.fromarray(np.full((8, 12), 24, np.uint8)), "png")
SMALL = packed(PIL.Image.fromarray(np.zeros((4, 4), np.uint8)), "png")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("labels/1_1_s.png"), "1_1_s is a photo without labels"),
        (
            lambda files: {k: v for k, v in files.items() if "2_8_s" not in k},
            "15 photos are not those of MSRC",
        ),
        (changed("labels/1_1_s.png", WRONG), "labels of 1_1_s hold a value that is no class"),
        (changed("labels/1_1_s.png", SMALL), "1_1_s is .* its labels are"),
        (changed("images/1_1_s.jpg", b"no photo"), "cannot be read"),
        (changed("images/1_1_s.jpg", b"0" * 2_000_001), "has 2,000,001 bytes"),
    ],
)
def test_msrc_that_is_damaged_or_incomplete_says_so(change, said, folder, monkeypatch):
    put(folder, monkeypatch, change)
    with pytest.raises(DataError, match=said):
        datasets.msrc21()


def test_another_archive_under_the_name_is_refused(folder):
    prepared(folder / "msrc_v2" / "msrc_v2.tar.xz")
    with pytest.raises(DataError, match="damaged or another file"):
        datasets.msrc21()


def test_nothing_leaves_the_folder(folder, monkeypatch, tmp_path):
    put(folder, monkeypatch, changed("../../labels/outside.txt", b"nothing is unpacked"))
    before = sorted(tmp_path.rglob("*"))
    assert_whole(datasets.msrc21())
    assert sorted(tmp_path.rglob("*")) == before


def test_the_sample_stands_in(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    data, extractor = segmentation.photos_or_landscapes()
    assert (data.source.kind, extractor, capsys.readouterr().out) == ("sample", None, "")
    assert [len(part.names) for part in (data.train, data.validation, data.test)] == [120, 40, 40]


def test_landscapes_are_painted_in_the_colours_of_their_labels():
    rng = np.random.default_rng(0)
    labels = landscapes.draw_labels(rng, 30, 40)
    assert labels.shape == (30, 40)
    clean = landscapes.paint(labels, np.random.default_rng(1), noise=0).astype(int)
    for k in np.unique(labels):
        assert len(np.unique(clean[labels == k], axis=0)) == 1
    noisy = landscapes.paint(labels, np.random.default_rng(1), noise=20).astype(int)
    inside = (clean > 70) & (clean < 185)  # where nothing is cut off
    assert np.std((noisy - clean)[inside]) == pytest.approx(20, rel=0.1)
    other = datasets.drawn_landscapes(4, 2, (20, 30), seed=1)
    assert other.source.sha256 != datasets.drawn_landscapes(4, 2, (20, 30)).source.sha256
    every = datasets.drawn_landscapes(60, 2, (20, 30))
    assert set(np.unique(every.train.labels)) == set(range(5))


# ---- what is seen, and how it is scored


def test_maps_of_pictures_and_of_a_network():
    data = datasets.drawn_landscapes(5, 2, (12, 16))
    (seen,) = segmentation.maps_of(None, data.train)
    (flipped,) = segmentation.maps_of(None, data.train, flipped=True)
    assert seen.dtype == np.float16
    assert np.abs(seen).max() <= 1
    assert np.array_equal(seen[:, :, ::-1], flipped)


class Extractor:
    """A network whose maps are the mean colours of fields of the photo."""

    class network:
        preprocess = staticmethod(lambda x: x)

    def __init__(self):
        photo = keras.Input((224, 224, 3))
        outputs = [
            keras.layers.AveragePooling2D(224 // side, name=name)(photo)
            for name, side in zip(segmentation.LAYERS, (28, 14, 7), strict=True)
        ]
        self.model = keras.Model(photo, outputs)


def test_maps_lie_as_the_pictures_do(folder, monkeypatch):
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 255, (3, 7, 7, 3), dtype=np.uint8).repeat(32, axis=1).repeat(32, axis=2)
    part = segments.without_labels("abc", photos)
    assert (part.labels == segments.VOID).all()
    part = segments.Segments(part.names, part.pictures, part.labels, photos, np.array([False, True, False]))
    maps = segmentation.maps_of(Extractor(), part)
    assert [one.shape for one in maps] == [(3, n, n, 3) for n in (28, 14, 7)]
    coarse = photos[:, ::32, ::32]
    assert np.allclose(maps[2][0], coarse[0], atol=0.2)
    assert np.allclose(maps[2][1], coarse[1].swapaxes(0, 1), atol=0.2)
    other = segmentation.maps_of(Extractor(), part, flipped=True)
    for one, two in zip(maps, other, strict=True):
        assert np.allclose(one[:, :, ::-1], two, atol=0.2)


def test_a_head_reads_each_place_for_itself():
    keras.utils.set_random_seed(0)
    head = segmentation.head([(4, 6, 3), (2, 3, 5)], (8, 12), 4, 7)
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(2, 4, 6, 3)).astype("float32"), rng.normal(size=(2, 2, 3, 5)).astype("float32")]
    scores = head.predict(maps, verbose=0)
    assert scores.shape == (2, 8, 12, 4)
    maps[0][:, 0, 0] += 1
    moved = np.abs(head.predict(maps, verbose=0) - scores).max(axis=(0, 3)) > 1e-6
    assert moved[0, 0]
    assert not moved[:, 6:].any()


def test_void_is_neither_learnt_nor_scored():
    truth = np.array([[[0, 1, -1], [1, 1, -1]]])
    scores = np.random.default_rng(0).normal(size=(1, 2, 3, 2)).astype("float32")
    p = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    each = [-np.log(p[0, i, j, truth[0, i, j]]) for i in (0, 1) for j in (0, 1)]
    assert float(segmentation.loss(truth, scores)) == pytest.approx(np.mean(each), rel=1e-5)
    assert float(segmentation.loss(np.full_like(truth, -1), scores)) == 0
    table = segmentation.confusion(truth, np.array([[[0, 0, 1], [1, 1, 0]]]), 3)
    assert table.tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert segmentation.mean_iou(table) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_learning_lowers_the_loss_and_starts_from_given_weights():
    data = datasets.drawn_landscapes(8, 4, (12, 16), noise=5)
    maps = {part: segmentation.maps_of(None, getattr(data, part)) for part in ("train", "validation")}
    keras.utils.set_random_seed(0)
    head = segmentation.head([(12, 16, 3)], (12, 16), 5, 8)
    watched = (maps["validation"], data.validation.labels)
    history = segmentation.learn(
        head, maps["train"], data.train.labels, epochs=20, rate=3e-2, batch=4, seed=0, watched=watched
    )
    assert len(history["val_loss"]) == 20
    assert history["val_loss"][-1] < 0.6 * history["val_loss"][0]
    again = segmentation.learn(head, maps["train"], data.train.labels, epochs=1, rate=1e-4, batch=4, seed=0)
    assert again["loss"][0] < history["loss"][0]


def test_draw_gives_a_legend_of_what_is_there():
    import matplotlib.pyplot as plt

    data = datasets.drawn_landscapes(2, 2, (12, 16))
    labels = np.minimum(data.train.labels, 1)
    segmentation.draw([data.train.pictures, labels], data.colors, ["picture", "labels"], names=data.classes)
    (legend,) = plt.gcf().legends
    assert [text.get_text() for text in legend.get_texts()] == ["sky", "water"]
    plt.close("all")
