"""Sample dialogues: two people meet, and what one said at first is asked for at the end.

They stand in for real dialogues where there are none. All dialogues of the grammar can be written down, each
with its probability; so the best possible probability of every answer is known, for somebody who has heard
all that was said, and for somebody who has heard the last turns only.

Not here: the real data and the splits (`utils.datasets.dialogues`).
"""

import functools
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

GREETINGS = ("Hello", "Hi")
NAMES = ("Ann", "Bob", "Eve", "Max", "Tom", "Zoe")
THINGS = ("tea", "chess", "music", "cats", "snow", "maths")
REPLIES = {"So do I .": 0.5, "I do not .": 0.3, "Who does not ?": 0.2}
WEATHER = ("", "warm", "cold", "wet")  # of which nothing is said in the first case
WEATHER_CHANCES = (0.4, 0.2, 0.2, 0.2)
ENDINGS = ("Goodbye", "See you")

Dialogue = tuple[str, ...]


def write(greeting: str, name: str, thing: str, reply: str, weather: str, asks: str, ending: str) -> Dialogue:
    """The dialogue in which these were chosen; words and marks have spaces between."""
    talk = (f"It is {weather} today .", f"Yes , very {weather} .") if weather else ()
    question, answer = {
        "name": ("Do you know who I am ?", f"You are {name} ."),
        "thing": ("Do you know what I like ?", f"You like {thing} ."),
    }[asks]
    return (
        f"{greeting} , I am {name} .",
        f"{greeting} {name} , what do you like ?",
        f"I like {thing} .",
        reply,
        *talk,
        question,
        answer,
        f"Right . {ending} .",
        f"{ending} , {name} .",
    )


@functools.cache
def everything() -> dict[Dialogue, float]:
    """All dialogues of the grammar with their probabilities, which add up to 1."""
    found = {}
    choices = itertools.product(
        GREETINGS,
        NAMES,
        THINGS,
        REPLIES.items(),
        zip(WEATHER, WEATHER_CHANCES, strict=True),
        ("name", "thing"),
        ENDINGS,
    )
    rest = 1 / len(GREETINGS) / len(NAMES) / len(THINGS) / 2 / len(ENDINGS)
    for greeting, name, thing, (reply, p), (weather, q), asks, ending in choices:
        found[write(greeting, name, thing, reply, weather, asks, ending)] = p * q * rest
    return found


def make_dialogues(seed: int, count: int) -> tuple[Dialogue, ...]:
    """Dialogues drawn from the grammar; the same for a seed on every machine."""
    every = list(everything())
    limits = np.cumsum(list(everything().values()))
    drawn = np.random.default_rng(seed).random(count)
    return tuple(every[min(int(i), len(every) - 1)] for i in np.searchsorted(limits, drawn, side="right"))


def heard(turns: Sequence[str], k: int, memory: int | None) -> Dialogue:
    """What is known before turn k: the last `memory` turns, or all if None."""
    return tuple(turns[0 if memory is None else max(0, k - memory) : k])


@functools.cache
def chances(memory: int | None) -> dict[Dialogue, dict[str, float]]:
    """How likely each answer is after what was heard, exactly; the opening turn answers nothing."""
    found: dict[Dialogue, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for turns, p in everything().items():
        for k in range(1, len(turns)):
            found[heard(turns, k, memory)][turns[k]] += p
    return {
        known: {turn: p / sum(after.values()) for turn, p in after.items()} for known, after in found.items()
    }


def best_nats(dialogues: Sequence[Dialogue], memory: int | None) -> list[list[float]]:
    """What each answer of some dialogues must cost, -log of its true probability, in nats.

    Args:
        dialogues: of the grammar.
        memory: how many turns have been heard; None for all, 0 for none.

    Returns:
        For each dialogue a number for each turn but the opening one.
    """
    known = chances(memory)
    return [
        [-math.log(known[heard(turns, k, memory)][turns[k]]) for k in range(1, len(turns))]
        for turns in dialogues
    ]


def best_loss(dialogues: Sequence[Dialogue], memory: int | None) -> float:
    """The best possible mean cost of a word of the answers, in nats; the end of a turn counts as a word."""
    count = sum(len(turn.split()) + 1 for turns in dialogues for turn in turns[1:])
    return sum(map(sum, best_nats(dialogues, memory))) / count
