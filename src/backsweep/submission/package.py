"""What a job is made of: the resolved sweep file, the files that it names, the strategy, and this package.

Everything goes into one folder whose paths are relative, and its digest is the job's name: the same study sent twice is
one job. Data in an object store stays there; files are copied, unless every node sees them under the same path.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import backsweep
from backsweep.dataset import fingerprint
from backsweep.dataset.complete import names_by_path
from backsweep.dataset.files import OFTEN_NOTES, find_files, is_url
from backsweep.errors import BadInput
from backsweep.strategy import find_code, is_installed
from backsweep.study.store.identity import Identity, identify
from backsweep.submission.pins import direct_pins
from backsweep.sweepfile.costs import custom_models
from backsweep.sweepfile.load import load_sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backsweep.sweepfile.data import FileSpec
    from backsweep.sweepfile.sweep import Sweep

SWEEP, PINS = "sweep.yaml", "pins.txt"

MAXIMUM_BYTES = 64 * 2**20
"""Of the files that are shipped; Ray itself takes packages of 100 MiB."""

_DIGITS = 16


@dataclass(frozen=True)
class Package:
    """A study, ready to be sent.

    Attributes
    ----------
    name : the job's name: the study's, and a digest of everything that is sent.
    study : the study's name, and a digest of what determines its results: its folder on the cluster.
    identity : the study as its folder knows it; None where the data cannot be read from here.
    folder : the job's working directory.
    code : this package, as it is here.

    """

    name: str
    study: str
    identity: Identity | None
    folder: Path
    code: Path


def pack(sweep: Sweep, room: Path, *, include: Sequence[Path] = (), shared_data: bool = False) -> Package:
    """Copy what a study needs into the empty folder `room`.

    `include` are further files and folders of code. With `shared_data` files of market data stay where they are: every
    node sees them there. Raises BadInput for what is too large to be sent.
    """
    folder, code = room / "job", room / "backsweep"
    folder.mkdir()
    content = json.loads(sweep.model_dump_json())
    files = sweep.data.files
    shipped = {role: _ship_data(folder, role, file, shared=shared_data) for role, file in files.items()}
    content["data"] = json.loads(sweep.data.moved(shipped).model_dump_json())
    content["strategy"] = _ship_code(folder, "strategy", content["strategy"], "strategy")
    for number, model in enumerate(custom_models(content.get("costs"))):
        model["model"] = _ship_code(folder, f"models/{number}", model["model"], "cost model")
    if ":" in content["search"]["sampler"]:
        content["search"]["sampler"] = _ship_code(folder, "sampler", content["search"]["sampler"], "sampler")
    for name, reference in (content.get("metrics") or {}).items():
        content["metrics"][name] = _ship_code(folder, f"metrics/{name}", reference, "metric")
    for path in include:
        _copy(path, folder / path.resolve().name)
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (folder / SWEEP).write_text(text, encoding="utf-8")
    (folder / PINS).write_text("".join(f"{name}=={version}\n" for name, version in direct_pins().items()))
    shutil.copytree(Path(backsweep.__file__).parent, code, ignore=shutil.ignore_patterns("__pycache__"))
    _check_size(path for path in folder.rglob("*") if path.is_file())
    near = not shared_data and not any(is_url(file.path) for file in files.values())
    identity = identify(sweep, fingerprint(sweep.data) if near else "")
    whole = hashlib.sha256()
    for path in sorted(path for path in room.rglob("*") if path.is_file()):
        whole.update(f"{path.relative_to(room)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    load_sweep(folder / SWEEP)
    return Package(
        name=f"{sweep.study}-{whole.hexdigest()[:_DIGITS]}",
        study=f"{sweep.study}-{identity.hash[:_DIGITS]}",
        identity=identity if near else None,
        folder=folder,
        code=code,
    )


def _ship_data(folder: Path, role: str, spec: FileSpec, *, shared: bool) -> str:
    """Copy the files at a location in the order in which they are read; returns where they will be.

    Where names or folders say what a file is, it keeps them, in a folder of its own.
    """
    location = spec.path
    if shared or is_url(location):
        return location
    files = [Path(file) for file in find_files(location, role)]
    _check_size(files)
    for number, file in enumerate(files):
        names = dict(names_by_path(str(file), role, spec))
        place = folder / "data" / role
        if names:
            folders = [part for part in file.parts[:-1] if part.partition("=")[0] in names]
            place = place.joinpath(f"{number:05}", *folders) / file.name
        else:
            place /= f"{number:05}-{file.name}"
        _copy(file, place)
    mixed = len({str(file).lower().endswith(OFTEN_NOTES) for file in files}) > 1  # which a folder would leave out
    return f"data/{role}/**" if mixed else f"data/{role}"


def _ship_code(folder: Path, inner: str, reference: str, word: str) -> str:
    """Copy the files that decide what a class does (see `strategy.sources`); returns how it is called there.

    A file that is read goes to its place in the folder of the class, or in the current one; one that lies elsewhere
    stays where it is.
    """
    place, _, name = reference.rpartition(":")
    code = find_code(reference, word)
    if code is None:
        return reference
    inside = folder
    if place.endswith(".py"):
        inside, reference = folder / inner, f"{inner}/{code.main.name}:{name}"
    else:
        _ship_module(folder, place)
    _copy(code.main.path, inside / code.main.name)
    for source in {*code.modules.values()}:
        _copy(source.path, inside / source.name)
    for source in code.files.values():
        if source.path.is_relative_to(code.folders[-1]):
            _copy(source.path, inside / source.name)
        elif source.path.is_relative_to(Path.cwd()):
            _copy(source.path, folder / source.name)
    return reference


def _ship_module(folder: Path, module: str) -> None:
    """Copy the package in which a module lies, unless it is installed: then the nodes have it, or have to get it."""
    top = module.partition(".")[0]
    found = importlib.util.find_spec(top)
    if top == "backsweep" or found is None or found.origin is None:
        return
    origin = Path(found.origin).resolve()
    if not is_installed(origin):
        source = origin.parent if found.submodule_search_locations else origin
        _copy(source, folder / source.name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".git"), dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        raise BadInput("this cannot be sent", where=str(source), found=error.strerror or str(error)) from None


def _check_size(files: Iterable[Path]) -> None:
    """Refuse what is too much to send: of data before they are copied, and of everything after."""
    size = sum(path.stat().st_size for path in files)
    if size > MAXIMUM_BYTES:
        raise BadInput(
            "too much to send with a job",
            where="data",
            expected=f"at most {MAXIMUM_BYTES / 2**20:.0f} MiB of files",
            found=f"{size / 2**20:,.0f} MiB",
            remedy="put the data into an object store and write its address under `data`, or, where every node "
            "sees the files under the same path, pass --shared-data",
        )
