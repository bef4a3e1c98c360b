"""Known answers for reviews as numbers, their batches, and the layers that read them."""

import numpy as np
import pytest

from utils import reviews as r

keras = pytest.importorskip("keras")

TEXTS = ["It was GOOD.<br /><br />Don\u2019t go!", "It was not good, it was bad."]


def test_simplify_splits_marks_and_endings() -> None:
    said = [text.decode() for text in r.simplify(["Wasn't GOOD.<br />It\u2019s 7/10!"]).numpy()]
    assert said[0].split() == ["[START]", "was", "n_t", "good", ".", "it", "_s", "7", "10", "!"]


def test_encode_pads_at_the_right_and_cuts_the_middle() -> None:
    vectorize = r.word_list(TEXTS, 30)
    words = vectorize.get_vocabulary()
    rows = r.encode([*TEXTS, ""], vectorize, 16)
    assert rows.shape == (3, 16)
    assert rows.dtype == np.int32
    assert r.is_right_padded(rows)
    assert [words[i] for i in rows[0] if i][:4] == ["[START]", "it", "was", "good"]
    assert [words[i] for i in rows[2] if i] == ["[START]"]
    whole = rows[1][rows[1] != 0]
    assert r.encode(TEXTS, vectorize, 8)[1].tolist() == [*whole[:2], *whole[-6:]]
    assert r.encode(["zxqvy"], vectorize, 4).tolist() == [
        [vectorize.get_vocabulary().index("[START]"), 1, 0, 0]
    ]


def test_batches_hold_each_review_once_with_its_label() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 150, 200)
    ids = np.arange(150) < lengths[:, None]
    ids = (ids * np.arange(1, 201)[:, None]).astype(np.int32)  # a review's words are all its number
    labels = (np.arange(200) % 3 == 0).astype(np.int8)
    made = list(r.batches(ids, labels, np.random.default_rng(1)))
    found = np.concatenate([x[:, 0] for x, _ in made])
    assert len(made) == 3
    assert len(set(found)) == 192
    for x, y in made:
        assert x.shape[1] in (64, 128, 150)
        assert r.is_right_padded(x)
        assert (y[:, 0] == labels[x[:, 0] - 1]).all()
        assert (np.count_nonzero(x, axis=1) == lengths[x[:, 0] - 1]).all()


def test_what_does_not_fill_a_batch_is_drawn_anew_and_not_the_longest() -> None:
    lengths = np.arange(1, 101)
    ids = np.where(np.arange(100) < lengths[:, None], lengths[:, None], 0)
    left = []
    for seed in range(20):
        read = {int(k) for x, _ in r.batches(ids, lengths % 2, np.random.default_rng(seed)) for k in x[:, 0]}
        left.append(set(lengths.tolist()) - read)
    assert all(len(numbers) == 36 for numbers in left)
    assert 40 < np.mean([np.mean(list(numbers)) for numbers in left]) < 61


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (np.ones((3, 4), int), "do not fill a batch"),
        (np.array([[0, 5]] * 64), "at the right"),
        (np.array([[5, 3]] * 63 + [[0, 0]]), "no review empty"),
    ],
)
def test_batches_refuse(ids: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        next(r.batches(ids, np.zeros(len(ids)), np.random.default_rng(0)))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_mean_and_maximum_leave_padding_out(dtype: str) -> None:
    states = np.array([[[1.0, -2], [3, -4], [90, 90]], [[-1, -5], [-90, 90], [90, 90]]])
    mask = np.array([[True, True, False], [True, False, False]])
    pool = r.MeanMax(dtype=dtype)
    found = keras.ops.convert_to_numpy(keras.ops.cast(pool(states, mask=mask), "float32"))
    assert found.tolist() == [[2, -3, 3, -2], [-1, -5, -1, -5]]
    whole = keras.ops.convert_to_numpy(keras.ops.cast(pool(states[:1, :2]), "float32"))
    assert whole.tolist() == found[:1].tolist()


def test_hidden_words_in_training_only() -> None:
    ids = np.array([9 * [7] + [0]] * 1000)
    hide = r.HideWords(0.3)
    hidden = np.array(hide(ids, training=True))
    assert np.array_equal(hide(ids), ids)
    assert (hidden[:, 9] == 0).all()
    assert abs(np.mean(hidden[:, :9] == 1) - 0.3) < 0.02
    assert set(np.unique(hidden)) == {0, 1, 7}


def test_pair_numbers_know_the_order() -> None:
    rows = np.array([[5, 7, 5, 7, 0], [7, 5, 0, 0, 0]])
    one, other = np.array(r.pair_numbers(rows, 1000))
    assert one[0] == one[2]
    assert one[1] == other[0] != one[0]
    assert one[3] == one[4] == other[1] == 0
    assert (one[:3] > 0).all()
    large = np.array(r.pair_numbers(np.full((1, 3), 70_000, np.int32), 1000))  # overflows, and stays a number
    assert 0 < large[0, 0] < 1000


def test_a_bag_counts_each_word_once_in_any_order() -> None:
    bag = r.Bag(words=20)
    bag.build((None, None))
    bag.set_weights([np.arange(20.0)[:, None], np.array([0.5])])
    found = np.array(bag(np.array([[5, 7, 5, 0], [7, 5, 0, 0], [3, 0, 0, 0]])))
    assert found.tolist() == [[12.5], [12.5], [3.5]]


def test_a_bag_of_pairs_tells_orders_apart_by_pairs_alone() -> None:
    bag = r.Bag(words=20, pairs=1000)
    bag.build((None, None))
    pair = int(np.array(r.pair_numbers(np.array([[5, 7]]), 1000))[0, 0])
    table = np.zeros((1020, 1))
    table[20 + pair] = 2
    bag.set_weights([table, np.zeros(1)])
    assert np.array(bag(np.array([[5, 7, 0], [7, 5, 0], [5, 3, 7]])))[:, 0].tolist() == [2, 0, 0]


def network() -> "keras.Model":
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None,), dtype="int32")
    words = r.HideWords(0.2)(inputs)
    vectors = keras.layers.Embedding(30, 4, mask_zero=True)(words)
    logit = keras.layers.Dense(1)(r.MeanMax()(vectors))
    return keras.Model(inputs, keras.layers.Add()([logit, r.Bag(30, 50, hide=0.2)(inputs)]))


def reviews(count: int = 192) -> tuple[np.ndarray, np.ndarray]:
    """Reviews of which those with word 3 are positive."""
    rng = np.random.default_rng(0)
    ids = rng.integers(4, 30, (count, 12)).astype(np.int32) * (
        np.arange(12) < rng.integers(2, 13, (count, 1))
    )
    labels = rng.integers(0, 2, count)
    ids[labels == 1, 0] = 3
    return ids, labels


def test_training_learns_and_is_resumed_after_every_epoch(tmp_path) -> None:
    ids, labels = reviews()
    rows = r.train(model := network(), ids, labels, 4, 0.05, validation=(ids, labels))
    assert rows[-1][0] < rows[0][0]
    assert rows[-1][2] > 0.95
    assert rows[-1][1] == pytest.approx(r.cross_entropy(r.predict(model, ids), labels))

    class Killed(Exception):
        pass

    def kill(epoch: int, row: list[float]) -> None:
        raise Killed

    path = tmp_path / "kept.npz"
    for _ in range(4):
        with pytest.raises(Killed):
            r.train(network(), ids, labels, 4, 0.05, validation=(ids, labels), path=path, report=kill)
    other = network()
    again = r.train(other, ids, labels, 4, 0.05, validation=(ids, labels), path=path, report=kill)
    assert [row[:3] for row in again] == [pytest.approx(row[:3]) for row in rows]
    assert np.allclose(r.predict(model, ids), r.predict(other, ids), atol=1e-5)


def test_training_takes_another_order_in_each_epoch_and_clips(monkeypatch) -> None:
    ids, labels = reviews()
    orders, batches = [], r.batches

    def noted(*given: object) -> object:
        made = list(batches(*given))
        orders.append(np.concatenate([numbers.sum(axis=1) for numbers, _ in made]).tolist())
        return made

    monkeypatch.setattr(r, "batches", noted)
    for seed in (0, 0, 1):
        r.train(model := network(), ids, labels, 2, 0.05, seed=seed, eager=True)
    assert orders[:2] == orders[2:4]
    assert len({tuple(order) for order in orders}) == 4
    assert model.optimizer.clipnorm == 1


def test_the_rate_has_fallen_at_the_end_of_training() -> None:
    ids, labels = reviews()
    for epochs in (1, 3):
        r.train(model := network(), ids, labels, epochs, 0.05, eager=True)
        assert float(model.optimizer.learning_rate) == pytest.approx(0.05 * 0.02, rel=1e-3)


def test_what_stands_beside_a_review_does_not_matter_and_the_file_is_the_same(tmp_path) -> None:
    ids, labels = reviews()
    r.train(model := network(), ids, labels, 1, 0.05)
    alone = r.predict(model, ids[:1, : np.count_nonzero(ids[0])])
    assert alone == pytest.approx(r.predict(model, np.pad(ids, [(0, 0), (0, 9)]))[:1], abs=1e-5)
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert np.allclose(r.predict(loaded, ids), r.predict(model, ids))


def test_measures() -> None:
    logits, labels = np.array([2.0, -1.0, 0.0, 3.0]), np.array([1, 0, 1, 0])
    assert r.accuracy(logits, labels) == 0.5
    assert r.cross_entropy(np.zeros(4), labels) == pytest.approx(np.log(2))
    assert r.cross_entropy(np.array([2.0]), np.array([0])) == pytest.approx(np.log(1 + np.exp(2)))
