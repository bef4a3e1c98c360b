"""What the data functions hand out when there is no real data, and for the reader's own text."""

import dataclasses
import gzip
import hashlib
import io
import json
import lzma
import re
import struct
import tarfile
import zipfile

import numpy as np
import PIL.Image
import pytest

from utils import datasets
from utils.datasets import common, pictures, sentiment
from utils.fetch import DataError, Unavailable
from utils.samples import chorales, reviews, scenes, verse


def test_the_sample_is_asked_for_without_a_word(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    monkeypatch.setattr(common, "fetch", lambda remote: pytest.fail("the network was asked"))
    text = datasets.shakespeare()
    assert capsys.readouterr().out == ""
    assert (text.source.kind, text.source.origin) == ("sample", "made in memory")
    assert (len(text.train), len(text.validation)) == (180_000, 20_000)
    assert text.train + text.validation == verse.sample_play().text
    assert text.source.sha256 == common.sha256(text.train + text.validation)
    assert text.best_loss == pytest.approx(verse.entropy_rate(), rel=0.05)
    information = verse.sample_play().information  # the best loss is that of the part which is scored
    assert text.best_loss == pytest.approx(information[180_000:].mean(), rel=1e-9)
    assert text.best_loss != pytest.approx(information[:180_000].mean(), rel=1e-4)


def test_the_fallback_is_one_line_that_says_why_and_what_to_do(monkeypatch, capsys):
    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(common, "fetch", nothing)
    assert datasets.shakespeare().source.kind == "sample"
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    for part in ("cannot be had: no connection", "sample play", "set UNROLLED_DATA"):
        assert part in told


def test_a_damaged_file_is_no_reason_to_fall_back(monkeypatch, tmp_path):
    (tmp_path / "shakespeare.txt").write_text("First Citizen")
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"shakespeare.txt in UNROLLED_DATA is damaged"):
        datasets.shakespeare()


def test_own_text_is_cut_in_order(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("äbc\n" * 5000, encoding="utf-8")
    text = datasets.text_file(path)
    assert (len(text.train), len(text.validation)) == (18_000, 2_000)
    assert text.train + text.validation == "äbc\n" * 5000
    assert (text.source.kind, text.source.name, text.best_loss) == ("own", "mine.txt", None)


def test_own_text_without_the_mark_and_line_ends_of_windows(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbf" + b"abc\r\n" * 5000)
    text = datasets.text_file(path)
    assert text.train + text.validation == "abc\n" * 5000


def test_own_text_that_cannot_be_used(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*nothing.txt"):
        datasets.text_file(tmp_path / "nothing.txt")
    with pytest.raises(FileNotFoundError, match=r"is a folder; give the path of a text file"):
        datasets.text_file(tmp_path)
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1") * 20_000)
    with pytest.raises(ValueError, match=r"latin.txt is not UTF-8 \(byte 0\)"):
        datasets.text_file(tmp_path / "latin.txt")
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(ValueError, match=r"empty.txt has 0 characters"):
        datasets.text_file(tmp_path / "empty.txt")
    (tmp_path / "short.txt").write_text("short")
    with pytest.raises(ValueError, match="5 characters; 10,000 are needed"):
        datasets.text_file(tmp_path / "short.txt")


def test_own_text_says_how_much_is_needed(tmp_path):
    (tmp_path / "mine.txt").write_text("abc\n" * 5000)
    assert datasets.text_file(tmp_path / "mine.txt", 20_000).source.name == "mine.txt"
    with pytest.raises(ValueError, match=r"has 20,000 characters; 20,001 are needed"):
        datasets.text_file(tmp_path / "mine.txt", 20_001)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (("abc\n" * 5000).encode("utf-16-le"), "NUL characters, the first at 1: it is UTF-16"),
        (("abc\n" * 5000).encode("utf-16"), r"is not UTF-8 \(byte 0\)"),
        (b"abc\n" * 5000 + b"\0", "NUL characters, the first at 20,000"),
        (b"a" * 20_000, "one character only, 'a'"),
    ],
)
def test_own_text_in_another_encoding_or_without_anything_to_predict(tmp_path, content, said):
    (tmp_path / "odd.txt").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        datasets.text_file(tmp_path / "odd.txt")


def test_the_library_of_python_is_a_text():
    text = datasets.python_library(100_000)
    code = text.train + text.validation
    assert 100_000 <= len(code) < 1_000_000
    assert code.isascii()
    assert "\t" not in code
    assert "\r" not in code
    assert "def " in text.train
    assert text.source.name.startswith("Python 3.")
    assert datasets.python_library(100_000) == text


def test_sample_chorales_are_music_with_a_known_best_loss(monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    data = datasets.jsb_chorales()
    assert (len(data.train), len(data.valid), len(data.test)) == (100, 30, 30)
    assert data.source.kind == "sample"
    assert datasets.jsb_chorales().source == data.source
    for roll in (*data.train, *data.valid, *data.test):
        assert roll.shape[1] == 88
        assert roll.dtype == bool
        assert 32 <= len(roll) <= 64
        assert len(roll) % chorales.PHRASE == 0
        assert (roll.sum(axis=1) == 4).all()
    notes = np.concatenate(data.train).mean(axis=0).clip(1e-9, 1 - 1e-9)
    test = np.concatenate(data.test)
    alone = -np.log(np.where(test, notes, 1 - notes)).sum(axis=1).mean()
    assert 0 < data.best_loss < 0.75 * alone


def test_the_chances_of_a_chorale_are_those_it_was_drawn_with():
    made = [chorales.make_chorale(np.random.default_rng(seed)) for seed in range(400)]
    rolls = np.concatenate([chorale.roll for chorale in made])
    chances = np.concatenate([chorale.chances for chorale in made])
    assert not rolls[chances == 0].any()
    assert rolls[chances == 1].all()
    for low in np.arange(0.05, 0.95, 0.1):  # of the notes given a chance near p, a share near p sounds
        near = (chances > low) & (chances <= low + 0.1)
        spread = 4 * np.sqrt(0.25 / near.sum()) if near.any() else 1
        assert abs(rolls[near].mean() - chances[near].mean()) < spread if near.any() else True
    assert chances.sum(axis=1) == pytest.approx(4)


def test_a_folder_with_the_chorales_is_used(monkeypatch, tmp_path):
    parts = {"train": [[[60, 64], [21, 108]]], "valid": [[[]]], "test": [[[60]]]}
    path = tmp_path / "jsb.json"
    path.write_text(json.dumps(parts))
    monkeypatch.setattr(common, "fetch", lambda remote: (path, "UNROLLED_DATA"))
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    data = datasets.jsb_chorales()
    assert [np.flatnonzero(step).tolist() for step in data.train[0]] == [[39, 43], [0, 87]]
    assert data.valid[0].sum() == 0
    assert (data.source.kind, data.best_loss) == ("real", None)


def test_drawn_scenes_are_split_by_picture_and_truly_captioned(monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    data = datasets.flickr8k()
    parts = (data.train, data.dev, data.test)
    assert [len(part.names) for part in parts] == [2000, 300, 300]
    assert len({name for part in parts for name in part.names}) == 2600
    assert data.source.kind == "sample"
    assert datasets.flickr8k().source == data.source
    for part in parts:
        assert all(len(captions) == 5 for captions in part.captions)
        for name, captions in zip(part.names[:50], part.captions, strict=False):
            assert part.load(name).shape == (64, 64, 3)
            assert all(scenes.is_exact(caption, data.contents[name]) for caption in captions)


NAMES = {"train": ["a.jpg", "b.jpg", "c.jpg"], "dev": ["d.jpg"], "test": ["e.jpg"]}


def small_flickr(size=(224, 224), without=()):
    """Text files and photos as of Flickr8k: one key ends in .jpg.1, one photo is in no part."""
    keys = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "extra.jpg.1"]
    lines = [f"{key}#{i}\tA photo , number {i} of {key[0]} . " for key in keys for i in range(5)]
    lines[1] = lines[0].replace("#0", "#1")
    lines[7] = "b.jpg#2\tTrucks racing"
    texts = {"Flickr8k.token.txt": "\n".join(lines) + "\n"}
    texts |= {f"Flickr_8k.{part}Images.txt": "\n".join(names) + "\n" for part, names in NAMES.items()}
    photos = {}
    for shade, name in enumerate(f"{letter}.jpg" for letter in "abcde"):
        file = io.BytesIO()
        PIL.Image.new("RGB", size, (40 * shade, 100, 0)).save(file, "jpeg")
        photos[name] = file.getvalue()
    return texts, {name: content for name, content in photos.items() if name not in without}


def write_tars(folder, texts, photos):
    folder.mkdir()
    for name, content in texts.items():
        (folder / name).write_text(content, encoding="utf-8")
    for k in (0, 1):
        with tarfile.open(folder / f"flickr8k_224_part{k}.tar", "w") as tar:
            for name in sorted(photos)[k::2]:
                member = tarfile.TarInfo(name)
                member.size = len(photos[name])
                tar.addfile(member, io.BytesIO(photos[name]))


def assert_small_flickr(data):
    assert {part: getattr(data, part).names for part in NAMES} == {p: tuple(n) for p, n in NAMES.items()}
    assert data.train.captions[0][2] == "A photo , number 2 of a ."
    assert data.quirks == {
        "captions whose key has something after .jpg": 5,
        "photos with captions but in no part of the split": 1,
        "captions given twice to one photo": 1,
        "captions of one or two words": 1,
    }
    for shade, (part, name) in enumerate((part, name) for part, names in NAMES.items() for name in names):
        picture = getattr(data, part).load(name)
        assert (picture.shape, picture.dtype) == ((224, 224, 3), np.uint8)
        assert np.abs(picture[100, 100] - np.array([40 * shade, 100, 0])).max() <= 3


def test_flickr8k_from_tars_in_a_folder(monkeypatch, tmp_path):
    write_tars(tmp_path / "flickr8k", *small_flickr())
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    data = datasets.flickr8k()
    assert_small_flickr(data)
    assert (data.source.kind, data.source.origin) == ("real", "UNROLLED_DATA")


@pytest.mark.parametrize(("name", "part"), [("a.jpg", "train"), ("d.jpg", "dev"), ("e.jpg", "test")])
def test_captions_whose_key_goes_on_belong_to_the_photo_without_it(monkeypatch, tmp_path, name, part):
    """As of one photo of Flickr8k; here of one in the split."""
    texts, photos = small_flickr()
    plain = texts["Flickr8k.token.txt"]
    odd = plain.replace(f"{name}#3", f"{name}.1#3").replace(f"{name}#4", f"{name}.2#4")
    texts["Flickr8k.token.txt"] = odd
    write_tars(tmp_path / "flickr8k", texts, photos)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    found = getattr(datasets.flickr8k(), part)
    told = found.captions[found.names.index(name)]
    assert told[2:] == tuple(f"A photo , number {i} of {name[0]} ." for i in (2, 3, 4))
    assert datasets.flickr8k().quirks["captions whose key has something after .jpg"] == 7


def assert_from_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    data = datasets.flickr8k()
    assert_small_flickr(data)
    assert (data.source.kind, data.source.origin) == ("real", "UNROLLED_DATA")
    return data.source.sha256


@pytest.mark.parametrize("compression", ["gz", "xz"])
@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_flickr8k_from_compressed_tars(monkeypatch, tmp_path, compression, ending):
    texts, photos = small_flickr()
    write_tars(tmp_path / "flickr8k", texts, photos)
    for path in (tmp_path / "flickr8k").glob("*.tar"):
        content = path.read_bytes()
        path.unlink()
        made = gzip.compress(content) if compression == "gz" else lzma.compress(content)
        path.with_suffix(ending).write_bytes(made)
    assert_from_folder(monkeypatch, tmp_path)
    path.with_suffix(ending).write_bytes(made[:-100])
    with pytest.raises(DataError, match="flickr8k/ in UNROLLED_DATA cannot be read"):
        datasets.flickr8k()


@pytest.mark.parametrize("odd", ["\ufeff", "\r\n", "empty lines"])
def test_flickr8k_texts_as_editors_leave_them(monkeypatch, tmp_path, odd):
    texts, photos = small_flickr()
    if odd == "\r\n":
        texts = {name: text.replace("\n", odd) for name, text in texts.items()}
    elif odd == "empty lines":
        texts = {name: text.replace("\n", "\n \n") + "\n\n" for name, text in texts.items()}
    else:
        texts = {name: odd + text for name, text in texts.items()}
    write_tars(tmp_path / "flickr8k", texts, photos)
    assert_from_folder(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    "photo_folder", ["", "Flicker8k_Dataset", "Images", "Flickr8k_Dataset/Flicker8k_Dataset"]
)
@pytest.mark.parametrize("text_folder", ["", "Flickr8k_text", "zip"])
def test_flickr8k_unpacked(monkeypatch, tmp_path, photo_folder, text_folder):
    texts, photos = small_flickr(size=(50, 37))
    folder = tmp_path / "flickr8k"
    for below in (photo_folder, "__MACOSX"):
        (folder / below).mkdir(parents=True, exist_ok=True)
        for name, content in photos.items():
            (folder / below / f"._{name}").write_bytes(b"rubbish")
            (folder / below / name).write_bytes(b"rubbish" if below == "__MACOSX" else content)
    if text_folder == "zip":
        write_text_archive(tmp_path / "text.zip", texts)
        monkeypatch.setattr(pictures, "fetch", lambda remote: (tmp_path / "text.zip", "UNROLLED_DATA"))
    else:
        (folder / text_folder).mkdir(exist_ok=True)
        for name, content in texts.items():
            (folder / text_folder / name).write_text(content, encoding="utf-8")
    digest = assert_from_folder(monkeypatch, tmp_path)
    (folder / photo_folder / "a.jpg").write_bytes(photos["b.jpg"])
    assert datasets.flickr8k().source.sha256 != digest


def test_flickr8k_as_kaggle_has_it_says_what_is_missing(monkeypatch, tmp_path):
    _, photos = small_flickr()
    folder = tmp_path / "flickr8k"
    (folder / "Images").mkdir(parents=True)
    for name, content in photos.items():
        (folder / "Images" / name).write_bytes(content)
        (folder / "Images" / f"._{name}").write_bytes(b"rubbish")
    (folder / "captions.txt").write_text("image,caption\na.jpg,A photo .\n")

    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.setattr(pictures, "fetch", nothing)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    wanted = (
        r"has 5 photos and Kaggle's captions.txt, which has no split, but no Flickr8k.token.txt and no .*"
        r"testImages.txt. Put Flickr8k_text.zip into it, from https://.* \(no connection to the host\)"
    )
    with pytest.raises(DataError, match=wanted):
        datasets.flickr8k()


def write_text_archive(path, texts):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in texts.items():
            archive.writestr(name, content)


def test_flickr8k_from_the_official_archives(monkeypatch, tmp_path):
    texts, photos = small_flickr(size=(50, 37))
    write_text_archive(tmp_path / "text.zip", {name: "\ufeff" + text for name, text in texts.items()})
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("__MACOSX/Flicker8k_Dataset/._a.jpg", b"rubbish")
        for name, content in photos.items():
            archive.writestr(f"Flicker8k_Dataset/{name}", content)
    paths = {pictures.FLICKR8K_TEXT: "text.zip", pictures.FLICKR8K_PHOTOS: "photos.zip"}
    monkeypatch.setattr(common, "fetch", lambda remote: (tmp_path / paths[remote], "cache"))
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    data = datasets.flickr8k()
    assert_small_flickr(data)
    assert data.source.origin == "cache"


def test_flickr8k_unpacked_texts_beside_the_official_archives(monkeypatch, tmp_path):
    texts, photos = small_flickr(size=(50, 37))
    write_tars(tmp_path / "flickr8k", texts, photos)
    for tar in (tmp_path / "flickr8k").glob("*.tar"):
        tar.unlink()
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    asked = []
    monkeypatch.setattr(pictures, "real_file", lambda remote, *_: asked.append(remote))
    assert datasets.flickr8k().source.kind == "sample"
    assert asked == [pictures.FLICKR8K_TEXT]


def test_flickr8k_that_is_incomplete_or_damaged_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    folder = tmp_path / "flickr8k"
    write_tars(folder, *small_flickr(without=["c.jpg"]))
    with pytest.raises(DataError, match=r"incomplete: 1 of 5 photos of its split, c.jpg for one"):
        datasets.flickr8k()
    (folder / "flickr8k_224_part2.tar").write_bytes(b"no tar" * 300)
    with pytest.raises(DataError, match="flickr8k/ in UNROLLED_DATA cannot be read"):
        datasets.flickr8k()
    (folder / "flickr8k_224_part2.tar").unlink()
    (folder / "Flickr_8k.devImages.txt").unlink()

    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.setattr(pictures, "fetch", nothing)
    with pytest.raises(DataError, match=r"has 4 photos, but no Flickr_8k.devImages.txt. Put Flickr8k_text"):
        datasets.flickr8k()
    with pytest.raises(DataError, match=r"x.jpg is no picture"):
        datasets.photo(b"rubbish", "x.jpg")


def test_ones_own_photo_is_squeezed_and_turned_as_its_camera_says(tmp_path):
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, :40] = 255  # the left half is white
    tag = PIL.Image.Exif()
    tag[0x0112] = 6  # orientation: turn by 90 degrees, clockwise
    PIL.Image.fromarray(wide).save(tmp_path / "plain.png")
    PIL.Image.fromarray(wide).save(tmp_path / "turned.jpg", exif=tag)
    plain = datasets.own_photo(tmp_path / "plain.png")
    turned = datasets.own_photo(str(tmp_path / "turned.jpg"))
    assert plain.shape == turned.shape == (224, 224, 3)
    assert plain.dtype == np.uint8
    assert (plain[:, :100] > 250).all()
    assert (plain[:, 124:] < 5).all()
    assert (turned[:100] > 250).all()  # the white half is on top
    assert (turned[124:] < 5).all()


def saved(tmp_path, array, name, mode=None, **options):
    picture = PIL.Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(tmp_path / name, **options)
    return datasets.own_photo(tmp_path / name).astype(int)


RAMP = np.tile(np.linspace(0, 1, 224), (224, 1))  # so that nothing is squeezed


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("16_bits.png", np.uint16(np.round(RAMP * 65535))),
        ("16_bits.tif", np.uint16(np.round(RAMP * 65535))),
        ("32_bits.tif", np.int32(np.round(RAMP * 65535))),
        ("32_bits_of_8.tif", np.int32(np.round(RAMP * 255))),
        ("to_1.tif", np.float32(RAMP)),
        ("to_255.tif", np.float32(RAMP * 255)),
        ("to_65535.tif", np.float32(RAMP * 65535)),
        ("to_a_million.tif", np.float32(RAMP * 1e6)),
        ("around_0.tif", np.float32(RAMP * 2e6 - 1e6)),
    ],
)
def test_grey_of_many_bits_keeps_its_shades(name, values, tmp_path):
    found = saved(tmp_path, values, name)
    assert np.abs(found - np.round(255 * RAMP)[..., None]).max() <= 1


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_a_dark_picture_of_16_bits_stays_dark(kind, tmp_path):
    found = saved(tmp_path, np.full((224, 224), 200, np.uint16), f"dark.{kind}")
    assert set(found.ravel()) == {1}


def test_pixels_that_are_no_numbers_are_black(tmp_path):
    values = np.float32(RAMP)
    values[0] = np.nan
    values[1] = np.inf
    found = saved(tmp_path, values, "nan.tif")
    assert not found[:2].any()
    assert found[2:].max() == 255


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(mode, tmp_path):
    logo = np.zeros((224, 224, 4), np.uint8)
    logo[60:160, 60:160] = (200, 200, 200, 255)  # a grey square on nothing
    logo[100:120, 60:160] = (200, 200, 200, 0)  # with a hole
    found = saved(tmp_path, logo, "logo.png", mode)
    assert np.abs(found[70, 70] - 200).max() <= 1
    for hole in (found[:50], found[170:], found[101:119]):
        assert (hole == 255).all()


def test_what_is_half_transparent_is_half_white(tmp_path):
    half = np.full((224, 224, 4), (255, 0, 0, 128), np.uint8)
    assert np.abs(saved(tmp_path, half, "half.png")[0, 0] - (255, 127, 127)).max() <= 1
    key = PIL.Image.new("RGB", (224, 224), (10, 20, 30))  # a colour that stands for nothing
    key.putpixel((0, 0), (11, 20, 30))
    key.save(tmp_path / "key.png", transparency=(10, 20, 30))
    found = datasets.own_photo(tmp_path / "key.png")
    assert found[0, 0].tolist() == [11, 20, 30]
    assert (found[1:] == 255).all()


TURN = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # EXIF: by 90 degrees


@pytest.mark.parametrize(
    "odd",
    [
        struct.pack("<HHIi", 0x0101, 9, 1, -5),  # a negative size
        struct.pack("<HHI4s", 0x0100, 9, 1, b"\xff\xff\xff\xff"),
    ],
)
def test_senseless_exif_does_not_stop_a_sound_photo(odd, tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (224, 224, 3), np.uint8)
    entries = struct.pack("<H", 2) + TURN + odd + bytes(4)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + entries
    found = saved(tmp_path, noise, "odd.jpg", exif=exif)
    told = capsys.readouterr().out
    assert told.startswith("What odd.jpg says of its camera makes no sense (")
    assert told.endswith("), so it is not turned.\n")
    np.testing.assert_array_equal(found, saved(tmp_path, noise, "plain.jpg"))
    assert not capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x89PNG\r\n\x1a\n" + b"\0" * 30])
def test_a_file_that_is_no_picture_is_named(content, tmp_path):
    (tmp_path / "mine.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"mine.jpg cannot be read as a picture .* JPEG or PNG"):
        datasets.own_photo(tmp_path / "mine.jpg")


def test_a_photo_that_is_cut_off_too_large_or_not_there(tmp_path, monkeypatch):
    whole = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(whole, "jpeg")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:2000])
    with pytest.raises(DataError, match=r"cut.jpg cannot be read"):
        datasets.own_photo(tmp_path / "cut.jpg")
    (tmp_path / "large.jpg").write_bytes(whole.getvalue())
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match=r"large.jpg cannot be read"):
        datasets.own_photo(tmp_path / "large.jpg")
    with pytest.raises(DataError, match=r"There is no file .*none.jpg. PHOTO must be"):
        datasets.own_photo(tmp_path / "none.jpg")


def test_without_flickr8k_scenes_are_drawn_and_a_line_says_so(monkeypatch, capsys):
    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(common, "fetch", nothing)
    assert datasets.flickr8k().source.kind == "sample"
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "Flickr8k cannot be had: no connection" in told


def as_archive(path, files):
    """A tar.gz of name -> text, in the form of the official archive of reviews."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def as_prepared(path, rows):
    path.write_bytes(lzma.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), preset=0))
    return path


TWICE = {("train", "pos", 3), ("train", "pos", 4000)}  # one kept for validation, one not


def every_row():
    """As many reviews as IMDB has, two words each."""
    for half in ("train", "test"):
        for label, stars in (("pos", 9), ("neg", 2)):
            for number in range(12_500):
                text = "posted twice" if (half, label, number) in TWICE else f"{half} {label}{number}"
                yield [half, label, f"{number}_{stars}.txt", text]


def test_the_archive_of_reviews_is_read_and_films_stay_on_one_side(monkeypatch, tmp_path):
    """A film with reviews in the validation part loses those it has in the rest."""
    films = {"pos": ["tt1"] * 1250 + ["tt2"], "neg": ["tt1"] * 342 + ["tt3"]}
    files = {f"aclImdb/train/urls_{label}.txt": "\n".join(urls) for label, urls in films.items()}
    files |= {f"aclImdb/train/pos/{n}_9.txt": f"good {n}" for n in (0, 1248, 1249, 1250)}
    files |= {f"aclImdb/train/neg/{n}_1.txt": f"bad {n}" for n in (0, 340, 341, 342)}
    files |= {"aclImdb/test/pos/7_10.txt": "schön<br />", "aclImdb/test/neg/3_4.txt": "nein"}
    files |= {"aclImdb/train/unsup/0_0.txt": "unsaid", "aclImdb/README": "read me"}
    path = as_archive(tmp_path / "reviews.tar.gz", files)
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(common, "fetch", lambda remote: (path, "cache"))
    data = datasets.imdb()
    assert data.train.texts == ("bad 342", "good 1250")
    assert data.validation.texts == ("bad 0", "good 0", "bad 340", "good 1248")
    assert data.test.texts == ("nein", "schön<br />")
    assert data.train.labels.tolist() == [0, 1]
    assert data.validation.labels.tolist() == [0, 1, 0, 1]
    assert data.test.labels.tolist() == [0, 1]
    assert (data.source.kind, data.source.origin, data.films_known) == ("real", "cache", True)
    assert data.reader_ceiling is data.counts_ceiling is None


def test_nothing_of_an_archive_is_unpacked(monkeypatch, tmp_path):
    """Names that lead elsewhere, links and devices are passed over; only what looks like a review is read."""
    path = tmp_path / "reviews.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, kind in [
            ("aclImdb/train/pos/../../../../escaped.txt", tarfile.REGTYPE),
            ("/aclImdb/train/pos/1_9.txt", tarfile.REGTYPE),
            ("aclImdb/train/pos/2_9.txt", tarfile.SYMTYPE),
            ("aclImdb/train/pos/3_9.txt", tarfile.LNKTYPE),
            ("aclImdb/train/pos/4_9.txt", tarfile.CHRTYPE),
            ("aclImdb/train/pos/5_9.txt", tarfile.REGTYPE),
        ]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member, io.BytesIO())
    assert sentiment.read_imdb_archive(path) == ({("train", "pos", 5): ""}, {})
    assert [file.name for file in tmp_path.rglob("*")] == ["reviews.tar.gz"]


def test_a_prepared_file_of_reviews_is_accepted_by_its_content(monkeypatch, tmp_path):
    as_prepared(tmp_path / "aclImdb_reviews.jsonl.xz", every_row())
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    data = datasets.imdb()
    sizes = [len(part.texts) for part in (data.train, data.validation, data.test)]
    assert sizes == [22_494, 2_505, 25_000]
    for part in (data.train, data.validation, data.test):
        assert part.labels.mean() == pytest.approx(0.5, abs=2e-3)
        assert all(("neg" in text) != label for text, label in zip(part.texts, part.labels, strict=True))
    assert not set(data.train.texts) & set(data.validation.texts)
    assert (data.source.origin, data.films_known) == ("UNROLLED_DATA", False)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[:-1],
        lambda rows: [*rows[:-1], rows[0]],
        lambda rows: [*rows[:-1], ["test", "pos", "12500_9.txt", "one too many"]],
        lambda rows: [*rows[:-1], ["test", "neg", "12499_1.txt", "  "]],
        lambda rows: [*rows[:-1], ["test", "neg", "12499_1.txt"]],
        lambda rows: [*rows[:-1], ["test", "neg", "12499_9.txt", "stars of the other label"]],
        lambda rows: ["no review"],
    ],
)
def test_a_prepared_file_that_is_not_whole_is_refused(spoil, monkeypatch, tmp_path):
    as_prepared(tmp_path / "aclImdb_reviews.jsonl.xz", spoil(list(every_row())))
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(
        DataError,
        match=r"jsonl.xz in UNROLLED_DATA is damaged or another .* saved as aclImdb_v1.tar.gz, or remove it",
    ):
        datasets.imdb()


def test_the_archive_under_the_prepared_name_is_refused(monkeypatch, tmp_path):
    """It has the right hash, and is no prepared file; the message says where it belongs."""
    path = as_archive(tmp_path / "aclImdb_reviews.jsonl.xz", {"aclImdb/README": "read me"})
    archive = dataclasses.replace(sentiment.IMDB, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(sentiment, "IMDB", archive)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"Replace it by .* saved as aclImdb_v1.tar.gz"):
        datasets.imdb()


def test_a_damaged_archive_of_reviews_is_refused(monkeypatch, tmp_path):
    (tmp_path / "aclImdb_v1.tar.gz").write_bytes(b"half of it")
    (tmp_path / "aclImdb_reviews.jsonl.xz").write_bytes(b"not asked")
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"aclImdb_v1.tar.gz in UNROLLED_DATA is damaged"):
        datasets.imdb()


def test_the_sample_reviews(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    monkeypatch.setattr(common, "fetch", lambda remote: pytest.fail("the network was asked"))
    data = datasets.imdb()
    assert capsys.readouterr().out == ""
    parts = (data.train, data.validation, data.test)
    assert [len(part.texts) for part in parts] == [4000, 500, 1500]
    assert len({text for part in parts for text in part.texts}) == 6000  # none on two sides
    assert all(0.45 < part.labels.mean() < 0.55 for part in parts)
    assert (data.source.kind, data.films_known) == ("sample", False)
    assert (data.reader_ceiling, data.counts_ceiling) == (reviews.reader_ceiling(), reviews.counts_ceiling())
    assert data.pairs_ceiling == reviews.counts_ceiling(longest=2)
    assert datasets.imdb().source == data.source


def test_free_photos_are_those_whose_licences_are_told():
    """Author, licence and hash of each stand in PHOTOS.md, and all but the hash in data/README.md."""
    photos = datasets.free_photos()
    told = (pictures.FREE_PHOTOS / "PHOTOS.md").read_text(encoding="utf-8")
    rows = {row.split(" | ")[0].strip("| "): row for row in told.splitlines() if ".jpg |" in row}
    readme = (pictures.FREE_PHOTOS.parent / "README.md").read_text(encoding="utf-8")
    assert len(photos) == 13
    assert {path.name for path in photos.values()} == set(rows)
    for name, path in photos.items():
        assert f"`{hashlib.sha256(path.read_bytes()).hexdigest()}`" in rows[path.name], name
        assert " | ".join(rows[path.name].split(" | ")[:4]) in readme, name
        assert re.search(r"CC BY|CC0|Public domain", rows[path.name])
        assert datasets.own_photo(path).shape == (224, 224, 3)
    assert sum(path.stat().st_size for path in photos.values()) < 1_000_000
