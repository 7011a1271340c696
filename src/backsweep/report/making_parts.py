"""How a result was made: its resolved sweep file, and what a backtest's folder records of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backsweep.report.parts import Code, Listing, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backsweep.report.parts import Part
    from backsweep.study.store.selected import Making

_UNKNOWN = (
    "The folder does not record how the backtest was made: an earlier version has written it. The same command, run "
    "again, records it."
)


def sweep_part(content: Mapping[str, Any]) -> Code:
    """Return a resolved sweep file as YAML."""
    import yaml  # noqa: PLC0415 - for those who write a page

    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
    return Code("The resolved sweep file (save it as sweep.yaml)", text)


def backtest_parts(making: Making | None) -> list[Part]:
    """Return how a backtest was made, and the command that runs it again."""
    if making is None:
        return [Text(_UNKNOWN)]
    entries = {
        "data fingerprint": making.data,
        "strategy": f"{making.sweep['strategy']}, source {making.strategy}",
        "versions": ", ".join(f"{name} {version}" for name, version in making.versions.items()),
    }
    return [Listing("", entries), sweep_part(making.sweep), Code("The command that runs it again", making.command)]
