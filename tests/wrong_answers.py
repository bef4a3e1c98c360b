"""Wrong answers to each exercise: what replaces the gap in the cell `exercise-<k>-gap` of a lesson.

`make test` runs each in the lesson's kernel, and the lines of the cell behind its gap after it; the check
must say that it is wrong. There is one for each case of each check, right in all others where that can be:
a check that no longer looks at the case says "right" to it. The keys are the lesson's number and the
exercise's.
"""

WRONG: dict[tuple[str, int], list[str]] = {}


def off(solution: str, amount: float, cases: str) -> list[str]:
    """The solution, but off by so much in one of the cases; each is told by an expression."""
    head, _, value = solution.rpartition("return ")
    return [f"{head}return {value} + {amount} * ({case})" for case in cases.split(", ")]


# 01
WRONG["01", 1] = [
    # the state before the letter, not after it
    """\
Wx, Wh, b, Wy, by = hello.get_weights()


def logits(x, h):
    return h @ Wy + by""",
    # the state before it does not count: right at the first letter
    """\
Wx, Wh, b, Wy, by = hello.get_weights()


def logits(x, h):
    return rnn_step(x, 0 * h, Wx, Wh, b) @ Wy + by""",
    # a little off
    """\
Wx, Wh, b, Wy, by = hello.get_weights()


def logits(x, h):
    return rnn_step(x, h, Wx, Wh, b) @ Wy + by + 0.01""",
]

WRONG["01", 2] = [
    # the adder's weights, whose carry is no parity
    "Wx, Wh, b = [[1, 1]], [[0, 0], [1, 1]], [-0.5, -1.5]",
    # right until the third one
    "Wx, Wh, b = [[1, 1]], [[1, 1], [0, 0]], [-0.5, -1.5]",
]

WRONG["01", 3] = [
    # the borrow is added, not taken away
    "Wx, Wh, b = [[1, -1, -1], [-1, 1, 1]], [[0, 0, 0], [1, 1, 1], [0, 0, 0]], [-0.5, -0.5, -1.5]",
    # right where a column is never -2
    "Wx, Wh, b = [[1, -1, -1], [-1, 1, 1]], [[0, 0, 0], [-1, 1, 1], [0, 0, 0]], [-0.5, -0.5, -9]",
]

# 02
WRONG["02", 1] = [
    # not through the recurrent weights
    "dh0 = da[:, 0]",
    # the weights not transposed
    "dh0 = da[:, 0] @ Wh",
    # of the last step
    "dh0 = da[:, -1] @ Wh.T",
    # a little off
    "dh0 = 1.01 * da[:, 0] @ Wh.T",
]

WRONG["02", 2] = [
    # the square of the norm
    """\
def clip_all(grads, threshold):
    norm = sum(np.sum(g * g) for g in grads)
    return [g * min(1, threshold / norm) for g in grads]""",
    # lengthens short ones, too
    """\
def clip_all(grads, threshold):
    norm = np.sqrt(sum(np.sum(g * g) for g in grads))
    return [g * threshold / norm for g in grads]""",
    # each by itself
    """\
def clip_all(grads, threshold):
    norm = np.linalg.norm
    return [g * min(1, threshold / norm(g)) for g in grads]""",
]

WRONG["02", 3] = [
    # a copy too many
    """\
def cut_off(terms, k):
    total = np.zeros_like(terms[0, 0])
    for loss in range(len(terms)):
        first = max(0, loss - k)
        total += terms[loss, first : loss + 1].sum(axis=0)
    return total""",
    # wrong for k = 1
    """\
def cut_off(terms, k):
    k = max(k, 2)
    total = np.zeros_like(terms[0, 0])
    for loss in range(len(terms)):
        first = max(0, loss - k + 1)
        total += terms[loss, first : loss + 1].sum(axis=0)
    return total""",
    # wrong for k = T - 1
    """\
def cut_off(terms, k):
    k += k == len(terms) - 1
    total = np.zeros_like(terms[0, 0])
    for loss in range(len(terms)):
        first = max(0, loss - k + 1)
        total += terms[loss, first : loss + 1].sum(axis=0)
    return total""",
    # wrong for k = T
    """\
def cut_off(terms, k):
    k = min(k, len(terms) - 1)
    total = np.zeros_like(terms[0, 0])
    for loss in range(len(terms)):
        first = max(0, loss - k + 1)
        total += terms[loss, first : loss + 1].sum(axis=0)
    return total""",
]

# 03
WRONG["03", 1] = [
    # half of what is lost in a step
    """\
def half_life(bias):
    return np.log(2) / (1 + np.exp(-bias))""",
]
WRONG["03", 1] += off(
    """\
def half_life(bias):
    f = 1 / (1 + np.exp(-bias))
    return np.log(0.5) / np.log(f)""",
    0.01,
    "bias == 0, bias == 1, bias == 3",
)

WRONG["03", 2] = [
    # keeps what it should replace
    """\
def coupled_cell(c, f, g):
    return (1 - f) * c + f * g""",
]
WRONG["03", 2] += off(
    """\
def coupled_cell(c, f, g):
    return f * c + (1 - f) * g""",
    0.001,
    "f == 1, f == 0, f == 0.75",
)

WRONG["03", 3] = [
    # half
    "input_weights = [0, 0, 0, 0, 0, 0]",
    # not quite one
    "input_weights = [-100, -100, -100, 4, 4, -100]",
    # never down
    "input_weights = [-100, -100, -100, 100, -100, -100]",
    # never up
    "input_weights = [-100, -100, -100, -100, 100, -100]",
]

# 04
WRONG["04", 1] = [
    # loses half in n equal parts
    """\
def z_that_halves(n):
    return 1 - 0.5 / n""",
]
WRONG["04", 1] += off(
    """\
def z_that_halves(n):
    return 0.5 ** (1 / n)""",
    0.001,
    "n == 1, n == 2, n == 10",
)

WRONG["04", 2] = [
    # one bias only
    """\
def gru_count(D, H):
    return 3 * (D * H + H * H + H)""",
]
WRONG["04", 2] += off(
    """\
def gru_count(D, H):
    return 3 * (D * H + H * H + 2 * H)""",
    1,
    "D == 88, D == 3",
)

WRONG["04", 3] = [
    # the sign of dz
    """\
def back(dh, h, z, g):
    return dh * (g - h), dh * (1 - z), dh * z""",
    # dz without what comes from behind
    """\
def back(dh, h, z, g):
    return h - g, dh * (1 - z), dh * z""",
    # the other share of dg
    """\
def back(dh, h, z, g):
    return dh * (h - g), dh * z, dh * z""",
    # the other share of dh
    """\
def back(dh, h, z, g):
    return dh * (h - g), dh * (1 - z), dh * (1 - z)""",
]

# 05
WRONG["05", 1] = [
    # a letter too many
    """\
def wait(scores, here, level):
    return int(np.argmax(scores[here:] >= level)) + 1""",
    # from the first letter that is good enough, be it before
    """\
def wait(scores, here, level):
    return int(np.argmax(scores >= level)) - here""",
]
WRONG["05", 1] += off(
    """\
def wait(scores, here, level):
    return int(np.argmax(scores[here:] >= level))""",
    1,
    "level == 0.8, level == 0.85, level == 0.7",
)

WRONG["05", 2] = [
    # the second layer reads both
    """\
def bidirectional_weights(inputs, units, depth):
    first = 2 * gru_weights(inputs, units)
    upper = 2 * gru_weights(units, units)
    return first + (depth - 1) * upper""",
    # as if the second layer read inputs as wide as the first: right where inputs are 2 x units
    """\
def bidirectional_weights(inputs, units, depth):
    return 2 * depth * gru_weights(inputs, units)""",
]
WRONG["05", 2] += off(
    """\
def bidirectional_weights(inputs, units, depth):
    first = 2 * gru_weights(inputs, units)
    upper = 2 * gru_weights(2 * units, units)
    return first + (depth - 1) * upper""",
    1,
    "depth == 1, depth == 2, depth == 3",
)

WRONG["05", 3] = [
    # reads one way only
    """\
def floor(h, units):
    return layers.GRU(2 * units, return_sequences=True)(Pairs()(h))""",
    # no pairs
    """\
def floor(h, units):
    return layers.Bidirectional(layers.GRU(units, return_sequences=True))(h)""",
    # half as many units
    """\
def floor(h, units):
    return layers.Bidirectional(layers.GRU(units // 2, return_sequences=True))(Pairs()(h))""",
]

# 06
WRONG["06", 1] = [
    # no shift
    """\
def first_pair(ids, length):
    return ids[:length], ids[:length]""",
    # right for three characters
    """\
def first_pair(ids, length):
    return ids[:length], ids[1:4]""",
    # right for two characters
    """\
def first_pair(ids, length):
    return ids[:length], ids[1:3]""",
    # one too many
    """\
def first_pair(ids, length):
    return ids[: length + 1], ids[1 : length + 1]""",
]

WRONG["06", 2] = [
    # what is left does not add up to 1
    """\
def top_k(p, k):
    return np.where(p >= np.sort(p)[-k], p, 0)""",
    # wrong for k = 1
    """\
def top_k(p, k):
    kept = np.where(p >= np.sort(p)[-max(k, 2)], p, 0)
    return kept / kept.sum()""",
    # wrong for k = 2
    """\
def top_k(p, k):
    kept = np.where(p >= np.sort(p)[-(k if k != 2 else 3)], p, 0)
    return kept / kept.sum()""",
    # wrong for k = 4
    """\
def top_k(p, k):
    kept = np.where(p >= np.sort(p)[-min(k, 2)], p, 0)
    return kept / kept.sum()""",
]

WRONG["06", 3] = [
    # multiplies
    """\
def loss_at(logits, targets, temperature):
    scaled = logits * temperature
    log_p = scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    return -np.mean(log_p[np.arange(len(targets)), targets])""",
]
WRONG["06", 3] += off(
    """\
def loss_at(logits, targets, temperature):
    scaled = logits / temperature
    log_p = scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    return -np.mean(log_p[np.arange(len(targets)), targets])""",
    0.001,
    "temperature == 1, temperature == 0.5, temperature == 2",
)

# 07
WRONG["07", 1] = [
    # counts the padding
    """\
def mean_of_words(states, mask):
    return (states * mask[..., None]).mean(axis=1)""",
    # adds up the padding
    """\
def mean_of_words(states, mask):
    return states.sum(axis=1) / mask.sum(axis=1, keepdims=True)""",
    # the mean over all reviews' words
    """\
def mean_of_words(states, mask):
    return (states * mask[..., None]).sum(axis=1) / mask.sum() * len(mask)""",
    # wrong where nothing is padding
    """\
def mean_of_words(states, mask):
    total = (states * mask[..., None]).sum(axis=1)
    return total if mask.all() else total / mask.sum(axis=1, keepdims=True)""",
]

WRONG["07", 2] = [
    # other pairs of neighbours
    'praise, blame = "It was not bad but good.", "It was not good but bad."',
    # twice the same
    'praise, blame = "It was good.", "It was good."',
    # other words
    'praise, blame = "good", "bad"',
    # the same pairs, but one word twice, and the other once
    'praise, blame = "good bad good", "bad good bad"',
    # the same pairs, but not as often
    'praise, blame = "good good bad bad good bad good bad", "good good good bad bad bad good bad"',
]

WRONG["07", 3] = [
    # those that are surer, too
    """\
def right_when_sure(chances, labels, low, high):
    sure = np.maximum(chances, 1 - chances)
    chosen = sure >= low
    return np.mean((chances[chosen] > 0.5) == labels[chosen])""",
    # those that are less sure, too
    """\
def right_when_sure(chances, labels, low, high):
    sure = np.maximum(chances, 1 - chances)
    chosen = sure < high
    return np.mean((chances[chosen] > 0.5) == labels[chosen])""",
    # only those that it calls positive
    """\
def right_when_sure(chances, labels, low, high):
    sure = chances
    chosen = (sure >= low) & (sure < high)
    return np.mean((chances[chosen] > 0.5) == labels[chosen])""",
]

# 08
WRONG["08", 1] = [
    # does not limit how often a word may count
    """\
def matched(caption, people):
    return sum(any(word in person.split() for person in people) for word in caption.split())""",
    # does not look at what people say
    """\
def matched(caption, people):
    words = caption.split()
    return sum(min(words.count(word), 2) for word in set(words))""",
    # two at most
    """\
def matched(caption, people):
    words = caption.split()
    most = {word: max(person.split().count(word) for person in people) for word in words}
    return min(2, sum(min(words.count(word), most[word]) for word in most))""",
    # a word counts as often as in all together
    """\
def matched(caption, people):
    words = caption.split()
    most = {word: sum(person.split().count(word) for person in people) for word in words}
    return sum(min(words.count(word), most[word]) for word in most)""",
]

WRONG["08", 2] = [
    # forgets what the beginnings themselves cost
    """\
def extend(nats, log_p):
    best = np.argsort(-log_p, axis=None)[: len(nats)]
    return [(int(b) // log_p.shape[1], int(b) % log_p.shape[1]) for b in best]""",
    # goes on with the best beginning only
    """\
def extend(nats, log_p):
    best = np.argsort(-(nats[:1, None] + log_p[:1]), axis=None)[: len(nats)]
    return [(int(b) // log_p.shape[1], int(b) % log_p.shape[1]) for b in best]""",
    # the best last
    """\
def extend(nats, log_p):
    best = np.argsort(nats[:, None] + log_p, axis=None)[-len(nats) :]
    return [(int(b) // log_p.shape[1], int(b) % log_p.shape[1]) for b in best]""",
]

WRONG["08", 3] = [
    # the sum, not the mean
    "mixture = pair[:1] + pair[1:]",
    # one photo
    "mixture = pair[:1]",
    # no row
    "mixture = pair.mean(axis=0)",
    # not quite half
    "mixture = 0.51 * pair[:1] + 0.49 * pair[1:]",
]

# 09
WRONG["09", 1] = [
    # the padding still takes its share
    """\
def masked_softmax(scores, mask):
    e = np.exp(scores - scores.max())
    return np.where(mask, e / e.sum(), 0)""",
    # e to the power of -800 is 0
    """\
def masked_softmax(scores, mask):
    e = np.where(mask, np.exp(scores), 0)
    with np.errstate(invalid="ignore"):
        return e / e.sum()""",
    # the third place is padding, whatever the mask says
    """\
def masked_softmax(scores, mask):
    e = np.exp(scores - scores.max()) * [1, 1, 0, 1]
    return e / e.sum()""",
    # a little off where scores are positive
    """\
def masked_softmax(scores, mask):
    e = np.where(mask, np.exp(scores - scores[mask].max()), 0)
    return e / e.sum() + 0.001 * (mask[0] and scores[0] == 0)""",
]

WRONG["09", 2] = [
    # multiplies instead of dividing
    """\
def winner(beam, power):
    return int(np.argmax([nats * length**power for nats, length in beam]))""",
    # wrong without a penalty
    """\
def winner(beam, power):
    return int(np.argmax([nats / length for nats, length in beam]))""",
    # wrong for a power of 1
    """\
def winner(beam, power):
    return int(np.argmax([nats / length ** (power % 1) for nats, length in beam]))""",
    # wrong for a power below 1
    """\
def winner(beam, power):
    return int(np.argmax([nats / length ** (power // 1) for nats, length in beam]))""",
]

WRONG["09", 3] = [
    # only where it looks most
    """\
def aligned(weights, said, read, sure):
    return [(said[t], read[int(np.argmax(row))]) for t, row in enumerate(weights) if max(row) >= sure]""",
    # surer
    """\
def aligned(weights, said, read, sure):
    sure = sure
    return [(said[t], read[j]) for t, j in np.argwhere(weights > sure)]""",
    # a lower bar than 0.6
    """\
def aligned(weights, said, read, sure):
    sure = 0.5 if sure == 0.6 else sure
    return [(said[t], read[j]) for t, j in np.argwhere(weights >= sure)]""",
    # never more sure than 0.9
    """\
def aligned(weights, said, read, sure):
    sure = min(sure, 0.9)
    return [(said[t], read[j]) for t, j in np.argwhere(weights >= sure)]""",
]

# 10
WRONG["10", 1] = [
    # the mean of the turns' perplexities
    """\
def perplexity(costs, words):
    return float(np.mean(np.exp(costs / words)))""",
    # per turn
    """\
def perplexity(costs, words):
    return float(np.exp(np.mean(costs)))""",
]
WRONG["10", 1] += off(
    """\
def perplexity(costs, words):
    return float(np.exp(np.sum(costs) / np.sum(words)))""",
    0.001,
    "len(costs) == 2, len(costs) == 3",
)

WRONG["10", 2] = [
    # likely answers are preferred twice
    """\
def choose(heard, alone, weight):
    return int(np.argmax(heard + weight * alone))""",
    # wrong for a weight of 0
    """\
def choose(heard, alone, weight):
    return int(np.argmax(heard - max(weight, 0.5) * alone))""",
    # wrong for a weight of 0.5
    """\
def choose(heard, alone, weight):
    return int(np.argmax(heard - round(weight) * alone))""",
    # wrong for a weight of 1.5
    """\
def choose(heard, alone, weight):
    return int(np.argmax(heard - min(weight, 0.5) * alone))""",
]

WRONG["10", 3] = [
    # each decoder knows its own turn already
    """\
def before(after):
    return after""",
    # none knows anything
    """\
def before(after):
    return np.zeros_like(after)""",
    # the first knows the last
    """\
def before(after):
    return np.roll(after, 1, axis=0)""",
    # a turn that is alone knows itself
    """\
def before(after):
    return np.concatenate([0 * after[:1], after[:-1]]) if len(after) > 1 else after""",
]

# 11
WRONG["11", 1] = [
    # the entropy itself, in nats
    """\
def places_used(weights):
    some = weights[weights > 0]
    return float(-np.sum(some * np.log(some)))""",
    # four places at most
    """\
def places_used(weights):
    some = weights[weights > 0]
    return min(float(np.exp(-np.sum(some * np.log(some)))), 4.0)""",
    # two places at least
    """\
def places_used(weights):
    some = weights[weights > 0]
    return max(float(np.exp(-np.sum(some * np.log(some)))), 2.0)""",
    # one place, if some weights are 0
    """\
def places_used(weights):
    some = weights[weights > 0]
    return float(np.exp(-np.sum(some * np.log(some)))) if len(some) == len(weights) else 1.0""",
    # a little off
    """\
def places_used(weights):
    some = weights[weights > 0]
    return 1.001 * float(np.exp(-np.sum(some * np.log(some))))""",
]

WRONG["11", 2] = [
    # rows and columns are swapped
    """\
def centre(weights, size):
    side = int(len(weights) ** 0.5)
    middles = (np.arange(side) + 0.5) * size / side
    grid = weights.reshape(side, side)
    return float(grid.sum(axis=1) @ middles), float(grid.sum(axis=0) @ middles)""",
    # size is not looked at
    """\
def centre(weights, size):
    side = int(len(weights) ** 0.5)
    middles = (np.arange(side) + 0.5) * 224 / side
    grid = weights.reshape(side, side)
    return float(grid.sum(axis=0) @ middles), float(grid.sum(axis=1) @ middles)""",
    # the places' corners
    """\
def centre(weights, size):
    side = int(len(weights) ** 0.5)
    middles = np.arange(side) * size / side
    grid = weights.reshape(side, side)
    return float(grid.sum(axis=0) @ middles), float(grid.sum(axis=1) @ middles)""",
    # the place with the largest weight
    """\
def centre(weights, size):
    side = int(len(weights) ** 0.5)
    row, column = divmod(int(np.argmax(weights)), side)
    return (column + 0.5) * size / side, (row + 0.5) * size / side""",
    # wrong in the corner
    """\
def centre(weights, size):
    side = int(len(weights) ** 0.5)
    middles = (np.arange(side) + 0.5) * size / side
    middles[0] *= weights[0] < 1
    grid = weights.reshape(side, side)
    return float(grid.sum(axis=0) @ middles), float(grid.sum(axis=1) @ middles)""",
]

WRONG["11", 3] = [
    # all places count alike
    """\
def spread(weights, a):
    z = weights @ a
    return float(np.mean(((a - z) ** 2).sum(axis=1)))""",
    # the mean distance
    """\
def spread(weights, a):
    z = weights @ a
    return float(weights @ np.sqrt(((a - z) ** 2).sum(axis=1)))""",
    # 1 at least
    """\
def spread(weights, a):
    z = weights @ a
    return max(1.0, float(weights @ ((a - z) ** 2).sum(axis=1)))""",
    # nothing where the third place has no weight
    """\
def spread(weights, a):
    z = weights @ a
    return float(weights @ ((a - z) ** 2).sum(axis=1)) * (weights[2] > 0)""",
]

# 15
WRONG["15", 1] = [
    # words that are given at all, rightly or not
    """\
def n_plus(truth, guess):
    return int((truth.any(axis=0) & guess.any(axis=0)).sum())""",
    # words that are always right
    """\
def n_plus(truth, guess):
    return int((truth == guess).all(axis=0).sum())""",
    # three words at most
    """\
def n_plus(truth, guess):
    return min(3, int((truth & guess).any(axis=0).sum()))""",
]

WRONG["15", 2] = [
    # what is left no longer adds up to 1
    """\
def without_repeats(p, said):
    left = p.copy()
    left[said] = 0
    return left""",
    # only the first is barred
    """\
def without_repeats(p, said):
    left = p.copy()
    left[said[:1]] = 0
    return left / left.sum()""",
    # the last of the vocabulary is never barred
    """\
def without_repeats(p, said):
    left = p.copy()
    left[said] = 0
    left[-1] = p[-1]
    return left / left.sum()""",
    # if nothing is said, nothing may be
    """\
def without_repeats(p, said):
    left = p.copy()
    left[said] = 0
    return left / left.sum() * (len(said) > 0)""",
]

WRONG["15", 3] = [
    # the entropy of both together
    """\
def saved(joint):
    there = joint > 0
    return float(-np.sum(joint[there] * np.log(joint[there])))""",
    # not a number where something is impossible
    """\
def saved(joint):
    alone = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float(np.sum(joint[there] * np.log(joint[there] / alone[there]))) if there.all() else np.nan""",
    # something, always
    """\
def saved(joint):
    alone = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return max(0.1, float(np.sum(joint[there] * np.log(joint[there] / alone[there]))))""",
    # all or nothing
    """\
def saved(joint):
    alone = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return 0.0 if there.all() else float(np.sum(joint[there] * np.log(joint[there] / alone[there])))""",
]

# 12
WRONG["12", 1] = [
    # a blank between the two, whatever they are
    """\
def frames_needed(text):
    doubled = sum(a == b for a, b in itertools.pairwise(text))
    return len(text) + (doubled if len(text) != 2 else 1)""",
    # two alike at the end are taken for one, unless all are
    """\
def frames_needed(text):
    doubled = sum(a == b for a, b in itertools.pairwise(text))
    return len(text) + doubled - (text[-2:-1] == text[-1:] and len(set(text)) > 1)""",
    # one frame at least
    """\
def frames_needed(text):
    return max(1, len(text) + sum(a == b for a, b in itertools.pairwise(text)))""",
    # one blank for each letter that is doubled, however often it comes
    """\
def frames_needed(text):
    return len(text) + len({a for a, b in itertools.pairwise(text) if a == b})""",
    # a blank wherever a letter has been before
    """\
def frames_needed(text):
    return 2 * len(text) - len(set(text))""",
]


def table(cheapest: str) -> str:
    """A solution of exercise 2 of lesson 12 that fills its table by an expression."""
    return f"""\
def changes(said, heard):
    cost = np.add.outer(np.arange(len(said) + 1), np.arange(len(heard) + 1))
    for i, j in itertools.product(range(1, len(said) + 1), range(1, len(heard) + 1)):
        less, more, same = cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1]
        other = said[i - 1] != heard[j - 1]
        cost[i, j] = {cheapest}
    return int(cost[-1, -1])"""


WRONG["12", 2] = [
    table("min(less + (i > 1), more, same + other)"),  # to leave out one behind the first costs two
    table("min(less, more + j % 2, same + other)"),  # so does to add one at an odd place
    table("min(less, more, same + 2 * other)"),  # none is taken for another
    table("min(less, more, same + other) if abs(i - j) < 2 else i + j"),  # none far from its place
]

WRONG["12", 3] = [
    # all ways, where letters differ
    """\
def best_way(log_p, text):
    return log_likelihood(log_p, text, add=np.logaddexp if len(set(text)) > 1 else np.maximum)""",
    # two letters alike are taken for one
    """\
def best_way(log_p, text):
    return log_likelihood(log_p, [symbol for symbol, _ in itertools.groupby(text)], add=np.maximum)""",
    # a letter alone is said at all frames
    """\
def best_way(log_p, text):
    return sum(log_p[:, text[0]]) if len(text) == 1 else log_likelihood(log_p, text, add=np.maximum)""",
    # all logarithms are added up, as if each way were taken
    """\
def best_way(log_p, text):
    return log_likelihood(log_p, text, add=np.add)""",
]

# 13
WRONG["13", 1] = [
    # the frame behind the last counts, too
    """\
def labels(spans, frames):
    return ["".join(word for a, b, word in spans if a <= frame <= b) for frame in range(frames)]""",
    # no words, no labels
    """\
def labels(spans, frames):
    return [
        "".join(word for a, b, word in spans if a <= frame < b) for frame in range(frames) if spans
    ]""",
]


def sentence(kept: str) -> str:
    """A solution of exercise 2 of lesson 13 that tells what is said by an expression of the runs."""
    return f"""\
def sentence(labels):
    runs = []
    for word in labels:
        if runs and runs[-1][0] == word:
            runs[-1][1] += 1
        else:
            runs.append([word, 1])
    words = [word for word, count in runs if word and count > 1]
    return {kept}"""


WRONG["13", 2] = [
    sentence("words if len(words) != 1 else []"),  # a word alone is none
    sentence("list(dict.fromkeys(words))"),  # no word twice
    sentence("words if len(runs) > 1 else [word for word, _ in runs]"),  # a frame alone is a word
    sentence("[word for word, _ in runs if word]"),  # words of a single frame stay
]

WRONG["13", 3] = [
    # the last stride is dropped where it is not full
    """\
def numbers_left(high, wide, filters, stride=2, depth=3):
    for _ in range(depth):
        high, wide = high // stride, wide // stride
    return high * wide * filters""",
]
WRONG["13", 3] += off(
    """\
def numbers_left(high, wide, filters, stride=2, depth=3):
    for _ in range(depth):
        high, wide = (high + stride - 1) // stride, (wide + stride - 1) // stride
    return high * wide * filters""",
    1,
    "high == 4, high == 5, wide == 4, wide == 3",
)

# 16
WRONG["16", 1] = off(
    """\
def iou_of(table):
    right = np.diag(table)
    return right / (table.sum(axis=0) + table.sum(axis=1) - right)""",
    0.1,
    "table[0][0] == 6, table[0][0] == 4, table[0][0] == 0",
)
WRONG["16", 1] += [
    # what both say is counted twice
    """\
def iou_of(table):
    return np.diag(table) / (table.sum(axis=0) + table.sum(axis=1))""",
    # recall
    """\
def iou_of(table):
    return np.diag(table) / table.sum(axis=1)""",
]

WRONG["16", 2] = off(
    """\
def ask(k, q):
    others = k - np.eye(len(k))
    return others @ q / others.sum(axis=1, keepdims=True)""",
    0.1,
    "k[0][1] == 0.5, k[0][1] == 0.1, k[0][1] == 1",
)
WRONG["16", 2] += [
    # the pixel asks itself, too
    """\
def ask(k, q):
    return k @ q / k.sum(axis=1, keepdims=True)""",
    # a sum, no mean
    """\
def ask(k, q):
    return (k - np.eye(len(k))) @ q""",
]

WRONG["16", 3] = [
    f"""\
def gives_in(a, w):
    return a + {shift}, 1 / (1 + np.exp(a - w)) + {other}"""
    for shift, other in (("(a == 2)", "0"), ("0", "0.1 * (a == 1)"), ("0", "0.1 * (w == 0)"))
]

# 17
WRONG["17", 1] = [
    # right for a window that is alike in both directions only
    """\
def read(fy, fx, picture):
    return fx @ picture @ fy.T""",
    # off in the first case, then in the second
    """\
def read(fy, fx, picture):
    return fy @ picture @ fx.T + 0.01 * (fy.mean() < fx.mean())""",
    """\
def read(fy, fx, picture):
    return fy @ picture @ fx.T + 0.01 * (fy.mean() > fx.mean())""",
]

WRONG["17", 2] = [
    # each stroke for itself: right for a single one
    """\
def white(written):
    return 1 / (1 + np.exp(-written))""",
    # right where there are several
    """\
def white(written):
    return 1 / (1 + np.exp(-np.cumsum(written, axis=0))) + 0.01 * (len(written) == 1)""",
]

WRONG["17", 3] = off(
    """\
def price(mean, spread):
    return (mean**2 + spread**2 - 1) / 2 - np.log(spread)""",
    0.01,
    "mean == 0 and spread == 1, mean == 1, spread == 0.5, mean == -2",
)

# 18
WRONG["18", 1] = [
    # the sum, not the mean
    """\
def mean_of(S, top, left, bottom, right):
    return S[bottom, right] - S[top, right] - S[bottom, left] + S[top, left]""",
    # what is taken away twice is not given back
    """\
def mean_of(S, top, left, bottom, right):
    total = S[bottom, right] - S[top, right] - S[bottom, left]
    return total / ((bottom - top) * (right - left))""",
]
WRONG["18", 1] += off(
    """\
def mean_of(S, top, left, bottom, right):
    total = S[bottom, right] - S[top, right] - S[bottom, left] + S[top, left]
    return total / ((bottom - top) * (right - left))""",
    1,
    "top + left == 0, left == 3, top == 1, top == 6",
)
WRONG["18", 2] = [
    # from the first glimpse to this one
    """\
def from_here_on(rewards):
    return np.cumsum(rewards, axis=1)""",
    # the total for all
    """\
def from_here_on(rewards):
    return np.repeat(rewards.sum(axis=1, keepdims=True), rewards.shape[1], axis=1)""",
    # a single glimpse brings nothing
    """\
def from_here_on(rewards):
    return np.cumsum(rewards[:, ::-1], axis=1)[:, ::-1] * (rewards.shape[1] > 1)""",
]
WRONG["18", 3] = off(
    """\
def slope(chosen, p):
    right = 1 / p if chosen == 1 else -1 / (1 - p)
    return right""",
    1,
    "chosen > p > 0.4, chosen < 1 and p > 0.4, chosen > 0.3 > p, chosen < p < 0.3",
)

# 19
WRONG["19", 1] = [
    # the mean of its own rows, as if all devices had as many
    """\
def part_of_loss(losses, rows):
    return sum(losses) / len(losses)""",
    # the mean, not divided by the number of devices but by that of rows
    """\
def part_of_loss(losses, rows):
    return sum(losses) / len(losses) / rows""",
]
WRONG["19", 2] = [
    # as if it came out even
    """\
def rows_of(me, workers, rows):
    each, more = divmod(rows, workers)
    first = me * each
    return first, first + each + (me < more)""",
    # all that are left over lie before each worker but the first
    """\
def rows_of(me, workers, rows):
    each, more = divmod(rows, workers)
    first = me * each + (more if me else 0)
    return first, first + each + (me < more)""",
    # every worker before has one more
    """\
def rows_of(me, workers, rows):
    each, more = divmod(rows, workers)
    first = me * (each + (more > 0))
    return first, first + each + (me < more)""",
]
WRONG["19", 3] = [
    # twice the weights, however few the devices
    """\
def share(devices, compute, parameters, speed):
    sending = 4 * parameters * 2 / speed
    return sending / (compute / devices + sending)""",
    # parameters counted, not bytes
    """\
def share(devices, compute, parameters, speed):
    sending = parameters * 2 * (devices - 1) / devices / speed
    return sending / (compute / devices + sending)""",
    # once round the ring
    """\
def share(devices, compute, parameters, speed):
    sending = 4 * parameters * (devices - 1) / devices / speed
    return sending / (compute / devices + sending)""",
]

# 14
WRONG["14", 1] = [
    # not divided by the sum: right where the exponentials sum to 1
    """\
def look(e, frames):
    return np.exp(e - e.max()) @ frames""",
    # the plain mean: right where all scores are equal
    """\
def look(e, frames):
    return frames.mean(axis=0)""",
    # weights of the wrong frames
    """\
def look(e, frames):
    weights = np.exp(e - e.max())
    return weights[::-1] / weights.sum() @ frames""",
]
WRONG["14", 1] += off(
    """\
def look(e, frames):
    weights = np.exp(e - e.max())
    return weights / weights.sum() @ frames""",
    0.5,
    "e[0] == e[1], e[0] > e[1]",
)

WRONG["14", 2] = [
    # the last frame is left out
    """\
def spaced(n, count):
    return [n * k // count for k in range(count)]""",
    # cut off, not rounded: wrong only where a place lies above a half
    """\
def spaced(n, count):
    return [int(place) for place in np.linspace(0, n - 1, count)]""",
    # never a frame twice
    """\
def spaced(n, count):
    return sorted({round(place) for place in np.linspace(0, n - 1, count)})""",
]


def spaced(kept: str) -> str:
    """A solution of exercise 2 of lesson 14 that is changed by an expression of its list."""
    return f"""\
def spaced(n, count):
    found = [round(place) for place in np.linspace(0, n - 1, count)]
    return {kept}"""


WRONG["14", 2] += [
    spaced(f"found[::-1] if n == {n} else found") for n in (10, 5, 2)
]  # each case is looked at
WRONG["14", 2].append(spaced("found[:1] if n == 1 else found"))

WRONG["14", 3] = [
    # the same film is a twin of itself
    """\
def twins_of(one, other):
    return sorted(one) == sorted(other)""",
    # how often a frame is there does not count
    """\
def twins_of(one, other):
    return set(one) == set(other) and one != other""",
    # a twin must be the film backwards in no case
    """\
def twins_of(one, other):
    return False""",
]
