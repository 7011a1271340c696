"""Studies over texts, null choices and parameters with a condition, from the sweep file to what is read of them."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from scenarios.forged import forge
from scenarios.universe import KINDS, write_universe

import backsweep as bs
from backsweep.api.sweeps import read_sweep
from backsweep.cli import main
from backsweep.errors import BadInput, StrategyError, StudyConflict
from backsweep.report.write import write_report

SWEEP = """\
study: kinds
data: {bars: bars.parquet}
strategy: kinds.py:Kinds
account: {cash: 100000}
costs: {commission: {kind: percentage, rate: 0.0005}}
metrics: {of_params: kinds.py:of_params}
search:
  sampler: tpe
  trials: 48
  batch: 16
  seed: 2
  params: {kind: {choices: [ema, sma]}, span: {when: kind == ema}}
  enqueue: [default, {kind: ema, span: 3, stop: 0.05}]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("kinds")
    write_universe(home / "bars.parquet", assets=3)
    (home / "kinds.py").write_text(KINDS)
    (home / "sweep.yaml").write_text(SWEEP)
    return home


@pytest.fixture(scope="module")
def study(home):
    return bs.run(home / "sweep.yaml", backend="inline", out=home / "whole")


def test_the_table_has_texts_and_nulls(study):
    trials = study.trials
    assert trials.schema["params_kind"] == pl.String
    assert trials.schema["params_span"] == pl.Int64
    assert trials.schema["params_stop"] == pl.Float64
    assert set(trials["params_kind"]) == {"sma", "ema"}
    assert trials["params_span"].is_null().equals((trials["params_kind"] == "sma").alias("params_span"))
    assert None in set(trials["params_stop"])
    first = trials.select("params_kind", "params_span", "params_stop").head(2).rows()
    assert first == [("sma", None, None), ("ema", 3, 0.05)]


def test_a_run_in_parts_leaves_the_same_bytes(home, study):
    for trials in (5, 20, 48):
        parts = bs.run(home / "sweep.yaml", backend="inline", out=home / "parts", trials=trials)
    assert parts.digest() == study.digest()


def test_a_trial_is_what_the_strategy_does_with_its_values(home, study):
    for number in (0, 1):
        params = study.describe(number)["params"]
        assert set(params) == {"stop", "kind"} | ({"span"} if number else set())
        again = study.backtest(number)
        assert again.metrics["sharpe"] == study.trials["user_attrs_sharpe"][number]
        plain = bs.replay(home / "sweep.yaml", params, compiled=False)
        assert plain.result.fills.equals(again.fills)
    default = {"kind": "sma", "span": 5, "stop": None}
    assert bs.replay(home / "sweep.yaml", default).result.fills.equals(study.backtest(0).fills)


def test_a_metric_of_the_users_own_sees_the_values_and_the_default_of_what_is_ruled_out(study):
    rows = study.trials.filter(pl.col("state") == "COMPLETE")
    span, stop = rows["params_span"].fill_null(5), rows["params_stop"].is_not_null()
    expected = 3.0 + 10 * stop.cast(pl.Float64) + 100 * span.cast(pl.Float64)
    assert rows["user_attrs_of_params"].to_list() == expected.to_list()


def test_best_params_make_the_strategy_again(home, study, monkeypatch):
    monkeypatch.syspath_prepend(home)
    from kinds import Kinds  # noqa: PLC0415 - written by this test

    values = Kinds(**study.best_params).values()
    assert values == {"kind": "sma", "span": 5, "stop": None} | study.best_params


@pytest.mark.parametrize(("name", "needed"), [("kind", True), ("stop", False), ("span", False)])
def test_only_a_choice_of_null_and_what_has_a_condition_may_be_null(study, tmp_path, name, needed):
    shutil.copytree(study.path, tmp_path / "copy")
    (entry, *_) = sorted((tmp_path / "copy" / "manifest").glob("part-*.json"))
    change = pl.lit(None).cast(study.trials.schema[f"params_{name}"]).alias(f"params_{name}")
    forge(tmp_path / "copy", entry.stem, "trials", lambda rows: rows.with_columns(change))
    if needed:
        with pytest.raises(StudyConflict, match=f"a value in every row of `params_{name}`"):
            bs.open_study(tmp_path / "copy").verify()
    else:
        bs.open_study(tmp_path / "copy").verify()


def test_a_fixed_text_and_a_fixed_null_are_values_as_any(home, study):
    fixed = "search.fixed={kind: ema, stop: null}"
    other = bs.run(
        home / "sweep.yaml",
        backend="inline",
        out=home / "fixed",
        trials=4,
        overrides=(fixed, "search.params={}", "search.enqueue=[{span: 3}]"),
    )
    assert other.trials.columns.count("params_span") == 1
    assert "params_kind" not in other.trials.columns
    same = bs.replay(home / "sweep.yaml", {"kind": "ema", "stop": None, "span": 3}).result.metrics["sharpe"]
    assert other.trials["user_attrs_sharpe"][0] == same
    assert other.identity.hash != study.identity.hash


def test_optuna_sees_the_distributions_that_each_trial_has(study):
    trials = study.to_optuna().trials
    assert trials[0].distributions == {
        "kind": CategoricalDistribution(("ema", "sma")),
        "stop": CategoricalDistribution((None, 0.02, 0.05)),
    }
    assert trials[1].params == {"kind": "ema", "span": 3, "stop": 0.05}
    assert trials[1].distributions["span"] == IntDistribution(2, 12)


def test_importances_and_the_report_take_texts(home, study):
    assert set(study.importances) == {"kind", "span", "stop"}
    page = Path(write_report(study, home / "report.html")).read_text()
    assert "sharpe by kind" in page
    assert "sharpe by span" in page


def test_folds_choose_among_texts(home):
    walk = "walk_forward={train: 60d, test: 20d, select: neighbourhood, neighbours: 3}"
    study = bs.run(home / "sweep.yaml", backend="inline", out=home / "folds", trials=24, overrides=(walk,))
    folds = study.walk_forward.folds
    assert folds.schema["params_kind"] == pl.String
    assert study.walk_forward.drift["param"].to_list() == ["kind", "span", "stop"]
    assert study.walk_forward.drift["lowest"][0] is None
    assert (study.path / "selected" / "params.json").exists()


def test_another_study_begins_with_the_best_of_this_one(home, study):
    overrides = (f"search.warm_start={{study: {study.path}, top: 3}}", "search.params.kind={choices: [ema]}")
    warm = bs.run(
        home / "sweep.yaml",
        backend="inline",
        out=home / "warm",
        trials=4,
        overrides=(*overrides, "search.params.span={low: 2, high: 12}", "search.enqueue=[{kind: ema}]"),
    )
    best = study.top(48).filter(pl.col("params_kind") == "ema").unique("params_span", maintain_order=True)
    assert warm.trials["params_span"][1] == best["params_span"][0]
    assert warm.trials["params_kind"].unique().to_list() == ["ema"]


def test_the_command_line_shows_and_takes_texts_and_null(home, study, capsys):
    def said(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        return ended.value.code, "".join(capsys.readouterr())

    code, text = said("show", study.path, "--top", 48)
    assert (code, "null" in text, "sma" in text) == (0, True, True)
    backtest = ("backtest", home / "sweep.yaml", "--out", home / "one", "--param")
    code, text = said(*backtest, "kind=ema", "--param", "stop=null", "--param", "span=4")
    assert (code, "null" in text, "ema" in text) == (0, True, True)
    code, text = said(*backtest, "kind=emma")
    assert (code, "did you mean `ema`?" in text) == (2, True)
    code, text = said("check", home / "sweep.yaml")
    assert (code, "2 to 12, whole, when kind == ema" in text) == (0, True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('self.kind == "sma" else', 'self.kind == "smma" else', r"'smma', which is no choice(.|\n)*did you mean 'sma'"),
        ('self.kind == "ema" else', 'self.kind in ("eme", "ema") else', r"'eme', which is no choice"),
        ('self.kind == "ema" else', 'self.kind in ("sma", "ema") else', r"cannot look for a text in a list"),
        ("span: int", "held: str = bs.choice(['a', 2])\n    span: int", r"numbers, booleans or texts"),
        ("kind: str", "kind: int", r"Kinds\.kind is annotated as another type than its choices have"),
    ],
)
def test_a_text_that_is_no_choice_is_an_error_before_anything_runs(home, tmp_path, old, new, message):
    assert old in KINDS
    (tmp_path / "kinds.py").write_text(KINDS.replace(old, new))
    (tmp_path / "sweep.yaml").write_text(SWEEP.replace("bars.parquet", str(home / "bars.parquet")))
    with pytest.raises(StrategyError, match=message):
        bs.check(tmp_path / "sweep.yaml")


def test_a_condition_that_cannot_be_read_is_an_error_with_its_line(home):
    with pytest.raises(BadInput, match=r"search\.params\.span(.|\n)*one of ema, sma"):
        bs.check(home / "sweep.yaml", overrides=("search.params.span.when=kind == emma",))


MODEL = """\
import backsweep as bs


class Spread(bs.SlippageModel):
    quote: str = bs.choice(["wide", "none"])

    def slip(self, fill, bar):
        return 0.5 * (bar.high - bar.low) if self.quote == "wide" else 0.0
"""
SPREAD = "costs.slippage={kind: custom, model: spread.py:Spread, quote: QUOTE}"


def test_a_cost_models_text_is_set_in_the_file_and_not_searched(home):
    (home / "spread.py").write_text(MODEL)
    found = {
        quote: bs.replay(home / "sweep.yaml", overrides=(SPREAD.replace("QUOTE", quote),)).result
        for quote in ("wide", "none")
    }
    assert found["none"].metrics["slippage"] == 0.0 < found["wide"].metrics["slippage"]
    with pytest.raises(StrategyError, match=r"Spread\.quote cannot be 'tight'"):
        bs.replay(home / "sweep.yaml", overrides=(SPREAD.replace("QUOTE", "tight"),))
    searched = "search.params={costs.slippage.quote: {choices: [wide, none]}}"
    with pytest.raises(BadInput, match=r"unknown parameter `costs\.slippage\.quote`: it is a text"):
        read_sweep(home / "sweep.yaml", overrides=(SPREAD.replace("QUOTE", "wide"), searched))
