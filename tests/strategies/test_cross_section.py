import numpy as np
import polars as pl
import pytest

from backsweep.strategies.cross_section import CrossSection

PRED = {"pred_weight": 1.0, "momentum_weight": 0.0, "reversal_weight": 0.0, "every": 1, "band": 0.0}


def constant(count=4, **values):
    """Assets whose price stays at 100 and whose signals never change."""
    return {
        name: {"close": [100.0] * count, "pred": [value] * count} if not isinstance(value, dict) else value
        for name, value in values.items()
    }


def held(result):
    """Return the value of each position at its last fill, as a fraction of the initial million."""
    fills = result.fills.group_by("asset").agg((pl.col("quantity") * pl.col("price")).sum() / 1e6)
    return {name: pytest.approx(value) for name, value in fills.iter_rows()}


def test_the_best_are_held_and_the_worst_sold_short_with_equal_weights(by_hand):
    assets = constant(A=3.0, B=-1.0, C=0.5, D=-4.0, E=1.0)
    assert held(by_hand(CrossSection, assets, count=2, **PRED)) == {"A": 0.25, "E": 0.25, "B": -0.25, "D": -0.25}


def test_scores_weigh_by_their_distance_from_the_middle(by_hand):
    assets = constant(A=3.0, B=-1.0, C=0.5, D=-4.0, E=1.0)
    # The middle between E (1) and B (-1) is 0: distances 3 and 1 on the long side, 1 and 4 on the short side.
    expected = {"A": 0.375, "E": 0.125, "B": -0.1, "D": -0.4}
    assert held(by_hand(CrossSection, assets, count=2, by_score=True, **PRED)) == expected


def test_equal_scores_weigh_equally_and_the_first_are_better(by_hand):
    assets = constant(A=1.0, B=1.0, C=1.0, D=1.0)
    expected = {"A": 0.25, "B": 0.25, "C": -0.25, "D": -0.25}
    assert held(by_hand(CrossSection, assets, count=2, by_score=True, **PRED)) == expected


def test_signals_add_up_under_their_weights(by_hand):
    assets = {
        "A": {"close": [100.0] * 3, "pred": [1.0] * 3, "momentum": [-2.0] * 3, "reversal": [5.0] * 3},
        "B": {"close": [100.0] * 3, "pred": [0.5] * 3, "momentum": [2.0] * 3, "reversal": [4.0] * 3},
    }
    run = {"every": 1, "count": 1, "band": 0.0, "pred_weight": 1.0, "momentum_weight": 1.0}
    assert held(by_hand(CrossSection, assets, reversal_weight=0.0, **run)) == {"A": -0.5, "B": 0.5}
    assert held(by_hand(CrossSection, assets, reversal_weight=1.0, **run | {"momentum_weight": 0.0})) == {
        "A": 0.5,
        "B": -0.5,
    }


def test_a_missing_signal_is_skipped_and_an_asset_without_signals_is_not_ranked(by_hand):
    missing = [None] * 4
    assets = constant(A=2.0, B=-1.0) | {
        "C": {"close": [100.0] * 4, "pred": missing, "momentum": missing, "reversal": missing},
        "D": {"close": [100.0] * 4, "pred": missing, "momentum": [9.0] * 4},
    }
    assert held(by_hand(CrossSection, assets, count=1, **PRED)) == {"A": 0.5, "B": -0.5}
    run = PRED | {"momentum_weight": 1.0}
    assert held(by_hand(CrossSection, assets, count=1, **run)) == {"D": 0.5, "B": -0.5}


def test_fewer_assets_than_twice_the_count_are_halved(by_hand):
    assert held(by_hand(CrossSection, constant(A=1.0, B=2.0, C=3.0), count=5, **PRED)) == {"A": -0.5, "C": 0.5}
    assert by_hand(CrossSection, constant(A=1.0), count=5, **PRED).orders.is_empty()


def test_gross_is_the_value_of_both_sides(by_hand):
    result = by_hand(CrossSection, constant(A=1.0, B=2.0, C=3.0, D=4.0), count=2, gross=1.5, **PRED)
    assert result.equity["exposure"][-1] == pytest.approx(1.5)
    assert sum(value.expected for value in held(result).values()) == pytest.approx(0.0)


def test_nothing_happens_between_rebalancings(by_hand):
    turns = [1.0, -1.0] * 10
    assets = {
        "A": {"close": [100.0] * 20, "pred": turns},
        "B": {"close": [100.0] * 20, "pred": [-turn for turn in turns]},
    }
    result = by_hand(CrossSection, assets, count=1, **PRED | {"every": 5})
    days = (result.fills["timestamp"].dt.ordinal_day() - 1).unique().sort()
    assert days.to_list() == [1, 6, 11, 16]  # the session after each of 0, 5, 10 and 15


def test_a_position_within_the_band_is_left_alone(by_hand):
    close = list(np.linspace(100.0, 110.0, 20))
    assets = {"A": {"close": close, "pred": [1.0] * 20}, "B": {"close": [100.0] * 20, "pred": [0.0] * 20}}
    run = PRED | {"count": 1}
    assert by_hand(CrossSection, assets, **run | {"band": 0.1}).fills.height == 2
    assert by_hand(CrossSection, assets, **run).fills.height > 20


def test_what_is_no_longer_ranked_is_closed(by_hand):
    assets = constant(A=3.0, B=-1.0, C=1.0, D=-3.0)
    gone = {"close": [100.0] * 4, "pred": [9.0, None, None, None], "momentum": [None] * 4, "reversal": [None] * 4}
    result = by_hand(CrossSection, assets | {"E": gone}, count=1, **PRED)
    assert result.trades["asset"].to_list() == ["E"]
    assert held(result) == {"A": 0.5, "D": -0.5, "E": 0.0}


def test_an_asset_that_left_is_closed_at_its_next_bar_by_one_order(by_hand):
    assets = constant(count=8, A=3.0, B=-1.0, C=1.0, D=-3.0)
    away = {"close": [100.0, 100.0, *[None] * 4, 100.0, 100.0], "pred": [9.0] * 2 + [None] * 4 + [0.0] * 2}
    result = by_hand(CrossSection, assets | {"E": away}, count=1, **PRED)
    fills = result.fills.filter(asset="E")
    assert (fills["timestamp"].dt.ordinal_day() - 1).to_list() == [1, 6]
    assert result.orders.filter(asset="E").height == 2


def test_a_turned_position_goes_through_zero_in_one_order(by_hand):
    assets = {
        "A": {"close": [100.0] * 6, "pred": [1.0, 1.0, -1.0, -1.0, -1.0, -1.0]},
        "B": {"close": [100.0] * 6, "pred": [0.0] * 6},
    }
    fills = by_hand(CrossSection, assets, count=1, **PRED).fills.filter(asset="A")
    assert fills["quantity"].to_list() == [5000.0, -10000.0]


def test_five_hundred_assets_are_ranked_as_sorting_ranks_them(by_hand):
    pred = np.random.default_rng(5).normal(size=500)
    assets = {f"S{i:03}": {"close": [100.0] * 3, "pred": [value] * 3} for i, value in enumerate(pred)}
    positions = held(by_hand(CrossSection, assets, count=20, **PRED))
    order = np.argsort(pred)
    expected = {f"S{i:03}": 0.025 for i in order[-20:]} | {f"S{i:03}": -0.025 for i in order[:20]}
    assert positions == expected


def test_the_shipped_data_are_always_invested_once_the_signals_exist(on_shipped):
    result = on_shipped(CrossSection, every=5)
    late = result.equity.filter(pl.col("timestamp").dt.year() >= 2003)
    assert late["exposure"].is_between(0.7, 1.3).all()
    assert result.metrics["rejected_orders"] == 0
