"""Reading and writing character by character."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from utils import characters

V, H = 5, 8


def network(seed: int = 0, dropout: float = 0.0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    ids, state = keras.Input((None,), dtype="int32"), keras.Input((H,))
    vectors = keras.layers.Embedding(V, 4)(ids)
    gru = keras.layers.GRU(H, return_sequences=True, return_state=True)
    h, new = gru(vectors, initial_state=state)
    return keras.Model([ids, state], [keras.layers.Dense(V)(keras.layers.Dropout(dropout)(h)), new])


@pytest.fixture(scope="module")
def net():
    return network()


TEXT = np.random.default_rng(0).integers(0, V, 900).astype("int32")


def test_streams_go_on_where_they_ended_and_targets_come_one_later():
    x, y = characters.streams(np.arange(33), rows=2, chunk=4)
    assert x.shape == y.shape == (4, 2, 4)
    np.testing.assert_array_equal(x[:, 0].ravel(), np.arange(16))
    np.testing.assert_array_equal(x[:, 1].ravel(), np.arange(16, 32))
    np.testing.assert_array_equal(y, x + 1)


def test_streams_say_how_much_text_they_need():
    assert len(characters.streams(np.arange(9), 2, 4)[0]) == 1
    with pytest.raises(ValueError, match=r"8 characters do not fill one batch .* 9 are needed"):
        characters.streams(np.arange(8), 2, 4)


def test_windows_overlap_by_the_character_that_is_not_predicted():
    cut = characters.windows(np.arange(10), 4)
    np.testing.assert_array_equal(cut, [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8]])
    with pytest.raises(ValueError, match="do not fill one window of 11"):
        characters.windows(np.arange(10), 10)


def test_the_loss_of_a_row_carries_its_state(net, monkeypatch):
    logits, _ = net([tf.constant(TEXT[None, :-1]), tf.zeros((1, H))])
    chances = np.exp(logits[0]) / np.exp(logits[0]).sum(axis=-1, keepdims=True)
    expected = -np.log(chances[np.arange(len(TEXT) - 1), TEXT[1:]])
    np.testing.assert_allclose(characters.nats(net, TEXT[None])[0], expected, rtol=1e-4)
    monkeypatch.setattr(characters, "PIECE", 7)  # in pieces, the state carried
    np.testing.assert_allclose(characters.nats(net, TEXT[None])[0], expected, rtol=1e-4)
    assert characters.nats(net, TEXT[:8].reshape(4, 2)).shape == (4, 1)
    with pytest.raises(ValueError, match="two characters or more"):
        characters.nats(net, TEXT[:1][None])


def test_it_learns_a_text_that_can_be_known():
    text, net = np.tile(np.arange(V), 200).astype("int32"), network()
    told = []
    records = characters.train(
        net, text[:800], text[800:], epochs=12, rows=4, chunk=10, rate=0.03,
        report=lambda epoch, record: told.append((epoch, *record)),
    )  # fmt: skip
    assert records[-1][1] < 0.2 < records[0][0]
    assert [epoch for epoch, *_ in told] == list(range(1, 13))
    assert [list(record) for _, *record in told] == records
    assert list(characters.write(net, text[:7], 6, temperature=0)[0]) == [2, 3, 4, 0, 1, 2]


def test_training_reads_on_where_it_stopped_unless_it_is_to_forget():
    x, y = characters.streams(TEXT, 4, 10)
    whole = np.concatenate([*x, y[-1][:, -1:]], axis=1)
    alone = np.concatenate([np.c_[a, b[:, -1:]] for a, b in zip(x, y, strict=True)])
    for forget, text in ((0.0, whole), (1.0, alone)):
        net = network()
        net.set_weights([3 * weights for weights in net.get_weights()])  # so that the state tells
        options = {"epochs": 1, "rows": 4, "chunk": 10, "rate": 0.0, "forget": forget}
        records = characters.train(net, TEXT, TEXT[:99], **options)
        assert records[0][0] == pytest.approx(characters.nats(net, text).mean(), rel=1e-5)
    assert net.optimizer.clipnorm == 1
    assert abs(characters.nats(net, whole).mean() / characters.nats(net, alone).mean() - 1) > 1e-4


def test_the_seconds_of_an_epoch_are_those_of_training_and_validation(monkeypatch):
    now = [0.0]

    def passes(seconds, answer=None):
        now[0] += seconds
        return answer

    monkeypatch.setattr(characters.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(characters, "nats", lambda *_: passes(5, np.ones(3)))
    options = {"epochs": 2, "rows": 4, "chunk": 10, "report": lambda *_: passes(1000)}
    records = characters.train(network(), TEXT, TEXT[:99], **options)
    assert [row[1:] for row in records] == [[1, 5]] * 2


def train_in_turns(path, stop_before=None, epochs=3):
    net = network(dropout=0.5)

    def report(epoch, record):
        if epoch == stop_before:
            raise KeyboardInterrupt

    options = {"epochs": epochs, "rows": 4, "chunk": 10, "forget": 0.3, "decay": 0.1}
    return net, characters.train(net, TEXT, TEXT[:99], kept=path, report=report, **options)


@pytest.mark.parametrize("stop", [1, 2])
def test_interrupted_after_any_epoch_it_ends_where_it_would_have(tmp_path, stop):
    straight, records = train_in_turns(tmp_path / "straight.npz")
    with pytest.raises(KeyboardInterrupt):
        train_in_turns(tmp_path / "kept.npz", stop)
    resumed, again = train_in_turns(tmp_path / "kept.npz")
    np.testing.assert_allclose(np.array(again)[:, :2], np.array(records)[:, :2], rtol=1e-5)
    for one, other in zip(straight.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    _net, once_more = train_in_turns(tmp_path / "kept.npz")  # nothing is trained, the seconds stay
    assert once_more == again


def test_a_short_validation_text_is_read_in_fewer_streams(net):
    characters.train(network(), TEXT, TEXT[:5], epochs=1, rows=8, chunk=10)
    with pytest.raises(ValueError, match="81 are needed"):
        characters.train(network(), TEXT[:80], TEXT, epochs=1, rows=8, chunk=10)


ODDS = np.log([[8.0, 4.0, 2.0, 1.0, 1.0]])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [8 / 16, 4 / 16, 2 / 16, 1 / 16, 1 / 16]),
        ({"temperature": 0.5}, [64 / 86, 16 / 86, 4 / 86, 1 / 86, 1 / 86]),
        ({"temperature": 0}, [1, 0, 0, 0, 0]),
        ({"top_k": 2}, [2 / 3, 1 / 3, 0, 0, 0]),
        ({"top_k": 99}, [8 / 16, 4 / 16, 2 / 16, 1 / 16, 1 / 16]),
        ({"nucleus": 0.75}, [2 / 3, 1 / 3, 0, 0, 0]),
        ({"nucleus": 0.8}, [8 / 14, 4 / 14, 2 / 14, 0, 0]),
        ({"nucleus": 1}, [8 / 16, 4 / 16, 2 / 16, 1 / 16, 1 / 16]),
    ],
)
def test_probabilities_to_draw_from(settings, expected):
    np.testing.assert_allclose(characters.distribution(ODDS, **settings)[0], expected, atol=1e-9)


@pytest.mark.parametrize(
    "settings", [{"temperature": -1}, {"temperature": np.nan}, {"top_k": 0}, {"nucleus": 0}, {"nucleus": 1.5}]
)
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(ValueError, match="it must be"):
        characters.distribution(ODDS, **settings)


def test_writing_feeds_back_what_was_drawn(net):
    written = characters.write(net, TEXT[:5], 20, seed=3)[0]
    rng, so_far = np.random.default_rng(3), list(TEXT[:5])
    for _ in range(20):  # without any state carried: all is read again for each character
        logits, _ = net([tf.constant([so_far], tf.int32), tf.zeros((1, H))])
        chances = characters.distribution(logits[:, -1])[0].cumsum()
        so_far.append(int((rng.random() * chances[-1] >= chances).sum()))
    assert list(written) == so_far[5:]
    assert characters.write(net, TEXT[:2], 7, rows=3).shape == (3, 7)
    with pytest.raises(ValueError, match="prompt is empty"):
        characters.write(net, [], 3)


def test_characters_are_drawn_as_often_as_they_are_likely(net):
    logits, _ = net([tf.constant(TEXT[None, :5]), tf.zeros((1, H))])
    drawn = characters.write(net, TEXT[:5], 1, rows=4000)[:, 0]
    shares = np.bincount(drawn, minlength=V) / 4000
    np.testing.assert_allclose(shares, characters.distribution(logits[:, -1])[0], atol=0.03)


@pytest.mark.parametrize("chunk", [5, 13])
def test_two_evaluations_of_one_loss_agree(chunk):
    """Ours, the state carried by hand, and Keras' `evaluate` of a stateful layer on the chunks in order."""
    keras.utils.set_random_seed(3)
    rows, units = 2, 7
    x, y = characters.streams(TEXT[: 1 + rows * 4 * chunk], rows, chunk)
    ids, state = keras.Input((None,), dtype="int32"), keras.Input((units,))
    embedding, dense = keras.layers.Embedding(V, 4), keras.layers.Dense(V)
    gru = keras.layers.GRU(units, return_sequences=True, return_state=True)
    h, new = gru(embedding(ids), initial_state=state)
    ours = keras.Model([ids, state], [dense(h), new])
    carried = keras.layers.GRU(units, return_sequences=True, stateful=True)
    inputs = keras.Input(batch_shape=(rows, chunk), dtype="int32")
    theirs = keras.Model(inputs, dense(carried(embedding(inputs))))
    gru.set_weights([3 * weights for weights in gru.get_weights()])  # so that the state tells
    carried.set_weights(gru.get_weights())
    theirs.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    by_keras = theirs.evaluate(x.reshape(-1, chunk), y.reshape(-1, chunk), batch_size=rows, verbose=0)
    held_out = np.concatenate([*x, y[-1][:, -1:]], axis=1)
    assert characters.nats(ours, held_out).mean() == pytest.approx(by_keras, rel=1e-5)
    alone = np.mean([characters.nats(ours, np.c_[a, b[:, -1:]]).mean() for a, b in zip(x, y, strict=True)])
    assert abs(alone - by_keras) > 1e-4  # without the state it is another loss


def test_what_a_text_must_have():
    assert characters.needed(64, 256) == 18_206  # nine tenths of it are 16,385 characters: one batch
    assert characters.needed(2, 4) == 2570  # a tenth of it are 257: one window
    assert characters.needed(64, 256, at_most=18_206) == 18_206
    with pytest.raises(ValueError, match="READ is 18,205; 64 streams of 256 characters need 18,206 at least"):
        characters.needed(64, 256, at_most=18_205)


def test_a_prompt_that_the_text_does_not_know(capsys):
    assert characters.usable("be not", "to be or not to be") == "be not"
    assert capsys.readouterr().out == ""
    assert characters.usable("ROMEO", "to be or not to be") == "to be or not to be"
    assert "the text has no ['E', 'M', 'O', 'R']" in capsys.readouterr().out
    assert characters.usable("", "to be") == "to be"
    assert "it was empty" in capsys.readouterr().out


def test_text_on_one_line():
    assert characters.one_line("ROMEO:\nWhat") == "ROMEO:↵What"
