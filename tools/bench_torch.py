"""PyTorch's part in `make bench`, in a process that TensorFlow is not loaded into.

Reads a case as one line of JSON from standard input, [cell, hidden size, batch, length, features, pass],
works once and answers with the seconds it took. The third pass is single steps, one after the other.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

TOKENS = 50  # as in tools.bench


def passes(cell: str, hidden: int, batch: int, length: int, features: int) -> tuple[Callable[[], Any], ...]:
    """A forward pass; a training step, forward and gradients of the weights and inputs; single steps."""
    import torch

    layer = getattr(torch.nn, cell.removeprefix("Simple"))(features, hidden, batch_first=True)
    x = torch.randn(batch, length, features, requires_grad=True)
    grad = torch.randn(batch, length, hidden)

    def forward() -> None:
        with torch.no_grad():
            layer(x)

    def train() -> None:
        layer.zero_grad()
        x.grad = None
        layer(x)[0].backward(grad)

    def write() -> None:
        state, step = None, x.detach()
        with torch.no_grad():
            for _ in range(TOKENS):
                _, state = layer(step, state)

    return forward, train, write


def main() -> None:
    made: dict[tuple[Any, ...], tuple[Callable[[], Any], ...]] = {}
    for line in sys.stdin:
        *case, k = json.loads(line)
        if tuple(case) not in made:
            made = {tuple(case): passes(*case)}
        begin = time.perf_counter()
        made[tuple(case)][k]()
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main()
