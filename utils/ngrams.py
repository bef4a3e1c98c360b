"""A text predicted by counting: how often each character or word followed the last few (Shannon 1951).

    from utils.ngrams import Counts

    counts = Counts(text, 5)
    counts.nats(validation, 5).mean()
    counts.write("ROMEO:", 300)

    model = KneserNey(sequences, 5, symbols=10_000)
    model.nats([3, 1, 4])

`Counts` is for characters, `KneserNey` for word numbers.

Not here: networks that read characters (`characters`) or words (`chat`).
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np


class Counts:
    """What followed each context of up to n - 1 characters in a text.

    Attributes:
        symbols: how many different characters the model gives chances to.
        strength: of the smoothing: so many imagined observations follow the shorter context's chances
            (MacKay and Peto 1995).
    """

    def __init__(self, text: str, longest: int, symbols: int | None = None, strength: float = 5.0) -> None:
        """Count.

        Args:
            text: to learn from, at least `longest` characters.
            longest: n of the longest n-grams, at least 1.
            symbols: how many different characters there are; those of the text if None.
            strength: see above, above 0.

        Raises:
            ValueError: a text too short, or a setting outside its range.
        """
        if longest < 1 or len(text) < longest or strength <= 0:
            raise ValueError(
                f"{len(text)} characters, n up to {longest}, strength {strength}: n must be at least 1 and "
                "at most the length of the text, the strength above 0."
            )
        self.symbols = symbols or len(set(text))
        self.strength = strength
        self.alphabet = sorted(set(text))
        self.end = text[max(0, len(text) - longest) :]
        self.grams = [Counter({"": len(text) + 1})]  # of 0, 1, ... characters, with how often each occurs
        for n in range(1, longest + 1):
            self.grams.append(Counter(text[i : i + n] for i in range(len(text) - n + 1)))
        self.followers: dict[str, tuple[list[str], list[int]]] = {}

    def seen(self, context: str) -> int:
        """How often a context was followed by a character."""
        return self.grams[len(context)][context] - self.end.endswith(context)

    def chance(self, context: str, character: str, n: int) -> float:
        """The probability of a character after a context, by n-grams of up to n characters.

        The counts of long contexts are mixed with the chances after the shorter ones:
        p_n = (count + a p_{n-1}) / (count of the context + a), and p_0 = 1 / symbols.
        """
        p = 1 / self.symbols
        for k in range(1, min(n, len(context) + 1) + 1):
            known = context[len(context) - k + 1 :]
            here = self.grams[k][known + character]
            p = (here + self.strength * p) / (self.seen(known) + self.strength)
        return p

    def nats(self, text: str, n: int) -> np.ndarray:
        """Minus the log probability of each character of a text, given those before it, `(len(text),)`."""
        chances = [self.chance(text[max(0, i - n + 1) : i], text[i], n) for i in range(len(text))]
        return -np.log(chances)

    def _count_followers(self) -> None:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for grams in self.grams[1:]:
            for gram, count in grams.items():
                found[gram[:-1]][gram[-1]] += count
        self.followers = {context: (list(c), list(c.values())) for context, c in found.items()}

    def write(self, prompt: str, length: int, n: int, seed: int = 0) -> str:
        """A continuation drawn from the n-gram model, smoothing included, without the prompt.

        Args:
            prompt: what stands before; may be "".
            length: characters to write.
            n: of the n-grams.
            seed: of the draws.
        """
        if not self.followers:
            self._count_followers()
        rng, written = random.Random(seed), prompt
        for _ in range(length):
            for k in range(min(n - 1, len(written)), -2, -1):  # the longest context first
                if k < 0:
                    written += rng.choice(self.alphabet)
                    break
                context = written[len(written) - k :]
                seen = self.seen(context)
                if seen and rng.random() < seen / (seen + self.strength):
                    letters, counts = self.followers[context]
                    written += rng.choices(letters, counts)[0]
                    break
        return written[len(prompt) :]


class KneserNey:
    """Word numbers predicted by counting, with Kneser-Ney smoothing (Chen and Goodman 1999).

    Modified and interpolated: from each count a discount is taken, which goes to the shorter context; and
    what counts there is not how often a word occurred but after how many different words ("Francisco"
    follows one).

    Attributes:
        order: n of the longest n-grams.
        symbols: how many words there are to choose from.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], order: int, symbols: int) -> None:
        """Count.

        Args:
            sequences: word numbers, each sequence by itself: nothing is foretold across its beginning.
            order: n, at least 1.
            symbols: how many different words can come; those that never did share the rest.

        Raises:
            ValueError: no word, or a setting outside its range.
        """
        if order < 1 or symbols < 1 or not any(map(len, sequences)):
            raise ValueError(
                f"{sum(map(len, sequences))} words, n {order}, {symbols} symbols: each must be at least 1."
            )
        self.order, self.symbols = order, symbols
        grams: Counter[tuple[int, ...]] = Counter()
        for sequence in sequences:
            padded = (*[-1] * (order - 1), *sequence)  # -1: before the beginning
            grams.update(padded[i : i + order] for i in range(len(padded) - order + 1))
        self.levels = [self._level(grams)]
        while len(self.levels) < order:  # shorter ones: after how many different words each was seen
            grams = Counter(gram[1:] for gram in grams)
            self.levels.insert(0, self._level(grams))

    @staticmethod
    def discounts(counts: Counter[int]) -> tuple[float, float, float]:
        """What is taken from counts of 1, 2 and more, from how many n-grams were seen 1 to 4 times."""
        if not (counts[1] and counts[2] and counts[3]):
            return (0.5, 0.5, 0.5)  # too few to tell
        y = counts[1] / (counts[1] + 2 * counts[2])
        found = [k - (k + 1) * y * counts[k + 1] / counts[k] for k in (1, 2, 3)]
        return found[0], found[1], found[2]

    def _level(self, grams: Counter[tuple[int, ...]]) -> tuple[Counter, dict, tuple[float, ...]]:
        """Counts, for each context the sum of its counts and the share that goes on, and the discounts."""
        taken = (0.0, *self.discounts(Counter(grams.values())))
        sums: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for gram, count in grams.items():
            both = sums[gram[:-1]]
            both[0] += count
            both[1] += min(taken[min(count, 3)], count)
        return grams, dict(sums), taken

    def chance(self, context: Sequence[int], word: int) -> float:
        """The probability of a word after the words before it, of which the last n - 1 count."""
        known = (*[-1] * (self.order - 1), *context)[len(context) :]
        p = 1 / self.symbols
        for k, (grams, sums, taken) in enumerate(self.levels):
            before = known[len(known) - k :]
            total, passed_on = sums.get(before, (0.0, 0.0))
            if not total:
                break  # nobody has seen this context, nor a longer one
            count = grams.get((*before, word), 0)
            p = (max(count - taken[min(count, 3)], 0) + passed_on * p) / total
        return p

    def nats(self, sequence: Sequence[int]) -> np.ndarray:
        """Minus the log probability of each word of a sequence, given those before it, `(len(sequence),)`."""
        keep = self.order - 1
        found = [self.chance(sequence[max(0, i - keep) : i], word) for i, word in enumerate(sequence)]
        return -np.log(found)
