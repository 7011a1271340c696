"""What kinds of cost declare, and the record that follows from it."""

import pytest

from backsweep.engine.costs.commissions import COMMISSIONS
from backsweep.engine.costs.kinds import PLACES, Choice, Kind, Number, Registry, Tiers
from backsweep.engine.costs.slippages import SLIPPAGES
from backsweep.errors import BadInput
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.trial import read_section


def kind(*keys, **facts):
    return Kind("A kind.", lambda *_: 0.0, keys, **facts)


def test_the_record_has_the_numbers_of_all_kinds_once_and_the_bounds_of_an_order_if_one_is_bounded():
    one = kind(Number("rate", ""), Choice("by", "", ("day", "month")))
    other = kind(Number("rate", ""), Tiers(""), bounded=True)
    assert Registry({"one": one}).record.names == (*PLACES, "rate", "by")
    assert Registry({"one": one, "other": other}).record.names == (*PLACES, "minimum", "maximum", "rate", "by")


@pytest.mark.parametrize("name", ["size", "dtype", "min", "tiers", "kind"])
def test_a_name_that_a_record_has_for_something_else_is_refused(name):
    with pytest.raises(ValueError, match=f"cannot be called '{name}'"):
        _ = Registry({"one": kind(Number(name, ""))}).record


@pytest.mark.parametrize("number", range(3))
def test_the_kernel_of_a_number_is_called_with_what_comes_after_it(number):
    seen = []
    kinds = {name: Kind("", lambda *given, name=name: seen.append((name, given)) or 1.5) for name in "abc"}
    assert Registry(kinds).dispatch()(number, "state", "asset", "order", 7, 10.0, 100.0, True) == 1.5
    assert seen == [("abc"[number], ("state", "asset", "order", 7, 10.0, 100.0, True))]


@pytest.mark.parametrize("registry", [COMMISSIONS, SLIPPAGES])
def test_every_kind_has_a_text_and_the_first_costs_nothing(registry):
    assert all(kind.about for kind in registry.kinds.values())
    assert registry.number("none") == 0  # what empty records have


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("commission", "percentage.rate"),
        ("commission", "per_share.rate"),
        ("commission", "per_order.amount"),
        ("slippage", "fixed.amount"),
        ("slippage", "percentage.rate"),
        ("slippage", "square_root.rate"),
        ("slippage", "volume_share.rate"),
    ],
)
def test_a_cost_below_zero_is_refused_and_none_at_all_is_not(section, key):
    kind, name = key.split(".")
    read_section(CostsSpec, "costs", {section: {"kind": kind, name: 0.0}})
    with pytest.raises(BadInput, match=name):
        read_section(CostsSpec, "costs", {section: {"kind": kind, name: -0.5}})
