"""The calibration in small: the verdict on a few markets whose truth is known; `make calibration` has more."""

import studies

FEW = 5
WALK, HOLDOUT = studies.DESIGNS[:2]


def words(design, sharpe):
    return [studies.search(design, seed, sharpe, trials=40).verdict.verdict for seed in range(FEW)]


def test_noise_is_hardly_ever_believed():
    assert [*words(WALK, 0.0), *words(HOLDOUT, 0.0)].count("survives") <= 2


def test_edges_are_mostly_found():
    assert [*words(WALK, 2.5), *words(HOLDOUT, 2.5)].count("survives") >= 8


def test_a_market_has_the_edge_that_it_is_said_to_have():
    bars = studies.market(0, 1.5)
    returns = (bars["close"] / bars["open"] - 1).to_numpy()[1:]
    pred = bars["pred"].to_numpy()[:-1]
    slope = (returns * pred).mean() / 0.01
    assert abs(slope - 1.5 / 0.900 / 252**0.5) < 3 / len(pred) ** 0.5
