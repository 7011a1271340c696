"""Parts that were edited, and whose entries were sealed again."""

from __future__ import annotations

import polars as pl
import pytest
from scenarios.forged import forge

from backsweep.errors import StudyConflict
from backsweep.storage.sealed import sealed, sha256, unsealed
from backsweep.study.results.study import open_study
from backsweep.study.store.manifest import parquet_bytes

NUMBER = pl.col("number")


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("trials", lambda rows: rows.drop("state"), "expected: a column `state`"),
        ("trials", lambda rows: rows.with_columns(more=1), "found: +`more`"),
        ("trials", lambda rows: rows.with_columns(value=pl.lit("x")), "Float64 in `value`"),
        ("trials", lambda rows: rows.with_columns(params_entry=pl.lit("x")), "a truth value in `params_entry`"),
        ("trials", lambda rows: rows.with_columns(params_stop=None), "a truth value in `params_stop`"),
        ("trials", lambda rows: rows.drop("params_stop"), "the columns of the parts before it"),
        ("trials", lambda rows: rows.with_columns(NUMBER + 1), "trials 16 to 31"),
        ("trials", lambda rows: rows.with_columns(batch=NUMBER), "batch 1 for trial 16, and so on"),
        ("trials", lambda rows: rows.with_columns(state=pl.lit("GOOD")), "a state among COMPLETE, PRUNED, FAIL"),
        ("trials", lambda rows: rows.with_columns(value=float("nan")), "null where `value` is undefined"),
        ("trials", lambda rows: rows.with_columns(system_attrs=pl.lit("[")), "JSON in `system_attrs`"),
        ("trials", pl.DataFrame.reverse, "trials 16 to 31"),
        ("trials", pl.DataFrame.clear, "0 rows"),
        ("trials", lambda rows: pl.concat([rows, rows]).sort("number"), "trials 16 to 31, with 16 rows(.|\\n)*32 rows"),
        ("trials", lambda _: b"PAR1PAR1", "no Parquet file"),
        (
            "returns",
            lambda rows: rows.with_columns(segment=pl.lit("test")),
            "the segments of its folds for each trial",
        ),
        ("returns", lambda rows: rows.with_columns(pl.col("returns").list.head(3)), "a return for every session"),
        ("blocks", lambda rows: rows.with_columns(NUMBER * 2), "trials 16 to 31, each once"),
        ("blocks", lambda rows: rows.with_columns(pl.col("sums").list.head(1)), "as many `sums` as there are blocks"),
    ],
)
def test_a_part_that_was_edited_is_one_error_that_names_it(bench, table, change, said):
    bench.run("study", bench.sweep(), chunk_size=16)
    forge(bench.folder / "study", "part-000000016", table, change)
    with pytest.raises(StudyConflict, match=rf"{table}/part-000000016-\w+\.parquet: (.|\n)*{said}"):
        open_study(bench.folder / "study").verify()


def test_sessions_that_do_not_ascend_are_one_error(bench):
    bench.run("study", bench.sweep(), chunk_size=16)
    study = bench.folder / "study"
    raw = parquet_bytes(pl.read_parquet(study / "sessions.parquet").reverse())
    (study / "sessions.parquet").write_bytes(raw)
    content = unsealed((study / "study.json").read_bytes(), "")
    (study / "study.json").write_bytes(sealed(content | {"sessions": sha256(raw)}))
    with pytest.raises(StudyConflict, match=r"sessions\.parquet: sessions that do not follow one another"):
        _ = open_study(study).sessions
