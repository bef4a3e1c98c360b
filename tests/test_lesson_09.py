"""Lesson 09: it defines what `utils.seq2seq` has, and scores the test part as it says."""

import collections
import re
import types
from unittest.mock import MagicMock

import keras
import numpy as np
import pytest
from cells import run_cells
from keras import layers, ops

from utils import captions, seq2seq
from utils.decoding import greedy
from utils.exercises import grade

CELLS = ("words", "words-encode", "words-do", "model-do", "greedy-do", "text-of", "attend")


def quiet(*_, **__):
    """In place of what trains, draws or records."""


@pytest.fixture
def lesson_09():
    given = {"np": np, "re": re, "keras": keras, "ops": ops, "layers": layers, "collections": collections}
    given |= {"captions": captions, "seq2seq": seq2seq, "LSTM": layers.LSTM, "Attention": seq2seq.Attention}
    part = types.SimpleNamespace(source=TOLD, target=TOLD[::-1])
    given |= {"world": types.SimpleNamespace(train=part), "print": quiet}
    return run_cells("09_", *CELLS, **given)


TOLD = ("A man's T-shirt, black.", "Zwei Männer – grün!", "A man doesn't, a man.")


def test_lesson_09_defines_what_others_take_from_utils_seq2seq(lesson_09):
    split = [seq2seq.words(text) for text in TOLD]
    assert [lesson_09["words"](text) for text in TOLD] == split
    for name in ("PAD", "UNKNOWN", "START", "END"):
        assert lesson_09[name] == getattr(seq2seq, name)
    vocabulary = lesson_09["make_vocabulary"](TOLD, 2)
    assert vocabulary == seq2seq.make_vocabulary(split, 2)
    for start in (False, True):
        rows = lesson_09["encode"](TOLD, vocabulary, start)
        assert rows == seq2seq.encode(split, vocabulary, start=start)
        assert lesson_09["pad"](rows).tolist() == seq2seq.pad(rows).tolist()
    rng = np.random.default_rng(0)
    s, h = (rng.normal(size=shape).astype(np.float32) for shape in ((2, 3, 4), (2, 5, 6)))
    layer, mask = seq2seq.Attention(), np.array([[True] * 5, [True, True, False, False, False]])
    theirs = layer(s, h, mask)
    for ours, other in zip(lesson_09["attend"](s, h, layer.kernel, mask), theirs, strict=True):
        assert np.allclose(ours, other, atol=1e-6)


def test_lesson_09_has_the_loss_of_utils_seq2seq(lesson_09):
    card = MagicMock()
    given = {"np": np, "ops": ops, "keras": keras, "pad": lesson_09["pad"], "PAD": 0, "print": quiet}
    given |= {"small": [[""] * 20] * 2, "coded": [[[4, 3]] * 2, [[2, 5, 3]] * 2], "Attention": None}
    given |= {"ResultCard": lambda *_, **__: card, "translator": lesson_09["translator"]}
    loss = run_cells("09_", "loss-do", "loss-check", **given)["loss_per_word"]
    assert card.check.call_args.kwargs["ok"]
    rng = np.random.default_rng(0)
    told, logits = np.array([[5, 3, 0], [7, 8, 3]]), rng.normal(size=(2, 3, 9)).astype(np.float32)
    for smoothing in (0.0, 0.1):
        theirs = seq2seq.loss_per_word(told, logits, smoothing)
        assert float(loss(told, logits, smoothing)) == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize("attention", [True, False])
def test_lesson_09_builds_the_networks_of_utils_seq2seq(attention, lesson_09):
    keras.utils.set_random_seed(0)
    theirs = seq2seq.build(9, 11, 4, attention=attention, embedding=6, lstm=layers.LSTM)
    look = seq2seq.Attention(name="attention") if attention else None
    ours = lesson_09["translator"]([9, 11], 4, look, embedding=6)
    assert ours.name == theirs.name
    assert ours.count_params() == theirs.count_params()
    for layer in theirs.layers:
        if layer.weights:
            ours.get_layer(layer.name).set_weights(layer.get_weights())
    source, told = np.array([[5, 6, 3], [7, 3, 0]]), np.array([[2, 5, 6], [2, 8, 0]])
    assert np.allclose(ours([source, told]), theirs([source, told]), atol=1e-6)
    rows = lesson_09["greedy"](ours, [[5, 6, 3], [7, 3]])
    found = greedy(
        seq2seq.stepper(theirs), seq2seq.begin(theirs, np.array([[5, 6, 3], [7, 3, 0]])), [2, 2], 3, 40
    )
    for row, one in zip(rows, found, strict=True):
        assert tuple(row[: len(one.tokens)]) == one.tokens


def test_lesson_09_writes_a_text_up_to_the_end(lesson_09):
    vocabulary = [*seq2seq.SPECIAL, "a", "man", "'s", "hat", "."]
    assert lesson_09["text_of"](np.array([4, 5, 6, 7, 8, 3, 4, 4]), vocabulary) == "a man's hat."
    assert lesson_09["text_of"]([4, 5], vocabulary) == "a man"
    assert lesson_09["text_of"]([3], vocabulary) == ""


def test_lesson_09_scores_what_the_networks_write_of_the_sources_alone():
    """The references are nowhere but in the scorer; each network writes of the test part once each way."""
    written, scored, rows = [], [], []

    def translate(network, sources, width, power):
        written.append((network.name, list(sources), width, power))
        return [f"{network.name} {width} on {source}" for source in sources]

    def scorer(texts, people, n_bootstrap=1):
        scored.append((list(texts), people))
        return types.SimpleNamespace(score=float(len(scored)))

    made = types.SimpleNamespace(corpus_score=scorer, get_signature=lambda: "")
    test = types.SimpleNamespace(source=("eins", "zwei"), target=("one", "two"))
    networks = [
        types.SimpleNamespace(name=name, count_params=lambda: 1) for name in ("one_vector", "attention")
    ]
    given = {"LANGUAGE": "de", "data": types.SimpleNamespace(test=test, source=MagicMock(kind="real"))}
    given |= {"encode": lambda texts, vocabulary: [[text] for text in texts], "vocabularies": [[], []]}
    given |= {"scorer": made, "BLEU": lambda: made, "translate": translate, "cased": str.upper, "BEAM": 5}
    given |= {"vector": networks[0], "model": networks[1], "best": {"one_vector": 0.7, "attention": 1.3}}
    given |= {"vector_epochs": np.ones((1, 3)), "epochs": np.ones((2, 3)), "print": quiet}
    given |= {"card": types.SimpleNamespace(add=lambda name, *_, **__: rows.append(name))}
    run_cells("09_", "test-do", "test-begin", "test-score", "test-cased", **given)
    sources, people = [["eins"], ["zwei"]], [["one", "two"]]
    ways = [("one_vector", 1, 0.7), ("one_vector", 5, 0.7), ("attention", 1, 1.3), ("attention", 5, 1.3)]
    assert written == [(name, sources, width, power) for name, width, power in ways]
    texts = [[f"{name} {width} on {source}" for source in sources] for name, width, _ in ways]
    cased = ([text.upper() for text in texts[-1]], people)
    interval = (texts[-1], people)  # scored again, with sentences drawn anew
    assert scored == [*((text, people) for text in texts), cased, interval]
    assert rows == [
        "BLEU without attention (greedy)", "BLEU without attention (beam 5)",
        "BLEU with attention (greedy)", "BLEU with attention (beam 5)",
        "BLEU with attention (beam 5), cased 13a",
    ]  # fmt: skip


def test_lesson_09_gives_words_their_usual_case():
    target = ("A man from Paris.", "Paris is big.", "I see a Paris hat. big")
    given = {"re": re, "collections": collections, "data": MagicMock(train=MagicMock(target=target))}
    cased = run_cells("09_", "cased", **given)["cased"]
    assert cased("the man in paris, i see.") == "The man in Paris, i see."
    assert cased("") == ""
    twice = ("We met Will, and Will said that he will.", "They see Will.")
    cased = run_cells("09_", "cased", **given | {"data": MagicMock(train=MagicMock(target=twice))})["cased"]
    assert cased("it is will.") == "It is Will."


def test_lesson_09_refuses_a_softmax_that_is_nothing_for_low_scores(capsys):
    def naive(scores, mask):
        e = np.exp(scores) * mask
        return e / e.sum()

    check = run_cells("09_", "exercise-1-check", np=np, grade=grade)["check_1"]
    with np.errstate(invalid="ignore"):
        check(naive)
    assert capsys.readouterr().out.startswith("wrong")
