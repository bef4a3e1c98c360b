"""The LSTM and the GRU cell, lit part by part as their equations come."""

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.axes import Axes

from utils.diagrams import shapes
from utils.diagrams.shapes import LINE, PALE_INK, PALE_LINE, SIZE, Box, Point, arrow, box, label, operation
from utils.plots import GATE, ROLE, ink

LSTM_PARTS = ("cell", "forget", "input", "candidate", "output")
GRU_PARTS = ("state", "update", "reset", "candidate", "blend")

LETTERS = {"forget": "f", "input": "i", "candidate": "g", "output": "o", "reset": "r", "update": "z"}
NAMES = {name: f"{name} gate" for name in LETTERS} | {"candidate": "candidate"}
PEEPHOLE = "#1F78B4"  # the cell's colour, darker: a thin dashed line must be seen


def _lit(lit: str | Iterable[str] | None, parts: tuple[str, ...]) -> set[str]:
    """The parts in colour; all if None.

    Raises:
        ValueError: a part that the cell does not have.
    """
    chosen = set(parts) if lit is None else {lit} if isinstance(lit, str) else set(lit)
    for part in sorted(chosen):
        shapes.choose("lit", part, parts)
    return chosen


def _color(lit: bool, color: str) -> str:
    return color if lit else PALE_LINE


@dataclass(frozen=True)
class Plan:
    """Sizes of a picture, in inches: spelt out, or compact with letters alone."""

    compact: bool

    def __call__(self, full: float, compact: float) -> float:
        """One of two sizes."""
        return compact if self.compact else full


def _gate(axes: Axes, x: float, y: float, name: str, lit: bool, plan: Plan) -> Box:
    """A gate: a small layer of its own, with its activation."""
    squash = r"$\tanh$" if name == "candidate" else r"$\sigma$"
    text = f"${LETTERS[name]}$" if plan.compact else f"{NAMES[name]}\n{squash}"
    return box(
        axes, x, y, text, GATE[name], width=plan(1.0, 0.34), height=plan(0.58, 0.34), lit=lit, name=name
    )


def _signal(axes: Axes, x: float, y: float, text: str, lit: bool, align: str) -> None:
    label(axes, x, y, f"${text}$", color=LINE if lit else PALE_INK, align=align, size=SIZE)


def _feed(axes: Axes, start: list[Point], gates: list[tuple[Box, bool]], role: str, side: int) -> None:
    """The line of h or x along the bottom, with an arrow up into each gate; lit ones lie over pale ones.

    Args:
        start: the points at which the line begins; the last gives its height.
        gates: each with whether it is lit.
        role: "state" or "input", for the colour.
        side: -1 to come in left of the middle of a gate, 1 right of it.
    """
    for lit in (False, True):
        for gate, shown in gates:
            if shown == lit:
                x = gate.x + side * min(0.15, gate.width / 4)
                path = [*start, (x, start[-1][1]), (x, gate.bottom[1])]
                arrow(axes, *path, color=_color(lit, ROLE[role]), width=2, zorder=2.2 if lit else 2.0)


def _belt(axes: Axes, y: float, edge: float, width: float, role: str, lit: bool, plan: Plan) -> None:
    """The state that runs through, with its letter at both ends."""
    shapes.belt(axes, y, 0.06, width - 0.04, ROLE[role], lit=lit, name=role)
    letter = {"cell": "c", "state": "h"}[role]
    color = ink(ROLE[role]) if lit else PALE_INK
    for x, text in ((edge / 2 + 0.03, f"{letter}_{{t-1}}"), (width - edge / 2 - 0.06, f"{letter}_t")):
        label(axes, x, y, f"${letter}$" if plan.compact else f"${text}$", color=color, size=SIZE)


def _end(axes: Axes, x: float, y: float, text: str, role: str, lit: bool, plan: Plan) -> Box:
    """What comes in or goes out at the side."""
    text = text[0] if plan.compact else text
    return box(
        axes,
        x,
        y,
        f"${text}$",
        ROLE[role],
        width=plan(0.56, 0.32),
        height=plan(0.42, 0.3),
        lit=lit,
        name=role,
    )


def lstm_cell(
    lit: str | Iterable[str] | None = None,
    *,
    year: int = 2000,
    compact: bool = False,
    axes: Axes | None = None,
) -> Axes:
    """The LSTM cell: the belt c on top, the gates below, h out on the right.

    Args:
        lit: the part or parts in colour, of `LSTM_PARTS`; the rest is pale. All if None.
        year: 1997, the cell without a forget gate (Hochreiter and Schmidhuber); 2000, with it (Gers,
            Schmidhuber and Cummins), which is Keras' LSTM; 2002, with peepholes, by which the gates see
            the cell as well (Gers, Schraudolph and Schmidhuber): forget and input gate the one before,
            the output gate the new one.
        compact: letters in place of names, for several pictures side by side.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: `lit` names a part that is not there, or the year is another one.
    """
    shapes.choose("year", year, (1997, 2000, 2002))
    on = _lit(lit, LSTM_PARTS)
    if year == 1997:
        on -= {"forget"}
    plan = Plan(compact)
    edge, half, pitch, round_ = plan(0.76, 0.44), plan(0.5, 0.17), plan(1.1, 0.48), plan(0.3, 0.24)
    top, middle = plan(2.95, 1.98), plan(1.62, 1.06)
    level, low, write = plan(1.02, 0.68), plan(0.78, 0.52), plan(2.33, 1.54)
    x = {
        name: edge + 0.2 + half + k * pitch
        for k, name in enumerate(("forget", "input", "candidate", "output"))
    }
    out = x["output"] + half + plan(0.42, 0.36)
    right = out + plan(0.3, 0.26)
    axes = shapes.canvas(axes, right + edge, top + 0.3)
    shapes.panel(axes, (edge, low - 0.16), (right, top + 0.26))
    _belt(axes, top, edge, right + edge, "cell", "cell" in on, plan)

    reads, writes, seen = bool(on - {"cell"}), bool(on & {"input", "candidate"}), "output" in on
    before = _end(axes, edge / 2, level, "h_{t-1}", "state", reads, plan)
    given = _end(axes, edge + 0.22, plan(0.27, 0.18), "x_t", "input", reads, plan)
    after = _end(axes, right + edge / 2, level, "h_t", "state", seen, plan)
    gates = {
        name: _gate(axes, x[name], middle, name, name in on, plan)
        for name in x
        if not (name == "forget" and year == 1997)
    }
    taps = [(gate, name in on) for name, gate in gates.items()]
    _feed(axes, [before.right], taps, "state", -1)
    _feed(axes, [given.top, (given.x, low)], taps, "input", 1)

    def operate(x: float, y: float, sign: str, lit: bool) -> Box:
        return operation(axes, x, y, sign, lit=lit, width=round_, height=round_)

    def signal(name: str, *path: Point) -> None:
        arrow(axes, *path, color=_color(name in on, GATE[name]), width=2.4, zorder=2.4)

    if "forget" in gates:
        signal("forget", gates["forget"].top, operate(x["forget"], top, "×", "forget" in on).bottom)
    product = operate((x["input"] + x["candidate"]) / 2, write, "×", writes)
    add = operate(product.x, top, "+", writes)
    signal("input", gates["input"].top, (x["input"], write), product.left)
    signal("candidate", gates["candidate"].top, (x["candidate"], write), product.right)
    arrow(axes, product.top, add.bottom, color=_color(writes, LINE), width=2)
    squash = operation(axes, out, write, "tanh", lit=seen, width=plan(0.5, 0.42), height=round_)
    read = operate(out, middle, "×", seen)
    signal("output", gates["output"].right, read.left)
    arrow(axes, (out, top - shapes.BELT / 2), squash.top, color=_color(seen, ROLE["cell"]), width=2.4)
    arrow(axes, squash.bottom, read.top, color=_color(seen, LINE), width=2)
    arrow(axes, read.bottom, (out, level), after.left, color=_color(seen, ROLE["state"]), width=2.4)
    if not compact:
        _signals(axes, gates, on, write)
    if year == 2002:
        _peepholes(axes, gates, on, top, plan)
    return axes


def _signals(axes: Axes, gates: dict[str, Box], on: set[str], height: float) -> None:
    """The letters of what the gates send."""
    for name, gate in gates.items():
        if name == "output":
            _signal(axes, gate.right[0] + 0.13, gate.y + 0.2, "o_t", name in on, "center")
        elif name == "input":
            _signal(axes, gate.x - 0.1, height - 0.08, "i_t", name in on, "right")
        else:
            _signal(axes, gate.x + 0.1, height - 0.08, f"{LETTERS[name]}_t", name in on, "left")


def _peepholes(axes: Axes, gates: dict[str, Box], on: set[str], top: float, plan: Plan) -> None:
    """Dashed lines by which the gates see the cell: before the step, and after it for the output gate."""
    under = top - shapes.BELT / 2
    shift = gates["forget"].width * 0.34
    first = gates["forget"].x - shift
    starts = {"forget": first, "input": first, "output": gates["output"].x - shift}
    high = under - plan(0.24, 0.12)
    for name, start in starts.items():
        gate = gates[name]
        path = [(start, under), (start, high), (gate.x - shift, high), (gate.x - shift, gate.top[1])]
        if start == gate.x - shift:
            path = [path[0], path[-1]]
        arrow(axes, *path, color=_color(name in on, PEEPHOLE), width=1.8, dashed=True, zorder=2.1)


def gru_cell(
    lit: str | Iterable[str] | None = None,
    *,
    keeps: str = "z",
    reset: str | None = None,
    compact: bool = False,
    axes: Axes | None = None,
) -> Axes:
    """The GRU cell: the state h on the belt, blended with a candidate that sees of h what r lets through.

    Args:
        lit: the part or parts in colour, of `GRU_PARTS`; the rest is pale. All if None.
        keeps: the share of the old state that stays, "z" (Cho et al. 2014, Keras) or "1 - z" (Chung et
            al. 2014, the lectures).
        reset: "before" or "after", to draw where the reset gate acts, before or after the product of h
            with its weights U; with None that product is not drawn, and the picture is that of "before".
        compact: letters in place of names, for several pictures side by side.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: `lit`, `keeps` or `reset` is none of the choices.
    """
    shapes.choose("keeps", keeps, ("z", "1 - z"))
    shapes.choose("reset", reset, (None, "before", "after"))
    on = _lit(lit, GRU_PARTS)
    plan = Plan(compact)
    edge, half, round_ = plan(0.76, 0.44), plan(0.5, 0.17), plan(0.3, 0.24)
    top, blend, middle = plan(3.2, 2.2), plan(2.32, 1.52), plan(1.62, 1.06)
    level, low, tap = plan(1.02, 0.68), plan(0.78, 0.52), edge + plan(0.22, 0.16)
    update = tap + plan(0.2, 0.18) + half
    middle_x = update + plan(1.16, 0.5)
    candidate = middle_x + plan(1.5, 0.84) + 0.5 * (reset is not None)
    right = candidate + half + plan(0.26, 0.2)
    axes = shapes.canvas(axes, right + edge, top + 0.3)
    shapes.panel(axes, (edge, low - 0.16), (right, top + 0.26))
    blends, sent = "blend" in on, "update" in on
    _belt(axes, top, edge, right + edge, "state", bool(on & {"state", "blend"}), plan)

    given = _end(axes, tap, plan(0.27, 0.18), "x_t", "input", bool(on & set(GATE)), plan)
    places = {"update": update, "reset": middle_x, "candidate": candidate}
    gates = {name: _gate(axes, x, middle, name, name in on, plan) for name, x in places.items()}
    taps = [(gate, name in on) for name, gate in gates.items()]
    _feed(axes, [given.top, (given.x, low)], taps, "input", 1)
    start = [(tap, top - shapes.BELT / 2), (tap, level)]
    _feed(axes, start, taps[:2], "state", -1)
    _reset(axes, start, gates, on, reset, plan)

    def operate(x: float, y: float, sign: str) -> Box:
        return operation(
            axes, x, y, sign, lit=blends, width=plan(0.58, 0.48) if "1" in sign else round_, height=round_
        )

    def signal(name: str, lit: bool, *path: Point) -> None:
        arrow(axes, *path, color=_color(lit, GATE[name]), width=2.4, zorder=2.4)

    keep, add, mix = operate(update, top, "×"), operate(candidate, top, "+"), operate(candidate, blend, "×")
    signal("candidate", "candidate" in on, gates["candidate"].top, mix.bottom)
    arrow(axes, mix.top, add.bottom, color=_color(blends, LINE), width=2)
    if keeps == "z":
        rest = operate((update + candidate) / 2, blend, "1 − z")
        signal("update", sent, gates["update"].top, keep.bottom)
        signal("update", sent, (update, blend), rest.left)
        signal("update", sent and blends, rest.right, mix.left)
    else:
        rest = operate(update, (blend + keep.bottom[1]) / 2, "1 − z")
        signal("update", sent, gates["update"].top, rest.bottom)
        signal("update", sent, (update, blend), mix.left)
        signal("update", sent and blends, rest.top, keep.bottom)
    if not compact:
        _signal(axes, update + 0.1, blend - 0.2, "z_t", sent, "left")
        _signal(axes, gates["reset"].right[0] + 0.15, middle + 0.17, "r_t", "reset" in on, "center")
        _signal(axes, candidate + 0.1, blend - 0.27, "g_t", "candidate" in on, "left")
    return axes


def _reset(
    axes: Axes, start: list[Point], gates: dict[str, Box], on: set[str], reset: str | None, plan: Plan
) -> None:
    """The way of the old state to the candidate: through the reset gate, and where asked, its weights U."""
    proposes, resets = "candidate" in on, "reset" in on
    level, round_ = start[-1][1], plan(0.3, 0.24)
    gate, candidate = gates["reset"], gates["candidate"]
    x = gate.right[0] + plan(0.25, 0.2) + (0.45 if reset == "after" else 0)
    times = operation(axes, x, level, "×", lit=resets or proposes, width=round_, height=round_)
    heard = _color(resets or proposes, ROLE["state"])
    sent = _color(proposes, ROLE["state"])
    zorder = 2.3 if resets or proposes else 1.9
    end = (candidate.x - min(0.15, candidate.width / 4), candidate.bottom[1])
    if reset is None:
        arrow(axes, *start, times.left, color=heard, width=2, zorder=zorder)
        arrow(axes, times.right, (end[0], level), end, color=sent, width=2)
    else:
        x = gate.right[0] + 0.1 if reset == "after" else times.right[0] + plan(0.42, 0.3)
        weights = operation(axes, x, level, "U", lit=proposes, width=round_, height=round_)
        first, second = (weights, times) if reset == "after" else (times, weights)
        arrow(axes, *start, first.left, color=heard, width=2, zorder=zorder)
        arrow(axes, first.right, second.left, color=sent, width=2)
        arrow(axes, second.right, (end[0], level), end, color=sent, width=2)
    path = [gate.right, (times.x, gate.y), times.top]
    arrow(axes, *path, color=_color(resets, GATE["reset"]), width=2.4, zorder=2.4)
