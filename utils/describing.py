"""Networks that describe clips in sentences, how they learn, write and are scored: for lesson 14 and its lab.

A clip is what is seen in 20 frames, `(N, 20, D)`; with the words so far, `(N, T)`, a network gives logits
`(N, T, V)`. Padding is 0, on the right, and changes nothing.

Not here: clips (`utils.datasets.clips`), captions as numbers and their score (`utils.captions`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from utils import captions, photos, recurrent, training
from utils.captions import NEVER, START, Encoded, Words
from utils.datasets.clips import FRAMES, Described
from utils.datasets.pictures import Captioned
from utils.features import SIDE, Extractor

KINDS = ("mean pooling", "S2VT", "attention", "attention, no order")
LONGEST = 14  # words of a sentence at most, END counted
SOME = 5  # sentences of each clip that are learnt in an epoch


def eyes_for(data: Described, extractor: Extractor | None) -> keras.Model:
    """What looks at a frame: a network trained on photos; for drawn films mean colours of 8 x 8 fields."""
    if extractor is not None:
        return photos.eyes_of(extractor)
    return photos.field_eyes(len(data.train.load(data.train.names[0])[0]))


def look(data: Described, extractor: Extractor | None, count: int | None = None) -> dict[str, np.ndarray]:
    """What is seen in each frame of the first clips of each part, `(N, 20, D)`, float32.

    Over all frames of the training part, each of the D numbers has mean 0, and deviation 1 or a little less.

    Args:
        data: clips; what an extractor sees of them is kept on disk.
        extractor: looks at frames of real clips; None for drawn films.
        count: clips of each part; all if None.
    """
    eyes, found = eyes_for(data, extractor), {}
    for name in ("train", "validation", "test"):
        part = getattr(data, name).first(count)
        frames = part.pictures(SIDE if extractor else None)
        found[name] = photos.features_of(eyes, extractor, frames, data.source.sha256)
    width = found["train"].shape[-1]
    return {name: seen.reshape(-1, FRAMES, width) for name, seen in captions.standardised(found).items()}


def look_at_photos(data: Captioned, eyes: keras.Model, extractor: Extractor | None, count: int) -> np.ndarray:
    """What is seen in some training photos, standardised, as clips of one frame, `(N, 1, D)`, float32.

    Args:
        data: photos; or drawn scenes, which need no extractor.
        eyes: as `eyes_for` gives them.
        extractor: of the same eyes; what it sees is kept on disk.
        count: photos.
    """
    part = replace(data.train, names=data.train.names[:count], captions=data.train.captions[:count])
    extractor = extractor if data.source.kind == "real" else None
    seen = photos.features_of(eyes, extractor, part, data.source.sha256)
    return captions.standardised({"train": seen})["train"][:, None]


def attend(s: Any, a: Any, units: int = 64) -> Any:
    """What each state s_t sees of 20 frames a_i: their mean, weighted by how well they fit.

    e_ti = w tanh(W s_t + U a_i + b); alpha_t = softmax(e_t); sum_i alpha_ti a_i (Yao et al. 2015, section 3).

    Args:
        s: states of who writes, `(N, T, H)`.
        a: of the frames, `(N, 20, D)`.
        units: numbers in which both are compared.

    Returns:
        `(N, T, D)`; the layer "alpha" gives the weights, `(N, T, 20)`.
    """
    both = layers.Dense(units)(s)[:, :, None] + layers.Dense(units, use_bias=False)(a)[:, None]
    e = layers.Dense(1, use_bias=False)(ops.tanh(both))[..., 0]
    return ops.matmul(layers.Softmax(name="alpha")(e), a)


def describer(
    kind: str,
    features: int,
    vocabulary_size: int,
    units: int,
    *,
    embedding: int = 256,
    dropout: float = 0.5,
    lstm: Any = recurrent.LSTM,
) -> keras.Model:
    """A network from what is seen of clips and the words so far to logits of the next words.

    - "mean pooling": the mean of the frames sets the first state of an LSTM that writes (Venugopalan et al.
      2015, NAACL); of clips of one frame it is the captioner of lesson 08;
    - "S2VT": one LSTM reads the frames, then the words (Venugopalan et al. 2015, ICCV, which has two layers);
    - "attention": as S2VT, and for each word it looks back at the states of the frames (Yao et al. 2015);
    - "attention, no order": as mean pooling, and for each word it looks at the frames themselves.

    Args:
        kind: one of `KINDS`.
        features: D, numbers that are seen of a frame.
        vocabulary_size: V.
        units: H.
        embedding: E, numbers that describe a word.
        dropout: share of frames and states that is dropped in training; of the words half of it.
        lstm: `keras.layers.LSTM` or that of `utils.recurrent`.

    Returns:
        A model of [frames `(N, 20, D)` float32, words `(N, T)` int32], not compiled. If pooled, it takes any
        number of frames.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no {kind!r}; there are {', '.join(KINDS)}.")
    frames = keras.Input((None if kind == "mean pooling" else FRAMES, features))
    tokens, table = keras.Input((None,), dtype="int32"), Words(vocabulary_size, embedding, name="words")
    x = layers.Dropout(dropout / 2)(table(tokens))
    rnn = lstm(units, return_sequences=True, name="rnn")
    if kind in ("S2VT", "attention"):
        seen = layers.Dense(embedding, name="frame")(layers.Dropout(dropout)(frames))
        h = rnn(ops.concatenate([seen, x], axis=1))
        a, s = h[:, :FRAMES], h[:, FRAMES:]
    else:
        v = layers.Dropout(dropout)(ops.mean(frames, axis=1))
        a = layers.Dense(units, name="frame")(layers.Dropout(dropout)(frames)) if "," in kind else None
        s = rnn(x, initial_state=[layers.Dense(units, "tanh", name=name)(v) for name in ("h0", "c0")])
    if kind.startswith("attention"):
        s = ops.concatenate([s, attend(s, a)], axis=-1)
    squeezed = layers.Dense(embedding, name="squeeze")(layers.Dropout(dropout)(s))
    return keras.Model([frames, tokens], table(squeezed, score=True))


def batches(
    frames: np.ndarray,
    told: Encoded,
    size: int = 64,
    some: int = SOME,
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
) -> Callable[[np.random.Generator], Iterator[tuple[list, np.ndarray]]]:
    """Batches of an epoch: some sentences of each clip, other ones each time, as `training.train` takes them.

    Args:
        frames: what is seen, `(N, 20, D)`.
        told: sentences of each clip, as `captions.encode` gives them.
        size: sentences in a batch.
        some: of each clip, at most.
        change: what is done to the frames of a batch, such as `lips.mixed`.
    """

    def epoch(rng: np.random.Generator) -> Iterator[tuple[list, np.ndarray]]:
        few = [[several[k] for k in rng.permutation(len(several))[:some]] for several in told]
        for seen, tokens in captions.batches(frames, few, rng, size, LONGEST):
            yield [change(seen, rng) if change else seen, tokens[:, :-1]], tokens[:, 1:]

    return epoch


def train(
    model: keras.Model,
    frames: np.ndarray,
    told: Encoded,
    epochs: int,
    rate: float = 1e-3,
    *,
    seed: int = 0,
    size: int = 64,
    some: int = SOME,
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    start: Sequence[np.ndarray] | None = None,
    validation: tuple[np.ndarray, Encoded] | None = None,
    path: Path | None = None,
    report: Callable[[int, list[float]], Sequence[float]] | None = None,
    eager: bool = False,
) -> list[list[float]]:
    """Train a network, with a little doubt (`captions.smoothed`).

    Args:
        model: as `describer` makes it.
        frames, told, size, some, change: see `batches`.
        epochs: how often some sentences of each clip are learnt.
        rate: the highest learning rate.
        seed: of weights, dropout and order.
        start: weights to begin with; new ones if None.
        validation: clips and sentences that are scored after each epoch, in nats per word.
        path, report, eager: as in `training.train`.

    Returns:
        As `training.train`.
    """
    count = sum(min(some, len(several)) for several in told) // size
    return training.train(
        model,
        batches(frames, told, size, some, change),
        count,
        epochs,
        rate,
        seed=seed,
        loss=captions.smoothed,
        score=(lambda: captions.nats_per_word(model, *validation)) if validation else None,
        start=start,
        path=path,
        report=report,
        eager=eager,
    )


def write(model: keras.Model, frames: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """Greedily, the likeliest word each time, what a network says of clips, `(N, longest)`, int32.

    All that was written is read again for each word: for some hundred clips that costs a second.

    Args:
        model: as `describer` makes it.
        frames: `(N, 20, D)`.
        longest: words at most, END counted.
    """
    tokens = np.zeros((len(frames), 1 + longest), np.int32)
    tokens[:, 0] = START
    for t in range(longest):
        logits = np.array(model.predict_on_batch([frames, tokens[:, :-1]])[:, t])
        logits[:, list(NEVER)] = -np.inf
        tokens[:, t + 1] = logits.argmax(axis=-1)
    return tokens[:, 1:]


def texts(tokens: np.ndarray, vocabulary: Sequence[str]) -> list[str]:
    """What `write` gives, as text, up to END."""
    return [captions.decode(row, vocabulary) for row in tokens]
