"""What the training of captioners and translators has in common: the loop, its rate, new weights.

Not here: batches and losses, which `utils.captions` and `utils.seq2seq` have, each its own; a loop that a
lesson shows.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from utils import resume

Loss = Callable[[Any, Any], Any]


def rate_at(step: int, steps: int, rate: float) -> float:
    """A learning rate that grows to `rate` in the first tenth of the steps, and falls along a cosine."""
    warm = max(min(200, steps // 10), 1)
    if step < warm:
        return rate * (step + 1) / warm
    return rate * (0.01 + 0.99 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1))) / 2)


def size_for(budget: int, count: Callable[[int], int]) -> int:
    """The hidden units with which a network comes nearest to a number of parameters.

    Args:
        budget: the number of parameters that is wanted.
        count: from hidden units to parameters; more units have more.
    """
    low, high = 1, 4
    while count(high) < budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < budget else (low, middle)
    return min(low, high, key=lambda units: abs(count(units) - budget))


def start_again(model: keras.Model, seed: int, loss: Loss, eager: bool) -> None:
    """New weights, as the seed gives them, for a model that may be compiled already."""
    keras.utils.set_random_seed(seed)
    if getattr(model, "unrolled_loss", None) != (loss, eager):
        model.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), loss, run_eagerly=eager, jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        model.unrolled_loss = loss, eager
    fresh = keras.Model.from_config(model.get_config())  # not clone_model, which would compile it too
    model.set_weights(fresh.get_weights())
    for variable in model.optimizer.variables:
        if variable is not model.optimizer._learning_rate:
            variable.assign(ops.zeros_like(variable))
    for layer in model.layers:
        if isinstance(layer, layers.Dropout) and layer.rate:
            layer.seed_generator.state.assign(keras.random.SeedGenerator(seed).state)


def train(
    model: keras.Model,
    batches: Callable[[np.random.Generator], Iterable[tuple[Any, Any]]],
    count: int,
    epochs: int,
    rate: float,
    *,
    seed: int,
    loss: Loss,
    score: Callable[[], float] | None = None,
    start: Sequence[np.ndarray] | None = None,
    path: Path | None = None,
    report: Callable[[int, list[float]], Sequence[float]] | None = None,
    eager: bool = False,
) -> list[list[float]]:
    """Train a network, from new weights or given ones, with Adam and clipped gradients.

    A model that was trained before is not compiled again, which would take longer than to train it: seeds
    and learning rates are tried one after the other with the same model.

    Args:
        model: not compiled, or compiled here before.
        batches: gives the inputs and targets of an epoch, in an order drawn from the generator.
        count: batches in an epoch.
        epochs: how often it goes through all of them.
        rate: the highest learning rate, see `rate_at`.
        seed: of the weights, of dropout and of the order.
        loss: from targets and outputs to a number.
        score: called after each epoch; what it returns is kept as the validation loss.
        start: weights to begin with, as `get_weights` gives them; new ones, by the seed, if None.
        path: where the training is kept after each epoch, and goes on from, see `utils.resume`.
        report: called after each epoch with its number, from 1, and its figures; it returns further figures,
            as many each time, that are kept with them.
        eager: do not compile; for a few batches that is faster.

    Returns:
        For each epoch the mean training loss (of the batches, with dropout), what `score` returned (nan
        without), the seconds of training, and what `report` returned.
    """
    start_again(model, seed, loss, eager)
    if start is not None:
        model.set_weights(start)
    history = resume.go_on(path, model)
    for epoch in range(len(history), epochs):
        begun, losses = time.perf_counter(), []
        for k, (inputs, targets) in enumerate(batches(np.random.default_rng((seed, epoch)))):
            model.optimizer.learning_rate = rate_at(epoch * count + k, epochs * count, rate)
            model.reset_metrics()  # else some versions of Keras give the mean of the batches so far
            losses.append(model.train_on_batch(inputs, targets))
        seconds = time.perf_counter() - begun
        row = [float(np.mean(losses)), score() if score is not None else math.nan, seconds]
        history.append([*row, *(report(epoch + 1, row) if report is not None else [])])
        if path is not None:
            resume.keep(path, model, history)
    return history
