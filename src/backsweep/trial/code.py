"""The files that a study's trials are made of, compared wherever user code is loaded for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.errors import StrategyError
from backsweep.strategy import find_code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backsweep.sweepfile.costs import CostsSpec
    from backsweep.sweepfile.trial import TrialSpec


def code_digests(strategy: str, costs: CostsSpec, metrics: Iterable[str] = ()) -> tuple[dict[str, str], ...]:
    """Return the digests of the user's own files by name: for the strategy, for each cost model, for each metric."""
    references = {strategy: "strategy"} | {model.model: "cost model" for model in costs.custom.values()}
    references |= dict.fromkeys(metrics, "metric")
    codes = [find_code(reference, word) for reference, word in references.items()]
    return tuple(
        {source.name: source.digest for source in (code.main, *code.others)} if code is not None else {}
        for code in codes
    )


def check_code(spec: TrialSpec) -> None:
    """Raise StrategyError where a file was loaded with another content than `spec.code` has.

    A file whose name is not known on both sides is left out: what names it has changed, or it lies nowhere here.
    """
    if not spec.code:
        return
    digests = code_digests(spec.strategy, spec.costs, spec.metrics.values())
    for recorded, loaded in zip(spec.code, digests, strict=False):
        for name in sorted(recorded.keys() & loaded.keys()):
            if recorded[name] != loaded[name]:
                raise StrategyError(
                    f"{name} has changed during the run",
                    where=name,
                    expected="the file as it was when the run began, so that every trial is of one strategy",
                    found="another content",
                    remedy="the study is kept: undo the edit and run the same command to resume, "
                    "or name another study with --out",
                )
