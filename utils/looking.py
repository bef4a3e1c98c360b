"""Captioners that look at the places of a picture as they write, and where they look at each word.

Lesson 11 explains all this, and its lab shares what stands here. A picture is a grid of L places, each of
D numbers, `(N, L, D)`; with the words so far `(N, T)` it gives logits `(N, T, V)`. A network may be built in
any way, if its layers have these names: "places" gives what is looked at, "h0" and "h1" the first state,
"rnn" reads words, "attention" looks, "gate" says how much that counts, "squeeze" makes the vector that
"words" scores.

Not here: how a network sees (`utils.features`), captions as numbers and their score (`utils.captions`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils import captions, recurrent
from utils.captions import END, NEVER, PAD, START, Encoded, Words
from utils.decoding import Hypothesis, beam_search
from utils.samples import scenes
from utils.samples.scenes import Scene
from utils.seq2seq import Attention

SIZE = 100  # pictures at a time


def says(tokens: Any) -> Any:
    """Which steps say a word of the caption, or its end: those that read START or a word.

    A step that reads END or PAD says nothing, and the loss does not count it.

    Args:
        tokens: what each step reads, `(N, T)`, int.

    Returns:
        `(N, T)`, bool.
    """
    return ops.logical_and(ops.not_equal(tokens, PAD), ops.not_equal(tokens, END))


def unseen(weights: Any, counts: Any) -> Any:
    """How unevenly captions look, sum_i (1 - sum_t alpha_ti)^2 (Xu et al. 2015, equation 14), per word.

    Args:
        weights: alpha, how much each step looks at each place, `(N, T, L)`.
        counts: True at steps that count, `(N, T)`, see `says`.

    Returns:
        The sum over captions, over the number of words, so that it can join a loss that is a mean over words.
    """
    counts = ops.cast(counts, weights.dtype)
    looked = ops.sum(weights * counts[..., None], axis=1)
    return ops.sum((1 - looked) ** 2) / ops.sum(counts)


@keras.saving.register_keras_serializable("unrolled")
class LookEverywhere(layers.Layer):
    """Adds `strength * unseen(weights, counts)` to the loss; what was seen, `(N, T, D)`, passes through.

    Args:
        strength: lambda of Xu et al. 2015, equation 14; 0 is none.
    """

    def __init__(self, strength: float = 1.0, **more: Any) -> None:
        super().__init__(**more)
        self.strength = strength

    def call(self, z: Any, weights: Any, counts: Any) -> Any:
        self.add_loss(self.strength * unseen(weights, counts))
        return z

    def compute_output_spec(self, z: Any, weights: Any, counts: Any) -> Any:
        return keras.KerasTensor(z.shape, dtype=z.dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"strength": self.strength}


def captioner(
    picture: Any,
    places: Any,
    vocabulary_size: int,
    units: int,
    *,
    embedding: int = 256,
    dropout: float = 0.0,
    strength: float = 1.0,
    lstm: Any = recurrent.LSTM,
    attention: Any = Attention,
) -> keras.Model:
    """A network from pictures, seen as places, and the words so far to the logits of the next words.

    An LSTM reads the words, from a first state that the mean of the places sets. Each h_t looks at the
    places (`seq2seq.Attention`); what it sees, z_t, times a gate beta_t = sigmoid(w h_t + b) (Xu et al. 2015,
    section 4.2.1), joins h_t and the word. Xu et al. feed z_t into the next step of the LSTM; here it only
    chooses the word, as in Lu et al. 2017, so that all words of a caption are learnt in one pass.

    Args:
        picture: the input, `keras.Input`.
        places: what is seen of it, `(N, L, D)`.
        vocabulary_size: V.
        units: H.
        embedding: E, numbers that describe a word.
        dropout: share of h_t and z_t that is dropped in training; of the words half of it. So many captions
            must do without the mean, all of it, so that the network learns to look.
        strength: of the penalty, see `LookEverywhere`.
        lstm: `keras.layers.LSTM` or that of `utils.recurrent`.
        attention: `seq2seq.Attention`, or a class of layers that are called like it, and give what is seen,
            `(N, T, D)`, the weights, `(N, T, L)`, and perhaps more.

    Returns:
        A model of [pictures, words `(N, T)` int32], not compiled.
    """
    a = layers.Identity(name="places")(places)
    mean = layers.Dropout(dropout, noise_shape=(None, 1))(ops.mean(a, axis=1))
    first = [layers.Dense(units, "tanh", name=name)(mean) for name in ("h0", "h1")]
    tokens, table = keras.Input((None,), dtype="int32"), Words(vocabulary_size, embedding, name="words")
    x = layers.Dropout(dropout / 2)(table(tokens))
    h = lstm(units, return_sequences=True, name="rnn")(x, initial_state=first)
    z, weights = attention(name="attention")(h, a)[:2]
    z = LookEverywhere(strength, name="penalty")(z, weights, says(tokens))
    z = layers.Dense(1, "sigmoid", name="gate")(h) * z
    both = ops.concatenate([layers.Dropout(dropout)(h), layers.Dropout(dropout)(z), x], axis=-1)
    squeezed = layers.Dense(embedding, "tanh", name="squeeze")(both)
    return keras.Model([picture, tokens], table(squeezed, score=True))


def scene_eyes(side: int = 64, channels: int = 64) -> tuple[Any, Any]:
    """A small network that looks at drawn scenes, to be trained with the captioner.

    Two convolutions, each of which halves the picture (as the averages before them do), then at each place
    a dense layer, which also reads the place's coordinates, from -1 to 1: else none knows where it is.

    Args:
        side: of the picture, in pixels; a multiple of 8.
        channels: D, numbers at each place.

    Returns:
        The input, pictures `(N, side, side, 3)` uint8, and the places, `(N, (side / 8)^2, channels)`, row by
        row. The layer "seen" gives what the convolutions see there, `(N, (side / 8)^2, 32)`.
    """
    fields = side // 8
    picture = keras.Input((side, side, 3), dtype="uint8")
    x = layers.AveragePooling2D(2)(layers.Rescaling(1 / 127.5, -1)(picture))
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(2)(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
    return picture, with_places(layers.Reshape((fields * fields, 32), name="seen")(x), channels)


def with_places(seen: Any, channels: int = 64) -> Any:
    """What is seen at the places of a square grid, `(N, L, C)`, and where they are: `(N, L, channels)`."""
    fields = int(seen.shape[1] ** 0.5)
    where = np.stack(np.meshgrid(*[np.linspace(-1, 1, fields)] * 2), axis=-1).reshape(1, -1, 2)
    both = ops.concatenate([seen, ops.zeros_like(seen[..., :2]) + np.float32(where)], axis=-1)
    return layers.Dense(channels, "relu", name="meet")(both)


def begin(model: keras.Model, seen: np.ndarray) -> Any:
    """The state before the first word, for pictures as the model takes them; `stepper` takes it.

    Returns:
        The states [h, c], `(N, H)` each, and what it may look at, `(N, L, D)`.
    """
    made = model.__dict__
    if "unrolled_looks" not in made:
        found = {name: model.get_layer(name).output for name in ("h0", "h1", "places")}
        made["unrolled_looks"] = keras.Model(model.inputs[0], found)
    found = made["unrolled_looks"](tf.constant(seen), training=False)
    return [found["h0"], found["h1"]], found["places"]


def stepper(model: keras.Model) -> Callable[[np.ndarray, Any], tuple[Any, Any]]:
    """(latest words `(N,)`, state) -> (log-probabilities `(N, V)`, state), as `utils.decoding` wants it.

    It is made once for each network, and goes with its weights when they change.
    """
    if "unrolled_stepper" in model.__dict__:
        return model.__dict__["unrolled_stepper"]
    names = ("words", "rnn", "attention", "gate", "squeeze")
    table, rnn, look, gate, squeeze = (model.get_layer(name) for name in names)
    shape = model.get_layer("places").output.shape
    signature = (
        tf.TensorSpec((None,), tf.int32),
        ([tf.TensorSpec((None, rnn.units))] * 2, tf.TensorSpec((None, *shape[1:]))),
    )

    @tf.function(input_signature=signature, autograph=False)
    def step(latest: tf.Tensor, state: Any) -> Any:
        states, places = state
        x = table(latest)
        h, states = rnn.cell(x, states)
        z = gate(h) * look(h[:, None], places)[0][:, 0]
        squeezed = squeeze(tf.concat([h, z, x], axis=1))
        return tf.nn.log_softmax(table(squeezed, score=True)), (list(states), places)

    model.__dict__["unrolled_stepper"] = step
    return step


def write(
    model: keras.Model, seen: np.ndarray, *, width: int = 3, power: float = 0.7, longest: int = 22
) -> list[Hypothesis]:
    """The best caption of each picture that beam search finds.

    Args:
        model: as `captioner` makes it.
        seen: pictures as the model takes them.
        width: of the beam; 1 is greedy.
        power: of the length by which log-probabilities are divided, see `utils.decoding`.
        longest: words at most, END counted.
    """
    found = []
    for first in range(0, len(seen), SIZE):  # each beginning holds a grid of its own
        state = begin(model, seen[first : first + SIZE])
        starts = [START] * len(state[1])
        found += beam_search(stepper(model), state, starts, END, longest, width, power, NEVER)
    return [hypotheses[0] for hypotheses in found]


def look(model: keras.Model, seen: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a network looks as it writes given captions.

    Args:
        model: as `captioner` makes it.
        seen: a picture for each caption, as the model takes them.
        tokens: captions from START on, `(N, 1 + T)`, int32.

    Returns:
        The weights, `(N, T, L)`, of the places as each of the T words after START is written; and the gate,
        `(N, T)`.
    """
    made = model.__dict__
    if "unrolled_maps" not in made:
        weights = model.get_layer("attention").output[1]
        made["unrolled_maps"] = keras.Model(model.inputs, [weights, model.get_layer("gate").output])
    weights, gate = made["unrolled_maps"].predict([seen, tokens[:, :-1]], batch_size=SIZE, verbose=0)
    return weights, gate[..., 0]


def nats_per_word(model: keras.Model, seen: np.ndarray, told: Encoded) -> float:
    """Mean cross-entropy per word over all captions of some pictures, in nats; the grids stay on disk."""
    total, count = 0.0, 0
    longest = max(len(caption) - 1 for several in told for caption in several)
    for first in range(0, len(told), SIZE):
        some = told[first : first + SIZE]
        image, tokens = captions.one_each(seen[first : first + SIZE], some)
        tokens = np.pad(tokens, [(0, 0), (0, max(0, longest + 1 - tokens.shape[1]))])
        total += float(captions.word_nats(model, image, tokens).sum())
        count += np.count_nonzero(tokens[:, 1:])
    return total / count


def inside(
    weights: np.ndarray, texts: Sequence[str], contents: Sequence[Scene]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How much captions of drawn scenes look at what they name, at each word that names a thing.

    A field of the grid belongs to a thing if the thing touches it.

    Args:
        weights: of the fields, `(N, T, L)`, as `look` gives them for the captions; L is a square.
        texts: captions, true of their scenes.
        contents: the scenes.

    Returns:
        For each word that tells of a thing's size, colour or shape, the weight inside that thing; the share
        of the grid that the thing takes, which is what chance gives; and the weight inside the scene's
        other thing, nan where there is none.
    """
    side, found = int(weights.shape[2] ** 0.5), []
    for rows, text, scene in zip(weights, texts, contents, strict=True):
        fields = [scenes.mask(thing, side).ravel() > 0 for thing in scene]
        for row, k in zip(rows, scenes.named_things(text, scene), strict=False):
            if k is not None:
                other = row[fields[1 - k]].sum() if len(scene) == 2 else np.nan
                found.append((row[fields[k]].sum(), fields[k].mean(), other))
    mass, share, other = np.array(found, float).reshape(-1, 3).T
    return mass, share, other
