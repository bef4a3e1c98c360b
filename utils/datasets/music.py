"""Music as piano rolls: Bach's chorales.

Not here: the sample chorales (`utils.samples.chorales`).
"""

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from utils.datasets.common import Source, real_file
from utils.fetch import Remote
from utils.samples import chorales

JSB = Remote(
    name="jsb/jsb-chorales-quarter.json",
    url="https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/jsb-chorales-quarter.json",
    sha256="2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
)


@dataclass(frozen=True)
class Chorales:
    """Piano rolls of chorales, one step per quarter note, in three parts.

    Attributes:
        train, valid, test: arrays `(time, 88)`, bool; True where a key of the piano sounds.
        source: where they came from.
        best_loss: nats per step of the test part that the best model with 88 separate outputs pays;
            None where nobody knows.
    """

    train: tuple[np.ndarray, ...]
    valid: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]
    source: Source
    best_loss: float | None = None


def piano_roll(chords: list[list[int]]) -> np.ndarray:
    """Chords as MIDI pitches, one list per step -> `(time, 88)`, bool."""
    roll = np.zeros((len(chords), chorales.KEYS_OF_PIANO), bool)
    for step, pitches in zip(roll, chords, strict=True):
        step[np.array(pitches, int) - chorales.LOWEST] = True
    return roll


def jsb_chorales() -> Chorales:
    """Bach's chorales (split of Boulanger-Lewandowski et al. 2012), or sample chorales by a grammar.

    Returns:
        Real: 229, 76 and 77 chorales, 13,807, 4,602 and 4,725 steps.
        Sample: 100, 30 and 30 chorales, with `best_loss`.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(JSB, "The JSB chorales", "chorales made by a small grammar")
    if found is not None:
        path, origin = found
        parts = json.loads(path.read_text(encoding="utf-8"))
        train, valid, test = (tuple(map(piano_roll, parts[part])) for part in ("train", "valid", "test"))
        return Chorales(train, valid, test, Source("JSB chorales", "real", origin, JSB.sha256))
    rng = np.random.default_rng(0)
    made = [chorales.make_chorale(rng) for _ in range(160)]
    every = tuple(chorale.roll for chorale in made)
    digest = hashlib.sha256(np.packbits(np.concatenate(every)).tobytes()).hexdigest()
    best = float(np.concatenate([chorales.information(chorale) for chorale in made[130:]]).mean())
    source = Source("sample chorales", "sample", "made in memory", digest)
    return Chorales(every[:100], every[100:130], every[130:], source, best)
