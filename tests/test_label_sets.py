"""Label sets: orders, likelihoods that add up to 1, decoding without repeats, and the scores of papers."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from utils import captions, labels
from utils.decoding import Hypothesis

WORDS = ("bear", "sky", "sun", "tree")
TOLD = (("sky", "tree"), ("tree",), ("sky", "bear", "tree"), ())
RNG = np.random.default_rng(0)
SETS = np.array(list(itertools.product((False, True), repeat=4)))


def test_labels_as_a_matrix_and_back():
    matrix = labels.as_matrix([*TOLD, ("sky", "unknown")], WORDS)
    assert matrix.dtype == bool
    assert [[WORDS[k] for k in np.flatnonzero(row)] for row in matrix] == [
        ["sky", "tree"], ["tree"], ["bear", "sky", "tree"], [], ["sky"],
    ]  # fmt: skip


def test_orders_of_labels():
    frequent = labels.ranks(TOLD, WORDS, "frequent first")
    assert [WORDS[k] for k in np.argsort(frequent)] == ["tree", "sky", "bear", "sun"]
    assert labels.ranks(TOLD, WORDS, "rare first").tolist() == (3 - frequent).tolist()
    random = labels.ranks(TOLD, WORDS, "random", seed=1)
    assert sorted(random) == [0, 1, 2, 3]
    assert random.tolist() == labels.ranks((), WORDS, "random", seed=1).tolist()
    with pytest.raises(ValueError, match="'any' is no order of labels; they are frequent first"):
        labels.ranks(TOLD, WORDS, "any")


def test_sequences_follow_the_order():
    matrix = labels.as_matrix(TOLD, WORDS)
    frequent = labels.sequences(matrix, labels.ranks(TOLD, WORDS, "frequent first"))
    assert frequent == [[[1, 7, 5, 2]], [[1, 7, 2]], [[1, 7, 5, 4, 2]], [[1, 2]]]
    own = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [3, 2, 1, 0], [0, 1, 2, 3]])
    assert labels.sequences(matrix, own)[0] == [[1, 5, 7, 2]]
    assert labels.sequences(matrix, own)[2] == [[1, 7, 5, 4, 2]]


@pytest.fixture(params=[(0, layers.LSTM), (5, layers.SimpleRNN)])
def model(request):
    keras.utils.set_random_seed(0)
    hidden, cell = request.param
    made = labels.chain(3, 4, 6, embedding=5, hidden=hidden, cell=cell)
    for variable in made.trainable_variables:  # so that it has opinions
        variable.assign(RNG.normal(size=variable.shape) * 0.8)
    return made


V = RNG.normal(size=(2, 3)).astype(np.float32)


@pytest.mark.parametrize("order", labels.ORDERS)
def test_the_chances_of_all_sets_add_up_to_1(order, model):
    rank = labels.ranks(TOLD, WORDS, order)
    for v in V:
        nats = labels.chain_nats(model, np.repeat(v[None], len(SETS), axis=0), SETS, rank)
        assert np.exp(-nats).sum() == pytest.approx(1, rel=1e-5)
        assert np.isfinite(nats).all()


def test_what_a_set_costs_is_the_sum_of_its_steps(model):
    rank = np.array([2, 0, 3, 1])  # sky, tree, bear, sun
    scores = np.float64(model.predict([V[:1], np.array([[1, 5, 4]])], verbose=0)[0])

    def log_p(step, number, allowed):
        return scores[step, number] - np.log(np.exp(scores[step, allowed]).sum())

    expected = log_p(0, 5, [4, 5, 6, 7, 2]) + log_p(1, 4, [4, 6, 7, 2]) + log_p(2, 2, [6, 2])
    nats = labels.chain_nats(model, V[:1], np.array([[True, True, False, False]]), rank)
    assert nats == pytest.approx([-expected], rel=1e-5)


def test_steps_are_those_of_the_model_without_what_has_come(model):
    step, state = labels.stepper(model), labels.begin(model, V)
    so_far = np.array([[1, 5, 4], [1, 7, 6]])
    scores = np.float64(model.predict([V, so_far], verbose=0))
    for t in range(3):
        log_p, state = step(so_far[:, t].astype(np.int32), state)
        barred = [[0, 1, 3, *row[1 : t + 1]] for row in so_far.tolist()]
        for row, these, out in zip(scores[:, t], barred, np.asarray(log_p), strict=True):
            allowed = [k for k in range(8) if k not in these]
            assert np.exp(out[these]).max() == 0
            assert np.allclose(out[allowed], row[allowed] - np.log(np.exp(row[allowed]).sum()), atol=1e-4)


def test_a_beam_writes_no_label_twice_unless_it_may(model):
    model.get_layer("words").bias.assign([0, 0, -9, 0, 9, 0, 0, 0])  # the bear, always
    assert labels.write(model, V, width=1, longest=5, repeats=True)[0][0].tokens == (4,) * 5
    for found in labels.write(model, V, width=3, longest=5):
        for one in found:
            assert len(set(one.tokens)) == len(one.tokens) <= 5
            assert set(one.tokens) <= {4, 5, 6, 7}
    wide = labels.write(model, V[:1], width=100, longest=5)[0]
    assert len(wide) == sum(len(list(itertools.permutations(range(4), n))) for n in range(5))
    assert sum(np.exp(one.log_probability) for one in wide) == pytest.approx(1, rel=1e-4)


def test_marginals_are_shares_of_what_the_beam_found():
    found = [
        [Hypothesis((4, 5), np.log(0.3), True), Hypothesis((5,), np.log(0.1), True)],
        [Hypothesis((), 0, True)],
    ]
    assert np.allclose(labels.marginals(found, 4), [[0.75, 1, 0, 0], [0, 0, 0, 0]])


def test_independent_labels_cost_the_sum_of_theirs():
    logits = RNG.normal(size=(1, 4))
    p = 1 / (1 + np.exp(-logits[0]))
    nats = labels.independent_nats(np.repeat(logits, 16, axis=0), SETS)
    assert np.allclose(nats, [-np.log(np.where(row, p, 1 - p)).sum() for row in SETS])
    assert labels.independent_nats(np.array([[900.0, -900]]), np.array([[False, True]]))[0] == 1800


def test_with_the_count_known_sets_of_one_size_share_its_chance():
    logits, counts = RNG.normal(size=(1, 4)), np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    p = np.exp(-labels.given_count_nats(np.repeat(logits, 16, axis=0), SETS, counts))
    for size, share in enumerate(counts):
        assert p[SETS.sum(axis=1) == size].sum() == pytest.approx(share)
    odds = np.exp(logits[0])
    one, other = p[8], p[4]  # the first label alone, the second alone
    assert one / other == pytest.approx(odds[0] / odds[1])
    own = labels.given_count_nats(np.repeat(logits, 16, axis=0), SETS, np.tile(counts, (16, 1)))
    assert np.allclose(np.exp(-own), p)
    with pytest.raises(ValueError, match="4 labels, but counts go to 2"):
        labels.given_count_nats(logits, np.ones((1, 4), bool), counts[:3])


def test_the_networks_have_the_sizes_that_are_told():
    alone = labels.independent(10, 4, 6)
    assert alone.count_params() == 10 * 6 + 6 + 6 * 4 + 4
    assert labels.independent(10, 4).count_params() == 44
    assert alone(np.zeros((2, 10))).shape == (2, 4)
    told = labels.chain(10, 4, 6, embedding=5)
    assert told.count_params() == 8 * 5 + 8 + 4 * 6 * (5 + 6 + 1) + 10 * 5 + 5 + 6 * 5
    assert (
        labels.chain(10, 4, 6, embedding=5, hidden=7).count_params() == told.count_params() + 10 * 7 + 7 - 15
    )


def test_a_chain_learns_what_belongs_together():
    """Two labels that are always together or both absent: a bit, where independent labels pay two."""
    rng = np.random.default_rng(0)
    both = rng.random(400) < 0.5
    matrix = np.stack([both, both], axis=1)
    v, rank = np.zeros((400, 2), np.float32), np.array([0, 1])
    model = labels.chain(2, 2, 8, embedding=8, cell=layers.LSTM)
    captions.train(model, v, labels.sequences(matrix, rank), 20, 2e-2, least=4, size=20)
    nats = labels.chain_nats(model, v, matrix, rank).mean()
    assert np.log(2) - 0.01 < nats < np.log(2) + 0.3
    assert labels.independent_nats(np.zeros((400, 2)), matrix).mean() == pytest.approx(2 * np.log(2))


def test_scores_counted_by_hand():
    truth = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], bool)
    guess = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0]], bool)
    found = labels.score(truth, guess)
    assert found.precision == pytest.approx((1 / 2 + 1 / 2 + 0 + 0) / 4)
    assert found.recall == pytest.approx((1 / 1 + 1 / 2 + 0 + 0) / 4)
    assert found.f1 == pytest.approx(2 * 0.25 * 0.375 / 0.625)
    assert found.n_plus == 2
    assert found.f1_image == pytest.approx(2 * 2 / (4 + 5))
    assert labels.score(truth, truth) == labels.Scores(1.0, 1.0, 1.0, 4, 1.0)
    assert labels.score(truth, ~truth) == labels.Scores(0.0, 0.0, 0.0, 0, 0.0)
    with pytest.raises(ValueError, match="must have one shape"):
        labels.score(truth, guess[:2])


def test_independent_labels_are_learnt_each_for_itself():
    rng = np.random.default_rng(0)
    v = rng.normal(size=(400, 2)).astype(np.float32)
    matrix = np.stack([v[:, 0] > 0, np.arange(400) % 4 > 0], axis=1)
    model = labels.independent(2, 2)
    history = labels.train_independent(model, v, matrix, 30, 5e-2, report=lambda epoch, row: [epoch])
    assert [row[1] for row in history] == list(range(1, 31))
    nats = labels.independent_nats(model.predict(v, verbose=0), matrix).mean()
    certain = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))  # of the second label, which v does not tell
    assert certain - 0.02 < nats < certain + 0.25
    assert history[-1][0] == pytest.approx(nats, abs=0.05)
    before = model.get_weights()
    labels.train_independent(model, v, matrix, 30, 5e-2)
    for one, other in zip(before, model.get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-4)


def test_a_chain_that_does_not_hear_costs_the_same_whatever_came_before(model):
    rank = np.array([0, 1, 2, 3])
    nats = labels.chain_nats(model, np.repeat(V[:1], 16, axis=0), SETS, rank, hear=False)
    assert np.exp(-nats).sum() == pytest.approx(1, rel=1e-5)
    step = np.float64(model.predict([V[:1], np.ones((1, 3), int)], verbose=0)[0])
    expected = np.log(np.exp(step[0, [2, 4, 5, 6, 7]]).sum()) - step[0, 5]
    expected += np.log(np.exp(step[1, [2, 6, 7]]).sum()) - step[1, 2]
    assert nats[4] == pytest.approx(expected, rel=1e-5)
