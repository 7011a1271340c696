"""Strategies as users write them: some right, most with one mistake; `mistake` marks the line."""
# ruff: noqa: ARG002, PTH123, SIM115 - the protocol has four arguments, and users do such things

import math

import polars as pl

from backsweep.strategy import Strategy, above, choice, param, state

FACTOR = 2.0


def doubled(value):
    return FACTOR * value


class Base(Strategy):
    entry: float = param(0.0, 3.0, default=1.0)


class UnknownSignal(Base):
    def on_data(self, timestamp, data, context, broker):
        if data[0].prde > self.entry:  # mistake
            broker.submit_order(0, 1)


class UnknownWithoutAny(Base):
    def on_data(self, timestamp, data, context, broker):
        if data[0].nothing > context.nothing:  # mistake
            broker.submit_order(0, 1)


class UnknownSignalInMethod(Base):
    def size(self, bar):
        return bar.foo  # mistake

    def on_data(self, timestamp, data, context, broker):
        broker.submit_order(0, self.size(data[0]))


class UnknownContext(Base):
    def on_data(self, timestamp, data, context, broker):
        if context.vux > 0.0:  # mistake
            broker.submit_order(0, 1)


class AssignsBar(Base):
    def on_data(self, timestamp, data, context, broker):
        bar = data[0]
        bar.close = 3.0  # mistake


class AssignsPosition(Base):
    def on_data(self, timestamp, data, context, broker):
        position = broker.get_position(0)
        position.quantity = 3.0  # mistake


class AssignsBroker(Base):
    def on_data(self, timestamp, data, context, broker):
        broker.cash = 1e9  # mistake


class AssignsParameter(Base):
    def on_data(self, timestamp, data, context, broker):
        self.entry = 3.0  # mistake


class AssignsUndeclared(Base):
    def on_data(self, timestamp, data, context, broker):
        self.calls = 3.0  # mistake


class MisspellsBroker(Base):
    def on_data(self, timestamp, data, context, broker):
        broker.sumbit_order(0, 1)  # mistake


class MisspellsData(Base):
    def on_data(self, timestamp, data, context, broker):
        for _ in range(data.cuont):  # mistake
            pass


class MisspellsParameter(Base):
    def on_data(self, timestamp, data, context, broker):
        broker.submit_order(0, self.entri)  # mistake


class MisspellsOrder(Base):
    def on_data(self, timestamp, data, context, broker):
        if broker.get_order(1).state == 3:  # mistake
            broker.submit_order(0, 1)


class MissesArgument(Base):
    def on_data(self, timestamp, data, context, broker):
        broker.submit_order(0)  # mistake


class UsesFiles(Base):
    def on_data(self, timestamp, data, context, broker):
        open("notes.txt")  # mistake


class Raises(Base):
    def on_data(self, timestamp, data, context, broker):
        raise ValueError("no")  # mistake


class MultipliesText(Base):
    def on_data(self, timestamp, data, context, broker):
        broker.submit_order(0, "a" * data[0].close)  # mistake


class MisspellsOnData(Base):
    def on_dat(self, timestamp, data, context, broker):
        broker.submit_order(0, 1)


class FeaturesRaise(Base):
    def features(self):
        return {"mean": pl.col("close").roling_mean(3)}  # mistake

    def on_data(self, timestamp, data, context, broker):
        broker.submit_order(0, 1)


class WakeRaises(Base):
    def wake(self):
        return above("pred", "entry") | None  # mistake

    def on_data(self, timestamp, data, context, broker):
        broker.submit_order(0, 1)


class Counts(Base):
    """Uses everything that is allowed: constants, variables, methods, functions of its module, math."""

    LOT = 3
    lots: int = param(1, 10, default=2)
    short: bool = choice([False, True])
    calls: int = state(0)
    total: float = state(0.5)
    seen: int = state(-1, per_asset=True)
    best: float = state(-1.0, per_asset=True)

    def size(self, bar):
        return self.LOT * self.lots * (-1.0 if self.short else 1.0) + 0.0 * math.sqrt(bar.close)

    def remember(self, bar, session):
        self.best[bar.asset] = max(self.best[bar.asset], bar.pred)
        self.seen[bar.asset] = session

    def on_data(self, timestamp, data, context, broker):
        self.calls += 1
        self.total += doubled(context.vix)
        for i in range(data.count):
            bar = data[i]
            self.remember(bar, data.session)
            if self.calls == 2:
                broker.submit_order(bar.asset, self.size(bar))
