from __future__ import annotations

import numpy as np
import pytest

from backsweep.errors import BadInput
from backsweep.study.search.dimension import Dimension
from backsweep.study.search.space import build_space, trial_spec


def axis(space, name):
    return space.dimensions[space.names.index(name)]


def space_of(bench, declared, text, params="", fixed="{}"):
    head = text.split("  params:")[0]
    tail = params or "costs.slippage.rate: {choices: [0.0]}"
    return build_space(bench.sweep(f"{head}  params:\n    {tail}\n  fixed: {fixed}\n"), declared)


def test_declared_ranges_hold_and_dotted_numbers_come_last(bench):
    sweep = bench.sweep()
    space = bench.space(sweep)
    assert space.names == ("entry", "stop", "window", "long_only", "costs.slippage.rate")
    assert space.fixed == {"exit": 0.0}
    assert trial_spec(sweep, space).params == space.names


def test_an_entry_takes_what_it_leaves_out_from_the_declaration(bench, declared, sweep_text):
    space = space_of(
        bench, declared, sweep_text, "entry: {high: 1.0}\n    window: {low: 10, high: 50}\n    stop: {low: 2.0}"
    )
    assert axis(space, "entry") == Dimension("entry", 0.5, 1.0)
    assert axis(space, "window") == Dimension("window", 10.0, 50.0, 1.0, log=True, integer=True)
    assert axis(space, "stop") == Dimension("stop", 2.0, 6.0, 0.25)


def test_a_step_replaces_log_and_log_replaces_a_step(bench, declared, sweep_text):
    space = space_of(
        bench, declared, sweep_text, "window: {step: 5}\n    stop: {log: true}\n    entry: {choices: [1, 2]}"
    )
    assert axis(space, "window") == Dimension("window", 5.0, 100.0, 5.0, integer=True)
    assert axis(space, "stop") == Dimension("stop", 1.0, 6.0, None, log=True)
    assert axis(space, "entry").choices == (1, 2)


def test_the_last_step_is_the_last_that_fits(bench, declared, sweep_text):
    assert axis(space_of(bench, declared, sweep_text, "entry: {low: 0.0, high: 1.0, step: 0.3}"), "entry").high == 0.9


@pytest.mark.parametrize(
    ("params", "fixed", "message"),
    [
        ("entri: {low: 1, high: 2}", "{}", r"sweep\.yaml:14: unknown parameter `entri`(.|\n)*did you mean `entry`"),
        ("entry: {low: 1}", "{entri: 1}", r":15: unknown parameter `entri`"),
        ("costs.slipage.rate: {low: 0.0, high: 0.1}", "{}", r"did you mean `costs\.slippage\.rate`"),
        ("costs.commission.rate: {low: 0.0, high: 0.1}", "{}", r":14: unknown parameter `costs\.commission\.rate`"),
        ("costs.slippage.kind: {choices: [1]}", "{}", r"unknown parameter `costs\.slippage\.kind`"),
        (
            "costs.slippage.rate: {low: 0.0, high: 1.0}",
            "{}",
            r":14: `costs\.slippage\.rate` out of range\n  expected: less",
        ),
        (
            "account.leverage: {choices: [0.0, 1.0]}",
            "{}",
            r"`account\.leverage` out of range\n  expected: greater than 0",
        ),
        ("account.cash: {low: 1.0}", "{}", r"bad range of `account\.cash`\n  expected: low and high"),
        ("entry: {low: 1, high: 2, step: 1e-300}", "{}", r":14: bad range of `entry`\n  expected: a width below"),
        ("entry: {low: 1, high: 1e300, step: 1}", "{}", r":14: bad range of `entry`\n  expected: a width below"),
        ("entry: {low: -1e308, high: 1e308}", "{}", r":14: bad range of `entry`\n  expected: a width below"),
        ("entry: {low: 4.0}", "{}", r":14: bad range of `entry`\n  expected: low not above high"),
        ("entry: {low: 0.0, log: true}", "{}", r"low above 0 with log"),
        ("entry: {log: true, step: 0.1}", "{}", r"either step or log"),
        ("window: {low: 5.5}", "{}", r"whole low, high and step"),
        ("window: {choices: [5.5]}", "{}", r"whole numbers, as the strategy declares"),
        ("entry: {choices: [1.0, true]}", "{}", r"numbers, or true and false, not both"),
        ("entry: {choices: [1.0, 1]}", "{}", r"every choice once"),
        ("entry: {choices: [sma, ema]}", "{}", r":14: bad range of `entry`(.|\n)*numbers(.|\n)*with bs\.choice"),
        ("entry: {choices: [null, 1.0]}", "{}", r":14: bad range of `entry`(.|\n)*numbers(.|\n)*with bs\.choice"),
        ("costs.slippage.rate: {choices: [low]}", "{}", r":14: bad range(.|\n)*texts and null are for parameters"),
        ("entry: {low: 1}", "{exit: none}", r':15: bad value of `exit`\n  expected: a number\n  found:    "none"'),
        ("entry: {low: 1}", "{exit: null}", r":15: bad value of `exit`\n  expected: a number\n  found:    null"),
        ("entry: {choices: [1.0, .nan]}", "{}", r":14: .*choices\.1`\n.* a finite number\n.*NaN\n.*such as 0"),
        ("entry: {high: .inf}", "{}", r":14: .*entry\.high`\n.* a finite number\n.*Infinity\n.*such as 0"),
        ("entry: {low: 1}", "{exit: .nan}", r":15: .*fixed\.exit`\n.* a finite number"),
        ("entry: {low: 1}", "{entry: 1}", r":15: `entry` is both searched and fixed"),
        ("entry: {low: 1}", "{window: 5.5}", r":15: bad value of `window`\n  expected: a whole number"),
        ("entry: {low: 1}", "{long_only: 1}", r"bad value of `long_only`\n  expected: true or false"),
        ("entry: {low: 1}", "{window: true}", r"bad value of `window`\n  expected: a number"),
        ("entry: {low: 1}", "{costs.slippage.rate: 2.0}", r":15: `costs\.slippage\.rate` out of range"),
    ],
)
def test_each_mistake_of_a_range_is_named_with_its_line(bench, declared, sweep_text, params, fixed, message):
    with pytest.raises(BadInput, match=message):
        space_of(bench, declared, sweep_text, params, fixed)


def test_an_asset_s_own_costs_can_vary_even_with_a_dot_in_its_name(bench, declared, sweep_text):
    text = sweep_text.replace("costs:\n", "costs:\n  per_asset: {BRK.B: {slippage: {kind: fixed, amount: 0.01}}}\n")
    space = space_of(bench, declared, text, "costs.per_asset.BRK.B.slippage.amount: {low: 0.0, high: 0.1}")
    assert axis(space, "costs.per_asset.BRK.B.slippage.amount").high == 0.1
    with pytest.raises(BadInput, match="unknown parameter"):
        space_of(bench, declared, text, "costs.per_asset.TLT.slippage.amount: {low: 0.0, high: 0.1}")


def test_a_number_of_a_tier_can_vary_within_its_limits(bench, declared, sweep_text):
    tiers = "{kind: tiered, by: order_value, tiers: [{above: 0, rate: 0.001}, {above: 500, rate: 0.0005}]}"
    text = sweep_text.replace("costs:\n", f"costs:\n  commission: {tiers}\n")
    assert (
        axis(
            space_of(bench, declared, text, "costs.commission.tiers.1.above: {low: 100, high: 900}"),
            "costs.commission.tiers.1.above",
        ).high
        == 900
    )
    with pytest.raises(BadInput, match=r"did you mean `costs\.commission\.tiers\.1\.rate`"):
        space_of(bench, declared, text, "costs.commission.tiers.2.rate: {low: 0.0, high: 0.1}")
    with pytest.raises(BadInput, match=r"`costs\.commission\.tiers\.0\.above` out of range"):
        space_of(bench, declared, text, "costs.commission.tiers.0.above: {low: 0.0, high: 0.1}")


def test_a_number_of_what_an_asset_is_can_vary_within_its_limits(bench, declared, sweep_text):
    text = sweep_text.replace("costs:\n", "account: {per_asset: {BRK.B: {tick: 0.25}}}\ncosts:\n")
    space = space_of(bench, declared, text, "account.per_asset.BRK.B.tick: {choices: [0.25, 0.5]}")
    assert axis(space, "account.per_asset.BRK.B.tick").choices == (0.25, 0.5)
    with pytest.raises(BadInput, match="unknown parameter"):
        space_of(bench, declared, text, "account.per_asset.BRK.B.lot: {choices: [1, 2]}")
    with pytest.raises(BadInput, match="out of range"):
        space_of(bench, declared, text, "account.per_asset.BRK.B.multiplier: {choices: [0, 2]}")


UNIT = np.linspace(0, 1, 10_001)[:-1]


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        (Dimension("x", 1, 3, 1, integer=True), [1, 2, 3]),
        (Dimension("x", 0, 0.3, 0.1), [0, 0.1, 0.2, 0.3]),
        (Dimension("x", choices=(5, 1, 3), integer=True), [1, 3, 5]),
        (Dimension("x", choices=(False, True)), [0, 1]),
    ],
)
def test_axes_of_few_values_take_each_equally_often(dimension, values):
    found, counts = np.unique(dimension.from_unit(UNIT), return_counts=True)
    assert found.tolist() == values
    assert dimension.size == len(values)
    assert np.ptp(counts) <= 1


def test_continuous_and_logarithmic_axes_stay_inside_and_reach_their_ends():
    for dimension in (
        Dimension("x", 0.5, 3.0),
        Dimension("x", 1e-4, 1.0, log=True),
        Dimension("x", 5, 100, 1, True, True),
    ):
        values = dimension.from_unit(UNIT)
        assert values.min() == pytest.approx(dimension.low)
        assert values.min() >= dimension.low
        assert values.max() == pytest.approx(dimension.high, rel=1e-3)
        assert (np.diff(values) >= 0).all()
    middle = Dimension("x", 1e-4, 1.0, log=True).from_unit(np.asarray([0.5]))
    assert middle[0] == pytest.approx(1e-2)


def test_rows_and_mappings_are_two_forms_of_the_same(bench):
    space = bench.space(bench.sweep())
    row = np.asarray([1.5, 2.25, 20.0, 1.0, 0.0002])
    values = space.decode(row)
    assert values == {"entry": 1.5, "stop": 2.25, "window": 20, "long_only": True, "costs.slippage.rate": 0.0002}
    assert [type(value) for value in values.values()] == [float, float, int, bool, float]
    assert space.encode(values).tolist() == row.tolist()
    with pytest.raises(BadInput, match="no value for `stop`"):
        space.encode({"entry": 1.0})
    with pytest.raises(BadInput, match="did you mean `entry`"):
        space.encode({"entri": 1.0})
