"""The tables behind a run: how they are reset, and how compiled code finds an account's own assets."""

import numpy as np
from scenarios.scripted import bars, evaluator, flat

from backsweep.engine.codes import FREE
from backsweep.engine.compile.kernel import compiled
from backsweep.engine.state import State, point_assets, reset
from backsweep.engine.tables import ADDRESSES, ASSET, TABLES


def test_a_handle_points_to_the_assets_of_an_account():
    assets, handle = np.zeros(5, ASSET), np.zeros(1, ADDRESSES)
    point = compiled(lambda one, table, number: point_assets(one, table, number))  # noqa: PLW0108 - of compiled code alone
    for number in range(5):
        point(handle[0], assets, number)
        assert handle["assets"][0] == assets[number:].ctypes.data
    plain = State({name: np.zeros(1, table.dtype) for name, table in TABLES.items()})
    assets["lot"] = np.arange(5)
    point_assets(plain, assets, 3)
    assert plain.assets.lot == 3.0


def test_a_reset_account_has_its_cash_and_no_order_that_a_bar_could_reach():
    tables = evaluator(bars(*flat(100, 3), B=flat(50, 3)))._runner.tables
    tables.orders["status"], tables.cursor["next_id"] = 3, 9
    tables.books["reach_low"], tables.books["reach_high"] = 90.0, 110.0
    tables.positions["quantity"] = 7.0
    reset(State(tables.arrays))
    assert tables.orders["status"][:9].tolist() == [FREE] * 9
    assert tables.books["reach_low"].tolist() == [-np.inf] * 2
    assert tables.books["reach_high"].tolist() == [np.inf] * 2
    assert tables.positions["quantity"].tolist() == [0.0, 0.0]
    assert tables.account["cash"][0] == tables.account["equity"][0] == 10_000.0
