"""Importances of parameters, against Optuna's evaluator."""

import math
import warnings

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from backsweep.study.results.importances import FEWEST, importances
from backsweep.study.search.dimension import Dimension

AXES = (
    Dimension("entry", 0.5, 3.0),
    Dimension("rate", 1e-4, 1e-1, log=True),
    Dimension("window", 5.0, 100.0, 1.0, log=True, integer=True),
    Dimension("span", 2.0, 20.0, 3.0, integer=True),
    Dimension("stop", 0.0, 6.0, 0.25),
    Dimension("kind", integer=True, choices=(3, 1, 2)),
    Dimension("filter", choices=(False, True)),
    Dimension("fixed", 2.0, 2.0),
)


def distribution(axis):
    if axis.choices is not None:
        return CategoricalDistribution(axis.choices)
    if axis.integer:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step))
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def by_optuna(values, losses):
    study = optuna.create_study()
    spread = {axis.name: distribution(axis) for axis in AXES}
    study.add_trials(
        optuna.trial.create_trial(
            value=loss,
            params={axis.name: axis.plain(value) for axis, value in zip(AXES, row, strict=True)},
            distributions=spread,
        )
        for row, loss in zip(values, losses, strict=True)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return optuna.importance.get_param_importances(study, evaluator=evaluator)


@pytest.mark.parametrize("count", [FEWEST, 57, 600])
def test_they_are_those_of_optunas_evaluator(count):
    unit = np.random.default_rng(count).random((count, len(AXES)))
    values = np.stack([axis.from_unit(unit[:, j]) for j, axis in enumerate(AXES)], axis=1)
    losses = (values[:, 0] - 1.0) ** 2 + np.abs(np.log(values[:, 2] / 20.0)) + (values[:, 5] == 1) + values[:, 4] / 40
    found = importances(AXES, values, np.argsort(losses, kind="stable"))
    expected = by_optuna(values, losses)
    for name, share in expected.items():
        assert found.get(name, 0.0) == pytest.approx(share, rel=1e-9, abs=1e-12)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert math.fsum(found.values()) == pytest.approx(1.0)


def test_the_parameter_that_decides_has_nearly_all():
    values = np.random.default_rng(1).random((500, 2))
    axes = (Dimension("decides", 0.0, 1.0), Dimension("idle", 0.0, 1.0))
    found = importances(axes, values, np.argsort(values[:, 0]))
    assert list(found) == ["decides", "idle"]
    assert found["decides"] > 0.9


def test_too_few_trials_and_axes_of_one_value_have_none():
    axes, few = (Dimension("x", 0.0, 1.0),), np.linspace(0.0, 1.0, FEWEST - 1)[:, None]
    assert importances(axes, few, np.arange(len(few))) == {}
    many = np.full((50, 1), 2.0)
    assert importances((Dimension("x", 2.0, 2.0),), many, np.arange(50)) == {}
