"""The sample play: verse from a probabilistic grammar, and how much information is in it.

It stands in for a real text where there is none, and has what a real text has not: since every
choice has a known probability, the loss of a perfect model is known. Much in it reaches far back:
who is spoken to, which of four topics a scene has, whether a subject was one or many, which rhyme
is due, and whether a quotation is still open.
"""

import bisect
import functools
import itertools
import math
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MATERIAL = Path(__file__).resolve().parents[2] / "data" / "verse.txt"
LINES_GO_ON, SPEECHES_GO_ON, COUPLET, BILL = 0.7, 0.85, 0.3, 0.05  # probabilities
WORDS = ("town", "verb", "past", "gentle", "cold", "upon", "again")  # sections, the same for all topics
CHOICES = ("stop", "end", "the", "The", "these", "These", "shall", "is", "Is", "are", "Are", "has", "Has")

# A symbol's alternatives: probability, and the parts it is replaced by (symbols or plain text).
Alternatives = list[tuple[float, list[str]]]
Grammar = dict[str, Alternatives]


@dataclass(frozen=True)
class Play:
    """A text and what it was made by.

    Attributes:
        text: of the play.
        information: nats, float64, `(len(text),)`; -ln of the probability of each choice, booked on
            the first character that the choice wrote. At the end of a scene their sum so far is
            -ln P(the text, and that the scene ends there); elsewhere it is ahead of `surprisals`
            by the nats of choices that cannot be seen yet.
    """

    text: str
    information: np.ndarray


@functools.cache
def material() -> dict[str, list[str]]:
    """The sections of the material: their names, and their lines."""
    sections = re.split(r"(?m)^## (.+)\n", MATERIAL.read_text(encoding="utf-8"))[1:]
    return {name: body.strip().split("\n") for name, body in zip(sections[::2], sections[1::2], strict=True)}


def words(section: str) -> list[str]:
    """The words of a section."""
    return [word.replace("_", " ") for word in " ".join(material()[section]).split()]


def weighed(ways: list[tuple[float, list[str]]]) -> Alternatives:
    """Probabilities from weights."""
    total = sum(weight for weight, _ in ways)
    return [(weight / total, parts) for weight, parts in ways]


def alternatives(lines: list[str], **meaning: str) -> Alternatives:
    """Choices from lines such as "2: The {noun} is {cold}."; `meaning` says what a name stands for."""
    ways = []
    for line in lines:
        weight, text = re.fullmatch(r"(?:(\d+): )?(.*)", line).groups()  # type: ignore[union-attr]
        parts = re.split(r"{(\w+)}", text.replace("/", "\n"))
        parts[1::2] = [meaning.get(name, f"<{name}>") for name in parts[1::2]]
        ways.append((float(weight or 1), [part for part in parts if part]))
    return weighed(ways)


def topic_rules(topic: str, calls: dict[str, str]) -> Grammar:
    """Rules of what is said on a topic: `<speech sea ZOE>` is one to ZOE."""
    given, rules = material(), Grammar()
    own = {"noun": f"<noun {topic}>", "song": f"<song {topic}>"}
    rules[f"<noun {topic}>"] = weighed([(1, [word]) for word in words(f"noun {topic}")])
    for section in ("song", "bill"):
        rules[f"<{section} {topic}>"] = alternatives(given[section], **own)
    rules[f"<place {topic}>"] = alternatives(given[f"place {topic}"])
    rhymes = [[f"<{half}>" for half in line.split("/")] for line in given["rhyme"]]
    couplets = [alternatives(given["couplet"], **own, one=one, two=two) for one, two in rhymes]
    rules[f"<couplet {topic}>"] = weighed([way for ways in couplets for way in ways])

    for other, call in calls.items():
        to = f"{topic} {other}"
        own |= {"call": call, "small": call[0].lower() + call[1:]}
        rules[f"<line {to}>"] = alternatives(given["line"] + given["opening"], **own)
        rules[f"<last {to}>"] = alternatives(given["line"], **own, stop="<end>")
        rules[f"<lines {to}>"] = [
            (LINES_GO_ON, [f"<line {to}>", "\n", f"<lines {to}>"]),
            ((1 - LINES_GO_ON) * COUPLET, [f"<couplet {topic}>", "\n"]),
            ((1 - LINES_GO_ON) * (1 - COUPLET), [f"<last {to}>", "\n"]),
        ]
        rules[f"<speech {to}>"] = [(BILL, [f"<bill {topic}>", "\n"]), (1 - BILL, [f"<lines {to}>"])]
    return rules


@functools.cache
def grammar() -> Grammar:
    """The whole grammar; the start symbol is "<scene>"."""
    given = material()
    rules: Grammar = {f"<{name}>": alternatives(given[name]) for name in CHOICES}
    for name in WORDS:
        rules[f"<{name}>"] = weighed([(1, [word]) for word in words(name)])
    for half in "/".join(given["rhyme"]).split("/"):
        rules[f"<{half}>"] = weighed([(1, [word]) for word in half.split()])
    calls = dict(line.split(": ") for line in given["speaker"])
    topics = [name.removeprefix("noun ") for name in given if name.startswith("noun ")]
    for topic in topics:
        rules |= topic_rules(topic, calls)

    scenes = []
    for topic, (speaker, other) in itertools.product(topics, itertools.permutations(calls, 2)):
        speech = [f"{speaker}:\n", f"<speech {topic} {other}>", "\n"]
        rules[f"<dialogue {topic} {speaker} {other}>"] = [
            (SPEECHES_GO_ON, [*speech, f"<dialogue {topic} {other} {speaker}>"]),
            (1 - SPEECHES_GO_ON, speech),
        ]
        enter = f"\nEnter {speaker} and {other}.\n\n"
        scenes.append((1.0, [f"<place {topic}>", enter, f"<dialogue {topic} {speaker} {other}>"]))
    rules["<scene>"] = weighed(scenes)
    return rules


def write_play(seed: int, characters: int) -> Play:
    """Scene after scene, cut at a number of characters; the same for a seed on every machine."""
    rules, rng = grammar(), random.Random(seed)
    limits = {symbol: list(itertools.accumulate(p for p, _ in ways)) for symbol, ways in rules.items()}
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
        chosen = bisect.bisect(limits[part], rng.random(), hi=len(limits[part]) - 1)
        chance, parts = rules[part][chosen]
        booked.append((length, -math.log(chance)))
        waiting.extend(reversed(parts))
    information = np.zeros(length)
    for place, nats in booked:
        information[place] += nats
    return Play("".join(pieces)[:characters], information[:characters])


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
    """Entropy of the grammar per character (Shannon 1948, section 7).

    A play is a sequence of independent scenes, so its rate is the entropy of a scene over the
    mean length of a scene. For each symbol, with probabilities p of its alternatives and their
    parts B: H = sum p (-ln p + sum H(B)) and L = sum p sum L(B). Both are linear in the unknowns:
    with `parts[a, b]`, the mean number of b in what replaces a, H = own + parts H. The rate is that
    of the text itself, and not only of its derivation, because no text has two derivations.

    Returns:
        Nats per character.
    """
    rules = grammar()
    place = {symbol: i for i, symbol in enumerate(rules)}
    own = np.zeros((len(rules), 2))  # nats of the choice, characters written by it
    parts = np.zeros((len(rules), len(rules)))
    for symbol, ways in rules.items():
        for p, way in ways:
            own[place[symbol], 0] -= p * math.log(p)
            for part in way:
                if part in rules:
                    parts[place[symbol], place[part]] += p
                else:
                    own[place[symbol], 1] += p * len(part)
    entropy, length = np.linalg.solve(np.eye(len(rules)) - parts, own)[place["<scene>"]]
    return float(entropy / length)


# What a derivation has still to write: the next part, and behind it the rest; None at a scene's end.
Stack = tuple[str, Any] | None


def surprisals(text: str) -> np.ndarray:
    """What a perfect model of the grammar pays for each character, having read those before it.

    All derivations of what was read are followed at once, each with its probability. Their number
    stays small, because a text has one derivation once its choices can be seen.

    Args:
        text: the beginning of a play, or of any of its scenes; it may end anywhere.

    Returns:
        -ln P(character | all before it) in nats, float64, `(len(text),)`; the sum is -ln P(text).

    Raises:
        ValueError: the grammar cannot write the text.
    """
    nats = np.zeros(len(text))
    stacks: dict[Stack, float] = {None: 1.0}
    for i, character in enumerate(text):
        after: dict[Stack, float] = defaultdict(float)
        for stack, chance in stacks.items():
            part, rest = stack or ("<scene>", None)
            for p, (first, *others) in beginnings(part).get(character, []):
                after[stacked([first[1:], *others], rest)] += chance * p
        total = sum(after.values())
        if not total:
            raise ValueError(
                f"The grammar cannot write {text[max(0, i - 30) : i + 1]!r}: character {i} has probability "
                "0 there. Give the text of a sample_play, from the beginning of a scene."
            )
        nats[i] = -math.log(total)
        stacks = {stack: chance / total for stack, chance in after.items()}
    return nats


def stacked(parts: list[str], rest: Stack) -> Stack:
    """Parts put in front of the rest."""
    for part in reversed(parts):
        rest = (part, rest) if part else rest
    return rest


@functools.cache
def beginnings(part: str) -> dict[str, Alternatives]:
    """What a part can become, with plain text in front, sorted by its first character."""
    rules = grammar()
    if part not in rules:
        return {part[0]: [(1.0, [part])]}
    found: dict[str, Alternatives] = defaultdict(list)
    for p, (first, *others) in rules[part]:
        for character, ways in beginnings(first).items():
            found[character] += [(p * q, [*parts, *others]) for q, parts in ways]
    return dict(found)
