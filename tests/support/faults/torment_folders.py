"""Folders of studies that users, scripts and attackers have changed; see tests/faults.

Files are deleted, swapped, planted, made unreadable, or edited and sealed again, in a study, beside it and in the
registry. Whatever was done, reading ends with the rows that were written, or with one error that names a file of the
study; so does a run that resumes it. Nothing outside the study is touched, nothing that was planted is removed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import traceback
from pathlib import Path
from unittest import mock

import polars as pl
from scenarios.toy_study import run_toy

from backsweep.cli import main as command
from backsweep.errors import BacksweepError, BadInput
from backsweep.storage.open import open_files
from backsweep.storage.sealed import sealed, sha256, unsealed
from backsweep.study.results.study import open_study
from backsweep.study.store.holdout_log import record_use
from backsweep.study.store.lease import Lease
from backsweep.study.store.looks import recording_looks
from backsweep.study.store.manifest import parquet_bytes
from backsweep.study.store.null_results import History, write_history
from backsweep.study.store.selected import read_selected, write_selected
from backsweep.study.table.trials import TIMING

LONGEST = 20.0
"""Seconds that reading and resuming one folder may take; it takes a tenth of one."""

NOBODY = 65_534
OURS = (".backsweep-0123456789abcdef.tmp", "claim-1.json", "claim-99.json")
"""Names that only backsweep makes, so that it may remove such files."""

NAMES = (
    *(".env", ".gitignore", ".part.0123abcd", "notes.txt", "part-", "part-²-.parquet", "part-000000000.json"),
    *("part-000000999.json", "claim-²₂.json", "touch-000009.json", "000000040-000009.json", "x.json", *OURS),
)
PLACES = (
    *("", "trials", "returns", "blocks", "manifest", "lease", "touches", "null", "looks", "selected"),
    "../.ledger",
)
VALUES = (None, True, -1, 0, 2**70, 1.5, "", "x", "../victim", "/etc/passwd", "\x1b[2J", [], {}, [[]], float("nan"))


def mutate_folders(home, tries, seed):
    """Change one or two files of a study at a time; returns kind -> [tried, survived], and what did not survive."""
    rng, home = random.Random(seed), Path(home)  # noqa: S311 - repeatable
    for way in (home, *home.parents):  # nobody must be able to go there
        if way.stat().st_uid == os.geteuid() and way != way.parent:
            way.chmod(way.stat().st_mode | 0o055)
    pristine, lost = _prepare(home), []
    expected = open_study(pristine / "study").trials.drop(TIMING)
    digest = open_study(pristine / "study").digest()
    table = {kind: [0, 0] for kind in KINDS}
    for attempt in range(tries):
        room = home / "room"
        shutil.copytree(pristine, room)
        kind = rng.choice(list(KINDS))
        where = room / rng.choice(("study", "study", "study", "beside"))
        with contextlib.ExitStack() as stack:
            said = [KINDS[kind](where, rng, stack) for _ in range(rng.choice((1, 1, 2)))]
            with _patient():
                problem = _judge(room, expected, digest)
        table[kind][0] += 1
        table[kind][1] += problem is None
        if problem is not None:
            lost.append(f"{attempt} {kind} {said}: {problem}")
        shutil.rmtree(room)
    return table, lost


def _prepare(home):
    """Make a study with everything that its folder may hold, one beside it, their registry, and other files."""
    pristine = home / "pristine"
    for name, sampler in (("beside", "sobol"), ("study", "random")):
        folder = pristine / name
        run_toy(folder, sampler, home=home)
        files, study = open_files(folder), open_study(folder)
        looked = {"why": "to see", "trial": 3, "params": {"entry": 1.5}, "start": "2020", "end": "2021", "metrics": {}}
        record_use(folder, study.identity.hash, **looked)
        write_history(folder, History(study.identity.hash, 40, 5, 0, 0.5))
        write_selected(files, {"fills": study.trials}, {"params": {"entry": 1.5}, "metrics": {}, "undefined": {}})
        row = {
            "name": "as it is",
            "sharpe": 1.0,
            "total_return": None,
            "max_drawdown": 0.1,
            "sessions": 6,
            "reason": None,
        }
        selected = [(None, [study.selected])]
        files.replace("selected/sensitivity.json", sealed({"selected": selected, "scenarios": [row]}))
        with recording_looks(folder):
            pass
    for name in ("victim/.env", "victim/part-000000000.json", "notes.txt", ".env"):
        path = pristine / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    return pristine


def _judge(room, expected, digest):
    """Read a study in every way and resume it; returns what went wrong, None if nothing did."""
    study, foreign = room / "study", _foreign(room)
    problem = _read(study, expected) or _resume(study, room.parent, digest)
    gone = [str(path) for path, content in foreign.items() if _content(path) != content]
    return problem or (f"changed or removed: {gone}" if gone else None)


def _read(study, expected):
    try:
        with _limited():
            opened = open_study(study)
            trials = opened.trials.drop(TIMING, strict=False)
            if len(trials) and not trials.equals(expected.head(len(trials))):
                return "read another table"
            opened.verify()
            _ = opened.statistics, opened.holdout_uses, opened.null
            read_selected(open_files(study))
    except BaseException as error:  # noqa: BLE001 - whatever it is
        if problem := _unnamed(error, study):
            return problem
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            with _limited():
                command(["show", str(study)])
        except SystemExit as end:
            if end.code not in {0, 2} or "internal error" in said.getvalue() or "Traceback" in said.getvalue():
                return f"show: {end.code} {said.getvalue()}"
    return None


def _resume(study, home, digest):
    try:
        with _limited():
            with recording_looks(study):
                run_toy(study, home=home)
            if open_study(study).digest() != digest:
                return "resumed to another digest"
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return _unnamed(error, study)
    return None


def _unnamed(error, study):
    """Return what is wrong with an error; None if it names a place of the study and a remedy."""
    if isinstance(error, BadInput) and str(study.parent) in str(error) and error.remedy and len(str(error)) < 2000:
        return None
    return "".join(traceback.format_exception(error))[-1500:]


@contextlib.contextmanager
def _limited():
    def end(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _patient():
    """Shorten the wait for a stale lease from half a minute to 0.1 s."""
    return mock.patch.object(Lease.__init__, "__defaults__", (0.02, 0.1))


def _foreign(room):
    """Read everything that is not the study's: beside it, and what was planted."""
    found = {}
    for path in room.rglob("*"):
        inner = path.relative_to(room).parts
        theirs = inner[0] in {".ledger", "beside"} or (inner[0] == "study" and path.name not in NAMES)
        if not theirs and path.name not in OURS:
            found[path] = _content(path)
    return found


def _content(path):
    if path.is_symlink():
        return path.readlink()
    try:
        return path.read_bytes() if path.is_file() else path.exists()
    except PermissionError:
        return "closed"


def _some(folder, rng, pattern="*"):
    """Choose a file of a study or of the ledger; None if there is none any more."""
    paths = [*folder.rglob(pattern), *(folder.parent / ".ledger").glob(pattern)]
    files = sorted(path for path in paths if path.is_file() and not path.is_symlink())
    return rng.choice(files) if files else None


def _delete(folder, rng, _stack):
    path = _some(folder, rng)
    if path is None:
        return "nothing"
    if path.parent != folder and rng.random() < 0.3:
        path = path.parent
        shutil.rmtree(path)
    else:
        path.unlink()
    return path.name


def _swap(folder, rng, _stack):
    one, other = _some(folder, rng), _some(rng.choice((folder, folder.parent / "beside")), rng)
    if one is None or other is None:
        return "nothing"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    return f"{one.name} with {other.name}"


def _close(folder, rng, stack):
    """Remove all permissions of a file or a folder; become an unprivileged user where root would ignore them."""
    path = rng.choice([folder, folder.parent / ".ledger", *sorted(p for p in folder.rglob("*") if not p.is_symlink())])
    room = folder.parent
    if os.geteuid() == 0:
        for each in (room, *room.rglob("*")):
            os.chown(each, NOBODY, NOBODY, follow_symlinks=False)
        os.seteuid(NOBODY)
        stack.callback(os.seteuid, 0)
    path.chmod(0o000)
    return path.name


def _plant(folder, rng, _stack):
    place = folder / rng.choice(PLACES)
    path = place / rng.choice(NAMES)
    if not place.is_dir():
        place.parent.mkdir(exist_ok=True)
        path = place  # in place of a folder
    kind = rng.choice(("file", "FIFO", "link", "dangling", "loop", "folder", "over"))
    if kind == "over":  # in place of a file
        path, kind = _some(folder, rng) or path, rng.choice(("FIFO", "link", "loop", "folder"))
        path.unlink(missing_ok=True)
    if os.path.lexists(path):
        return "nothing"
    if kind == "file":
        path.write_text("mine")
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        victim = rng.choice((folder.parent / "victim", folder.parent / ".env"))
        path.symlink_to({"link": victim, "dangling": "nowhere", "loop": path.name}[kind])
    return f"{kind} {path.parent.name}/{path.name}"


def _forge(folder, rng, _stack):
    """Edit a field and seal the document again, so that its digest is right."""
    if rng.random() < 0.3:
        return _forge_part(folder, rng)
    path = _some(folder, rng, "*.json")
    if path is None:
        return "nothing"
    try:
        content = unsealed(path.read_bytes(), "")
        seal = sealed
    except BacksweepError:  # params.json has no seal, and what was forged before may be no document
        content, seal = json.loads(path.read_bytes()), lambda edited: json.dumps(edited).encode()
    said = _edit(content, rng)
    path.write_bytes(seal(content) if isinstance(content, dict) else json.dumps(content).encode())
    return f"{path.name} {said}"


def _forge_part(folder, rng):
    """Edit the rows of a part, and write its new digest into its name and into its entry."""
    entry = _some(folder / "manifest", rng)
    if entry is None:
        return "nothing"
    try:
        content = unsealed(entry.read_bytes(), "")
        table = rng.choice(sorted(content["files"]))
        (old,) = (folder / table).glob(f"part-{content['first']:09d}-{content['files'][table][:12]}.parquet")
        rows = pl.read_parquet(old)
    except (BacksweepError, KeyError, TypeError, ValueError, AttributeError, OSError, pl.exceptions.PolarsError):
        return "nothing"
    column = rng.choice(rows.columns)
    acts = {
        "drop": lambda: rows.drop(column),
        "rename": lambda: rows.rename({column: "more"}),
        "null": lambda: rows.with_columns(pl.lit(None).alias(column)),
        "text": lambda: rows.with_columns(pl.lit("x").alias(column)),
        "renumber": lambda: rows.with_columns(pl.col("number") + 1),
        "reverse": rows.reverse,
        "twice": lambda: pl.concat([rows, rows]),
        "none": rows.clear,
        "junk": lambda: None,
    }
    act = rng.choice(sorted(acts))
    edited = acts[act]()
    raw = b"PAR1 junk PAR1" if edited is None else parquet_bytes(edited)
    content["files"][table] = sha256(raw)
    old.unlink()
    old.with_name(f"part-{content['first']:09d}-{sha256(raw)[:12]}.parquet").write_bytes(raw)
    entry.write_bytes(sealed(content))
    return f"{act} {column} of {table} {content['first']}"


def _edit(content, rng):
    """Change, remove or add one field, at any depth."""
    inner, key = content, rng.choice(sorted(content))
    while isinstance(inner[key], dict) and inner[key] and rng.random() < 0.6:
        inner = inner[key]
        key = rng.choice(sorted(inner))
    value = rng.choice(VALUES)
    act = rng.choice(("change", "change", "remove", "add", "rename"))
    if act == "remove":
        del inner[key]
    elif act == "rename":
        inner[rng.choice(("../victim", "x", ""))] = inner.pop(key)
    else:
        inner["more" if act == "add" else key] = value
    return f"{act} {key} {value!r}"


KINDS = {"deleted": _delete, "swapped": _swap, "unreadable": _close, "planted": _plant, "forged": _forge}
"""How a folder is changed: each is called with a study's folder, gives what it did, and may leave work to a stack."""
