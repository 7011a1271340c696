"""A number swept under a dotted key is the same as that number in the sweep file, bit for bit."""

import numpy as np
import pytest
from scenarios.scripted import assert_same_bits, evaluator

from backsweep.errors import BadInput
from backsweep.trial.binding import place_of

OWN = {"A": {"multiplier": 2.0, "lot": 5.0}}
ACCOUNT = {"cash": 10_000.0, "kind": "margin", "leverage": 2.0, "lot": 1.0, "per_asset": OWN}


def costs(**changes):
    """Return costs with one number changed."""
    found = {
        "commission": {"kind": "per_share", "rate": 0.01, "minimum": 1.0},
        "slippage": {"kind": "percentage", "rate": 0.001},
        "per_asset": {"B": {"commission": {"kind": "percentage", "rate": 0.002}}},
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = found
        for parent in parents:
            place = place[parent]
        place[last] = value
    return found


@pytest.mark.parametrize(
    ("key", "value", "account", "changed"),
    [
        ("costs.slippage.rate", 0.005, {}, {"slippage__rate": 0.005}),
        ("costs.commission.rate", 0.5, {}, {"commission__rate": 0.5}),
        ("costs.commission.minimum", 3.0, {}, {"commission__minimum": 3.0}),
        ("costs.per_asset.B.commission.rate", 0.01, {}, {"per_asset__B__commission__rate": 0.01}),
        ("account.cash", 5_000.0, {"cash": 5_000.0}, {}),
        ("account.leverage", 0.1, {"leverage": 0.1}, {}),
        ("account.lot", 4.0, {"lot": 4.0}, {}),
        ("account.per_asset.A.multiplier", 3.0, {"per_asset": {"A": {"multiplier": 3.0, "lot": 5.0}}}, {}),
        ("account.per_asset.A.lot", 4.0, {"per_asset": {"A": {"multiplier": 2.0, "lot": 4.0}}}, {}),
    ],
)
def test_a_swept_number_equals_the_same_number_in_the_file(market, averages, key, value, account, changed):
    swept = evaluator(market, averages, account=ACCOUNT, costs=costs(), params=("window", key))
    written = evaluator(market, averages, account={**ACCOUNT, **account}, costs=costs(**changed), params=("window",))
    fixed = evaluator(
        market, averages, account=ACCOUNT, costs=costs(), params=("window",), fixed={key: value, "scale": 1.0}
    )
    plain = evaluator(market, averages, account=ACCOUNT, costs=costs(), params=("window",))
    result = swept.replay(np.array([4.0, value]))
    assert_same_bits(result, written.replay(np.array([4.0])))
    assert_same_bits(result, fixed.replay(np.array([4.0])))
    assert result.metrics != plain.replay(np.array([4.0])).metrics


def test_one_number_for_all_leaves_an_assets_own_costs_alone(market, averages):
    engine = evaluator(market, averages, account=ACCOUNT, costs=costs(), params=("window", "costs.commission.rate"))
    cheap, dear = (engine.replay(np.array([4.0, rate])).fills for rate in (0.01, 1.0))
    of = [frame.filter(frame["asset"] == asset)["commission"].sum() for asset in "AB" for frame in (cheap, dear)]
    assert of[0] < of[1]
    assert of[2] == of[3]


def test_one_lot_or_tick_for_all_leaves_an_assets_own_alone(market, averages):
    account = {**ACCOUNT, "tick": 0.5}
    engine = evaluator(market, averages, account=account, params=("account.lot", "account.tick"))
    engine._runner.take(np.array([3.0, 0.25]))
    assert engine._runner.tables.assets["lot"].tolist() == [5.0, 3.0]
    assert engine._runner.tables.assets["tick"].tolist() == [0.25, 0.25]


def test_a_swept_number_of_one_trial_does_not_stay_for_the_next(market, averages):
    engine = evaluator(market, averages, account=ACCOUNT, costs=costs(), params=("costs.slippage.rate",))
    runner = engine._runner
    totals = []
    for rate in (0.0, 0.01, 0.0):
        runner.run(np.array([rate]))
        totals.append(float(runner.tables.counters[0].slippage))
    assert totals[0] == totals[2] == 0.0 < totals[1]


@pytest.mark.parametrize(
    "key",
    [
        "account.kind",
        "account.nothing",
        "account.per_asset.A.tick",  # A has no tick of its own
        "account.per_asset.A.shortable",
        "account.per_asset.B.multiplier",  # nothing is said of B
        "account.per_asset",
        "costs.slippage",
        "costs.slippage.speed",
        "execution.profile",
        "data.start",
        "costs.slippage.amount",  # the kind is percentage
        "costs.per_asset.B.commission.amount",
        "costs.per_asset.B.slippage.rate",  # B has no slippage of its own
        "costs.per_asset.C.slippage.rate",  # there is no C
        "costs.per_asset",
        "window.size",
    ],
)
def test_a_key_that_is_no_number_is_an_error_that_names_it(market, averages, key):
    with pytest.raises(BadInput) as caught:
        evaluator(market, averages, account=ACCOUNT, costs=costs(), params=(key,))
    assert key in str(caught.value)


def test_costs_for_an_unknown_asset_are_an_error_that_names_it(market, averages):
    with pytest.raises(BadInput, match="does not have: 'ZZZ'") as caught:
        evaluator(market, averages, costs={"per_asset": {"ZZZ": {"slippage": {"kind": "none"}}}})
    assert caught.value.where == "costs.per_asset.ZZZ"
    with pytest.raises(BadInput, match="does not have: 'ZZZ'") as caught:
        evaluator(market, averages, account={"per_asset": {"ZZZ": {"lot": 1.0}}})
    assert caught.value.where == "account.per_asset.ZZZ"


def test_a_place_writes_only_its_own_rows(market, averages):
    engine = evaluator(market, averages, costs=costs())
    tables, sections = engine._runner.tables, (engine._settings.account, engine._settings.costs)
    place_of("costs.commission.rate", tables, *sections, ("A", "B")).put(0.25)
    place_of("costs.per_asset.B.commission.rate", tables, *sections, ("A", "B")).put(0.5)
    assert tables.assets["commission"]["rate"].tolist() == [0.25, 0.5]


def test_an_assets_name_may_have_a_dot(market, averages):
    renamed = market.with_columns(asset=market["asset"].replace({"B": "BRK.B"}))
    own = {"per_asset": {"BRK.B": {"slippage": {"kind": "fixed", "amount": 0.0}}}}
    key = "costs.per_asset.BRK.B.slippage.amount"
    slippage = evaluator(renamed, averages, costs=own, params=(key,)).replay(np.array([0.1])).fills
    assert slippage.filter(slippage["slippage"] > 0)["asset"].unique().to_list() == ["BRK.B"]
