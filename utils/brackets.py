"""A small language of letters and nested brackets: to write it, one must count.

`(a(b)c).(bb).` A text is a row of bracketed groups, each closed by a full stop. Within a group come letters
and further brackets, at most `DEEPEST` deep. How likely each next symbol is depends on nothing but how many
brackets are open, so the best possible loss is known.

Not here: what a network makes of it.
"""

from collections.abc import Sequence

import numpy as np

SYMBOLS = "abc()."
DEEPEST = 3  # brackets open at once


def depths(text: str) -> list[int]:
    """How many brackets are open after each symbol; negative where too many were closed."""
    return np.cumsum([{"(": 1, ")": -1}.get(symbol, 0) for symbol in text]).astype(int).tolist()


def chances(text: str) -> dict[str, float]:
    """The probability of each possible next symbol, after a text without a fault.

    Outside brackets the next symbol is certain: a full stop after a bracket, a bracket after a full stop.
    Inside it is a letter in half of all cases, else a bracket, either of the two while the depth allows both.
    """
    depth = sum({"(": 1, ")": -1}.get(symbol, 0) for symbol in text)
    if depth == 0:
        return {".": 1.0} if text.endswith(")") else {"(": 1.0}
    letters = dict.fromkeys("abc", 1 / 6)
    return letters | ({"(": 1 / 4, ")": 1 / 4} if depth < DEEPEST else {")": 1 / 2})


def write(rng: np.random.Generator, length: int) -> str:
    """A text of the language.

    Args:
        rng: draws the symbols.
        length: in symbols; the last group may be cut off.
    """
    text = ""
    while len(text) < length:
        possible = chances(text)
        text += list(possible)[rng.choice(len(possible), p=list(possible.values()))]
    return text


def first_fault(text: str) -> int | None:
    """The place of the first symbol that the language does not allow there; None if there is none."""
    for place, symbol in enumerate(text):
        if symbol not in chances(text[:place]):
            return place
    return None


def best_loss(texts: Sequence[str]) -> float:
    """The cross-entropy of who knows the language, in nats per symbol, without the first symbol of each text.

    Args:
        texts: without a fault, of at least two symbols each.
    """
    losses = [-np.log(chances(text[:k])[text[k]]) for text in texts for k in range(1, len(text))]
    return float(np.mean(losses))


def one_hot(texts: Sequence[str]) -> np.ndarray:
    """Texts as a network reads them.

    Args:
        texts: of equal length.

    Returns:
        `(texts, length, symbols)`, float32.

    Raises:
        ValueError: there is no text, a symbol is not of the language, or the lengths differ.
    """
    unknown = sorted(set("".join(texts)) - set(SYMBOLS))
    if unknown:
        raise ValueError(f"The language has the symbols {SYMBOLS}; {''.join(unknown)!r} is not among them.")
    if len({len(text) for text in texts}) != 1 or not texts[0]:
        raise ValueError("Give texts of equal length, at least one symbol long.")
    return np.eye(len(SYMBOLS), dtype="float32")[[[SYMBOLS.index(s) for s in text] for text in texts]]
