"""Metrics of the user's own: what their functions are given, and what becomes of what they return."""

import math

import numpy as np
import pytest

import backsweep as bs
from backsweep.errors import StrategyError
from backsweep.metrics.summary import METRICS, REASONS
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.own_metrics import OwnMetrics, check_metrics
from backsweep.trial.session_range import SessionRange
from backsweep.trial.summaries import new_curves


class Declared(bs.Strategy):
    window: int = bs.param(2, 50, default=7)
    short: bool = bs.choice([False, True])
    stop: float = bs.param(0.0, 1.0, default=0.5)


@pytest.fixture
def measure(tmp_path):
    """Compute a function over two sessions of the year 2000 and one of 2002; returns its value and the reason."""

    def measure(source, params=(20.0, 1.0)):
        (tmp_path / "metrics.py").write_text("import math\nimport numpy as np\n\n\n" + source)
        spec = TrialSpec.model_validate(
            {
                "data": {"bars": "bars.csv"},
                "strategy": "x.py:X",
                "params": ("window", "short"),
                "fixed": {"costs.slippage.rate": 0.001},
                "metrics": {"own": f"{tmp_path}/metrics.py:own"},
            }
        )
        dates = np.array(["2000-01-03", "2000-01-04", "2001-06-01", "2002-01-07"], "datetime64[D]").astype(np.int32)
        left = new_curves(3)
        left.returns[:], left.equity[:], left.exposure[:] = (0.1, -0.2, 0.5), (110.0, 88.0, 132.0), (0.0, 1.0, 0.25)
        left.counters["trades"], left.counters["wins"], left.counters["gross_profit"] = 3.0, 2.0, 40.0
        values, reasons = np.full(len(METRICS) + 1, 7.0), np.zeros(len(METRICS) + 1, np.uint8)
        values[METRICS.index("sharpe")] = np.nan
        ranges = [SessionRange(0, 2), SessionRange(3, 4)]
        OwnMetrics(spec, Declared, dates).write(ranges, left, np.array(params), values, reasons)
        assert (values[:-1][~np.isnan(values[:-1])] == 7.0).all()
        return values[-1], REASONS[reasons[-1]]

    return measure


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("run.returns.sum()", 0.4),
        ("run.equity[-1] - run.equity[0]", 22.0),
        ("run.exposure.max()", 1.0),
        ("len(np.unique(run.dates.astype('datetime64[Y]')))", 2.0),
        ("run.trades.wins / run.trades.count", 2.0 / 3.0),
        ("run.trades.gross_profit", 40.0),
        ("run.metrics['cagr']", 7.0),
        ("run.metrics['sharpe'] is None", 1.0),
        ("run.params['window']", 20.0),
        ("run.params == {'window': 20, 'short': True, 'stop': 0.5, 'costs.slippage.rate': 0.001}", 1.0),
        ("type(run.params['window']) is int and run.params['short'] is True", 1.0),
        ("np.float32(0.5)", 0.5),
    ],
)
def test_a_metric_is_what_its_function_makes_of_the_run(measure, returned, expected):
    value, reason = measure(f"def own(run):\n    return {returned}\n")
    assert (value, reason) == (pytest.approx(expected), "")


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ("None", "its function returned no number"),
        ("math.nan", "its function returned no number"),
        ("np.float64(np.inf)", "not a finite number"),
    ],
)
def test_without_a_number_it_is_undefined_with_a_reason(measure, returned, reason):
    value, why = measure(f"def own(run):\n    return {returned}\n")
    assert math.isnan(value)
    assert why == reason


@pytest.mark.parametrize(
    ("body", "line", "found"),
    [
        ("return 1.0 / run.trades.nothing", 6, "AttributeError: 'Trades' object has no attribute 'nothing'"),
        ("return helper(0)", 10, "ZeroDivisionError: float division by zero"),
        ("return 'high'", 5, "it returned str, no number"),
        ("run.returns.sort()", 6, "ValueError: "),
    ],
)
def test_what_a_function_raises_names_the_line_and_fails_the_trial(measure, body, line, found):
    with pytest.raises(StrategyError) as caught:
        measure(f"def own(run):\n    {body}\n\n\ndef helper(x):\n    return 1.0 / x\n")
    assert caught.value.problem == "the metric `own` failed"
    assert caught.value.where == f"metrics.py, line {line}"
    assert caught.value.found.startswith(found)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("nothing", "has no metric 'nothing'"), ("pair", "something else than a run"), ("VALUE", "has no metric 'VALUE'")],
)
def test_what_is_no_function_of_a_run_is_refused_before_anything_runs(tmp_path, name, problem):
    (tmp_path / "metrics.py").write_text("VALUE = 1.0\n\n\ndef pair(a, b):\n    return a\n")
    with pytest.raises(StrategyError) as caught:
        check_metrics({"own": f"{tmp_path}/metrics.py:{name}"})
    assert problem in caught.value.problem
