"""The sections of costs that are made from what each kind declares."""

import pickle

import pytest
from pydantic import ValidationError

from backsweep.engine.costs.commissions import COMMISSIONS
from backsweep.engine.costs.slippages import SLIPPAGES
from backsweep.sweepfile.costs import CostsSpec

TIERED = {"kind": "tiered", "by": "order_value", "tiers": [{"above": 0, "rate": 0.5, "maker_rate": -0.25}]}


def commission(**keys):
    return CostsSpec.model_validate({"commission": keys}).commission


def test_what_may_be_left_out_has_its_default_and_what_may_be_nothing_is_null():
    assert commission(kind="percentage", rate=0.5).model_dump() == {
        "minimum": 0.0,
        "maximum": 0.0,
        "kind": "percentage",
        "rate": 0.5,
        "maker_rate": None,
    }
    assert CostsSpec.model_validate({"slippage": {"kind": "volume_share"}}).slippage.limit == 0.025


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"kind": "percentage"}, ("percentage", "rate")),
        ({"kind": "percentage", "rate": 1.0}, ("percentage", "rate")),
        ({"kind": "percentage", "rate": 0.5, "maker_rate": -1.0}, ("percentage", "maker_rate")),
        ({"kind": "percentage", "rate": float("nan")}, ("percentage", "rate")),
        ({"kind": "per_order", "amount": 1.0, "minimum": 1.0}, ("per_order", "minimum")),
        ({**TIERED, "by": "weekly_value"}, ("tiered", "by")),
        ({**TIERED, "tiers": []}, ("tiered", "tiers")),
    ],
)
def test_a_key_that_is_missing_wrong_or_unknown_is_an_error_at_its_place(keys, place):
    with pytest.raises(ValidationError) as caught:
        commission(**keys)
    assert [error["loc"] for error in caught.value.errors()] == [("commission", *place)]


def test_sections_travel_to_workers():
    costs = CostsSpec.model_validate({"commission": TIERED, "per_asset": {"A": {"slippage": {"kind": "none"}}}})
    arrived = pickle.loads(pickle.dumps(costs))  # noqa: S301 - written on the line
    assert arrived == costs
    assert type(arrived.commission) is type(costs.commission)


def test_there_is_a_section_for_every_kind_and_without_a_choice_nothing_is_paid():
    for part, kinds in (("commission", COMMISSIONS), ("slippage", SLIPPAGES)):
        with pytest.raises(ValidationError) as caught:
            CostsSpec.model_validate({part: {"kind": "other"}})
        assert [name for name in kinds.kinds if f"'{name}'" not in str(caught.value)] == []
        assert getattr(CostsSpec(), part).kind == "none"
