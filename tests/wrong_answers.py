"""A wrong answer to each exercise: a source that replaces the cell `exercise-<k>-gap` of a lesson.

`make test` runs it in the lesson's kernel, and the check must say that it is wrong. The keys are the
lesson's number and the exercise's.
"""

WRONG: dict[tuple[str, int], str] = {}

# 01
WRONG |= {
    ("01", 1): """\
Wx, Wh, b, Wy, by = hello.get_weights()


def logits(x, h):
    return h @ Wy + by  # the state before the letter, not after it


before = np.vstack([np.zeros(16), hidden[:-1]])
cases = [((x, h), y) for x, h, y in zip(inputs[0], before, np.asarray(hello(inputs))[0], strict=True)]
grade(logits, cases, tolerance=1e-3)""",
    # the adder's weights, whose carry is no parity
    ("01", 2): """\
Wx, Wh, b = [[1, 1]], [[0, 0], [1, 1]], [-0.5, -1.5]
grade((Wx, Wh, b), tells_parity)""",
    # the borrow is added, not taken away
    ("01", 3): """\
Wx, Wh, b = [[1, -1, -1], [-1, 1, 1]], [[0, 0, 0], [1, 1, 1], [0, 0, 0]], [-0.5, -0.5, -1.5]
grade((Wx, Wh, b), subtracts)""",
}

# 02
WRONG |= {
    ("02", 1): """
dh0 = da[:, 0]

grade_value(dh0, central_differences(lambda: loss_of(x, h0, targets, weights), h0), tolerance=1e-4)
""",
    ("02", 2): """
def clip_all(grads, threshold):
    norm = sum(np.sum(g * g) for g in grads)
    return [g * min(1, threshold / norm) for g in grads]


two = [np.array([[3.0]]), np.array([0.0, 4.0])]
grade(clip_all, [((two, 10.0), two), ((two, 1.0), [np.array([[0.6]]), np.array([0.0, 0.8])])])
""",
    ("02", 3): """
def cut_off(terms, k):
    total = np.zeros_like(terms[0, 0])
    for loss in range(len(terms)):
        first = max(0, loss - k)
        total += terms[loss, first : loss + 1].sum(axis=0)
    return total


check_cut_off(cut_off)
""",
}

# 03
WRONG |= {
    ("03", 1): """
def half_life(bias):
    return np.log(2) / (1 + np.exp(-bias))


grade(half_life, [(0.0, 1.0), (1.0, 2.2126), (3.0, 14.2651)], tolerance=1e-4)
""",
    ("03", 2): """
def coupled_cell(c, f, g):
    return (1 - f) * c + f * g


grade(coupled_cell, [((0.3, 1.0, 0.8), 0.3), ((0.3, 0.0, 0.8), 0.8), ((0.4, 0.75, -0.4), 0.2)])
""",
    ("03", 3): """
input_weights = [0, 0, 0, 0, 0, 0]

grade(input_weights, counts)
""",
}

# 04
WRONG |= {
    ("04", 1): """\
def z_that_halves(n):
    return 1 - 0.5 / n


grade(z_that_halves, [(1, 0.5), (2, 0.5**0.5), (10, 0.5**0.1)])""",
    ("04", 2): """\
def gru_count(D, H):
    return 3 * (D * H + H * H + H)  # one bias only


grade(gru_count, [((88, 46), gru), ((3, 4), sum(w.size for w in weights))])""",
    ("04", 3): """\
def back(dh, h, z, g):
    return dh * (g - h), dh * (1 - z), dh * z  # the sign of dz


grade(back, [(way_back, gradients(*way_back))])""",
}

# 05
WRONG |= {
    ("05", 1): """
def wait(scores, here, level):
    return int(np.argmax(scores[here:] >= level)) + 1


check_wait(wait)
""",
    ("05", 2): """
def bidirectional_weights(inputs, units, depth):
    first = 2 * gru_weights(inputs, units)
    upper = 2 * gru_weights(units, units)
    return first + (depth - 1) * upper


check_weights(bidirectional_weights)
""",
    ("05", 3): """
def floor(h, units):
    return layers.GRU(2 * units, return_sequences=True)(Pairs()(h))


check_floor(floor)
""",
}

# 06
WRONG |= {
    ("06", 1): """
grade(lambda ids, length: (ids[:length], ids[:length]), [(([3, 1, 4, 1, 5], 3), ([3, 1, 4], [1, 4, 1]))])
""",
    ("06", 2): """
p = np.array([0.5, 0.1, 0.3, 0.1])
grade(lambda p, k: np.where(p >= np.sort(p)[-k], p, 0), [((p, 2), np.array([0.625, 0, 0.375, 0]))])
""",
    ("06", 3): """
def loss_at(logits, targets, temperature):
    scaled = logits * temperature
    log_p = scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    return -np.mean(log_p[np.arange(len(targets)), targets])


odds = np.log([[8.0, 4.0, 4.0], [1.0, 1.0, 2.0]])
grade(loss_at, [((odds, [0, 2], 1.0), 0.693147), ((odds, [0, 2], 0.5), 0.405465)])
""",
}

# 07
WRONG |= {
    ("07", 1): """
def mean_of_words(states, mask):  # counts the padding
    return (states * mask[..., None]).mean(axis=1)


check_1(mean_of_words)
""",
    ("07", 2): """
check_2(("It was not bad but good.", "It was not good but bad."))  # other pairs of neighbours
""",
    ("07", 3): """
def right_when_sure(chances, labels, low, high):  # those that are surer, too
    chosen = np.maximum(chances, 1 - chances) >= low
    return np.mean((chances[chosen] > 0.5) == labels[chosen])


check_3(right_when_sure)
""",
}

# 08
WRONG |= {
    ("08", 1): """
def matched(caption, people):  # does not limit how often a word may count
    return sum(any(word in person.split() for person in people) for word in caption.split())


check_1(matched)
""",
    ("08", 2): """
def extend(nats, log_p):  # forgets what the beginnings themselves cost
    best = np.argsort(-log_p, axis=None)[: len(nats)]
    return [(int(b) // log_p.shape[1], int(b) % log_p.shape[1]) for b in best]


check_2(extend)
""",
    ("08", 3): """
mixture = pair[:1] + pair[1:]  # the sum, not the mean
check_3(mixture)
""",
}

# 09
WRONG |= {
    ("09", 1): """
def masked_softmax(scores, mask):  # the padding still takes its share
    e = np.exp(scores - scores.max())
    return np.where(mask, e / e.sum(), 0)


check_1(masked_softmax)
""",
    ("09", 2): """
def winner(beam, power):  # multiplies instead of dividing
    return int(np.argmax([nats * length**power for nats, length in beam]))


beam = [(-4.0, 4), (-5.0, 8), (-4.5, 5)]
grade(winner, [((beam, 0.0), 0), ((beam, 1.0), 1), ((beam[::2], 0.9), 1)])
""",
    ("09", 3): """
def aligned(weights, said, read, sure):  # only where it looks most
    return [(said[t], read[int(np.argmax(row))]) for t, row in enumerate(weights) if max(row) >= sure]


weights, said, read = np.array([[0.7, 0.3], [0.5, 0.5], [0.1, 0.9]]), ["a", "b", "c"], ["d", "e"]
cases = {0.6: [("a", "d"), ("c", "e")], 0.5: [("a", "d"), ("b", "d"), ("b", "e"), ("c", "e")], 1.0: []}
grade(aligned, [((weights, said, read, sure), pairs) for sure, pairs in cases.items()])
""",
}

# 10
WRONG |= {
    # the mean of the turns' perplexities
    ("10", 1): """\
def perplexity(costs, words):
    return float(np.mean(np.exp(costs / words)))


check_1(perplexity)""",
    # likely answers are preferred twice
    ("10", 2): """\
def choose(heard, alone, weight):
    return int(np.argmax(heard + weight * alone))


check_2(choose)""",
    # each decoder knows its own turn already
    ("10", 3): """\
def before(after):
    return after


check_3(before)""",
}

# 11
WRONG |= {
    # the entropy itself, in nats
    ("11", 1): """\
def places_used(weights):
    some = weights[weights > 0]
    return float(-np.sum(some * np.log(some)))


check_1(places_used)""",
    # rows and columns are swapped
    ("11", 2): """\
def centre(weights, size):
    side = int(len(weights) ** 0.5)
    middles = (np.arange(side) + 0.5) * size / side
    grid = weights.reshape(side, side)
    return float(grid.sum(axis=1) @ middles), float(grid.sum(axis=0) @ middles)


check_2(centre)""",
    # all places count alike
    ("11", 3): """\
def spread(weights, a):
    z = weights @ a
    return float(np.mean(((a - z) ** 2).sum(axis=1)))


check_3(spread)""",
}

# 15
WRONG |= {
    # words that are given at all, rightly or not
    ("15", 1): """\
def n_plus(truth, guess):
    return int((truth.any(axis=0) & guess.any(axis=0)).sum())


check_1(n_plus)""",
    # what is left no longer adds up to 1
    ("15", 2): """\
def without_repeats(p, said):
    left = p.copy()
    left[said] = 0
    return left


check_2(without_repeats)""",
    # the entropy of both together
    ("15", 3): """\
def saved(joint):
    there = joint > 0
    return float(-np.sum(joint[there] * np.log(joint[there])))


check_3(saved)""",
}
