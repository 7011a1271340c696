"""The rules of `search.asset_groups`."""

import pytest
from scenarios.formula_study import SWEEP

from backsweep.errors import BadInput
from backsweep.study.search.asset_groups import with_asset_groups

SLEEVES = "account.mode=sleeves"
TWO = "search.asset_groups={tech: [AAPL, MSFT], energy: [XOM]}"
REFUSED = {
    "one account": ((TWO,), "groups of assets in one account", "write `mode: sleeves` under `account`"),
    "none": ((SLEEVES, "search.asset_groups={}"), "no groups", "name some"),
    "empty": ((SLEEVES, "search.asset_groups={tech: []}"), "the group `tech` has no asset", "take it out"),
    "twice": ((SLEEVES, "search.asset_groups={a: [X, Y], b: [Y]}"), "Y stands twice", "take it out of one"),
    "twice in one": ((SLEEVES, "search.asset_groups={a: [X, X]}"), "X stands twice", "take it out of one"),
    "unknown": ((SLEEVES, TWO, "data.assets=[AAPL, MSFT, XON]"), "`energy` has an unknown asset", "did you mean"),
    "left over": ((SLEEVES, TWO, "data.assets=[AAPL, IBM, MSFT, XOM]"), "in no group", "add them to a group"),
    "shards": ((SLEEVES, TWO, "runtime.shards=2"), "beside `runtime.shards`", "leave `shards` out"),
    "cpcv": (
        (SLEEVES, TWO, "walk_forward={mode: cpcv, groups: 4, test_groups: 2}"),
        "beside `walk_forward.mode`",
        "leave `mode` out",
    ),
    "holdout": (
        (SLEEVES, TWO, "walk_forward={train: 2y, test: 1y, holdout: 1y}"),
        "beside `walk_forward.holdout`",
        "leave `holdout` out",
    ),
    "of one asset": (
        (
            SLEEVES,
            TWO,
            "costs.per_asset={XOM: {commission: {kind: percentage, rate: 0.001}}}",
            "search.params={costs.per_asset.XOM.commission.rate: {low: 0.0, high: 0.01}}",
        ),
        "beside `search.params.costs.per_asset.XOM.commission.rate`",
        "leave `costs.per_asset.XOM.commission.rate` out",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_with_the_remedy(bench, case):
    overrides, problem, remedy = REFUSED[case]
    with pytest.raises(BadInput) as error:
        bench.sweep(SWEEP, *overrides)
    assert problem in error.value.problem
    assert remedy in error.value.remedy
    assert "--set" in error.value.where


def test_groups_come_in_the_order_of_their_names(bench):
    sweep = bench.sweep(SWEEP, SLEEVES, TWO)
    assert sweep.search.named_groups == {"energy": ("XOM",), "tech": ("AAPL", "MSFT")}
    assert bench.sweep(SWEEP, SLEEVES).search.named_groups == {}


def test_a_group_for_every_asset_is_named_once_the_assets_are_known(bench):
    sweep = bench.sweep(SWEEP, SLEEVES, "search.asset_groups=per_asset")
    assert sweep.search.named_groups == {}
    assert with_asset_groups(sweep, ("A", "B")).search.named_groups == {"A": ("A",), "B": ("B",)}


def test_assets_of_the_data_must_be_in_a_group(bench):
    sweep = bench.sweep(SWEEP, SLEEVES, TWO)
    with pytest.raises(BadInput, match="assets that are in no group") as error:
        with_asset_groups(sweep, ("AAPL", "IBM", "MSFT", "XOM"))
    assert error.value.found == "IBM"
    with pytest.raises(BadInput, match="has an unknown asset"):
        with_asset_groups(sweep, ("AAPL", "MSFT"))
    assert with_asset_groups(sweep, ("AAPL", "MSFT", "XOM")) == sweep
