"""A trading desk that asks for anything, bar by bar. The engine runs interpreted, one group of bars at a time."""

from dataclasses import replace

import numpy as np
import polars as pl
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from backsweep.dataset import shard_from_frames
from backsweep.engine.codes import (
    LIMIT,
    LIMIT_FILLS,
    ORDER_TYPES,
    STOP,
    STOP_LIMIT,
    TIFS,
    TRAILING_STOP,
)
from backsweep.engine.profiles import PROFILES
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.trial.market import pack
from backsweep.trial.runner import Runner, Settings, check_run
from backsweep.trial.session_range import SessionRange
from scenarios.random_scripts import ACCOUNTS, COSTS
from scenarios.scripted import (
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

LENGTH = 64
ASSETS = ("A", "B", "C")
QUIET = bars(*flat(20.0, LENGTH), **{name: flat(20.0, LENGTH) for name in ASSETS[1:]})
FUNDING = pl.Series([None, 1 / 1024, -1 / 512, 1 / 256], dtype=pl.Float64).sample(
    QUIET.height, with_replacement=True, seed=3
)
EMPTY = pack(shard_from_frames(QUIET.with_columns(funding=FUNDING)))

assets = st.integers(0, len(ASSETS) - 1)
kinds = st.integers(0, len(ORDER_TYPES) - 1)
sizes = st.integers(1, 120).map(lambda quarters: quarters / 4)
sides = st.sampled_from([1.0, 1.0, -1.0])
offsets = st.integers(-8, 8).map(lambda quarters: quarters / 4)  # of a price from the last close
rooms = st.integers(0, 8).map(lambda quarters: quarters / 4)
seeds = st.integers(0, 2**32 - 1)  # of the bars that follow


def trail(kind, distance):
    """Return the trailing distance of an order of this type."""
    return {"amount": distance} if kind == TRAILING_STOP else {}


class Desk(RuleBasedStateMachine):
    """Rules ask, or let time pass."""

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
        self.runner = self.hire(compiled=False)
        self.tables = self.runner.tables
        self.account, self.cursor = self.tables.account[0], self.tables.cursor[0]

    def hire(self, *, compiled):
        """Make a runner for the script as it stands."""
        runner = Runner(
            self.market, Script, self.settings, params=("steps", "count"), compiled=compiled, log_capacity=1 << 14
        )
        runner.take(self.values())
        return runner

    def values(self):
        """Return where the script is, and how many steps it has by now."""
        return np.array([float(self.script.ctypes.data), float(self.asked)])

    # What a desk can ask for. It is asked at the next bars.

    def ask(self, verb, asset=0, **fields):
        if self.asked < len(self.script):
            self.script[self.asked] = Step(self.groups, verb, asset, **fields).row()
            self.asked += 1

    def any_order(self, generator):
        """Return the id of an order that was submitted recently, or none."""
        return int(generator.integers(max(self.cursor.next_id - 12, 0), self.cursor.next_id + 2))

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
        """Run the engine over one more timestamp."""
        if self.groups == LENGTH or several == [None] * 3:
            return
        group = self.market.groups[self.groups]
        group["first_row"], group["session"], group["last_of_session"] = self.rows, self.session, int(ends)
        group["nights"] = int(self.groups > 0 and self.market.groups[self.groups - 1]["last_of_session"])
        for asset, move in enumerate(several):
            if move is not None:
                self.lay_bar(asset, int(ends), *(quarters / 4 for quarters in move), volumes[asset])
        group["count"] = self.rows - group["first_row"]
        self.runner.take(self.values())
        run = self.runner.plan_run(SessionRange(0, 0), carried=self.groups > 0)
        job = self.runner.make_job([{**run, "first": self.groups, "last": self.groups + 1}])
        self.runner._call(job._replace(rows=np.zeros(1, np.int64)))
        check_run(self.tables, "Script")
        self.financing += self.tables.counters[0].financing
        self.groups += 1
        self.session += int(ends)

    def lay_bar(self, asset, ends, gap, body, up, down, volume):
        opened = float(np.clip(self.closes[asset] + gap, 10.0, 40.0))
        close = self.closes[asset] = float(np.clip(opened + body, 10.0, 40.0))
        self.market.bars[self.rows] = (
            asset,
            0,  # minutes to the close
            ends,
            opened,
            max(opened, close) + up,
            min(opened, close) - down,
            close,
            volume,
        )
        self.rows += 1
