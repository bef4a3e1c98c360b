"""One compiled Keras model, trained again and again: other seeds, other learning rates.

To compile a small recurrent network takes longer than to train it, so an experiment with many seeds builds
each kind of network once, and begins anew with `restart`:

    from utils.restart import falling, restart

    model = build(units=32)
    model.compile("adam", loss)
    for seed in range(5):
        restart(model, seed)
        model.fit(x, y, epochs=8, callbacks=[falling(5e-3, 8)])

Not here: training that differs in shapes (a model for each), many networks at once (`side_by_side`).
"""

import math

import keras
import numpy as np


def restart(model: keras.Model, seed: int) -> None:
    """Give a compiled model new starting weights, and its optimiser no memory of what it did.

    Keras' random seed is set, so that order of data and dropout are the seed's too, up to the state of
    dropout layers, which goes on.

    Args:
        model: compiled; functional or sequential, with inputs of known rank.
        seed: of the new weights; the same seed gives the same weights.

    Raises:
        ValueError: the model is not compiled.
    """
    if not model.compiled:
        raise ValueError("Only a compiled model can be started again: call model.compile(...) first.")
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    for variable in model.optimizer.variables:
        variable.assign(np.zeros(variable.shape, dtype=variable.dtype))


def falling(rate: float, epochs: int) -> keras.callbacks.Callback:
    """A learning rate that falls along half a cosine wave, epoch by epoch (Loshchilov and Hutter 2017).

    Args:
        rate: in the first epoch.
        epochs: until it would be zero; 1 or more.
    """
    return keras.callbacks.LearningRateScheduler(
        lambda epoch: rate * (1 + math.cos(math.pi * epoch / epochs)) / 2
    )
