"""The loaders on the real files: counts, splits and hashes. Needs `UNROLLED_DATA`."""

import itertools
import os
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from utils import datasets

folder = os.environ.get("UNROLLED_DATA", "")
pytestmark = pytest.mark.skipif(
    not folder or not Path(folder).is_dir(), reason="UNROLLED_DATA names no folder with the real files"
)


def test_tiny_shakespeare():
    text = datasets.shakespeare()
    assert text.source == datasets.Source(
        "Tiny Shakespeare", "real", "UNROLLED_DATA", datasets.sha256(text.train + text.validation)
    )
    assert text.source.sha256 == datasets.SHAKESPEARE.sha256
    assert (len(text.train), len(text.validation)) == (1_003_854, 111_540)
    assert len(set(text.train + text.validation)) == 65
    assert set(text.validation) <= set(text.train)
    assert text.train.startswith("First Citizen:\nBefore we proceed")
    assert text.best_loss is None


def test_jsb_chorales():
    data = datasets.jsb_chorales()
    assert data.source == datasets.Source("JSB chorales", "real", "UNROLLED_DATA", datasets.JSB.sha256)
    parts = (data.train, data.valid, data.test)
    assert [len(part) for part in parts] == [229, 76, 77]
    assert [sum(map(len, part)) for part in parts] == [13_807, 4_602, 4_725]
    assert np.flatnonzero(data.train[0][0]).tolist() == [39, 51, 58, 67]
    assert data.best_loss is None


def test_imdb():
    data = datasets.imdb()
    assert data.source.kind == "real"
    # the same for the official archive and for the prepared file, because it is of the reviews alone
    assert data.source.sha256 == "4f75a541879f6728db0195822ff52e46869487cfa2f60627943523a951eb1ebb"
    assert len(data.validation.texts) == 2500
    assert len(data.test.texts) == 25_000
    assert data.validation.labels.mean() == data.test.labels.mean() == 0.5
    if data.films_known:
        assert 22_000 < len(data.train.texts) <= 22_483
    else:
        assert len(data.train.texts) == 22_483
    assert not set(data.validation.texts) & set(data.train.texts)


def test_names_show_that_films_stay_on_one_side():
    """Reviews of one film share rare names: few pairs across the cut, against a random one."""
    data = datasets.imdb()
    everything = data.train.texts + data.validation.texts
    named = [set(re.findall(r"\b[A-Z][a-z]{3,}\b", text)) for text in everything]
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
