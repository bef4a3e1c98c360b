"""Pictures of recurrent networks, in the colours of the series (`plots.ROLE`, `plots.GATE`).

Each function draws one picture, on a new figure or on the axes it is given, and returns the axes;
a plotting cell ends with `plots.show("what the figure shows")`.
"""

from utils.diagrams import captions, shapes
from utils.diagrams.captions import WAYS, captioner, looking_captioner
from utils.diagrams.cells import GRU_PARTS, LSTM_PARTS, gru_cell, lstm_cell
from utils.diagrams.chains import PATTERNS, pattern, patterns, sequence_to_sequence, tower_and_chain, unrolled
from utils.diagrams.devices import data_parallel
from utils.diagrams.dialogue import hierarchical
from utils.diagrams.drawing import strokes
from utils.diagrams.glimpses import glimpses
from utils.diagrams.gradients import backward, chunks
from utils.diagrams.labels import labeller
from utils.diagrams.language import embedding_to_answer, sampling_loop, streams, training_shift
from utils.diagrams.layers import bidirectional, pyramid, stacked
from utils.diagrams.segments import mean_field
from utils.diagrams.speech import collapsing, ctc_lattice
from utils.diagrams.translation import Branch, beam_tree, encoder_decoder

__all__ = [
    "GRU_PARTS",
    "LSTM_PARTS",
    "PATTERNS",
    "WAYS",
    "Branch",
    "backward",
    "beam_tree",
    "bidirectional",
    "captioner",
    "captions",
    "chunks",
    "collapsing",
    "ctc_lattice",
    "data_parallel",
    "embedding_to_answer",
    "encoder_decoder",
    "glimpses",
    "gru_cell",
    "hierarchical",
    "labeller",
    "looking_captioner",
    "lstm_cell",
    "mean_field",
    "pattern",
    "patterns",
    "pyramid",
    "sampling_loop",
    "sequence_to_sequence",
    "shapes",
    "stacked",
    "streams",
    "strokes",
    "tower_and_chain",
    "training_shift",
    "unrolled",
]
