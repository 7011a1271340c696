import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backsweep import metrics
from backsweep.engine.compile.kernel import compiled
from backsweep.engine.tables import COUNTERS
from backsweep.metrics.summary import METRICS, REASONS, summarise

summarise_compiled = compiled(summarise)

ALWAYS_DEFINED = {
    "total_return",
    "max_drawdown",
    "max_drawdown_sessions",
    "trades",
    "commission",
    "slippage",
    "financing",
    "currency_pnl",
    "ambiguous_fills",
    "ambiguous_pnl",
    "rejected_orders",
    "final_equity",
    "sessions",
}
WITHOUT_SESSIONS = ALWAYS_DEFINED - {"total_return", "max_drawdown", "max_drawdown_sessions", "final_equity"}
COUNTED = {
    "commission": 1.5,
    "slippage": 2.5,
    "financing": -3.5,
    "currency_pnl": 6.5,
    "ambiguous_fills": 4,
    "ambiguous_pnl": -4.5,
    "rejected_orders": 5,
}


def run(
    equity,
    *,
    initial=100.0,
    exposure=None,
    years=1.0,
    pnl=(),
    notional=0.0,
    function=summarise_compiled,
):
    """Every metric as {name: (value, reason)}, and the returns."""
    equity = np.asarray(equity, dtype=np.float64)
    exposure = np.zeros(equity.size) if exposure is None else np.asarray(exposure, dtype=np.float64)
    pnl = np.asarray(pnl, dtype=np.float64)
    values, reasons = np.full(len(METRICS), 7.0), np.full(len(METRICS), 77, dtype=np.uint8)
    returns = np.full(equity.size, 7.0)
    wins, losses = pnl[pnl > 0], pnl[pnl < 0]
    counters = np.zeros(1, COUNTERS)[0]
    counters.initial_equity, counters.traded_notional = initial, notional
    counters.trades, counters.wins = pnl.size, wins.size
    counters.gross_profit, counters.gross_loss = wins.sum(), -losses.sum()
    for name, value in COUNTED.items():
        counters[name] = value
    function(equity, exposure, years, 252.0, counters, values, reasons, returns)
    texts = [REASONS[code] for code in reasons]
    return {name: (float(values[i]), texts[i]) for i, name in enumerate(METRICS)}, returns


def reasons_of(result):
    return {name: reason for name, (_, reason) in result.items() if reason}


def test_metrics_and_reasons_are_what_tables_expect():
    assert len(METRICS) == len(set(METRICS))
    assert len(REASONS) == len(set(REASONS)) <= 256
    assert not REASONS[0]


@given(
    arrays(np.float64, st.integers(0, 40), elements=st.one_of(st.floats(-50, 300), st.sampled_from([0.0, 100.0]))),
    st.sampled_from([0.0, 1 / 252, 0.1, 3.0]),
    st.lists(st.integers(-50, 50), max_size=5),
)
@example(np.array([5e-324]), 1 / 252, [])  # the least equity above 0: turnover is beyond all numbers
def test_compiled_and_interpreted_give_the_same_bytes_and_nothing_infinite(equity, years, pnl):
    exposure = np.linspace(0, 1, equity.size)
    fast = run(equity, exposure=exposure, years=years, pnl=pnl, notional=1e4)
    slow = run(equity, exposure=exposure, years=years, pnl=pnl, notional=1e4, function=summarise)
    assert repr(fast[0]) == repr(slow[0])
    assert np.array([v for v, _ in fast[0].values()]).tobytes() == np.array([v for v, _ in slow[0].values()]).tobytes()
    assert fast[1].tobytes() == slow[1].tobytes()
    for value, reason in fast[0].values():
        assert math.isnan(value) if reason else math.isfinite(value)


def test_a_trial_has_the_metrics_of_its_returns():
    rng = np.random.default_rng(3)
    equity = 100 * np.cumprod(1 + rng.normal(0.0005, 0.01, 700))
    pnl = rng.normal(1, 10, 50)
    result, returns = run(equity, years=700 / 252, pnl=pnl)
    assert not reasons_of(result)
    for name in ("total_return", "volatility", "sharpe", "sortino", "max_drawdown", "skew", "kurtosis", "cagr"):
        assert result[name][0] == pytest.approx(getattr(metrics, name)(returns), rel=1e-11)
    for name in ("calmar", "max_drawdown_sessions"):
        assert result[name][0] == pytest.approx(getattr(metrics, name)(returns), rel=1e-11)
    for name in ("win_rate", "profit_factor", "expectancy"):
        assert result[name][0] == pytest.approx(getattr(metrics, name)(pnl), rel=1e-11)
    assert result["sharpe_per_session"][0] == metrics.sharpe(returns, periods_per_year=1)


def test_figures_of_a_small_account_are_as_by_hand():
    result, returns = run([110.0, 99.0], exposure=[0.5, 1.5], years=0.5, pnl=[3.0, -4.0], notional=418.0)
    assert returns.tolist() == [110.0 / 100.0 - 1, 99.0 / 110.0 - 1]
    expected = {
        "total_return": -0.01,
        "cagr": 0.99**2 - 1,
        "max_drawdown": 0.1,
        "max_drawdown_sessions": 1,
        "trades": 2,
        "win_rate": 0.5,
        "profit_factor": 0.75,
        "expectancy": -0.5,
        "exposure": 1.0,
        "turnover": 418 / 2 / 104.5 / 0.5,
        **COUNTED,
        "final_equity": 99.0,
        "sessions": 2,
    }
    assert {name: result[name][0] for name in expected} == pytest.approx(expected)


def test_a_trial_that_never_trades_has_reasons_and_no_figures_that_rank():
    result, returns = run(np.full(500, 100.0))
    assert not returns.any()
    assert reasons_of(result) == {
        "sharpe": "returns do not vary",
        "sharpe_per_session": "returns do not vary",
        "skew": "returns do not vary",
        "kurtosis": "returns do not vary",
        "sortino": "no return below the required one",
        "calmar": "no drawdown",
        "win_rate": "no closed trade",
        "profit_factor": "no closed trade",
        "expectancy": "no closed trade",
    }
    assert result["volatility"][0] == result["cagr"][0] == result["max_drawdown"][0] == 0.0


def test_no_session_leaves_counters_alone():
    result, _ = run([])
    assert set(METRICS) - set(reasons_of(result)) == WITHOUT_SESSIONS
    assert result["final_equity"][1] == result["exposure"][1] == result["calmar"][1] == "no session"


def test_one_session_has_no_spread():
    result, _ = run([90.0], pnl=[1.0])
    undefined = reasons_of(result)
    for name in ("volatility", "sharpe", "sortino", "skew", "kurtosis", "sharpe_per_session"):
        assert undefined.pop(name) == "fewer than 2 session returns"
    assert undefined == {"profit_factor": "no losing trade"}


def test_no_time_elapsed_leaves_yearly_figures_undefined():
    result, _ = run([90.0, 95.0], years=0.0, pnl=[1.0, -1.0])
    assert reasons_of(result) == dict.fromkeys(("cagr", "calmar", "turnover"), "no time elapsed")


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(-50, 300)))
def test_what_the_account_did_is_always_defined(equity):
    result, _ = run(equity)
    assert ALWAYS_DEFINED.isdisjoint(reasons_of(result))
    assert result["total_return"][0] == pytest.approx(equity[-1] / 100 - 1)


def test_returns_end_where_equity_falls_to_zero_or_below():
    result, returns = run([120.0, 60.0, -30.0, 240.0], exposure=[1.0, 3.0, -9.0, math.nan])
    assert returns[:3].tolist() == [120.0 / 100.0 - 1, -0.5, -1.5]
    assert math.isnan(returns[3])
    assert result["cagr"] == (-1.0, "")
    assert result["volatility"][0] == metrics.volatility(returns)
    assert result["max_drawdown"][0] == 1.25
    assert result["total_return"][0] == pytest.approx(1.4)
    assert result["sessions"][0] == 4


@pytest.mark.parametrize("function", [summarise, summarise_compiled])
def test_a_mean_equity_that_rounds_to_nothing_divides_nothing(function):
    result, _ = run([5e-324, 0.0], function=function)
    assert result["turnover"][1] == "equity fell to zero or below"


def test_an_account_without_positive_equity_has_no_ratios_to_it():
    result, _ = run([0.0, 0.0])
    assert result["exposure"][1] == result["turnover"][1] == "equity fell to zero or below"
    assert result["cagr"] == (-1.0, "")
    assert result["calmar"] == (-1.0, "")
    assert result["sharpe"][1] == "fewer than 2 session returns"


def test_equity_that_is_not_finite_is_reported_and_never_infinite():
    result, _ = run([110.0, math.inf, 90.0])
    assert result["sharpe"][1] == result["max_drawdown"][1] == result["turnover"][1] == "not a finite number"
    assert all(not math.isinf(value) for value, _ in result.values())
