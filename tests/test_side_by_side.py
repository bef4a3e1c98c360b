"""Networks side by side: each does what it would do alone, and what Keras' layer does."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from utils import side_by_side
from utils.checks import central_differences
from utils.memory_tasks import adding


def simple_step(x, h, Wx, Wh, b):
    return ops.tanh(x @ Wx + h @ Wh + b)


def lstm_step(x, h, c, Wx, Wh, b):
    i, f, g, o = ops.split(x @ Wx + h @ Wh + b, 4, axis=-1)
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
    return ops.sigmoid(o) * ops.tanh(c), c, (i, f, g, o)  # gates, as a lesson's step hands them out


def gru_step(x, h, Wx, Wh, b):
    x_z, x_r, x_g = ops.split(x @ Wx + b[0], 3, axis=-1)
    h_z, h_r, u = ops.split(h @ Wh + b[1], 3, axis=-1)
    z, r = ops.sigmoid(x_z + h_z), ops.sigmoid(x_r + h_r)
    return z * h + (1 - z) * ops.tanh(x_g + r * u)


def paper_step(x, h, Wx, Wh, b):
    x_z, x_r, x_g = ops.split(x @ Wx + b, 3, axis=-1)
    U_z, U_r, U_g = ops.split(Wh, 3, axis=-1)
    z, r = ops.sigmoid(x_z + h @ U_z), ops.sigmoid(x_r + h @ U_r)
    return z * h + (1 - z) * ops.tanh(x_g + (r * h) @ U_g)


KINDS = {
    "SimpleRNN": (simple_step, layers.SimpleRNN, {}),
    "LSTM": (lstm_step, layers.LSTM, {}),
    "GRU": (gru_step, layers.GRU, {}),
    "GRU, reset before": (paper_step, layers.GRU, {"reset_after": False}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def started(kind, seeds, units=5, K=1, D=2, dtype="float32", **options):
    _, layer, more = KINDS[kind]
    return side_by_side.initial(lambda: layer(units, dtype=dtype, **more, **options), D, K, seeds)


def short(step, weights, **options):
    settings = {"rate": 1e-2, "loss": side_by_side.squared_error, "batch": 8, "compiled": False}
    return side_by_side.train(step, weights, adding, 6, **{"updates": 5} | settings | options)


def one(weights, number, layer, dense):
    """The layers with the weights of one network of a stack."""
    arrays = [array[..., number, :, :] for array in weights]
    for made in (layer, dense):
        count = len(made.weights)
        made.set_weights([a.reshape(v.shape) for a, v in zip(arrays[:count], made.weights, strict=True)])
        arrays = arrays[count:]


def keras_network(kind, weights, number, read=1, dtype="float64"):
    """Keras' own layers with the weights of one network, and a function from x to their outputs."""
    _, make, more = KINDS[kind]
    units, D, K = weights[-2].shape[-2], weights[0].shape[-2], weights[-2].shape[-1]
    layer, dense = make(units, return_sequences=True, dtype=dtype, **more), layers.Dense(K, dtype=dtype)
    layer.build((None, None, D))
    dense.build((None, None, units))
    one(weights, number, layer, dense)
    return layer, dense, lambda x: dense(layer(x)[:, -read:])


@every_kind
def test_start_is_what_keras_draws(kind):
    _, make, more = KINDS[kind]
    weights = started(kind, seeds=(3, 11), K=4)
    for number, seed in enumerate((3, 11)):
        keras.utils.set_random_seed(seed)
        layer, dense = make(5, **more), layers.Dense(4)
        layer.build((None, None, 2))
        dense.build((None, 5))
        for array, value in zip(weights, layer.get_weights() + dense.get_weights(), strict=True):
            np.testing.assert_array_equal(array[..., number, :, :].reshape(value.shape), value)


def test_start_has_the_shapes_the_docstring_names():
    assert [w.shape for w in started("GRU", (0, 1, 2))] == [
        (3, 2, 15), (3, 5, 15), (2, 3, 1, 15), (3, 5, 1), (3, 1, 1),
    ]  # fmt: skip
    bias = started("LSTM", (0, 1))[2]
    assert bias.shape == (2, 1, 20)
    np.testing.assert_array_equal(bias[:, 0], [np.repeat([0, 1, 0, 0], 5)] * 2)  # Keras' forget bias


def test_two_units_are_no_two_biases():
    assert [w.shape for w in started("GRU", (0,), units=2)][2:] == [(2, 1, 1, 6), (1, 2, 1), (1, 1, 1)]
    assert [w.shape for w in started("LSTM", (0,), units=2)][2:] == [(1, 1, 8), (1, 2, 1), (1, 1, 1)]


def test_options_of_the_layer_count():
    assert not started("LSTM", (0,), unit_forget_bias=False)[2].any()


@every_kind
def test_outputs_equal_keras_layer(kind):
    weights, x = started(kind, (0, 1), K=3, dtype="float64"), np.random.default_rng(0).normal(size=(4, 7, 2))
    weights[2] = weights[2] + np.random.default_rng(1).normal(size=weights[2].shape)  # biases not all zero
    outputs, states = side_by_side.run(KINDS[kind][0], weights, x, read=3)
    assert outputs.shape == (2, 4, 3, 3)
    for number in range(2):
        layer, _, network = keras_network(kind, weights, number, read=3)
        np.testing.assert_allclose(outputs[number], network(x), atol=1e-12)
        np.testing.assert_allclose(states[0][number], layer(x)[:, -1], atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "read"),
    [("SimpleRNN", 1), ("LSTM", 3), ("LSTM", None), ("GRU", 6), ("GRU", 1), ("GRU, reset before", 1)],
)
def test_gradients_equal_keras_layer(kind, read):
    step, weights = KINDS[kind][0], started(kind, (0, 1), dtype="float64")
    weights[2] = weights[2] + np.random.default_rng(1).normal(size=weights[2].shape)
    x, y = (a.astype("float64") for a in adding(np.random.default_rng(0), 4, 6))
    variables = [tf.Variable(w) for w in weights]

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            zeros = side_by_side.silence(step, weights, tf.constant(x))
            outputs, _ = side_by_side.forward(step, variables, tf.constant(x), read, zeros)
            loss = tf.reduce_sum(side_by_side.squared_error(y, outputs))
        return tape.gradient(loss, variables)

    found = [g.numpy() for g in gradients()]
    for number in range(2):
        layer, dense, network = keras_network(kind, weights, number, read=read or 6)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((network(x) - y) ** 2)
        expected = tape.gradient(loss, [v.value for v in layer.trainable_weights + dense.trainable_weights])
        for ours, theirs in zip(found, expected, strict=True):
            ours = ours[..., number, :, :].reshape(theirs.shape)
            np.testing.assert_allclose(ours, theirs, atol=1e-12)


@every_kind
def test_a_network_in_a_stack_does_what_it_does_alone(kind):
    step, weights, rates = KINDS[kind][0], started(kind, range(4)), [1e-2, 1e-3, 3e-2, 1e-1]
    weights[-2][3] *= 100  # its gradient is long, and clipped; the others' is not
    together = short(step, weights, rate=rates)
    assert together.losses.shape == (4, 5)
    for number in (1, 3):
        alone = short(step, side_by_side.pick(weights, [number]), rate=rates[number])
        np.testing.assert_allclose(together.losses[[number]], alone.losses, rtol=1e-4)
        for a, b in zip(side_by_side.pick(together.weights, [number]), alone.weights, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("clip", [0.02, None])
def test_training_equals_keras_adam(clip):
    weights = started("LSTM", (0, 1, 2), dtype="float64")
    trained = short(lstm_step, weights, rate=[3e-2, 1e-2, 1e-3], clip=clip)
    layer, dense, network = keras_network("LSTM", weights, 1)
    variables = layer.trainable_weights + dense.trainable_weights
    adam = keras.optimizers.Adam(1e-2, global_clipnorm=clip)
    rng, losses = np.random.default_rng(7), []
    for _ in range(5):
        x, y = (a.astype("float64") for a in adding(rng, 8, 6))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((network(x) - y) ** 2)
        adam.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        losses.append(float(loss))
    np.testing.assert_allclose(trained.losses[1], losses, rtol=1e-5)
    for ours, theirs in zip(trained.weights, variables, strict=True):
        np.testing.assert_allclose(ours[1].reshape(theirs.shape), theirs, atol=1e-5)


def test_clipping_is_per_network_over_all_its_weights():
    grads = [np.array([[[3.0]], [[0.3]]]), np.array([[[4.0]], [[0.4]]])]  # two networks: norms 5 and 0.5
    norms = np.linalg.norm(
        [np.ravel(g) for g in side_by_side.clipped(list(map(tf.constant, grads)), 1.0)], axis=0
    )
    np.testing.assert_allclose(norms, [1, 0.5])


def test_clipping_counts_both_biases_of_a_gru():
    grads = [
        tf.constant([[[[3.0]], [[0.0]]], [[[4.0]], [[1.0]]]], tf.float64)
    ]  # (2 biases, 2 networks, 1, 1)
    (found,) = side_by_side.clipped(grads, 1.0)
    np.testing.assert_allclose(np.ravel(found), [0.6, 0, 0.8, 1])


def test_rates_are_per_network():
    weights = started("SimpleRNN", (0, 0, 0))
    trained = short(simple_step, weights, rate=[0.0, 1e-3, 1e-2], updates=1)
    moved = [
        np.abs(after - before).max(axis=(1, 2))
        for after, before in zip(trained.weights, weights, strict=True)
    ]
    np.testing.assert_allclose(np.max(moved, axis=0), [0, 1e-3, 1e-2], rtol=1e-3)  # Adam's first step


def test_a_network_that_diverges_leaves_the_others_alone():
    weights = started("SimpleRNN", (0, 1))
    broken = [w.copy() for w in weights]
    broken[-1][0] = np.nan
    whole, half = short(simple_step, weights), short(simple_step, broken)
    assert np.isnan(half.losses[0]).all()
    np.testing.assert_array_equal(half.losses[1], whole.losses[1])


def test_given_weights_stay_as_they_are():
    weights = started("LSTM", (0,))
    before = [w.copy() for w in weights]
    short(lstm_step, weights)
    for a, b in zip(weights, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_compiled_is_the_same():
    weights = started("LSTM", (0, 1))
    ours, theirs = (short(lstm_step, weights, compiled=compiled) for compiled in (True, False))
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-4)
    x, _ = adding(np.random.default_rng(0), 3, 6)
    np.testing.assert_allclose(
        side_by_side.run(lstm_step, weights, x, compiled=True)[0],
        side_by_side.run(lstm_step, weights, x)[0],
        atol=1e-6,
    )


def test_same_seed_same_batches_and_another_seed_others():
    weights = started("SimpleRNN", (0,))
    first, again, other = (short(simple_step, weights, seed=seed).losses for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


def test_state_carried_is_one_long_run():
    weights, x = started("LSTM", (0, 1)), np.random.default_rng(0).normal(size=(3, 8, 2))
    whole, last = side_by_side.run(lstm_step, weights, x, read=None)
    first, states = side_by_side.run(lstm_step, weights, x[:, :5], read=None)
    second, states = side_by_side.run(lstm_step, weights, x[:, 5:], read=None, start=states)
    np.testing.assert_allclose(np.concatenate([first, second], axis=2), whole, atol=1e-6)
    np.testing.assert_allclose(states[1], last[1], atol=1e-6)


@pytest.mark.parametrize("carry", [True, False])
def test_training_carries_the_state_if_asked(carry):
    weights, seen = started("SimpleRNN", (0,), D=1), []

    def ones(rng, batch, steps):
        return np.ones((batch, steps, 1)), np.zeros((batch, steps, 1))

    def first_output(y, outputs):
        return tf.reduce_mean(outputs[:, :, 0, 0], axis=1)

    losses = side_by_side.train(
        simple_step, weights, ones, 3, 2, rate=0.0, loss=first_output, read=None, carry=carry, compiled=False
    ).losses
    seen, _ = side_by_side.run(simple_step, weights, np.ones((1, 6, 1)), read=None)
    np.testing.assert_allclose(losses[0], seen[0, 0, [0, 3 if carry else 0], 0], rtol=1e-5)


def test_each_network_may_have_sequences_of_its_own():
    weights, x = started("GRU", (0, 1)), np.random.default_rng(0).normal(size=(2, 3, 4, 2))
    outputs, _ = side_by_side.run(gru_step, weights, x)
    for number in range(2):
        alone, _ = side_by_side.run(gru_step, side_by_side.pick(weights, [number]), x[number])
        np.testing.assert_allclose(outputs[[number]], alone, atol=1e-6)


def test_join_and_pick_are_inverse():
    a, b = started("GRU", (0, 1)), started("GRU", (2,))
    both = side_by_side.join(a, b)
    for part, numbers in ((a, [0, 1]), (b, [2])):
        for x, y in zip(side_by_side.pick(both, numbers), part, strict=True):
            np.testing.assert_array_equal(x, y)


def test_losses_by_hand():
    outputs = tf.constant([[[[2.0, 0.0]], [[0.0, 1.0]]], [[[0.0, 3.0]], [[1.0, 0.0]]]])  # (2, 2, 1, 2)
    y = np.array([[0], [1]], "int32")
    np.testing.assert_allclose(side_by_side.share_wrong(y, outputs), [0, 1])
    np.testing.assert_allclose(
        side_by_side.cross_entropy(y, outputs),
        [(np.log1p(np.exp(-2)) + np.log1p(np.exp(-1))) / 2, (np.log1p(np.exp(3)) + np.log1p(np.exp(1))) / 2],
        rtol=1e-6,
    )
    np.testing.assert_allclose(side_by_side.squared_error(np.zeros((2, 1, 2)), outputs), [5 / 4, 10 / 4])


def test_watch_sees_progress(capsys):
    seen = []
    trained = short(
        simple_step,
        started("SimpleRNN", (0, 1)),
        watch=lambda done, so_far: seen.append((done, so_far)),
        every=2,
    )
    assert [done for done, _ in seen] == [2, 4, 5]
    np.testing.assert_array_equal(seen[0][1].losses, trained.losses[:, :2])
    assert not np.array_equal(seen[0][1].weights[0], trained.weights[0])
    side_by_side.say(5, trained)
    assert f"5 updates: loss {np.median(trained.losses.mean(axis=1)):.4f}" in capsys.readouterr().out


def test_evaluate_is_the_error_of_run():
    weights = started("LSTM", (0, 1))
    x, y = adding(np.random.default_rng(1), 20, 6)
    outputs, _ = side_by_side.run(lstm_step, weights, x)
    expected = ((outputs - y) ** 2).mean(axis=(1, 2, 3))
    found = side_by_side.evaluate(lstm_step, weights, x, y, side_by_side.squared_error)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@every_kind
def test_a_walk_ends_where_a_run_ends(kind):
    step, weights = KINDS[kind][0], started(kind, [0, 1])
    x, _ = adding(np.random.default_rng(0), 3, 4)
    path = side_by_side.walk(step, weights, x)
    _, last = side_by_side.run(step, weights, x)
    assert len(path) == 5
    assert all(not np.any(state) for state in path[0])
    for ours, theirs in zip(path[-1], last, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    on = side_by_side.walk(step, weights, x[:, 2:], start=path[2])
    np.testing.assert_allclose(on[-1][0], path[-1][0], atol=1e-6)


@every_kind
def test_gradients_of_the_states_are_slopes(kind):
    step, weights = KINDS[kind][0], started(kind, [0, 1], dtype="float64")
    x, y = adding(np.random.default_rng(0), 3, 4)
    error = side_by_side.squared_error
    grads = side_by_side.state_gradients(step, weights, x, y, error)
    assert grads.shape == (5, 2, 3, 5)
    for t in (0,) if kind == "LSTM" else (0, 2, 4):  # h_t follows c_t: it cannot be held while c_t moves
        states = [state.numpy() for state in side_by_side.walk(step, weights, x)[t]]

        def loss(rest=x[:, t:], states=states):
            path = side_by_side.walk(step, weights, rest, states)
            return float(sum(error(y, (path[-1][0] @ weights[-2] + weights[-1])[:, :, None])))

        np.testing.assert_allclose(grads[t], central_differences(loss, states[-1]), atol=1e-8)


def test_faint_gradients_of_the_states_have_a_norm():
    step, weights = KINDS["SimpleRNN"][0], started("SimpleRNN", [0])
    weights[1] *= 0.1
    x, y = adding(np.random.default_rng(0), 3, 30)
    grads = side_by_side.state_gradients(step, weights, x, y, side_by_side.squared_error)
    assert np.all(np.linalg.norm(grads, axis=-1) > 0)
    assert np.abs(grads[0]).max() < 1e-25  # whose square is 0 in float32


def test_run_many_times_without_a_warning(caplog):
    weights = started("SimpleRNN", seeds=range(2))
    x = np.zeros((1, 3, 2), "float32")
    with caplog.at_level("WARNING", logger="tensorflow"):
        for _ in range(6):
            side_by_side.run(simple_step, weights, x)
    assert not caplog.records


def test_networks_learn():
    weights = started("GRU", range(3), units=8)
    losses = short(gru_step, weights, rate=3e-2, updates=150, batch=16).losses
    assert np.median(losses[:, -20:].mean(axis=1)) < 0.08 < losses[:, :5].mean()


def unfit_rates(weights):
    short(simple_step, weights, rate=[0.1, 0.2, 0.3])


def unfit_step(weights):
    short(lambda x, h, Wx, b: h, weights)


def open_step(weights):
    short(lambda x, *rest: rest[0], weights)


def unfit_loss(weights):
    short(simple_step, weights, loss=lambda y, outputs: tf.reduce_mean(outputs))


def unfit_read(weights):
    short(simple_step, weights, read=7)


def unfit_x(weights):
    side_by_side.run(simple_step, weights, np.zeros((3, 4, 5, 2)))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (unfit_rates, "2 networks need one rate or 2"),
        (unfit_step, "the 3 weights of the cell"),
        (open_step, "each written out"),
        (unfit_loss, "one per network"),
        (unfit_read, "There are 6 steps"),
        (unfit_x, "2 networks, batch, steps, features"),
    ],
)
def test_what_does_not_fit_is_named(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong(started("SimpleRNN", (0, 1)))


def test_networks_of_two_kinds_do_not_stack():
    with pytest.raises(ValueError, match="of one kind"):
        side_by_side.stacked([[np.zeros((2, 3))], [np.zeros((2, 4))]])
    with pytest.raises(ValueError, match="of one kind"):
        side_by_side.initial(lambda: layers.GRU(2), 1, 1, seeds=())


def test_tuned_takes_the_best_rate_on_other_networks():
    def start(seeds):
        asked.append(list(seeds))
        return side_by_side.initial(lambda: layers.LSTM(5), inputs=2, outputs=1, seeds=seeds)

    asked = []
    trained, rate = side_by_side.tuned(
        lstm_step, start, adding, 6, 15,
        rates=(1e-9, 1e-2, 1e3), seeds=(0, 1), loss=side_by_side.squared_error, compiled=False,
    )  # fmt: skip
    assert rate == 1e-2
    assert asked == [[100, 101], [0, 1]]
    alone = side_by_side.train(
        lstm_step, start((0, 1)), adding, 6, 15, rate=1e-2, loss=side_by_side.squared_error, compiled=False
    )
    assert np.array_equal(trained.losses, alone.losses)


def test_a_rate_that_breaks_a_network_is_not_taken(monkeypatch):
    def start(seeds):
        return side_by_side.initial(lambda: layers.LSTM(5), inputs=2, outputs=1, seeds=seeds)

    lost = [0.2, 0.3, np.nan, np.inf, np.nan, 0.1]  # two networks for each of three rates
    monkeypatch.setattr(side_by_side, "evaluate", lambda *args, **options: np.array(lost))
    options = {"rates": (1e-3, 1e-2, 1e-1), "loss": side_by_side.squared_error, "compiled": False}
    _, rate = side_by_side.tuned(lstm_step, start, adding, 6, 2, seeds=(0,), **options)
    assert rate == 1e-3


def test_tuned_tries_nothing_where_there_is_no_choice_and_refuses_seeds_in_both():
    def start(seeds):
        assert list(seeds) == [3]
        return side_by_side.initial(lambda: layers.LSTM(5), inputs=2, outputs=1, seeds=seeds)

    options = {"loss": side_by_side.squared_error, "compiled": False}
    _, rate = side_by_side.tuned(lstm_step, start, adding, 6, 2, rates=[1e-2], seeds=[3], **options)
    assert rate == 1e-2
    with pytest.raises(ValueError, match=r"other seeds than \[100\]"):
        side_by_side.tuned(lstm_step, start, adding, 6, 2, rates=[1e-2], seeds=[100], **options)
