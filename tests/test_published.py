"""Published figures stand beside ours on real data alone, which tests do not have: beside the same thing."""

import json
import types

import numpy as np
import pytest
from cells import run_cells

NETWORK = types.SimpleNamespace(count_params=lambda: 1234, name="net")
KINDS = pytest.mark.parametrize("kind", ["real", "sample"])


def quiet(*_, **__):
    """In place of what draws or prints."""


def of_kind(kind):
    return types.SimpleNamespace(source=types.SimpleNamespace(kind=kind, name="data"))


def beside(stem, *cells, **given):
    """What some cells write on the card: our value and the published ones, by name."""
    rows = {}

    def add(name, value, *_, published=(), **__):
        rows[name] = (pytest.approx(float(value)), [figure for figure, _ in published])

    card = types.SimpleNamespace(add=add, claim=quiet)
    run_cells(stem, *cells, np=np, card=card, print=quiet, **given)
    return rows


@KINDS
def test_lesson_09_puts_each_bleu_beside_networks_of_its_kind(kind):
    networks = [types.SimpleNamespace(count_params=lambda: 1, name=name) for name in "ab"]
    epochs, real = np.ones((1, 4)), kind == "real"
    given = {
        "vector": networks[0],
        "vector_epochs": epochs,
        "model": networks[1],
        "epochs": epochs,
        "BEAM": 4,
    }
    given |= {
        "best": {"a": 1.0, "b": 1.0},
        "translate": lambda network, _, width, __: [ord(network.name), width],
    }
    scorer = types.SimpleNamespace(corpus_score=lambda found, _: types.SimpleNamespace(score=sum(found)))
    rows = beside(
        "09_",
        "test-do",
        "test-score",
        **given,
        scorer=scorer,
        ours={},
        people=None,
        test_sources=None,
        real=real,
    )
    assert rows == {
        "BLEU without attention (greedy)": (98, [13.8, 20.6] * real),
        "BLEU without attention (beam 4)": (101, []),
        "BLEU with attention (greedy)": (99, [28.3, 36.5] * real),
        "BLEU with attention (beam 4)": (102, [38.1] * real),
    }


@KINDS
def test_lesson_11_puts_each_bleu_beside_the_same_one(kind, tmp_path):
    stored = [
        {"name": "a loss", "value": 1},
        *({"name": f"BLEU-{n}, one", "value": 10 * n} for n in range(1, 5)),
    ]
    (tmp_path / "08_image_captioning.json").write_text(json.dumps({"results": stored}))
    given = {"json": json, "results": types.SimpleNamespace(STORED=tmp_path), "model": NETWORK, "BEAM": 3}
    rows = beside(
        "11_cap", "papers", **given, losses=np.ones((1, 4)), test_scores=[4.0, 3, 2, 1], real=kind == "real"
    )
    papers = [[10, 67, 67], [20, 44.8, 45.7], [30, 29.9, 31.4], [40, 19.5, 21.3]]
    assert list(rows) == [f"BLEU-{n} (beam 3)" for n in range(1, 5)]
    assert list(rows.values()) == [
        (4 - n, papers[n] if kind == "real" else []) for n in range(4)
    ]  # fmt: skip


@KINDS
def test_lesson_15_puts_words_beside_words_and_f1_beside_f1(kind):
    given = {
        "real": kind == "real",
        "truth": {"test": None},
        "score": lambda _, guess: (0, 0, guess, guess / 100),
    }
    guesses = {"neighbours": 1, "sigmoids": 2, "chain": 3, "neighbours, five": 4, "sigmoids, five": 5}
    rows = beside("15_labels", "test-card", **given, guesses=guesses)
    papers = {
        "N+, sigmoids": 147, "F1 per image, sigmoids": 0.650, "N+, chain": 156, "F1 per image, chain": 0.626,
        "N+, neighbours, five": 177, "N+, sigmoids, five": 166,
    }  # fmt: skip
    for name, guess in guesses.items():
        for what, value in ((f"N+, {name}", guess), (f"F1 per image, {name}", guess / 100)):
            quoted = [papers[what]] if kind == "real" and what in papers else []
            assert rows[what] == (value, quoted)


@KINDS
def test_lab_05_puts_kbann_beside_the_votes_of_all_letters(kind):
    hits = np.zeros((1, 4, 12), bool)
    hits[0, 0] = True
    hits[0, 1, 5], hits[0, 1:3, 7], hits[0, 1:, 10], hits[0, 1:, 11] = True, True, True, True
    given = {"HERE": 5, "right": {"forward": hits, "both": hits}, "dna": of_kind(kind)}
    votes = {"left half": np.array([1, 0]), "all letters": np.array([1, 1])}
    models = dict.fromkeys(("forward", "both"), NETWORK)
    rows = beside("05_both", "dna-table", **given, by_votes=votes, dna_models=models)
    assert rows == {
        "accuracy, forward, at the junction": (0.5, []), "accuracy, both, at the junction": (0.5, []),
        "accuracy, both, 2 letters later": (0.75, []), "accuracy, forward, 5 letters later": (1, []),
        "accuracy, forward, at the end": (1, []), "accuracy, votes of left half": (0.5, []),
        "accuracy, votes of all letters": (1, [0.937] if kind == "real" else []),
    }  # fmt: skip


@KINDS
def test_lab_05_puts_the_winner_beside_both_directions(kind):
    names = {
        way: np.array([[[k, 4, 4]], [[k + 1, 4, 4]]])
        for k, way in enumerate(("word by word", "forward", "both"))
    }
    given = {"names": names, "f1": lambda runs: runs[..., 0].mean() / 4, "f1_gain": quiet, "told": quiet}
    rows = beside("05_both", "posts-table", **given, posts=of_kind(kind), crossed=lambda *_: (0, 0))
    assert rows == {
        "F1 of names, word by word": (0.125, []), "F1 of names, forward": (0.375, []),
        "F1 of names, both": (0.625, [0.4186] if kind == "real" else []),
    }  # fmt: skip


def test_lab_05_counts_names_over_all_posts_and_takes_the_mean_of_the_runs():
    made = run_cells(
        "05_both", "scorer", np=np, get_entities=lambda tags: [(t, k) for k, t in enumerate(tags) if t != "O"]
    )
    part = [(None, ["A", "O", "B"]), (None, ["O", "A", "O"])]
    runs = [[["A", "O", "A"], ["O", "O", "O"]], [["A", "O", "B"], ["B", "A", "O"]]]
    names = made["counts"](runs, part)
    assert names.tolist() == [[[1, 2, 2], [0, 0, 1]], [[2, 2, 2], [1, 2, 1]]]
    assert made["f1"](names) == pytest.approx(np.mean([2 * 1 / (2 + 3), 2 * 3 / (4 + 3)]))
    assert made["f1"](np.zeros((1, 2, 3), int)) == 0
    assert made["f1_gain"](names[1:], names[:1]) == pytest.approx(6 / 7 - 2 / 5)


@KINDS
def test_lab_06_puts_each_window_beside_windows_of_its_length(kind):
    stub = types.SimpleNamespace(
        windows=lambda _, length: length,
        nats=lambda _, rows: np.ones((1, 300)) * (rows if isinstance(rows, int) else 9),
    )
    given = {"net": NETWORK, "seconds": 1, "text": of_kind(kind), "characters": stub}
    given |= {"intervals": types.SimpleNamespace(bootstrap=lambda _: (0, 0))}
    rows = beside("06_against", "windows", **given, validation_ids=np.zeros(300))
    quoted = {256: [1.4697], 64: [1.88]} if kind == "real" else {256: [], 64: []}
    assert rows == {
        "loss, state carried": (9, []), "loss, fresh windows of 64": (64, quoted[64]),
        "loss, fresh windows of 256": (256, quoted[256]),
    }  # fmt: skip


@KINDS
def test_lessons_draw_published_figures_as_such(kind):
    """Our own bars are not hatched, and theirs stand at their own values."""
    drawn = {}
    stub = types.SimpleNamespace(
        show=quiet,
        bars=lambda values, **more: (
            drawn.update(values=values, **more) or types.SimpleNamespace(set_xlim=quiet)
        ),
    )
    tested = {"our network": 0.5, "our bag of words and pairs": 0.9}
    published = [(0.7, "a paper, test half as validation"), (0.6, "another")] if kind == "real" else []
    run_cells("07_sent", "test-figure", plots=stub, tested=tested, published=published)
    assert list(drawn["values"].items()) == sorted(
        {**tested, **({"a paper": 0.7, "another": 0.6} if published else {})}.items(),
        key=lambda pair: -pair[1],
    )
    assert drawn["hatched"] == (["a paper", "another"] if published else [])


@KINDS
def test_lesson_17_puts_each_bound_beside_networks_of_its_kind(kind):
    scores = {"whole": (3.0, 1.0), "drawer": (2.0, 1.0), "vae": (5.0, 2.0)}
    networks = {name: types.SimpleNamespace(name=name, count_params=lambda: 1) for name in scores}
    histories = dict.fromkeys(("strokes", "with windows", "all at once"), np.ones((1, 4)))
    given = {"STROKES": 10, "histories": histories, "data": of_kind(kind), **networks}
    given["data"].test, given["binarised"] = None, lambda images, seed: images
    rows = beside("17_d", "test-do", **given, score=lambda model, part: scores[model.name])
    name, real = "bound on the negative log-likelihood", kind == "real"
    assert rows == {
        f"{name}, 10 strokes": (3, [93.8, 87.4] * real),
        f"{name}, 10 strokes with windows": (2, [99.7, 80.97] * real),
        f"{name}, all at once": (5, [102.9] * real),
    }
