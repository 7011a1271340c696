"""Corporate actions: what a table of them may hold, and the timestamp at which each takes effect."""

# ruff: noqa: DTZ001 - times without a zone are part of what is tested

from datetime import datetime, timedelta

import polars as pl
import pytest

from backsweep.dataset import DataSpec, fingerprint, load, shard_from_frames
from backsweep.errors import BadData, BadInput

DAY = datetime(2024, 1, 2)


def at(day, asset="AA", **what):
    return {"timestamp": DAY + timedelta(days=day), "asset": asset, **what}


def frame(*rows):
    return pl.DataFrame(list(rows))


def effects(shard):
    return shard.actions.with_columns(pl.from_epoch("timestamp", time_unit="ns")).rows()


def test_actions_stand_in_order_of_effect(bars):
    actions = frame(at(1, "BB", split=2.0, dividend=0.5), at(0, "AA", split=None, dividend=0.1))
    assert effects(shard_from_frames(bars, actions=actions)) == [
        (DAY, 0, 1.0, 0.1, 0.0),
        (DAY + timedelta(days=1), 1, 2.0, 0.5, 0.0),
    ]


@pytest.mark.parametrize("nothing", [0.0, None, float("nan")])
def test_an_empty_cell_and_zero_say_that_there_is_none(bars, nothing):
    actions = frame(
        at(1, split=nothing, dividend=nothing, delisting=nothing), at(2, split=1.0, dividend=0.0, delisting=0.0)
    )
    assert shard_from_frames(bars, actions=actions).actions.is_empty()


def test_an_action_takes_effect_at_the_next_timestamp_whether_its_asset_has_a_bar_or_not(bars):
    some = bars.filter((pl.col("asset") == "BB") | (pl.col("timestamp") != DAY + timedelta(days=1)))
    actions = frame(at(0.5, split=3.0), at(1.5, split=2.0), at(2.5, split=5.0))
    found = effects(shard_from_frames(some, actions=actions))
    assert found == [(DAY + timedelta(days=1), 0, 3.0, 0.0, 0.0), (DAY + timedelta(days=2), 0, 2.0, 0.0, 0.0)]


def test_actions_of_other_assets_are_left_out(bars):
    both = frame(at(1, "ZZ", split=2.0), at(1, "AA", split=2.0))
    shard = shard_from_frames(bars, actions=both)
    assert shard.actions["asset"].to_list() == [0]
    assert shard.notes == ("1 of 2 rows of the actions match no bar: 1 of ZZ",)
    with pytest.raises(BadData, match="no asset of the actions has bars"):
        shard_from_frames(bars, actions=both.head(1))


def test_the_split_factor_knows_the_splits_so_far(bars):
    actions = frame(at(1, "AA", split=2.0), at(2, "AA", split=1.5), at(2, "BB", split=0.5))
    rows = shard_from_frames(bars, actions=actions).rows
    assert rows.filter(pl.col("asset") == 0)["split_factor"].to_list() == [1.0, 2.0, 3.0]
    assert rows.filter(pl.col("asset") == 1)["split_factor"].to_list() == [1.0, 1.0, 0.5]
    assert shard_from_frames(bars, actions=actions).signals == ("split_factor",)


def test_without_actions_nothing_is_added(bars):
    shard = shard_from_frames(bars)
    assert shard.signals == ()
    assert shard.actions.is_empty()


def test_the_bars_own_file_can_have_the_actions_under_other_names(bars, tmp_path):
    path = tmp_path / "bars.parquet"
    bars.with_columns(ratio=pl.Series([1.0, 1.0, 2.0, 1.0, 1.0, 1.0]), name=pl.lit("x")).write_parquet(path)
    spec = DataSpec(bars=str(path), actions=str(path), columns={"split": "ratio"})
    shard = load(spec)
    assert effects(shard) == [(DAY + timedelta(days=1), 0, 2.0, 0.0, 0.0)]
    assert shard.signals == ("split", "split_factor")
    assert fingerprint(spec) != fingerprint(DataSpec(bars=str(path)))


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        (at(1, split=-2.0), "split", "split is not new units for one old"),
        (at(1, split=float("inf")), "split", "split is not new units for one old"),
        (at(1, dividend=-0.1), "dividend", "dividend is not money a unit"),
        (at(1, delisting=-1.0), "delisting", "delisting is not a yes or no"),
    ],
)
def test_a_wrong_action_is_named_with_its_row_and_column(bars, row, column, text):
    with pytest.raises(BadData, match=text) as caught:
        shard_from_frames(bars, actions=frame(row))
    assert caught.value.where == f"actions, row 1, column {column}"


@pytest.mark.parametrize(
    ("actions", "text"),
    [
        (frame(at(1, pred=1.0)), "no action column"),
        (frame(at(1, split=2.0), at(1, split=3.0)), "duplicate"),
        (frame(at(1, split="two")), "action column 'split' cannot be used"),
        (frame(at(1, split=2.0)).drop("asset"), "missing column 'asset'"),
        (frame(at(1, split=2.0)).with_columns(pl.col("timestamp").dt.replace_time_zone("UTC")), "mixed time zones"),
    ],
)
def test_a_table_that_is_no_table_of_actions_is_an_error(bars, actions, text):
    with pytest.raises(BadData, match=text):
        shard_from_frames(bars, actions=actions)


def test_a_column_called_split_factor_and_actions_exclude_each_other(bars):
    with pytest.raises(BadData, match="'split_factor', which comes with"):
        shard_from_frames(bars.with_columns(split_factor=1.0), actions=frame(at(1, split=2.0)))


def test_actions_must_be_a_frame_or_a_file_that_is_there(bars, tmp_path):
    with pytest.raises(BadInput, match="actions must be a frame of Polars or pandas"):
        shard_from_frames(bars, actions={"split": 2})
    bars.write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(BadInput, match=r"data\.actions"):
        load(DataSpec(bars=str(tmp_path / "bars.parquet"), actions=str(tmp_path / "absent.parquet")))
