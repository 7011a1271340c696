"""How sessions are divided into folds: the section `walk_forward`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from backsweep.sweepfile.section import Section, matching

_NUMBER = (
    r"(\d{0,2}y|\d{0,3}(mo|w)|\d{0,4}[ds]|\d{0,5}h)"  # after its first digit: a calendar has no more than 10,000 years
)
_UNITS = "years, months, weeks, days, hours or sessions, such as 4y, 6mo, 2w, 63d, 48h or 252s"
Span = Annotated[str, matching(rf"[1-9]{_NUMBER}", f"a span is a number of {_UNITS}")]
Gap = Annotated[str, matching(rf"\d{_NUMBER}", f"a gap is a number of {_UNITS}, and 0d is none")]


class FoldSpec(Section):
    """How sessions are divided into training and test.

    Spans are years, months, weeks, days or sessions: `4y`, `6mo`, `2w`, `63d`, `252s`; where sessions have several bars
    also hours, `48h`, rounded up to whole sessions.
    """

    mode: Literal["rolling", "anchored", "holdout", "cpcv"] = "rolling"
    """`rolling` trains on the last `train` before each test, `anchored` on everything before it, `holdout` once, on the
    first `train`; `cpcv` is combinatorial purged cross-validation and has no spans but `groups`."""
    train: Span | None = None
    """The length of a training; needed unless in `cpcv`."""
    test: Span | None = None
    """The length of a test; needed in `rolling` and `anchored`. A holdout without it reaches to the end of the data."""
    step: Span | None = None
    """From the start of a fold to that of the next. Left out: `test`."""
    groups: Annotated[int | None, Field(ge=2)] = None
    """`cpcv` alone, and needed there: how many groups of equal length the sessions are divided into."""
    test_groups: Annotated[int | None, Field(ge=1)] = None
    """`cpcv` alone, and needed there: how many of the groups a fold tests; each choice of them is a fold."""
    purge: Gap = "0d"
    """The gap between a training and the test that follows."""
    embargo: Gap = "0d"
    """The gap between a test and training after it; only `cpcv` trains after a test."""
    state: Literal["flat", "continuous"] = "flat"
    """What a segment begins and ends with. `flat`: nothing; open positions are sold at its last close, at the usual
    costs. `continuous`: each training begins flat and ends marked to market, and the tests are cut out of one run over
    all of them, which carries positions and cash."""
    holdout: Span | None = None
    """Kept apart at the end of the data: no fold sees it. The last fold has a training only, which ends `purge` before
    the holdout, and in `rolling` is as long as the others: what it chooses is for the holdout."""
    final: bool = False
    """Whether a last training follows that ends with the data."""


class WalkForward(FoldSpec):
    """The folds, and how each chooses among its trials by their score in training, under the constraints.

    Spans are years, months, weeks, days or sessions: `4y`, `6mo`, `2w`, `63d`, `252s`; where sessions have several bars
    also hours, `48h`, rounded up to whole sessions.
    """

    share_proposals: bool | None = None
    """Whether every trial runs on every fold. If not, every fold is a search of its own, of `search.trials` trials,
    rounded up to whole batches, that run on this fold alone: a sampler learns from this fold's training and nothing
    else. Left out: not if the sampler learns and there may be several folds."""
    select: Literal["best", "neighbourhood", "top_k"] = "best"
    """`best` takes the best score; `neighbourhood` the best mean over the `neighbours` nearest trials, where a pruned
    one counts as the worst; `top_k` the `top` best, with equal weights. Trials of the same parameters are one choice
    and one neighbour."""
    neighbours: Annotated[int, Field(ge=1)] = 9
    """Trials of a neighbourhood, the one in its middle included."""
    top: Annotated[int, Field(ge=1)] = 5
    """Parameter sets that `top_k` takes."""
    final: bool = True
    """Whether a last training, to the end of the data and in `rolling` as long as the others, makes a final choice: the
    parameters to trade next, which `orders` and `best_params` take. It has no test and is no part of the out-of-sample
    record. With `holdout` that is the last fold in any case."""
