from __future__ import annotations

import polars as pl
import pytest
from numpy.random import default_rng

from backsweep.study.results.study import open_study
from backsweep.study.table.digest import digest

ROWS = pl.DataFrame(
    {
        "number": [0, 1, 2, 3],
        "value": [1.5, None, -0.0, 2.0],
        "params_flag": [True, None, False, True],
        "error": ["", None, "é", "long"],
        "returns": pl.Series([[0.5, 1.0], [], None, [2.0]], dtype=pl.List(pl.Float32)),
    }
)


def test_the_digest_does_not_depend_on_where_parts_end():
    whole = digest({"trials": [ROWS]})
    for cut in range(5):
        assert digest({"trials": [ROWS[:cut], ROWS[cut:]]}) == whole
    assert digest({"trials": [ROWS[:1], ROWS[1:3].rechunk(), ROWS[3:]], "folds": [pl.DataFrame()]}) == whole


@pytest.mark.parametrize(
    "change",
    [
        pl.col("number") + 1,
        pl.col("number").cast(pl.Int32),
        pl.col("value").fill_null(0.0),
        pl.when(pl.col("number") == 2).then(0.0).otherwise("value").alias("value"),
        ~pl.col("params_flag"),
        pl.col("error").fill_null(""),
        pl.col("error").str.replace("ong", "onG"),
        pl.col("returns").list.reverse(),
        pl.col("returns").fill_null([]),
    ],
)
def test_any_change_of_a_value_changes_the_digest(change):
    assert digest({"trials": [ROWS.with_columns(change)]}) != digest({"trials": [ROWS]})


def test_texts_and_lists_that_only_concatenate_alike_differ():
    for first, second in ((["ab", "c"], ["a", "bc"]), ([[1, 2], [3]], [[1], [2, 3]])):
        assert digest({"t": [pl.DataFrame({"x": first})]}) != digest({"t": [pl.DataFrame({"x": second})]})


def test_names_order_and_tables_count():
    digests = {
        digest({"trials": [ROWS]}),
        digest({"returns": [ROWS]}),
        digest({"trials": [ROWS.rename({"value": "other"})]}),
        digest({"trials": [ROWS.reverse()]}),
        digest({"trials": [ROWS], "folds": [ROWS]}),
    }
    assert len(digests) == 5


def test_a_study_has_one_digest_in_any_chunks_order_and_interruption(bench, make_backend):
    sweep = bench.sweep(sampler="tpe")
    digests = []
    for name, backend, size in (("a", None, None), ("b", make_backend(room=7, order=default_rng(3)), 5)):
        bench.run(name, sweep, backend, chunk_size=size)
        digests.append(open_study(bench.folder / name).digest())
    for stop in range(1, 25, 4):
        with pytest.raises(KeyboardInterrupt):
            bench.run(f"cut-{stop}", sweep, make_backend(order=default_rng(stop), interrupt_after=stop), chunk_size=4)
        bench.run(f"cut-{stop}", sweep)
        digests.append(open_study(bench.folder / f"cut-{stop}").digest())
    bench.run("other", bench.sweep(sampler="tpe", seed=8))
    assert len(set(digests)) == 1
    assert open_study(bench.folder / "other").digest() != digests[0]
