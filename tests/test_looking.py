"""Captioners that look at places: what they see, what the penalty counts, and that writing is the network."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from utils import captions, looking
from utils.samples import scenes
from utils.samples.scenes import Thing
from utils.seq2seq import Attention

L, D, V, H, E = 6, 5, 12, 7, 4
SEEN = np.random.default_rng(0).normal(size=(3, L, D)).astype(np.float32)
TOKENS = captions.pad([[1, 7, 5, 2], [1, 8, 9, 5, 6, 2], [1, 4, 2]])


def network(strength=0.0, **more):
    keras.utils.set_random_seed(1)
    picture = keras.Input((L, D))
    return looking.captioner(picture, picture, V, H, embedding=E, strength=strength, lstm=layers.LSTM, **more)


def softmax(x):
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def test_the_network_is_its_equations():
    model = network()
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    mean = SEEN.mean(axis=1)
    h0, c0 = (np.tanh(mean @ weights[name][0] + weights[name][1]) for name in ("h0", "h1"))
    x = weights["words"][0][TOKENS[:, :-1]]
    h = np.asarray(model.get_layer("rnn")(x, initial_state=[tf.constant(h0), tf.constant(c0)]))
    alpha = softmax(h @ weights["attention"][0] @ SEEN.transpose(0, 2, 1) / np.sqrt(D))
    beta = 1 / (1 + np.exp(-(h @ weights["gate"][0] + weights["gate"][1])))
    both = np.concatenate([h, beta * (alpha @ SEEN), x], axis=-1)
    squeezed = np.tanh(both @ weights["squeeze"][0] + weights["squeeze"][1])
    logits = squeezed @ weights["words"][0].T + weights["words"][1]
    np.testing.assert_allclose(model([SEEN, TOKENS[:, :-1]]), logits, atol=1e-5)
    found, gate = looking.look(model, SEEN, TOKENS)
    np.testing.assert_allclose(found, alpha, atol=1e-5)
    np.testing.assert_allclose(gate, beta[..., 0], atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_what_was_not_seen_is_counted_without_padding():
    alpha = np.zeros((2, 3, 4), np.float32)
    alpha[0, :2] = [1, 0, 0, 0], [0, 1, 0, 0]  # two places of four, once each
    alpha[1, :2] = [1, 0, 0, 0], [1, 0, 0, 0]  # one place, twice
    alpha[:, 2] = 0.25
    counts = np.array([[True, True, False]] * 2)
    assert float(looking.unseen(alpha, counts)) == pytest.approx((2 + 4) / 4)
    assert float(looking.unseen(alpha[:1], counts[:1])) == pytest.approx(2 / 2)
    spread = np.full((1, 4, 4), 0.25, np.float32)
    assert float(looking.unseen(spread, np.ones((1, 4), bool))) == pytest.approx(0)


def test_steps_that_read_the_end_or_padding_say_nothing():
    says = looking.says(np.array([[1, 7, 5, 2, 0, 0], [1, 3, 2, 0, 0, 0], [1, 4, 4, 4, 4, 4]]))
    assert np.asarray(says).tolist() == [[True] * 3 + [False] * 3, [True] * 2 + [False] * 4, [True] * 6]
    assert np.array_equal(looking.says(TOKENS[:, :-1]), TOKENS[:, 1:] != captions.PAD)  # as the loss counts


def test_the_penalty_joins_the_loss_and_counts_no_step_that_reads_the_end():
    alone, both = network(), network(2.0)
    both.set_weights(alone.get_weights())
    for model in (alone, both):
        model.compile("sgd", captions.loss_per_word)
    inputs, target = [SEEN, TOKENS[:, :-1]], TOKENS[:, 1:]
    loss = float(captions.loss_per_word(target, alone(inputs)))
    alpha, _ = looking.look(alone, SEEN, TOKENS)
    lengths = [3, 5, 2]  # the words of each caption, and its end
    gone = [sum((1 - rows[:n].sum(axis=0)) ** 2) for rows, n in zip(alpha, lengths, strict=True)]
    wanted = loss + 2 * sum(gone) / sum(lengths)
    assert alone.test_on_batch(inputs, target) == pytest.approx(loss, abs=1e-5)
    assert both.test_on_batch(inputs, target) == pytest.approx(wanted, abs=1e-5)


def test_padding_changes_neither_scores_nor_penalty():
    model, short, longer = network(1.0), TOKENS[:, :6], np.pad(TOKENS, [(0, 0), (0, 3)])
    assert (short[:, -1] != captions.PAD).any()  # the longest caption without padding: its end is not read
    some, more = (np.asarray(model([SEEN, tokens[:, :-1]])) for tokens in (short, longer))
    np.testing.assert_allclose(more[:, : some.shape[1]], some, atol=1e-6)
    model.compile("sgd", captions.loss_per_word)
    losses = [model.test_on_batch([SEEN, tokens[:, :-1]], tokens[:, 1:]) for tokens in (short, longer)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_another_attention_may_look_and_give_more():
    class Double(Attention):
        def call(self, s, h, mask=None):
            z, weights = super().call(s, h, mask)
            return 2 * z, weights, weights[..., 0]

        def compute_output_shape(self, s_shape, h_shape, mask_shape=None):
            z, weights = super().compute_output_shape(s_shape, h_shape)
            return z, weights, weights[:2]

    plain, double = network(), network(attention=Double)
    squeeze = plain.get_layer("squeeze").get_weights()
    double.set_weights(plain.get_weights())
    halved = squeeze[0].copy()
    halved[H : H + D] /= 2
    double.get_layer("squeeze").set_weights([halved, squeeze[1]])
    inputs = [SEEN, TOKENS[:, :-1]]
    np.testing.assert_allclose(double(inputs), plain(inputs), atol=1e-5)
    np.testing.assert_allclose(looking.look(double, SEEN, TOKENS)[0], looking.look(plain, SEEN, TOKENS)[0])
    written = [looking.write(model, SEEN, longest=5) for model in (plain, double)]
    assert [one.tokens for one in written[0]] == [one.tokens for one in written[1]]


def test_the_stepper_gives_the_scores_of_the_whole_network():
    model = network()
    whole = np.asarray(model([SEEN, TOKENS[:, :-1]]))
    whole = whole - np.logaddexp.reduce(whole, axis=-1, keepdims=True)
    step, state = looking.stepper(model), looking.begin(model, SEEN)
    for t in range(TOKENS.shape[1] - 1):
        log_p, state = step(TOKENS[:, t], state)
        np.testing.assert_allclose(log_p, whole[:, t], atol=1e-5)
    assert looking.stepper(model) is step


def test_pictures_are_written_of_one_by_one_or_together(monkeypatch):
    model = network()
    together = looking.write(model, SEEN, longest=5)
    monkeypatch.setattr(looking, "SIZE", 2)
    assert [one.tokens for one in looking.write(model, SEEN, longest=5)] == [one.tokens for one in together]
    assert looking.write(model, SEEN[1:2], longest=5)[0].tokens == together[1].tokens


def test_nats_are_those_of_all_captions(monkeypatch):
    model, told = network(), [[[1, 7, 5, 2], [1, 4, 2]], [[1, 8, 9, 5, 6, 2]], [[1, 4, 2]]]
    image, tokens = captions.one_each(SEEN, told)
    loss = float(captions.loss_per_word(tokens[:, 1:], model([image, tokens[:, :-1]])))
    assert looking.nats_per_word(model, SEEN, told) == pytest.approx(loss, abs=1e-5)
    monkeypatch.setattr(looking, "SIZE", 2)
    assert looking.nats_per_word(model, np.float16(SEEN), told) == pytest.approx(loss, abs=1e-3)


def test_it_trains_from_half_precision_and_is_saved(tmp_path):
    model, told = network(1.0, dropout=0.2), [[[1, 7, 5, 2]] * 2, [[1, 8, 9, 2]] * 2, [[1, 4, 2]] * 2]
    history = captions.train(model, np.float16(SEEN), told, 3, 0.01, size=2, eager=True)
    assert np.isfinite(np.array(history)[:, 0]).all()
    model.save(tmp_path / "looks.keras")
    again = keras.saving.load_model(tmp_path / "looks.keras", compile=False)
    inputs = [SEEN, TOKENS[:, :-1]]
    np.testing.assert_allclose(again(inputs), model(inputs), atol=1e-6)
    assert again.get_layer("penalty").strength == 1.0


def test_weight_inside_the_thing_that_a_word_names():
    one, two = Thing("circle", "red", "large", 0.25, 0.25), Thing("square", "blue", "small", 0.8, 0.8)
    text = "a red circle and a small blue square"
    weights = np.zeros((1, 9, 16))
    weights[0, :, 0], weights[0, 6:, 15] = 1.0, 0.75  # upper left; lower right
    weights[0, 6:, 0] = 0.25
    mass, share, other = looking.inside(weights, [text], [(one, two)])
    assert mass.tolist() == [1, 1, 0, 0.75, 0.75]  # red, circle, small, blue, square
    assert other.tolist() == [0, 0, 1, 0.25, 0.25]
    left, right = ((scenes.mask(thing, 4) > 0).mean() for thing in (one, two))
    assert share.tolist() == [left, left, right, right, right]
    alone = looking.inside(weights, ["a red circle"], [(one,)])
    assert np.isnan(alone[2]).all()
    assert [len(x) for x in looking.inside(weights, ["a green circle"], [(one,)])] == [0, 0, 0]
