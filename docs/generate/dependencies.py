"""The page of dependencies: what each package is for, as `pyproject.toml` says, and what it weighs installed."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from backsweep.submission.pins import canonical

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
OPTIONAL = ("calendars", "cloud", "cluster", "excel", "ib", "models", "notebook")
INTRODUCTION = """\
A run loads only what it uses: an inline run loads none of Ray, Optuna, Plotly, Jinja2, PyArrow, pandas, Excel and
object stores (`tests/test_dependencies.py`). Weights are those of the installed files on 64-bit Linux, at the versions
of `constraints.txt`: the package's own, and in the last column with everything that it alone of this page brings in.
SciPy and pandas are not needed; a frame of pandas can be given where a frame of Polars can.
"""


def write() -> str:
    """Return the page."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    core = [Requirement(line) for line in project["dependencies"]]
    everything = set().union(*map(_closure, core))
    lines = ["# Dependencies", "", INTRODUCTION]
    lines += [f"`pip install backsweep` installs {len(everything)} packages, {_megabytes(everything)}:", ""]
    lines += ["| package | what for | own | with its own |", "|---|---|---:|---:|"]
    for line, needed in zip(project["dependencies"], core, strict=True):
        others = set().union(*(_closure(other) for other in core if other is not needed))
        alone = _megabytes((_closure(needed) - others) | {canonical(needed.name)})
        lines.append(f"| `{needed.name}` | {_about(line)} | {_megabytes({canonical(needed.name)})} | {alone} |")
    lines += ["", "Extras, as in `pip install 'backsweep[cloud]'`, and what each package adds to that:", ""]
    lines += ["| extra | package | what for | adds |", "|---|---|---|---:|"]
    for extra in OPTIONAL:
        for line in project["optional-dependencies"][extra]:
            closure = _closure(Requirement(line))
            adds = _megabytes(closure - everything) if closure else "not measured"
            lines.append(f"| `{extra}` | `{Requirement(line).name}` | {_about(line)} | {adds} |")
    return "\n".join(lines) + "\n"


def _about(line: str) -> str:
    """Return the comment beside a requirement in `pyproject.toml`."""
    return re.findall(rf'"{re.escape(line)}"[],]+ *# (.*)', PROJECT.read_text())[0]


def _closure(requirement: Requirement) -> set[str]:
    """Return the names of all that an installed package brings in, itself included."""
    found: set[str] = set()
    waiting = [(canonical(requirement.name), frozenset(requirement.extras))]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen or _own(name) is None:
            continue
        seen.add((name, extras))
        found.add(name)
        for line in metadata.requires(name) or ():
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append((canonical(inner.name), frozenset(inner.extras)))
    return found


def _own(name: str) -> int | None:
    """Return the bytes of a package's files as they were installed; None where it is not installed."""
    try:
        files = metadata.files(name) or ()
    except metadata.PackageNotFoundError:
        return None
    return sum(file.size or 0 for file in files if file.suffix != ".pyc")


def _megabytes(names: set[str]) -> str:
    total = sum(_own(name) or 0 for name in names) / 1e6
    return f"{total:,.0f} MB" if total >= 1.0 else "under 1 MB"
