"""Training that can be interrupted."""

import ast
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tools import check, notebooks
from utils import recurrent, resume, training

# What is called where a notebook trains, and does not decide what is trained: it only reports, or the
# settings say which it was.
REPORTS = {
    "04_gru": {"nll"},
    "06_char_rnn_shakespeare": {"report", "write"},
    "07_sentiment_imdb": {"judge", "numbers", "report"},
    "08_image_captioning": {"after_epoch"},
    "09_translation": {"greedy"},
    "11_caption_attention": {"after_epoch"},
    "10_chat": {"after", "after_epoch"},
    "06_against_others": set(),
    "09_is_one_vector_enough": {"turned"},
    "12_speech": {"listen_in", "report"},
    "12_who_aligns": set(),
    "13_lip_reading": {"tell", "watch", "write"},
    "13_does_time_matter": set(),
    "14_video_description": {"five", "mean_pooling", "tell", "write"},  # five: of validation
    "14_what_order_brings": set(),
    "17_draw": {"reseed", "score"},  # reseed: the random numbers of an epoch
    "18_visual_attention": {"error"},
}

# Constants that stand there and decide nothing, or are part of what the settings name.
BESIDE = {
    "06_char_rnn_shakespeare": {"CHUNK", "STREAMS", "TEMPERATURE"},
    "07_sentiment_imdb": {"EAGER", "MY_REVIEW"},
    "08_image_captioning": {"EAGER"},
    "11_caption_attention": {"EAGER"},
    "12_speech": {"EAGER"},
    "13_lip_reading": {"EAGER", "LSTM"},
    "06_against_others": {"CHUNK", "STREAMS"},
    "09_is_one_vector_enough": {"EAGER"},
    "12_who_aligns": {"EAGER", "HEAR"},
    "13_does_time_matter": {"EAGER"},
    "14_video_description": {"EAGER", "SHOWN"},
    "14_what_order_brings": {"EAGER", "LSTM", "SEEDS"},
    "17_draw": {"JIT"},
    "18_visual_attention": {"EAGER"},
}

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def forgotten(notebook, constants=False):
    """What stands where a notebook trains, and does not name its kept training: functions, or constants."""
    trees = [ast.parse(cell.source) for cell in check.code_cells(notebook)]
    defined = {n.name for tree in trees for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    if constants:
        targets = [t for tree in trees for n in tree.body if isinstance(n, ast.Assign) for t in n.targets]
        defined = {t.id for t in targets if isinstance(t, ast.Name) and t.id.isupper()}
    found = None
    for tree in trees:
        places = [
            n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "resume.place"
        ]
        if places:
            whole = [
                f for f in tree.body if isinstance(f, ast.FunctionDef) and set(places) & set(ast.walk(f))
            ] or [tree]
            named = {n.id for p in places for n in ast.walk(p) if isinstance(n, ast.Name)}
            starred = {n.value.id for p in places for n in ast.walk(p)
                       if isinstance(n, ast.Starred) and isinstance(n.value, ast.Name)}  # fmt: skip
            if constants:
                starred |= {name for name in named if name.islower()}
            where = trees if constants else whole
            for n in (n for part in where for n in ast.walk(part) if isinstance(n, ast.Assign)):
                names = {name.id for target in n.targets for name in ast.walk(target)
                         if isinstance(name, ast.Name)}  # fmt: skip
                if names & starred:  # `used = build, ready` before `place(..., *used)`
                    named |= {name.id for name in ast.walk(n.value) if isinstance(name, ast.Name)}
            used = {n.id for part in whole for n in ast.walk(part) if isinstance(n, ast.Name)}
            found = (found or set()) | (used & defined) - named
    return found


def test_what_is_kept_depends_on_all_that_trains_it():
    found = {path.stem: forgotten(notebooks.load(path)) for path in notebooks.all_notebooks()}
    assert {stem: names for stem, names in found.items() if names is not None} == REPORTS


def test_what_is_kept_depends_on_all_constants_that_decide_it():
    found = {path.stem: forgotten(notebooks.load(path), constants=True) for path in notebooks.all_notebooks()}
    assert {stem: names for stem, names in found.items() if names} == BESIDE


def test_what_is_kept_depends_on_the_loop_of_utils_training(monkeypatch, tmp_path):
    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path))
    before = resume.place("01_a", 1)
    assert resume.place("01_a", 1) == before
    assert resume.place("01_a", 2, 3) != resume.place("01_a", 3, 2)
    monkeypatch.setattr(training, "rate_at", lambda step, steps, rate: rate)
    assert resume.place("01_a", 1) != before


def model_of(units: int = 5, rate: float = 0.01, loss: object = "mse", **options) -> keras.Model:
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(units, "tanh"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((4,)), *hidden, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate, **{"clipnorm": 1.0} | options), loss)
    return model


def train(path, epochs, stop_before=None):
    model = model_of()
    losses = resume.go_on(path, model)
    for epoch in range(len(losses), epochs):
        if epoch == stop_before:
            raise KeyboardInterrupt
        order = np.random.default_rng(epoch).permutation(len(X))
        history = model.fit(X[order], Y[order], batch_size=4, shuffle=False, verbose=0).history
        losses.append([history["loss"][0], float(epoch)])
        if path:
            resume.keep(path, model, losses)
    return model, losses


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_that_was_stopped_ends_like_one_that_was_not(stop, tmp_path):
    path = tmp_path / "kept.npz"
    with pytest.raises(KeyboardInterrupt):
        train(path, 4, stop_before=stop)
    resumed, losses = train(path, 4)
    whole, all_losses = train(None, 4)
    assert len(losses) == 4
    np.testing.assert_allclose(losses, all_losses, rtol=1e-6)
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_what_is_complete_is_not_trained_again(tmp_path):
    path = tmp_path / "kept.npz"
    model, _ = train(path, 2)
    again, losses = train(path, 2)
    assert len(losses) == 2
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_is_kept_where_nothing_was(tmp_path):
    assert resume.go_on(None, model_of()) == resume.go_on(tmp_path / "none.npz", model_of()) == []


def test_a_file_cut_off_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "kept.npz"
    train(path, 1)
    path.write_bytes(path.read_bytes()[:-200])
    model = model_of()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"damaged.*remove it"):
        resume.go_on(path, model)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_file_of_another_model_is_refused(tmp_path):
    path = tmp_path / "kept.npz"
    train(path, 1)
    with pytest.raises(ValueError, match="another model"):
        resume.go_on(path, model_of(6))


def doubled(y, p):
    return 2 * keras.ops.mean((y - p) ** 2)


OTHERS = {
    "a schedule": {"rate": keras.optimizers.schedules.CosineDecay(0.01, 40)},
    "clipping": {"clipnorm": 2.0},
    "momentum": {"beta_1": 0.8},
    "a loss by name": {"loss": "mae"},
    "a loss of Keras": {"loss": keras.losses.Huber(0.5)},
    "an own loss": {"loss": doubled},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_optimiser_or_loss_is_noticed_and_changes_nothing(other, tmp_path):
    path = tmp_path / "kept.npz"
    train(path, 1)
    model = model_of(**other)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"kept\.npz belongs to another optimiser or loss.*remove it"):
        resume.go_on(path, model)
    for one, same in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_learning_rate_that_a_callback_has_changed_is_the_same_training(tmp_path):
    path, slower = tmp_path / "kept.npz", keras.callbacks.LearningRateScheduler(lambda epoch: 0.001)
    model = model_of()
    resume.go_on(path, model)
    model.fit(X, Y, verbose=0, callbacks=[slower])
    resume.keep(path, model, [[0.5]])
    again = model_of()
    assert resume.go_on(path, again) == [[0.5]]
    assert float(again.optimizer.learning_rate.numpy()) == pytest.approx(0.001)


def test_losses_that_differ_in_their_settings_alone_are_told_apart():
    said = {resume.learner_of(model_of(loss=keras.losses.Huber(delta))) for delta in (0.5, 1.0, 1.0)}
    assert len(said) == 2


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "kept.npz"
    model, losses = train(path, 1)
    old = path.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(resume.np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        resume.keep(path, model, [*losses, [1.0, 1.0]])
    assert path.read_bytes() == old


def test_an_old_numpy_that_stores_every_keyword_does_no_harm(tmp_path, monkeypatch):
    real = np.savez
    monkeypatch.setattr(resume.np, "savez", lambda file, *args, **kwds: real(file, *args, **kwds, more=[1.0]))
    path = tmp_path / "kept.npz"
    model, losses = train(path, 1)
    assert resume.go_on(path, model) == losses


def adder(number):
    def add(x):
        return x + number

    return add


def test_other_settings_or_another_function_have_another_file(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path))

    def one(x):
        return x + 1

    def other(x):
        return x + 2

    def layer(made):
        if made == 1:

            class Made(keras.layers.Layer):
                def __init__(self):
                    super().__init__()
                    self.size = 1
        else:

            class Made(keras.layers.Layer):
                def __init__(self):
                    super().__init__()
                    self.size = 2

        return Made

    First, Second = layer(1), layer(2)

    long, changed = np.zeros(6000), np.zeros(6000)
    changed[3000] = 1
    settings = [(1,), (2,), (1, one), (1, other), (1, First), (1, Second), (1, long), (1, changed)]
    settings += [(recurrent.LSTM,), (recurrent.SimpleRNN,), ((1, None),)]
    flat = np.zeros(6)  # the same bytes in another shape, and of another type
    settings += [(1, flat), (1, flat.reshape(2, 3)), (1, np.zeros(12, "float32"))]
    paths = [resume.place("99_some", *given) for given in settings]
    assert len(set(paths)) == len(settings)
    assert paths == [resume.place("99_some", *given) for given in settings]
    assert {path.parent for path in paths} == {tmp_path / "99_some"}


def test_a_setting_that_does_not_tell_itself_from_another_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path))
    for setting in (object(), adder(1), {"a": 1}):
        with pytest.raises(TypeError, match="cannot name a file"):
            resume.place("99_some", setting)


SECOND = """
from utils import resume
path = resume.place("99_some", 1)
print(path.name, path == resume.place("99_some", 1))
"""


def second_kernel() -> str:
    root = Path(resume.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", SECOND], cwd=root, capture_output=True, text=True, check=True
    ).stdout


def test_a_second_kernel_does_not_take_over_the_backup_of_a_living_one(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path))
    first = resume.place("99_some", 1)
    said, *_, names = second_kernel().splitlines()
    assert said.startswith("Another kernel trains with the same settings now; this one begins anew")
    name, same = names.split()
    assert name.startswith(f"{first.stem}-")
    assert same == "True"
    assert resume.place("99_some", 1) == first
    resume.LOCKS.pop(first).close()  # as when the first kernel ends
    assert second_kernel() == f"{first.name} True\n"


def test_a_disk_without_locks_does_no_harm(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("not supported")

    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path))
    monkeypatch.setattr(resume.fcntl, "flock", fail)
    assert resume.place("99_some", 2).parent == tmp_path / "99_some"
