"""One message for user code that cannot run, with its file and line, the same compiled and interpreted."""

import re
from pathlib import Path

import numpy as np
import pytest
from scenarios.scripted import bars, evaluator, flat

from backsweep.errors import StrategyError
from backsweep.strategy import load_strategy

FILE = Path(__file__).with_name("user_strategies.py")
MARKET = bars(*flat(100, 4))


def replay(name, *, compiled, params=(), values=()):
    market = MARKET.with_columns(pred=1.0)
    context = MARKET.select("timestamp").with_columns(vix=2.0)
    engine = evaluator(market, load_strategy(f"{FILE}:{name}"), context=context, params=params)
    return engine, engine.replay(np.array(values, float), compiled=compiled)


def line_of_mistake(name):
    text = FILE.read_text()
    start = text.index(f"class {name}(")
    return text.count("\n", 0, text.index("# mistake", start)) + 1


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("UnknownSignal", "unknown signal 'prde' of bar", "did you mean 'pred'?"),
        ("UnknownSignalInMethod", "unknown signal 'foo' of bar", "add the column to the signals file"),
        ("UnknownContext", "unknown context series 'vux' of context", "did you mean 'vix'?"),
        ("AssignsBar", "assigns Bar.close", "use broker.submit_order"),
        ("AssignsPosition", "assigns Position.quantity", "use broker.submit_order"),
        ("AssignsBroker", "assigns Broker.cash", "use broker.submit_order"),
        ("AssignsParameter", "assigns self.entry, which is a parameter", "bs.state"),
        ("AssignsUndeclared", "assigns self.calls, which is not declared", "bs.state"),
        ("MisspellsBroker", "unknown name 'sumbit_order' of broker", "did you mean 'submit_order'?"),
        ("MisspellsData", "unknown name 'cuont' of data", "did you mean 'count'?"),
        ("MisspellsParameter", "unknown name 'entri' of self", "did you mean 'entry'?"),
        ("MisspellsOrder", "unknown name 'state' of order", "did you mean 'status'?"),
    ],
)
def test_a_mistake_has_one_message_with_its_line_and_the_remedy(name, problem, remedy, compiled):
    with pytest.raises(StrategyError) as caught:
        replay(name, compiled=compiled)
    error = caught.value
    assert problem in error.problem
    assert remedy in error.remedy
    assert error.where == f"{FILE}, line {line_of_mistake(name)}"
    assert error.exit_code == 2


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
@pytest.mark.parametrize(
    ("name", "problem", "found"),
    [
        ("UsesFiles", "does not compile|raised FileNotFoundError", "open|notes.txt"),
        ("Raises", "raised ValueError", "no"),
        ("FeaturesRaise", r"FeaturesRaise\.features raised AttributeError", "roling_mean"),
        ("WakeRaises", r"WakeRaises\.wake raised AttributeError", "clauses"),
    ],
)
def test_what_python_or_numba_says_is_kept_to_one_sentence(name, problem, found, compiled):
    with pytest.raises(StrategyError) as caught:
        replay(name, compiled=compiled)
    error = caught.value
    assert re.search(problem, error.problem)
    assert re.search(found, error.found)
    assert "\n" not in error.found
    assert error.where == f"{FILE}, line {line_of_mistake(name)}"


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
def test_a_strategy_without_on_data_is_told_so(compiled):
    with pytest.raises(StrategyError, match="MisspellsOnData does not define on_data") as caught:
        replay("MisspellsOnData", compiled=compiled)
    assert caught.value.remedy == "rename on_dat to on_data, with these arguments"
    assert caught.value.expected == "def on_data(self, timestamp, data, context, broker)"


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
def test_without_signals_no_signal_is_known(compiled):
    engine = evaluator(MARKET, load_strategy(f"{FILE}:UnknownWithoutAny"))
    with pytest.raises(StrategyError, match="unknown") as caught:
        engine.replay(np.empty(0), compiled=compiled)
    assert caught.value.found == "`if data[0].nothing > context.nothing:  # mistake`"
    assert caught.value.expected in {
        "one of asset, open, high, low, close, volume, last_of_session, minutes_to_close, time_of_day",
        "none: there are no such names",
    }


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
def test_methods_functions_constants_and_variables_work(compiled):
    engine, result = replay("Counts", compiled=compiled, params=("lots", "short"), values=(4.0, 1.0))
    assert result.fills["quantity"].to_list() == [-12.0]
    engine._runner.run(np.array([4.0, 1.0]))
    record, memory = engine._runner._values[0], engine._runner._memory
    assert (record["calls"], record["total"]) == (4, 0.5 + 4 * 2 * 2.0)
    assert [table["value"].tolist() for table in memory] == [[3], [1.0]]


def test_variables_start_afresh_in_every_run():
    engine, _ = replay("Counts", compiled=True)
    for _ in range(3):
        engine._runner.run(np.empty(0))
        assert engine._runner._values[0]["calls"] == 4
