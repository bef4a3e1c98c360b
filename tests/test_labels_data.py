"""Corel-5K and what stands in for it: layouts, faults, the split; and what is known of the drawn scenes."""

import io
import json
import tarfile

import numpy as np
import PIL.Image
import pytest

from utils import datasets
from utils.datasets import labels
from utils.fetch import DataError
from utils.samples import company

WORDS = ["sky", "tree", "bear", "gone"]
TRAINING = "11 1 2 \n12 2 4  \n\n13 3 3\n14 1\n"
TEST = "21 1 3\n22 2\n21 1 3\n"  # a photo may stand twice


def jpeg(shade):
    into = io.BytesIO()
    PIL.Image.new("RGB", (192, 128), (shade, 0, 0)).save(into, "jpeg")
    return into.getvalue()


PHOTOS = {name: jpeg(int(name)) for name in ("11", "12", "13", "14", "21", "22")}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder for a tiny Corel-5K: 4 training photos, one of them to validate on, and 2 test photos."""
    monkeypatch.setattr(labels, "COUNTS", (4, 2))
    monkeypatch.setattr(labels, "VALIDATION", 1)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    place = tmp_path / "corel5k"
    place.mkdir()
    return place


def put_lists(folder, mark=""):
    folder.mkdir(exist_ok=True)
    (folder / "words.txt").write_text(mark + "\n".join(WORDS), encoding="utf-8")
    (folder / "training_label.txt").write_text(mark + TRAINING, encoding="utf-8")
    (folder / "test_label.txt").write_text(mark + TEST, encoding="utf-8")


def put_tables(folder):
    for name, text in (("train.json", TRAINING), ("test.json", TEST)):
        rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
        samples = [
            {"image_name": f"{key}.jpg", "image_labels": [WORDS[int(n) - 1] for n in numbers]}
            for key, numbers in rows.items()
        ]
        (folder / name).write_text(json.dumps({"samples": samples, "labels": WORDS}))


def put_tars(folder, ending="tar.xz", mode="w:xz"):
    for k, names in enumerate((("11", "12", "13", "21"), ("14", "22"))):
        with tarfile.open(folder / f"corel5k_images{k}.{ending}", mode) as tar:
            for name in names:
                member = tarfile.TarInfo(f"{name}.jpeg")
                member.size = len(PHOTOS[name])
                tar.addfile(member, io.BytesIO(PHOTOS[name]))


def put_unpacked(folder, ending="jpeg"):
    for name, content in PHOTOS.items():
        place = folder / "images" / f"{name[0]}000"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.{ending}").write_bytes(content)
    (folder / "images" / "._11.jpeg").write_bytes(b"left by a Mac")


def assert_whole(data):
    assert (data.source.name, data.source.kind, data.source.origin) == ("Corel-5K", "real", "UNROLLED_DATA")
    assert data.words == ("bear", "sky", "tree")  # "gone" is on no test photo
    found = dict(zip(data.train.names, data.train.captions, strict=True))
    found |= dict(zip(data.validation.names, data.validation.captions, strict=True))
    assert found == {"11": ("sky", "tree"), "12": ("tree",), "13": ("bear",), "14": ("sky",)}
    assert (len(data.train.names), len(data.validation.names)) == (3, 1)
    assert (data.test.names, data.test.captions) == (("21", "22"), (("sky", "bear"), ("tree",)))
    for part in (data.train, data.validation, data.test):
        for name in part.names:
            picture = part.load(name)
            assert picture.shape == (224, 224, 3)
            assert abs(int(picture[..., 0].mean()) - int(name)) <= 2


def test_corel5k_is_the_same_in_every_layout(folder):
    put_lists(folder)
    put_tars(folder)
    data = datasets.corel5k()
    assert_whole(data)
    hashes = {data.source.sha256}
    for path in folder.glob("*.tar.xz"):
        path.unlink()
    put_unpacked(folder)
    hashes.add(datasets.corel5k().source.sha256)
    for name in labels.LISTS.values():
        (folder / name).unlink()
    put_lists(folder / "labels", mark="\ufeff")
    hashes.add(datasets.corel5k().source.sha256)
    assert_whole(datasets.corel5k())
    assert len(hashes) == 1


@pytest.mark.parametrize(("ending", "mode"), [("tar", "w"), ("tar.gz", "w:gz")])
def test_corel5k_from_tables_and_other_tars(ending, mode, folder):
    put_tables(folder)
    put_tars(folder, ending, mode)
    assert_whole(datasets.corel5k())


def test_corel5k_unpacked_as_jpg(folder):
    put_tables(folder)
    put_unpacked(folder, "jpg")
    assert_whole(datasets.corel5k())


def spoil_tar(folder):
    path = folder / "corel5k_images1.tar.xz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change(name, text):
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_tar, "cannot be read .*Replace the file"),
        (change("corel5k_images0.tar.xz", "a page"), "cannot be read"),
        (change("training_label.txt", "11 1\n12 5\n13 1\n14 1"), "photo 12 has word 5, but there are 4"),
        (change("training_label.txt", "11 1\n12 0\n13 1\n14 1"), "photo 12 has word 0, but there are 4"),
        (change("test_label.txt", "21 one"), "cannot be read .*invalid literal"),
        (change("test_label.txt", "21 1"), r"1 test photos with labels \(expected 4 and 2\)"),
        (change("test_label.txt", "21 1\n11 1"), "1 in both"),
        (lambda folder: (folder / "corel5k_images1.tar.xz").unlink(), "2 without a picture"),
        (lambda folder: (folder / "words.txt").unlink(), r"has no words.txt: .*put into the folder corel5k/"),
        (lambda folder: (folder / "words.txt").write_bytes(b"\xff\xfe\xff"), "cannot be read"),
    ],
)
def test_corel5k_that_is_damaged_or_incomplete_says_so(spoil, said, folder):
    put_lists(folder)
    put_tars(folder)
    spoil(folder)
    with pytest.raises(DataError, match=said):
        datasets.corel5k()


def test_tables_that_are_none_are_named(folder):
    put_tables(folder)
    put_tars(folder)
    for content in ("{", "[]", '{"samples": [{}]}'):
        (folder / "test.json").write_text(content)
        with pytest.raises(DataError, match="cannot be read"):
            datasets.corel5k()


def test_a_file_that_is_no_photo_is_named(folder):
    put_lists(folder)
    put_tars(folder)
    put_unpacked(folder)
    (folder / "images" / "2000" / "22.jpeg").write_bytes(b"no photo")
    for path in folder.glob("*.tar.xz"):
        path.unlink()
    with pytest.raises(DataError, match="photo 22 is no picture"):
        datasets.corel5k().test.load("22")


@pytest.mark.parametrize("given", ["empty folder", "none"])
def test_without_corel5k_a_line_says_what_to_put_where(given, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path) if given == "empty folder" else "")
    assert datasets.corel5k().source.kind == "sample"
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    for part in ("no official address", "corel5k/", "training_label.txt", "train.json", "drawn by a program"):
        assert part in said
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    datasets.corel5k()
    assert capsys.readouterr().out == ""


# ---- the sample


@pytest.mark.parametrize("shuffled", [False, True])
def test_the_chances_of_the_scenes_are_those_they_are_drawn_with(shuffled):
    rng = np.random.default_rng(0)
    scenes = [company.make_scene(rng, shuffled) for _ in range(4000)]
    things = np.array([scene.things for scene in scenes])
    chances = company.chances(shuffled)
    assert chances.sum() == pytest.approx(1)
    assert np.allclose(things.mean(axis=0), chances @ company.SETS, atol=0.03)
    count = np.array([(things == one).all(axis=1).mean() for one in company.SETS])
    assert np.abs(count - chances).max() < 0.02
    both = (things[:, :1] & things).mean(axis=0)  # the boat and each other thing
    true = chances @ (company.SETS[:, :1] & company.SETS)
    assert np.allclose(both, true, atol=0.03)
    alone = chances @ company.SETS
    assert np.allclose(true[1:], alone[0] * alone[1:], atol=1e-12) == shuffled


@pytest.mark.parametrize("shuffled", [False, True])
def test_the_best_cost_of_a_scene_is_by_hand_what_the_table_says(shuffled):
    rng = np.random.default_rng(1)
    costs = []
    for _ in range(50):
        scene = company.make_scene(rng, shuffled)
        p = company.posterior(scene, shuffled)
        hidden = [k for k in range(8) if scene.mist[k]]
        assert p.sum() == pytest.approx(1)
        assert np.count_nonzero(p) == 2 ** len(hidden)
        table = company.TABLE.mean(axis=0)[None] if shuffled else company.TABLE
        clear = [k for k in range(8) if not scene.mist[k]]
        there = np.array(scene.things)

        def likely(places, there=there, table=table):
            return np.where(there[places], table[:, places], 1 - table[:, places]).prod(axis=1)

        whole = (likely(clear) * likely(hidden)).mean() / likely(clear).mean()
        given = [(likely(clear) * likely([k])).mean() / likely(clear).mean() for k in hidden]
        assert company.best_nats(scene, shuffled) == pytest.approx((-np.log(whole), -np.log(given).sum()))
        costs.append(company.best_nats(scene, shuffled))
    whole, single = np.mean(costs, axis=0)
    assert (single - whole > 0.2) != shuffled
    assert whole <= single + 1e-9


def test_company_is_worth_what_sets_cost_less_than_labels_on_average():
    rng = np.random.default_rng(3)
    scenes = [company.make_scene(rng) for _ in range(3000)]
    saved = np.diff([company.best_nats(scene) for scene in scenes], axis=1).mean()
    assert np.mean([company.worth(scene) for scene in scenes]) == pytest.approx(saved, abs=0.05)
    clear = company.Scene(scenes[0].things, (False,) * 8, scenes[0].shift)
    assert company.worth(clear) == pytest.approx(0, abs=1e-9)


def test_mist_hides_a_thing_and_nothing_else_changes_the_picture():
    rng = np.random.default_rng(2)
    scene = company.make_scene(rng)
    with_mist = company.Scene((True,) * 8, (True,) + (False,) * 7, scene.shift)
    without = company.Scene((False,) + (True,) * 7, with_mist.mist, scene.shift)
    assert np.array_equal(company.draw(with_mist), company.draw(without))
    for k in range(8):
        things = tuple(i != k for i in range(8))
        clear = company.Scene(things, (False,) * 8, scene.shift)
        changed = (
            company.draw(clear) != company.draw(company.Scene((True,) * 8, (False,) * 8, scene.shift))
        ).any(axis=2)
        y, x = np.nonzero(changed)
        assert len(x) > 20
        place = np.array(company.PLACES[k]) * 64
        assert max(np.abs(x - place[0]).max(), np.abs(y - place[1]).max()) < 12


def test_company_scenes_are_split_and_named():
    data = datasets.company_scenes()
    parts = (data.train, data.validation, data.test)
    assert [len(part.names) for part in parts] == [2000, 250, 250]
    assert len({name for part in parts for name in part.names}) == 2500
    assert len(datasets.company_scenes(16).test.names) == 2
    assert data.words == tuple(sorted(company.THINGS))
    name = data.test.names[0]
    assert data.test.captions[0] == company.labels(data.scenes[name])
    assert np.array_equal(data.test.load(name), company.draw(data.scenes[name]))
    assert datasets.company_scenes(seed=1).source.sha256 != data.source.sha256
    assert datasets.company_scenes(shuffled=True).source.sha256 != data.source.sha256
