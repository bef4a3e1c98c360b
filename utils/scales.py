"""How much work a notebook does: `quick` (tests), `cpu` (stored outputs) or `gpu` (Colab).

Not here: what the constants are. Each notebook states its own, in its `parameters` cell.
"""

import os
from typing import TypeVar

T = TypeVar("T")

SCALES = ("quick", "cpu", "gpu")


def current_scale() -> str:
    """The scale in force: `UNROLLED_SCALE` if set, else `gpu` where TensorFlow sees one, else `cpu`.

    Returns:
        One of `SCALES`.

    Raises:
        ValueError: `UNROLLED_SCALE` is set to something else.
    """
    chosen = os.environ.get("UNROLLED_SCALE", "")
    if chosen in SCALES:
        return chosen
    if chosen:
        raise ValueError(
            f"UNROLLED_SCALE is {chosen!r}; set it to one of {', '.join(SCALES)}, or unset it "
            "to let the machine decide."
        )
    import tensorflow as tf  # here, because it takes seconds and a chosen scale does not need it

    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def scale(*, quick: T, cpu: T, gpu: T) -> T:
    """The value for the scale in force, e.g. `EPOCHS = scale(quick=1, cpu=8, gpu=20)`.

    Args:
        quick: for tests; less work, the same structure (shapes, vocabulary, parameter counts).
        cpu: for two cores and minutes; the stored outputs come from it.
        gpu: for a GPU, as on Colab.

    Returns:
        One of the three, unchanged.
    """
    return {"quick": quick, "cpu": cpu, "gpu": gpu}[current_scale()]
