"""Captions as numbers, networks that write them, and their score: known answers."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from utils import captions as c

keras = pytest.importorskip("keras")

D, V, H, E = 5, 12, 6, 4
CELLS = (keras.layers.SimpleRNN, keras.layers.GRU, keras.layers.LSTM)
SEEN = np.random.default_rng(0).normal(size=(3, D)).astype(np.float32)
TOKENS = c.pad([[1, 7, 5, 2], [1, 8, 9, 5, 6, 2], [1, 4, 2]])


def network(way, cell=keras.layers.LSTM, **more):
    keras.utils.set_random_seed(1)
    return c.build(way, D, V, H, embedding=E, cell=cell, **more)


def test_words_are_lower_case_and_keep_their_hyphens():
    assert c.words("Two tri-colored dogs don't play , they fight !") == [
        "two", "tri-colored", "dogs", "don't", "play", "they", "fight"
    ]  # fmt: skip


def test_encode_cuts_and_knows_rare_words():
    vocabulary = c.make_vocabulary([["a dog", "a cat"], ["A dog !"]], rare=2)
    assert vocabulary == [*c.SPECIAL, "a", "dog"]
    encoded = c.encode([["a cat", "a dog a dog"]], vocabulary, longest=4)
    assert encoded == [[[1, 4, 3, 2], [1, 4, 5, 4, 5]]]
    assert c.decode([4, 3], vocabulary) == "a <unknown>"
    assert c.decode([4, 5, c.END, 4], vocabulary) == "a dog"


def test_padding_is_on_the_right_and_rounded_up():
    assert TOKENS.tolist()[0] == [1, 7, 5, 2, 0, 0, 0, 0, 0]
    assert TOKENS.dtype == np.int32
    assert c.pad([[1, 2]], least=6).shape == (1, 9)


def test_standardised_by_the_training_part_alone():
    found = {"train": np.random.default_rng(0).normal(3, 2, (500, 2)), "dev": np.full((1, 2), 3.0)}
    made = c.standardised(found)
    assert np.abs(made["train"].mean(axis=0)).max() < 1e-5
    assert np.allclose(made["train"].std(axis=0), 1 / 1.1, atol=0.02)
    assert np.abs(made["dev"]).max() < 0.2


@pytest.mark.parametrize("way", c.WAYS)
def test_untrained_networks_find_all_words_alike(way):
    logits = network(way)([SEEN, TOKENS[:, :-1]])
    assert logits.shape == (3, TOKENS.shape[1] - 1, V)
    assert abs(float(c.loss_per_word(TOKENS[:, 1:], logits)) - np.log(V)) < 0.1
    assert abs(float(c.smoothed(TOKENS[:, 1:], logits)) - np.log(V)) < 0.1


@pytest.mark.parametrize("way", c.WAYS)
@pytest.mark.parametrize("cell", CELLS[::2])
def test_padding_is_inert(way, cell):
    model, longer = network(way, cell), np.pad(TOKENS, [(0, 0), (0, 2)])
    logits, more = (np.asarray(model([SEEN, tokens[:, :-1]])) for tokens in (TOKENS, longer))
    assert np.abs(more[:, :-2] - logits).max() < 1e-6
    loss, also = (
        float(f(t[:, 1:], x)) for f in (c.loss_per_word,) for t, x in ((TOKENS, logits), (longer, more))
    )
    assert loss == pytest.approx(also, abs=1e-6)
    nats, same = (c.word_nats(model, SEEN, tokens, size=4) for tokens in (TOKENS, longer))
    assert np.abs(same[:, :-2] - nats).max() < 1e-6
    assert nats.sum() / np.count_nonzero(TOKENS[:, 1:]) == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("way", c.WAYS)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("hear", [True, False])
def test_the_stepper_gives_the_scores_of_the_whole_network(way, cell, hear):
    model = network(way, cell)
    before = TOKENS if hear else c.only_start(TOKENS)
    whole = np.asarray(model([SEEN, before[:, :-1]]))
    whole = whole - np.logaddexp.reduce(whole, axis=-1, keepdims=True)
    step, state = c.stepper(model, hear), c.begin(model, SEEN)
    for t in range(TOKENS.shape[1] - 1):
        log_p, state = step(TOKENS[:, t], state)
        assert np.abs(np.asarray(log_p) - whole[:, t]).max() < 1e-5


def test_the_first_step_is_the_equation_of_the_lecture():
    model = network("first step", keras.layers.SimpleRNN)
    x = np.asarray(model.get_layer("words")(TOKENS[:, :-1]))
    v = np.asarray(model.get_layer("image")(SEEN))
    W, Whh, b = model.get_layer("rnn").get_weights()
    Wxh, Wih = W[:E], W[E:]
    h = np.zeros((3, H))
    for t in range(x.shape[1]):
        # h = tanh(Wxh x + Whh h + Wih v), v at the first step only
        h = np.tanh(x[:, t] @ Wxh + h @ Whh + b + (v @ Wih if t == 0 else 0))
    squeezed = np.asarray(model.get_layer("squeeze")(h))
    table = model.get_layer("words")
    logits = squeezed @ np.asarray(table.embeddings).T + np.asarray(table.bias)
    assert np.abs(np.asarray(model([SEEN, TOKENS[:, :-1]]))[:, -1] - logits).max() < 1e-5


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="no way"):
        c.build("last step", D, V, H)


@pytest.mark.parametrize("way", c.WAYS)
def test_units_for_a_budget(way):
    units = c.units_for(60_000, way, 40, 30, embedding=32)
    assert abs(c.count_parameters(way, 40, 30, units, embedding=32) / 60_000 - 1) < 0.01


def test_batches_hold_each_caption_with_its_own_image():
    seen = np.arange(10, dtype=np.float32)[:, None]
    captions = [[[1, *[4 + i] * (1 + (i + k) % 6), 2] for k in range(5)] for i in range(10)]
    made = list(c.batches(seen, captions, np.random.default_rng(0), size=10))
    assert len(made) == 5
    for image, tokens in made:
        assert (tokens[:, 1] == 4 + image[:, 0]).all()
    assert sorted(np.concatenate([image[:, 0] for image, _ in made])) == sorted(list(range(10)) * 5)
    with pytest.raises(ValueError, match="do not fill a batch"):
        next(c.batches(seen, captions, np.random.default_rng(0), size=51))


SMALL = [[[1, 4 + i, 6, 2], [1, 4 + i, 7, 2]] for i in (0, 1)] * 8
FEATURES = np.eye(D, dtype=np.float32)[[0, 1] * 8]


def test_the_rate_grows_in_the_first_tenth_of_the_steps_and_falls_along_a_cosine():
    rates = [c.rate_at(step, 100, 2.0) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * k for k in range(1, 11)])
    assert rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(2.0 * (0.01 + 0.99 / 2))
    assert c.rate_at(100, 100, 2.0) == pytest.approx(0.02)
    assert np.all(np.diff(rates[10:]) < 0)
    assert c.rate_at(199, 10_000, 2.0) == pytest.approx(2.0)  # at most 200 steps
    assert c.rate_at(0, 1, 2.0) == 2.0


def test_training_begins_anew_and_learns_what_the_image_shows():
    model = network("initial state")
    rows = [
        c.train(model, FEATURES, SMALL, 12, 0.1, seed=seed, size=8, eager=True)[-1][0] for seed in (1, 2, 1)
    ]
    assert rows[0] == rows[2] != rows[1]
    assert rows[0] < 0.5  # the best possible is ln 2 / 3 = 0.23
    found = c.write(model, FEATURES[:2], width=1)
    assert [h.tokens[0] for h in found] == [4, 5]
    assert all(h.ended for h in found)


def test_what_is_reported_of_an_epoch_is_kept_with_it(tmp_path):
    model, path = network("initial state"), tmp_path / "kept.npz"

    def report(epoch, row):
        return [epoch, row[2]]  # the seconds

    rows = c.train(model, FEATURES, SMALL, 2, 0.05, size=8, path=path, report=report, eager=True)
    assert [row[3:] for row in rows] == [[1, rows[0][2]], [2, rows[1][2]]]
    again = c.train(model, FEATURES, SMALL, 2, 0.05, size=8, path=path, report=report, eager=True)
    np.testing.assert_array_equal(again, rows)


def test_training_goes_on_where_it_was_interrupted(tmp_path):
    model = network("first input", dropout=0.2)
    whole = c.train(model, FEATURES, SMALL, 3, 0.05, size=8, eager=True)
    path = tmp_path / "kept.npz"
    with pytest.MonkeyPatch.context() as patch:
        kept = []
        stop = lambda *a: kept.append(a) or (_ for _ in ()).throw(KeyboardInterrupt)  # noqa: E731
        patch.setattr(c.training.resume, "keep", stop)
        with pytest.raises(KeyboardInterrupt):
            c.train(model, FEATURES, SMALL, 3, 0.05, size=8, eager=True, path=path)
    c.training.resume.keep(*kept[0])
    rest = c.train(
        network("first input", dropout=0.2), FEATURES, SMALL, 3, 0.05, size=8, eager=True, path=path
    )
    assert [row[0] for row in rest] == pytest.approx([row[0] for row in whole], abs=1e-5)


def test_without_the_previous_word_the_images_still_tell_the_first():
    model = network("initial state")
    c.train(model, FEATURES, SMALL, 12, 0.1, size=8, hear=False, eager=True)
    assert [h.tokens[0] for h in c.write(model, FEATURES[:2], width=1, hear=False)] == [4, 5]


def test_copies_together_say_what_one_says():
    model = network("every step")
    alone, both = (c.write(m, SEEN, longest=6) for m in (model, [model, model]))
    assert [h.tokens for h in alone] == [h.tokens for h in both]


def test_bleu_is_that_of_sacrebleu():
    written = ["a dog runs through the grass", "two men", "a man rides a bike"]
    people = [
        ["a dog runs in the grass", "the dog runs"],
        ["two men sit", "two men"],
        ["a man on a bike", "a bike"],
    ]
    streams = list(zip(*people, strict=True))
    for n, score in enumerate(c.bleu(written, people), 1):
        theirs = BLEU(max_ngram_order=n, lowercase=True, tokenize="none").corpus_score(written, streams)
        assert score == pytest.approx(theirs.score, abs=1e-9)


def test_bleu_of_known_captions():
    assert c.bleu(["a dog runs here"], [["a dog runs here", "b"]]) == pytest.approx((100, 100, 100, 100))
    # 3 of 4 words, 2 of 3 pairs
    one, two, *_ = c.bleu(["a dog runs home"], [["a dog runs here"]])
    assert (one, two) == pytest.approx((75, 100 * (3 / 4 * 2 / 3) ** 0.5))
    # half as long as the reference: the penalty is exp(1 - 2)
    assert c.bleu(["a dog runs here"], [["a dog runs here and there it sits"]])[0] == pytest.approx(
        100 * np.exp(-1)
    )


def test_the_signature_says_how_it_is_counted():
    assert c.signature(5).startswith("nrefs:5|case:lc|eff:no|tok:none|smooth:exp|version:")


def test_plain_captions():
    assert c.plain([["A dog , runs !"]]) == [["a dog runs"]]


def test_the_table_of_words_survives_save_and_load(tmp_path):
    network = c.build("initial state", 6, 9, 5, embedding=4)
    network.get_layer("words").bias.assign(np.arange(9.0))
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    image, tokens = np.ones((2, 6), np.float32), np.array([[1, 4, 5], [1, 6, 0]])
    np.testing.assert_allclose(loaded([image, tokens]), network([image, tokens]), atol=1e-6)
