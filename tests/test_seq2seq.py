"""Encoder, attention and decoder; their words, batches and loss: known answers, and Keras' own."""

import numpy as np
import pytest

from utils import seq2seq as q
from utils.decoding import greedy

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

V, W, H, E = 9, 11, 6, 5
SOURCES = [[5, 6, 7, 3], [4, 3], [8, 1, 5, 6, 4, 3]]
TARGETS = [[2, 7, 5, 3], [2, 8, 9, 5, 10, 3], [2, 4, 3]]
BOTH = pytest.mark.parametrize("attention", [True, False])


def network(attention=True, **more):
    keras.utils.set_random_seed(1)
    return q.build(V, W, H, attention=attention, embedding=E, lstm=keras.layers.LSTM, **more)


def test_words_and_marks():
    told = q.words("Two men's T-shirts, and it doesn't cost 1,000.")
    assert told == ["two", "men", "'s", "t-shirts", ",", "and", "it", "doesn't", "cost", "1,000", "."]
    assert q.sentence(told) == "two men's t-shirts, and it doesn't cost 1,000."
    assert q.words("Zwei Männer – grün/weiß") == ["zwei", "männer", "–", "grün", "/", "weiß"]
    assert q.words("") == []
    assert q.sentence([]) == ""


TEXTS = (
    "Two men's T-shirts, and it doesn't cost 1,000.",
    "Zwei Männer – grün/weiß!",
    "Ein Mann’s",
    "",
    "'s ist",
)


def test_keras_splits_texts_as_we_do():
    vocabulary = q.make_vocabulary([q.words(text) for text in TEXTS[:2]])
    layer = keras.layers.TextVectorization(
        standardize=q.standard, split="whitespace", vocabulary=vocabulary[2:], output_mode="int"
    )
    theirs = np.asarray(layer(tf.constant(TEXTS)))
    assert theirs.tolist() == q.pad(q.encode([q.words(text) for text in TEXTS], vocabulary)).tolist()
    assert (theirs == q.UNKNOWN).any()


def test_numbers_and_back():
    vocabulary = q.make_vocabulary([["a", "dog"], ["a", "cat"]], rare=2)
    assert vocabulary == [*q.SPECIAL, "a"]
    assert q.encode([["a", "cat"], []], vocabulary) == [[4, 1, 3], [3]]
    assert q.encode([["a", "cat"]], vocabulary, start=True) == [[2, 4, 1, 3]]
    assert q.encode([["a"] * 9], vocabulary, start=True, longest=3) == [[2, 4, 4, 4]]
    assert q.decode([4, 1], vocabulary) == ["a", "<unknown>"]
    assert q.pad([[4, 3], [4, 4, 3]]).tolist() == [[4, 3, 0], [4, 4, 3]]
    assert q.pad([[3]], least=3).dtype == np.int32


def test_batches_hold_each_pair_once_and_little_padding():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 30, 1000)
    sources = [[k % 5 + 4] * n + [k + 10] for k, n in enumerate(lengths)]
    targets = [[2, k + 10] + [5] * n + [3] for k, n in enumerate(lengths)]
    seen, padding = [], []
    for source, told in q.batches(sources, targets, np.random.default_rng(1), size=50):
        assert len(source) == len(told) == 50
        names = source[np.arange(50), (source != 0).sum(axis=1) - 1]
        assert np.array_equal(names, told[:, 1])  # source and target of one pair
        seen.extend(names)
        padding.append(np.mean(told == 0))
    assert sorted(seen) == list(range(10, 1010))
    assert np.mean(padding) < 0.08
    first, again = (next(q.batches(sources, targets, np.random.default_rng(1), size=50)) for _ in range(2))
    assert np.array_equal(first[0], again[0])


def test_batches_that_cannot_be():
    with pytest.raises(ValueError, match=r"3 pairs do not fill a batch of 64"):
        next(q.batches(SOURCES, TARGETS, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"2 sources and 3 targets"):
        next(q.batches(SOURCES[:2], TARGETS, np.random.default_rng(0)))


def test_the_loss_is_that_of_keras_on_what_is_no_padding():
    rng = np.random.default_rng(0)
    told, logits = q.pad(TARGETS)[:, 1:], rng.normal(size=(3, 5, W)).astype(np.float32)
    counts = told != 0
    plain = keras.losses.sparse_categorical_crossentropy(told[counts], logits[counts], from_logits=True)
    assert float(q.loss_per_word(told, logits)) == pytest.approx(float(np.mean(plain)), rel=1e-5)
    once = np.eye(W, dtype=np.float32)[told[counts]]
    doubt = keras.losses.categorical_crossentropy(once, logits[counts], from_logits=True, label_smoothing=0.1)
    assert float(q.smoothed(told, logits)) == pytest.approx(float(np.mean(doubt)), rel=1e-5)
    wider = np.pad(told, [(0, 0), (0, 4)]), np.pad(logits, [(0, 0), (0, 4), (0, 0)], constant_values=7)
    assert float(q.smoothed(*wider)) == pytest.approx(float(q.smoothed(told, logits)), rel=1e-6)


def test_attention_is_what_its_equation_says_and_that_of_keras():
    rng = np.random.default_rng(0)
    s, h = rng.normal(size=(2, 4, 3)).astype(np.float32), rng.normal(size=(2, 5, 6)).astype(np.float32)
    mask = np.array([[True] * 5, [True, True, True, False, False]])
    layer = q.Attention()
    context, weights = map(np.asarray, layer(s, h, mask))
    W_a = np.asarray(layer.kernel)
    for n in range(2):
        for t in range(4):
            scores = np.array([s[n, t] @ W_a @ h[n, j] / 6**0.5 for j in range(5) if mask[n, j]])
            a = np.exp(scores) / np.exp(scores).sum()
            assert np.allclose(weights[n, t, mask[n]], a, atol=1e-6)
            assert np.allclose(context[n, t], a @ h[n, mask[n]], atol=1e-5)
    assert (weights[1, :, 3:] == 0).all()
    theirs, scores = keras.layers.Attention(use_scale=False)(
        [s @ W_a / 6**0.5, h], mask=[None, mask], return_attention_scores=True
    )
    assert np.allclose(context, theirs, atol=1e-5)
    assert np.allclose(weights, scores, atol=1e-6)


def test_attention_compiles_and_has_the_shapes_it_says():
    layer = q.Attention()
    s, h, mask = tf.ones((2, 4, 3)), tf.ones((2, 5, 6)), tf.ones((2, 5), tf.bool)
    plain = layer(s, h, mask)
    fused = tf.function(layer, jit_compile=True)(s, h, mask)
    for ours, theirs in zip(plain, fused, strict=True):
        assert np.allclose(ours, theirs, atol=1e-6)
    told = layer.compute_output_shape((None, 4, 3), (None, 5, 6), (None, 5))
    assert told == ((None, 4, 6), (None, 4, 5))


@BOTH
def test_padding_is_inert(attention):
    model, source, told = network(attention), q.pad(SOURCES), q.pad(TARGETS)[:, :-1]
    logits = model([source, told])
    assert logits.shape == (3, 5, W)
    wider = model([np.pad(source, [(0, 0), (0, 3)]), np.pad(told, [(0, 0), (0, 2)])])
    assert np.allclose(logits, wider[:, :5], atol=1e-5)


@BOTH
def test_every_word_of_the_source_counts(attention):
    model, source, told = network(attention), q.pad(SOURCES), q.pad(TARGETS)[:, :-1]
    for place in range(4):
        other = source.copy()
        other[0, place] = 8
        change = np.abs(np.asarray(model([other, told]) - model([source, told]))).max(axis=(1, 2))
        assert change[0] > 1e-6
        assert (change[1:] < 1e-6).all()


@BOTH
def test_later_words_do_not_reach_back(attention):
    model, source, told = network(attention), q.pad(SOURCES), q.pad(TARGETS)[:, :-1]
    other = told.copy()
    other[:, 3] = 6
    change = np.abs(np.asarray(model([source, other]) - model([source, told]))).max(axis=(0, 2))
    assert (change[:3] < 1e-6).all()
    assert change[3] > 1e-6


@BOTH
def test_a_step_at_a_time_is_the_same_as_all_at_once(attention):
    model, told = network(attention), q.pad(TARGETS)
    logits = np.asarray(model([q.pad(SOURCES), told[:, :-1]]))
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    step, state = q.stepper(model), q.begin(model, q.pad(SOURCES))
    for t in range(told.shape[1] - 1):
        now, state = step(told[:, t], state)
        assert np.allclose(now, log_p[:, t], atol=1e-5)
    assert q.stepper(model) is step


@BOTH
def test_what_is_written_is_in_the_order_of_the_sources_and_has_no_special_word(attention):
    model = network(attention)
    sources = SOURCES * 3
    together = q.write(model, sources, width=3, longest=7, size=4)
    alone = [q.write(model, [source], width=3, longest=7)[0] for source in sources]
    assert [one.tokens for one in together] == [one.tokens for one in alone]
    assert not {token for one in together for token in one.tokens} & {q.PAD, q.START, q.END, q.UNKNOWN}
    first = greedy(q.stepper(model), q.begin(model, q.pad(SOURCES)), [q.START] * 3, q.END, 7, q.NEVER)
    written = q.write(model, SOURCES, width=1, power=0.0, longest=7)
    assert [one.tokens for one in written] == [one.tokens for one in first]


def test_where_it_looks():
    model = network()
    weights = q.look_back(model, SOURCES[0], TARGETS[1])
    assert weights.shape == (5, 4)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)


@BOTH
def test_untrained_networks_find_all_words_alike(attention):
    assert abs(q.nats_per_word(network(attention), SOURCES, TARGETS, size=2) - np.log(W)) < 0.1


@BOTH
def test_the_loss_per_word_is_the_same_in_batches_of_any_size(attention):
    model, rng = network(attention), np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])  # words that cost unlike much
    by_size = [q.nats_per_word(model, SOURCES, TARGETS, size=size) for size in (1, 2, 3)]
    assert by_size == pytest.approx([by_size[0]] * 3, rel=1e-5)


@BOTH
def test_a_vector_of_another_size_and_saved_and_loaded(attention, tmp_path):
    model = network(attention, encoder_units=4)
    assert model.get_layer("h0").kernel.shape == (8, H)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    given = [q.pad(SOURCES), q.pad(TARGETS)[:, :-1]]
    assert np.allclose(model(given), loaded(given), atol=1e-6)
    written = [q.write(one, SOURCES, width=2, longest=5) for one in (model, loaded)]
    assert written[0] == written[1]


@BOTH
def test_it_learns_and_goes_on_where_it_stopped(attention, tmp_path):
    """Words backwards: each source of three words is to be said from its end."""
    rng = np.random.default_rng(0)
    texts = rng.integers(4, V, (16, 3)).tolist()
    sources, targets = [[*row, q.END] for row in texts], [[q.START, *row[::-1], q.END] for row in texts]
    model, kept = network(attention), tmp_path / "kept.npz"
    settings = {"rate": 0.05, "size": 8, "seed": 3, "eager": True}
    history = q.train(model, sources, targets, 3, validation=(sources[:8], targets[:8]), **settings)
    assert history[-1][1] < history[0][1]
    whole = model.get_weights()
    q.train(model, sources, targets, 3, path=kept, **settings)
    assert all(map(np.array_equal, whole, model.get_weights()))
    model.set_weights([0 * weight for weight in whole])
    again = q.train(model, sources, targets, 3, path=kept, **settings)  # nothing is left to do
    assert len(again) == 3
    assert all(map(np.array_equal, whole, model.get_weights()))


def test_as_many_parameters():
    wanted = network().count_params()
    units = q.units_for(wanted, V, W, attention=False, embedding=E)
    counts = [
        q.build(V, W, n, attention=False, embedding=E).count_params() for n in range(units - 1, units + 2)
    ]
    assert abs(counts[1] - wanted) == min(abs(count - wanted) for count in counts)


def test_a_model_that_was_trained_starts_again_from_new_weights():
    rng = np.random.default_rng(0)
    texts = rng.integers(4, V, (8, 3)).tolist()
    sources, targets = [[*row, q.END] for row in texts], [[q.START, *row, q.END] for row in texts]
    model, settings = network(dropout=0.2), {"rate": 0.05, "size": 8, "seed": 3, "eager": True}
    q.train(model, sources, targets, 1, **settings)
    first = model.get_weights()
    q.train(model, sources, targets, 1, **settings)
    assert all(map(np.array_equal, first, model.get_weights()))
    q.train(model, sources, targets, 1, **{**settings, "seed": 4})
    assert not all(map(np.array_equal, first, model.get_weights()))


def test_width_power_and_length_are_handed_to_the_search(monkeypatch):
    asked = []

    def search(step, state, first, end, longest, width, power, banned):
        asked.append((first, end, longest, width, power, banned))
        return [[k, "a worse one"] for k in state]

    stubs = {"beam_search": search, "stepper": lambda _: None, "begin": lambda _, source: source.tolist()}
    for name, stub in stubs.items():
        monkeypatch.setattr(q, name, stub)
    sources = [[7, 8, q.END], [5, q.END], [9, 9, q.END]]
    found = q.write(None, sources, width=3, power=0.7, longest=9, size=2)
    assert asked == [([q.START] * n, q.END, 9, 3, 0.7, q.NEVER) for n in (2, 1)]  # the shortest first
    assert found == [[7, 8, q.END], [5, q.END, q.PAD], [9, 9, q.END]]
    q.write(None, sources[:1])
    assert asked[-1][2:5] == (60, 5, 1.0)
