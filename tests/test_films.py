"""GRID's films, packed and official, and the drawn mouths that stand in for them."""

import io
import json
import sys
import tarfile
import types
import zipfile

import numpy as np
import PIL.Image
import pytest

from utils import datasets
from utils.datasets import common, films
from utils.fetch import DataError, Remote, Unavailable
from utils.samples import mouths

NAMES = ("bbaf2n", "lwiz9a", "prbo4p", "sgwn7s")
WORDS = {
    "bbaf2n": "bin blue at f two now", "lwiz9a": "lay white in z nine again",
    "prbo4p": "place red by o four please", "sgwn7s": "set green with n seven soon",
}  # fmt: skip


def rows(text, begin=10_000):
    words = text.split()
    found = [[0, begin, "sil"]]
    for k, word in enumerate(words):
        found.append([begin + 5000 * k, begin + 5000 * (k + 1), word])
    return [*found[:3], [begin + 10_000, begin + 10_000, "sp"], *found[3:], [begin + 30_000, 74_500, "sil"]]


def frames_of(name):
    return np.random.default_rng(NAMES.index(name)).integers(0, 256, (75, 40, 80)).astype(np.uint8)


def sheet(frames, form="webp"):
    pixels = frames.reshape(15, 5, 40, 80).swapaxes(1, 2).reshape(600, 400)
    with io.BytesIO() as file:
        PIL.Image.fromarray(pixels).convert("RGB").save(file, form, lossless=True)
        return file.getvalue()


def pack(path, files):
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def sheets(**changes):
    files = {f"{name}.webp": sheet(frames_of(name)) for name in NAMES}
    return {"../../outside.webp": b"!", "notes.txt": b"hello"} | files | changes


def lines(**changes):
    table = {name: {"id": name, "align": rows(WORDS[name]), "frames": 75} for name in NAMES}
    for name, change in changes.items():
        table[name] = table[name] | change
    return "\n".join(json.dumps(row) for row in table.values()) + "\n"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A folder for GRID whose right content is four films."""
    monkeypatch.setattr(films, "COUNT", 4)
    monkeypatch.setattr(films, "ASIDE", 1)
    spans = {name: films.without_silence(rows(WORDS[name]), name) for name in NAMES}
    monkeypatch.setattr(films, "SENTENCES", films.sentences_digest(spans))
    for name in ("SHEETS", "LINES", "FILMS", "ALIGNS"):
        old = getattr(films, name)
        monkeypatch.setattr(films, name, Remote(old.name, old.url, "", lambda path: True, old.saved_as))
    (tmp_path / "data/grid").mkdir(parents=True)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data/grid"


def put(folder, files=None, text=None):
    pack(folder / "grid_s1_mouth_75x40x80.tar", sheets() if files is None else files)
    (folder / "grid_s1_alignments.jsonl").write_text(lines() if text is None else text)


def test_packed_films_come_with_their_words_and_stay_in_the_cache(small):
    put(small)
    data = datasets.grid()
    assert (data.source.name, data.source.kind, data.source.origin) == ("GRID", "real", "UNROLLED_DATA")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [2, 1, 1]
    for one in (*data.train, *data.validation, *data.test):
        assert (one.frames == frames_of(one.name)).all()
        assert one.text == WORDS[one.name].upper()
        assert [word for _, _, word in one.spans] == WORDS[one.name].split()
        assert one.spans[0][:2] == (10.0, 15.0)
    [kept] = (small.parents[1] / "cache/grid").iterdir()
    written = kept.stat().st_mtime_ns
    again = datasets.grid()
    assert isinstance(again.train[0].frames.base, np.memmap) or isinstance(again.train[0].frames, np.memmap)
    assert kept.stat().st_mtime_ns == written
    assert not (small.parents[2] / "outside.webp").exists()


def test_a_damaged_cache_is_made_again(small):
    put(small)
    datasets.grid()
    [kept] = (small.parents[1] / "cache/grid").iterdir()
    for wrong in (b"", kept.read_bytes()[:5000], b"no array"):
        kept.write_bytes(wrong)
        assert (datasets.grid().test[0].frames == frames_of(datasets.grid().test[0].name)).all()


def test_without_a_place_to_write_films_stay_in_memory(small, monkeypatch):
    put(small)
    (small.parents[1] / "cache").write_text("a file, no folder")
    assert len(datasets.grid().train) == 2


def test_a_film_of_74_frames_ends_with_the_last_one_twice(small):
    black = frames_of(NAMES[0])
    black[74] = 0
    put(small, sheets(**{"bbaf2n.webp": sheet(black)}), lines(bbaf2n={"frames": 74}))
    data = datasets.grid()
    one = next(f for f in (*data.train, *data.validation, *data.test) if f.name == "bbaf2n")
    assert (one.frames[74] == frames_of("bbaf2n")[73]).all()


@pytest.mark.parametrize(
    ("files", "text", "said"),
    [
        (None, lines(bbaf2n={"frames": 73}), "bbaf2n has 73 frames, expected 75"),
        ({k: v for k, v in sheets().items() if "prbo4p" not in k}, None, "1 film is missing, such as prbo4p"),
        (sheets(**{"prbo4p.webp": b"no picture"}), None, "cannot identify"),
        (sheets(**{"prbo4p.webp": sheet(frames_of("prbo4p"))[:-900]}), None, "GRID cannot be read"),
        (sheets(**{"prbo4p.webp": b"0" * 2_000_001}), None, "prbo4p.webp has 2,000,001 bytes"),
        (None, lines(prbo4p={"align": rows("place red by o four")}), "prbo4p is not six words"),
        (None, lines(prbo4p={"align": rows(WORDS["prbo4p"])[::-1]}), "prbo4p is not six words"),
        (None, lines(prbo4p={"align": rows(WORDS["prbo4p"], 60_000)}), "not six words within 75 frames"),
        (None, lines(prbo4p={"align": rows("place red by a four please")}), "or of other sentences"),
        (None, "\n".join(lines().splitlines()[:-1]), "tells of 3 films, expected 4"),
        (None, lines() + '{"id": "x"}', "GRID cannot be read"),
        (None, lines()[:-20], "GRID cannot be read"),
        (None, lines() + "[1, 2]", "GRID cannot be read"),
    ],
)  # fmt: skip
def test_films_and_alignments_that_are_not_whole_are_refused(files, text, said, small):
    put(small, files, text)
    with pytest.raises(DataError, match=rf"{said}(.|\n)*Get grid_s1_mouth|{said}"):
        datasets.grid()
    assert not list(small.parents[1].glob("cache/grid/*"))


def test_a_tar_that_is_cut_off_is_refused(small):
    put(small)
    path = small / "grid_s1_mouth_75x40x80.tar"
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(DataError, match="GRID cannot be read"):
        datasets.grid()
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="GRID cannot be read"):
        datasets.grid()


def test_a_sheet_of_another_size_is_refused():
    with io.BytesIO() as file:
        PIL.Image.new("L", (400, 601)).save(file, "png")
        with pytest.raises(ValueError, match="bbaf2n is a sheet of 400 x 601"):
            films.from_sheet(file.getvalue(), "bbaf2n")


def test_packed_films_need_their_alignments(small):
    put(small)
    (small / "grid_s1_alignments.jsonl").unlink()
    with pytest.raises(DataError, match=r"no grid/grid_s1_alignments.jsonl. Put both there"):
        datasets.grid()


def test_packed_films_with_another_hash_are_refused(small, monkeypatch):
    put(small)
    old = films.SHEETS
    monkeypatch.setattr(films, "SHEETS", Remote(old.name, old.url, "0" * 64, None, old.saved_as))
    with pytest.raises(DataError, match=r"75x40x80.tar in UNROLLED_DATA is damaged .*saved as grid/s1.zip"):
        datasets.grid()


class Reader:
    """Stands in for OpenCV: a "film" is its frames as bytes."""

    def __init__(self, path):
        data = np.fromfile(path, np.uint8)
        self.left = list(data.reshape(-1, 288, 360)) if len(data) % (288 * 360) == 0 else [np.zeros((5, 6))]

    def read(self):
        if not self.left:
            return False, None
        return True, np.repeat(self.left.pop(0)[..., None], 3, axis=2)

    def release(self):
        pass


def halved(picture, size, interpolation):
    assert picture.shape == (56, 112)
    assert size == (80, 40)
    return np.asarray(PIL.Image.fromarray(picture).resize(size, PIL.Image.Resampling.BOX))


@pytest.fixture
def opencv(monkeypatch):
    fake = types.SimpleNamespace(
        VideoCapture=Reader, resize=halved, cvtColor=lambda picture, code: picture[..., 0], INTER_AREA=3,
        COLOR_BGR2GRAY=6, __spec__=types.SimpleNamespace(),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "cv2", fake)
    monkeypatch.setattr(films, "LARGEST", 10_000_000)


def official(folder, counts=None, **changes):
    with zipfile.ZipFile(folder / "s1.zip", "w") as archive:
        archive.writestr("../evil.mpg", b"!")
        for k, name in enumerate(NAMES):
            picture = np.full((288, 360), 10 * k + 1, np.uint8)
            picture[184:240, 104:216] = 200 + k
            data = np.tile(picture, ((counts or {}).get(name, 75), 1, 1)).tobytes()
            archive.writestr(f"s1/{name}.mpg", changes.get(name, data))
    with zipfile.ZipFile(folder / "alignments.zip", "w") as archive:
        for name in NAMES:
            text = "".join(f"{a} {b} {word}\n" for a, b, word in rows(WORDS[name]))
            archive.writestr(f"alignments/s1/{name}.align", text)
            archive.writestr(f"alignments/s2/{name}.align", "0 1 other\n")


def test_official_films_are_cut_out(small, opencv):
    official(small, {"lwiz9a": 74})
    data = datasets.grid()
    assert data.source.origin == "UNROLLED_DATA"
    for one in (*data.train, *data.validation, *data.test):
        assert one.frames.shape == (75, 40, 80)
        assert (one.frames == 200 + NAMES.index(one.name)).all()
        assert one.text == WORDS[one.name].upper()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"counts": {"lwiz9a": 20}}, "lwiz9a has 20 frames"),
        ({"lwiz9a": b"cut off"}, "lwiz9a has 6 x 5 pixels, not 360 x 288"),
        ({"lwiz9a": b""}, "lwiz9a has 0 frames"),
    ],
)
def test_official_films_that_are_damaged_are_refused(change, said, small, opencv):
    official(small, **change)
    with pytest.raises(DataError, match=rf"{said}.*Get s1.zip and alignments.zip again"):
        datasets.grid()


def test_official_archives_are_told_by_their_content(small):
    official(small)
    assert films.is_films(small / "s1.zip")
    assert films.is_aligns(small / "alignments.zip")
    assert not films.is_films(small / "alignments.zip")
    assert not films.is_aligns(small / "s1.zip")


def test_without_opencv_the_size_and_what_to_install_are_told_and_mouths_are_drawn(
    monkeypatch, capsys, tmp_path
):
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(films.importlib.util, "find_spec", lambda name: None)
    assert datasets.grid().source.kind == "sample"
    told = capsys.readouterr().out
    assert "pip install opencv-python-headless" in told
    assert "430 MB" in told


def test_without_a_network_mouths_are_drawn_and_a_line_says_so(monkeypatch, capsys, tmp_path, opencv):
    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(common, "fetch", nothing)
    assert datasets.grid().source.kind == "sample"
    size, told = capsys.readouterr().out.splitlines()
    assert size == "GRID's first speaker is fetched once, about 430 MB."
    assert told.startswith("GRID cannot be had: no connection")
    assert "put grid/alignments.zip into a folder" in told


def test_drawn_mouths_say_what_they_are_said_to_say(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    data = datasets.grid()
    assert capsys.readouterr().out == ""
    parts = data.train, data.validation, data.test
    assert [len(part) for part in parts] == [120, 30, 30]
    assert len({one.text for part in parts for one in part}) == 180
    for one in data.test:
        assert one.frames.shape == (75, 40, 80)
        assert one.frames.dtype == np.uint8
        assert all(word in slot for (_, _, word), slot in zip(one.spans, mouths.SLOTS, strict=True))
        edges = [edge for a, b, _ in one.spans for edge in (a, b)]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= 75
        before = int(one.spans[0][0])
        assert one.frames[: before - 1].std(axis=0).mean() < 8  # a closed mouth, and noise
    assert datasets.drawn_films(8).source == datasets.drawn_films(8).source


def test_each_letter_has_a_shape_of_its_own():
    assert len(set(mouths.SHAPES.values())) == 26
    spans = [(3 * k, 3 * k + 3, letter) for k, letter in enumerate("abcdefghijklmnopqrstuvwx")]
    still = mouths.draw(spans)
    assert (still[:72:3] != still[1:73:3]).any()  # lips take time
    seen = still[2:72:3].reshape(24, -1).astype(int)
    apart = [np.abs(seen[i] - seen[j]).sum() for i in range(24) for j in range(i)]
    assert min(apart) > 2000
