"""How a sweep file is read, overridden and resolved.

A sweep file is strict. An unknown or duplicate key, a wrong type and a value out of range are errors that name the
line, what was expected and the nearest known word. Paths are relative to the file; an address with `://` stays as
written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from backsweep.storage.secrets import refuse_secret
from backsweep.sweepfile.costs import custom_models
from backsweep.sweepfile.data import ROLES, names_file
from backsweep.sweepfile.messages import dotted, translate
from backsweep.sweepfile.overrides import override
from backsweep.sweepfile.rules import check_together
from backsweep.sweepfile.strict_yaml import KeyPath, read_yaml
from backsweep.sweepfile.sweep import Sweep, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def load_sweep(path: Path, overrides: Sequence[str] = ()) -> Sweep:
    """Read a sweep file, apply `dotted.key=value` overrides, resolve its paths; raises BadInput."""
    document = read_yaml(path)
    places: dict[KeyPath, tuple[int, str]] = {(): (0, document.name)}
    places |= {key: (line, f"{document.name}:{line}") for key, line in document.lines.items()}
    for text in overrides:
        changed = override(document.data, text)
        place = (0, f"--set {dotted(changed)}")
        places |= {changed[:n]: place for n in range(1, len(changed)) if changed[:n] not in places}
        places[changed] = place
    for key, text in _texts(document.data, ()):
        refuse_secret(text, place_of(places, key)[1])
    _resolve_paths(document.data, path.resolve().parent)
    try:
        sweep = Sweep.model_validate_json(json.dumps(document.data, default=_iso), strict=True)
    except ValidationError as error:
        raise translate(error, Sweep, document.data, lambda key: place_of(places, key)) from None
    sweep.remember(places)
    check_together(sweep)
    return sweep


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield every text in a file's content, with its path of keys."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*path, key))


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _resolve_paths(data: dict[str, Any], folder: Path) -> None:
    section = data.get("data")
    if isinstance(section, dict):
        for owner, key in ((section, role) for role in ROLES):
            if isinstance(owner.get(key), dict):
                owner, key = owner[key], "path"  # noqa: PLW2901 - a role's own mapping
            value = owner.get(key)
            is_asset = key == "benchmark" and isinstance(value, str) and not names_file(value)
            if isinstance(value, str) and value and "://" not in value and not is_asset:
                owner[key] = str(folder / value)
    search = data.get("search")
    warm = search.get("warm_start") if isinstance(search, dict) else None
    place = warm.get("study") if isinstance(warm, dict) else None
    if isinstance(warm, dict) and isinstance(place, str) and place and "://" not in place:
        beside = folder / place
        warm["study"] = str(beside if beside.exists() else Path.cwd() / place)
    owners = [(data, "strategy"), *((model, "model") for model in custom_models(data.get("costs")))]
    metrics = data.get("metrics")
    owners += [(metrics, name) for name in metrics] if isinstance(metrics, dict) else []
    for owner, key in [*owners, (search if isinstance(search, dict) else {}, "sampler")]:
        file, _, name = str(owner.get(key)).rpartition(":")
        file = _find_module(file, folder)
        if isinstance(owner.get(key), str) and file.endswith(".py"):
            owner[key] = f"{folder / file}:{name}"


def _find_module(place: str, folder: Path) -> str:
    """Return the file of a module that lies in the sweep file's folder or the current one, or else what was given."""
    parts = place.split(".")
    if all(map(str.isidentifier, parts)) and parts[0] != "backsweep" and not place.endswith(".py"):
        for home in (folder, Path.cwd()):
            path = home.joinpath(*parts)
            packages = [home.joinpath(*parts[:count]) / "__init__.py" for count in range(1, len(parts))]
            for file in (path / "__init__.py", path.with_suffix(".py")):
                if file.is_file() and all(package.is_file() for package in packages):
                    return str(file)
    return place
