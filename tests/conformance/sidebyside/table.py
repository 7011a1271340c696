"""Play the whole programme and print it.

One line for each family and step and each peer: how many entries were left out because engines differ there by choice
(DIFFERENCES.md), how many fills and round trips were compared, and how many fills agreed.
"""

from __future__ import annotations

import importlib
import itertools
import warnings
from importlib.util import find_spec
from typing import NamedTuple

from sidebyside import ours, peer_zipline
from sidebyside.fills import Fill, compare, count_trades
from sidebyside.programme import steps
from sidebyside.scenario import Scenario
from sidebyside.steps import Step


class Line(NamedTuple):
    """What came of one step against one peer."""

    left_out: int = 0
    fills: int = 0
    trades: int = 0
    agreed: int = 0
    difference: str = ""  # the first, "" if there is none

    @property
    def good(self) -> bool:
        """Whether there was something to compare, and all of it agreed."""
        return self.fills == self.agreed > 0

    def plus(self, other: Line) -> Line:
        """Add up two lines."""
        figures = (a + b for a, b in zip(self[:4], other[:4], strict=True))
        return Line(*figures, self.difference or other.difference)


def is_here(peer: str) -> bool:
    """Return whether a peer is installed: zipline in an environment of its own, the others in this one."""
    if peer == "written":
        return True
    return peer_zipline.PYTHON.exists() if peer == "zipline" else find_spec(peer) is not None


def play_peer(peer: str, scenario: Scenario) -> list[Fill]:
    """Run one peer, with its warnings silenced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"sidebyside.peer_{peer}").play(scenario)


def lines(step: Step, limit: int | None = None) -> dict[str, Line]:
    """Return one line for each peer of a step, over its first `limit` scenarios."""
    played = dict.fromkeys(step.peers, Line())
    for scenario in itertools.islice(step.scenarios(), limit):
        fills = ours.play(scenario)
        for peer in step.peers:
            compared, agreed, first = compare(fills, play_peer(peer, scenario))
            difference = f"{scenario.name}: ours {first[0]}, theirs {first[1]}" if first else ""
            line = Line(scenario.left_out, compared, count_trades(fills), agreed, difference)
            played[peer] = played[peer].plus(line)
    return played


def main() -> int:
    """Print the table; 1 if anything differs."""
    total, good = Line(), True
    print(f"{'family and step':<60}{'peer':<14}{'left out':>10}{'fills':>8}{'trades':>8}{'agreed':>8}")
    for step in steps():
        if step.reason:
            print(f"{step.title:<60}not played: {step.reason}")
            continue
        for peer, line in lines(step).items():
            print(f"{step.title:<60}{peer:<14}{_figures(line)}", flush=True)
            if not line.good:
                good = False
                print(f"    {line.difference or 'nothing to compare'}")
            total = total.plus(line)
    print(f"{'all':<74}{_figures(total)}")
    return 0 if good else 1


def _figures(line: Line) -> str:
    return f"{line.left_out:>10}{line.fills:>8}{line.trades:>8}{line.agreed:>8}"
