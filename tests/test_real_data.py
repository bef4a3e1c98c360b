"""The loaders on the real files: counts, splits and hashes. Needs `UNROLLED_DATA`."""

import os
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
