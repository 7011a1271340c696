"""The comparison of samplers in small; `make search-bench` runs it whole."""

import re

import numpy as np
import pytest

from search_bench import functions
from search_bench.backtests import CASES
from search_bench.objectives import FOUND, FUNCTIONS, Outcomes
from search_bench.report import BEGIN, END, compare, holm, write_page
from search_bench.searches import OBJECTIVES, Found, Sampler, best_after, objective_of, search
from search_bench.store import Store, Task

OPTIMA = {
    functions.sphere: functions.shift(6, 4.0),
    functions.rosenbrock: np.ones(4),
    functions.ackley: functions.shift(8, 20.0),
    functions.levy: np.ones(10),
    functions.griewank: functions.shift(6, 300.0),
    functions.styblinski_tang: np.full(5, -2.903534027771177) @ functions.rotation(5).T,
    functions.hartmann: np.array([0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]),
    functions.rastrigin: functions.shift(6, 4.0),
    functions.ellipsoid: functions.shift(12, 4.0),
    functions.kinds: np.array([2.0, 0.72, 0.15, 12.0, 1.0, 0.02]),
}


@pytest.mark.parametrize("function", OPTIMA, ids=lambda each: each.__name__)
def test_the_least_value_of_a_function_is_0_at_its_optimum(function):
    assert function(OPTIMA[function][None])[0] == pytest.approx(0.0, abs=1e-6)


def test_the_least_sum_of_tables_is_found_over_all_choices_of_three_axes():
    alone, pairs = (table[:size] for table, size in zip(functions.TABLES, (3, 2), strict=True))
    cells = np.indices((6, 6, 6)).reshape(3, -1)
    sums = alone[np.arange(3), cells.T].sum(axis=1)
    sums += pairs[0][cells[0], cells[1]] + pairs[1][cells[1], cells[2]]
    assert functions.least_of_chain(alone, pairs) == pytest.approx(sums.min())


def test_noise_follows_from_the_values_and_is_standard_normal():
    x = np.random.default_rng(0).random((20_000, 3))
    noise = functions.noise(x)
    assert np.array_equal(noise[5:6], functions.noise(x[5:6]))
    assert abs(noise.mean()) < 3 / 20_000**0.5
    assert abs(noise.var() - 1.0) < 3 * (2 / 20_000) ** 0.5


@pytest.mark.parametrize("sampler", [Sampler("backsweep", "random"), Sampler("optuna", "RandomSampler")], ids=str)
def test_a_search_repeats_and_what_it_found_does_not_become_worse(sampler):
    found = search(sampler, "sphere, 6", 3, 1_000)
    assert found.best == search(sampler, "sphere, 6", 3, 1_000).best
    assert found.best[200] >= found.best[1_000] > FOUND


def test_the_best_trial_is_the_best_feasible_one_and_is_judged_without_the_noise():
    plateau = next(each for each in FUNCTIONS if each.constraints)
    x = np.array([[1.9, 0.02, 0.06, 60.0], [3.2, 0.02, 0.06, 15.0]])
    outcomes = Outcomes(np.array([-1.0, -9.0]), np.array([[0.0, -1.0], [1.0, -1.0]]))
    assert best_after(plateau, x, outcomes, [1, 2]) == dict.fromkeys((1, 2), plateau.judge(x[:1])[0])


@pytest.mark.long
@pytest.mark.thorough
@pytest.mark.parametrize("name", CASES)
def test_a_backtest_is_searched_over_its_training_and_judged_by_its_test(name):
    objective = objective_of(name)
    unit = np.random.default_rng(0).random((6, len(objective.axes)))
    x = np.stack([axis.from_unit(unit[:, j]) for j, axis in enumerate(objective.axes)], axis=1)
    outcomes = objective.evaluate(x)
    assert outcomes.violations.shape == (6, objective.constraints)
    assert np.isfinite(outcomes.losses).any()
    assert not np.allclose(outcomes.losses, objective.judge(x))
    assert objective.judge(x[:2]).tolist() == objective.judge(x).tolist()[:2]


def test_samples_that_do_not_overlap_differ_and_the_sign_says_whose_losses_are_smaller():
    low, high = [1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]
    assert compare(low, high) == pytest.approx(2 / 252)  # of 252 ways to choose five of ten, one and its mirror
    assert compare(high, low) == pytest.approx(-2 / 252)
    assert compare(low, low) == 1.0
    assert compare([1.0], []) == 1.0
    assert holm([0.01, -0.02, 0.5]) == pytest.approx([0.03, -0.04, 0.5])


def test_the_page_keeps_its_text_and_marks_what_is_better_and_worse(tmp_path):
    samplers = (
        Sampler("backsweep", "random", most=200, seeds=8),
        Sampler("optuna", "RandomSampler", most=200, seeds=8),
    )
    store, page = Store(tmp_path / "searches.jsonl"), tmp_path / "page.md"
    for sampler in samplers:
        for seed in range(sampler.seeds):
            for number, name in enumerate(OBJECTIVES):
                apart = (100.0, 0.0, -100.0)[number % 3] * (sampler.home == "optuna")
                store.add(Task(sampler, name, seed, 200), Found({200: seed + apart}, 0.5, 1.0))
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page(page, Store(tmp_path / "searches.jsonl"), samplers)  # reads them back
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    share = re.search(r"\| optuna Random \| 6 / 5 / 5; (\d+)% to (\d+)% \| not run \| not run \| not run \|", text)
    assert int(share[1]) <= 53 <= int(share[2])  # (6 + 5 / 2) / 16
    assert "| sphere, 6 * | 3.5 | 104 ▽ |" in text
    assert "| Ackley, 8 * | 3.5 | -96.5 ▲ |" in text
    assert "| optuna Random | 5.0.0 | 200 | 8 | 400 |" in text.replace(
        Task(samplers[1], "", 0, 0).key.split(" | ")[1], "5.0.0"
    )
