"""Several problems of one dataset as one error, so that a file needs one correction and not one for each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.errors import BadData, BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence


class Problems(BadData):
    """Several errors as one; `errors` are they, where it was not sent to another process."""

    errors: tuple[BadInput, ...] = ()


def raise_together(errors: Sequence[BadInput]) -> None:
    """Raise an error that says what all of `errors` say, or the only one; do nothing without one."""
    errors = [each for error in errors for each in (error.errors if isinstance(error, Problems) else (error,))]
    said: dict[str, BadInput] = {}
    for error in errors:
        said.setdefault(str(error), error)
    errors = list(said.values())
    if not errors:
        return
    if len(errors) == 1:
        raise errors[0]
    numbered = list(enumerate(errors, start=1))

    def listed(field: str) -> str:
        texts: dict[str, list[str]] = {}
        for number, error in numbered:
            if getattr(error, field):
                texts.setdefault(getattr(error, field), []).append(f"({number})")
        return "; ".join(f"{' '.join(numbers)} {text}" for text, numbers in texts.items())

    files = list(dict.fromkeys(_file(error) for error in errors))
    places = [f"({number}) {_place(error, files)}{error.problem}" for number, error in numbered]
    together = Problems(
        f"{len(errors)} problems: {'; '.join(places)}",
        where=files[0] if len(files) == 1 else "data",
        expected=listed("expected"),
        found=listed("found"),
        remedy=listed("remedy"),
    )
    together.errors = tuple(errors)
    raise together


def _file(error: BadInput) -> str:
    return error.where.partition(", ")[0]


def _place(error: BadInput, files: Sequence[str]) -> str:
    place = error.where if len(files) > 1 else error.where.partition(", ")[2]
    return f"{place}: " if place else ""


def place(name: str, row: object, column: str) -> str:
    """Return what errors call a cell, or a column where there is no row."""
    return f"{name}, row {row}, column {column}" if row is not None else f"{name}, column {column}"
