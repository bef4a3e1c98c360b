"""Every picture: drawn without warnings, its words whole and apart, the same twice, and small."""

import base64
import itertools
import json
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, FancyBboxPatch, Polygon

from tools.nbval import record
from tools.nbval.looks import looks
from utils import diagrams, plots

BRANCHES = [
    [diagrams.Branch("a", 0, -0.5), diagrams.Branch("two", 0, -2.6, kept=False)],
    [diagrams.Branch("man", 0, -1.9), diagrams.Branch("dog", 0, -1.1)],
    [diagrams.Branch("runs", 1, -1.8), diagrams.Branch("jumps", 0, -2.5, kept=False)],
]

PICTURES = {
    "unrolled": lambda axes=None: diagrams.unrolled(4, axes=axes),
    "unrolled, folded, with weights": lambda axes=None: diagrams.unrolled(
        3, weights=("$W_x$", "$W_h$", "$W_y$"), start="$h_0$", folded=True, axes=axes
    ),
    "unrolled, hello": lambda axes=None: diagrams.unrolled(
        4, input_texts=list("hell"), output_texts=list("ello"), names=True, axes=axes
    ),
    "unrolled, one answer": lambda axes=None: diagrams.unrolled(
        4, outputs=[3], input_texts=["what", "a", "great", "film"], output_texts=["positive"], axes=axes
    ),
    "unrolled, no inputs": lambda axes=None: diagrams.unrolled(3, inputs=[], axes=axes),
    **{
        f"pattern {name}": lambda axes=None, name=name: diagrams.pattern(name, axes)
        for name in diagrams.PATTERNS
    },
    "patterns": diagrams.patterns,
    "sequence to sequence, every step": lambda axes=None: diagrams.sequence_to_sequence(
        every_step=True, axes=axes
    ),
    "tower and chain": lambda axes=None: diagrams.tower_and_chain(axes=axes),
    "glimpses": lambda axes=None: diagrams.glimpses(axes=axes),
    "glimpses, four": lambda axes=None: diagrams.glimpses(4, last="7", axes=axes),
    "backward": lambda axes=None: diagrams.backward(axes=axes),
    "backward, fading": lambda axes=None: diagrams.backward(5, losses=[4], shrink=0.6, axes=axes),
    "backward, with derivatives": lambda axes=None: diagrams.backward(4, losses=[3], labels=True, axes=axes),
    "backward, derivatives without inputs": lambda axes=None: diagrams.backward(
        4, losses=[3], labels=True, inputs=False, axes=axes
    ),
    "chunks": lambda axes=None: diagrams.chunks(axes=axes),
    "chunks, plain": lambda axes=None: diagrams.chunks(6, 2, losses=False, key=False, axes=axes),
    "lstm": lambda axes=None: diagrams.lstm_cell(axes=axes),
    "lstm, forget gate": lambda axes=None: diagrams.lstm_cell(["cell", "forget"], axes=axes),
    "lstm 1997": lambda axes=None: diagrams.lstm_cell(year=1997, axes=axes),
    "lstm 2002": lambda axes=None: diagrams.lstm_cell(year=2002, axes=axes),
    "lstm, compact": lambda axes=None: diagrams.lstm_cell(year=2002, compact=True, axes=axes),
    "gru": lambda axes=None: diagrams.gru_cell(axes=axes),
    "gru, update gate": lambda axes=None: diagrams.gru_cell("update", axes=axes),
    "gru, reset before, 1 - z": lambda axes=None: diagrams.gru_cell(reset="before", keeps="1 - z", axes=axes),
    "gru, reset after": lambda axes=None: diagrams.gru_cell(reset="after", axes=axes),
    "gru, compact": lambda axes=None: diagrams.gru_cell(compact=True, axes=axes),
    "gru, compact, other way": lambda axes=None: diagrams.gru_cell(
        reset="after", keeps="1 - z", compact=True, axes=axes
    ),
    "stacked": lambda axes=None: diagrams.stacked(axes=axes),
    "stacked, two layers, five steps": lambda axes=None: diagrams.stacked(2, 5, names=False, axes=axes),
    "bidirectional": lambda axes=None: diagrams.bidirectional(axes=axes),
    "bidirectional, letters": lambda axes=None: diagrams.bidirectional(
        3, input_texts=list("ACG"), output_texts=["junction", "no", "no"], names=False, axes=axes
    ),
    "pyramid": lambda axes=None: diagrams.pyramid(axes=axes),
    "training shift": lambda axes=None: diagrams.training_shift(axes=axes),
    "training shift, special": lambda axes=None: diagrams.training_shift("a b\n$c_", axes=axes),
    "sampling loop": lambda axes=None: diagrams.sampling_loop(axes=axes),
    "streams": lambda axes=None: diagrams.streams(axes=axes),
    "streams, many": lambda axes=None: diagrams.streams("abcdefgh" * 5, rows=4, columns=5, axes=axes),
    "embedding to answer": lambda axes=None: diagrams.embedding_to_answer(axes=axes),
    "embedding to answer, long": lambda axes=None: diagrams.embedding_to_answer(
        ["not", "as", "bad", "as", "expected"], [5, 17, 380, 17, 2041], answer="0.71 positive", axes=axes
    ),
    **{
        f"captioner, {way}": lambda axes=None, way=way: diagrams.captioner(way, axes=axes)
        for way in diagrams.WAYS
    },
    "captioner, own photo": lambda axes=None: diagrams.captioner(
        photo=np.full((30, 40, 3), 128, "uint8"), axes=axes
    ),
    "looking captioner": lambda axes=None: diagrams.looking_captioner(axes=axes),
    "looking captioner, own photo": lambda axes=None: diagrams.looking_captioner(
        words=("a", "dog"),
        weights=np.eye(7),
        step=2,
        photo=np.full((30, 40, 3), 128, "uint8"),
        axes=axes,
    ),
    "data parallel": lambda axes=None: diagrams.data_parallel(axes=axes),
    "encoder and decoder": lambda axes=None: diagrams.encoder_decoder(axes=axes),
    "encoder and decoder, attention": lambda axes=None: diagrams.encoder_decoder(
        attention=True, step=2, axes=axes
    ),
    "hierarchical": lambda axes=None: diagrams.hierarchical(axes=axes),
    "labeller": lambda axes=None: diagrams.labeller(axes=axes),
    "labeller, each for itself, own photo": lambda axes=None: diagrams.labeller(
        ("water", "people"), chained=False, photo=np.full((30, 40, 3), 128, "uint8"), axes=axes
    ),
    "mean field": lambda axes=None: diagrams.mean_field(axes=axes),
    "mean field, one iteration, own photo": lambda axes=None: diagrams.mean_field(
        1, photo=np.full((30, 40, 3), 128, "uint8"), axes=axes
    ),
    "beam tree": lambda axes=None: diagrams.beam_tree(BRANCHES, axes=axes),
    "collapsing": lambda axes=None: diagrams.collapsing(axes=axes),
    "lattice": lambda axes=None: diagrams.ctc_lattice(axes=axes),
    "lattice, a path": lambda axes=None: diagrams.ctc_lattice("EGG", 7, path="E–GG–G–", axes=axes),
}


@pytest.fixture(autouse=True)
def figures():
    with plt.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of one library to another; not about the picture
        plots.use_style()
        yield
    plt.close("all")


def drawn(name):
    axes = PICTURES[name]()
    axes.figure.canvas.draw()
    return axes


def stored(name, monkeypatch):
    """The bytes that a notebook would hold."""
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    PICTURES[name]()
    plots.show(name)
    return base64.b64decode(shown[0]._repr_mimebundle_()[0]["image/png"])


def color_of(axes, name):
    """Colours of the patches of one name."""
    patches = [patch for patch in axes.patches if patch.get_gid() == name]
    assert patches, f"nothing is named {name}"
    return {to_hex(patch.get_facecolor()) for patch in patches}


@pytest.mark.parametrize("name", PICTURES)
def test_texts_are_whole_apart_and_inside_their_boxes(name):
    axes = drawn(name)
    figure = axes.figure
    texts = [text for text in axes.texts if text.get_text().strip()]
    extents = [text.get_window_extent() for text in texts]
    for text, extent in zip(texts, extents, strict=True):
        assert figure.bbox.x0 <= extent.x0 < extent.x1 <= figure.bbox.x1, text.get_text()
        assert figure.bbox.y0 <= extent.y0 < extent.y1 <= figure.bbox.y1, text.get_text()
    for (one, a), (two, b) in itertools.combinations(zip(texts, extents, strict=True), 2):
        apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        assert apart, f"{one.get_text()!r} lies on {two.get_text()!r}"
    boxes = [
        patch for patch in axes.patches if isinstance(patch, (FancyBboxPatch, Circle)) or patch.get_gid()
    ]
    for text, extent in zip(texts, extents, strict=True):
        x, y = (extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2
        around = [patch for patch in boxes if patch.get_window_extent().contains(x, y)]
        ground = "white"
        if around:
            inner = max(around, key=lambda patch: patch.get_zorder())
            ground, frame = to_hex(inner.get_facecolor()), inner.get_window_extent()
            assert frame.x0 <= extent.x0 < extent.x1 <= frame.x1, f"{text.get_text()!r} sticks out of its box"
        assert plots.contrast(text.get_color(), ground) >= 4.5, text.get_text()


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_picture_twice_and_small(name, monkeypatch):
    once = stored(name, monkeypatch)
    assert once == stored(name, monkeypatch)
    assert len(once) < 80_000


def test_each_picture_is_the_recorded_one():
    """Where each box, arrow and word is, and its colour; `make record` keeps what is meant."""
    file, found = Path(__file__).with_name("pictures.json"), {}
    for name in PICTURES:
        figure = drawn(name).figure
        found[name] = record.together(list(record.drawn(figure).values()), 0)
        found[record.LOOKS + name] = record.together(list(looks(figure).values()), 0)
        plt.close("all")
    if os.environ.get("UNROLLED_RECORD"):
        lines = [f" {json.dumps(name)}: {json.dumps(leaf)}" for name, leaf in found.items()]
        file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    assert record.compare(json.loads(file.read_text(encoding="utf-8")), found) == []


@pytest.mark.parametrize(
    "name", ["unrolled", "chunks", "lstm", "streams", "captioner, first step", "beam tree"]
)
def test_a_picture_shrinks_with_its_axes(name):
    full = PICTURES[name]()
    size = full.texts[0].get_fontsize() if full.texts else 0
    _, axes = plt.subplots(1, 3, figsize=(6.4, 2.2))
    assert PICTURES[name](axes[1]) is axes[1]
    assert not axes[1].texts or axes[1].texts[0].get_fontsize() < size


def test_roles_have_their_colours():
    axes = drawn("unrolled")
    for role in ("input", "state", "output"):
        assert color_of(axes, role) == {plots.ROLE[role].lower()}


def test_unrolled_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="the steps are 0 to 3"):
        diagrams.unrolled(4, outputs=[4])
    with pytest.raises(ValueError, match="3 input texts for 4 nodes"):
        diagrams.unrolled(4, input_texts=["a", "b", "c"])


def test_an_unknown_pattern_names_the_choices():
    with pytest.raises(
        ValueError, match=r"'one to none'; choose one of 'one to one', .*'sequence to sequence'"
    ):
        diagrams.pattern("one to none")


def heads(axes, color):
    """How many arrows of a colour there are."""
    return sum(
        isinstance(patch, Polygon) and to_hex(patch.get_facecolor()) == color.lower()
        for patch in axes.patches
    )


def test_gradients_run_from_each_loss_to_the_first_step_in_red():
    assert heads(drawn("backward"), plots.RED) == 4 + 3
    assert heads(diagrams.backward(5, losses=[1]), plots.RED) == 1 + 1


def test_the_gradient_runs_back_along_the_chain():
    red = [
        p
        for p in drawn("backward").patches
        if isinstance(p, Polygon) and to_hex(p.get_facecolor()) == plots.RED.lower()
    ]
    tips = [
        p.get_xy()[0] - p.get_xy()[1:3].mean(axis=0) for p in red
    ]  # from the middle of the base to the tip
    sideways = [tip for tip in tips if abs(tip[0]) > abs(tip[1])]
    assert len(sideways) == 3
    assert all(tip[0] < 0 for tip in sideways)


def test_the_gradient_stops_at_each_cut_and_the_state_does_not():
    axes = diagrams.chunks(9, 3, key=False)
    assert heads(axes, plots.RED) == 9 + 6
    assert heads(axes, plots.ROLE["state"]) == 2


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: diagrams.backward(4, losses=[]), "at least one step"),
        (lambda: diagrams.backward(4, shrink=1.5), "above 0, at most 1"),
        (lambda: diagrams.chunks(4, 5), "1 to 4"),
    ],
)
def test_gradients_refuse_what_does_not_fit(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_both_directions_feed_every_output():
    axes = diagrams.bidirectional(3, names=False)
    assert len([patch for patch in axes.patches if isinstance(patch, Polygon)]) == 3 * 4 + 2 * 2
    outputs = [patch.get_window_extent() for patch in axes.patches if patch.get_gid() == "output"]
    tips = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, Polygon)]
    for output in outputs:
        assert (
            sum(abs(tip.y1 - output.y0) < 1.5 and output.x0 < tip.x0 < tip.x1 < output.x1 for tip in tips)
            == 2
        )


def test_a_pyramid_halves_its_steps():
    axes = diagrams.pyramid(3, 8)
    named = [patch.get_gid() for patch in axes.patches]
    assert named.count("input") == 8
    assert named.count("state") == 8 + 4 + 2
    texts = [text.get_text() for text in axes.texts]
    assert [sum(text.endswith(f"^{{({layer})}}$") for text in texts) for layer in (1, 2, 3)] == [8, 4, 2]


def test_the_targets_are_the_inputs_one_further():
    texts = [text.get_text() for text in diagrams.training_shift("hello").texts]
    assert [texts[3::2], texts[4::2]] == [list("hell"), list("ello")]


def test_streams_hold_the_text_in_order():
    texts = [text.get_text() for text in diagrams.streams("abcdefghijkl", rows=2, columns=3).texts]
    assert [text for text in texts if len(text) == 2] == ["ab", "cd", "ef", "gh", "ij", "kl"]


@pytest.mark.parametrize(("way", "arrows"), [("first step", 1), ("initial state", 1), ("every step", 4)])
def test_the_image_enters_as_often_as_its_way_says(way, arrows):
    assert heads(diagrams.captioner(way), diagrams.captions.IMAGE) == arrows


@pytest.mark.parametrize(("chained", "arrows"), [(True, 4), (False, 3)])
def test_the_vector_reaches_each_step_or_each_label(chained, arrows):
    assert heads(diagrams.labeller(chained=chained), diagrams.captions.IMAGE) == arrows


@pytest.mark.parametrize("steps", [1, 4])
def test_kernels_reach_each_iteration_but_not_its_start(steps):
    assert heads(diagrams.mean_field(steps), diagrams.captions.IMAGE) == steps + 1


def test_attention_draws_a_line_from_each_word():
    assert heads(diagrams.encoder_decoder(attention=[0.2, 0.5, 0.3]), plots.ORANGE) == 3 + 1
    assert heads(diagrams.encoder_decoder(), plots.ORANGE) == 0


def test_a_captioner_looks_at_places_and_their_mean_sets_its_state():
    axes = diagrams.looking_captioner(weights=np.eye(5), step=0)
    assert heads(axes, diagrams.captions.IMAGE) == 1
    assert heads(axes, plots.ORANGE) == 2  # to the context, and from there to one word
    names = [patch.get_gid() for patch in axes.patches]
    assert names.count("place") == 25
    assert names.count("state") == names.count("state with context") == names.count("output") == 4
    lit = [patch.get_alpha() for patch in axes.patches if patch.get_gid() == "place"]
    assert lit == np.eye(5).ravel().tolist()


def test_the_context_joins_the_state_after_the_step():
    names = [patch.get_gid() for patch in diagrams.encoder_decoder(attention=True, step=2).patches]
    assert names.count("decoder state") == names.count("decoder state with context") == 4
    plain = [patch.get_gid() for patch in diagrams.encoder_decoder().patches]
    assert "decoder state with context" not in plain


def test_paths_of_one_text_collapse_to_it():
    texts = [text.get_text() for text in diagrams.collapsing(["BB–E", "B–EE", "––B–"]).texts]
    assert [texts.count(word) for word in ("BE", "B")] == [
        2,
        5,
    ]  # "B" in four boxes of frames, and once as a text
    names = [patch.get_gid() for patch in diagrams.collapsing(["BB–E"]).patches]
    assert [names.count(name) for name in ("symbol", "blank", "output")] == [3, 1, 1]


def test_the_lattice_skips_only_between_symbols_that_differ():
    def arrows(text, frames):
        return sum(isinstance(patch, Polygon) for patch in diagrams.ctc_lattice(text, frames).patches)

    # two frames: A then B alone, for AB; A blank, blank A, A A for A
    assert arrows("AB", 2) == 1
    assert arrows("A", 2) == 3
    assert arrows("AA", 3) == 2  # A, blank, A
    assert arrows("AB", 3) == 4 + 4  # -AB, A-B, AAB, ABB, AB-
    axes = diagrams.ctc_lattice("EGG", 7, path="E–GG–G–")
    assert heads(axes, plots.ORANGE) == 6
    assert "dead" in [patch.get_gid() for patch in axes.patches]


def test_a_hierarchical_encoder_hands_its_context_on_from_turn_to_turn():
    turns = [["hello"], ["hi", "you"], ["oh"], ["well", "well"]]
    axes = diagrams.hierarchical(turns)
    assert heads(axes, plots.ORANGE) == 3 + 2 + 3  # into the context, along it, and out of it
    names = [patch.get_gid() for patch in axes.patches]
    assert [names.count(name) for name in ("input", "encoder", "context", "decoder", "output")] == [
        4,
        4,
        3,
        5,
        5,
    ]


def test_a_tree_keeps_the_colour_for_what_was_kept():
    axes = diagrams.beam_tree(BRANCHES)
    assert color_of(axes, "kept") == {plots.ROLE["state"].lower()}
    assert color_of(axes, "dropped") == {PALE}


PALE = diagrams.shapes.PALE.lower()


@pytest.mark.parametrize("part", diagrams.LSTM_PARTS)
def test_an_lstm_part_that_is_lit_has_its_colour_and_the_others_are_pale(part):
    axes = diagrams.lstm_cell(part)
    colors = {name: color_of(axes, name) for name in ("forget", "candidate", "output", "cell")}
    for name, color in colors.items():
        full = plots.ROLE["cell"] if name == "cell" else plots.GATE[name]
        assert color == {full.lower() if name == part else PALE}


@pytest.mark.parametrize("part", ["update", "reset", "candidate"])
def test_a_gru_part_that_is_lit_has_its_colour_and_the_others_are_pale(part):
    axes = diagrams.gru_cell(part)
    for name in ("update", "reset", "candidate"):
        assert color_of(axes, name) == {plots.GATE[name].lower() if name == part else PALE}


def test_the_input_gate_is_not_taken_for_the_input():
    axes = diagrams.lstm_cell("input")
    assert color_of(axes, "input") == {plots.GATE["input"].lower(), plots.ROLE["input"].lower()}


def test_the_years_differ_in_the_forget_gate_and_the_peepholes():
    def dashed(axes):
        return sum(
            patch.get_linestyle() == "--" or "0, (" in str(patch.get_linestyle()) for patch in axes.patches
        )

    cells = {year: diagrams.lstm_cell(year=year) for year in (1997, 2000, 2002)}
    assert [any(p.get_gid() == "forget" for p in axes.patches) for axes in cells.values()] == [
        False,
        True,
        True,
    ]
    assert [dashed(axes) for axes in cells.values()] == [0, 0, 3]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: diagrams.lstm_cell("update"), "'update'; choose one of 'cell', 'forget'"),
        (lambda: diagrams.lstm_cell(year=1999), "1999; choose one of 1997, 2000, 2002"),
        (lambda: diagrams.gru_cell("forget"), "'forget'; choose one of 'state', 'update'"),
        (lambda: diagrams.gru_cell(keeps="r"), "'r'; choose one of 'z', '1 - z'"),
        (lambda: diagrams.gru_cell(reset="never"), "'never'; choose one of None, 'before', 'after'"),
    ],
)
def test_cells_name_the_choices(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: diagrams.stacked(0), "at least one of each"),
        (lambda: diagrams.bidirectional(3, input_texts=["a"]), "1 input texts for 3"),
        (lambda: diagrams.pyramid(3, 6), "cannot be halved 2 times"),
        (lambda: diagrams.training_shift("a"), "at least two"),
        (lambda: diagrams.sampling_loop(drawn="x"), "'x' is drawn but not shown; choose one of 'e'"),
        (lambda: diagrams.streams("abc"), "at least one"),
        (lambda: diagrams.embedding_to_answer(["a"], [1, 2]), "2 ids for 1 words"),
        (lambda: diagrams.captioner("last step"), "'last step'; choose one of 'first step', 'first input'"),
        (lambda: diagrams.labeller([]), "at least one label"),
        (lambda: diagrams.glimpses(1), "1 glimpses; give at least two"),
        (lambda: diagrams.mean_field(0), "draw at least one"),
        (lambda: diagrams.looking_captioner(weights=np.eye(4)[:3]), r"shape \(3, 4\)"),
        (lambda: diagrams.looking_captioner(step=4), "0 to 3"),
        (lambda: diagrams.encoder_decoder(attention=[1.0]), "1 weights for 3 words"),
        (lambda: diagrams.encoder_decoder(step=4), "0 to 3"),
        (lambda: diagrams.hierarchical([["hi"]]), "1 turns; give at least two"),
        (lambda: diagrams.collapsing(["AB", "A"]), "paths of one length"),
        (lambda: diagrams.ctc_lattice("EGG", 3), "and 4 frames for it"),
        (lambda: diagrams.ctc_lattice("BE", 3, path="B––"), "does not say 'BE'"),
        (lambda: diagrams.beam_tree([]), "at least one branch"),
        (lambda: diagrams.beam_tree([[diagrams.Branch("a", 1, 0.0)]]), "step 0 has branches 0 to 0"),
    ],
)
def test_what_does_not_fit_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
