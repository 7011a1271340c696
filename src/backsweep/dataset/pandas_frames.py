"""Frames of pandas as frames of Polars, with their index: the times and assets of most of them stand there."""

from __future__ import annotations

from typing import Any

import polars as pl

from backsweep.errors import BadInput


def is_pandas(frame: object) -> bool:
    """Whether an object is a DataFrame of pandas, which need not be installed."""
    kind = type(frame)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"


def from_pandas(frame: Any, role: str) -> pl.DataFrame:
    """Return a frame with the levels of the index as columns; NaN and NaT become null.

    The level of times is `timestamp` and another that is not numbered is `asset`, unless there are such columns.
    Raises BadInput for columns of several levels, and for what Polars cannot take.
    """
    if frame.columns.nlevels > 1:
        raise BadInput(
            f"{role} have columns of several levels",
            expected="one level: open, high, low, close, volume",
            found=", ".join(map(str, frame.columns[:3])) + (" ..." if len(frame.columns) > 3 else ""),
            remedy="for one asset frame.droplevel(1, axis=1); for several frame.stack(level=1), a row for each asset",
        )
    columns = {str(name): frame[name].reset_index(drop=True) for name in frame.columns}
    levels = {}
    for level in range(frame.index.nlevels):
        values = frame.index.get_level_values(level)
        counted = values.dtype.kind in "iufb"
        name = "timestamp" if values.dtype.kind == "M" or hasattr(values, "tz") else "asset"
        if name in levels or name in columns or counted:
            name = str(values.name) if values.name is not None else f"#{level}"
        if name not in columns and not (counted and values.name is None):
            levels[name] = values.to_series().reset_index(drop=True)
    try:
        return pl.DataFrame({name: pl.from_pandas(values) for name, values in (levels | columns).items()})
    except (pl.exceptions.PolarsError, TypeError, ValueError, ImportError) as error:
        raise BadInput(
            f"{role} are a pandas frame that Polars cannot take",
            expected="columns of numbers, texts and times",
            found=str(error),
            remedy="convert it first, for instance with polars.from_pandas(frame.reset_index())",
        ) from error
