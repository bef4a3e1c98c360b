"""What the data functions hand out when there is no real data, and for the reader's own text."""

import dataclasses
import hashlib
import io
import json
import lzma
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


def test_flickr8k_from_the_official_archives(monkeypatch, tmp_path):
    texts, photos = small_flickr(size=(50, 37))
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        for name, content in texts.items():
            archive.writestr(name, content)
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
    with pytest.raises(DataError, match="cannot be read"):
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
