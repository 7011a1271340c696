"""The benchmark's strategy: enter on a signal, with a stop and a target around the close."""

import backsweep as bs


class Bracket(bs.Strategy):
    """Hold at most one position: long above `entry`, short below its negative, out at `distance` either way."""

    entry: float = bs.param(0.0, 9.0, default=2.0)
    distance: float = bs.param(0.0, 0.5, default=0.01)

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            bar = data[i]
            if broker.get_position(bar.asset).quantity != 0.0 or broker.count_open_orders(bar.asset) != 0:
                continue
            side = 0.0
            if bar.pred > self.entry:
                side = 1.0
            elif bar.pred < -self.entry:
                side = -1.0
            if side != 0.0:
                stop = bar.close * (1.0 - side * self.distance)
                target = bar.close * (1.0 + side * self.distance)
                broker.submit_bracket(bar.asset, side * 100.0, stop_loss=stop, take_profit=target)


class AsleepOfMany(Bracket):
    """The same, which says where it has something to decide: a signal of any asset, also while others are held."""

    def wake(self):
        return bs.above("pred", "entry") | bs.below("pred", "-entry")

    def wake_held(self):
        return self.wake()


class Asleep(AsleepOfMany):
    """The same of one asset: while it is held, its stop and its target do the rest."""

    def wake_held(self):
        return bs.never()
