"""A trading desk asks for anything, bar by bar, while every table of the engine is looked at after every step.

When a run of steps is over, the compiled engine plays the whole of it at once and must leave the same bytes as the
interpreted one, step by step.
"""

from collections import Counter

import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from scenarios.desk import ASSETS, Desk
from scenarios.drawn import LONG

from backsweep.engine.codes import (
    CASH,
    DAY,
    FILLED,
    FREE,
    GTD,
    HELD,
    NONE,
    REQUESTED,
    STOP,
    TRAILING_STOP,
    WORKING,
)
from backsweep.engine.compile.kernel import record_at
from backsweep.engine.orders.triggers import trigger_price, waits_below

CLOSE_ENOUGH = {"rel": 1e-9, "abs": 1e-7}


def is_live(order):
    return REQUESTED <= order.status <= WORKING


class WatchedDesk(Desk):
    """What must hold after every step."""

    @property
    def fills(self):
        return self.tables.fill_log[: self.cursor.fills_logged]

    @property
    def orders(self):
        """Return every order in the order table, with its slot."""
        orders = self.tables.orders
        return [(int(slot), orders[slot]) for slot in np.flatnonzero(orders["status"] != FREE)]

    @property
    def now(self):
        return self.cursor.timestamp

    @invariant()
    def cash_is_what_fills_and_financing_left(self):
        fills = self.fills
        spent = (fills["quantity"] * fills["price"] + fills["commission"]).sum()
        if self.groups:
            assert self.account.cash == pytest.approx(self.runner_cash - spent - self.financing, **CLOSE_ENOUGH)

    @property
    def runner_cash(self):
        return self.settings.account.cash

    @invariant()
    def a_position_is_the_sum_of_its_fills(self):
        for asset in range(len(ASSETS)):
            held = self.fills["quantity"][self.fills["asset"] == asset].sum()
            assert self.tables.positions[asset].quantity == pytest.approx(held, **CLOSE_ENOUGH)

    @invariant()
    def equity_is_cash_and_positions(self):
        if self.groups:
            held = self.tables.positions[self.tables.positions["quantity"] != 0.0]
            worth = self.account.cash + (held["quantity"] * held["last_price"]).sum()
            assert self.tables.equity_log[self.groups - 1].equity == pytest.approx(worth, **CLOSE_ENOUGH)

    @invariant()
    def an_order_filled_what_its_fills_say_and_no_more_than_it_asked_for(self):
        filled = Counter()
        for fill in self.fills:
            filled[int(fill["order_id"])] += float(fill["quantity"])
        for _, order in self.orders:
            assert order.filled == pytest.approx(filled[order.id], **CLOSE_ENOUGH)
            if order.filled != 0.0:
                assert order.filled * order.quantity > 0.0
                assert abs(order.filled) <= abs(order.quantity) * (1.0 + 1e-9)

    @invariant()
    def what_is_over_stays_over(self):
        for _, order in self.orders:
            assert self.over.get(order.id, order.status) == order.status
            if not is_live(order):
                self.over[order.id] = order.status

    @invariant()
    def counters_count(self):
        live = [order for _, order in self.orders if is_live(order)]
        assert self.cursor.requests == 0
        assert self.cursor.live_orders == len(live)
        assert self.cursor.expiring == sum(order.tif in {DAY, GTD} for order in live)
        assert self.cursor.at_close == sum(order.at_close for order in live if order.status == WORKING)
        assert self.cursor.open_positions == (self.tables.positions["quantity"] != 0.0).sum()

    @invariant()
    def the_working_orders_of_an_asset_are_in_its_list_once(self):
        listed = []
        for asset in range(len(ASSETS)):
            book, before = self.tables.books[asset], NONE
            slot = book.first_order if self.groups else NONE
            while slot != NONE:
                order = self.tables.orders[slot]
                assert order.asset == asset
                assert order.previous == before
                listed.append(slot)
                before, slot = slot, order.next
            assert not self.groups or book.last_order == before
        assert sorted(listed) == [slot for slot, order in self.orders if order.status == WORKING]

    @invariant()
    def what_is_reserved_is_the_sum_over_working_orders(self):
        reserved = sum(order.reserved for _, order in self.orders if order.status == WORKING)
        assert self.account.reserved == pytest.approx(reserved, **CLOSE_ENOUGH)

    @invariant()
    def the_live_children_of_an_order_form_a_ring(self):
        families = {}
        for slot, order in self.orders:
            if is_live(order) and order.parent != 0:
                families.setdefault(order.parent, set()).add(slot)
        for slot, order in self.orders:
            members, child = set(), order.first_child
            while child != NONE and child not in members:
                members.add(child)
                child = self.tables.orders[child].next_sibling
            assert members == families.pop(order.id, set()), slot
        assert not families

    @invariant()
    def children_wait_for_their_parent_and_never_exceed_it(self):
        kept = {order.id: order for _, order in self.orders}
        for _, order in self.orders:
            if order.parent == 0 or not is_live(order):
                continue
            parent = kept[order.parent]
            assert order.reduce_only == 1
            assert (order.status == HELD) == (parent.filled == 0.0)
            if order.status == HELD:
                assert is_live(parent)

    @invariant()
    def one_exit_of_a_bracket_takes_what_the_other_filled(self):
        kept = {order.id: order for _, order in self.orders}
        for _, order in self.orders:
            other = kept.get(order.id + 1)
            both = other is not None and order.parent == other.parent == order.id - 1 > 0
            # Neither was given a size of its own, nor asked for more than its parent.
            if both and all(abs(each.planned) <= abs(each.parent_units) for each in (order, other)):
                filled = abs(kept[order.parent].filled) if order.parent in kept else np.inf
                for exit_order in (order, other):
                    if exit_order.status == WORKING:
                        assert abs(exit_order.quantity) + abs(order.filled + other.filled - exit_order.filled) <= (
                            filled * (1.0 + 1e-9)
                        )

    @invariant()
    def no_live_order_is_past_its_time(self):
        if not self.groups:
            return
        for _, order in self.orders:
            if is_live(order) and order.tif == GTD:
                assert order.expires >= self.now
                assert self.cursor.next_expiry <= order.expires
            if is_live(order) and order.tif == DAY:
                groups, own = self.market.groups[: self.groups], self.market.bars[: self.rows]
                later = np.repeat(groups["timestamp"], groups["count"]) > order.submitted
                assert not (later & (own["asset"] == order.asset) & (own["last_of_session"] == 1)).any()

    @invariant()
    def of_a_group_of_which_one_is_filled_nothing_older_lives(self):
        kept = {order.id: order for _, order in self.orders}
        for fill in self.fills:
            winner = kept.get(int(fill["order_id"]))
            if winner is not None and winner.oca_group != 0 and winner.status == FILLED:
                for _, order in self.orders:
                    if order.oca_group == winner.oca_group and is_live(order) and order.id != winner.id:
                        assert order.submitted >= fill["timestamp"]

    @invariant()
    def no_bar_can_pass_a_resting_order_unseen(self):
        for _, order in self.orders:
            if order.status != WORKING or order.at_close == 1:
                continue
            book = record_at(self.tables.books[0], order.asset) if self.groups else None
            if order.type == TRAILING_STOP:
                assert book.reach_low == np.inf
            elif waits_below(order):
                assert book.reach_low >= trigger_price(order)
            else:
                assert book.reach_low == np.inf or book.reach_high <= trigger_price(order)

    @invariant()
    def a_cash_account_owes_nothing_but_funding(self):
        if self.settings.account.kind == "cash" and self.groups:
            assert self.tables.rules[0].kind == CASH
            paid = -np.minimum(self.tables.flow_log[: self.cursor.flows_logged]["amount"], 0.0).sum()
            assert self.account.cash >= -1e-8 - paid
            assert (self.tables.positions["quantity"] >= 0.0).all()

    @invariant()
    def stops_that_wait_have_a_price(self):
        for _, order in self.orders:
            if order.status == WORKING and order.acts_as == STOP:
                assert np.isfinite(order.stop_price)

    def teardown(self):
        if not hasattr(self, "runner") or not self.groups:
            return
        whole = self.hire(compiled=True)
        # Which bars count as data without volume was settled when there were none.
        whole.tables.assets["volume_from"] = self.tables.assets["volume_from"]
        whole.go_until(self.groups)
        for name in ("fill_log", "trade_log"):
            count = self.cursor[f"{name.removesuffix('_log')}s_logged"]
            assert count == whole.tables.cursor[0][f"{name.removesuffix('_log')}s_logged"]
            assert getattr(whole.tables, name)[:count].tobytes() == getattr(self.tables, name)[:count].tobytes(), name
        for name in ("equity_log", "positions", "orders", "sessions"):
            assert getattr(whole.tables, name).tobytes() == getattr(self.tables, name).tobytes(), name


def test_nothing_that_a_desk_asks_for_breaks_the_engine():
    runs, steps = (1000, 50) if LONG else (15, 30)
    run_state_machine_as_test(
        WatchedDesk,
        settings=settings(max_examples=runs, stateful_step_count=steps, derandomize=not LONG, deadline=None),
    )
