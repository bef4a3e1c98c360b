"""Sample recordings for spoken digits: each "digit" is three notes, sung.

Not here: the real recordings and the splits (`utils.datasets.speech`); spectrograms (`utils.sound`).
"""

from typing import NamedTuple

import numpy as np

SPEAKERS = {"low": 230.0, "middle": 320.0, "high": 450.0}  # frequency of the lowest note, hertz
NOTES = (1.0, 1.4, 2.4)  # in units of it; no two steps between notes are alike
TUNES = ("012", "021", "102", "120", "201", "210", "010", "020", "121", "202")  # of the digits 0 to 9
RATE = 8000  # samples per second


class Recording(NamedTuple):
    """A digit spoken once.

    Attributes:
        samples: sound pressure at 8,000 per second, `(time,)`, int16.
        digit: 0 to 9.
        speaker: a name.
        take: number of the recording, for this speaker and digit.
    """

    samples: np.ndarray
    digit: int
    speaker: str
    take: int


def make_recording(rng: np.random.Generator, digit: int, speaker: str, take: int) -> Recording:
    """A "digit": three notes sung with an overtone and some noise; their order tells which one."""
    pitch = SPEAKERS[speaker] * rng.uniform(0.97, 1.03)
    notes = [np.full(rng.integers(500, 1000), pitch * NOTES[int(n)]) for n in TUNES[digit]]
    hertz = np.convolve(np.concatenate(notes), np.ones(160) / 160, mode="same")  # glides of 20 ms
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    sound = np.sin(phase) + 0.4 * np.sin(2 * phase) + rng.normal(0, 0.1, len(phase))
    loudness = rng.uniform(2000, 8000) * np.hanning(len(phase)) ** 0.3
    return Recording((sound * loudness).astype("int16"), digit, speaker, take)
