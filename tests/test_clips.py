"""MSVD's clips, packed and official, and the drawn films that stand in for them."""

import io
import json
import sys
import tarfile
import types

import numpy as np
import PIL.Image
import pytest

from utils import datasets
from utils.datasets import clips, common
from utils.fetch import DataError, Remote, Unavailable
from utils.samples import motions

NAMES = tuple(f"{letter * 11}_{k}_{k + 5}" for k, letter in enumerate("-_aZ"))
SPLITS = ("train", "train", "val", "test")
TOLD = {name: [f"a man is number {k}", "somebody does it s thing"] for k, name in enumerate(NAMES)}


def frames_of(name):
    return np.random.default_rng(NAMES.index(name)).integers(0, 256, (20, 128, 128, 3)).astype(np.uint8)


def sheet(frames):
    pixels = frames.reshape(4, 5, 128, 128, 3).swapaxes(1, 2).reshape(512, 640, 3)
    with io.BytesIO() as file:
        PIL.Image.fromarray(pixels).save(file, "webp", lossless=True)
        return file.getvalue()


def pack(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def sheets(**changes):
    files = {f"{name}.webp": sheet(frames_of(name)) for name in NAMES}
    return {"../../outside.webp": b"!", "notes.txt": b"hello"} | files | changes


def lines(names=NAMES, **change):
    rows = [{"clip": n, "split": SPLITS[NAMES.index(n)], "captions": TOLD[n]} | change for n in names]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A folder for MSVD whose right content is four clips."""
    monkeypatch.setattr(clips, "FIRST", (2, 3))
    monkeypatch.setattr(clips, "NAMES_SHA256", clips.names_digest(dict.fromkeys(NAMES)))
    for name in ("SHEETS", "LINES"):
        old = getattr(clips, name)
        monkeypatch.setattr(clips, name, Remote(old.name, old.url, "", lambda path: True, old.saved_as))
    (tmp_path / "data/msvd").mkdir(parents=True)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data/msvd"


def put(folder, files=None, text=None):
    pack(folder / "msvd468_20x128.tar", sheets() if files is None else files)
    (folder / "msvd476_captions.jsonl").write_text(lines() if text is None else text)


def test_packed_clips_come_with_their_sentences(small):
    put(small, text=lines() + json.dumps({"clip": "not there", "split": "train", "captions": ["x"]}) + "\n")
    data = datasets.msvd()
    assert (data.source.name, data.source.kind, data.source.origin) == ("MSVD", "real", "UNROLLED_DATA")
    for part, names in ((data.train, NAMES[:2]), (data.validation, NAMES[2:3]), (data.test, NAMES[3:])):
        assert part.names == tuple(sorted(names))
        assert part.captions == tuple(tuple(TOLD[name]) for name in part.names)
        assert all((part.load(name) == frames_of(name)).all() for name in part.names)
    assert not (small.parents[2] / "outside.webp").exists()


def test_frames_are_pictures_clip_after_clip(small):
    put(small)
    part = datasets.msvd().train
    pictures = part.pictures()
    assert pictures.names[:2] == (f"{part.names[0]}#00", f"{part.names[0]}#01")
    assert len(pictures.names) == 40
    for k in (0, 19, 20, 39):
        assert (pictures.load(pictures.names[k]) == frames_of(part.names[k // 20])[k % 20]).all()
    assert part.pictures(224).load(pictures.names[3]).shape == (224, 224, 3)
    assert part.first(1).names == part.names[:1]
    assert len(part.first(1).pictures().names) == 20


@pytest.mark.parametrize(
    ("files", "text", "said"),
    [
        ({"notes.txt": b"hello"}, None, "no clip is there"),
        (None, lines(NAMES[1:]), f"1 clips, such as {NAMES[0]}, have no sentence"),
        ({f"{NAMES[0]}.webp": b"0" * 20_000_001}, None, f"{NAMES[0]}.webp has 20,000,001 bytes"),
        (None, lines() + '{"clip": "x"}', "MSVD cannot be read"),
        (None, lines()[:-20], "MSVD cannot be read"),
        (None, lines(split="dev"), "a clip of the part 'dev'"),
        (None, lines(captions=[]), f"{NAMES[0]} has no sentence"),
    ],
)
def test_clips_and_sentences_that_are_not_whole_are_refused(files, text, said, small):
    put(small, files, text)
    with pytest.raises(DataError, match=rf"{said}(.|\n)*Get msvd468|{said}"):
        datasets.msvd()


@pytest.mark.parametrize("data", [b"no picture", sheet(frames_of(NAMES[0]))[:-5000]])
def test_a_damaged_sheet_is_told_by_its_name(data, small):
    put(small, sheets(**{f"{NAMES[0]}.webp": data}))
    part = datasets.msvd().train
    with pytest.raises(DataError, match=f"The sheet of {NAMES[0]} cannot be read .*Get msvd/msvd468"):
        part.load(NAMES[0])
    assert (part.load(NAMES[1]) == frames_of(NAMES[1])).all()


def test_a_sheet_of_another_size_is_refused():
    with io.BytesIO() as file:
        PIL.Image.new("RGB", (640, 511)).save(file, "png")
        with pytest.raises(DataError, match="it has 640 x 511 pixels"):
            clips.from_sheet(file.getvalue(), "x")


def test_a_tar_that_is_none_or_packed_again_is_refused(small):
    put(small)
    path = small / "msvd468_20x128.tar"
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="MSVD cannot be read"):
        datasets.msvd()
    pack(path, sheets(), "w:gz")
    with pytest.raises(DataError, match="MSVD cannot be read"):
        datasets.msvd()


def test_packed_clips_need_their_sentences(small):
    put(small)
    (small / "msvd476_captions.jsonl").unlink()
    with pytest.raises(DataError, match=r"no msvd/msvd476_captions.jsonl. Put both there"):
        datasets.msvd()


def test_packed_clips_with_another_hash_are_refused(small, monkeypatch):
    put(small)
    old = clips.SHEETS
    monkeypatch.setattr(clips, "SHEETS", Remote(old.name, old.url, "0" * 64, None, old.saved_as))
    with pytest.raises(DataError, match=r"20x128.tar in UNROLLED_DATA is damaged .*YouTubeClips.tar"):
        datasets.msvd()


class Reader:
    """Stands in for OpenCV: a "film" is its frames as bytes, blue first."""

    def __init__(self, path):
        data = np.fromfile(path, np.uint8)
        self.left = list(data.reshape(-1, 6, 8, 3)) if len(data) % 144 == 0 else []

    def read(self):
        return (True, self.left.pop(0)) if self.left else (False, None)

    def release(self):
        pass


@pytest.fixture
def opencv(monkeypatch):
    fake = types.SimpleNamespace(
        VideoCapture=Reader,
        resize=lambda picture, size, interpolation: np.broadcast_to(picture[:1, :1], (*size, 3)),
        INTER_AREA=3,
        __spec__=types.SimpleNamespace(),
    )
    monkeypatch.setitem(sys.modules, "cv2", fake)


def film(k, count=39):
    """Frames of 6 x 8 pixels, each its number in red and the film's in blue."""
    frames = np.zeros((count, 6, 8, 3), np.uint8)
    frames[..., 2], frames[..., 0] = np.arange(count)[:, None, None], k
    return frames.tobytes()


def official(folder, **changes):
    files = {f"YouTubeClips/{name}.avi": film(k) for k, name in enumerate(NAMES)}
    pack(folder / "YouTubeClips.tar", files | changes | {"YouTubeClips/readme.txt": b"!"})
    text = "# a comment\n\n" + "".join(
        f"{name} {told}\n" for name in NAMES for told in ("A man's number.", "Somebody, again!")
    )
    (folder / "AllVideoDescriptions.txt").write_text(text)


def test_official_clips_give_equally_spaced_frames_and_the_split_by_name(small, opencv):
    official(small)
    data = datasets.msvd()
    order = sorted(NAMES)
    assert [part.names for part in (data.train, data.validation, data.test)] == [
        tuple(order[:2]), (order[2],), (order[3],),
    ]  # fmt: skip
    for part in (data.train, data.test):
        for name in part.names:
            frames = part.load(name)
            assert frames.shape == (20, 128, 128, 3)
            assert frames[:, 0, 0, 0].tolist() == list(range(0, 39, 2))
            assert (frames[..., 2] == NAMES.index(name)).all()
            assert part.captions[0] == ("a man s number", "somebody again")


def test_an_official_clip_without_frames_is_told_by_its_name(small, opencv):
    official(small, **{f"YouTubeClips/{NAMES[0]}.avi": b"cut off"})
    with pytest.raises(DataError, match=f"{NAMES[0]} has no frame .*Get msvd/YouTubeClips.tar"):
        datasets.msvd().train.load(NAMES[0])


def test_official_files_are_told_by_their_content(small):
    official(small)
    assert clips.CLIPS.prepared(small / "YouTubeClips.tar")
    assert clips.SENTENCES.prepared(small / "AllVideoDescriptions.txt")
    (small / "AllVideoDescriptions.txt").write_text(f"{NAMES[0]} a man\n")
    pack(small / "YouTubeClips.tar", {f"{NAMES[0]}.avi": b""})
    assert not clips.CLIPS.prepared(small / "YouTubeClips.tar")
    assert not clips.SENTENCES.prepared(small / "AllVideoDescriptions.txt")


def test_without_opencv_the_size_and_what_to_install_are_told_and_films_are_drawn(
    monkeypatch, capsys, tmp_path
):
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(clips.importlib.util, "find_spec", lambda name: None)
    assert datasets.msvd().source.kind == "sample"
    told = capsys.readouterr().out
    assert "pip install opencv-python-headless" in told
    assert "1.7 GB" in told


def test_without_a_network_films_are_drawn_and_a_line_says_so(monkeypatch, capsys, tmp_path, opencv):
    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(common, "fetch", nothing)
    assert datasets.msvd().source.kind == "sample"
    size, told = capsys.readouterr().out.splitlines()
    assert size == "MSVD's clips are fetched once, about 1.7 GB."
    assert told.startswith("MSVD cannot be had: no connection")


def test_drawn_films_come_in_twins(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    data = datasets.msvd()
    assert capsys.readouterr().out == ""
    parts = data.train, data.validation, data.test
    assert [len(part.names) for part in parts] == [1200, 100, 200]
    assert len(data.contents) == 1500
    for part in parts:
        for one, other in zip(part.names[::2], part.names[1::2], strict=True):
            assert data.contents[other] == motions.twin(data.contents[one])
    for one, other in zip(data.test.names[:40:2], data.test.names[1:40:2], strict=True):
        frames, again = (sorted(frame.tobytes() for frame in data.test.load(name)) for name in (one, other))
        assert frames == again
        assert (data.test.load(one) != data.test.load(other)).any()
    assert datasets.drawn_clips(24).source == datasets.drawn_clips(24).source
    with pytest.raises(ValueError, match="must be even"):
        datasets.drawn_clips(36)


def test_a_twin_of_a_twin_is_the_film():
    rng = np.random.default_rng(1)
    for _ in range(50):
        one = motions.make_motion(rng)
        assert motions.twin(motions.twin(one)) == one
        assert motions.twin(one).way == motions.BACK[one.way]


@pytest.mark.parametrize(
    ("way", "axis", "sign"), [("left", 1, -1), ("right", 1, 1), ("up", 0, -1), ("down", 0, 1)]
)
@pytest.mark.parametrize("plan", motions.PLANS)
def test_a_shape_moves_where_and_when_it_is_said_to(way, axis, sign, plan):
    one = motions.Motion("red", "square", way, plan, (0.25, 0.75), 0.5, 8)
    grey = motions.draw(one).astype(int).sum(axis=3)
    dark = grey < grey.max() - 60
    places = np.array([sign * np.argwhere(frame)[:, axis].mean() for frame in dark])
    steps = np.diff(places)
    moving = {"moves": range(19), "stops": range(11), "waits": range(8, 19), "returns": range(9)}[plan]
    assert (steps[list(moving)] > 0).all()
    rest = [k for k in range(19) if k not in moving]
    assert (steps[rest] < 0.01).all()
    if plan != "returns":
        assert (steps[rest] == 0).all()


def test_what_is_said_of_a_film_is_true_of_it_and_of_no_twin():
    rng = np.random.default_rng(2)
    plans = set()
    for _ in range(200):
        one = motions.make_motion(rng)
        text = motions.write_caption(one, rng)
        assert motions.told(text) == motions.truth(one)
        assert all(motions.true_words(text, one))
        assert not all(motions.true_words(text, motions.twin(one)))
        plans.add((one.way, one.plan))
    assert len(plans) == 16


def test_each_word_is_checked():
    one = motions.Motion("red", "circle", "left", "stops", (0.25, 0.75), 0.5, 8)

    def wrong(text):
        truths = motions.true_words(text, one)
        return [word for word, true in zip(text.split(), truths, strict=True) if not true]

    assert wrong("a red circle moves left and stops") == []
    assert wrong("a red circle goes left") == []
    assert wrong("a blue square moves up then comes back") == ["blue", "square", "up", "comes", "back"]
    assert wrong("a red circle waits then moves right") == ["waits", "right"]
    for text in ("a red circle", "red circle moves left", "a red circle waits and goes left and stops", ""):
        assert wrong(text) == text.split()
        assert motions.told(text) is None


def test_a_drawn_film_is_drawn_once_for_its_frames(monkeypatch):
    drawn = []
    draw = clips.motions.draw
    monkeypatch.setattr(clips.motions, "draw", lambda motion: drawn.append(motion) or draw(motion))
    train = datasets.drawn_clips(24).train
    frames = train.pictures(None)
    found = [np.asarray(frames.load(name)) for name in frames.names[:40]]
    assert len(found) == 40  # two films of 20 frames
    assert len(drawn) == 2
