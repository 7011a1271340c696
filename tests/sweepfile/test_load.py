from __future__ import annotations

from datetime import date

import pytest

from backsweep.errors import BadInput

FULL = """\
study: etf-threshold
data:
  bars: data/etf.parquet
  signals: s3://bucket/signals.parquet
  columns: {timestamp: date, asset: symbol}
  assets: [SPY, NO]
  start: 2006-01-01
strategy: strategies/threshold.py:Threshold
account: {cash: 1000000, mode: shared, kind: margin, leverage: 2.0, lot: 1}
execution: {profile: next_open}
costs:
  commission: {kind: percentage, rate: 5e-4}
  per_asset: {TLT: {commission: {kind: per_share, rate: 0.005, minimum: 1.0}}}
search:
  sampler: tpe
  trials: 2000
  params:
    entry: {low: 0.5, high: 3.0}
    window: {low: 5, high: 100, log: true, integer: true}
  fixed: {exit: 0.0}
  objective: {maximize: sharpe}
  constraints: ["max_drawdown <= 0.35", "trades >= 30"]
walk_forward: {train: 4y, test: 1y, step: 1y, mode: rolling, purge: 0d, embargo: 5d, select: best}
runtime: {workers: 2, backend: ray, address: local}
"""


def test_a_full_sweep_file_is_read_with_paths_relative_to_itself(bench):
    sweep = bench.sweep(FULL)
    assert sweep.data.bars == str(bench.folder / "data/etf.parquet")
    assert sweep.data.signals == "s3://bucket/signals.parquet"
    assert sweep.data.assets == ("SPY", "NO")
    assert sweep.data.start == date(2006, 1, 1)
    assert sweep.strategy == f"{bench.folder}/strategies/threshold.py:Threshold"
    assert sweep.costs.commission.rate == 0.0005
    assert sweep.costs.per_asset["TLT"].commission.minimum == 1.0
    assert [(bound.name, bound.relation.text) for bound in sweep.search.bounds] == [
        ("max_drawdown", "max_drawdown <= 0.35"),
        ("trades", "trades >= 30"),
    ]
    assert sweep.where("search", "params", "window", "low").endswith("sweep.yaml:19")


def test_a_strategy_in_a_module_keeps_its_name(bench):
    text = FULL.replace("strategies/threshold.py:Threshold", "backsweep.strategies.threshold:Threshold")
    assert bench.sweep(text).strategy == "backsweep.strategies.threshold:Threshold"


MISTAKES = [
    ("cash: 1000000", "cahs: 1", r":9: unknown key `account\.cahs`", "did you mean `cash`?"),
    ("search:\n", "serch:\n", r":14: unknown key `serch`", "did you mean `search`?"),
    ("maximize: sharpe", "maximise: sharpe", r":21: unknown key `search\.objective\.maximise`", "`maximize`"),
    ("per_share, rate", "per_share, rte", r":13: missing key `costs\.per_asset\.TLT\.commission\.rate`", "add `rate:`"),
    ("minimum: 1.0", "minimun: 1.0", r":13: unknown key .*minimun`", "did you mean `minimum`?"),
    ("study: etf-threshold\n", "", r"missing key `study`", "add `study:`"),
    ("bars: data/etf.parquet", "bar: data/etf.parquet", r":2: missing key `data\.bars`", "add `bars:`"),
    ("kind: percentage, ", "", r":12: missing key `costs\.commission\.kind`", "none, percentage, per_share, per_order"),
    ("kind: percentage", "kind: percent", r":12: unknown `costs\.commission\.kind`", "did you mean `percentage`?"),
    ("kind: margin", "kind: margn", r":9: bad value of `account\.kind`", "did you mean `margin`?"),
    ("rate: 5e-4", "rate: '5e-4'", r":12: bad value of `costs\.commission\.rate`", "without quotes or units"),
    ("rate: 5e-4", "rate: 1.5", r":12: bad value of `costs\.commission\.rate`", "less than 1"),
    ("rate: 5e-4", "rate: -1", r":12: bad value of `costs\.commission\.rate`", "greater than or equal to 0"),
    ("leverage: 2.0", "leverage: 0", r":9: bad value of `account\.leverage`", "greater than 0"),
    ("lot: 1", "per_asset: {TLT: {tik: 1}}", r":9: unknown key `account\.per_asset\.TLT\.tik`", "did you mean `tick`?"),
    ("lot: 1", "per_asset: {TLT: {multiplier: 0}}", r":9: bad value of `account\.per_asset\.TLT", "greater than 0"),
    ("lot: 1", "per_asset: {TLT: {shortable: 1}}", r":9: bad value of `account\.per_asset\.TLT", "boolean"),
    ("lot: 1", "lot: .nan", r":9: bad value of `account\.lot`", "finite"),
    ("trials: 2000", "trials: many", r":16: bad value of `search\.trials`", "a valid integer"),
    ("trials: 2000", "trials: 0", r":16: bad value of `search\.trials`", "greater than or equal to 1"),
    ("trials: 2000", "trials: 2.5", r":16: bad value of `search\.trials`", "a valid integer"),
    ("  trials: 2000\n", "", r":14: missing key `search\.trials`", "add `trials: 500`"),
    ("log: true", "log: yes", r":19: bad value of `search\.params\.window\.log`", "a valid boolean"),
    ("{low: 0.5, high: 3.0}", "{low: 0.5, choices: [1]}", r":18: bad value of `search\.params\.entry`: either", ""),
    ("exit: 0.0", "exit: [1]", r":20: bad value of `search\.fixed\.exit`", "number"),
    ("SPY, NO", "SPY, 7203", r":6: bad value of `data\.assets\.1`", "put it in quotes: '7203'"),
    ("start: 2006-01-01", "start: soon", r":7: bad value of `data\.start`", '"soon"'),
    ("sampler: tpe", "enqueue: default", r":15: bad value of `search\.enqueue`", 'a list: `enqueue: ["default"]`'),
    ("sampler: tpe", "enqueue: [defaults]", r":15: bad value of `search\.enqueue\.0`", "did you mean `default`?"),
    ("sampler: tpe", "enqueue: []", r":15: bad value of `search\.enqueue`", "at least 1 of them"),
    ("sampler: tpe", "relations: a < b", r":15: bad value of `search\.relations`", 'a list: `relations: ["a < b"]`'),
    ("sampler: tpe", "sampler: tpee", r":15: unknown sampler", "did you mean `tpe`?"),
    ("{maximize: sharpe}", "sharpe", r":21: bad value of `search\.objective`: write `{maximize: METRIC}`", '"sharpe"'),
    ("maximize: sharpe", "maximize: sharp", r":21: unknown metric", "did you mean `sharpe`?"),
    ("{maximize: sharpe}", "{maximize: sharpe, minimize: cagr}", r":21: .*exactly one of", ""),
    ("{maximize: sharpe}", "[{maximize: sharpe}, {minimize: sharpe}]", r":21: the same objective twice", ""),
    ("{maximize: sharpe}", "[{maximize: cagr-sharpe}, {minimize: cagr - sharpe}]", r":21: the same objective", ""),
    ("maximize: sharpe", "maximize: sharpe - 0.5 * turnovr", r":21: unknown metric", "did you mean `turnover`?"),
    (
        "maximize: sharpe",
        "maximize: sharpe -",
        r":21: `sharpe -` cannot be read",
        "a metric, a number or a parenthesis",
    ),
    ("maximize: sharpe", "maximize: sharpe ** 2", r":21: `sharpe \*\* 2` cannot be read", "`*` at character 9"),
    ("trades >= 30", "trades > 30", r":22: a constraint that is no bound", "trades > 30"),
    ("trades >= 30", "trades", r":22: `trades` cannot be read", "one comparison of two expressions"),
    ("trades >= 30", "trades / sesions >= 0.1", r":22: unknown metric", "did you mean `sessions`?"),
    ("trades >= 30", "trade >= 30", r":22: unknown metric", "did you mean `trades`?"),
    ("trades >= 30", "trades >= 1e999", r":22: `trades >= 1e999` cannot be read", "below 1.7e308"),
    ("trades >= 30", "trades >= -" + "9" * 400, r":22: `trades >= -9+` cannot be read", "below 1.7e308"),
    ("trades >= 30", "trades >= nan", r":22: unknown metric", "nan"),
    ("train: 4y", "train: 1000y", r":23: bad value of `walk_forward\.train`: a span is a number of years", "1000y"),
    ("purge: 0d", "purge: 999999s", r":23: bad value of `walk_forward\.purge`: a gap is a number of years", "999999s"),
    ("study: etf", "study: " + "x" * 100, r":1: bad value of `study`: a name of letters", "at most 100"),
    ("entry: {low: 0.5", 'entry: {"low": "\\0"', r":18: the character U\+0000", "remove it"),
    ("data/etf.parquet", '"data/\\0"', r":3: the character U\+0000", "remove it"),
    ("data/etf.parquet", '"data/\\ud800"', r":3: the character U\+D800", "remove it"),
    ("trades >= 30", "max_drawdown <= 0.2", r":22: two constraints of the same kind", "max_drawdown <= 0.2"),
    ("train: 4y", "train: 4 years", r":23: bad value of `walk_forward\.train`: a span is a number of years", "4 years"),
    ("train: 4y", "train: 1000", r":23: bad value of `walk_forward\.train`: a span is a number of years", "252s"),
    ("test: 1y, ", "", r":23: missing key `walk_forward\.test`", "add `test: 1y`"),
    (
        "select: best",
        "share_proposals: true",
        r":23: a sampler that learns cannot propose for several folds",
        "leave `share_proposals` out",
    ),
    ("{workers: 2, backend: ray, address: local}", "3", r":24: bad value of `runtime`", "a mapping"),
    ("workers: 2", "workers: 0", r":24: bad value of `runtime\.workers`", "greater than or equal to 1"),
    ("workers: 2", "time_limit: 2 hours", r":24: bad value of `runtime\.time_limit`: a time is a number", "2 hours"),
    (
        "trials: 2000",
        "trials: 2000\n  patience: 0",
        r":17: bad value of `search\.patience`",
        "greater than or equal to 1",
    ),
    ("study: etf-threshold", "study: ../x", r":1: bad value of `study`: a name of letters", "../x"),
]


@pytest.mark.parametrize(("before", "after", "message", "detail"), MISTAKES, ids=[after for _, after, _, _ in MISTAKES])
def test_each_mistake_gets_one_message_with_its_line_and_remedy(bench, before, after, message, detail):
    assert before in FULL
    with pytest.raises(BadInput, match=message) as caught:
        bench.sweep(FULL.replace(before, after, 1))
    assert detail in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.remedy or caught.value.expected or caught.value.found


def test_the_topmost_of_several_mistakes_is_reported(bench):
    with pytest.raises(BadInput, match=":9: unknown key"):
        bench.sweep(FULL.replace("workers: 2", "workers: 0").replace("cash:", "cahs:"))


def test_bounds_on_both_sides_of_a_metric_have_two_names(bench):
    sweep = bench.sweep(FULL.replace("trades >= 30", "max_drawdown >= 0.01"))
    assert [bound.name for bound in sweep.search.bounds] == ["max_drawdown_at_most", "max_drawdown_at_least"]


def test_a_bound_is_named_by_what_it_bounds(bench):
    text = FULL.replace(
        '"trades >= 30"', '"trades  / sessions >= 0.1", "trades/sessions <= 2", "volatility <= 2 * cagr"'
    )
    names = [bound.name for bound in bench.sweep(text).search.bounds]
    assert names == ["max_drawdown", "trades / sessions", "trades/sessions", "volatility <= 2 * cagr"]


def test_overrides_replace_add_and_name_themselves_in_messages(bench):
    sweep = bench.sweep(
        FULL,
        "search.trials=500",
        "costs.commission.rate=1e-3",
        "search.params.entry.low=0.7",
        "search.params.costs.commission.rate={choices: [0.0, 0.001]}",
        "search.params.costs.commission.rate.choices=[0.0, 0.002]",
        "search.fixed.account.lot=10",
        "data.end=2020-12-31",
    )
    assert sweep.search.trials == 500
    assert sweep.costs.commission.rate == 0.001
    assert (sweep.search.params["entry"].low, sweep.search.params["entry"].high) == (0.7, 3.0)
    assert sweep.search.params["costs.commission.rate"].choices == (0.0, 0.002)
    assert sweep.search.fixed == {"exit": 0.0, "account.lot": 10}
    assert sweep.data.end == date(2020, 12, 31)
    with pytest.raises(BadInput, match=r"^--set search\.trials: bad value of `search\.trials`"):
        bench.sweep(FULL, "search.trials=many")
    with pytest.raises(BadInput, match=r"^--set serch\.trials: unknown key `serch`"):
        bench.sweep(FULL, "serch.trials=1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("search.trials", "an override that cannot be read"),
        ("study.name=x", "`study` holds a value, not keys"),
        ("search.trials=[1", "not valid YAML"),
    ],
)
def test_an_override_that_cannot_be_applied_is_an_error(bench, text, message):
    with pytest.raises(BadInput, match=message):
        bench.sweep(FULL, text)


def test_one_account_cannot_be_cut_into_shards(bench):
    with pytest.raises(BadInput, match=r"--set runtime\.shards: one account for all assets cannot be cut into shards"):
        bench.sweep(FULL, "runtime.shards=4")
    sleeves = bench.sweep(FULL, "runtime.shards=4", "account.mode=sleeves")
    assert (sleeves.account.mode, sleeves.runtime.shards) == ("sleeves", 4)
