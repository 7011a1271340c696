"""The comparison with other engines in small, without them; `make bench-peers` runs it whole."""

from dataclasses import replace

import numpy as np
import pytest

from peers.case import Trade, make_prices
from peers.table import BEGIN, END, Measured, describe, write

TRADE = Trade(bought=7, sold=21, entry=100.25, exit=99.5, quantity=100.0, fees=9.99)
OURS = Measured("ours 1", 1_000, (2.5, 2.0), trades=84, equal=84)


def test_every_field_of_a_trade_counts():
    assert TRADE.near(replace(TRADE, entry=100.25 * (1.0 + 1e-12)))
    for name in ("bought", "sold", "entry", "exit", "quantity", "fees"):
        value = getattr(TRADE, name)
        assert not TRADE.near(replace(TRADE, **{name: value + (1 if name in {"bought", "sold"} else 1e-6)})), name


def test_prices_stay_where_every_engine_buys_one_lot_and_nothing_is_held_at_the_end():
    prices = make_prices(20_000)
    assert 75.0 < prices.low.min() < prices.high.max() < 150.0
    assert (prices.high >= np.maximum(prices.open, prices.close)).all()
    assert (prices.low <= np.minimum(prices.open, prices.close)).all()
    assert (prices.first(500).pred[-5:] < -9.0).all()


@pytest.mark.parametrize(
    ("trades", "equal", "ratio", "said"),
    [
        (84, 84, "50", "all 84"),
        (84, 83, "trades differ", "83 of 84; has 84"),
        (85, 84, "trades differ", "84 of 84; has 85"),
    ],
)
def test_a_ratio_is_quoted_only_where_all_trades_are_equal(trades, equal, ratio, said):
    row = describe("Dense", [OURS, Measured("other 2", 1, (100.0,), trades, equal)])[-2]
    assert row == f"| other 2 | 1 | 100.00 | one | {ratio} | {said} |"


def test_the_page_keeps_what_stands_around_its_tables(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    write(page, describe("Dense", [OURS]))
    text = page.read_text()
    assert text.startswith(f"# Title\n\n{BEGIN}\n\n### Dense\n")
    assert text.endswith(f"| ours 1 | 1,000 | 2.00 | up to +25% | 1 | all 84 |\n\n{END}\n\nAfter.\n")
