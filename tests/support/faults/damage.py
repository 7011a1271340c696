"""Damaged files of a study, as by a disk, an incomplete copy or a user; see tests/faults."""

from __future__ import annotations

import io
import random
import shutil
from pathlib import Path

import polars as pl
from scenarios.toy_study import run_toy

from backsweep.errors import StudyConflict
from backsweep.study.results.study import open_study

KINDS = ("bit flipped", "truncated", "swapped", "foreign", "stale", "edited", "emptied")


def damage_files(home, tries, seed):
    """Damage one file at a time and read everything; returns kind -> [tried, detected] and the damages not detected."""
    rng = random.Random(seed)  # noqa: S311 - repeatable
    home = Path(home)
    study, twin, other = home / "study", home / "twin", home / "other"
    for folder, sampler in ((study, "random"), (twin, "random"), (other, "sobol")):
        run_toy(folder, sampler)
    table, silent = {kind: [0, 0] for kind in KINDS}, []
    files = sorted(path for path in study.rglob("*") if path.is_file())
    for _ in range(tries):
        kind, path = rng.choice(KINDS), rng.choice(files)
        before = path.read_bytes()
        content = _damaged(kind, path, before, rng, study, twin, other)
        if content is None or content == before:
            continue
        path.write_bytes(content)
        table[kind][0] += 1
        if _noticed(study, path):
            table[kind][1] += 1
        else:
            silent.append(f"{kind}: {path.relative_to(study)}")
        path.write_bytes(before)
    for folder in (study, twin, other):
        shutil.rmtree(folder)
    return table, silent


def _damaged(kind, path, content, rng, study, twin, other):
    if kind == "bit flipped":
        position = rng.randrange(len(content))
        return content[:position] + bytes([content[position] ^ 1 << rng.randrange(8)]) + content[position + 1 :]
    if kind == "truncated":
        return content[: rng.randrange(len(content))]
    if kind == "swapped":
        return rng.choice(sorted(path.parent.glob(f"*{path.suffix}"))).read_bytes()
    if kind in {"foreign", "stale"}:  # of another study; of an earlier run of the same, with other times
        folder = path.parent.relative_to(study)
        names = sorted(p for p in ((other if kind == "foreign" else twin) / folder).iterdir() if p.is_file())
        twins = [p for p in names if p.name[:14] == path.name[:14]]
        return (twins or names)[0].read_bytes()
    if kind == "edited" and path.suffix == ".parquet":
        rows, buffer = pl.read_parquet(io.BytesIO(content)), io.BytesIO()
        rows.with_columns(pl.nth(0).reverse()).write_parquet(buffer)
        return buffer.getvalue()
    return b"" if kind == "emptied" else content.replace(b"1", b"2", 1)


def _noticed(study, path):
    """Whether reading everything ends in an error that names the file, or the entry by which it was found."""
    try:
        open_study(study).verify()
    except StudyConflict as error:
        return (path.name in str(error) or path.name[:14] in error.where) and bool(error.remedy)
    return False
