"""What a study is: everything that can change a result, and a digest of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backsweep.dataset.spec import ROLES
from backsweep.trial.spec import custom_models

if TYPE_CHECKING:
    from backsweep.study.config import Sweep

_PACKAGES = ("backsweep", "numpy", "numba", "polars", "optuna", "cmaes")
_ABSENT = object()


@dataclass(frozen=True)
class Identity:
    """A study's content, as `study.json` holds it.

    Attributes
    ----------
    sweep : the resolved sweep file as plain data.
    data : digest of the market data.
    strategy : digest of the strategy's source.
    models : digests of the sources of the user's cost models, by their references.

    """

    sweep: dict[str, Any]
    data: str
    strategy: str
    models: dict[str, str] = field(default_factory=dict)

    @property
    def determining(self) -> dict[str, Any]:
        """What a trial's result and number depend on.

        Not the study's name, the number of trials, where it runs, or where its files lie: their content counts.
        """
        content: dict[str, Any] = json.loads(json.dumps(self.sweep))
        content.pop("study", None)
        content.pop("runtime", None)
        content["search"].pop("trials", None)
        content["strategy"] = content["strategy"].rpartition(":")[2]
        for model in custom_models(content.get("costs")):
            model["source"] = self.models.get(model["model"], "")
            model["model"] = model["model"].rpartition(":")[2]
        for role in ROLES:
            entry = content["data"].pop(role, None)
            own = {key: value for key, value in entry.items() if key != "path"} if isinstance(entry, dict) else {}
            if any(own.values()):
                content["data"][role] = own
        content["data content"] = self.data
        content["strategy source"] = self.strategy
        return content

    @property
    def hash(self) -> str:
        """SHA-256 of the determining content, hexadecimal."""
        text = json.dumps(self.determining, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: Identity) -> list[str]:
        """One text per key that differs, `key: here -> there`."""
        mine, others = _flat(self.determining), _flat(other.determining)
        keys = sorted(mine.keys() | others.keys())
        return [
            f"{key}: {_text(mine.get(key, _ABSENT))} -> {_text(others.get(key, _ABSENT))}"
            for key in keys
            if mine.get(key, _ABSENT) != others.get(key, _ABSENT)
        ]

    def to_content(self) -> dict[str, Any]:
        """Return the content of `study.json`."""
        return {
            "study": self.sweep["study"],
            "hash": self.hash,
            "data": self.data,
            "strategy": self.strategy,
            **({"models": self.models} if self.models else {}),
            "versions": {"python": sys.version.split()[0], **{name: _version(name) for name in _PACKAGES}},
            "sweep": self.sweep,
        }

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Identity:
        """Read the content of `study.json` back."""
        return cls(content["sweep"], content["data"], content["strategy"], content.get("models", {}))


def identify(sweep: Sweep, data: str) -> Identity:
    """Describe a sweep; `data` is the fingerprint of its market data."""
    content = sweep.model_dump(mode="json", exclude_none=True)
    models = {model["model"]: source_digest(model["model"]) for model in custom_models(content.get("costs"))}
    return Identity(content, data, source_digest(sweep.strategy), models)


def source_digest(reference: str) -> str:
    """SHA-256 of the source that `file.py:Class` or `module:Class` names, hexadecimal; empty if it has no file."""
    source = reference.rpartition(":")[0]
    if not source.endswith(".py"):
        spec = importlib.util.find_spec(source)
        source = spec.origin if spec is not None and spec.has_location and spec.origin else ""
    return hashlib.sha256(Path(source).read_bytes()).hexdigest() if source else ""


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            result |= _flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result


def _text(value: object) -> str:
    return "absent" if value is _ABSENT else json.dumps(value)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
