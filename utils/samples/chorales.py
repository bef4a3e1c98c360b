"""Sample chorales: four voices from a small grammar of chords, and what can be predicted of them.

They stand in for Bach's where there are none. A chorale keeps one key throughout, which only its
first chord tells for certain, and every phrase of eight chords ends with a cadence: to predict it
well, a model must remember the key and count. The chance of every note is known, so the loss of a
perfect model is known as well.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

LOWEST, KEYS_OF_PIANO = 21, 88  # MIDI number of the lowest key, number of keys
PHRASE = 8  # chords
TONICS = (0, 2, 5, 7)  # the keys C, D, F and G
TRIADS = {"I": (0, 4, 7), "ii": (2, 5, 9), "IV": (5, 9, 0), "V": (7, 11, 2), "vi": (9, 0, 4)}
FOLLOWS = {
    "I": {"I": 0.1, "ii": 0.2, "IV": 0.3, "V": 0.25, "vi": 0.15},
    "ii": {"V": 0.6, "IV": 0.2, "ii": 0.1, "I": 0.1},
    "IV": {"I": 0.35, "V": 0.35, "ii": 0.2, "IV": 0.1},
    "V": {"I": 0.6, "vi": 0.25, "V": 0.15},
    "vi": {"ii": 0.35, "IV": 0.4, "V": 0.25},
}
CADENCE = {PHRASE - 2: {"V": 1.0}, PHRASE - 1: {"I": 0.8, "vi": 0.2}}  # place in the phrase: chords
INVERSIONS = (0.5, 0.3, 0.2)  # which tone of the triad is lowest of the three upper voices

Distribution = dict[tuple[str, tuple[int, ...]], float]  # (chord, MIDI pitches): probability


@dataclass(frozen=True)
class Chorale:
    """One chorale.

    Attributes:
        roll: True where a key sounds, `(time, 88)`, bool.
        chances: probability of each key at each step given all before, `(time, 88)`, float64.
    """

    roll: np.ndarray
    chances: np.ndarray


def voicing(tonic: int, chord: str, inversion: int) -> tuple[int, ...]:
    """MIDI pitches of a triad: its root in the bass, and all three tones from middle C upwards."""
    tones = [(tonic + tone) % 12 for tone in TRIADS[chord]]
    upper = [60 + tones[inversion]]
    for step in (1, 2):
        tone = tones[(inversion + step) % 3]
        upper.append(upper[-1] + (tone - upper[-1]) % 12)
    return (36 + tones[0], *upper)


def next_step(tonic: int, chord: str | None, place: int) -> Distribution:
    """What may sound at a place in the phrase, after a chord (None: at the beginning)."""
    chords = {"I": 1.0} if chord is None else CADENCE.get(place, FOLLOWS.get(chord, {}))
    return {
        (name, voicing(tonic, name, inversion)): p * q
        for name, p in chords.items()
        for inversion, q in enumerate(INVERSIONS)
    }


def key_chances(steps: list[tuple[float, Distribution]]) -> np.ndarray:
    """Probability that each key of the piano sounds, for weighted distributions, `(88,)`."""
    chances: dict[int, float] = defaultdict(float)
    for weight, distribution in steps:
        for (_, pitches), p in distribution.items():
            for pitch in pitches:
                chances[pitch] += weight * p
    row = np.zeros(KEYS_OF_PIANO)
    for pitch, p in chances.items():
        row[pitch - LOWEST] = p
    return row


def make_chorale(rng: np.random.Generator) -> Chorale:
    """A chorale of 4 to 8 phrases.

    Args:
        rng: of NumPy; the same state gives the same chorale.
    """
    tonic, chord = int(rng.choice(TONICS)), None
    length = PHRASE * int(rng.integers(4, 9))
    roll, chances = np.zeros((length, KEYS_OF_PIANO), bool), np.zeros((length, KEYS_OF_PIANO))
    for t in range(length):
        distribution = next_step(tonic, chord, t % PHRASE)
        possible = [tonic] if t else TONICS  # the first chord is the tonic, and tells the key
        chances[t] = key_chances([(1 / len(possible), next_step(k, chord, t % PHRASE)) for k in possible])
        outcomes = list(distribution)
        chord, pitches = outcomes[rng.choice(len(outcomes), p=list(distribution.values()))]
        roll[t, np.array(pitches) - LOWEST] = True
    return Chorale(roll, chances)


def information(chorale: Chorale) -> np.ndarray:
    """Nats per step that the best model with 88 separate outputs pays, `(time,)`, float64.

    Sum over the keys of -ln P(sounds or not); chances of exactly 0 and 1 cost nothing.
    """
    p = np.where(chorale.roll, chorale.chances, 1 - chorale.chances)
    return -np.log(p).sum(axis=1)
