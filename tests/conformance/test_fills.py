"""The comparison itself: it must not agree with anything that differs."""

from sidebyside.fills import Fill, compare, count_trades, merged

BUY = Fill(3, 0, 10.0, 101.25, 1.0)
SELL = Fill(7, 0, -10.0, 99.5, 0.5)


def test_equal_reports_agree_whatever_their_order() -> None:
    assert compare([BUY, SELL], [SELL, BUY])[:2] == (2, 2)


def test_a_missing_fill_is_compared_and_does_not_agree() -> None:
    assert compare([BUY, SELL], [BUY]) == (2, 1, (SELL, None))
    assert compare([SELL], [BUY, SELL]) == (2, 1, (SELL, BUY))


def test_every_field_counts() -> None:
    for field in Fill._fields:
        other = BUY._replace(**{field: getattr(BUY, field) + (1 if field in {"bar", "asset"} else 1e-6)})
        assert compare([BUY], [other]).agreed == 0, field


def test_differences_in_the_last_bits_agree() -> None:
    assert compare([BUY], [BUY._replace(price=101.25 * (1 + 1e-15))]).agreed == 1


def test_an_order_reported_in_parts_is_one_fill() -> None:
    parts = [BUY._replace(quantity=4.0, commission=0.4), BUY._replace(quantity=6.0, commission=0.6)]
    assert merged(parts) == [BUY]


def test_a_fill_through_zero_ends_a_trade_and_begins_one() -> None:
    assert count_trades([BUY, SELL._replace(quantity=-30.0), SELL._replace(bar=9, quantity=20.0)]) == 2
