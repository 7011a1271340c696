"""`backsweep holdout`: run the selected parameters on the sessions that a study holds out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from backsweep.cli.console import echo, make_console, make_listing
from backsweep.cli.forms import Form, Format, write_json, write_values
from backsweep.cli.options import StudyPlace
from backsweep.report.formats import format_metric, format_param


def holdout(
    study: StudyPlace,
    why: Annotated[str, typer.Option(help="Reason for the look; it is recorded.  [default: needed]")] = "",
    trial: Annotated[int | None, typer.Option(help="Use this trial instead of the selected one.")] = None,
    form: Form = Format.table,
) -> None:
    """Run the selected parameters on the holdout. Every look is recorded: only the first is out of sample.

    For example:
    - backsweep holdout studies/walk-forward --why "final check before trading"

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.study.store.holdout_log import describe_uses  # noqa: PLC0415 - as above

    use = backsweep.open_holdout(study, why, trial=trial)
    if form is Format.json:
        write_json(asdict(use))
        return
    if form is Format.csv:
        write_values(
            {
                "holdout": {"trial": use.trial, "start": use.start, "end": use.end},
                "params": use.params,
                "metrics": use.metrics,
            }
        )
        return
    console = make_console()
    about = {"trial": str(use.trial), "from": use.start[:10], "to": use.end[:10]}
    console.print(make_listing({**about, **{name: format_param(value) for name, value in use.params.items()}}))
    console.print()
    console.print(make_listing({name: format_metric(name, value) for name, value in use.metrics.items()}))
    console.print()
    echo(f"holdout: {describe_uses(backsweep.open_study(study).holdout_uses)}")
