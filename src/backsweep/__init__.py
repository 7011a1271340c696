"""Distributed parameter-sweep backtesting: one engine, one ledger, one study, the same anywhere.

Names load when they are first used: `import backsweep` is quick, and `backsweep --help` too.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backsweep import errors, metrics, statistics
    from backsweep.api import backtest, check, null_study, open_study, replay, run
    from backsweep.engine.codes import (
        DAY,
        FOK,
        GTC,
        GTD,
        IOC,
        LIMIT,
        MARKET,
        MARKET_ON_CLOSE,
        STOP,
        STOP_LIMIT,
        TRAILING_STOP,
    )
    from backsweep.strategy import (
        CommissionModel,
        Condition,
        SlippageModel,
        Strategy,
        above,
        below,
        choice,
        param,
        state,
    )

__all__ = [
    "DAY",
    "FOK",
    "GTC",
    "GTD",
    "IOC",
    "LIMIT",
    "MARKET",
    "MARKET_ON_CLOSE",
    "STOP",
    "STOP_LIMIT",
    "TRAILING_STOP",
    "CommissionModel",
    "Condition",
    "SlippageModel",
    "Strategy",
    "above",
    "backtest",
    "below",
    "check",
    "choice",
    "errors",
    "metrics",
    "null_study",
    "open_study",
    "param",
    "replay",
    "run",
    "state",
    "statistics",
    "touch_holdout",
]

_HOMES = {
    "backsweep.api": ("backtest", "check", "null_study", "open_study", "replay", "run", "touch_holdout"),
    "backsweep.engine.codes": (
        "DAY",
        "FOK",
        "GTC",
        "GTD",
        "IOC",
        "LIMIT",
        "MARKET",
        "MARKET_ON_CLOSE",
        "STOP",
        "STOP_LIMIT",
        "TRAILING_STOP",
    ),
    "backsweep.strategy": (
        "CommissionModel",
        "Condition",
        "SlippageModel",
        "Strategy",
        "above",
        "below",
        "choice",
        "param",
        "state",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name, or a submodule, from where it lives (PEP 562)."""
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name == "__version__":
        value = version(__name__)
    elif name in __all__:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public, loaded or not."""
    return sorted([*__all__, "__version__"])
