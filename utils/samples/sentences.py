"""Sample sentences to translate: two small grammars whose word order differs from that of English.

A scene says who did what to whom, where and when. German puts the time first and the verb last; French puts
the adjective behind the noun; English does neither. Each scene has one sentence in each language, so the
exact answer is always known. Several scenes may follow one another in a sentence.

Not here: the real data and the splits (`utils.datasets.translation`).
"""

from typing import NamedTuple

import numpy as np

# English; German with its article as who does it and to whom it is done; French with its article
NOUNS = (
    ("dog", "Hund", "der", "den", "chien", "le"),
    ("cook", "Koch", "der", "den", "cuisinier", "le"),
    ("woman", "Frau", "die", "die", "femme", "la"),
    ("mouse", "Maus", "die", "die", "souris", "la"),
    ("baby", "Baby", "das", "das", "bébé", "le"),
    ("horse", "Pferd", "das", "das", "cheval", "le"),
)
ADJECTIVES = (  # English; German, with -n after "den"; French of "le" and of "la"
    ("calm", "ruhige", "calme", "calme"),
    ("tired", "müde", "fatigué", "fatiguée"),
    ("wet", "nasse", "mouillé", "mouillée"),
    ("polite", "höfliche", "poli", "polie"),
    ("cheerful", "fröhliche", "joyeux", "joyeuse"),
)
VERBS = (
    ("saw", "gesehen", "a vu"),
    ("found", "gefunden", "a trouvé"),
    ("followed", "verfolgt", "a suivi"),
    ("painted", "gemalt", "a peint"),
)
PLACES = (
    ("on the beach", "am Strand", "sur la plage"),
    ("in the garden", "im Garten", "dans le jardin"),
    ("at the lake", "am See", "au lac"),
)
TIMES = (("yesterday", "gestern", "hier"), ("today", "heute", "aujourd'hui"), ("then", "dann", "alors"))
LANGUAGES = ("de", "fr")


class Scene(NamedTuple):
    """Numbers of rows of the tables above: who, and how; did what; to whom, and how; where; when."""

    who: int
    how: int
    did: int
    whom: int
    like: int
    where: int
    when: int


def english(scene: Scene) -> str:
    """Who did what to whom, where, when."""
    who, whom = (
        f"the {ADJECTIVES[how][0]} {NOUNS[noun][0]}"
        for noun, how in ((scene.who, scene.how), (scene.whom, scene.like))
    )
    return f"{who} {VERBS[scene.did][0]} {whom} {PLACES[scene.where][0]} {TIMES[scene.when][0]}"


def german(scene: Scene) -> str:
    """When has who where whom done."""
    subject, them = NOUNS[scene.who], NOUNS[scene.whom]
    who = f"{subject[2]} {ADJECTIVES[scene.how][1]} {subject[1]}"
    ending = "n" if them[3] == "den" else ""
    whom = f"{them[3]} {ADJECTIVES[scene.like][1]}{ending} {them[1]}"
    time, place, verb = TIMES[scene.when][1], PLACES[scene.where][1], VERBS[scene.did][1]
    return f"{time} hat {who} {place} {whom} {verb}"


def french(scene: Scene) -> str:
    """When, who did what to whom, where; each adjective behind its noun."""

    def noun(number: int, how: int) -> str:
        *_, name, article = NOUNS[number]
        return f"{article} {name} {ADJECTIVES[how][3 if article == 'la' else 2]}"

    who, whom = noun(scene.who, scene.how), noun(scene.whom, scene.like)
    return f"{TIMES[scene.when][2]}, {who} {VERBS[scene.did][2]} {whom} {PLACES[scene.where][2]}"


def written(scenes: list[Scene], language: str) -> str:
    """Some scenes as one sentence.

    Raises:
        ValueError: there is no grammar of this language.
    """
    grammars = {"en": (english, " and "), "de": (german, " und "), "fr": (french, " et ")}
    if language not in grammars:
        raise ValueError(f"There is no grammar of {language!r}; the languages are {', '.join(grammars)}.")
    grammar, joint = grammars[language]
    text = joint.join(grammar(scene) for scene in scenes)
    return f"{text[0].upper()}{text[1:]}."


def make_pairs(language: str, count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Sentences with their English, all different; a fifth of them are of two scenes.

    Args:
        language: of the source, "de" or "fr".
        count: how many.
        seed: of the random numbers.

    Raises:
        ValueError: there is no grammar of this language.
    """
    sizes = [len(table) for table in (NOUNS, ADJECTIVES, VERBS, NOUNS, ADJECTIVES, PLACES, TIMES)]
    rng = np.random.default_rng(seed)
    pairs: dict[str, str] = {}
    while len(pairs) < count:
        scenes = [Scene(*map(int, rng.integers(0, sizes))) for _ in range(1 + (rng.random() < 0.2))]
        pairs[written(scenes, language)] = written(scenes, "en")
    return list(pairs.items())
