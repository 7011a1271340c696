"""A study as notebooks show it: its verdict, then what was selected, beside what noise would have given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.errors import BadInput
from backsweep.figures.card import make_card
from backsweep.study.store.lookahead_record import describe_test

if TYPE_CHECKING:
    from backsweep.study.results.stored_study import StoredStudy


_NONE = ("There are no statistics: no trial has returns of four sessions or more.",)


def study_card(study: StoredStudy) -> str:
    """Return HTML: the verdict with its reason, the counts of trials, the record beside noise."""
    state = study.state
    try:
        found, texts = study.statistics, list(_NONE)
    except BadInput as error:  # a cross-validation whose folds have not all run
        found, texts = None, [f"There is no verdict yet: {error.problem}."]
    entries = {
        "trials": f"{state.done:,}" + (f" of {state.total:,}" if state.total is not None else ""),
        "failed, pruned": f"{state.failed:,}, {state.pruned:,}",
        "look-ahead": describe_test(study.lookahead),
        "folder": str(study.path),
    }
    if found is not None:
        texts = [f"Verdict: {found.verdict.verdict}. {found.verdict.reason}", found.verdict.power]
        entries["trials tried"] = f"{found.tried:,}, those of earlier studies on these data included"
        record = found.out_of_sample
        if record is not None:
            interval = f"95% interval {record.low:.2f} to {record.high:.2f}"
            entries["Sharpe, out of sample"] = f"{record.sharpe:.2f}; {interval}; p-value {record.p_value:.3f}"
        elif found.judged:
            entries["Sharpe of the best, in sample"] = (
                f"{found.sharpe:.2f}; noise would have given {found.expected_noise:.2f}; p-value {found.p_value:.3f}"
            )
    return make_card(f"Study {study.sweep.study}", [text for text in texts if text], entries)
