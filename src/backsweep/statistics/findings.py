"""Everything the statistics say about a study, from block sums and two moments of each trial.

What the verdict is about, and by which test, is decided by how the study was made, before any result is known:

- With walk-forward or a holdout, the stitched out-of-sample record: nothing was chosen on it, so that it needs no
  correction for the number of trials (see `out_of_sample`).
- A cross-validation has no such record. Its trainings lie on both sides of its tests, so that what a fold chose knows
  the sessions on which the other folds are tested, and the tests add up like a choice in hindsight: with two groups
  and two opposite trials a path earns |x| + |y| wherever the two groups x and y agree, and passes a test at 5 % in
  9.5 % of cases, with more trials more often. So it is judged like a study without folds: a path is mostly what the
  best trials earned over the whole record, and how good the best of noise looks there is known. Where folds have trials
  of their own, the mean of the paths is judged, and every trial counts as a search of its own.
- Otherwise the selected trial, against the best of noise over all trials at once (see `reality`). That bootstrap takes
  the trials as given; a sampler that learns has put them where this very noise was best. So where the sampler learned,
  every trial counts as a search of its own as well: the p-value is not below the trial's own times the number tried.
- Either is multiplied by the looks at these data with this strategy (Bonferroni), and without walk-forward
  by the share of trials that were pruned, whose records are not known to the end: they may have been as lucky.
- A null study of 19 histories or more has the only p-value that holds for any search. Multiplied by the
  looks as well, it replaces the blunter ones of a cross-validation and of a selected trial where the sampler
  learned; elsewhere it can only take away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from backsweep.statistics.effective import effective_of_blocks
from backsweep.statistics.maximum import Band, deflated_sharpe_band, expected_maximum, minimum_backtest_length
from backsweep.statistics.multiple import benjamini_yekutieli, haircut_sharpe, holm
from backsweep.statistics.normal import quantile
from backsweep.statistics.overfitting import Overfitting, overfitting_of_blocks
from backsweep.statistics.reality import RealityCheck, reality_of_blocks
from backsweep.statistics.sharpe import minimum_track_record_length, probabilistic_sharpe_ratio
from backsweep.statistics.verdict import LEVEL, Evidence, Verdict, detectable_sharpe, reach_verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.statistics.blocks import BlockSums, Records
    from backsweep.statistics.out_of_sample import OutOfSample

SPLIT_BLOCKS = 16
FEWEST_HISTORIES = 19  # of a null study that can show a p-value of 5 %
LEARNED = (
    "The sampler learned from the trials, so each counts as a search of its own. `walk_forward` or a null study gives "
    "a sharper answer."
)

CROSSED = (
    "Cross-validation trains on both sides of its tests, so that its paths are no record out of sample: the verdict "
    "counts all trials. Rolling or anchored folds, or a null study, give a sharper answer."
)


@dataclass(frozen=True)
class Tried:
    """What was tried.

    trials    every trial: failed and pruned ones, and those of earlier studies
    looks     how often a result of these data and this strategy was there to be looked at, this one included
    pruned    trials of this study that were stopped early
    learned   whether each trial counts as a search of its own: the sampler learned from the trials, or folds that are
              cross-validated have trials of their own
    crossed   whether the study is a cross-validation
    """

    trials: int
    looks: int = 1
    pruned: int = 0
    learned: bool = False
    crossed: bool = False

    @property
    def stitched(self) -> bool:
        """Whether the only record is the mean of a cross-validation's paths, its folds having trials of their own."""
        return self.crossed and self.learned


@dataclass(frozen=True)
class NullRank:
    """The rank of the real result among those of the same search on histories without timing.

    histories  how many; block: sessions that were permuted together
    sharpe     annual Sharpe ratio of the real result: out of sample where there are folds, else of the selected trial
    above      how many histories show as much; a history without a result shows less
    median, highest   of the histories' Sharpe ratios
    p_value    (above + 1) / (histories + 1)
    """

    histories: int
    block: int
    sharpe: float
    above: int
    median: float
    highest: float
    p_value: float

    @property
    def decides(self) -> bool:
        """Whether there are enough histories to show a p-value of 5 %."""
        return self.histories >= FEWEST_HISTORIES


@dataclass(frozen=True)
class Scenario:
    """What was selected, under changed conditions: annual Sharpe ratio, total return, maximum drawdown, sessions.

    `reason` says why there are no figures, which are NaN then.
    """

    name: str
    sharpe: float
    total_return: float
    max_drawdown: float
    sessions: int
    reason: str | None


@dataclass(frozen=True)
class Look:
    """Results of the same data and strategy that were there to be looked at.

    study, hash   the study's name and hash
    date          when its last trial came back, or its holdout was looked at: ISO 8601, UTC; empty where unknown
    trials        how many it had; 0 for a look at a holdout
    times         how often its result was there: once, once more for each extension and each look at its holdout
    """

    study: str
    hash: str
    date: str
    trials: int
    times: int


@dataclass(frozen=True)
class Findings:
    """What a study's Sharpe ratios are worth. Sharpe ratios are annual; NaN is undefined.

    tried, judged         trials of this and earlier studies, failed and pruned ones included; those of this study with
                          a Sharpe ratio
    looks                 how often a result of these data and this strategy was there to be looked at, with this one
    sessions, years       of a trial's record, which with folds is its tests
    subject               what is judged among the trials: "the selected trial", "the last fold's choice", ...
    trial                 its number; -1 where it is not one trial, or there is none
    sharpe, lower_bound   its Sharpe ratio; what the true one exceeds at 95 %, for all trials and looks at once
    p_value               reality check: how often noise does as well
    corrected             the same, with other looks, pruned trials and a sampler that learned taken into account
    survivors             trials above noise step by step, at a family-wise error of 5 %
    expected_noise        Sharpe ratio that the best of `tried` trials is expected to show by luck
    detectable            true Sharpe ratio that would have been found with a power of 0.8
    effective             number of independent trials that these amount to
    probabilistic         probability that the subject's true Sharpe is positive, were it the only trial
    deflated              the same against the best of noise, as a band: as many trials as run, and the effective number
    track_record          years that the subject needs to be called positive, were it the only trial
    backtest_length       years below which `tried` trials of noise are expected to show `sharpe`
    haircut               Sharpe ratio that is left after accounting for `tried`
    holm, yekutieli       trials significant at 5 % by Holm and by Benjamini and Yekutieli
    overfitting_probability   PBO: 0.5, give or take 0.14, means no skill
    what_to_expect, expect_low, expect_high   out-of-sample Sharpe of what half the record selects: mean, 5 and 95 %
    out_of_sample         the stitched tests of a walk-forward; None without
    null                  the null study; None without
    sensitivity           what was selected under changed conditions, first as it is; empty where that was not run
    verdict               the verdict in words
    before                the other studies that `tried` and `looks` count: those that came before the verdict
    later                 what was looked at afterwards, which changes nothing
    counted               when the looks were counted: ISO 8601, UTC; empty where the study has no record of that, and
                          whatever the ledger knows now counts
    """

    tried: int
    judged: int
    looks: int
    sessions: int
    years: float
    subject: str
    trial: int
    sharpe: float
    lower_bound: float
    p_value: float
    corrected: float
    survivors: int
    expected_noise: float
    detectable: float
    effective: float
    probabilistic: float
    deflated: Band
    track_record: float
    backtest_length: float
    haircut: float
    holm: int
    yekutieli: int
    overfitting_probability: float
    what_to_expect: float
    expect_low: float
    expect_high: float
    out_of_sample: OutOfSample | None
    null: NullRank | None
    sensitivity: tuple[Scenario, ...]
    verdict: Verdict
    before: tuple[Look, ...] = ()
    later: tuple[Look, ...] = ()
    counted: str = ""


def find(
    records: Records,
    tried: Tried,
    periods_per_year: float,
    selected: int | None = None,
    out_of_sample: OutOfSample | None = None,
    null: NullRank | None = None,
    sensitivity: tuple[Scenario, ...] = (),
    seed: int = 0,
) -> Findings:
    """Return the findings on the trials of `records`; `selected` is the number of the one that was chosen, if any."""
    kept, skew, kurtosis = records.kept, records.skew, records.kurtosis
    own = kept.sharpe()
    judged, count = int(np.count_nonzero(~np.isnan(own))), max(tried.trials, 1)
    hidden = 1.0 + tried.pruned / max(judged, 1)
    level = LEVEL / (tried.looks * hidden)
    check = reality_of_blocks(kept, seed=seed, level=level, chosen=_place(records, selected), widened=True)
    years, root = kept.sessions / periods_per_year, math.sqrt(periods_per_year)
    effective = effective_of_blocks(kept) if judged else math.nan
    place = check.best
    moments = (float(skew[place]), float(kurtosis[place])) if place >= 0 else (math.nan, math.nan)
    alone = _p_values(own, skew, kurtosis, kept.sessions)
    corrected = min(check.p_value * tried.looks * hidden, 1.0)
    critical = check.critical
    if tried.learned and place >= 0:
        corrected = max(corrected, min(float(alone[place]) * count, 1.0))
        critical = max(critical, quantile(1.0 - LEVEL / count) / math.sqrt(kept.sessions - 1.0))
    p_values = np.ones(max(tried.trials, own.size))
    p_values[: own.size] = alone
    splits = _splits(kept)
    subject = _subject(tried, selected, followed=out_of_sample is not None)
    detectable = detectable_sharpe(critical, kept.sessions, periods_per_year)
    if out_of_sample is None:
        evidence = Evidence(
            subject=_sentence(subject),
            chance="the best of this many trials without skill does as well in {p} of cases",
            p_value=corrected,
            detectable=detectable,
            over=f"{tried.trials:,} trials over {years:.1f} years",
            skew=moments[0],
            active=int(np.count_nonzero(kept.squares[place])) if place >= 0 else 0,
            lost=bool(records.lost[place]) if place >= 0 else True,
        )
    else:
        evidence = _evidence(out_of_sample, periods_per_year)
    return Findings(
        tried=tried.trials,
        judged=judged,
        looks=tried.looks,
        sessions=kept.sessions,
        years=years,
        subject=subject,
        trial=int(records.numbers[place]) if place >= 0 and not tried.stitched else -1,
        sharpe=check.statistic * root,
        lower_bound=check.lower_bound * root,
        p_value=check.p_value,
        corrected=corrected,
        survivors=check.survivors,
        expected_noise=expected_maximum(count) / math.sqrt(kept.sessions) * root,
        detectable=detectable,
        effective=effective,
        probabilistic=probabilistic_sharpe_ratio(check.statistic, kept.sessions, *moments),
        deflated=_band(check, kept.sessions, count, effective, moments),
        track_record=minimum_track_record_length(check.statistic, *moments) / periods_per_year,
        backtest_length=minimum_backtest_length(count, check.statistic * root),
        haircut=haircut_sharpe(check.statistic * root, years, count),
        holm=int(np.count_nonzero(holm(p_values) <= LEVEL)),
        yekutieli=int(np.count_nonzero(benjamini_yekutieli(p_values) <= LEVEL)),
        overfitting_probability=splits.pbo if splits else math.nan,
        what_to_expect=splits.expected * root if splits else math.nan,
        expect_low=splits.expected_range[0] * root if splits else math.nan,
        expect_high=splits.expected_range[1] * root if splits else math.nan,
        out_of_sample=out_of_sample,
        null=null,
        sensitivity=sensitivity,
        verdict=_conclude(evidence, null, tried, followed=out_of_sample is not None),
    )


def _place(records: Records, selected: int | None) -> int | None:
    """Return where the selected trial stands; None where none was selected, or it has no record."""
    places = [] if selected is None else np.flatnonzero(records.numbers == selected).tolist()
    return int(places[0]) if places else None


def _evidence(record: OutOfSample, periods_per_year: float) -> Evidence:
    again = f", one of {record.looks:,} looks at these data" if record.looks > 1 else ""
    return Evidence(
        subject="The out-of-sample record",
        chance="choices without skill do as well out of sample in {p} of cases" + again,
        p_value=record.p_value,
        detectable=detectable_sharpe(record.critical, record.sessions, periods_per_year),
        over=f"{record.years:.1f} years out of sample{again}",
        skew=record.skew,
        active=record.active,
        lost=record.lost,
    )


def _subject(tried: Tried, selected: int | None, *, followed: bool) -> str:
    if tried.stitched:
        return "the cross-validated record"
    if selected is None:
        return "the trial with the largest Sharpe ratio"
    return "the last fold's choice" if followed or tried.crossed else "the selected trial"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _conclude(evidence: Evidence, null: NullRank | None, tried: Tried, *, followed: bool) -> Verdict:
    """Reach the verdict; a null study can only take away where tests `followed` the choices, or trials are plain."""
    blunt = () if followed else ((CROSSED,) if tried.crossed else (LEARNED,) if tried.learned else ())
    if null is not None and null.decides:
        p_value = min(null.p_value * tried.looks, 1.0)
        if blunt or p_value > evidence.p_value:
            again = f", one of {tried.looks:,} looks at these data" if tried.looks > 1 else ""
            chance = f"the same search does as well in {{p}} of {null.histories:,} histories without timing{again}"
            evidence = replace(evidence, p_value=p_value, chance=chance)
        blunt = ()
    verdict = reach_verdict(evidence)
    return replace(verdict, warnings=(*verdict.warnings, *blunt))


def _band(check: RealityCheck, sessions: int, tried: int, effective: float, moments: tuple[float, float]) -> Band:
    if check.best < 0:
        return Band(math.nan, math.nan)
    return deflated_sharpe_band(check.statistic, sessions, tried, min(effective, float(tried)), *moments)


def _splits(kept: BlockSums) -> Overfitting | None:
    """Return the cross-validation in up to 16 blocks, of two trials or more."""
    blocks = min(SPLIT_BLOCKS, kept.blocks)
    if kept.trials < 2 or blocks % 2:
        return None
    return overfitting_of_blocks(kept.merged(blocks))


def _p_values(
    own: NDArray[np.float64], skew: NDArray[np.float64], kurtosis: NDArray[np.float64], sessions: int
) -> NDArray[np.float64]:
    """Return each trial's probability of its Sharpe ratio without skill; 1 where it is undefined."""
    spread = 1.0 - skew * own + (kurtosis - 1.0) / 4.0 * own * own
    z = own * np.sqrt((sessions - 1.0) / np.where(spread > 0.0, spread, np.nan))
    return np.array([1.0 if math.isnan(value) else math.erfc(value / math.sqrt(2.0)) / 2.0 for value in z.tolist()])
