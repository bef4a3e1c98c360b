"""The loaders on the real files: counts, splits and hashes. Needs `UNROLLED_DATA`."""

import itertools
import os
import re
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from utils import datasets, features
from utils.datasets import clips, common, dialogues, films, music, sentences, sequences, speech, texts
from utils.samples import mouths

folder = os.environ.get("UNROLLED_DATA", "")
pytestmark = pytest.mark.skipif(
    not folder or not Path(folder).is_dir(), reason="UNROLLED_DATA names no folder with the real files"
)


def test_tiny_shakespeare():
    text = datasets.shakespeare()
    assert text.source == datasets.Source(
        "Tiny Shakespeare", "real", "UNROLLED_DATA", common.sha256(text.train + text.validation)
    )
    assert text.source.sha256 == texts.SHAKESPEARE.sha256
    assert (len(text.train), len(text.validation)) == (1_003_854, 111_540)
    assert len(set(text.train + text.validation)) == 65
    assert set(text.validation) <= set(text.train)
    assert text.train.startswith("First Citizen:\nBefore we proceed")
    assert text.best_loss is None


def test_jsb_chorales():
    data = datasets.jsb_chorales()
    assert data.source == datasets.Source("JSB chorales", "real", "UNROLLED_DATA", music.JSB.sha256)
    parts = (data.train, data.valid, data.test)
    assert [len(part) for part in parts] == [229, 76, 77]
    assert [sum(map(len, part)) for part in parts] == [13_807, 4_602, 4_725]
    assert np.flatnonzero(data.train[0][0]).tolist() == [39, 51, 58, 67]
    assert data.best_loss is None


def test_flickr8k():
    data = datasets.flickr8k()
    parts = (data.train, data.dev, data.test)
    assert [len(part.names) for part in parts] == [6_000, 1_000, 1_000]
    assert len({name for part in parts for name in part.names}) == 8_000
    assert data.train.names[0] == "2513260012_03d33305cf.jpg"
    assert data.test.captions[0][4] == "Two dogs playing in the snow ."
    assert data.quirks == {
        "captions whose key has something after .jpg": 5,
        "photos with captions but in no part of the split": 92,
        "captions given twice to one photo": 10,
        "captions of one or two words": 19,
    }
    for part in parts:
        assert part.load(part.names[-1]).shape == (224, 224, 3)


def test_corel5k():
    data = datasets.corel5k()
    parts = (data.train, data.validation, data.test)
    assert [len(part.names) for part in parts] == [4_000, 500, 499]
    assert len({name for part in parts for name in part.names}) == 4_999
    assert len(data.words) == 260
    assert data.source.sha256 == "6425c13fb96228e602d41deb49f6955d1f62e85d8ff9f31e71c3683cbb5e1189"
    told = [several for part in parts for several in part.captions]
    assert Counter(map(len, told))[0] == 7  # all their labels are in one part only
    assert max(map(len, told)) == 5
    counts = Counter(word for part in parts[:2] for several in part.captions for word in several)
    assert counts.most_common(3) == [("water", 1_004), ("sky", 883), ("tree", 854)]
    assert data.test.load(data.test.names[0]).shape == (224, 224, 3)


def test_mobilenet_sees_fast_enough():
    extractor, test = features.load_extractor(["MobileNetV2"]), datasets.flickr8k().test
    assert extractor.origin == "UNROLLED_DATA"
    batch = np.stack([test.load(name) for name in test.names[:50]])
    assert features.see(extractor, batch)["pooled"].shape == (50, 1280)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        features.see(extractor, batch)
        seconds.append((time.perf_counter() - start) / len(batch))
    assert min(seconds) < 0.025


TRAIN_REVIEWS = 22_478  # 22,495 less those whose text is in the validation part as well


def test_imdb():
    data = datasets.imdb()
    assert data.source.kind == "real"
    # of the reviews alone, taken from the prepared file; the archive should give the same
    assert data.source.sha256 == "4f75a541879f6728db0195822ff52e46869487cfa2f60627943523a951eb1ebb"
    assert np.bincount(data.validation.labels).tolist() == [1256, 1249]
    assert np.bincount(data.test.labels).tolist() == [12_500, 12_500]
    if data.films_known:
        assert 22_000 < len(data.train.texts) <= TRAIN_REVIEWS
    else:
        assert len(data.train.texts) == TRAIN_REVIEWS
    assert not set(data.validation.texts) & set(data.train.texts)


def names_in(text):
    return set(re.findall(r"\b[A-Z][a-z]{3,}\b", text))


def test_names_show_that_films_stay_on_one_side():
    """Reviews of one film share rare names: few pairs across the cut, against a random one."""
    data = datasets.imdb()
    everything = data.train.texts + data.validation.texts
    named = [names_in(text) for text in everything]
    counts = Counter(name for names in named for name in names)
    where = defaultdict(list)
    for place, names in enumerate(named):
        for name in names:
            if 2 <= counts[name] <= 30:
                where[name].append(place)
    shared = Counter(pair for places in where.values() for pair in itertools.combinations(places, 2))
    pairs = np.array([pair for pair, n in shared.items() if n >= 4])
    rng = np.random.default_rng(0)
    cut = len(data.train.texts)
    across = np.mean((pairs[:, 0] < cut) != (pairs[:, 1] < cut))
    drawn = rng.permutation(len(everything)) < cut
    assert across < 0.15 * np.mean(drawn[pairs[:, 0]] != drawn[pairs[:, 1]])


@pytest.mark.parametrize(("label", "ends"), [(1, [0]), (0, [0, -1])])
def test_the_validation_part_is_cut_between_films(label, ends):
    """Within thirty reviews of a cut none shares three names with one beyond it; one further they do."""
    data = datasets.imdb()
    counts = Counter(name for text in data.train.texts + data.validation.texts for name in names_in(text))
    inside, outside = (
        [names_in(text) for text, y in zip(part.texts, part.labels, strict=True) if y == label]
        for part in (data.train, data.validation)
    )
    for end in ends:
        here = inside[:30] if end == 0 else inside[-30:]
        first = len(outside) if label else 341  # the negative list has validation reviews at both ends
        there = outside[first - 30 : first] if end == 0 else outside[first : first + 30]
        for a, b in itertools.product(here, there):
            assert len({name for name in a & b if counts[name] <= 200}) < 3


def test_splice_junctions():
    data = datasets.splice_junctions()
    assert data.source == datasets.Source(
        "splice junctions", "real", "UNROLLED_DATA", sequences.SPLICE_DIGEST
    )
    parts = (data.train, data.validation, data.test)
    every = [junction for part in parts for junction in part]
    assert [len(part) for part in parts] == [2251, 280, 659]
    assert Counter(kind for _, kind in every) == {"N": 1655, "IE": 768, "EI": 767}
    assert {len(bases) for bases, _ in every} == {60}
    assert set("".join(bases for bases, _ in every)) == set("ACGTDNRS")
    pieces = [{b[i : i + 20] for b, _ in part for i in range(41)} for part in parts]
    assert not pieces[0] & pieces[1] | pieces[0] & pieces[2] | pieces[1] & pieces[2]
    assert data.best is None


def test_wnut17():
    data = datasets.wnut17()
    assert (data.source.name, data.source.kind, data.best) == ("WNUT-17", "real", None)
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [3394, 1009, 1287]
    assert [sum(len(words) for words, _ in part) for part in parts] == [62_730, 15_733, 23_394]
    assert [sum(t[0] == "B" for _, tags in part for t in tags) for part in parts] == [1975, 836, 1079]
    assert len({tag for part in parts for _, tags in part for tag in tags}) == 13
    assert data.train[0].words[:3] == ("@paulwalk", "It", "'s")


def test_spoken_digits():
    data = datasets.spoken_digits()
    assert data.source == datasets.Source(
        "Free Spoken Digit Dataset", "real", "UNROLLED_DATA", speech.DIGITS_DIGEST
    )
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [2400, 300, 300]
    assert {(r.digit, r.take) for r in data.test} == {(d, t) for d in range(10) for t in range(5)}
    assert {len({r.speaker for r in part}) for part in parts} == {6}
    seconds = sum(len(r.samples) for part in parts for r in part) / 8000
    assert round(seconds) == 1312


def test_strings_of_spoken_digits():
    data = datasets.digit_strings(100, others=30)
    assert [len(part) for part in (data.train, data.validation, data.test, data.stranger)] == [
        100,
        30,
        30,
        30,
    ]
    assert {one.speaker for one in data.stranger} == {"theo"}
    assert len({one.speaker for one in data.train}) == 5
    longest = max(max(end - begin for begin, end in one.spans) for one in data.train)
    assert longest < 18_300  # the longest of the recordings


def test_an4():
    data = datasets.an4()
    assert (data.source.name, data.source.kind) == ("AN4", "real")
    assert data.source.sha256 in (sentences.ARCHIVE.sha256, sentences.PREPARED.sha256)
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [876, 72, 130]
    assert [len({one.speaker for one in part}) for part in parts] == [68, 6, 10]
    assert sum(len({one.speaker for one in part}) for part in parts) == len(
        {one.speaker for part in parts for one in part}
    )
    assert sum(len(one.text.split()) for part in parts[:2] for one in part) == 5442
    assert sum(len(one.text.split()) for one in data.test) == 773
    assert set("".join(one.text for part in parts for one in part)) == set(" ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    minutes = [sum(len(one.frames) for one in part) / 6000 for part in parts]
    assert minutes[0] + minutes[1] == pytest.approx(42.3, abs=0.1)
    assert minutes[2] == pytest.approx(5.9, abs=0.1)


def test_grid(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    data = datasets.grid()
    assert data.source == datasets.Source("GRID", "real", "UNROLLED_DATA", films.SHEETS.sha256)
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [800, 100, 100]
    every = [one for part in parts for one in part]
    assert len({one.text for one in every}) == 1000
    assert {one.frames.shape for one in every} == {(75, 40, 80)}
    assert {len(one.spans) for one in every} == {6}
    for place, slot in enumerate(mouths.SLOTS):
        assert {one.spans[place][2] for one in every} == set(slot)
    assert Counter(one.text.split()[1] for one in data.test) == {
        "WHITE": 30,
        "GREEN": 28,
        "RED": 27,
        "BLUE": 15,
    }
    assert np.mean([one.spans[0][0] for one in every]) == pytest.approx(13.83, abs=0.01)


def test_msvd():
    data = datasets.msvd()
    assert data.source == datasets.Source("MSVD", "real", "UNROLLED_DATA", clips.SHEETS.sha256)
    parts = (data.train, data.validation, data.test)
    assert [len(part.names) for part in parts] == [279, 22, 167]
    assert sum(len(several) for several in data.train.captions) == 11_814
    assert min(len(several) for part in parts for several in part.captions) == 21
    assert data.train.load(data.train.names[0]).shape == (20, 128, 128, 3)
    films = [{name[:11] for name in part.names} for part in parts]
    assert not films[0] & films[1]
    assert not films[0] & films[2]  # no film of the test is learnt from


def test_multi30k():
    for language, first in (("de", "Eine Gruppe von Männern lädt"), ("fr", "Un groupe d'hommes")):
        data = datasets.multi30k(language)
        assert (data.source.name, data.source.kind, data.language) == ("Multi30k", "real", language)
        parts = (data.train, data.validation, data.test)
        assert [len(part.source) for part in parts] == [29_000, 1_014, 1_000]
        assert [len(part.target) for part in parts] == [29_000, 1_014, 1_000]
        assert data.validation.source[0].startswith(first)
        assert data.validation.target[0] == "A group of men are loading cotton onto a truck"
        assert all(text for part in parts for text in (*part.source, *part.target))


def test_dailydialog():
    data = datasets.dailydialog()
    assert (data.source.name, data.source.kind) == ("DailyDialog", "real")
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [9471, 961, 996]
    assert data.removed == {
        "test, the same again": 4,
        "validation, the same again": 7,
        "validation, like one that is scored": 32,
        "train, the same again": 893,
        "train, like one that is scored": 754,
    }
    assert data.train[0][0] == "Say , Jim , how about going for a few beers after dinner ?"
    assert min(len(turns) for part in parts for turns in part) >= 2
    runs = [set().union(*(dialogues.runs(turns) for turns in part)) for part in parts]
    assert not runs[0] & (runs[1] | runs[2])
    assert not runs[1] & runs[2]


def test_msrc21():
    data = datasets.msrc21()
    assert (data.source.name, data.source.kind) == ("MSRC-21", "real")
    parts = (data.train, data.validation, data.test)
    assert [len(part.names) for part in parts] == [314, 78, 199]
    for part in parts:  # each class in each part
        assert set(np.unique(part.labels)) == {-1, *range(21)}
    assert sum(part.mirrored.sum() for part in parts) == 67
    every = np.concatenate([part.labels for part in parts])
    assert np.mean(every == -1) == pytest.approx(0.20, abs=0.01)
