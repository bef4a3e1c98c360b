"""Pictures of recurrent networks, in the colours of the series (`plots.ROLE`, `plots.GATE`).

Each function draws one picture, on a new figure or on the axes it is given, and returns the axes;
a plotting cell ends with `plots.show("what the figure shows")`.
"""

from utils.diagrams.chains import PATTERNS, pattern, patterns, sequence_to_sequence, tower_and_chain, unrolled
from utils.diagrams.gradients import backward, chunks

__all__ = [
    "PATTERNS",
    "backward",
    "chunks",
    "pattern",
    "patterns",
    "sequence_to_sequence",
    "tower_and_chain",
    "unrolled",
]
