"""A study on data that have only grown is what a new one on them is, without running again what has not changed."""

import json
import shutil

import polars as pl
import pytest
from tests.cli.conftest import STRATEGY, SWEEP, write_bars

import backsweep as bs
from backsweep.errors import StudyConflict
from backsweep.runtime.inline import InlineBackend

ROLLING = "walk_forward={mode: rolling, train: 40s, test: 20s}"
SMALL = (ROLLING, "search.trials=12", "search.batch=4", "search.constraints=[]")
OWN, SHARED = (*SMALL, "search.sampler=tpe"), (*SMALL, "search.sampler=sobol")
PRUNED = "search.pruning={max_drawdown: 0.0003}"
KINDS = {
    "a search for each fold": OWN,
    "one for all folds": SHARED,
    "pruned": (*OWN, PRUNED),
    "pruned, one for all folds": (*SHARED, PRUNED),
    "anchored": (*SMALL, "walk_forward.mode=anchored", "walk_forward.share_proposals=false"),
    "sleeves, no final choice": (*SHARED, "account.mode=sleeves", "walk_forward.final=false"),
    "groups of assets": (*OWN, "account.mode=sleeves", "search.asset_groups=per_asset"),
    "one fold": (*OWN, "walk_forward={mode: holdout, train: 60s, test: 40s}"),
}
QUICK = ("a search for each fold", "groups of assets", "one for all folds", "pruned, one for all folds")
KEPT, CHANGED = range(4), range(4, 8)  # folds of 165 days; of 125 days there are these four, a short one and the last


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a sweep and data of 125 and of 165 days: three folds and a short one, and two more."""
    folder = tmp_path_factory.mktemp("grown")
    for days in (108, 125, 165):
        write_bars(folder / f"{days}.csv", days=days)
    (folder / "strategy.py").write_text(STRATEGY)
    (folder / "sweep.yaml").write_text(SWEEP)
    return folder


@pytest.fixture
def run(place, tmp_path):
    """Return what runs the sweep on data of so many days, into a folder of this test."""

    def go(name, days, *overrides, **options):
        return bs.run(
            place / "sweep.yaml", out=tmp_path / name, overrides=(f"data.bars={days}.csv", *overrides), **options
        )

    go.place = tmp_path
    return go


@pytest.fixture
def ran(monkeypatch):
    """Return what has run in this process since: a trial's number and its folds, None for all."""
    found, evaluate = [], InlineBackend.submit

    def submit(self, chunk):
        found.extend((int(number), chunk.folds) for number in chunk.numbers)
        evaluate(self, chunk)

    monkeypatch.setattr(InlineBackend, "submit", submit)
    return found


def history(study):
    return json.loads((study.path / "study.json").read_text())["history"]


def quick_or_long(kind):
    return pytest.param(kind, marks=() if kind in QUICK else pytest.mark.long)


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kept_rows(study):
    """Return the rows of the folds that are kept: of `folds`, of `returns` and, with a search for each, of `trials`.

    Without their numbers: there the batches of more folds take turns. Durations are rounded twice.
    """
    tables = [each for each in (study.folds, study.returns, study.trials) if "fold" in each.columns]
    kept = [
        each.filter(pl.col("fold").is_in(KEPT) & (pl.col("fold") < study.walk_forward.folds.height)) for each in tables
    ]
    return [each.sort("fold", "number").drop("number", "batch", "duration", strict=False) for each in kept]


@pytest.mark.parametrize("kind", [*map(quick_or_long, KINDS)])
def test_it_is_what_a_new_study_is(run, ran, kind):
    before = run("study", 125, *KINDS[kind])
    kept = kept_rows(before)
    ran.clear()
    grown = run("study", 165, *KINDS[kind])
    if kind == "a search for each fold":
        assert {folds[0] for _, folds in ran} == {*CHANGED}
    elif kind == "one for all folds":
        assert set(ran) == {(number, CHANGED) for number in range(12)}
    for mine, other in zip(kept, kept_rows(grown), strict=True):
        assert mine.equals(other)
    fresh = run("fresh", 165, *KINDS[kind])
    assert grown.digest() == fresh.digest()
    assert ("PRUNED" in fresh.trials["state"]) == (PRUNED in KINDS[kind])
    assert grown.identity.hash == fresh.identity.hash
    assert grown.walk_forward.equity.equals(fresh.walk_forward.equity)
    assert grown.selected == fresh.selected
    for name in ("selected/fills", "selected/trades", "selected/equity", "sessions"):
        mine, other = (pl.read_parquet(each.path / f"{name}.parquet") for each in (grown, fresh))
        assert mine.equals(other)
    blocks = [pl.concat(map(pl.read_parquet, sorted((each.path / "blocks").iterdir()))) for each in (grown, fresh)]
    assert blocks[0].equals(blocks[1])


def test_what_it_was_before_stays_with_every_byte_and_is_counted(run):
    before = run("study", 125, *OWN)
    digest, tables = before.digest(), ("trials", "folds", "returns", "blocks", "manifest", "selected", "looks")
    names = [*tables, "study.json", "sessions.parquet", "rows.parquet"]
    files = {path: content for path, content in files_of(before.path).items() if path.parts[0] in names}
    grown = run("study", 165, *OWN)
    assert files.items() <= files_of(grown.path / "before" / "1").items()
    assert bs.open_study(grown.path / "before" / "1").digest() == digest
    (entry,) = grown.history
    assert entry.study == before.identity.hash
    assert (entry.before, entry.after) == ("2002-01-13T00:00:00+00:00", "2002-02-25T00:00:00+00:00")
    assert (entry.folds, entry.trials, entry.tried, entry.kept) == ((*KEPT,), 72, 72, 48)
    (left,) = grown.statistics.before  # the short fold and the last training, 12 trials each
    assert (left.trials, left.times, grown.statistics.looks) == (24, 1, 2)
    assert grown.statistics.tried == 8 * 12 + 24


class Stopped(Exception):  # noqa: N818 - Ctrl-C is no error either
    pass


def stop_after(batches):
    def stop(progress):
        if progress.batches >= batches:
            raise Stopped

    return stop


@pytest.mark.parametrize("kind", [pytest.param(OWN, marks=pytest.mark.long), SHARED])
@pytest.mark.usefixtures("commit_at_once")
def test_it_may_be_interrupted_before_and_after_the_data_grow(run, kind):
    with pytest.raises(Stopped):
        run("study", 125, *kind, progress=stop_after(2))
    with pytest.raises(Stopped):
        run("study", 165, *kind, progress=stop_after(2))
    study = run("study", 165, *kind)
    own = study.statistics
    assert kind == OWN or (own.tried, own.looks) == (12, 2)
    assert study.digest() == run("fresh", 165, *kind).digest()
    assert study.history[0].trials < 72


@pytest.mark.long
def test_data_may_grow_again_and_a_study_may_be_extended(run, ran):
    run("study", 108, *OWN)
    run("study", 125, *OWN)
    ran.clear()
    grown = run("study", 165, *OWN)
    assert {folds[0] for _, folds in ran} == {*CHANGED}
    assert [entry.folds for entry in grown.history] == [(0, 1, 2), (0, 1, 2, 3)]
    assert [entry.tried for entry in grown.history] == [60, 60 + 36]
    assert grown.statistics.tried == 60 + 36 + 48
    shutil.rmtree(grown.path / "before")  # it only saves time
    more = (*OWN, "search.trials=20")
    assert run("study", 165, *more).digest() == run("fresh", 165, *more).digest()


@pytest.mark.apart
@pytest.mark.parametrize(
    "kind", [OWN, pytest.param(SHARED, marks=pytest.mark.long)], ids=["a search for each fold", "one search"]
)
def test_ray_and_inline_go_on_alike(run, kind):
    run("study", 125, *kind)
    grown = run("study", 165, *kind, "runtime.workers=2", "runtime.backend=ray")
    assert grown.digest() == run("fresh", 165, *kind).digest()


def test_anything_else_that_has_changed_is_refused_in_words(run, place):
    before = files_of(run("study", 125, *SHARED).path)
    grown = pl.read_csv(place / "165.csv")
    day, close = pl.col("timestamp") == "2001-03-05", pl.col("close") + 0.01
    first = grown.filter(pl.col("timestamp") == "2001-01-01")
    third = grown.filter(pl.col("asset") == "AAA").with_columns(asset=pl.lit("CCC"))
    changes = {
        "bars of AAA on 2001-03-05: other values": grown.with_columns(
            pl.when(day & (pl.col("asset") == "AAA")).then(close).otherwise("close").alias("close")
        ),
        "bars of BBB on 2001-03-05: 1 row fewer": grown.filter(~(day & (pl.col("asset") == "BBB"))),
        "bars of AAA on 2000-12-31: 1 row more": pl.concat(
            [first.with_columns(timestamp=pl.lit("2000-12-31")), grown], how="vertical"
        ),
        "bars of CCC between 2001-01-01 and 2002-01-13, on 125 days: 125 rows more": pl.concat([grown, third]),
        "also CCC": pl.concat([grown, third.tail(30)]),
        "bars have the columns close, high, low, more, open, pred, volume": grown.with_columns(more=pl.lit(1.0)),
    }
    for said, rows in changes.items():
        rows.write_csv(place / "changed.csv")
        with pytest.raises(StudyConflict) as refused:
            run("study", "changed", *SHARED)
        assert said in " ".join(str(refused.value).split())
    with pytest.raises(StudyConflict, match=r"costs\.commission\.kind"):
        run("study", 165, *SHARED, "costs.commission={kind: none}", "search.params={}")
    assert files_of(bs.open_study(run("study", 125, *SHARED).path).path) == before


AHEAD = """
    def features(self):
        return {"whole": pl.col("close").mean()}
"""


@pytest.mark.long
def test_a_strategy_that_looks_ahead_is_found_out(run, place):
    text = STRATEGY.replace("bar.pred > self.entry", "bar.close > bar.whole").replace(
        "import ", "import polars as pl\nimport ", 1
    )
    (place / "ahead.py").write_text(text.replace("    def on_data", AHEAD + "\n    def on_data"))
    ahead = (*OWN, "strategy=ahead.py:Cross", "search.params={}")
    run("study", 125, *ahead)
    with pytest.raises(StudyConflict, match="comes to something else on the same sessions") as refused:
        run("study", 165, *ahead)
    assert "in fold 0, from 2001-0" in str(refused.value)
    assert not bs.open_study(refused.value.where).history


@pytest.mark.long
@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("search.sampler=sobol",), "no folds that could be kept"),
        (("walk_forward={mode: cpcv, groups: 4, test_groups: 2}", "search.sampler=sobol"), "`mode: cpcv`"),
        ((*SHARED, "walk_forward.holdout=20s"), "its sealed holdout, which ends with them, would move"),
        ((*SHARED, "walk_forward.state=continuous"), "one run over all of them"),
        ((*SHARED, "search.pruning.between_folds={kind: halving, after: 2}"), "comparing them over all of its folds"),
        (("walk_forward={mode: holdout, train: 60s}",), "no fold had ended before"),
    ],
)
def test_studies_that_cannot_go_on_say_why(run, overrides, reason):
    overrides = ("search.trials=4", "search.batch=4", "search.constraints=[]", *overrides)
    run("study", 125, *overrides)
    with pytest.raises(StudyConflict) as refused:
        run("study", 165, *overrides)
    said = " ".join(str(refused.value).split())
    assert reason in said
    assert "the same rows, and later ones up to 2002-02-25 00:00" in said
    assert "another folder with --out" in said


@pytest.mark.long
def test_a_year_of_another_length_is_refused(run, place):
    rows = pl.read_csv(place / "165.csv")
    early, weekday = pl.col("timestamp") < "2001-05-01", pl.col("timestamp").str.to_date().dt.weekday() < 6
    rows.filter(early & weekday).write_csv(place / "weekdays.csv")
    rows.filter(weekday | ~early).write_csv(place / "weekends.csv")
    run("study", "weekdays", *SHARED)
    with pytest.raises(StudyConflict, match="a year has another number of sessions") as refused:
        run("study", "weekends", *SHARED)
    said = " ".join(str(refused.value).split())
    assert "expected: 252 sessions a year" in said
    assert "found: 365, from the dates of the sessions" in said
    assert "write `sessions_per_year: 252` under `data`" in said
    assert len(run("study", "weekends", *SHARED, "data.sessions_per_year=252").history) == 1


def write_roles(place, days):
    """Write a table for each role, up to a day, and return its name for each."""
    write_bars(place / "bars.csv", days=days)
    bars = pl.read_csv(place / "bars.csv").with_columns(pl.col("timestamp").str.to_datetime("%Y-%m-%d"))
    key, prices = ("timestamp", "asset"), ("open", "high", "low", "close")
    third = bars.gather_every(3).unique("timestamp", maintain_order=True)
    parts = [bars.select(*key, *prices).with_columns(pl.col("timestamp") + pl.duration(hours=h)) for h in (6, 12, 18)]
    roles = {
        "bars": bars,
        "signals": bars.select(*key, extra=pl.col("close") / 10),
        "context": third.select("timestamp", level="close"),
        "actions": bars.gather_every(31).select(*key, dividend=pl.lit(0.25)),
        "detail": pl.concat(parts).sort(key),
    }
    names = {role: f"{role}-{days}.parquet" for role in roles}
    for role, name in names.items():
        roles[role].write_parquet(place / name)
    return names


@pytest.mark.long
def test_every_file_may_grow_and_what_was_there_is_compared(run, place):
    before, after = write_roles(place, 125), write_roles(place, 165)

    def go(name, files):
        text = ", ".join(f"{role}: {file}" for role, file in files.items())
        return bs.run(
            place / "sweep.yaml", out=run.place / name, overrides=(f"data={{{text}, benchmark: AAA}}", *SHARED)
        )

    go("study", before)
    for role in after:
        rows = pl.read_parquet(place / after[role])
        value = rows.columns[-1]
        edited = pl.when(pl.int_range(pl.len()) == 2).then(pl.col(value) * 1.5).otherwise(value).alias(value)
        for said, changed in (("other values", rows.with_columns(edited)), ("1 row fewer", rows[:2].vstack(rows[3:]))):
            changed.write_parquet(place / "changed.parquet")
            with pytest.raises(StudyConflict, match=rf"{role} (of (AAA|BBB) )?on 2001-0\d-\d\d: {said}"):
                go("study", {**after, role: "changed.parquet"})
    shutil.copytree(run.place / "study", run.place / "again")
    assert go("study", after).digest() == go("fresh", after).digest()
    late = {**after, **{role: before[role] for role in ("signals", "context", "actions")}}
    assert go("again", late).digest() == go("other", late).digest()


@pytest.mark.long
def test_a_session_that_had_not_ended_is_no_fold_s(run, place):
    write_bars(place / "days.csv", days=85)
    days = pl.read_csv(place / "days.csv").with_columns(pl.col("timestamp").str.to_datetime("%Y-%m-%d"))
    hours = [days.with_columns(pl.col("timestamp") + pl.duration(hours=hour)) for hour in (10, 11, 12)]
    rows = pl.concat(hours).sort("timestamp", "asset")
    early = pl.col("timestamp") < pl.lit("2001-03-24 11:30").str.to_datetime()  # in the last session of the second test
    rows.filter(early).write_parquet(place / "part.parquet")
    rows.write_parquet(place / "whole.parquet")
    files = [f"data.bars={name}.parquet" for name in ("part", "whole")]

    def go(name, bars):
        return bs.run(place / "sweep.yaml", out=run.place / name, overrides=(bars, *SHARED))

    go("study", files[0])
    assert go("study", files[1]).digest() == go("fresh", files[1]).digest()
    assert bs.open_study(run.place / "study").history[0].folds == (0,)


RICH = """
import polars as pl
import backsweep as bs


class Fitted(bs.Strategy):
    entry: float = bs.param(0.1, 0.9)
    kind: str = bs.choice(["level", "trend"])
    span: int = bs.param(2, 9)

    def fit(self, train):
        return float(train["close"].mean()) if self.kind == "level" else 0.0

    def features(self):
        above = pl.col("close") - self.fitted if self.kind == "level" else pl.col("close").diff(self.span)
        return {"above": above}

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if bar.above > self.entry and held == 0.0:
                broker.submit_order(bar.asset, 10)
            elif bar.above < -self.entry and held != 0.0:
                broker.close_position(bar.asset)


def worst(run):
    late = str(run.dates[-1]) > "2002-01-20"
    if run.params["entry"] > 0.8 or (late and run.params["entry"] < 0.3):
        raise ValueError("no worst")
    return float(run.returns.min())
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", [OWN, SHARED])
def test_models_choices_conditions_failures_and_metrics_of_the_user_s_own_are_as_in_a_new_study(run, place, kind):
    (place / "rich.py").write_text(RICH)
    rich = (
        *kind,
        "strategy=rich.py:Fitted",
        "metrics={worst: rich.py:worst}",
        "search.objective={maximize: sharpe + worst}",
        "search.params={span: {when: kind == trend}}",
        "search.enqueue=[{entry: 0.5, kind: level}]",
        "search.constraints=[trades >= 1]",
    )
    early = run("study", 125, *rich).state.failed
    grown, fresh = run("study", 165, *rich), run("fresh", 165, *rich)
    assert grown.digest() == fresh.digest()
    assert grown.history[0].folds == (0, 1, 2, 3)
    assert 0 < early < fresh.state.failed < len(fresh.trials)
    assert set(fresh.trials["params_kind"]) == {"level", "trend"}
    assert fresh.folds["user_attrs_trades"].max() > 0
