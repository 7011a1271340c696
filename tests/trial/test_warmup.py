import numpy as np
import polars as pl
import pytest

from backsweep.trial.warmup import find_warmup

CLOSE = pl.col("close")
Z_SCORE = (CLOSE - CLOSE.rolling_mean(7)) / CLOSE.rolling_std(7)


def closes():
    """Return closes of a walk that stands still for ten bars now and then, as illiquid prices do."""
    steps = np.random.default_rng(1).normal(0.0, 1.0, 4000)
    steps[np.arange(4000) % 200 < 10] = 0.0
    return pl.DataFrame({"close": 1e4 + steps.cumsum().round(2)})


def warmup_of(expression):
    frame = closes()
    every = frame.select(expression.alias("x").cast(float))["x"].fill_null(np.nan).to_numpy()
    late = frame[1000:].select(expression.alias("x").cast(float))["x"].fill_null(np.nan).to_numpy()
    return find_warmup({"x": every}, {"x": late}, np.zeros(3000, np.int32))["x"]


@pytest.mark.parametrize(
    ("expression", "bars"),
    [
        (CLOSE.rolling_mean(7), 6),
        (CLOSE.rolling_std(7), 6),
        (CLOSE.rolling_mean(7) - CLOSE.rolling_mean(14), 13),
        (CLOSE.diff().rolling_mean(7), 7),
        (Z_SCORE.fill_nan(0.0).clip(-3, 3) * (CLOSE.rolling_std(7) > 1e-3), 6),
        (CLOSE, 0),
    ],
)
def test_a_window_is_as_long_as_it_is_whatever_rounding_leaves_behind(expression, bars):
    assert warmup_of(expression) == bars


def test_an_exponential_mean_is_forgotten_when_a_millionth_of_it_is_left():
    # the weight of what came before is (1 - alpha) ** bars: below 1e-6 after 131 bars for alpha = 0.1, and the
    # difference at the start is of the size of the deviation itself, up to a few times more or less
    assert 100 < warmup_of(CLOSE.ewm_mean(alpha=0.1)) < 150


@pytest.mark.parametrize("expression", [CLOSE.cum_sum(), CLOSE - CLOSE.first(), CLOSE.rank()])
def test_what_depends_on_the_first_bar_never_settles(expression):
    assert warmup_of(expression) is None


def test_the_longest_of_the_assets_counts():
    assets = np.tile([0, 1], 10)
    full = np.arange(40.0)
    short = full[20:].copy()
    short[[0, 2, 7]] = -1.0  # asset 0 differs on its first two bars, asset 1 on its fourth
    assert find_warmup({"x": full}, {"x": short}, assets) == {"x": 4}
