"""What becomes of children when sizes change: theirs, their parent's, before it fills and while it does.

Day 0 is the first bar at whose close the script speaks. `TENTH` lets 10 units of a bar fill.
"""

from datetime import timedelta

import polars as pl
import pytest
from scenarios.scripted import (
    ACCOUNT,
    FIRST_DAY,
    bars,
    bracket,
    cancel,
    fills,
    flat,
    limit,
    market,
    observe,
    run,
    seen,
    stop,
    update,
)

from backsweep.engine.codes import LIMIT, STOP

QUIET = (100, 100, 100, 100)
DIP = (100, 100, 98, 100)  # reaches a limit of 98
FALL = (95, 95, 95, 95)
TENTH = {"volume_share": 0.1}
LOTS = {**ACCOUNT, "lot": 1.0}


def thin(*prices, **others):
    """Return bars of 100 units."""
    return bars(*prices, **others).with_columns(volume=pl.lit(100.0))


def test_waiting_children_follow_their_parents_size():
    entry = bracket(0, 10, limit=98, stop_loss=95, take_profit=105)
    steps = [entry, update(1, entry, quantity=4)]
    steps += [observe(1, "order_quantity", order=entry.child(each)) for each in (STOP, LIMIT)]
    result = run(bars(QUIET, QUIET, DIP, FALL), steps)
    assert seen(result) == [-4.0, -4.0]
    assert fills(result) == [(2, 4.0, 98.0), (3, -4.0, 95.0)]


def test_an_exit_leaves_alone_what_a_later_entry_bought():
    # The bracket enters 12 instead of 30. The target takes 10 of them, and then the stop has 2 left to sell.
    entry = bracket(0, 30, limit=98, stop_loss=95, take_profit=105)
    steps = [entry, update(0, entry, quantity=12), observe(4, "order_quantity", order=entry.child(STOP)), market(4, 5)]
    result = run(thin(QUIET, DIP, DIP, QUIET, (105, 105, 105, 105), (100, 100, 100, 100), FALL), steps, execution=TENTH)
    assert seen(result) == [-2.0]
    assert fills(result) == [
        (1, 10.0, 98.0),
        (2, 2.0, 98.0),
        (4, -10.0, 105.0),
        (5, 5.0, 100.0),
        (6, -2.0, 95.0),
    ]


def test_children_that_are_only_asked_for_follow_too():
    entry = bracket(0, 10, stop_loss=95)
    result = run(bars(QUIET, QUIET, FALL), [entry, update(0, entry, quantity=25)])
    assert fills(result) == [(1, 25.0, 100.0), (2, -25.0, 95.0)]


@pytest.mark.parametrize(("size", "second"), [(20, 10.0), (12, 2.0), (45, 10.0)])
def test_what_works_already_stays_and_the_rest_follows(size, second):
    # 10 of 30 fill on day 1; then the entry is to be another size, of which up to 10 more fill on day 2.
    entry = bracket(0, 30, stop_loss=95)
    steps = [entry, update(1, entry, quantity=size)]
    steps += [observe(day, "order_quantity", order=entry.child(STOP)) for day in (1, 2)]
    result = run(thin(QUIET, QUIET, QUIET), steps, execution=TENTH)
    assert fills(result) == [(1, 10.0, 100.0), (2, second, 100.0)]
    assert seen(result) == [-10.0, -10.0 - second]


def test_an_order_cannot_be_changed_to_what_it_has_filled_or_less():
    entry = bracket(0, 30, stop_loss=95)
    steps = [entry]
    for size in (10, 4):
        steps += [update(1, entry, quantity=size), observe(1, "accepted")]
    steps += [observe(day, "order_quantity", order=entry.child(STOP)) for day in (1, 2)]
    assert seen(run(thin(*flat(100, 3)), steps, execution=TENTH)) == [0.0, 0.0, -10.0, -20.0]


def test_children_stay_when_their_parents_change_is_refused():
    # 1,000 units at 98 fit into 10,000 x 10, and 5,000 do not.
    entry = bracket(0, 10, limit=98, stop_loss=95)
    steps = [entry, update(1, entry, quantity=5000), observe(1, "order_quantity", order=entry.child(STOP))]
    assert seen(run(bars(QUIET, QUIET), steps)) == [-10.0]


@pytest.mark.parametrize("account", [ACCOUNT, LOTS], ids=["fractions", "lots"])
def test_a_part_of_the_parent_stays_that_part_of_it_in_lots_rounded_up(account):
    entry = limit(0, 10, 98)
    half = stop(0, -5, 95, order=entry)
    steps = [entry, half, update(1, entry, quantity=7), observe(1, "order_quantity", order=half)]
    result = run(bars(QUIET, QUIET, DIP, FALL), steps, account=account)
    size = 4.0 if account is LOTS else 3.5
    assert seen(result) == [-size]
    assert fills(result) == [(2, 7.0, 98.0), (3, -size, 95.0)]


@pytest.mark.parametrize("first", ["parent", "child"])
@pytest.mark.parametrize("day", [0, 1])
@pytest.mark.parametrize(("size", "own", "exits"), [(20, -20, 20), (20, -4, 4), (5, -5, 5), (5, -8, 5)])
def test_a_size_of_its_own_stays_in_whichever_order_a_family_is_changed(first, day, size, own, exits):
    entry = bracket(0, 10, limit=98, stop_loss=95)
    changes = [update(day, entry, quantity=size), update(day, entry.child(STOP), quantity=own)]
    steps = [entry, *(changes if first == "parent" else changes[::-1])]
    steps.append(observe(2, "order_quantity", order=entry.child(STOP)))
    result = run(bars(QUIET, QUIET, DIP, FALL), steps)
    assert seen(result) == [-exits]
    assert fills(result) == [(2, size, 98.0), (3, -exits, 95.0)]


def test_a_size_of_its_own_works_as_far_as_the_parent_has_filled():
    entry = bracket(0, 30, stop_loss=95)
    steps = [entry, update(0, entry.child(STOP), quantity=-14)]
    steps += [observe(day, "order_quantity", order=entry.child(STOP)) for day in (1, 2, 3)]
    assert seen(run(thin(*flat(100, 4)), steps, execution=TENTH)) == [-10.0, -14.0, -14.0]


@pytest.mark.parametrize(("own", "quantities"), [(-4, [-4.0, -4.0]), (-25, [-25.0, -25.0])])
def test_a_working_child_keeps_the_size_that_it_is_given(own, quantities):
    entry = bracket(0, 30, stop_loss=95)
    steps = [entry, update(1, entry.child(STOP), quantity=own), update(1, entry, quantity=20)]
    steps += [observe(day, "order_quantity", order=entry.child(STOP)) for day in (1, 2)]
    assert seen(run(thin(*flat(100, 3)), steps, execution=TENTH)) == quantities


def test_a_child_for_what_an_ended_parent_filled_works_as_it_is_asked_for():
    # The entry ends with 10 of its 30 units: a stop for 10 then is for all of them.
    entry = market(0, 30)
    steps = [entry, cancel(1, entry), stop(1, -10, 95, order=entry)]
    result = run(thin(QUIET, QUIET, FALL), steps, execution=TENTH)
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 95.0)]


@pytest.mark.parametrize("day", [0, 1])
def test_the_children_of_children_follow(day):
    entry = bracket(0, 10, limit=98, stop_loss=95, take_profit=200)
    again = limit(0, 10, 90, order=entry.child(STOP))
    out = stop(0, -10, 80, order=again)
    steps = [entry, again, out, update(day, entry, quantity=7)]
    steps += [observe(day, "order_quantity", order=each) for each in (entry.child(LIMIT), again, out)]
    result = run(bars(QUIET, QUIET, DIP, FALL, (90, 90, 90, 90), (80, 80, 80, 80)), steps)
    assert seen(result) == [-7.0, 7.0, -7.0]


def test_the_children_of_a_child_follow_a_size_of_its_own():
    entry = bracket(0, 10, limit=98, stop_loss=95)
    again = limit(0, 10, 90, order=entry.child(STOP))
    steps = [entry, again, update(1, entry.child(STOP), quantity=-4), observe(1, "order_quantity", order=again)]
    assert seen(run(bars(QUIET, QUIET), steps)) == [4.0]


@pytest.mark.parametrize("changed", ["nothing", "the entry, to its own size", "the entry, over a child's own size"])
def test_what_does_not_follow_is_rounded_down_as_every_request(changed):
    entry = bracket(0, 10, limit=98, stop_loss=95)
    again = limit(0, 5.5, 90, order=entry.child(STOP))
    changes = {
        "nothing": [],
        "the entry, to its own size": [update(0, entry, quantity=10)],
        "the entry, over a child's own size": [
            update(0, entry.child(STOP), quantity=-10),
            update(0, entry, quantity=20),
        ],
    }
    steps = [entry, again, *changes[changed], observe(1, "order_quantity", order=again)]
    assert seen(run(bars(QUIET, QUIET), steps, account=LOTS)) == [5.0]


def test_a_child_that_its_group_made_smaller_has_children_for_all_that_it_fills():
    # The other order of the group fills 10 of its 20 on day 2: of the child's 10, 5 are left, and fill on day 3.
    entry = market(0, 10)
    child = stop(0, -10, 95, order=entry, oca=1)
    grandchild = limit(0, 10, 80, order=child)
    other = limit(1, 20, 100, asset=1, oca=1)
    steps = [entry, child, grandchild, other, observe(3, "order_quantity", order=grandchild)]
    result = run(thin(QUIET, QUIET, QUIET, FALL, B=flat(100, 4)), steps, execution=TENTH)
    assert result.fills["quantity"].to_list() == [10.0, 10.0, -5.0]
    assert seen(result) == [5.0]


def test_a_split_between_two_fills_of_a_parent_leaves_its_children_their_part():
    # 10 of 30 fill; then one unit becomes two: 20 of 60, and 10 more fill.
    entry = bracket(0, 30, stop_loss=95)
    steps = [entry, *(observe(day, "order_quantity", order=entry.child(STOP)) for day in (1, 2))]
    actions = pl.DataFrame({"timestamp": [FIRST_DAY + timedelta(days=2)], "asset": ["A"], "split": [2.0]})
    result = run(thin(QUIET, QUIET, (50, 50, 50, 50)), steps, execution=TENTH, actions=actions)
    assert seen(result) == [-10.0, -30.0]
