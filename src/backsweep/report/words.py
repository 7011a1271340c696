"""The statistics of a study in words, for the terminal and for the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backsweep.report.formats import fixed, format_metric, format_number, format_params
from backsweep.study.table.columns import ASSET_GROUP, PARAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.statistics.findings import Findings
    from backsweep.statistics.out_of_sample import OutOfSample
    from backsweep.statistics.study_records import Look, NullRank, Scenario
    from backsweep.study.results.study import Study

NO_STATISTICS = "No statistics: no trial has returns of four sessions or more."
STRESS_TEST = "Stress test of what was selected"
_OF_MANY = ("effective trials", "survivors", "what to expect", "overfitting")  # figures that compare trials
_NEVER = "no length would do: the Sharpe ratio is not positive"
_LISTED = 8  # looks; JSON has them all


def list_notes(found: Findings) -> list[str]:
    """Return what a reader of the verdict must know besides, a sentence each."""
    return [f"Note: {note}" for note in (*found.verdict.warnings, _describe_counting(found)) if note]


def list_statistics(found: Findings) -> dict[str, dict[str, str]]:
    """Return the figures behind the verdict, by the title of each listing."""
    listings = {}
    if found.out_of_sample is not None:
        listings["Out of sample: each fold's selection in its test"] = _describe_out_of_sample(found.out_of_sample)
    what = "All groups together" if found.groups else "All trials"
    title = f"{what}, full record" if found.out_of_sample is None else f"{what}, test segments"
    listings[title] = _describe_counts(found) | (_describe_trials(found) if found.judged else {})
    if found.null is not None:
        listings["Null study: the same search on permuted histories"] = describe_null(found.null)
    return listings


def describe_stress(scenarios: Sequence[Scenario]) -> dict[str, str]:
    """Return what was selected came to in each scenario of the stress test."""
    return {each.name: _describe_scenario(each) for each in scenarios}


def _describe_scenario(each: Scenario) -> str:
    if each.reason is not None:
        return f"- ({each.reason})"
    shares = ("total_return", each.total_return), ("max_drawdown", each.max_drawdown)
    total, drawdown = (format_metric(name, value) for name, value in shares)
    return f"Sharpe {fixed(each.sharpe)}, total return {total}, drawdown {drawdown}"


def describe_final(study: Study) -> dict[str, str]:
    """Return the final choice of a walk-forward, and what it was trained on; empty in a study that makes none.

    It is named `final choice`, or where groups of assets have one each, `final choice of GROUP`.
    """
    dates = dict(zip(study.sessions, study.session_dates, strict=True))
    found = {}
    for row in study.walk_forward.final.to_dicts() if study.has_folds else ():
        name = "final choice" + (f" of {row[ASSET_GROUP]}" if ASSET_GROUP in row else "")
        trained = f"trained {dates[row['train_start']]} to {dates[row['train_end']]}"
        if row["number"] is None:
            found[name] = f"none, {trained}: no trial can be chosen there"
            continue
        params = {column.removeprefix(PARAMS): value for column, value in row.items() if column.startswith(PARAMS)}
        values = ", ".join(f"{param}={format_number(value, 4)}" for param, value in params.items())
        more = f", the first of {len(row['numbers'])}" if len(row["numbers"]) > 1 else ""
        found[name] = f"trial {row['number']}{more}, {trained}" + (f": {values}" if values else "")
    return found


def describe_selected(study: Study) -> dict[str, str]:
    """Return what each group of assets selected, by `selected in GROUP`; empty without groups, and with folds."""
    chosen = study.selected_by_group
    params = study.best_params if chosen else {}
    return {
        f"selected in {name}": f"trial {chosen[name]}: {format_params(params[name])}" if name in chosen else "none"
        for name in study.groups
        if not study.has_folds
    }


def describe_null(ranked: NullRank) -> dict[str, str]:
    few = "" if ranked.decides else "; too few for a p-value of 5%"
    return {
        "histories": f"{ranked.histories:,}, sessions permuted in blocks of {ranked.block:,}",
        "Sharpe": f"{fixed(ranked.sharpe)}; on permuted histories median {fixed(ranked.median)}, "
        f"highest {fixed(ranked.highest)}",
        "p-value": f"{fixed(ranked.p_value, 3)}: {ranked.above:,} of {ranked.histories:,} do at least as well{few}",
    }


def _length(years: float, text: str, never: str) -> str:
    """Return a text with a number of years in its place; `never` where no number is enough."""
    return never if math.isinf(years) else text.format(fixed(years, 1))


def _describe_out_of_sample(record: OutOfSample) -> dict[str, str]:
    looks = f", corrected for {record.looks:,} looks at these data" if record.looks > 1 else ""
    return {
        "record": f"{record.sessions:,} sessions, {record.years:.1f} years",
        "Sharpe": f"{fixed(record.sharpe)}; 95% interval {fixed(record.low)} to {fixed(record.high)}, "
        f"bootstrap in blocks of {fixed(record.block_length, 1)} sessions on average",
        "p-value": f"{fixed(record.p_value, 3)} that a record without skill does at least as well{looks}",
        "probabilistic": f"{fixed(record.probabilistic, 3)} that the true Sharpe ratio is positive",
        "track record": _length(record.track_record, "{} years are needed to call it positive at 95%", _NEVER),
    }


def _describe_counting(found: Findings) -> str:
    """Return a note on which looks the verdict counts, where these are not all earlier ones and no others."""
    if found.before and not found.counted:
        reason = "it is running, was killed, or was made by an older version"
        return f"the study has no record of the looks before it ({reason}): the verdict counts all that are known now."
    if found.later and found.counted:
        return f"the verdict counts the looks before {_date(found.counted)}; later looks do not change it."
    return ""


def _looks(looks: Sequence[Look]) -> str:
    """List looks by study, date and trials; only the last ones where there are many."""
    left = len(looks) - _LISTED
    return "; ".join([*([f"{left:,} others"] if left > 0 else []), *map(_look, looks[-_LISTED:])])


def _look(look: Look) -> str:
    times = f", {look.times:,} times" if look.times > 1 else ""
    trials = f"{look.trials:,} trials" if look.trials else "its holdout"
    return f"{look.study or look.hash[:8]} ({_date(look.date)}, {trials}{times})"


def _date(time: str) -> str:
    return time[:16].replace("T", " ") or "date unknown"


def _describe_counts(found: Findings) -> dict[str, str]:
    again = found.looks - sum(each.times for each in found.before)
    own = "this study" if again == 1 else f"this study {again:,} times"
    judged = f"{found.judged:,} have a Sharpe ratio"
    return {
        "trials tried": f"{found.tried:,}, including failed and pruned ones and earlier studies; "
        + (f"in {found.groups:,} groups, whose choices make one record" if found.groups else judged),
        "looks": f"{found.looks:,} at these data: "
        + "; ".join([*([_looks(found.before)] if found.before else []), own]),
        **({"later looks": _looks(found.later)} if found.later else {}),
        "record": f"{found.sessions:,} sessions, {found.years:.1f} years",
    }


def _describe_trials(found: Findings) -> dict[str, str]:
    """Return each figure beside its benchmark; Sharpe ratios are annual."""
    from backsweep.statistics.overfitting import NO_SKILL, NO_SKILL_DEVIATION  # noqa: PLC0415 - loads Numba

    subject = found.subject + (f", number {found.trial}" if found.trial >= 0 else "")
    figures = {
        "effective trials": f"equivalent to {fixed(found.effective, 1)} independent trials",
        "Sharpe": f"{fixed(found.sharpe)} ({subject}); expected maximum without skill {fixed(found.expected_noise)}",
        "p-value": f"{fixed(found.p_value, 3)} that the best of noise does at least as well" + _corrected(found),
        "lower bound": f"{fixed(found.lower_bound)} for the true Sharpe ratio at 95%, simultaneous for all trials",
        "survivors": f"{found.survivors:,} of {found.judged:,} trials significant at 5%; by Holm {found.holm:,}, by "
        f"Benjamini-Yekutieli {found.yekutieli:,}",
        "deflated Sharpe": f"{fixed(found.deflated.low)} to {fixed(found.deflated.high)}, "
        f"against {fixed(found.probabilistic)} if it were the only trial",
        "haircut Sharpe": f"{fixed(found.haircut)} after correction for the number of trials",
        "what to expect": f"{fixed(found.what_to_expect)} out of sample, "
        f"{fixed(found.expect_low)} to {fixed(found.expect_high)} in 90% of splits",
        "overfitting": f"probability {fixed(found.overfitting_probability)}; without skill {fixed(NO_SKILL)}, "
        f"standard deviation {fixed(NO_SKILL_DEVIATION)}",
        "track record": _length(found.track_record, "{} years would suffice if it were the only trial", _NEVER),
        "backtest length": _length(
            found.backtest_length,
            "below {} years, the best of noise is expected to reach this Sharpe ratio",
            "at any length, the best of noise is expected to reach this Sharpe ratio",
        ),
    }
    return {name: text for name, text in figures.items() if not found.groups or name not in _OF_MANY}


def _corrected(found: Findings) -> str:
    if not found.corrections:
        return ""
    *others, last = found.corrections
    causes = f"{', '.join(others)} and {last}" if others else last
    beforehand = ", were they placed beforehand" * found.adaptive
    return f"; {fixed(found.corrected, 3)} corrected for {causes}{beforehand}"
