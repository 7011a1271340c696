"""The examples of README and docs run as they are printed."""

import re
import shutil

import pytest
import yaml
from scenarios.printed import ROOT, examples
from scenarios.printed import TEXT as PAGES

import backsweep as bs
from backsweep.errors import StudyConflict
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec

pytestmark = pytest.mark.thorough


@pytest.fixture
def example(tmp_path):
    shutil.copytree(ROOT / "sweeps", tmp_path / "sweeps")
    for name, text in examples().items():
        (tmp_path / "sweeps" / name).write_text(text)
    return tmp_path


def test_the_sweep_of_the_readme_runs(example):
    study = bs.run(example / "sweeps" / "my_trend.yaml", trials=32, backend="inline", out=example / "study")
    assert study.trials.height == 32
    assert study.best["value"] > 0.0


def test_the_strategy_of_the_page_on_types_runs(example):
    options = ("strategy=strategies/reversion.py:Reversion", "search.params={}", "search.fixed={}")
    study = bs.run(
        example / "sweeps" / "demo.yaml", trials=4, backend="inline", out=example / "study", overrides=options
    )
    assert study.trials["user_attrs_trades"].min() > 0


def test_the_currencies_of_the_docs_are_an_account():
    block = re.search(r"(?m)^(account:\n  currency(?:.*\n)+?)```", PAGES)
    account = AccountSpec.model_validate(yaml.safe_load(block[1])["account"])
    assert account.currencies == ("USD", "EUR", "JPY")
    assert account.per_asset["SONY"].currency == "JPY"


def test_the_cost_models_of_the_docs_run_and_are_swept(example):
    file = example / "sweeps" / "my_trend.yaml"
    models = (
        "slippage: {kind: custom, model: my_costs.py:PartOfRange, part: 0.1, times: 2.0}",
        "commission: {kind: custom, model: my_costs.py:Exchange, rate: 0.0005}",
    )
    text = re.sub(r"costs: .*", f"costs: {{{', '.join(models)}}}", file.read_text())
    file.write_text(text.replace("search:\n", "search:\n  params: {costs.slippage.part: {low: 0.0, high: 0.5}}\n"))
    study = bs.run(file, trials=4, backend="inline", out=example / "study")
    found = study.trials.sort("params_costs.slippage.part")
    assert found["user_attrs_commission"].min() > 0.0
    assert found["user_attrs_slippage"].min() > 0.0
    before = study.best["number"]
    (example / "sweeps" / "my_costs.py").write_text((example / "sweeps" / "my_costs.py").read_text() + "\n")
    with pytest.raises(StudyConflict, match=r"costs\.slippage\.source"):
        bs.run(file, trials=8, backend="inline", out=example / "study")
    assert bs.open_study(example / "study").best["number"] == before


def test_the_costs_of_the_docs_are_costs():
    block = re.search(r"```yaml\ncosts:\n((?:  .*\n)+)```\n\n## Commission", PAGES)
    costs = CostsSpec.model_validate(yaml.safe_load(block[1]))
    assert costs.commission.tiers[1].maker_rate == -0.0005
    assert costs.financing.funding == "funding_rate"
    assert costs.per_asset["GME"].commission.rate == 0.001


WALK_FORWARD = re.findall(r"(?m)^walk_forward: (\{mode: .*\})$", PAGES)
PRUNING = re.findall(r"(?m)^search: .* pruning: (\{.*\})\}$", PAGES)


@pytest.mark.parametrize("place", range(len(WALK_FORWARD)))
def test_every_walk_forward_of_the_docs_runs(tmp_path, place):
    rules = yaml.safe_load(WALK_FORWARD[place])
    sweep = ROOT / "sweeps" / "walk_forward.yaml"
    options = (f"walk_forward={WALK_FORWARD[place]}", "search.batch=8")
    study = bs.run(sweep, trials=8, workers=1, backend="inline", out=tmp_path / "study", overrides=options)
    folds = study.walk_forward.folds
    assert folds.height == (8, 8, 8, 1, 15, 7)[place]
    assert (folds["test_start"].null_count() == 1) == ("holdout" in rules)
    assert folds["numbers"].list.len().max() == rules.get("top", 1)


def test_the_docs_print_six_walk_forwards_and_three_prunings():
    assert (len(WALK_FORWARD), len(PRUNING)) == (6, 3)


@pytest.mark.parametrize("rules", PRUNING)
def test_every_pruning_of_the_docs_prunes(tmp_path, rules):
    sweep = ROOT / "sweeps" / "walk_forward.yaml"
    options = (f"search.pruning={rules}", "search.batch=16")
    study = bs.run(sweep, trials=16, workers=1, backend="inline", out=tmp_path / "study", overrides=options)
    assert "PRUNED" in study.folds["state"]
