"""What finer bars decide inside a bar: by hand, and against the same orders played on the finer bars."""

from datetime import timedelta

import numpy as np
import pytest
from oracle.judge import ask_oracle, compare, noted
from scenarios.finer_paths import on_finer_bars, undated, with_finer_bars
from scenarios.random_scripts import ACCOUNTS, COSTS, Scenario, random_groups, random_scenario
from scenarios.scripted import (
    FIRST_DAY,
    Script,
    bars,
    bracket,
    compose,
    evaluator,
    fills,
    limit,
    market,
    run,
    states,
    stop,
    stop_limit,
    trailing,
)

from backsweep.dataset import DataSpec
from backsweep.errors import BadInput
from backsweep.metrics.summary import METRICS
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import make_evaluator

QUIET = (100, 100, 100, 100)
BOTH = (100, 106, 94, 101)  # a stop at 95 and a target at 105 are in its range
UP_FIRST = ((100, 106, 99, 104), (104, 104, 94, 101))
DOWN_FIRST = ((100, 101, 94, 96), (96, 106, 96, 101))
RICH = {"cash": 2.0**30, "kind": "margin", "leverage": 4.0, "lot": 0.0}
OWN_PROFILES = ("next_open", "same_close", "next_close")


def hours(day, *prices, asset="A", hour=9):
    """Make finer bars of a day, one an hour."""
    frame = bars(*prices, step=timedelta(hours=1))
    return frame.with_columns(timestamp=frame["timestamp"] + timedelta(days=day, hours=hour)).with_columns(
        asset=frame["asset"].replace("A", asset)
    )


def play(steps, bar, *parts, **spec):
    """Play a script on two quiet days and a third with finer bars; return the fills after the first and the count."""
    result = run(bars(QUIET, QUIET, bar, (bar[3],) * 4), steps, detail=hours(2, *parts), **spec)
    return fills(result), result.metrics["ambiguous_fills"]


@pytest.mark.parametrize(
    ("side", "parts", "price"),
    [(1, UP_FIRST, 105.0), (1, DOWN_FIRST, 95.0), (-1, UP_FIRST, 105.0), (-1, DOWN_FIRST, 95.0)],
    ids=["long-up", "long-down", "short-up", "short-down"],
)
@pytest.mark.parametrize("ambiguous", ["stop_first", "target_first"])
def test_of_stop_and_target_the_one_fills_that_a_finer_bar_reaches_first(side, parts, price, ambiguous):
    entry = bracket(0, 10 * side, stop_loss=100 - 5 * side, take_profit=100 + 5 * side)
    found, count = play([entry], BOTH, *parts, execution={"ambiguous": ambiguous})
    assert found == [(1, 10.0 * side, 100.0), (2, -10.0 * side, price)]
    assert count == 0


def test_what_one_finer_bar_reaches_together_stays_stop_first_and_is_counted():
    entry = bracket(0, 10, stop_loss=95, take_profit=105)
    assert play([entry], BOTH, (100, 101, 99, 100), BOTH) == ([(1, 10.0, 100.0), (2, -10.0, 95.0)], 1)


@pytest.mark.parametrize(
    ("parts", "exits"),
    [
        (((100, 101, 94, 98), (98, 106, 98, 106), (106, 108, 102, 103)), []),  # the stop's level before the entry
        (((100, 106, 100, 104), (104, 104, 94, 98), (98, 108, 98, 103)), [(2, -10.0, 95.0)]),  # and after it
    ],
    ids=["before", "after"],
)
def test_a_stop_entry_is_stopped_out_only_where_its_stop_comes_after_it(parts, exits):
    entry = bracket(1, 10, stop=103, stop_loss=95)
    assert play([entry], (100, 108, 94, 103), *parts) == ([(2, 10.0, 103.0), *exits], 0)


@pytest.mark.parametrize(
    ("parts", "day"),
    [(((100, 106, 100, 104), (104, 104, 96, 101)), 3), (((100, 101, 96, 98), (98, 106, 98, 101)), 2)],
    ids=["before", "after"],
)
def test_a_limit_entry_meets_its_target_in_the_bar_only_where_that_comes_after_it(parts, day):
    entry = bracket(1, 10, limit=97, take_profit=105)
    result = run(bars(QUIET, QUIET, (100, 106, 96, 101), (101, 106, 101, 101)), [entry], detail=hours(2, *parts))
    assert fills(result) == [(2, 10.0, 97.0), (day, -10.0, 105.0)]
    assert result.metrics["ambiguous_fills"] == 0


def test_a_trailing_stop_follows_the_path():
    # Five behind the best price: from 106 it stands at 101 and falls to it; had the low of 96 come first, it had not
    # been reached: at 95 then, and at 101 from the bar after.
    steps = [entry := market(0, 10), trailing(0, -10, amount=5.0, order=entry)]
    bar = (100, 106, 96, 104)
    first = [(1, 10.0, 100.0)]
    assert play(steps, bar, (100, 106, 100, 104), (104, 104, 96, 104))[0] == [*first, (2, -10.0, 101.0)]
    assert play(steps, bar, (100, 102, 96, 98), (98, 106, 98, 104))[0] == first
    assert fills(run(bars(QUIET, QUIET, bar), steps)) == first  # as a whole it moves the mark, and does not fill


def test_a_bar_that_reaches_one_order_alone_is_played_as_a_whole():
    # The finer bars have a gap over the stop, at whose other side it would fill; the bar itself has not.
    entry = bracket(0, 10, stop_loss=95)
    bar, parts = (100, 101, 94, 96), ((100, 101, 97, 98), (94, 96, 94, 96))
    assert play([entry], bar, *parts)[0] == [(1, 10.0, 100.0), (2, -10.0, 95.0)]
    assert play([bracket(0, 10, stop_loss=95, take_profit=101)], bar, *parts)[0][-1] == (2, -10.0, 101.0)
    later = ((100, 100, 97, 98), (94, 101, 94, 96))
    assert play([bracket(0, 10, stop_loss=95, take_profit=101)], bar, *later)[0][-1] == (2, -10.0, 94.0)


def test_a_stop_limit_order_works_on_as_a_limit_inside_the_bar():
    # Reached at 103, where its limit of 102 forbids it; the next hour comes back to 102.
    steps = [stop_limit(1, 10, 103, 102)]
    bar, parts = (100, 104, 100, 101), ((100, 104, 100, 104), (104, 104, 101, 101))
    assert play(steps, bar, *parts)[0] == [(2, 10.0, 102.0)]
    assert fills(run(bars(QUIET, QUIET, bar), steps)) == []


@pytest.mark.parametrize(("a", "b", "asset"), [(0, 1, "A"), (1, 0, "B")])
def test_the_orders_of_a_group_in_two_assets_fill_in_order_of_time(a, b, asset):
    # Each asset falls to its limit in one of two hours.
    fall = [(100, 100, 100, 100), (100, 100, 100, 100)]
    of_a, of_b = fall.copy(), fall.copy()
    of_a[a], of_b[b] = (100, 100, 94, 100), (100, 100, 94, 100)
    steps = [limit(1, 10, 95, asset=0, oca=1), limit(1, 10, 95, asset=1, oca=1)]
    day = (100, 100, 94, 100)
    result = run(
        bars(QUIET, QUIET, day, B=[QUIET, QUIET, day]),
        steps,
        detail=hours(2, *of_a).vstack(hours(2, *of_b, asset="B")),
    )
    assert result.fills["asset"].to_list() == [asset]
    assert result.metrics["ambiguous_fills"] == 0
    assert ("cancelled", "another order of its group filled") in states(result)


def test_the_volume_that_bounds_fills_is_that_of_the_whole_bar():
    # Eight units a bar: sold in the first hour, they leave nothing to the stop that the second reaches at 105.5.
    steps = [bracket(0, 8, stop_loss=95, take_profit=105), stop(1, 4, 105.5)]
    found, _ = play(steps, BOTH, *DOWN_FIRST, execution={"volume_share": 8e-6})
    assert found == [(1, 8.0, 100.0), (2, -8.0, 95.0), (3, 4.0, 101.0)]


def test_fills_are_stamped_with_their_bar():
    result = run(
        bars(QUIET, QUIET, BOTH), [bracket(0, 10, stop_loss=95, take_profit=105)], detail=hours(2, *DOWN_FIRST)
    )
    assert result.fills["timestamp"].to_list()[-1] == FIRST_DAY + timedelta(days=2)
    assert result.trades["bars_held"].to_list() == [1]


@pytest.mark.parametrize("profile", ["vectorbt", "backtesting_py", "backtrader", "zipline"])
def test_the_profile_of_another_engine_is_refused(profile):
    with pytest.raises(BadInput, match="knows no finer bars") as error:
        play([], BOTH, *DOWN_FIRST, execution={"profile": profile})
    assert error.value.where == "execution.profile"


def test_sleeves_decide_the_same_in_any_number_of_shards_from_frames_and_from_files(tmp_path):
    names, levels = tuple("ABCDEFGHI"), range(17, 24)
    steps = [bracket(2 * (at - 17), 1, stop=at, stop_loss=at - 1, take_profit=at + 1) for at in levels]
    groups = random_groups(np.random.default_rng(1), 24, names)
    scenario = with_finer_bars(Scenario(groups, names, steps, {}, {}), 1, 6, turns=1, lost=0.1)
    table = compose(steps)
    chunk = Chunk(0, np.zeros(1, int), np.array([[float(table.ctypes.data), float(len(table))]]))
    account = {"mode": "sleeves", "cash": 9_000.0}
    scenario.market.write_parquet(tmp_path / "bars.parquet")
    scenario.detail.write_parquet(tmp_path / "finer.parquet")
    data = DataSpec(bars=str(tmp_path / "bars.parquet"), detail=str(tmp_path / "finer.parquet"))
    spec = TrialSpec(data=data, strategy="in:Memory", account=account, params=("steps", "count"))
    ways = [evaluator(scenario.market, detail=scenario.detail, account=account, shards=shards) for shards in (1, 3)]
    ways += [make_evaluator(spec, cls=Script, shards=shards) for shards in (1, 2)]
    found = [way.evaluate(chunk) for way in ways]
    assert len({(each.metrics.tobytes(), each.returns.tobytes()) for each in found}) == 1
    whole = evaluator(scenario.market, account=account, shards=2).evaluate(chunk)
    count = METRICS.index("ambiguous_fills")
    assert whole.metrics[0, count] > found[0].metrics[0, count]


def drawn(seed, **given):
    """Draw a scenario of everything that finer bars decide."""
    return random_scenario(
        seed,
        assets=1 + seed % 3,
        per_session=1 + 2 * (seed % 2),
        limit_fill=("touch", "penetration")[seed // 2 % 2],
        ambiguous=("stop_first", "target_first")[seed // 4 % 2],
        **given,
    )


def by_bar(fills, parts=1):
    """Sort fills of the oracle by bar and order: in one bar assets fill beside each other."""
    return sorted((fill.timestamp // parts, fill.order.id, float(fill.quantity), float(fill.price)) for fill in fills)


def check_against_finer_market(seed):
    """Play the same orders on the finer bars as the market; return how many fills were ambiguous, in bars and in parts.

    Without gaps between the finer bars every fill is the same, whether its bar was ambiguous or not.
    """
    parts = 4
    scenario = undated(drawn(seed, account=RICH, costs=COSTS[seed % 4]))
    scenario = with_finer_bars(scenario, seed, parts, turns=1 + seed % 3)
    expected, result = ask_oracle(on_finer_bars(scenario, parts)), scenario.play()
    numbers = {time: number for number, time in enumerate(result.equity["timestamp"])}
    rows = result.fills.select("timestamp", "order_id", "quantity", "price").rows()
    found = sorted((numbers[time], order, quantity, price) for time, order, quantity, price in rows)
    wanted = by_bar(expected.fills, parts)
    assert [row[:2] for row in found] == [row[:2] for row in wanted]
    assert [row[2:] for row in found] == [pytest.approx(row[2:], rel=1e-9) for row in wanted]
    assert result.metrics["ambiguous_fills"] == expected.ambiguous
    whole = ask_oracle(with_finer_bars(scenario, seed, parts, lost=1.0))
    return whole.ambiguous, expected.ambiguous, by_bar(whole.fills) != by_bar(expected.fills, parts)


def check_many(seeds):
    outcomes = []
    for seed in seeds:
        with noted(f"seed {seed}"):
            outcomes.append(check_against_finer_market(seed))
    return [sum(column) for column in zip(*outcomes, strict=True)]


def check_with_gaps(seed):
    """Compare engine and oracle, which know the same finer bars: with gaps, bars that lack some, and partial fills."""
    scenario = drawn(
        seed,
        account=ACCOUNTS[seed % 4],
        costs=COSTS[seed % len(COSTS)],
        profile=OWN_PROFILES[seed % 3],
        volume_share=(0.0, 2.0**-15)[seed // 8 % 2],
    )
    with noted(f"seed {seed}"):
        compare(with_finer_bars(scenario, seed, 4, turns=1 + seed % 3, gaps=seed % 5 < 3, lost=0.2 * (seed % 2)))


def test_orders_fill_as_on_the_finer_bars_themselves():
    in_bars, in_parts, changed = check_many(range(20, 32))
    assert in_bars > in_parts
    assert changed > 2


def test_the_engine_agrees_with_the_oracle_on_finer_bars_with_gaps():
    for seed in (*range(6), *range(7, 16)):  # the costs of number 6 have a column, and compile another loop
        check_with_gaps(seed)


@pytest.mark.long
def test_orders_fill_as_on_the_finer_bars_themselves_in_many_scripts():
    in_bars, in_parts, changed = check_many(range(1000, 1400))
    assert in_bars > 2 * in_parts > 0
    assert changed > 100


@pytest.mark.long
def test_the_engine_agrees_with_the_oracle_on_finer_bars_with_gaps_in_many_scripts():
    for seed in range(1000, 1600):
        check_with_gaps(seed)
