"""Parameters that only some trials have, of texts, null choices and conditions, under every sampler."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from backsweep.errors import BadInput
from backsweep.strategy import Param
from backsweep.study.search.proposals import Observations, Proposals
from backsweep.study.search.samplers import auto, make_proposer
from backsweep.study.search.space import build_space

EVERY = ("random", "sobol", "grid", "auto", "tpe", "cmaes", "nsga2", "optuna.samplers:NSGAIIISampler")
DECLARED = {
    "kind": Param(choices=("sma", "ema", "wma"), default="sma"),
    "span": Param(2, 9, step=1, integer=True, default=4),
    "decay": Param(0.0, 1.0, step=0.25, default=0.5),
    "stop": Param(choices=(None, 0.1, 0.2), default=None),
    "exit": Param(choices=(False, True), default=False),
}
PARAMS = "params={kind: {choices: [ema, sma]}, span: {when: kind == ema}, decay: {when: span > 5}}"


TEXT = """\
study: conditions
data: {bars: bars.parquet}
strategy: formula.py:Formula
costs: {slippage: {kind: percentage, rate: 0.001}}
search:
  trials: 500
  seed: 3
"""


def space_of(bench, *overrides, **search):
    sweep = bench.sweep(TEXT, *(f"search.{each}" for each in overrides), **search)
    return sweep, build_space(sweep, DECLARED)


def propose(bench, sampler, batches=8, size=16, overrides=(PARAMS,)):
    """Return the space, and the values of batches of a sampler that likes a long span and a stop of 0.2."""
    sweep, space = space_of(bench, *overrides, batch=size, lag=1, sampler=sampler)
    proposer = make_proposer(sweep, space)
    found = []
    for batch in range(batches):
        proposals = proposer.propose(batch, size, [])
        values = proposals.values
        found.append(values)
        loss = -np.nan_to_num(values[:, 1]) - (values[:, 3] == 2.0)
        proposer.observe(Observations(proposals, loss[:, None], np.zeros((size, 0)), np.zeros(size, np.bool_)))
    return space, np.concatenate(found)


@pytest.mark.parametrize("sampler", EVERY)
def test_every_sampler_proposes_a_parameter_where_its_condition_holds_and_there_alone(bench, sampler, monkeypatch):
    monkeypatch.setattr(auto, "START", 32)
    space, values = propose(bench, sampler, batches=10)
    kind, span, decay, stop, exits = values.T
    assert set(kind) == {0.0, 1.0}  # places in the declaration: sma, ema
    assert np.array_equal(np.isnan(span), kind == 0.0)
    assert np.array_equal(np.isnan(decay), ~(span > 5))
    assert 0 < np.isnan(span).sum() < len(span)
    assert 0 < np.isnan(decay[kind == 1.0]).sum() < (kind == 1.0).sum()
    assert not np.isnan(np.column_stack([stop, exits])).any()
    again = propose(bench, sampler, batches=10)[1]
    assert np.array_equal(values, again, equal_nan=True)
    row = next(row for row in values if math.isnan(row[1]))
    assert set(space.decode(row)) == {"kind", "stop", "exit"}
    assert np.array_equal(space.encode(space.decode(row)), row, equal_nan=True)


@pytest.mark.parametrize("sampler", ["tpe", "auto"])
def test_a_sampler_that_learns_finds_the_branch_and_the_value_in_it(bench, sampler):
    _, values = propose(bench, sampler, batches=16)
    last = values[-64:]
    assert (last[:, 0] == 1.0).mean() > 0.7
    assert np.nanmedian(last[:, 1]) >= 8.0


def test_a_grid_has_each_active_combination_once(bench):
    overrides = (PARAMS, "relations=['decay != 0.5', 'exit == false']")
    sweep, space = space_of(bench, *overrides, batch=8, lag=1, sampler="grid")
    proposer = make_proposer(sweep, space)
    expected = {("sma", None, None, stop, False) for stop in (None, 0.1, 0.2)}
    for span, stop in product(range(2, 10), (None, 0.1, 0.2)):
        decays = (0.0, 0.25, 0.75, 1.0) if span > 5 else (None,)
        expected |= {("ema", span, decay, stop, False) for decay in decays}
    assert proposer.limit == len(expected) == 3 + 4 * 3 + 4 * 3 * 4
    batches = [proposer.propose(batch, 8, []).values for batch in range(-(-proposer.limit // 8))]
    found = [space.decode(row) for row in np.concatenate(batches)[: proposer.limit]]
    names = ("kind", "span", "decay", "stop", "exit")
    assert sorted(map(repr, (tuple(each.get(name) for name in names) for each in found))) == sorted(map(repr, expected))


def test_a_relation_does_not_bind_a_trial_without_its_parameter(bench):
    overrides = (PARAMS, "relations=['span >= 8', 'stop < 0.15', 'exit == true']")
    _, values = propose(bench, "random", overrides=overrides)
    kind, span, _, stop, exits = values.T
    assert exits.all()
    assert (kind == 0.0).any()  # has no span
    assert (span[kind == 1.0] >= 8).all()
    assert set(stop) == {0.0, 1.0}  # null, and 0.1


def test_a_dotted_key_may_have_a_condition_and_be_named_in_one(bench):
    params = "params={costs.slippage.rate: {choices: [0.0, 0.001], when: exit == true}}"
    values = propose(bench, "random", overrides=(params,))[1]
    assert np.array_equal(np.isnan(values[:, 5]), values[:, 4] == 0.0)
    params = "params={costs.slippage.rate: {choices: [0.0, 0.001]}, span: {when: costs.slippage.rate > 0}}"
    values = propose(bench, "random", overrides=(params,))[1]
    assert np.array_equal(np.isnan(values[:, 1]), values[:, 5] == 0.0)


def test_a_condition_may_name_what_is_fixed(bench):
    _, space = space_of(bench, "fixed={kind: ema, stop: null}", "params={span: {when: kind == ema}}")
    assert not np.isnan(space.from_unit(np.random.default_rng(0).random((20, 3)))[:, 0]).any()
    with pytest.raises(BadInput, match=r"`span` is never searched(.|\n)*`stop != null`"):
        space_of(bench, "fixed={kind: ema, stop: null}", "params={span: {when: stop != null}}")


def test_values_become_numbers_and_back_in_one_place(bench):
    _, space = space_of(bench, PARAMS)
    values = {"kind": "ema", "span": 6, "decay": 0.25, "stop": None, "exit": True}
    row = space.encode(values)
    assert row.tolist() == [1.0, 6.0, 0.25, 0.0, 1.0]
    found = space.decode(row)
    assert found == values
    assert [type(each) for each in found.values()] == [str, int, float, type(None), bool]


def test_a_first_trial_has_the_parameters_that_its_values_allow(bench):
    _, space = space_of(bench, PARAMS, "enqueue=[default, {kind: ema}, {kind: ema, span: 7, stop: 0.2}]")
    decoded = [space.decode(np.array(row)) for row in space.given]
    assert decoded == [
        {"kind": "sma", "stop": None, "exit": False},
        {"kind": "ema", "span": 4, "stop": None, "exit": False},
        {"kind": "ema", "span": 7, "decay": 0.5, "stop": 0.2, "exit": False},
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("enqueue=[{kind: sma, span: 3}]", r"with `span`, which its other values rule out(.|\n)*kind == ema"),
        ("enqueue=[{kind: wma}]", r"a value of `kind` that is not searched\n(.|\n)*one of \"ema\", \"sma\""),
        ("enqueue=[{kind: emma}]", r"bad value of `kind`(.|\n)*\"sma\", \"ema\", \"wma\"(.|\n)*did you mean `ema`"),
        ("enqueue=[{stop: 0.3}]", r"bad value of `stop`\n  expected: one of null, 0\.1, 0\.2"),
        ("enqueue=[{kind: ema, span: null}]", r"bad value of `span`\n  expected: a number"),
        ("fixed={kind: 1}", r"bad value of `kind`"),
        ("params={kind: {choices: [emma]}}", r"`kind` has no choice \"emma\"(.|\n)*add it to bs\.choice"),
        ("params={kind: {choices: [ema, ema]}}", r"every choice once"),
        ("params={kind: {low: 1, high: 2}}", r"`choices`, as the strategy declares"),
        ("params={span: {when: knd == ema}}", r"cannot be read(.|\n)*did you mean `kind`"),
        ("params={span: {when: kind == emma}}", r"no choice of it(.|\n)*did you mean `ema`"),
        ("params={span: {when: span > 3}}", r"in a circle"),
        ("params={span: {when: decay > 0.5}, decay: {when: span > 3}}", r"circle(.|\n)*span needs decay needs span"),
        ("params={stop: {when: kind == ema}}", r"`stop` has a condition and a null choice"),
        ("params={span: {when: span == 3}}", r"in a circle"),
        ("params={decay: {when: span > 20}}", r"`decay` is never searched"),
        ("relations=['kind == emma']", r"no choice of it"),
        ("relations=['kind == wma', 'kind == sma']", r"nothing satisfies the relations"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(bench, override, message):
    base = {"params": [], "fixed": [PARAMS]}.get(override.partition("=")[0], [PARAMS])
    base = [] if override.startswith(("params", "fixed", "relations")) else base
    with pytest.raises(BadInput, match=message):
        space_of(bench, *base, override)


def test_tpe_learns_of_a_parameter_from_the_trials_that_have_it(bench):
    sweep, space = space_of(bench, PARAMS, batch=32, lag=1, sampler="tpe")
    proposer = make_proposer(sweep, space)
    values = space.from_unit(np.random.default_rng(1).random((200, 5)))
    loss = np.where(np.isnan(values[:, 1]), 1.0, np.abs(values[:, 1] - 3.0))
    proposer.observe(Observations(Proposals(values), loss[:, None], np.zeros((200, 0)), np.zeros(200, np.bool_)))
    found = np.concatenate([proposer.propose(batch, 32, []).values for batch in range(4)])
    spans = found[~np.isnan(found[:, 1]), 1]
    assert len(spans)
    assert np.median(np.abs(spans - 3.0)) <= 1.0
