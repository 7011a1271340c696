"""The statistics of a study as text: `backsweep show STUDY --statistics`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from backsweep.cli.console import format_metric, make_console, make_listing, print_benchmarks, write_data
from backsweep.printable import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.statistics.findings import Findings
    from backsweep.statistics.out_of_sample import OutOfSample
    from backsweep.statistics.study_records import Look, NullRank, Scenario
    from backsweep.study.results.study import Study

_LISTED = 8  # looks; JSON has them all


def show_findings(study: Study, *, as_json: bool) -> None:
    """Print the statistics of a study, as text or as JSON with null for what is undefined."""
    found = study.statistics
    if as_json:
        beside = (
            {} if study.benchmark is None else {"benchmark": _beside(study), "benchmarks": study.benchmark.to_dicts()}
        )
        content = None if found is None else _plain(asdict(found) | beside)
        write_data(json.dumps(content, indent=2) + "\n")
        return
    console = make_console()
    if found is None:
        console.print("No statistics: no trial has returns of four sessions or more.")
        return
    verdict = found.verdict
    console.print(Text.assemble((verdict.verdict, "bold"), clean(f": {verdict.reason}")))
    console.print(verdict.power)
    for note in filter(None, (*verdict.warnings, _note(found))):
        console.print(f"Note: {note}", markup=False)
    console.print()
    if found.out_of_sample is not None:
        console.print("Out of sample: each fold's selection in its test", style="underline")
        console.print(make_listing(_out_of_sample(found.out_of_sample)))
        console.print()
    title = "All trials, full record" if found.out_of_sample is None else "All trials, test segments"
    console.print(title, style="underline")
    console.print(make_listing(_counts(found) | (_trials(found) if found.judged else {})))
    if study.benchmark is not None:
        console.print()
        title = "Beside the benchmark" + ("" if found.out_of_sample is None else ", out of sample")
        console.print(title, style="underline")
        console.print(make_listing({name: format_metric(name, value) for name, value in _beside(study).items()}))
        console.print()
        print_benchmarks(console, study.benchmark)
    if found.null is not None:
        console.print()
        console.print("Null study: the same search on permuted histories", style="underline")
        console.print(make_listing(_null(found.null)))
    if found.sensitivity:
        console.print()
        console.print("Stress test of what was selected", style="underline")
        console.print(make_listing({each.name: _scenario(each) for each in found.sensitivity}))


def _beside(study: Study) -> dict[str, float | None]:
    """Return the metrics beside the benchmark: of the stitched tests, or of the selected trial."""
    from backsweep.metrics.table import BENCHMARK_METRICS  # noqa: PLC0415 - loads Numba

    if study.has_folds:
        figures = study.walk_forward.metrics
    else:
        figures = {} if study.selected is None else study.describe(study.selected)["metrics"]
    return {name: figures.get(name) for name in BENCHMARK_METRICS}


def _scenario(each: Scenario) -> str:
    if each.reason is not None:
        return f"- ({each.reason})"
    shares = ("total_return", each.total_return), ("max_drawdown", each.max_drawdown)
    total, drawdown = (format_metric(name, value) for name, value in shares)
    return f"Sharpe {_number(each.sharpe)}, total return {total}, drawdown {drawdown}"


def show_null(study: Study) -> None:
    """Print the null study of a study."""
    if study.null is not None:
        make_console().print(make_listing(_null(study.null)))


def _null(ranked: NullRank) -> dict[str, str]:
    few = "" if ranked.decides else "; too few for a p-value of 5%"
    return {
        "histories": f"{ranked.histories:,}, sessions permuted in blocks of {ranked.block:,}",
        "Sharpe": f"{_number(ranked.sharpe)}; on permuted histories median {_number(ranked.median)}, "
        f"highest {_number(ranked.highest)}",
        "p-value": f"{_number(ranked.p_value, 3)}: {ranked.above:,} of {ranked.histories:,} do at least as well{few}",
    }


def _out_of_sample(record: OutOfSample) -> dict[str, str]:
    looks = f", corrected for {record.looks:,} looks at these data" if record.looks > 1 else ""
    return {
        "record": f"{record.sessions:,} sessions, {record.years:.1f} years",
        "Sharpe": f"{_number(record.sharpe)}; 95% interval {_number(record.low)} to {_number(record.high)}, "
        f"bootstrap in blocks of {_number(record.block_length, 1)} sessions on average",
        "p-value": f"{_number(record.p_value, 3)} that a record without skill does at least as well{looks}",
        "probabilistic": f"{_number(record.probabilistic, 3)} that the true Sharpe ratio is positive",
        "track record": f"{_number(record.track_record, 1)} years are needed to call it positive at 95%",
    }


def _note(found: Findings) -> str:
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


def _counts(found: Findings) -> dict[str, str]:
    again = found.looks - sum(each.times for each in found.before)
    own = "this study" if again == 1 else f"this study {again:,} times"
    return {
        "trials tried": f"{found.tried:,}, including failed and pruned ones and earlier studies; "
        f"{found.judged:,} have a Sharpe ratio",
        "looks": f"{found.looks:,} at these data: "
        + "; ".join([*([_looks(found.before)] if found.before else []), own]),
        **({"later looks": _looks(found.later)} if found.later else {}),
        "record": f"{found.sessions:,} sessions, {found.years:.1f} years",
    }


def _trials(found: Findings) -> dict[str, str]:
    """Return each figure beside its benchmark; Sharpe ratios are annual."""
    from backsweep.statistics.overfitting import NO_SKILL, NO_SKILL_DEVIATION  # noqa: PLC0415 - loads Numba

    subject = found.subject + (f", number {found.trial}" if found.trial >= 0 else "")
    looks = f"{found.looks:,} look{'s' if found.looks > 1 else ''} at these data"
    corrected = f"; {_number(found.corrected, 3)} corrected for {looks}, pruned trials and an adaptive sampler"
    return {
        "effective trials": f"equivalent to {_number(found.effective, 1)} independent trials",
        "Sharpe": f"{_number(found.sharpe)} ({subject}); expected maximum without skill "
        f"{_number(found.expected_noise)}",
        "p-value": f"{_number(found.p_value, 3)} that the best of noise does at least as well"
        + (corrected if found.corrected != found.p_value else ""),
        "lower bound": f"{_number(found.lower_bound)} for the true Sharpe ratio at 95%, simultaneous for all trials",
        "survivors": f"{found.survivors:,} of {found.judged:,} trials significant at 5%; by Holm {found.holm:,}, by "
        f"Benjamini-Yekutieli {found.yekutieli:,}",
        "deflated Sharpe": f"{_number(found.deflated.low)} to {_number(found.deflated.high)}, "
        f"against {_number(found.probabilistic)} if it were the only trial",
        "haircut Sharpe": f"{_number(found.haircut)} after correction for the number of trials",
        "what to expect": f"{_number(found.what_to_expect)} out of sample, "
        f"{_number(found.expect_low)} to {_number(found.expect_high)} in 90% of splits",
        "overfitting": f"probability {_number(found.overfitting_probability)}; without skill {_number(NO_SKILL)}, "
        f"standard deviation {_number(NO_SKILL_DEVIATION)}",
        "track record": f"{_number(found.track_record, 1)} years would suffice if it were the only trial",
        "backtest length": f"below {_number(found.backtest_length, 1)} years, the best of noise is expected to reach "
        "this Sharpe ratio",
    }


def _number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _plain(value: Any) -> Any:
    """Replace NaN and infinities, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
