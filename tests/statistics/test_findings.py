import math

import numpy as np
import pytest

from backsweep import metrics, statistics
from backsweep.statistics.findings import _p_values


def findings(returns, tried=None, selected=None, **more):
    moments = [[metric(column) for column in returns.T] for metric in (metrics.skew, metrics.kurtosis)]
    skew, kurtosis = np.array(moments)
    count = returns.shape[1]
    kept = statistics.block_sums(returns, min(128, len(returns) // 2))
    records = statistics.Records(np.arange(count) + 10, kept, skew, kurtosis, (returns < 0).any(axis=0))
    past = {
        name: more.pop(name)
        for name in ("looks", "pruned", "learned", "adaptive", "groups", "portfolios")
        if name in more
    }
    return statistics.compute_findings(
        records, statistics.Tried(tried or count, **past), 252.0, selected=selected, **more
    )


def test_a_planted_edge_survives_and_every_figure_is_of_it():
    returns = np.random.default_rng(0).normal(0, 0.01, (1280, 60))
    returns[:, 4] += 0.01 * 3 / math.sqrt(252)
    found = findings(returns)
    assert found.verdict.verdict == "survives"
    assert found.trial == 14
    assert found.sharpe == pytest.approx(metrics.sharpe(returns[:, 4]))
    assert 0 < found.lower_bound < found.haircut < found.sharpe
    assert found.deflated.low <= found.deflated.high <= found.probabilistic
    assert found.overfitting_probability < 0.1
    assert found.expect_low < found.what_to_expect < found.expect_high
    assert found.holm == found.yekutieli == found.survivors == 1
    assert 50 / 3 < found.effective < 60
    assert (found.sessions, found.years) == (1280, 1280 / 252)


def test_noise_is_called_noise():
    found = findings(np.random.default_rng(1).normal(0, 0.01, (1280, 60)))
    assert found.verdict.verdict == "compatible with noise"
    assert found.sharpe == pytest.approx(found.expected_noise, abs=0.6)
    assert (found.holm, found.survivors) == (0, 0)


def test_the_subject_is_the_selected_trial_or_the_best_and_its_skew_is_looked_at():
    returns = np.random.default_rng(0).normal(0.001, 0.01, (640, 3))
    returns[:, 1] -= 0.002
    returns[::160, 1] = -0.1  # four crashes
    best, crashed = findings(returns), findings(returns, selected=11)
    assert (best.subject, crashed.subject) == ("the trial with the largest Sharpe ratio", "the selected trial")
    assert (best.trial == 11, crashed.trial) == (False, 11)
    assert crashed.sharpe == pytest.approx(metrics.sharpe(returns[:, 1]))
    assert best.verdict.warnings == ()
    assert crashed.verdict.warnings[0].startswith("The selected trial has")
    assert f"a skew of {metrics.skew(returns[:, 1]):.1f}" in crashed.verdict.warnings[0]


def test_the_first_trial_can_be_the_best():
    returns = np.random.default_rng(0).normal(0.0, 0.01, (640, 3))
    returns[:, 0] += 0.01
    returns[::160, 0] = -0.1  # four crashes
    found = findings(returns)
    assert found.trial == 10
    assert f"a skew of {metrics.skew(returns[:, 0]):.1f}" in found.verdict.warnings[0]
    assert not math.isnan(found.probabilistic)


def test_the_track_record_is_in_years():
    returns = np.random.default_rng(0).normal(0.001, 0.01, (640, 3))
    found = findings(returns, selected=11)
    mine = returns[:, 1]
    sessions = statistics.minimum_track_record_length(
        metrics.sharpe(mine, periods_per_year=1), metrics.skew(mine), metrics.kurtosis(mine)
    )
    assert found.track_record == pytest.approx(sessions / 252)


def test_two_trials_are_enough_for_the_probability_of_overfitting():
    edge = np.random.default_rng(0).normal(0.0, 0.01, (640, 2))
    edge[:, 1] += 0.005
    assert findings(edge).overfitting_probability == 0.0


@pytest.mark.parametrize("looks", [1, 2])
def test_the_reason_names_a_correction_for_more_than_one_look(looks):
    returns = np.random.default_rng(1).normal(0.0, 0.01, (640, 5))
    found = findings(returns, null=ranked(0.01), learned=True, looks=looks)
    assert ("corrected for 2 looks at these data" in found.verdict.reason) == (looks == 2)
    assert ("corrected" in found.verdict.reason) == (looks == 2)


@pytest.mark.parametrize("looks", [1, 3, 1000])
def test_looks_multiply_the_p_value_up_to_one(looks):
    found = findings(np.random.default_rng(1).normal(0.0005, 0.01, (640, 5)), looks=looks)
    assert found.corrected == min(found.p_value * looks, 1.0)


def test_the_p_value_of_a_trial_alone_is_that_of_its_sharpe_ratio():
    own, skew, kurtosis = np.array([0.1, -0.05, np.nan]), np.array([-1.0, 0.5, 0.0]), np.array([5.0, 3.0, 3.0])
    single = [1 - statistics.probabilistic_sharpe_ratio(0.1, 50, -1.0, 5.0)]
    single += [1 - statistics.probabilistic_sharpe_ratio(-0.05, 50, 0.5, 3.0), 1.0]
    assert _p_values(own, skew, kurtosis, 50) == pytest.approx(single, rel=1e-9)
    # 1 - 1.5 x 0.5 + (3 - 1) / 4 x 0.5^2 = 0.375; erfc(z / sqrt(2)) / 2 at z = 0.5 sqrt(99 / 0.375)
    tail = math.erfc(0.5 * math.sqrt(99 / 0.375) / math.sqrt(2)) / 2
    assert _p_values(np.array([0.5]), np.array([1.5]), np.array([3.0]), 100) == pytest.approx([tail], rel=1e-9)


def test_pruned_trials_lower_the_bound_as_if_the_judged_ones_were_more():
    # Of 5 judged and 5 pruned, what is claimed of the best holds at half the level: as for two looks.
    returns = np.random.default_rng(1).normal(0.0005, 0.01, (640, 5))
    plain, pruned, twice = findings(returns), findings(returns, pruned=5), findings(returns, looks=2)
    assert pruned.lower_bound == twice.lower_bound < plain.lower_bound


def test_a_trial_whose_sharpe_ratio_has_no_standard_error_has_a_p_value_of_one():
    """1 - skew S + (kurtosis - 1) / 4 S^2 is 1 - 2 + 1 = 0, and with a skew of 3 below zero."""
    ones = np.ones(2)
    assert _p_values(ones, np.array([2.0, 3.0]), 5.0 * ones, 50).tolist() == [1.0, 1.0]


def test_the_resamples_are_those_of_seed_0_unless_another_is_asked_for():
    returns = np.random.default_rng(1).normal(0.0005, 0.01, (640, 5))
    bounds = [findings(returns, **seed).lower_bound for seed in ({}, {"seed": 0}, {"seed": 1})]
    assert bounds[0] == bounds[1] != bounds[2]


def test_failed_trials_count_in_the_number_tried():
    returns = np.random.default_rng(0).normal(0.0005, 0.01, (1280, 60))
    few, many = findings(returns), findings(returns, tried=6000)
    assert (many.tried, many.judged) == (6000, 60)
    assert many.haircut < few.haircut
    assert many.expected_noise > few.expected_noise
    assert many.deflated.low < few.deflated.low
    assert many.p_value == few.p_value


def test_a_study_in_which_nothing_trades_is_inconclusive():
    found = findings(np.zeros((300, 5)))
    assert found.verdict.verdict == "inconclusive"
    assert found.trial == -1
    assert math.isnan(found.sharpe)
    assert math.isnan(found.deflated.low)


def test_a_trial_that_traded_in_one_block_alone_does_not_survive():
    returns = np.zeros((400, 1))
    returns[200:203, 0] = (0.01, 0.02, 0.01)
    found = findings(returns)
    assert found.p_value < 0.05
    assert found.verdict.verdict == "inconclusive"


def test_one_trial_has_no_cross_validation():
    found = findings(np.random.default_rng(0).normal(0.001, 0.01, (300, 1)))
    assert math.isnan(found.overfitting_probability)
    assert 0 < found.p_value <= 1


def ranked(p_value, histories=99):
    above = round(p_value * (histories + 1)) - 1
    return statistics.NullRank(histories, 5, 1.0, above, 0.0, 2.0, p_value)


@pytest.mark.parametrize(("histories", "decides"), [(18, False), (19, True)])
def test_a_p_value_of_a_twentieth_needs_nineteen_histories(histories, decides):
    assert ranked(0.05, histories).decides == decides


@pytest.mark.parametrize(
    ("learned", "p_value", "looks", "verdict"),
    [
        (True, 0.01, 1, "survives"),  # it decides where the sampler learned,
        (True, 0.01, 10, "inconclusive"),  # for as many looks as there were,
        (True, 0.30, 1, "compatible with noise"),
        (False, 0.30, 1, "compatible with noise"),  # and takes away elsewhere,
        (False, 0.01, 1, "inconclusive"),  # where it gives nothing
    ],
)
def test_a_null_study_is_heeded(learned, p_value, looks, verdict):
    returns = np.random.default_rng(4).normal(0.0, 0.01, (1280, 1))
    returns += 0.0004 - returns.mean()  # a Sharpe ratio of 0.63: p is about 0.08
    found = findings(returns, null=ranked(p_value), learned=learned, looks=looks)
    assert 0.05 < found.p_value < 0.2
    assert found.verdict.verdict == verdict
    assert ("99 permuted histories" in found.verdict.reason) == (learned or p_value == 0.30)


def test_an_adaptive_search_does_not_survive_by_its_number_of_trials_but_by_a_null_study():
    returns = np.random.default_rng(0).normal(0.002, 0.01, (1280, 1))  # a Sharpe ratio of 3.2: z is 7
    strong = {"learned": True, "adaptive": True}
    found = findings(returns, **strong)
    assert found.corrected < 0.001
    assert found.adaptive
    assert found.verdict.verdict == "inconclusive"
    assert "only a null study or `walk_forward` can tell" in found.verdict.reason
    assert findings(returns, null=ranked(0.01, histories=18), **strong).verdict.verdict == "inconclusive"
    assert findings(returns, null=ranked(0.01), **strong).verdict.verdict == "survives"
    weak = np.random.default_rng(0).normal(0.0, 0.01, (1280, 3))
    assert findings(weak, **strong).verdict.verdict == "compatible with noise"


def climb(generator, trials=400, signals=20, sessions=1280):
    """Return the records of mixes of worthless signals, of which each is the best one so far, moved a little."""
    noise = generator.normal(0.0, 0.01, (sessions, signals))
    best, top, records = generator.normal(size=signals), -math.inf, []
    for _ in range(trials):
        weights = best + 0.3 * np.linalg.norm(best) / math.sqrt(signals) * generator.normal(size=signals)
        record = noise @ weights
        records.append(record)
        if (sharpe := record.mean() / record.std()) > top:
            best, top = weights, sharpe
    return np.array(records).T


def test_a_search_that_climbs_in_noise_passes_a_count_of_its_trials_and_does_not_survive():
    """z² of the best mix of k worthless signals is chi-squared with k degrees of freedom, however few trials find it.

    With 20 signals that is a z of 4.4 on average; with 400 separate tests one of 3.66 has a p-value of 5 %.
    """
    found = [findings(climb(np.random.default_rng([9, seed])), learned=True, adaptive=True) for seed in range(10)]
    assert sum(each.corrected <= 0.05 for each in found) >= 5
    assert all(each.verdict.verdict != "survives" for each in found)


def test_an_adaptive_search_in_each_of_many_groups_does_not_survive_by_its_number_of_portfolios():
    record = chosen_by_group(np.random.default_rng(6), groups=6, trials=40, edge=1.5)
    found = findings(record, 240, groups=6, portfolios=40.0**6, learned=True, adaptive=True)
    assert found.corrected < 0.05
    assert found.verdict.verdict == "inconclusive"
    assert found.verdict.reason.endswith("only `walk_forward` can tell.")  # there is no null study of groups


def test_a_small_null_study_says_nothing_yet():
    returns = np.random.default_rng(0).normal(0.002, 0.01, (1280, 1))
    assert findings(returns, null=ranked(1.0, histories=9)).verdict.verdict == "survives"


def chosen_by_group(generator, groups, trials, edge=0.0, sessions=1280):
    """Return the record of the best of so many trials in each group, in equal parts, each with an annual edge."""
    returns = generator.normal(edge * 0.01 / math.sqrt(252), 0.01, (groups, sessions, trials))
    best = np.argmax(returns.mean(axis=1) / returns.std(axis=1), axis=1)
    return np.mean([returns[group, :, place] for group, place in enumerate(best)], axis=0)[:, None]


def test_noise_chosen_in_each_of_many_groups_does_not_survive():
    generator = np.random.default_rng(4)
    verdicts, by_trials = [], []
    for _ in range(40):
        record = chosen_by_group(generator, groups=6, trials=40)
        found = findings(record, 240, groups=6, portfolios=40.0**6)
        verdicts.append(found.verdict.verdict)
        by_trials.append(findings(record, 240, learned=True).verdict.verdict)
        assert found.trial == -1
        assert found.p_value == found.corrected
    assert "survives" not in verdicts
    assert by_trials.count("survives") > 20  # as if the portfolio were the best of 240


def test_the_best_of_noise_in_each_group_comes_near_what_the_best_portfolio_is_expected_to_be():
    generator = np.random.default_rng(5)
    records = [chosen_by_group(generator, groups=6, trials=40) for _ in range(20)]
    found = [findings(record, 240, groups=6, portfolios=40.0**6) for record in records]
    mean = np.mean([each.sharpe for each in found])
    assert found[0].expected_noise / 1.3 < mean < found[0].expected_noise
    assert np.mean([each.deflated.low for each in found]) < 0.5


def test_an_edge_in_every_group_survives():
    record = chosen_by_group(np.random.default_rng(6), groups=6, trials=40, edge=1.5)
    found = findings(record, 240, groups=6, portfolios=40.0**6)
    assert found.verdict.verdict == "survives"
    assert found.subject == "the portfolio of the groups' choices"
    assert found.corrections == ("a choice in each of 6 groups",)
    assert 0 < found.lower_bound < found.sharpe
    assert found.survivors == found.holm == found.yekutieli == 1


def test_more_portfolios_than_can_be_counted_never_survive():
    record = chosen_by_group(np.random.default_rng(7), groups=6, trials=40, edge=9.0)
    found = findings(record, 240, groups=6, portfolios=math.inf)
    assert (found.p_value, found.verdict.verdict) == (1.0, "inconclusive")
