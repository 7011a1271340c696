"""The numbers of a sweep file's sections that a search may vary, by their dotted keys: `costs.slippage.rate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from backsweep.errors import BadInput
from backsweep.sweepfile.messages import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

    from backsweep.strategy import Param, Value
    from backsweep.sweepfile.sweep import Sweep

_SECTIONS = ("costs", "account", "execution")


def check_number(sweep: Sweep, name: str, declared: Mapping[str, Param], where: str) -> None:
    """Refuse a name that is neither a parameter nor a number of the sections."""
    section, _, rest = name.partition(".")
    if section in _SECTIONS:
        value = walk(content_of(sweep, section), rest)
        if isinstance(value, float | int) and not isinstance(value, bool):
            return
        if isinstance(value, str):
            raise BadInput(
                f"unknown parameter `{name}`: it is a text",
                where=where,
                expected="a number under costs, account or execution; texts are searched among those of the strategy",
                found=shown(value),
                remedy=f"set `{name}` in the file, and run a study for each",
            )
    numbers = [f"{section}.{key}" for section in _SECTIONS for key in _numbers(content_of(sweep, section))]
    raise BadInput(
        f"unknown parameter `{name}`",
        where=where,
        expected="a parameter of the strategy, or a number under costs, account or execution as this file sets them",
        remedy=nearest(name, [*declared, *numbers]),
    )


def check_value(sweep: Sweep, name: str, value: Value, param: Param | None, where: str) -> None:
    """Refuse a value that a parameter, or the number of a section where `param` is None, cannot have."""
    if param is not None and param.coded:
        if param.place(value) is None:
            expected = "one of " + ", ".join(map(shown, param.choices or ()))
            texts = [choice for choice in param.choices or () if isinstance(choice, str)]
            remedy = nearest(value, texts) if isinstance(value, str) and texts else "give one of them"
            raise BadInput(f"bad value of `{name}`", where=where, expected=expected, found=shown(value), remedy=remedy)
        return
    if value is None or isinstance(value, str):
        remedy = "write it without quotes or units" if value else "give a number"
        raise BadInput(f"bad value of `{name}`", where=where, expected="a number", found=shown(value), remedy=remedy)
    if not np.isfinite(value):
        remedy = "give a finite number: NaN and infinity cannot stand for none"
        raise BadInput(
            f"bad value of `{name}`", where=where, expected="a finite number", found=str(value), remedy=remedy
        )
    if param is not None and param.least is not None and value < param.least:
        raise BadInput(f"bad value of `{name}`", where=where, expected=f"{param.least:g} or more", found=str(value))
    boolean = param is not None and param.choices is not None and all(isinstance(c, bool) for c in param.choices)
    whole = param is not None and param.integer
    if boolean != isinstance(value, bool):
        expected = "true or false" if boolean else "a number"
        raise BadInput(f"bad value of `{name}`", where=where, expected=expected, found=shown(value))
    if whole and value != int(value):
        raise BadInput(f"bad value of `{name}`", where=where, expected="a whole number", found=shown(value))
    if param is None:
        check_section(sweep, name, value, where)


def check_section(sweep: Sweep, name: str, value: Value, where: str) -> None:
    """Refuse a value that the section itself would refuse."""
    section, _, rest = name.partition(".")
    content = content_of(sweep, section)
    walk(content, rest, value)
    model: type[BaseModel] = type(getattr(sweep, section))
    try:
        model.model_validate(content)
    except ValidationError as error:
        expected = error.errors()[0]["msg"].removeprefix("Input should be ")
        remedy = "keep every value of the range inside the limits"
        raise BadInput(
            f"`{name}` out of range", where=where, expected=expected, found=shown(value), remedy=remedy
        ) from None


def content_of(sweep: Sweep, section: str) -> dict[str, Any]:
    content: dict[str, Any] = getattr(sweep, section).model_dump(mode="json")
    return content


def walk(content: Any, dotted: str, replacement: Value = None) -> Any:
    """Follow a dotted key, and put `replacement` there if given; keys may have dots themselves, as in `BRK.B`.

    The items of a list have their places as keys, as in `costs.commission.tiers.1.rate`.
    """
    for key, value in _items(content):
        if str(key) == dotted:
            if replacement is not None:
                content[key] = replacement
            return value
        if dotted.startswith(f"{key}.") and isinstance(value, dict | list):
            return walk(value, dotted[len(str(key)) + 1 :], replacement)
    return None


def _items(content: Any) -> Iterable[tuple[Any, Any]]:
    return enumerate(content) if isinstance(content, list) else content.items()


def _numbers(content: Any, prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, value in _items(content):
        if isinstance(value, dict | list):
            names += _numbers(value, f"{prefix}{key}.")
        elif isinstance(value, float | int) and not isinstance(value, bool):
            names.append(f"{prefix}{key}")
    return names


def number_at(sweep: Sweep, name: str) -> Value:
    """Return the number that a file sets under a dotted key, None if there is none."""
    section, _, rest = name.partition(".")
    value: Value = walk(content_of(sweep, section), rest) if section in _SECTIONS else None
    return value
