"""What captioners and translators are trained by; the loop itself is tested with them."""

import pytest

from utils import training


def test_the_rate_grows_and_falls():
    rates = [training.rate_at(step, 100, 0.5) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[9] == rates[10] == 0.5
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0.005 < rates[-1] < 0.006
    assert training.rate_at(0, 1, 0.5) == 0.5
    assert training.rate_at(199, 10_000, 1.0) == 1.0 > training.rate_at(198, 10_000, 1.0)


@pytest.mark.parametrize(
    ("budget", "units"), [(0, 1), (1, 1), (2, 1), (3, 2), (31, 6), (99, 10), (10_000, 100)]
)
def test_the_size_that_comes_nearest(budget, units):
    assert training.size_for(budget, lambda n: n * n) == units
