"""The sample play: verse from a probabilistic grammar, and how much information is in it.

It stands in for a real text where there is none, and has what a real text has not: since every
choice has a known probability, the loss of a perfect model is known. Two things in it reach far
back: who is spoken to, and which of four topics a scene has.
"""

import functools
import itertools
import math
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MATERIAL = Path(__file__).resolve().parents[1] / "data" / "verse.txt"
LINES_GO_ON, SPEECHES_GO_ON, BILL = 0.65, 0.8, 0.05  # probabilities

# A symbol's alternatives: probability, and the parts it is replaced by (symbols or plain text).
Grammar = dict[str, list[tuple[float, list[str]]]]


@dataclass(frozen=True)
class Play:
    """A text and what it was made by.

    Attributes:
        text: of the play.
        information: nats, float64, `(len(text),)`; -ln of the probability of each choice, booked on
            the first character that the choice wrote. The sum is -ln P(text).
    """

    text: str
    information: np.ndarray


@functools.cache
def material() -> dict[str, list[str]]:
    """The sections of the material: their names, and their lines."""
    sections = re.split(r"(?m)^## (.+)\n", MATERIAL.read_text(encoding="utf-8"))[1:]
    return {
        name: body.split("\n")
        for name, body in zip(sections[::2], map(str.strip, sections[1::2]), strict=True)
    }


def alternatives(lines: list[str], **meaning: str) -> list[tuple[float, list[str]]]:
    """Choices from lines such as "2: The {noun} is {cold}."; `meaning` renames symbols."""
    found = []
    for line in lines:
        weight, text = re.fullmatch(r"(?:(\d+): )?(.*)", line).groups()  # type: ignore[union-attr]
        parts = re.split(r"{(\w+)}", text.replace("/", "\n"))
        parts[1::2] = [f"<{meaning.get(name, name)}>" for name in parts[1::2]]
        found.append((float(weight or 1), [part for part in parts if part]))
    total = sum(weight for weight, _ in found)
    return [(weight / total, parts) for weight, parts in found]


@functools.cache
def grammar() -> Grammar:
    """The whole grammar; the start symbol is "<scene>"."""
    given = material()
    rules: Grammar = {"<stop>": alternatives(given["stop"])}
    for name in ("verb", "past", "gentle", "cold", "name"):
        rules[f"<{name}>"] = alternatives(given[name][0].split())
    topics = [name for name in given if name.startswith("noun ")]
    for topic in topics:
        rules[f"<{topic}>"] = alternatives(given[topic][0].split())
    speakers = dict(line.split(": ") for line in given["speaker"])
    for name, call in speakers.items():
        rules[f"<call {name}>"] = [(1.0, [call])]
        rules[f"<small {name}>"] = [(1.0, [call[0].lower() + call[1:]])]

    openings: list[list[str]] = []
    for topic, (speaker, other) in itertools.product(topics, itertools.permutations(speakers, 2)):
        meaning = {"noun": topic, "call": f"call {other}", "small": f"small {other}"}
        to, back = f"{topic} {speaker} {other}", f"{topic} {other} {speaker}"
        for section in ("line", "bill", "couplet"):
            rules[f"<{section} {to}>"] = alternatives(given[section], **meaning)
        rules[f"<lines {to}>"] = [
            (LINES_GO_ON, [f"<line {to}>", "\n", f"<lines {to}>"]),
            (1 - LINES_GO_ON, [f"<line {to}>", "\n"]),
        ]
        rules[f"<speech {to}>"] = [(1 - BILL, [f"<lines {to}>"]), (BILL, [f"<bill {to}>", "\n"])]
        rules[f"<dialogue {to}>"] = [
            (SPEECHES_GO_ON, [f"{speaker}:\n", f"<speech {to}>", "\n", f"<dialogue {back}>"]),
            (1 - SPEECHES_GO_ON, [f"{speaker}:\n", f"<speech {to}>", f"<couplet {to}>", "\n\n"]),
        ]
        openings.append([f"Enter {speaker} and {other}.\n\n", f"<dialogue {to}>"])
    rules["<scene>"] = [(1 / len(openings), opening) for opening in openings]
    return rules


def write_play(seed: int, characters: int) -> Play:
    """Scene after scene, cut at a number of characters; the same for a seed on every machine."""
    rules, rng = grammar(), random.Random(seed)
    pieces: list[str] = []
    booked: list[tuple[int, float]] = []  # at which character, how many nats
    length = 0
    waiting: list[str] = []  # what is still to be replaced, the next one last
    while length < characters:
        part = waiting.pop() if waiting else "<scene>"
        if part not in rules:
            pieces.append(part)
            length += len(part)
            continue
        ways = rules[part]
        chance, parts = ways[np.searchsorted(cumulative(part), rng.random(), side="right")]
        booked.append((length, -math.log(chance)))
        waiting.extend(reversed(parts))
    information = np.zeros(length)
    for place, nats in booked:
        information[place] += nats
    return Play("".join(pieces)[:characters], information[:characters])


@functools.cache
def cumulative(symbol: str) -> np.ndarray:
    """Cumulated probabilities of a symbol's alternatives, ending above every number drawn."""
    total = np.cumsum([chance for chance, _ in grammar()[symbol]])
    total[-1] = np.inf
    return total


@functools.cache
def sample_play(seed: int = 0, characters: int = 200_000) -> Play:
    """The sample that stands in for Tiny Shakespeare; it uses the same 65 symbols.

    Args:
        seed: another seed gives another play of the same grammar.
        characters: length of the text.

    Returns:
        The play, cut off after `characters`.
    """
    return write_play(seed, characters)


def entropy_rate() -> float:
    """Entropy of the grammar per character (Shannon 1948).

    A play is a sequence of independent scenes, so its rate is the entropy of a scene over the
    mean length of a scene. For each symbol, with probabilities p of its alternatives and their
    parts B: H = sum p (-ln p + sum H(B)) and L = sum p sum L(B), solved by iteration because
    dialogues contain dialogues. The rate is that of the text itself, and not only of its
    derivation, because no text has two derivations; a test parses to see that.

    Returns:
        Nats per character.
    """
    rules = grammar()
    entropy, length = dict.fromkeys(rules, 0.0), dict.fromkeys(rules, 0.0)
    change = 1.0
    while change > 1e-9:
        change = 0.0
        for symbol, ways in rules.items():
            h = sum(p * (sum(entropy.get(part, 0.0) for part in parts) - math.log(p)) for p, parts in ways)
            n = sum(p * sum(length.get(part, float(len(part))) for part in parts) for p, parts in ways)
            change = max(change, abs(h - entropy[symbol]), abs(n - length[symbol]))
            entropy[symbol], length[symbol] = h, n
    return entropy["<scene>"] / length["<scene>"]
