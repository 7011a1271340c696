"""A trading desk that asks for anything, bar by bar, while every table of the engine is looked at after every step.

The engine runs interpreted, one group of bars at a time. When a run of steps is over, the compiled engine plays the
whole of it at once and must leave the same bytes.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from drawn import LONG
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from random_scripts import ACCOUNTS, COSTS
from scripted import (
    BRACKET,
    CANCEL,
    CLOSE,
    SUBMIT,
    TARGET_PERCENT,
    TARGET_QUANTITY,
    TARGET_VALUE,
    UPDATE,
    WIDTH,
    Script,
    Step,
    bars,
    flat,
)

from backsweep.dataset import shard_from_frames
from backsweep.engine.codes import (
    CARRIED,
    CASH,
    DAY,
    FILLED,
    FREE,
    FRESH,
    GTD,
    HELD,
    LIMIT,
    LIMIT_FILLS,
    NONE,
    ORDER_TYPES,
    REQUESTED,
    STOP,
    STOP_LIMIT,
    TIFS,
    TRAILING_STOP,
    WORKING,
)
from backsweep.engine.jit import record_at
from backsweep.engine.profiles import PROFILES
from backsweep.engine.triggers import trigger_price, waits_below
from backsweep.trial.market import pack
from backsweep.trial.runner import Runner, Settings, check_run
from backsweep.trial.spec import AccountSpec, CostsSpec, ExecutionSpec

LENGTH = 64
ASSETS = ("A", "B", "C")
QUIET = bars(*flat(20.0, LENGTH), **{name: flat(20.0, LENGTH) for name in ASSETS[1:]})
FUNDING = pl.Series([None, 1 / 1024, -1 / 512, 1 / 256], dtype=pl.Float64).sample(
    QUIET.height, with_replacement=True, seed=3
)
EMPTY = pack(shard_from_frames(QUIET.with_columns(funding=FUNDING)))
CLOSE_ENOUGH = {"rel": 1e-9, "abs": 1e-7}

assets = st.integers(0, len(ASSETS) - 1)
kinds = st.integers(0, len(ORDER_TYPES) - 1)
sizes = st.integers(1, 120).map(lambda quarters: quarters / 4)
sides = st.sampled_from([1.0, 1.0, -1.0])
offsets = st.integers(-8, 8).map(lambda quarters: quarters / 4)  # of a price from the last close
rooms = st.integers(0, 8).map(lambda quarters: quarters / 4)
seeds = st.integers(0, 2**32 - 1)  # of the bars that follow


def is_live(order):
    return REQUESTED <= order.status <= WORKING


def trail(kind, distance):
    """Give how far behind an order of this type follows."""
    return {"amount": distance} if kind == TRAILING_STOP else {}


class Desk(RuleBasedStateMachine):
    """Rules ask or let time pass; invariants read the tables."""

    @initialize(
        account=st.sampled_from(ACCOUNTS),
        costs=st.sampled_from(COSTS),
        profile=st.sampled_from(list(PROFILES)),
        limit_fill=st.sampled_from(LIMIT_FILLS),
        share=st.sampled_from([0.0, 2.0**-15]),
    )
    def open(self, account, costs, profile, limit_fill, share):
        self.market = replace(EMPTY, bars=EMPTY.bars.copy(), groups=EMPTY.groups.copy())
        execution = ExecutionSpec(profile=profile, limit_fill=limit_fill, volume_share=share)
        self.settings = Settings(AccountSpec(**account), execution, CostsSpec(**costs))
        self.script = np.zeros((512, WIDTH))
        self.asked = self.groups = self.rows = self.session = 0
        self.closes = [20.0] * len(ASSETS)
        self.financing = 0.0
        self.over = {}
        self.changed = set()
        self.runner = self.hire(compiled=False)
        self.tables = self.runner.tables
        self.account = self.tables.account[0]

    def hire(self, *, compiled):
        """Make a runner for the script as it stands."""
        runner = Runner(
            self.market, Script, self.settings, params=("steps", "count"), compiled=compiled, log_capacity=1 << 14
        )
        runner.take(np.array([float(self.script.ctypes.data), float(self.asked)]))
        return runner

    # What a desk can ask for. It is asked at the next bars.

    def ask(self, verb, asset=0, **fields):
        if self.asked < len(self.script):
            self.script[self.asked] = Step(self.groups, verb, asset, **fields).row()
            self.asked += 1

    def any_order(self, generator):
        """Give the id of an order that was asked for lately, or none."""
        return int(generator.integers(max(self.account.next_id - 12, 0), self.account.next_id + 2))

    @rule(
        asset=assets,
        kind=kinds,
        side=sides,
        size=sizes,
        offset=offsets,
        room=rooms,
        tif=st.integers(0, len(TIFS) - 1),
        hours=st.integers(0, 72),
        group=st.integers(0, 2),
        seed=seeds,
    )
    def submit(self, asset, kind, side, size, offset, room, tif, hours, group, seed):
        price = self.closes[asset] + offset
        limit = price + side * room if kind == STOP_LIMIT else price
        terms = {"tif": tif, "hours": hours, "oca": group}
        self.ask(SUBMIT, asset, type=kind, quantity=side * size, limit=limit, stop=price, **trail(kind, room), **terms)
        self.go_on(seed)

    @rule(
        asset=assets,
        kind=st.integers(0, 3),
        side=sides,
        size=sizes,
        offset=offsets,
        below=rooms,
        above=rooms,
        seed=seeds,
    )
    def bracket(self, asset, kind, side, size, offset, below, above, seed):
        price = self.closes[asset] + offset
        exits = {"stop_loss": price - side * below, "take_profit": price + side * above}
        self.ask(BRACKET, asset, type=kind, quantity=side * size, limit=price, stop=price, **exits)
        self.go_on(seed)

    @rule(asset=assets, side=sides, size=sizes, below=rooms, above=rooms, tif=st.integers(0, 2), seed=seeds)
    def one_of_two(self, asset, side, size, below, above, tif, seed):
        close, terms = self.closes[asset], {"tif": tif, "hours": 40, "oca": 1 + asset}
        self.ask(SUBMIT, asset, type=LIMIT, quantity=side * size, limit=close - side * below, **terms)
        self.ask(SUBMIT, asset, type=STOP, quantity=side * size, stop=close + side * above, **terms)
        self.go_on(seed)

    @rule(asset=assets, kind=st.integers(1, 4), side=sides, size=sizes, offset=offsets, seed=seeds)
    def child(self, asset, kind, side, size, offset, seed):
        order, price = self.any_order(np.random.default_rng(seed)), self.closes[asset] + offset
        self.ask(
            SUBMIT, asset, type=kind, quantity=side * size, limit=price, stop=price, order=order, **trail(kind, 1.0)
        )
        self.go_on(seed)

    @rule(size=st.none() | sizes, side=sides, limit=st.none() | offsets, stop=st.none() | offsets, seed=seeds)
    def update(self, size, side, limit, stop, seed):
        order = self.any_order(np.random.default_rng(seed))
        self.changed.add(order)
        given = {"quantity": size and side * size, "limit": limit and 20.0 + limit, "stop": stop and 20.0 + stop}
        self.ask(UPDATE, order=order, **{name: value for name, value in given.items() if value is not None})
        self.go_on(seed)

    @rule(seed=seeds)
    def cancel(self, seed):
        self.ask(CANCEL, order=self.any_order(np.random.default_rng(seed)))
        self.go_on(seed)

    @rule(asset=assets, seed=seeds)
    def close(self, asset, seed):
        self.ask(CLOSE, asset)
        self.go_on(seed)

    @rule(
        asset=assets,
        wish=st.one_of(
            st.tuples(st.just(TARGET_QUANTITY), sizes),
            st.tuples(st.just(TARGET_VALUE), st.integers(0, 2000).map(float)),
            st.tuples(st.just(TARGET_PERCENT), st.integers(0, 12).map(lambda tenths: tenths / 10)),
        ),
        side=sides,
        seed=seeds,
    )
    def aim(self, asset, wish, side, seed):
        self.ask(wish[0], asset, quantity=side * wish[1])
        self.go_on(seed)

    # What can happen next: bars of all assets or of some, with volume or without, and the end of a session.

    @rule(gap=st.integers(-12, 12))
    def all_gap(self, gap):
        self.pass_time([(gap, 0, 1, 1)] * 3, [1e6] * 3, ends=True)

    def go_on(self, seed):
        """Mostly let a bar pass, so that what was asked for meets a market."""
        generator = np.random.default_rng(seed)
        if generator.random() < 0.8:
            here = generator.random(3) < 0.85
            several = [tuple(generator.integers((-4, -4, 0, 0), (5, 5, 4, 4))) if each else None for each in here]
            volumes = np.where(generator.random(3) < 0.1, 0.0, 1e6)
            self.pass_time(several, volumes, ends=generator.random() < 0.5)

    def pass_time(self, several, volumes, *, ends):
        """Let the engine meet one more group of bars."""
        if self.groups == LENGTH or several == [None] * 3:
            return
        group = self.market.groups[self.groups]
        group["first_row"], group["session"], group["last_of_session"] = self.rows, self.session, int(ends)
        for asset, move in enumerate(several):
            if move is not None:
                self.lay_bar(asset, *(quarters / 4 for quarters in move), volumes[asset])
        group["count"] = self.rows - group["first_row"]
        self.runner._values[0]["count"] = self.asked
        self.account.carried = CARRIED if self.groups else FRESH
        self.runner._call(self.groups, self.groups + 1)
        check_run(self.account, "Script")
        self.financing += self.account.financing
        self.groups += 1
        self.session += int(ends)

    def lay_bar(self, asset, gap, body, up, down, volume):
        opened = float(np.clip(self.closes[asset] + gap, 10.0, 40.0))
        close = self.closes[asset] = float(np.clip(opened + body, 10.0, 40.0))
        self.market.bars[self.rows] = (asset, opened, max(opened, close) + up, min(opened, close) - down, close, volume)
        self.rows += 1

    # What must hold after every step.

    @property
    def fills(self):
        return self.tables.fill_log[: self.account.fills_logged]

    @property
    def orders(self):
        """Give every order that is kept, with its slot."""
        orders = self.tables.orders
        return [(int(slot), orders[slot]) for slot in np.flatnonzero(orders["status"] != FREE)]

    @property
    def now(self):
        return self.account.timestamp

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
        assert self.account.requests == 0
        assert self.account.live_orders == len(live)
        assert self.account.expiring == sum(order.tif in {DAY, GTD} for order in live)
        assert self.account.at_close == sum(order.at_close for order in live if order.status == WORKING)
        assert self.account.open_positions == (self.tables.positions["quantity"] != 0.0).sum()

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
            if both and not {order.id, other.id} & self.changed and WORKING in {order.status, other.status}:
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
                assert self.account.next_expiry <= order.expires
            if is_live(order) and order.tif == DAY:
                assert order.expires >= self.session

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
    def a_cash_account_owes_nothing(self):
        if self.settings.account.kind == "cash" and self.groups:
            assert self.tables.rules[0].kind == CASH
            assert self.account.cash >= -1e-8
            assert (self.tables.positions["quantity"] >= 0.0).all()

    @invariant()
    def stops_that_wait_have_a_price(self):
        for _, order in self.orders:
            if order.status == WORKING and order.acts == STOP:
                assert np.isfinite(order.stop_price)

    def teardown(self):
        if not hasattr(self, "runner") or not self.groups:
            return
        whole = self.hire(compiled=True)
        # Which bars count as data without volume was settled when there were none.
        whole.tables.assets["volume_from"] = self.tables.assets["volume_from"]
        whole.go_until(self.groups)
        for name in ("fill_log", "trade_log"):
            count = self.account[f"{name.removesuffix('_log')}s_logged"]
            assert count == whole.tables.account[0][f"{name.removesuffix('_log')}s_logged"]
            assert getattr(whole.tables, name)[:count].tobytes() == getattr(self.tables, name)[:count].tobytes(), name
        for name in ("equity_log", "positions", "orders", "sessions"):
            assert getattr(whole.tables, name).tobytes() == getattr(self.tables, name).tobytes(), name


def test_nothing_that_a_desk_asks_for_breaks_the_engine():
    runs, steps = (1000, 50) if LONG else (15, 30)
    run_state_machine_as_test(
        Desk,
        settings=settings(max_examples=runs, stateful_step_count=steps, derandomize=not LONG, deadline=None),
    )
