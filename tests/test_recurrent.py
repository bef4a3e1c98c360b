"""The fast layers against Keras' own: same numbers, same files, whatever the options."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import recurrent
from utils.checks import relative_error

NAMES = ("SimpleRNN", "LSTM", "GRU")


def pair(name, features, units=4, **options):
    """Keras' layer and ours with the same random weights."""
    rng = np.random.default_rng(0)
    theirs, ours = (getattr(module, name)(units, **options) for module in (keras.layers, recurrent))
    for layer in (theirs, ours):
        layer.build((3, None, features))  # a stateful one must know its batch
    weights = [rng.normal(size=w.shape) / 2 for w in theirs.get_weights()]
    for layer in (theirs, ours):
        layer.set_weights(weights)
    return theirs, ours


def results_and_gradients(layer, x, **call):
    """All results of a layer, and the gradients of the input and the weights."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch([x] if x.dtype.is_floating else [])
        results = keras.tree.flatten(layer(x, **call))
        loss = sum((k + 1) * tf.reduce_sum(tf.cast(r, "float32") ** 2) for k, r in enumerate(results))
    sources = [x] if x.dtype.is_floating else []
    return [*results, *tape.gradient(loss, [*sources, *layer.trainable_weights])]


def assert_same(theirs, ours, x, **call):
    expected, found = (results_and_gradients(layer, x, **call) for layer in (theirs, ours))
    assert len(expected) == len(found)
    for a, b in zip(expected, found, strict=True):
        if np.abs(a).max(initial=0) > 0:  # a small gradient is a sum of terms around 1, rounded at 6e-8
            assert relative_error(b, a) < 1e-5 or np.abs(b - a).max() < 3e-7
        else:
            assert np.abs(b).max(initial=0) == 0


def inputs(batch=3, steps=6, features=5, seed=1):
    return np.random.default_rng(seed).normal(size=(batch, steps, features)).astype("float32")


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 7), st.integers(1, 5)),
    units=st.integers(1, 6),
    options=st.fixed_dictionaries(
        {key: st.booleans() for key in ("return_sequences", "return_state", "go_backwards", "use_bias")}
    ),
    zero_output=st.booleans(),
    masked=st.sampled_from(["none", "right", "left", "gaps"]),
    start=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_options_give_the_results_and_gradients_of_keras(
    name, shape, units, options, zero_output, masked, start, seed
):
    batch, steps, features = shape
    rng = np.random.default_rng(seed)
    theirs, ours = pair(name, features, units, **options, zero_output_for_mask=zero_output)
    lengths = rng.integers(1, steps + 1, batch)[:, None]
    mask = {
        "none": None,
        "right": np.arange(steps) < lengths,
        "left": np.arange(steps) >= steps - lengths,
        "gaps": rng.random((batch, steps)) < 0.6,
    }[masked]
    count = 2 if name == "LSTM" else 1
    states = [tf.constant(rng.normal(size=(batch, units)), "float32") for _ in range(count)]
    call = {"initial_state": states} if start else {}
    assert_same(theirs, ours, inputs(batch, steps, features, seed), mask=mask, **call)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options",
    [
        {"unroll": True},
        {"activation": "relu"},
        {"recurrent_dropout": 0.5},
        {"kernel_regularizer": "l2"},
        {"trainable": False},
    ],
)
def test_options_without_a_fast_path_work_as_before(name, options):
    assert_same(*pair(name, 5, return_sequences=True, **options), inputs())


@pytest.mark.parametrize("reset_after", [True, False])
def test_both_conventions_of_the_gru(reset_after):
    assert_same(*pair("GRU", 5, reset_after=reset_after), inputs())


@pytest.mark.parametrize("name", NAMES)
def test_the_fast_path_is_taken_where_it_should_be(name, monkeypatch):
    calls = []
    recur = recurrent.recur
    monkeypatch.setattr(recurrent, "recur", lambda *args: calls.append(1) or recur(*args))
    _, ours = pair(name, 5)
    ours(inputs())
    assert calls == [1]
    _, slow = pair(name, 5, unroll=True)
    slow(inputs())
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["a GPU"])
    ours(inputs())
    assert calls == [1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("jit", [True, False])
def test_in_a_graph_with_lengths_and_batches_that_vary(name, jit):
    theirs, ours = pair(name, 5, return_sequences=True)
    if jit:
        compiled = tf.function(lambda x: results_and_gradients(ours, x), jit_compile=True)
    else:
        compiled = tf.function(
            lambda x: results_and_gradients(ours, x), input_signature=[tf.TensorSpec((None, None, 5))]
        )
    for batch, steps in ((2, 3), (1, 8)):
        x = inputs(batch, steps)
        for a, b in zip(results_and_gradients(theirs, x), compiled(x), strict=True):
            assert relative_error(b, a) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_dropout_is_one_mask_per_sequence_and_off_outside_training(name):
    _, ours = pair(name, 5, return_sequences=True, dropout=0.5)
    plain, _ = pair(name, 5, return_sequences=True)
    x = inputs()
    assert relative_error(ours(x), plain(x)) < 1e-5
    keras.utils.set_random_seed(3)
    dropped = ours(x, training=True)
    assert relative_error(dropped, plain(x)) > 1e-3
    ones = np.ones((1, 4, 5), "float32")
    wide = getattr(recurrent, name)(1, return_sequences=True, dropout=0.5, seed=0)
    wide.build(ones.shape)
    masks = wide.cell.get_dropout_mask(ones[:, 0])
    wide.cell.reset_dropout_mask()
    assert set(np.unique(masks)) <= {0.0, 2.0}


@pytest.mark.parametrize("name", NAMES)
def test_stateful_layers_carry_and_reset_their_state(name):
    theirs, ours = pair(name, 5, stateful=True, return_sequences=True)
    x = inputs()
    for _ in range(2):
        assert relative_error(ours(x), theirs(x)) < 1e-5
    ours.reset_state()
    theirs.reset_state()
    assert relative_error(ours(x), theirs(x)) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_in_both_directions(name):
    x = inputs()
    models = [
        keras.layers.Bidirectional(layer, merge_mode="concat")
        for layer in pair(name, 5, return_sequences=True)
    ]
    for model in models:
        model.build(x.shape)
    models[1].set_weights(models[0].get_weights())
    assert isinstance(models[1].backward_layer, getattr(recurrent, name))
    assert_same(*models, x, mask=np.arange(6) < np.array([[6], [3], [1]]))


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_takes_keras_own_path(name):
    theirs, ours = pair(name, 5, dtype="mixed_float16")
    assert relative_error(ours(inputs()), theirs(inputs())) < 1e-3
    assert ours.compute_dtype == "float16"


@pytest.mark.parametrize("name", NAMES)
def test_saved_models_load_both_ways(name, tmp_path):
    x = inputs()
    theirs, ours = pair(name, 5)
    for kind, layer in (("theirs", theirs), ("ours", ours)):
        model = keras.Sequential([keras.Input((None, 5)), layer])
        model.save(tmp_path / f"{kind}.keras")
        model.save_weights(tmp_path / f"{kind}.weights.h5")
    loaded = keras.saving.load_model(tmp_path / "ours.keras")
    assert isinstance(loaded.layers[0], getattr(recurrent, name))
    assert relative_error(loaded(x), theirs(x)) < 1e-5
    for kind, module in (("theirs", recurrent), ("ours", keras.layers)):
        model = keras.Sequential([keras.Input((None, 5)), getattr(module, name)(4)])
        model.load_weights(tmp_path / f"{kind}.weights.h5")
        assert relative_error(model(x), theirs(x)) < 1e-5
    exchanged = {f"keras.layers>{name}": getattr(recurrent, name), name: getattr(recurrent, name)}
    swapped = keras.saving.load_model(tmp_path / "theirs.keras", custom_objects=exchanged)
    assert relative_error(swapped(x), theirs(x)) < 1e-5


@pytest.mark.parametrize("jit", [True, False])
def test_fit_gives_the_weights_that_keras_gives(jit):
    x, y = inputs(32, 8), inputs(32, 8, 4, seed=2)
    weights = []
    for layer in pair("LSTM", 5, return_sequences=True):
        model = keras.Sequential([keras.Input((8, 5)), layer])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit)
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        assert relative_error(b, a) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_in_several_parts_with_a_mask_and_states(name):
    theirs, ours = pair(name, features=2, return_sequences=True)
    rng = np.random.default_rng(1)
    x = tf.constant(rng.normal(size=(40, 5, 2)), "float32")
    states = [tf.constant(rng.normal(size=(40, 4)), "float32") for _ in range(1 + (name == "LSTM"))]
    mask = tf.constant(rng.random((40, 5)) > 0.3)
    assert len(recurrent.parts_of(40)) > 1 or recurrent.CORES == 1
    gradients = []
    for layer in (theirs, ours):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            loss = tf.reduce_sum(layer(x, initial_state=states, mask=mask) ** 2)
        gradients.append(tape.gradient(loss, [x, *states, *layer.trainable_weights]))
    for a, b in zip(*gradients, strict=True):
        assert relative_error(b, a) < 1e-5


TABLE = {  # what is called: options of the layer, type of the inputs, kind of mask
    **{
        f"{kind} inputs": ({}, kind, None)
        for kind in ("bool", "uint8", "int32", "int64", "float16", "float64")
    },
    "bfloat16 inputs": ({}, "bfloat16", None),
    "int inputs, masked, backwards": ({"go_backwards": True}, "int32", "flags"),
    "float64 layer": ({"dtype": "float64"}, "float64", "flags"),
    "float64 layer, int inputs": ({"dtype": "float64"}, "int64", None),
    "float64 layer, float32 inputs": ({"dtype": "float64"}, "float32", "column"),
    "float16 layer": ({"dtype": "mixed_float16"}, "float32", "column"),
    "mask": ({}, "float32", "flags"),
    "mask of ints": ({}, "float32", "ints"),
    "mask of floats": ({}, "float32", "floats"),
    "mask of three axes": ({}, "float32", "column"),
    "mask of three axes, ints": ({}, "int32", "column of ints"),
    "mask of three axes, zeros where it is off": ({"zero_output_for_mask": True}, "float32", "column"),
    "mask of three axes, backwards": ({"go_backwards": True}, "float32", "column"),
    "mask of three axes, last output only": ({"return_sequences": False}, "float32", "column"),
    "mask for each unit": ({}, "float32", "units"),
    "mask that is off throughout": ({}, "float32", "off"),
    "mask of three axes, off throughout": ({}, "float32", "off column"),
    "unrolled": ({"unroll": True}, "int32", "column"),
    "stateful": ({"stateful": True}, "float32", None),
    "stateful, int inputs": ({"stateful": True}, "int32", "flags"),
    "stateful, mask of three axes": ({"stateful": True}, "float32", "column"),
    "dropout": ({"dropout": 0.5, "seed": 7}, "float32", None),
    "dropout, mask of three axes": ({"dropout": 0.5, "seed": 7}, "float32", "column"),
    "dropout, stateful, backwards": (
        {"dropout": 0.3, "seed": 7, "stateful": True, "go_backwards": True},
        "float32",
        "flags",
    ),
    "dropout of the state": ({"recurrent_dropout": 0.5, "seed": 7}, "float32", "flags"),
    "both dropouts": ({"dropout": 0.5, "recurrent_dropout": 0.5, "seed": 7}, "float32", "column"),
    "no bias": ({"use_bias": False}, "int32", "column"),
}


def masks(kind, shape, units):
    on = np.random.default_rng(3).random(shape) < 0.6
    return {
        None: None,
        "flags": on,
        "ints": on.astype("int32"),
        "floats": on.astype("float32"),
        "column": on[..., None],
        "column of ints": on[..., None].astype("int64"),
        "units": np.repeat(on[..., None], units, axis=-1),
        "off": on & False,
        "off column": on[..., None] & False,
    }[kind]


@pytest.mark.parametrize("case", TABLE)
@pytest.mark.parametrize("name", NAMES)
def test_same_arguments_same_results(name, case):
    options, kind, masked = TABLE[case]
    usual = {"return_sequences": True, "return_state": True}
    theirs, ours = pair(name, 5, **(usual | options))
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(ours))
    assert type(loaded) is getattr(recurrent, name)
    loaded.build((3, None, 5))
    loaded.set_weights(ours.get_weights())
    x = tf.constant(inputs() > 0) if kind == "bool" else tf.cast(4 * np.abs(inputs()), kind)
    call = {"mask": masks(masked, (3, 6), 4), "training": True}
    tolerance = 1e-2 if options.get("dtype") == "mixed_float16" else 1e-5
    # Keras forgets the seed of a SimpleRNN when it is saved, so that its dropout is another one
    compared = (ours,) if name == "SimpleRNN" and "seed" in options else (ours, loaded)
    # a second time, from the states and with the dropout that the first one left
    for _ in range(2 if {"stateful", "seed"} & set(options) else 1):
        expected = results_and_gradients(theirs, x, **call)
        for layer in compared:
            found = results_and_gradients(layer, x, **call)
            assert [a.dtype for a in found] == [a.dtype for a in expected]
            for a, b in zip(expected, found, strict=True):
                least = {"float16": 2e-3, "bfloat16": 2e-2}.get(a.dtype.name, 0)  # two units of rounding
                allowed = max(tolerance, least) * max(1, np.abs(a).max(initial=0))
                a, b = np.array(a, float), np.array(b, float)  # NumPy 1.26 cannot compare bfloat16
                np.testing.assert_allclose(b, a, rtol=0, atol=allowed)


@pytest.mark.parametrize("shape", [(3, 6, 5), (3, 6, 1, 1)])
def test_a_mask_that_keras_refuses_is_refused(shape):
    for layer in pair("LSTM", 5):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
            layer(inputs(), mask=np.ones(shape, bool))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [6, None])
def test_dropout_leaves_out_the_same_inputs_at_every_step(name, steps):
    layer = getattr(recurrent, name)(4, return_sequences=True, dropout=0.5, seed=0)
    layer.build((None, steps, 8))
    kernel, state, bias = layer.get_weights()
    # no recurrence: nothing of the state goes into a product, and nothing of it is kept
    forget = {"SimpleRNN": np.s_[:0], "LSTM": np.s_[..., 4:8], "GRU": np.s_[..., :4]}[name]
    bias[forget] = -100
    layer.set_weights([kernel, 0 * state, bias])
    x = np.repeat(np.random.default_rng(0).normal(size=(5, 1, 8)).astype("float32"), 6, axis=1)
    run = tf.function(lambda x: layer(x, training=True), input_signature=[tf.TensorSpec((None, steps, 8))])
    found, whole = run(x).numpy(), layer(x).numpy()
    np.testing.assert_allclose(found, np.repeat(found[:, :1], 6, axis=1), atol=1e-6)
    assert np.all(np.abs(found - whole).max(axis=(1, 2)) > 1e-3)  # in every sequence something is left out
    assert np.abs(run(x).numpy() - found).max() > 1e-3  # and another time something else


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_of_three_axes_and_int_inputs_take_the_fast_path(name, monkeypatch):
    calls = []
    recur = recurrent.recur
    monkeypatch.setattr(recurrent, "recur", lambda *args: calls.append(1) or recur(*args))
    _, ours = pair(name, 5)
    ours(np.ones((3, 6, 5), "int32"), mask=np.ones((3, 6, 1), bool))
    assert calls == [1]
    ours(inputs(), mask=np.ones((3, 6, 4), bool))  # one for each unit: Keras' own loop
    assert calls == [1]


@pytest.mark.parametrize("name", NAMES)
def test_results_that_are_only_gathered_have_gradients(name):
    def gradients(layer):
        x = tf.Variable(inputs())
        with tf.GradientTape() as tape:
            h_all, last, *_ = layer(x)
            loss = tf.reduce_sum(tf.gather(h_all, [2, 0])) + tf.reduce_sum(tf.gather(last, [1, 1]) ** 2)
        return tape.gradient(loss, [x, *layer.trainable_weights])

    theirs, ours = pair(name, 5, return_sequences=True, return_state=True)
    for a, b in zip(gradients(theirs), gradients(ours), strict=True):
        assert relative_error(np.asarray(b), np.asarray(a)) < 1e-5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ints", [False, True])
def test_a_single_step_needs_no_loop(name, ints, monkeypatch):
    theirs, ours = pair(name, 5, return_state=True, return_sequences=True)
    x = inputs(steps=1)
    assert_same(theirs, ours, (3 * x).astype("int32") if ints else x)
    monkeypatch.setattr(recurrent, "recur", lambda *_: pytest.fail("a loop for a single step"))
    monkeypatch.setattr(type(theirs), "inner_loop", lambda *_, **__: pytest.fail("a loop for a single step"))
    ours(x)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 33, 47, 1001])
@pytest.mark.parametrize("known", [True, False])
def test_a_batch_is_cut_in_parts_that_hold_each_row_once(size, known):
    parts = recurrent.parts_of(size if known else tf.constant(size))
    rows = np.arange(size)
    assert (
        np.concatenate([rows[:0], *(rows[int(p.start) : int(p.stop)] for p in parts)]).tolist()
        == rows.tolist()
    )
