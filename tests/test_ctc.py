"""CTC against all paths, Keras and autodiff; decoding against all texts; networks that listen; errors."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from utils import ctc, seq2seq, sound, speech


def random_log_p(frames, symbols, seed=0, sharp=1.5):
    return speech.log_softmax(np.random.default_rng(seed).normal(0, sharp, (frames, symbols)))


def all_texts(log_p):
    """Every text and its log-probability, by adding up every path."""
    frames, symbols = log_p.shape
    found = {}
    for path in itertools.product(range(symbols), repeat=frames):
        text = tuple(ctc.collapse(path))
        nats = sum(log_p[t, k] for t, k in enumerate(path))
        found[text] = np.logaddexp(found.get(text, -np.inf), nats)
    return found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([0, 1, 1, 0, 2], [1, 2]),
        ([1, 0, 1], [1, 1]),
        ([1, 1, 1], [1]),
        ([0, 0], []),
        ([], []),
        ([2, 1, 0, 1], [2, 1, 1]),
    ],
)
def test_runs_become_one_and_blanks_are_dropped(path, text):
    assert ctc.collapse(path) == text
    assert ctc.collapse(np.array(path, int)) == text


def test_the_forward_sum_is_that_of_all_paths():
    log_p = random_log_p(5, 3)
    texts = all_texts(log_p)
    assert len(texts) > 20
    for text, nats in texts.items():
        assert ctc.log_likelihood(log_p, text) == pytest.approx(nats)
    assert ctc.log_likelihood(log_p, (1, 1, 1, 1)) == -np.inf  # it needs seven frames
    assert np.exp(np.logaddexp.reduce(list(texts.values()))) == pytest.approx(1)


@pytest.mark.parametrize("text", [[1, 2, 1], [1, 1], [2], [3, 3, 1, 1]])
def test_the_loss_is_that_of_keras(text):
    logits = np.random.default_rng(1).normal(0, 1, (1, 9, 4)).astype("float32")
    ours = -ctc.log_likelihood(speech.log_softmax(logits[0].astype(float)), text)
    assert float(ctc.loss(np.array([text]), logits)) == pytest.approx(ours, rel=1e-5)
    assert float(keras.losses.CTC()(np.array([text]), logits)) == pytest.approx(ours, rel=1e-5)


def test_the_gradient_is_softmax_less_posterior():
    text = [1, 2, 2]
    logits = tf.constant(np.random.default_rng(2).normal(0, 1, (1, 8, 4)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = ctc.loss(np.array([text]), logits)
    log_p = speech.log_softmax(logits.numpy()[0].astype(float))
    found = ctc.posterior(log_p, text)
    assert found.shape == (8, 7)
    assert found.sum(axis=1) == pytest.approx(1)
    given = np.zeros((8, 4))
    np.add.at(given.T, ctc.with_blanks(text), found.T)
    assert np.exp(log_p) - given == pytest.approx(tape.gradient(loss, logits).numpy()[0], abs=1e-5)


def test_a_text_without_room_is_named():
    assert ctc.frames_needed([1, 1, 2]) == 4
    ctc.require_room([[1, 1, 2], []], [4, 0])
    with pytest.raises(ValueError, match="Text 1 has 3 symbols and needs 4 frames, but its sound gives 3"):
        ctc.require_room([[1], [1, 1, 2]], [1, 3])
    with pytest.raises(ValueError, match="needs 4 frames"):
        ctc.posterior(random_log_p(3, 3), [1, 1, 2])


def test_a_wide_beam_finds_what_adding_up_all_paths_finds():
    for seed in range(5):
        log_p = random_log_p(5, 3, seed)
        right = sorted(all_texts(log_p).items(), key=lambda one: -one[1])
        found = ctc.beam(log_p, 1000, 0.0)
        assert [text for text, _ in found[:10]] == [text for text, _ in right[:10]]
        assert [nats for _, nats in found] == pytest.approx([nats for _, nats in right])


def test_a_beam_adds_up_paths_where_greedy_takes_one():
    log_p = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert ctc.greedy(log_p[None]) == [[]]
    best, nats = ctc.beam(log_p)[0]
    assert best == (1,)
    assert np.exp(nats) == pytest.approx(0.64)
    assert len(ctc.beam(log_p, 1)) == 1


def test_spikes_are_the_symbols_of_the_likeliest_path_and_where_it_says_them():
    logits = np.full((7, 3), 0.0)
    logits[:, 0] = 1
    logits[1:3, 2], logits[4, 1], logits[5:7, 2] = (3, 5), 4, (4, 3)
    found = ctc.spikes(logits)
    assert [one.symbol for one in found] == ctc.greedy(logits[None])[0] == [2, 1, 2]
    assert [(one.begin, one.end, one.peak) for one in found] == [(1, 3, 2), (4, 5, 4), (5, 7, 5)]
    assert ctc.spikes(logits[:1]) == []


def test_slopes_of_a_line_and_stacked_frames():
    frames = np.arange(20.0)[:, None] * [1, 3]
    more = speech.with_deltas(frames)
    assert more.shape == (20, 6)
    assert more[4:-4, 2:] == pytest.approx(np.tile([1, 3, 0, 0], (12, 1)))
    three = speech.stacked(frames[:8], 3)
    assert three.shape == (3, 6)
    assert three[0].tolist() == [0, 0, 1, 3, 2, 6]
    assert three[2].tolist() == [6, 18, 7, 21, 7, 21]
    assert speech.stacked(frames, 1) == pytest.approx(frames)


def test_speed_and_masks_change_what_they_say_and_no_more():
    frames = np.arange(101.0)[:, None].astype("float32")
    fast, slow = speech.faster(frames, 1.25), speech.faster(frames, 0.8)
    assert (len(fast), len(slow)) == (81, 126)
    assert fast.dtype == np.float32
    assert fast[:3, 0] == pytest.approx([0, 1.25, 2.5])
    assert slow[-1, 0] == pytest.approx(100)
    rng, whole = np.random.default_rng(0), np.ones((200, 39), "float32")
    shares = [float((speech.masked(whole, rng) == 0).mean()) for _ in range(200)]
    assert min(shares) >= 0
    assert 0.05 < np.mean(shares) < 0.2
    assert max(shares) < 2 * 0.08 + 2 / 39 + 1e-6
    assert whole.min() == 1


def test_each_recording_has_mean_0_and_variance_1():
    frames = speech.normalised(np.random.default_rng(0).normal(3, 5, (50, 4)))
    assert frames.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert frames.std(axis=0) == pytest.approx(1, abs=1e-4)
    assert np.isfinite(speech.normalised(np.ones((5, 2)))).all()


def test_letters_as_numbers_and_back():
    assert speech.encode("A BE") == [2, 1, 3, 6]
    assert speech.decode([2, 1, 3, 6]) == "A BE"
    assert speech.decode(speech.encode("0971", speech.DIGITS), speech.DIGITS) == "0971"
    with pytest.raises(ValueError, match="The alphabet has no 'É'"):
        speech.encode("CAFÉ")


def ready(frames, rng):
    return frames


def test_batches_hold_recordings_of_like_length_with_their_texts():
    frames = [np.full((3 + k, 2), k, "float32") for k in range(20)]
    texts = [[k + 1] * (1 + k % 3) for k in range(20)]
    seen = []
    for (heard, counts), told in speech.batches(frames, texts, np.random.default_rng(0), 4, ready):
        assert heard.shape[0] == len(counts) == len(told) == 4
        assert heard.shape[1] in speech.LENGTHS
        assert counts.max() - counts.min() <= 4
        for row, count, text in zip(heard, counts, told, strict=True):
            k = count - 3
            assert (row[:count] == k).all()
            assert not row[count:].any()
            assert text[text > 0].tolist() == texts[k]
            seen.append(int(k))
    assert sorted(seen) == list(range(20))
    with pytest.raises(ValueError, match="20 recordings and 19 texts"):
        next(speech.batches(frames, texts[1:], np.random.default_rng(0), 4, ready))
    with pytest.raises(ValueError, match="do not fill a batch of 21"):
        next(speech.batches(frames, texts, np.random.default_rng(0), 21, ready))


def some_frames(count=3, features=6):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(9 + 3 * k, features)).astype("float32") for k in range(count)]


def test_padding_changes_neither_loss_nor_text(tmp_path):
    keras.utils.set_random_seed(0)
    model = speech.listener(6, 5, 4, depth=2, dense=7, lstm=keras.layers.LSTM)
    heard, counts = speech.pad(some_frames())
    texts = np.array([[1, 2, 0], [3, 3, 4], [4, 0, 0]])
    longer = np.pad(heard, ((0, 0), (0, 11), (0, 0)), constant_values=7.0)
    logits, more = model([heard, counts]), model([longer, counts])
    assert float(ctc.loss(texts, logits)) == pytest.approx(float(ctc.loss(texts, more)), abs=1e-4)
    assert ctc.greedy(np.asarray(logits)) == ctc.greedy(np.asarray(more))
    each = [
        -ctc.log_likelihood(speech.log_softmax(np.asarray(row)[:count].astype(float)), [s for s in text if s])
        for row, count, text in zip(logits, counts, texts, strict=True)
    ]
    assert float(ctc.loss(texts, more)) == pytest.approx(np.mean(each), abs=1e-3)
    model.save(tmp_path / "listener.keras")
    again = keras.saving.load_model(tmp_path / "listener.keras", compile=False)
    assert np.asarray(again([heard, counts])) == pytest.approx(np.asarray(logits), abs=1e-5)


def test_logits_come_in_the_order_of_the_recordings():
    keras.utils.set_random_seed(0)
    model, frames = speech.listener(6, 5, 4, depth=1, lstm=keras.layers.LSTM), some_frames(5)[::-1]
    found = speech.logits_of(model, frames, ready, size=2)
    assert [len(one) for one in found] == [len(one) for one in frames]
    alone = np.asarray(model([frames[0][None], np.array([len(frames[0])])]))[0]
    assert found[0] == pytest.approx(alone, abs=1e-5)


@pytest.fixture(scope="module")
def writer():
    keras.utils.set_random_seed(0)
    return speech.speller(6, 9, 8, floors=2, embedding=5, lstm=keras.layers.LSTM)


def test_a_speller_hears_the_same_with_more_padding(writer):
    heard, counts = speech.pad(some_frames())
    told = np.array([[2, 4, 5], [2, 6, 0], [2, 8, 4]])
    longer = np.pad(heard, ((0, 0), (0, 16), (0, 0)), constant_values=7.0)
    assert np.asarray(writer([heard, counts, told])) == pytest.approx(
        np.asarray(writer([longer, counts, told])), abs=1e-5
    )


def test_a_step_at_a_time_a_speller_says_what_it_says_at_once(writer):
    frames, told = some_frames(), np.array([[2, 4, 5, 7]] * 3)
    heard, counts = speech.pad(frames)
    at_once = speech.log_softmax(np.asarray(writer([heard, counts, told])))
    step, state = seq2seq.stepper(writer), speech.begin(writer, heard, counts)
    for t in range(4):
        log_p, state = step(told[:, t], state)
        assert np.asarray(log_p) == pytest.approx(at_once[:, t], abs=1e-4)
    weights = speech.looks(writer, frames[1], [2, 4, 5, 7])
    assert weights.shape == (3, 3)  # twelve frames, halved twice
    assert weights.sum(axis=1) == pytest.approx(1, abs=1e-5)
    said = speech.spell(writer, frames, ready, longest=5)
    alone = speech.spell(writer, frames[2:], ready, longest=5)[0]
    assert said[2].tokens == alone.tokens


def test_both_networks_learn_which_half_is_loud():
    rng = np.random.default_rng(0)
    order = rng.integers(2, size=64)
    frames = [np.repeat([[k, 1 - k], [1 - k, k]], 6, axis=0) + rng.normal(0, 0.1, (12, 2)) for k in order]
    frames = [one.astype("float32") for one in frames]
    texts = [[1, 2] if k else [2, 1] for k in order]
    model = speech.listener(2, 3, 8, depth=1)
    speech.train(model, frames, texts, 80, 3e-2, ready=ready, size=16)
    assert [ctc.greedy(one[None])[0] for one in speech.logits_of(model, frames[:8], ready)] == texts[:8]
    with pytest.raises(ValueError, match="Text 0 has 13 symbols"):
        speech.train(model, frames, [[1, 2] * 6 + [1]] * 64, 1, 1e-2, ready=ready)
    writer = speech.speller(2, 6, 24, floors=1, embedding=16)
    told = [[2, *(k + 3 for k in text), 3] for text in texts]
    speech.train(writer, frames, told, 40, 1e-2, ready=ready, size=8)
    assert [list(one.tokens) for one in speech.spell(writer, frames[:8], ready, longest=4)] == [
        one[1:-1] for one in told[:8]
    ]


def test_errors_of_known_texts():
    said, heard = ["GO ONE TWO", "YES"], ["GO TWO TWO TWO", "YES"]
    assert speech.word_errors(said, heard) == pytest.approx(100 * 2 / 4)  # one other, one too many, of four
    assert speech.letter_errors(["ABCD", "EF"], ["ABD", "EFG"]) == pytest.approx(100 * 2 / 6)
    assert speech.word_errors(["A B"], [""]) == 100
    each = speech.errors_each(said, heard)
    assert each.tolist() == [[2, 3], [0, 1]]
    each = speech.errors_each(["ABCD", "EF"], ["ABD", ""], letters=True)
    assert each.tolist() == [[1, 4], [2, 2]]


@pytest.mark.parametrize(
    ("rate", "time", "count"), [(8000, 4000, 3), (8000, 256, 3), (8000, 496, 2), (16_000, 9000, 1)]
)
def test_a_layer_hears_what_numpy_hears(rate, time, count):
    samples = np.random.default_rng(0).normal(0, 3000, (2, time)).astype(np.int16)
    layer = speech.Spectrum.from_config(speech.Spectrum(rate, count).get_config())
    frames = [speech.stacked(speech.normalised(sound.log_mel(one, rate)), count) for one in samples]
    assert np.allclose(layer(samples), frames, atol=1e-3)
    assert layer.compute_output_spec(keras.KerasTensor((2, None), "int16")).shape == (2, None, 32 * count)
