"""Decoding against exhaustive search on tiny models, and what must hold for any model."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.decoding import Hypothesis, beam_search, beam_steps, greedy, sample, take

PAD, START, END = 0, 1, 2


def tiny_model(rng, rows, vocabulary, sharpness=1.0):
    """A model whose next token depends on the row and on everything written: (step, first state)."""
    one, two = rng.normal(size=(2, 7, 7))
    read = rng.normal(size=(vocabulary, 7))
    logits = rng.normal(size=(7, vocabulary)) * sharpness

    def step(tokens, state):
        h = np.tanh(state["h"] @ one + read[tokens] @ two)
        scores = h @ logits
        return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True), {"h": h}

    return step, {"h": rng.normal(size=(rows, 7))}


def log_probability(step, state, tokens):
    """Of a whole sequence in one row, the last token counted."""
    total, latest = 0.0, START
    for token in tokens:
        log_p, state = step(np.array([latest]), state)
        total, latest = total + log_p[0, token], token
    return total


def every_hypothesis(step, state, vocabulary, max_length, banned=()):
    """All that end within the limit, and all that the limit cuts off."""
    words = [token for token in range(vocabulary) if token != END and token not in banned]
    for length in range(max_length + 1):
        for tokens in itertools.product(words, repeat=length):
            whole = (*tokens, END) if length < max_length else tokens
            yield Hypothesis(tokens, log_probability(step, state, whole), length < max_length)


models = st.builds(
    lambda seed, rows, vocabulary, sharpness: (
        *tiny_model(np.random.default_rng(seed), rows, vocabulary, sharpness),
        np.full(rows, START),
        vocabulary,
    ),
    st.integers(0, 10_000),
    st.integers(1, 4),
    st.integers(3, 6),
    st.floats(0.2, 4),
)


@pytest.mark.parametrize("length_power", [0.0, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_is_exhaustive_search(seed, length_power):
    step, state = tiny_model(np.random.default_rng(seed), rows=3, vocabulary=4)
    found = beam_search(step, state, [START] * 3, END, 4, beam_width=200, length_power=length_power)
    for row in range(3):
        one = {"h": state["h"][row : row + 1]}
        expected = list(every_hypothesis(step, one, 4, max_length=4))
        expected.sort(key=lambda h: -h.score(length_power))
        assert [h.tokens for h in found[row]] == [h.tokens for h in expected]
        assert [h.ended for h in found[row]] == [h.ended for h in expected]
        np.testing.assert_allclose(
            [h.log_probability for h in found[row]], [h.log_probability for h in expected]
        )


def test_banned_tokens_are_left_out_of_exhaustive_search_too():
    step, state = tiny_model(np.random.default_rng(5), rows=1, vocabulary=5)
    found = beam_search(step, state, [START], END, 3, beam_width=200, banned=[PAD, START])[0]
    expected = sorted(every_hypothesis(step, state, 5, 3, (PAD, START)), key=lambda h: -h.score(1.0))
    assert [h.tokens for h in found] == [h.tokens for h in expected]


def plain_beam(step, state, width, max_length, power):
    """Beam search for one row without any way to stop early: until all hypotheses are complete."""
    beam, complete = [((), 0.0, state)], []
    for _ in range(max_length):
        longer = []
        for tokens, nats, state in beam:
            log_p, after = step(np.array([tokens[-1] if tokens else START]), state)
            longer += [((*tokens, k), nats + log_p[0, k], after) for k in range(log_p.shape[1])]
        longer = sorted(longer, key=lambda one: -one[1])[:width]
        complete += [Hypothesis(t[:-1], nats, True) for t, nats, _ in longer if t[-1] == END]
        beam = [one for one in longer if one[0][-1] != END]
    complete += [Hypothesis(tokens, nats, False) for tokens, nats, _ in beam]
    ranks = [-h.log_probability / (len(h.tokens) + h.ended) ** power for h in complete]
    return [complete[i] for i in np.argsort(ranks, kind="stable")[:width]]


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_stopping_early_loses_nothing(width, power):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        step, state = tiny_model(rng, 2, 5, rng.uniform(0.3, 4))
        for row, found in enumerate(beam_search(step, state, [START] * 2, END, 6, width, power)):
            expected = plain_beam(step, {"h": state["h"][row : row + 1]}, width, 6, power)
            assert [h.tokens for h in found] == [h.tokens for h in expected]


def test_scores_against_written_numbers():
    found = Hypothesis((3, 4, 5), -4.0, ended=True)  # with the end token, four tokens
    assert [found.score(power) for power in (0, 0.5, 1, 2)] == [-4, -2, -1, -0.25]
    assert Hypothesis((3, 4), -4.0, ended=False).score(1.0) == -2


@settings(max_examples=60, deadline=None)
@given(model=models, width=st.integers(1, 5), max_length=st.integers(1, 7), power=st.floats(0, 2))
def test_what_holds_for_every_beam(model, width, max_length, power):
    step, state, start, _ = model
    for row, found in enumerate(beam_search(step, state, start, END, max_length, width, power)):
        assert 1 <= len(found) <= width
        assert len({(h.tokens, h.ended) for h in found}) == len(found)
        scores = [h.score(power) for h in found]
        assert scores == sorted(scores, reverse=True)
        for h in found:
            assert END not in h.tokens
            assert h.ended or len(h.tokens) == max_length  # none stops before its end
            assert len(h.tokens) + h.ended <= max_length
            one = {"h": state["h"][row : row + 1]}
            whole = (*h.tokens, END) if h.ended else h.tokens
            assert h.log_probability == pytest.approx(log_probability(step, one, whole))


@settings(max_examples=60, deadline=None)
@given(model=models, max_length=st.integers(1, 7), power=st.floats(0, 2), ban=st.booleans())
def test_a_beam_of_one_is_greedy(model, max_length, power, ban):
    step, state, start, _ = model
    banned = [PAD] if ban else []
    found = beam_search(step, state, start, END, max_length, 1, power, banned)
    assert [h for (h,) in found] == greedy(step, state, start, END, max_length, banned)
    if ban:
        assert all(PAD not in h.tokens for (h,) in found)


@settings(max_examples=40, deadline=None)
@given(model=models, width=st.integers(1, 4), max_length=st.integers(1, 6))
def test_a_row_does_not_depend_on_its_neighbours(model, width, max_length):
    step, state, start, _ = model
    together = beam_search(step, state, start, END, max_length, width)
    for row in range(len(start)):
        alone = beam_search(step, {"h": state["h"][row : row + 1]}, start[:1], END, max_length, width)[0]
        assert [h.tokens for h in alone] == [h.tokens for h in together[row]]


@settings(max_examples=40, deadline=None)
@given(model=models, width=st.integers(1, 4), extra=st.integers(1, 3))
def test_impossible_tokens_change_nothing(model, width, extra):
    step, state, start, _ = model

    def padded(tokens, state):
        log_p, state = step(tokens, state)
        return np.pad(log_p, [(0, 0), (0, extra)], constant_values=-np.inf), state

    assert beam_search(padded, state, start, END, 5, width) == beam_search(step, state, start, END, 5, width)
    assert greedy(padded, state, start, END, 5) == greedy(step, state, start, END, 5)


def test_a_known_case_where_greedy_is_misled():
    # After the start, 3 is likelier than 4 (0.6, 0.4); but 4 is followed by a sure end, 3 by a toss.
    table = np.full((5, 5), 1e-12)
    table[START, [3, 4]] = 0.6, 0.4
    table[3, [3, 4, END]] = 0.4, 0.3, 0.3
    table[4, END] = 1
    table[END, END] = table[PAD, PAD] = 1

    def step(tokens, state):
        return np.log(table[tokens] / table[tokens].sum(axis=1, keepdims=True)), state

    state = np.zeros((1, 1))
    assert greedy(step, state, [START], END, 2)[0].tokens == (3, 3)
    best = beam_search(step, state, [START], END, 2, beam_width=2)[0][0]
    assert (best.tokens, best.ended) == ((4,), True)
    assert best.log_probability == pytest.approx(np.log(0.4))
    assert best.score(1.0) == pytest.approx(np.log(0.4) / 2)


def test_the_states_follow_their_hypotheses_whatever_they_are_made_of():
    rows = np.array([2, 0, 0])
    parts = {"a": np.arange(3), "b": (tf.constant([[1.0], [2.0], [3.0]]), [np.eye(3)])}
    taken = take(parts, rows)
    assert taken["a"].tolist() == [2, 0, 0]
    assert taken["b"][0].numpy().tolist() == [[3.0], [1.0], [1.0]]
    assert taken["b"][1][0].tolist() == np.eye(3)[rows].tolist()


def test_samples_have_the_frequencies_of_the_model():
    step, state = tiny_model(np.random.default_rng(3), rows=1, vocabulary=4)
    many = take(state, np.zeros(20_000, int))
    drawn = sample(step, many, [START] * 20_000, END, 2, np.random.default_rng(0))
    for h in every_hypothesis(step, state, 4, max_length=2):
        share = np.mean([d.tokens == h.tokens and d.ended == h.ended for d in drawn])
        assert share == pytest.approx(np.exp(h.log_probability), abs=0.015)
    assert drawn[0].log_probability == pytest.approx(
        log_probability(step, state, (*drawn[0].tokens, END) if drawn[0].ended else drawn[0].tokens)
    )


def test_temperature_nucleus_and_ban_restrict_what_is_drawn():
    step, state = tiny_model(np.random.default_rng(4), rows=1, vocabulary=6)
    many, start = take(state, np.zeros(500, int)), [START] * 500
    rng = np.random.default_rng(0)
    likeliest = greedy(step, state, [START], END, 4)[0].tokens
    assert {h.tokens for h in sample(step, many, start, END, 4, rng, temperature=1e-3)} == {likeliest}
    assert {h.tokens for h in sample(step, many, start, END, 4, rng, top_p=1e-6)} == {likeliest}
    p = np.exp(step(np.array([START]), state)[0][0])
    order = np.argsort(-p)
    top_p = float(p[order[:2]].sum() - 1e-9)  # the two likeliest, just
    first = {h.tokens[:1] for h in sample(step, many, start, END, 4, rng, top_p=top_p)}
    assert first == {() if token == END else (token,) for token in order[:2]}
    assert all(PAD not in h.tokens for h in sample(step, many, start, END, 4, rng, banned=[PAD]))


@pytest.mark.parametrize(
    ("odds", "top_p", "drawn"),
    [
        ([4, 2, 1, 1], 0.5, {0}),  # the likeliest have exactly this share: no further one
        ([4, 2, 1, 1], 0.75, {0, 1}),
        ([4, 2, 1, 1], 0.76, {0, 1, 2}),
        ([1, 1, 4, 2], 0.5, {2}),
        ([1, 1, 4, 2], 0.75, {2, 3}),
        ([1, 1, 1, 1], 0.25, {0}),  # all alike: as many as are needed, the first ones
        ([1, 1, 1, 1], 0.5, {0, 1}),
        ([1, 1, 1, 1], 0.51, {0, 1, 2}),
        ([1, 3, 3, 1], 0.375, {1}),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_ties_in_the_nucleus(odds, top_p, drawn, dtype):
    log_p = np.log(np.divide(odds, sum(odds))).astype(dtype)
    rows, rng = 400, np.random.default_rng(0)

    def step(tokens, state):
        return np.tile(log_p, (len(tokens), 1)), state

    found = sample(step, np.zeros((rows, 1)), [START] * rows, 9, 1, rng, top_p=top_p)
    assert {h.tokens[0] for h in found} == drawn


@pytest.mark.parametrize("setting", [{"temperature": 0.0}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_settings_out_of_range_are_refused(setting):
    step, state = tiny_model(np.random.default_rng(0), 1, 4)
    with pytest.raises(ValueError, match="must be above 0"):
        sample(step, state, [START], END, 3, np.random.default_rng(0), **setting)
    with pytest.raises(ValueError, match="at least 1 and 0"):
        beam_search(step, state, [START], END, 3, beam_width=0)


def test_logits_in_place_of_log_probabilities_are_noticed():
    state = np.zeros((2, 1))
    with pytest.raises(ValueError, match="apply log-softmax"):
        greedy(lambda tokens, state: (np.zeros((2, 4)), state), state, [START] * 2, END, 3)
    with pytest.raises(ValueError, match=r"shape \(4,\) for 2 rows"):
        beam_search(lambda tokens, state: (np.zeros(4), state), state, [START] * 2, END, 3, 2)


WAYS = {
    "greedy": lambda step, state, start, **more: greedy(step, state, start, END, 3, **more),
    "sample": lambda step, state, start, **more: sample(
        step, state, start, END, 3, np.random.default_rng(0), **more
    ),
    "nucleus": lambda step, state, start, **more: sample(
        step, state, start, END, 3, np.random.default_rng(0), top_p=0.5, **more
    ),
    "beam search": lambda step, state, start, **more: beam_search(step, state, start, END, 3, 2, **more),
}
every_way = pytest.mark.parametrize("way", WAYS)


def spoilt(row, value):
    """A step that is right but in one row."""

    def step(tokens, state):
        log_p = np.full((len(tokens), 5), -np.log(5))
        log_p[state[:, 0] == row] = value
        return log_p, state

    return step, np.arange(3.0)[:, None]


@every_way
@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize(
    ("value", "total"), [(np.nan, "nan"), (-np.inf, "0"), (0.0, "5"), (900.0, "inf"), (-np.log(4), "1.25")]
)
def test_every_row_is_looked_at(way, row, value, total):
    step, state = spoilt(row, value)
    wanted = rf"sum to {total} in row {row}, and are wrong in 1 of 3 rows"
    with pytest.raises(ValueError, match=wanted):
        WAYS[way](step, state, [START] * 3)


@every_way
def test_no_rows_give_no_hypotheses(way):
    def step(tokens, state):
        raise AssertionError("there is nothing to ask")

    assert WAYS[way](step, np.zeros((0, 4)), []) == []
    assert WAYS[way](step, tf.zeros((0, 4)), np.zeros(0, "int32")) == []


@every_way
def test_a_ban_that_leaves_nothing_is_refused(way):
    step, state = tiny_model(np.random.default_rng(0), rows=2, vocabulary=4)
    with pytest.raises(ValueError, match="Nothing can be written in 2 of 2 rows, row 0 for one"):
        WAYS[way](step, state, [START] * 2, banned=np.arange(4))


@every_way
def test_a_row_in_which_only_banned_tokens_are_possible_is_named(way):
    def step(tokens, state):
        p = np.full((len(tokens), 4), 0.25)
        p[state[:, 0] == 1] = np.eye(4)[PAD]  # the second row wants nothing but padding
        with np.errstate(divide="ignore"):
            return np.log(p), state

    with pytest.raises(ValueError, match="Nothing can be written in 1 of 2 rows, row 1 for one"):
        WAYS[way](step, np.arange(2.0)[:, None], [START] * 2, banned=[PAD])
    assert len(WAYS[way](step, np.arange(2.0)[:, None], [START] * 2)) == 2


def test_a_beam_that_has_written_something_may_get_stuck():
    p = np.zeros((5, 5))
    p[START, [3, END]] = 0.5
    p[3, PAD] = p[END, END] = p[PAD, PAD] = p[4, 4] = 1

    def step(tokens, state):
        with np.errstate(divide="ignore"):
            return np.log(p[tokens]), state

    (found,) = beam_search(step, np.zeros((1, 1)), [START], END, 3, 2, banned=[PAD])
    assert [(h.tokens, h.ended) for h in found] == [((), True)]


@every_way
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_log_probabilities_of_every_precision(way, dtype):
    step, state = tiny_model(np.random.default_rng(2), rows=3, vocabulary=6, sharpness=4)

    def rounded(tokens, state):
        log_p, state = step(tokens, state)
        return tf.cast(log_p, dtype), state

    def exact(tokens, state):
        log_p, state = rounded(tokens, state)
        log_p = np.float64(log_p)
        return log_p - np.logaddexp.reduce(log_p, axis=1, keepdims=True), state

    found, expected = (WAYS[way](each, state, [START] * 3) for each in (rounded, exact))
    for some, others in zip(found, expected, strict=True):
        for h, other in zip(*(x if isinstance(x, list) else [x] for x in (some, others)), strict=True):
            assert (h.tokens, h.ended) == (other.tokens, other.ended)
            assert h.log_probability == pytest.approx(other.log_probability, abs=0.2)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_vocabulary_of_thousands_in_half_precision(dtype):
    logits = np.random.default_rng(0).normal(size=(4, 8000)) * 2
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    given = tf.cast(log_p, dtype)
    found = greedy(lambda tokens, state: (given, state), np.zeros((4, 1)), [START] * 4, END, 1)
    expected = tf.argmax(given, axis=1).numpy().tolist()
    assert [h.tokens[0] if h.tokens else END for h in found] == expected


def test_beam_steps_keep_what_the_search_keeps_and_show_what_it_drops():
    table = np.log(np.array([[0.1, 0.5, 0.4], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]))  # of the latest token only

    def step(latest, state):
        return table[latest], state

    grown = beam_steps(step, np.zeros((1, 1)), start=1, end=0, width=2, steps=4, dropped=1)
    assert [(p, t, kept) for p, t, _, kept in grown[0]] == [(0, 2, True), (0, 1, True), (0, 0, False)]
    # 2 then 0 has 0.30, 2 then 1 and 1 then 2 have 0.15 each; the first of equals is kept
    assert [(p, t, kept) for p, t, _, kept in grown[1]] == [(0, 0, True), (0, 1, True), (1, 2, False)]
    assert grown[1][0][2] == pytest.approx(np.log(0.3))
    assert {p for p, *_ in grown[2]} == {1}  # what has ended does not go on
    best = beam_search(step, np.zeros((1, 1)), [1], 0, 4, 2, 0.0)[0][0]
    assert (best.tokens, best.log_probability) == ((2,), pytest.approx(np.log(0.3)))
    no_two = beam_steps(step, np.zeros((1, 1)), start=1, end=0, width=2, steps=2, banned=[2], dropped=5)
    assert [(t, kept) for _, t, _, kept in no_two[0]] == [(1, True), (0, True)]
