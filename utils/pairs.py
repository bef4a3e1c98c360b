"""The layer that makes a pyramid of recurrent layers: two steps become one."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("unrolled")
class Pairs(keras.layers.Layer):
    """Two steps side by side: `(batch, time, features)` -> `(batch, time / 2, 2 features)`.

    Between two recurrent layers it halves the steps of the upper one. A pair counts in the mask if one of
    its steps does. Source: Chan, Jaitly, Le and Vinyals (2016), Listen, attend and spell, equation 5.

    The number of steps may differ from batch to batch, but must be even.

    Raises:
        ValueError: the number of steps is known to be odd.
    """

    supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if (input_shape[1] or 0) % 2:
            raise ValueError(f"Pairs need an even number of steps, not {input_shape[1]}; pad to one.")

    def call(self, x: Any) -> Any:
        return ops.reshape(x, (-1, ops.shape(x)[1] // 2, 2 * x.shape[2]))

    def compute_output_spec(self, x: Any) -> Any:
        steps = None if x.shape[1] is None else x.shape[1] // 2
        return keras.KerasTensor((x.shape[0], steps, 2 * x.shape[2]), x.dtype)

    def compute_mask(self, x: Any, previous_mask: Any = None) -> Any:
        if previous_mask is None:
            return None
        return ops.logical_or(previous_mask[:, ::2], previous_mask[:, 1::2])
