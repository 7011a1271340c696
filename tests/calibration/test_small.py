"""The calibration in small: the verdict on a few markets whose truth is known; `make calibration` has more."""

import pytest

import studies

pytestmark = pytest.mark.thorough


FEW = 4
WAYS = studies.DESIGNS[:2]


def survivors(sharpe):
    """Count what survives, of markets that are searched in one of two ways."""
    searches = [(design, FEW * way + seed) for way, design in enumerate(WAYS, start=1) for seed in range(FEW)]
    found = [studies.search(design, seed, sharpe, trials=20) for design, seed in searches]
    return [each.verdict.verdict for each in found].count("survives")


def test_noise_is_hardly_ever_believed():
    assert survivors(0.0) <= 1


def test_edges_are_mostly_found():
    assert survivors(2.5) >= 2 * FEW - 1


def test_a_market_has_the_edge_that_it_is_said_to_have():
    bars = studies.market(0, 1.5)
    returns = (bars["close"] / bars["open"] - 1).to_numpy()[1:]
    pred = bars["pred"].to_numpy()[:-1]
    slope = (returns * pred).mean() / 0.01
    assert abs(slope - 1.5 / 0.900 / 252**0.5) < 3 / len(pred) ** 0.5
