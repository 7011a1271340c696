"""The sampler for Optuna's studies: Optuna's published tests of samplers, and the semantics beside the densities."""

import pickle

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.testing.pytest_samplers import BasicSamplerTestCase, MultiObjectiveSamplerTestCase, RelativeSamplerTestCase
from optuna.trial import TrialState, create_trial

import backsweep as bs


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def sampler():
    return lambda: bs.TPESampler(seed=1)


class TestByOptuna(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self):
        return lambda: bs.TPESampler(seed=1)


def objective(trial):
    x = trial.suggest_float("x", -5.0, 5.0)
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    n = trial.suggest_int("n", 1, 50)
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    trial.set_constraint("bound", x - 4.0)
    return (x - 1) ** 2 + (np.log10(rate) + 2) ** 2 + abs(n - 20) / 10 + (kind != "b")


def values_of(study):
    return [trial.value for trial in study.trials]


def test_a_seed_determines_a_study(sampler):
    studies = [optuna.create_study(sampler=sampler()) for _ in range(2)]
    for study in studies:
        study.optimize(objective, n_trials=40)
    assert values_of(studies[0]) == values_of(studies[1])
    studies[0].sampler.reseed_rng()
    for study in studies:
        study.optimize(objective, n_trials=1)
    assert values_of(studies[0])[-1] != values_of(studies[1])[-1]


@pytest.mark.parametrize("refined", [False, True])
def test_it_searches_as_well_as_optunas(refined):
    best = {}
    for make in (bs.TPESampler, optuna.samplers.TPESampler, optuna.samplers.RandomSampler):
        more = {"refined": refined} if make is bs.TPESampler else {}
        runs = [optuna.create_study(sampler=make(seed=seed, **more)) for seed in range(3)]
        for study in runs:
            study.optimize(objective, n_trials=40)
        best[make] = np.median([study.best_value for study in runs])
    assert best[bs.TPESampler] < best[optuna.samplers.RandomSampler] / 2
    assert best[bs.TPESampler] < 2 * best[optuna.samplers.TPESampler]


def test_a_sampler_goes_through_a_pickle_and_reads_its_study_anew(sampler):
    study = optuna.create_study(sampler=sampler())
    study.optimize(objective, n_trials=20)
    again = optuna.create_study(sampler=pickle.loads(pickle.dumps(study.sampler)))  # noqa: S301 - made here
    again.add_trials(study.trials)
    for each in (study, again):
        each.optimize(objective, n_trials=10)
    assert values_of(study) == values_of(again)


@pytest.mark.parametrize("name", [None, "mine"])  # in a storage each, as create_study makes one
def test_one_sampler_may_serve_several_studies_one_after_the_other(sampler, name):
    shared = sampler()
    for low in (0.0, 10.0):
        study = optuna.create_study(sampler=shared, study_name=name)
        study.optimize(lambda trial, low=low: trial.suggest_float("x", low, low + 1.0), n_trials=15)
        (known,) = shared._known.values()
        assert known.tpe.archive.count == 14


def test_states_count_as_optuna_counts_them(sampler):
    space = {"x": FloatDistribution(0.0, 1.0), "kind": CategoricalDistribution(("a", None)), "n": IntDistribution(1, 9)}
    params = {"x": 0.5, "kind": None, "n": 3}
    study = optuna.create_study(sampler=sampler(), direction="maximize")
    for state, more in (
        (TrialState.COMPLETE, {"value": 3.0}),
        (TrialState.PRUNED, {"intermediate_values": {1: 2.0, 4: 7.0}}),
        (TrialState.PRUNED, {}),
        (TrialState.FAIL, {}),
        (TrialState.COMPLETE, {"value": -np.inf}),
    ):
        study.add_trial(create_trial(state=state, params=params, distributions=space, **more))
    violated = create_trial(value=9.0, params={"x": 0.25, "n": 4}, distributions={k: space[k] for k in ("x", "n")})
    violated.set_constraint("first", 2.0)
    violated.set_constraint("second", -1.0)
    study.add_trial(violated)
    study.ask()
    study.sampler.sample_relative(study, study.trials[-1], space)
    (known,) = study.sampler._known.values()
    archive = known.tpe.archive
    assert archive.count == 5
    assert archive._losses[:5, 0].tolist() == [-3.0, -7.0, 0.0, np.inf, -9.0]
    assert archive._progress[:5].tolist() == [-np.inf, -4.0, 1.0, -np.inf, -np.inf]
    assert archive._excess[:5].tolist() == [0.0, 0.0, 0.0, 0.0, 2.0]
    assert archive._latent[0].tolist() == [0.5, 1.0, 2.5 / 9]
    assert np.isnan(archive._latent[4]).tolist() == [False, True, False]


def test_trials_that_are_running_spread_a_batch(sampler):
    study = optuna.create_study(sampler=sampler())
    study.optimize(lambda trial: abs(trial.suggest_float("x", 0.0, 1.0) - 0.5), n_trials=60)
    batch = [study.ask() for _ in range(20)]
    values = np.sort([trial.suggest_float("x", 0.0, 1.0) for trial in batch])
    assert np.ptp(values) > 0.05
    assert np.diff(values).min() > 0.0
    assert len(study.sampler._asked) == 20
    for trial in batch:
        study.tell(trial, 1.0)
    assert study.sampler._asked == {}


def test_what_finishes_late_is_observed_once(sampler):
    study = optuna.create_study(sampler=sampler())
    space = {"x": FloatDistribution(0.0, 1.0)}
    late = study.ask(space)
    for count in range(1, 6):
        study.tell(study.ask(space), float(count))
    study.tell(late, 9.0)
    study.ask(space)
    (known,) = study.sampler._known.values()
    assert (known._observed, known._ahead, known.tpe.archive.count) == (6, set(), 6)
    assert known.tpe.archive._losses[:6, 0].tolist() == [1.0, 2.0, 3.0, 4.0, 9.0, 5.0]


def test_of_trials_behind_one_that_is_running_those_that_finished_are_not_running(sampler):
    study = optuna.create_study(sampler=sampler())
    space = {"x": FloatDistribution(0.0, 1.0)}
    trials = [study.ask(space) for _ in range(4)]
    study.tell(trials[1], 1.0)
    study.tell(trials[2], state=TrialState.FAIL)
    study.sampler.sample_relative(study, study.trials[3], space)
    (known,) = study.sampler._known.values()
    assert [trial.number for trial in known.running(study.trials)] == [0, 3]
    assert (known._observed, known._ahead, known.tpe.archive.count) == (0, {1, 2}, 1)


def test_of_a_refined_sampler_every_eighth_trial_is_uniform_once_it_knows_enough(monkeypatch):
    space = {"x": FloatDistribution(0.0, 1.0)}
    trials = [create_trial(params={"x": i / 300}, distributions=space, value=float(i)) for i in range(300)]
    drawn = {False: [], True: []}
    for refined, numbers in drawn.items():
        study = optuna.create_study(sampler=bs.TPESampler(seed=1, refined=refined))
        study.add_trials(trials)
        study.ask(space)
        (known,) = study.sampler._known.values()
        monkeypatch.setattr(known.tpe, "propose", lambda *_: np.array([[0.25]]))
        for _ in range(16):
            trial = study.ask(space)
            if trial.params["x"] != 0.25:
                numbers.append(trial.number)
    assert drawn == {False: [], True: [303, 311]}


def test_a_choice_that_a_distribution_lacks_does_not_count(sampler):
    study = optuna.create_study(sampler=sampler())
    for kind in "ab":
        distributions = {"kind": CategoricalDistribution(("a", "b"))}
        study.add_trial(create_trial(params={"kind": kind}, distributions=distributions, value=1.0))
    value = study.sampler.sample_independent(study, study.trials[0], "kind", CategoricalDistribution(("b", "c")))
    (known,) = study.sampler._known.values()
    assert value in ("b", "c")
    assert np.array_equal(known.tpe.archive._latent[:2], [[np.nan], [0.0]], equal_nan=True)


def test_values_outside_of_a_range_that_has_changed_do_not_count(sampler):
    study = optuna.create_study(sampler=sampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 10.0), n_trials=12)
    study.optimize(lambda trial: trial.suggest_float("x", 5.0, 6.0), n_trials=1)
    known = study.sampler._known[("x", FloatDistribution(5.0, 6.0)),]
    latent = known.tpe.archive._latent[:12, 0]
    inside = [5.0 <= trial.params["x"] <= 6.0 for trial in study.trials[:12]]
    assert np.isfinite(latent).tolist() == inside


def test_spaces_that_change_all_the_time_do_not_accumulate(sampler):
    study = optuna.create_study(sampler=sampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0 + trial.number), n_trials=70)
    assert len(study.sampler._known) == 64
