"""Where test data go in a notebook, followed through names, containers and functions."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools import flow, notebooks


def found(*cells):
    return flow.check_flow(new_notebook(cells=[new_code_cell(source) for source in cells]))


START = "data = imdb()\nx_train, y_train = numbers(data.train)\nx_val, y_val = numbers(data.validation)"
TEST = "x_test, y_test = numbers(data.test)"
REACH = {
    "under its own name": "model.fit(x_test, y_test)",
    "as validation data": "model.fit(x_train, y_train, validation_data=(x_test, y_test))",
    "under another name": "more = x_test[:100]\nmodel.fit(more, y_train)",
    "as part of another array": "both = np.concatenate([x_train, x_test])\nmodel.fit(both, y)",
    "in a list": "rows = [*data.train.texts, *data.test.texts]\nvocabulary = word_list(rows)",
    "in a list that grows": "rows = list(x_train)\nrows.append(x_test[0])\nmodel.train_on_batch(rows)",
    "in a dictionary": "parts = {'train': data.train, 'test': data.test}\nmodel.fit(parts['test'])",
    "in a dictionary, the wrong key": "s = {n: numbers(getattr(data, n)) for n in ('train', 'test')}\n"
    "model.fit(*s['test'])",
    "in one that grows": "s = {'train': data.train}\ns |= {'train': data.test}\nmodel.fit(s['train'])",
    "standardised": "seen = standardised({'train': data.train, 'test': data.test})\nmodel.fit(seen['test'])",
    "by an element that is set": "s = {}\ns['train'] = numbers(data.test)\nmodel.fit(*s['train'])",
    "through the notebook's function": "def learn(x, y):\n    model.fit(x, y)\n\nlearn(x_test, y_test)",
    "through two of them": "def learn(x):\n    model.fit(x)\n\n"
    "def trial(name, *, given):\n    learn(given)\n\ntrial('a', given=x_test)",
    "from within a function": "def learn(x):\n    model.fit(np.concatenate([x, x_test]))\n\nlearn(x_train)",
    "by a function that returns it": "def more():\n    return x_test\n\nmodel.fit(more())",
    "by a function that is handed on": "def batches(rng):\n    yield x_test\n\ntrain(model, batches, 3)",
    "in a loop": "for x, y in ((x_train, y_train), (x_test, y_test)):\n    model.fit(x, y)",
    "in a loop over pairs": "for name, x in {'a': x_train, 'b': x_test}.items():\n    model.fit(x)",
    "in a comprehension": "made = [train(model, x) for x in (x_val, x_test)]",
    "as its statistics": "mean = x_test.mean(axis=0)\nmodel.fit(x_train - mean, y_train)",
    "to a layer that adapts": "vectorize.adapt(data.test.texts)",
    "as counts": "counts = Counts(text.test)",
    "as a threshold": "threshold = np.median(model.predict(x_test))",
    "as a choice": "chosen_rate = max(rates, key=lambda rate: accuracy(models[rate], x_test))",
    "as a choice by scores": "scores = {r: accuracy(models[r], x_test) for r in rates}\n"
    "best_rate = max(scores, key=scores.get)",
    "as calibration": "calibration = fit_temperature(model.predict(x_test), y_test)",
    "as one of two": "x = x_train if large else x_test\nmodel.fit(x)",
    "in one of two dictionaries": "one, two = {'a': x_train, 'b': x_val}, {'a': x_test, 'b': x_val}\n"
    "s = one if large else two\nmodel.fit(s['a'])",
    "as what decides between two": "one, two = {'a': x_train, 'b': x_val}, {'a': x_val, 'b': x_val}\n"
    "s = one if x_test.mean() > 0 else two\nmodel.fit(s['a'])",
    "as a setting of the training": "rate = 0.1 if score(model, x_test) > 0.5 else 0.2\n"
    "history = train(model, x_train, rate=rate)",
}


@pytest.mark.parametrize("way", REACH)
def test_test_data_that_reach_training_or_a_choice_are_noticed(way):
    assert len(found(START, TEST, REACH[way])) == 1
    honest = REACH[way].replace("_test", "_val").replace("data.test", "data.validation")
    assert found(START, honest.replace("text.test", "text.train").replace("'test'", "'dev'")) == []


HONEST = [
    "one, two = {'train': x_train, 'test': x_test}, {'train': x_val, 'test': x_test}\n"
    "s = one if large else two\nmodel.fit(s['train'])",
    "model.fit(x_train, y_train, validation_data=(x_val, y_val))\nshare = accuracy(model, x_test)\n"
    "card.add('test accuracy', share)",
    "parts = {n: numbers(getattr(data, n)) for n in ('train', 'validation', 'test')}\n"
    "model.fit(*parts['train'])",
    "parts = {'train': data.train, 'test': data.test}\nmodel.fit(parts['train'])",
    "s = captions.standardised({n: getattr(data, n) for n in ('train', 'test')})\nmodel.fit(s['train'])",
    "parts = {'train': data.train}\nparts |= {'test': data.test}\nmodel.fit(parts['train'])",
    "for name in ('train', 'test'):\n    x = numbers(getattr(data, name))\nx = x_train\nmodel.fit(x)",
    "train_set, test = (numbers(part) for part in (data.train, data.test))\nmodel.fit(train_set)",
    "def batches(rng):\n    yield x_train\ntraining.train(model, batches, 3)",
    "def compete(x, y, x_new):\n    model.fit(x, y)\n    return model.predict(x_new)\n\n"
    "right = compete(x_train, y_train, x_test) == y_test",
    "scores = [accuracy(m, x_test) for m in models]\nmodel = models[0]\nmodel.fit(x_train)",
    "print(len(data.test.texts))\nmodel.fit(x_train[: len(x_test)])",
    "x_test = x_train\nx_test = x_test + 1\nx = x_val\nthreshold = np.median(model.predict(x))",
]


@pytest.mark.parametrize("source", HONEST)
def test_honest_code_passes(source):
    assert found(START, TEST, source) == []


def test_a_cell_that_is_not_python_is_passed_over():
    assert found("if 1:\n    !false", TEST.replace("data", "imdb()"), "model.fit(x_test)") != []


def test_what_was_read_by_somebody_is_there_and_would_be_noticed():
    for stem in flow.READ:
        (path,) = (path for path in notebooks.all_notebooks() if path.stem == stem)
        assert flow.check_flow(notebooks.load(path))
        assert not flow.check_flow(notebooks.load(path), stem)


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.stem)
def test_a_notebook_that_learnt_from_all_that_it_scores_would_be_noticed(path):
    """The attribute `test` in place of `train`: whatever the notebook learns from is then marked."""
    notebook = notebooks.load(path)
    source = "".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    if ".test" not in source or ".train" not in source:
        pytest.skip("it has no data with a test part")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"\.train\b(?!\()", ".test", cell.source)  # no function
    assert flow.check_flow(notebook)
