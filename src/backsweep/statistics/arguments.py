"""Checks of what callers pass: numbers and matrices of returns, refused in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def number(name: str, value: float, low: float = -math.inf, high: float = math.inf, *, strict: bool = False) -> float:
    """Return `value` as a float; raises BadInput outside [low, high], or at `low` where `strict`. NaN is refused."""
    given = float(value)
    if not (low < given if strict else low <= given) or not given <= high:
        expected = f"{'above' if strict else 'at least'} {low:g}" + (f", at most {high:g}" if high < math.inf else "")
        raise BadInput(f"{name} is out of range", expected=expected, found=f"{given:g}", remedy=f"correct {name}")
    return given


def whole(name: str, value: int, low: int, high: float = math.inf) -> int:
    """Return `value` as an int; raises BadInput if it is not whole or outside [low, high]."""
    given = number(name, value, low, high)
    if given != math.floor(given):
        raise BadInput(f"{name} is not whole", expected="a whole number", found=f"{given:g}", remedy=f"correct {name}")
    return int(given)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return `value`; raises BadInput if it is not `allowed`."""
    if value not in allowed:
        raise BadInput(f"unknown {name}", expected=" or ".join(allowed), found=repr(value), remedy=f"correct {name}")
    return value


def series(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return one dimension of finite float64, NaN dropped; raises BadInput for other shapes and for infinities."""
    array: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        found = f"{array.ndim} dimensions"
        raise BadInput(f"{name} are not a series", expected="one dimension", found=found, remedy="pass one column")
    array = array[~np.isnan(array)]
    _check_finite(name, array)
    return array


def matrix(name: str, values: ArrayLike) -> NDArray[np.floating]:
    """Return floats (sessions, trials) without NaN.

    Sessions that are NaN in every trial are dropped; any other NaN, such as after ruin, is a session that earned
    nothing. Float32 stays float32, everything else becomes float64. Raises BadInput for other shapes, for infinities,
    without a trial, and for fewer than 4 sessions.
    """
    array = np.asarray(values)
    array = array if array.dtype == np.float32 else array.astype(np.float64)
    if array.ndim != 2:
        remedy = "stack the trials' returns as columns, one row per session"
        found = f"{array.ndim} dimensions"
        raise BadInput(f"{name} are not a matrix", expected="shape (sessions, trials)", found=found, remedy=remedy)
    missing = np.isnan(array)
    if missing.any():
        kept = ~missing.all(axis=1)
        array = np.where(missing[kept], array.dtype.type(0), array[kept])
    if array.shape[0] < 4 or array.shape[1] < 1:
        found = f"{array.shape[0]} sessions of {array.shape[1]} trials"
        remedy = "pass more sessions, one column per trial"
        raise BadInput(f"{name} are too few", expected="4 sessions, 1 trial or more", found=found, remedy=remedy)
    _check_finite(name, array)
    return array


def _check_finite(name: str, array: NDArray[np.floating]) -> None:
    if not np.isfinite(array).all():
        remedy = "returns are fractions: 0.01 for one per cent"
        raise BadInput(f"{name} are not all finite", expected="finite numbers or NaN", found="infinity", remedy=remedy)
