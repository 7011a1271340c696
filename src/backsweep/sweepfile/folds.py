"""How sessions are divided into folds: the section `walk_forward`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from backsweep.sweepfile.section import Section, matching

_NUMBER = r"(\d{0,2}y|\d{0,3}(mo|w)|\d{0,4}[ds])"  # after its first digit: a calendar has no more than 10,000 years
_UNITS = "years, months, weeks, days or sessions, such as 4y, 6mo, 2w, 63d or 252s"
Span = Annotated[str, matching(rf"[1-9]{_NUMBER}", f"a span is a number of {_UNITS}")]
Gap = Annotated[str, matching(rf"\d{_NUMBER}", f"a gap is a number of {_UNITS}, and 0d is none")]


class FoldSpec(Section):
    """How sessions are divided; spans are years, months, weeks, days or sessions (`4y`, `6mo`, `2w`, `63d`, `252s`).

    `rolling` trains on the last `train` before each test, `anchored` on everything before it, `holdout` once, on the
    first `train`. `test` may be left out of a holdout, which then reaches to the end of the data. `step` is `test`
    where it is left out. `cpcv` has no spans but `groups`, of which each fold tests `test_groups`. `purge` is the gap
    between training and the test that follows. `embargo` is the gap between a test and training after it: only `cpcv`
    trains after a test.

    `state` says what a segment begins and ends with. `flat`: nothing; open positions are sold at its last close, at the
    usual costs. `continuous`: each training begins flat and ends marked to market, and the tests are cut out of one run
    over all of them, which carries positions and cash.

    `holdout` is kept apart at the end of the data: no fold sees it. The last fold has a training only, which ends
    `purge` before the holdout, and in `rolling` is as long as the others: what it chooses is for the holdout.
    """

    mode: Literal["rolling", "anchored", "holdout", "cpcv"] = "rolling"
    train: Span | None = None
    test: Span | None = None
    step: Span | None = None
    groups: Annotated[int | None, Field(ge=2)] = None
    test_groups: Annotated[int | None, Field(ge=1)] = None
    purge: Gap = "0d"
    embargo: Gap = "0d"
    state: Literal["flat", "continuous"] = "flat"
    holdout: Span | None = None


class WalkForward(FoldSpec):
    """The folds, and how each chooses among its trials by their score in training, under the constraints.

    `best` takes the best score; `neighbourhood` the best mean over the `neighbours` nearest trials, itself included, of
    which a pruned one counts as the worst; `top_k` the `top` best, with equal weights. Trials of the same
    parameters are one choice and one neighbour.

    With `share_proposals` every trial runs on every fold. Without, every fold is a search of its own, of
    `search.trials` trials, rounded up to whole batches, that run on this fold alone: a sampler learns from this fold's
    training and nothing else.
    Left out, folds have proposals of their own if the sampler learns and there may be several folds.
    """

    share_proposals: bool | None = None
    select: Literal["best", "neighbourhood", "top_k"] = "best"
    neighbours: Annotated[int, Field(ge=1)] = 9
    top: Annotated[int, Field(ge=1)] = 5
