"""What the command line does, as functions: from a sweep file to a study, and from a parameter set to its records."""

from backsweep.api.frames import backtest
from backsweep.api.holdout import open_holdout
from backsweep.api.nulls import NullProgress, null_study
from backsweep.api.sweeps import Findings, Replay, check, open_study, read_sweep, replay, run
from backsweep.study.results.study import Study
from backsweep.trial.result import Result

__all__ = [
    "Findings",
    "NullProgress",
    "Replay",
    "Result",
    "Study",
    "backtest",
    "check",
    "null_study",
    "open_holdout",
    "open_study",
    "read_sweep",
    "replay",
    "run",
]
