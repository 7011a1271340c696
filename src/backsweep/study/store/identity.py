"""The identity of a study: everything that can change a result, and its digest."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from backsweep.metrics.table import SESSIONS_PER_YEAR
from backsweep.storage.sealed import sha256
from backsweep.strategy import find_code, find_file
from backsweep.sweepfile.costs import custom_models
from backsweep.sweepfile.data import ROLES, names_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backsweep.strategy import Code
    from backsweep.study.search.dimension import Dimension
    from backsweep.sweepfile.sweep import Sweep

_PACKAGES = ("backsweep", "numpy", "numba", "polars", "optuna")
_ABSENT = object()


@dataclass(frozen=True)
class Identity:
    """A study's content, as `study.json` holds it.

    Attributes
    ----------
    sweep : the resolved sweep file as plain data.
    data : digest of the market data.
    strategy : digest of the strategy's source.
    models : digests of the sources of the user's cost models and metrics, by their references.
    files : digests of the other files that decide what strategy and models do: modules of the user's own that they
        import, and files that these read; and all those of a sampler of the user's own. Those of a model, sampler or
        metric have its class or function before the name. None for a study of a version that did not record them.
    versions : of Python, of backsweep and its libraries, and of the packages that the user's files import.
    proposals : version of the rules by which its sampler proposes; see `sweepfile.search.Sampler`.
    space : the axes of the search space as plain data, for those who read the study without its strategy. None for a
        study of a version that did not record them.

    """

    sweep: dict[str, Any]
    data: str
    strategy: str
    models: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] | None = None
    versions: dict[str, str] = field(default_factory=dict, compare=False)
    proposals: int = 1
    space: list[dict[str, Any]] | None = field(default=None, compare=False)

    @property
    def determining(self) -> dict[str, Any]:
        """What a trial's result and number depend on.

        Not the study's name, when it ends, where it runs, or where its files are: only their content.
        """
        content: dict[str, Any] = json.loads(json.dumps(self.sweep))
        content.pop("study", None)
        content.pop("runtime", None)
        content["search"].pop("trials", None)
        content["search"].pop("patience", None)
        if warm := content["search"].get("warm_start"):  # not where the earlier study lies, but what was taken of it
            taken = json.dumps(warm.pop("trials", None), sort_keys=True)
            content["search"]["warm_start"] = {"top": warm["top"], "trials": sha256(taken.encode())}
        content["strategy"] = content["strategy"].rpartition(":")[2]
        place, _, name = content["search"].get("sampler", "").rpartition(":")
        if place.endswith(".py"):
            content["search"]["sampler"] = name
        self._name_sources(content)
        for role in ROLES:
            entry = content["data"].pop(role, None)
            own = _without_place(role, entry)
            if any(own.values()):
                content["data"][role] = own
        _drop_former(content)
        content["data content"] = self.data
        content["strategy source"] = self.strategy
        if self.files:
            content["files"] = self.files
        if self.proposals > 1:  # absent before there was a second version
            content["proposals"] = self.proposals
        return content

    def _name_sources(self, content: dict[str, Any]) -> None:
        """Put the source of each cost model and metric in the place of its file."""
        for model in custom_models(content.get("costs")):
            model["source"] = self.models.get(model["model"], "")
            model["model"] = model["model"].rpartition(":")[2]
        for name, reference in content.get("metrics", {}).items():
            source = self.models.get(reference, "")
            content["metrics"][name] = {"function": reference.rpartition(":")[2], "source": source}

    @property
    def hash(self) -> str:
        """SHA-256 of the determining content, hexadecimal."""
        text = json.dumps(self.determining, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: Identity) -> list[str]:
        """One text per key that differs, `key: here -> there`; files that either study did not record are left out."""
        if "sessions_per_year" not in other.sweep["data"]:  # it follows from the data, which are compared
            other = other.with_sessions_per_year(self.sweep["data"].get("sessions_per_year", SESSIONS_PER_YEAR))
        mine, others = self.determining, other.determining
        for each in (mine, others):
            each["data"].setdefault("sessions_per_year", SESSIONS_PER_YEAR)
        if self.files is None or other.files is None:
            mine.pop("files", None)
            others.pop("files", None)
        files = (mine.pop("files", {}), others.pop("files", {}))
        mine, others = _flat(mine), _flat(others)
        keys = sorted(mine.keys() | others.keys())
        changed = [
            f"{key}: {_text(mine.get(key, _ABSENT))} -> {_text(others.get(key, _ABSENT))}"
            for key in keys
            if mine.get(key, _ABSENT) != others.get(key, _ABSENT)
        ]
        return [_describe_file(name, *files) for name in _changed(*files)] + changed

    def with_sessions_per_year(self, count: float) -> Identity:
        """Return the identity with what the data were found to have."""
        return replace(self, sweep={**self.sweep, "data": {**self.sweep["data"], "sessions_per_year": count}})

    def describe_versions(self, other: Identity) -> list[str]:
        """One text per package whose version differs, `name here -> there`, if both know it."""
        known = sorted(self.versions.keys() & other.versions.keys())
        pairs = [(name, self.versions[name], other.versions[name]) for name in known]
        return [f"{name} {mine} -> {others}" for name, mine, others in pairs if mine != others]

    def to_content(self) -> dict[str, Any]:
        """Return the content of `study.json`."""
        return {
            "study": self.sweep["study"],
            "hash": self.hash,
            "data": self.data,
            "strategy": self.strategy,
            **({"models": self.models} if self.models else {}),
            **({"files": self.files} if self.files is not None else {}),
            "versions": self.versions,
            **({"proposals": self.proposals} if self.proposals > 1 else {}),
            **({"space": self.space} if self.space is not None else {}),
            "sweep": self.sweep,
        }

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Identity:
        """Read the content of `study.json` back."""
        return cls(
            content["sweep"],
            content["data"],
            content["strategy"],
            content.get("models", {}),
            content.get("files"),
            content.get("versions", {}),
            content.get("proposals", 1),
            content.get("space"),
        )


def _without_place(role: str, entry: Any) -> dict[str, Any]:
    """Return what an entry of the data section says besides where its files are; empty without an entry."""
    own = {key: value for key, value in entry.items() if key != "path"} if isinstance(entry, dict) else {}
    if role == "benchmark" and entry is not None:  # no study before this key has one
        own = {"asset": entry} if isinstance(entry, str) and not names_file(entry) else own
        return {key: value for key, value in own.items() if value} or {"columns": {"close": "close"}}
    if role == "detail" and entry is not None:  # nor one of these
        return {key: value for key, value in own.items() if value} or {"given": True}
    return own


def identify(sweep: Sweep, data: str, axes: Iterable[Dimension] | None = None) -> Identity:
    """Describe a sweep; `data` is the fingerprint of its market data, `axes` those of its search space."""
    content = sweep.model_dump(mode="json", exclude_none=True)
    references = [model["model"] for model in custom_models(content.get("costs"))]
    references += (sweep.metrics or {}).values()
    codes = _find_codes(sweep)
    files: dict[str, str] = {}
    for reference, code in codes.items():
        prefix = "" if reference == sweep.strategy else f"{reference.rpartition(':')[2]}: "
        own = (code.main,) if reference == sweep.search.sampler else ()
        for source in (*own, *code.others):
            name = prefix + source.name
            while files.get(name, source.digest) != source.digest:
                name += "'"  # another file of that name, from a folder that has no place here
            files[name] = source.digest
    packages = {name for code in codes.values() for name in code.packages}
    versions = {"python": sys.version.split()[0], **{name: _version(name) for name in sorted({*_PACKAGES, *packages})}}
    models = {reference: source_digest(reference) for reference in references}
    proposals = sweep.search.known_sampler.version
    space = None if axes is None else [_describe_axis(axis) for axis in axes]
    return Identity(content, data, source_digest(sweep.strategy), models, files, versions, proposals, space)


def _describe_axis(axis: Dimension) -> dict[str, Any]:
    """Return an axis as plain data; `codes` are absent where its values are numbers, as before there were others."""
    return {key: value for key, value in asdict(axis).items() if key != "codes" or value is not None}


def list_files(sweep: Sweep) -> tuple[str, ...]:
    """Return the names of the files that determine a result besides sweep file and data, the strategy's first."""
    sources = [source for code in _find_codes(sweep).values() for source in (code.main, *code.others)]
    return tuple(dict.fromkeys(source.name for source in sources)) or (f"those of {sweep.strategy}",)


def _find_codes(sweep: Sweep) -> dict[str, Code]:
    """Return the source files of the user's strategy, cost models, sampler and metrics, by reference."""
    models = {model["model"]: "cost model" for model in custom_models(sweep.costs.model_dump())}
    sampler = {sweep.search.sampler: "sampler"} if ":" in sweep.search.sampler else {}
    metrics = dict.fromkeys((sweep.metrics or {}).values(), "metric")
    words = {sweep.strategy: "strategy", **models, **sampler, **metrics}
    found = {reference: find_code(reference, word) for reference, word in words.items()}
    return {reference: code for reference, code in found.items() if code is not None}


def source_digest(reference: str) -> str:
    """SHA-256 of the source that `file.py:Class` or `module:Class` names, hexadecimal; empty if it has no file."""
    code = find_code(reference)
    if code is not None:
        return code.main.digest
    path = find_file(reference)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else ""


def _drop_former(content: dict[str, Any]) -> None:
    """Remove what studies before a key had without it, so that their hash stays."""
    data, walk = content["data"], content.get("walk_forward") or {}
    data.pop("calendar", None)  # it makes notes alone
    if data.get("prices") == "positive":
        del data["prices"]
    if data.get("sessions_per_year") == SESSIONS_PER_YEAR:
        del data["sessions_per_year"]
    if not content.get("execution", {}).get("quotes", True):
        del content["execution"]["quotes"]
    if not walk.get("final") or walk.get("holdout"):  # a holdout has had one before
        walk.pop("final", None)


def _changed(mine: dict[str, str], others: dict[str, str]) -> list[str]:
    return sorted(name for name in mine.keys() | others.keys() if mine.get(name) != others.get(name))


def _describe_file(name: str, mine: dict[str, str], others: dict[str, str]) -> str:
    if name in mine and name in others:
        return f"{name} has changed"
    return f"{name} is read now and was not before" if name in others else f"{name} was read before and is not now"


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
