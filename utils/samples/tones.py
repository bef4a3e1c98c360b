"""Sample sentences to be heard: each letter is a tone, so that every transcript can be told exactly.

The letters are A to H, and the words are English ones. When each letter sounds is known.

Not here: the real sentences they stand in for (`utils.datasets.sentences`); spectrograms (`utils.sound`).
"""

from typing import NamedTuple

import numpy as np

RATE = 8000  # samples per second
LETTERS = "ABCDEFGH"
HERTZ = {letter: 300 * 1.28**k for k, letter in enumerate(LETTERS)}
WORDS = ("ADD", "AGE", "BADGE", "BAG", "BED", "CAB", "CAFE", "DEAF", "EDGE", "EGG", "FACE", "FEED", "HEAD")
SPEAKERS = ("ada", "bo", "cy", "dee", "eve", "fay")  # each sings a little higher than the one before
PAUSE = 0.09  # seconds between words
GAP = 0.012  # seconds between letters, in which the sound dies down: so two letters alike are two


class Sung(NamedTuple):
    """A sentence of tones.

    Attributes:
        samples: sound pressure at 8,000 per second, `(time,)`, int16.
        text: words with a space between them.
        speaker: a name.
        spans: for each character of the text, where it begins and ends, in samples.
    """

    samples: np.ndarray
    text: str
    speaker: str
    spans: tuple[tuple[int, int], ...]


def make_sentence(rng: np.random.Generator, speaker: str, words: tuple[int, int] = (1, 3)) -> Sung:
    """So many words, each letter a tone of 50 to 90 ms with an overtone, and some noise.

    Args:
        rng: another one draws another sentence.
        speaker: one of `SPEAKERS`.
        words: how many there are, at least and at most.
    """
    text = " ".join(rng.choice(WORDS, rng.integers(words[0], words[1] + 1)))
    pitch = 1.02 ** (SPEAKERS.index(speaker) - 2.5) * rng.uniform(0.99, 1.01)
    pieces, spans, place = [np.zeros(round(0.05 * RATE))], [], round(0.05 * RATE)
    for letter in text:
        length = round((PAUSE if letter == " " else rng.uniform(0.05, 0.09)) * RATE)
        t = np.arange(length) / RATE
        tone = np.zeros(length)
        if letter != " ":
            phase = 2 * np.pi * HERTZ[letter] * pitch * t
            tone = (np.sin(phase) + 0.3 * np.sin(2 * phase)) * np.hanning(length) ** 0.2
        pieces += [tone, np.zeros(round(GAP * RATE))]
        spans.append((place, place + length))
        place += length + round(GAP * RATE)
    sound = np.concatenate([*pieces, np.zeros(round(0.05 * RATE))])
    sound = rng.uniform(3000, 8000) * (sound + rng.normal(0, 0.01, len(sound)))
    return Sung(sound.astype("int16"), text, speaker, tuple(spans))
