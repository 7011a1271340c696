"""`--set dotted.key=value`: one value of a sweep file, replaced from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backsweep.errors import BadInput
from backsweep.sweepfile.strict_yaml import parse_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backsweep.sweepfile.strict_yaml import KeyPath

_OPEN = {("search", "params"), ("search", "fixed")}  # mappings whose keys are names, and may have dots of their own


def with_options(overrides: Sequence[str], options: Mapping[str, object | None]) -> list[str]:
    """Add the options that were given, dotted key to value, to overrides: what has an option of its own comes last."""
    return [*overrides, *(f"{key}={value}" for key, value in options.items() if value is not None)]


def override(data: dict[str, Any], text: str) -> KeyPath:
    """Put `dotted.key=value` into `data`, reading the value as YAML; returns the path of the key that was set."""
    key, equals, written = text.partition("=")
    if not equals or not key.strip("."):
        raise BadInput(
            "an override that cannot be read",
            where=f"--set {text}",
            expected="dotted.key=value",
            remedy="for instance --set search.trials=500",
        )
    value = written if written.startswith("%") else parse_value(written, f"--set {key}")  # a pattern of times
    path = _path(data, key.strip().split("."), value)
    node = data
    for part in path[:-1]:
        inner = node.setdefault(part, {})
        if inner is None:
            inner = node[part] = {}
        if not isinstance(inner, dict):
            raise BadInput(
                f"`{part}` holds a value, not keys",
                where=f"--set {key}",
                found=str(inner),
                remedy=f"set `{part}` as a whole: --set {part}='[...]'",
            )
        node = inner
    node[path[-1]] = value
    return path


def _path(data: dict[str, Any], parts: list[str], value: object) -> tuple[str, ...]:
    """Split a dotted key into keys; a key that exists and has dots itself wins over its first part."""
    path: list[str] = []
    node: Any = data
    while parts:
        size = next(
            (n for n in range(len(parts), 0, -1) if isinstance(node, dict) and ".".join(parts[:n]) in node),
            _new_key(tuple(path), len(parts), value),
        )
        name = ".".join(parts[:size])
        path.append(name)
        node = node.get(name) if isinstance(node, dict) else None
        parts = parts[size:]
    return tuple(path)


def _new_key(parent: tuple[str, ...], count: int, value: object) -> int:
    """Return how many parts name a new key: under `search.params` a mapping is an entry, a scalar one of its fields."""
    if parent not in _OPEN:
        return 1
    return count if parent[-1] == "fixed" or isinstance(value, dict) else max(1, count - 1)
