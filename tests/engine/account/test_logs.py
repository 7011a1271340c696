"""The logs of a recorded run: what is beyond their capacity is a failure, never written behind them."""

import numpy as np
import pytest
from scenarios.scripted import bars, compose, evaluator, flat, market

from backsweep.trial.runner import LogFull, Runner


@pytest.mark.parametrize("compiled", [True, False])
def test_a_log_holds_as_many_entries_as_it_has_room_for_and_no_more(compiled):
    full = evaluator(bars(*flat(100, 4)))._runner
    table = compose([market(0, 1), market(1, 1)])
    values = np.array([float(table.ctypes.data), float(len(table))])

    def fills(room):
        names = ("steps", "count")
        runner = Runner(full.market, full.cls, full.settings, params=names, compiled=compiled, log_capacity=room)
        runner.run(values)
        return int(runner.tables.cursor["fills_logged"][0])

    assert fills(2) == 2
    with pytest.raises(LogFull):
        fills(1)
