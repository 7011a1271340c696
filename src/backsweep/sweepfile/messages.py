"""One message for what a sweep file gets wrong: place, expected, found, remedy, and the nearest known word."""

from __future__ import annotations

import difflib
import json
from datetime import date
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel

from backsweep.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from backsweep.sweepfile.strict_yaml import KeyPath

_SHOWN = 60  # characters of a wrong value that a message quotes


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `did you mean X?`, or a list of what is known when nothing is near."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean `{close[0]}`?"
    return "use one of: " + ", ".join(names) if names else "remove it"


def shown(value: object) -> str:
    """Quote a value as the file would write it, shortened."""
    text = value.isoformat() if isinstance(value, date) else json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def dotted(path: KeyPath) -> str:
    """Join a path of keys the way `--set` writes it."""
    return ".".join(str(part) for part in path)


def translate(
    error: ValidationError, model: type[BaseModel], data: Mapping[str, Any], where: Callable[[KeyPath], tuple[int, str]]
) -> BadInput:
    """Turn pydantic's list of errors into one message about the topmost of them.

    `where` gives a path's place: a number to sort by, and the text of the message.
    """
    found = [(where(_path(item, data)), i, item) for i, item in enumerate(error.errors())]
    (_, place), _, item = min(found, key=lambda entry: (entry[0][0], _is_no_mapping(entry[2]), entry[1]))
    return _message(item, model, data, place)


def _is_no_mapping(item: ErrorDetails) -> bool:
    """Return whether an error is about a text in place of a mapping; where a word may stand, another says which."""
    return item["type"] == "dict_type" and isinstance(item["input"], str)


def _message(item: ErrorDetails, model: type[BaseModel], data: Mapping[str, Any], place: str) -> BadInput:
    path = _path(item, data)
    key = dotted(path)
    kind = item["type"]
    if kind == "extra_forbidden":
        known = _keys(_annotation(model, item["loc"][:-1]))
        remedy = nearest(str(path[-1]), known)
        return BadInput(f"unknown key `{key}`", where=place, expected="one of " + ", ".join(known), remedy=remedy)
    if kind in {"missing", "union_tag_not_found"}:
        missing = str(item["loc"][-1]) if kind == "missing" else "kind"
        parent = path[:-1] if kind == "missing" and path[-1:] == (missing,) else path
        full = dotted((*parent, missing))
        expected = _choices(_annotation(model, item["loc"])) if kind == "union_tag_not_found" else ""
        return BadInput(f"missing key `{full}`", where=place, expected=expected, remedy=f"add `{missing}:` there")
    if kind == "union_tag_invalid":
        context = item.get("ctx", {})
        tags = [tag.strip(" '") for tag in str(context.get("expected_tags", "")).split(",")]
        tag = str(context.get("tag", ""))
        expected = "one of " + ", ".join(tags)
        return BadInput(f"unknown `{key}`", where=place, expected=expected, found=tag, remedy=nearest(tag, tags))
    value = item["input"]
    if kind == "value_error":
        rule = item["msg"].removeprefix("Value error, ")
        return BadInput(f"bad value of `{key}`: {rule}", where=place, found=shown(value), remedy=f"correct `{key}`")
    expected = item["msg"].removeprefix("Input should be ")
    expected = {"an object": "a mapping of keys to values", "a valid array": "a list"}.get(expected, expected)
    if kind == "too_short":
        expected = f"at least {item['ctx']['min_length']} of them"
    remedy = _remedy(kind, path, value, expected)
    return BadInput(f"bad value of `{key}`", where=place, expected=expected, found=shown(value), remedy=remedy)


def _remedy(kind: str, path: KeyPath, value: object, expected: str) -> str:
    """Return what to do about a value that is not of the type, or not within the limits, of its key."""
    if kind == "literal_error":
        return nearest(str(value), [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")])
    if kind == "finite_number":
        return "give a finite number; where it stands for none, a number of its own, such as 0"
    if kind == "string_type" and not isinstance(value, dict | list):
        return f"put it in quotes: '{value}'"
    if kind == "tuple_type" and value is not None:
        return f"write a list: `{path[-1]}: [{shown(value)}]`"
    if isinstance(value, str) and kind.endswith(("_type", "_parsing")):
        return f"write `{dotted(path)}` without quotes or units"
    return f"correct `{dotted(path)}`"


def _path(item: ErrorDetails, data: Mapping[str, Any]) -> KeyPath:
    """Return the key that an error is about; pydantic reports a wrong `kind` at the mapping that has it."""
    return _existing(item["loc"], data) + (("kind",) if item["type"] == "union_tag_invalid" else ())


def _existing(loc: tuple[int | str, ...], data: Any) -> KeyPath:
    """Drop from a pydantic location what stands for a union's member and not for a key."""
    path: list[int | str] = []
    node = data
    for i, part in enumerate(loc):
        last = i == len(loc) - 1 and isinstance(node, dict) and isinstance(part, str)
        known = part in node if isinstance(node, dict) else isinstance(node, list) and part in range(len(node))
        if known or last:
            path.append(part)
        if known:
            node = node[part]
    return tuple(path)


def _annotation(model: Any, loc: tuple[int | str, ...]) -> Any:
    """Follow a pydantic location through the sections to the type that stands there."""
    kind = model
    for part in loc:
        kind = _step(kind, part)
    return kind


def _step(kind: Any, part: int | str) -> Any:
    members = _members(kind)
    for member in members:
        if isinstance(member, type) and issubclass(member, BaseModel):
            if part in member.model_fields:
                field = member.model_fields[str(part)]
                return field.annotation
            if part in get_args(_tag(member)):
                return member
        elif get_origin(member) in {dict, tuple, list}:
            arguments = get_args(member)
            return arguments[1] if get_origin(member) is dict else arguments[0]
    return kind


def _members(kind: Any) -> list[Any]:
    """List a union's members; pydantic's `Annotated` wrappers are looked through."""
    if hasattr(kind, "__metadata__"):
        return _members(get_args(kind)[0])
    if get_origin(kind) is Union or type(kind).__name__ == "UnionType":
        return [inner for member in get_args(kind) for inner in _members(member)]
    return [kind]


def _tag(member: type[BaseModel]) -> Any:
    return member.model_fields["kind"].annotation if "kind" in member.model_fields else None


def _keys(kind: Any) -> list[str]:
    models = [member for member in _members(kind) if isinstance(member, type) and issubclass(member, BaseModel)]
    return [name for member in models for name in member.model_fields]


def _choices(kind: Any) -> str:
    tags = [tag for member in _members(kind) if isinstance(member, type) for tag in get_args(_tag(member))]
    return "one of " + ", ".join(str(tag) for tag in tags)
