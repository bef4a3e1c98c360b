"""MNIST, however it is packed, and the drawn digits that stand in for it."""

import numpy as np
import pytest

from utils import datasets
from utils.datasets import common, digits
from utils.fetch import DataError, Remote, Unavailable
from utils.samples import handwriting

RNG = np.random.default_rng(0)
ARRAYS = {
    "x_train": RNG.integers(0, 256, (12, 28, 28)).astype(np.uint8),
    "y_train": RNG.integers(0, 10, 12).astype(np.uint8),
    "x_test": RNG.integers(0, 256, (5, 28, 28)).astype(np.uint8),
    "y_test": RNG.integers(0, 10, 5).astype(np.uint8),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder for a tiny MNIST, of which the last three training pictures are the validation part."""
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    monkeypatch.setattr(digits, "VALIDATION", 3)
    whole = digits.hashlib.sha256(b"".join(array.tobytes() for array in ARRAYS.values())).hexdigest()
    monkeypatch.setattr(digits, "CONTENT", whole)
    return tmp_path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mnist_however_it_is_packed(save, folder):
    save(folder / "mnist.npz", **dict(reversed(ARRAYS.items())))
    data = datasets.mnist()
    assert (data.source.name, data.source.kind, data.source.origin) == ("MNIST", "real", "UNROLLED_DATA")
    assert (data.train[0] == ARRAYS["x_train"][:9]).all()
    assert (data.validation[0] == ARRAYS["x_train"][9:]).all()
    assert (data.test[0] == ARRAYS["x_test"]).all()
    assert (data.train[1] == ARRAYS["y_train"][:9]).all()
    assert (data.validation[1] == ARRAYS["y_train"][9:]).all()
    assert (data.test[1] == ARRAYS["y_test"]).all()
    assert data.train[1].dtype == int
    few = datasets.mnist(2)
    assert [len(part[0]) for part in (few.train, few.validation, few.test)] == [2, 2, 2]
    assert (few.validation[1] == ARRAYS["y_train"][9:11]).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x_test": ARRAYS["x_test"][::-1]}, "mnist.npz"),
        ({"y_train": ARRAYS["y_train"].astype(object)}, "mnist.npz"),
        ({"y_test": None}, "mnist.npz"),
    ],
)
def test_another_mnist_is_refused(changed, said, folder):
    arrays = {name: array for name, array in (ARRAYS | changed).items() if array is not None}
    np.savez(folder / "mnist.npz", **arrays)
    with pytest.raises(DataError, match=said):
        datasets.mnist()


def test_a_damaged_mnist_is_refused(folder):
    np.savez(folder / "mnist.npz", **ARRAYS)
    whole = (folder / "mnist.npz").read_bytes()
    for spoilt in (whole[: len(whole) // 2], b"a page"):
        (folder / "mnist.npz").write_bytes(spoilt)
        with pytest.raises(DataError, match=r"mnist\.npz"):
            datasets.mnist()


def test_without_mnist_digits_are_drawn(monkeypatch, tmp_path, capsys):
    def cut_off(remote: Remote, **_):
        raise Unavailable("no network")

    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    monkeypatch.setattr(common, "fetch", cut_off)
    data = datasets.mnist()
    assert data.source.kind == "sample"
    assert "drawn by a program" in capsys.readouterr().out
    assert [len(part[1]) for part in (data.train, data.validation, data.test)] == [1000, 300, 300]
    again = datasets.mnist(7)
    assert (again.train[0] == data.train[0][:7]).all()
    assert np.bincount(data.test[1], minlength=10).min() > 10


def test_drawn_digits_are_told_by_their_nearest_neighbour():
    pictures, labels = handwriting.draw_digits(np.random.default_rng(1), 1200)
    assert pictures.shape == (1200, 28, 28)
    assert pictures.dtype == np.uint8
    flat = pictures.reshape(1200, -1) / 255
    known, asked = flat[:1000], flat[1000:]
    distances = (known**2).sum(1) - 2 * asked @ known.T
    assert (labels[:1000][distances.argmin(axis=1)] == labels[1000:]).mean() > 0.9
    assert not (pictures[0] == pictures[1]).all()
    border = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]])
    assert (border > 0).mean() < 0.02  # none is cut off
    same, _ = handwriting.draw_digits(np.random.default_rng(1), 3)
    assert same.shape == (3, 28, 28)
