from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backsweep.errors import BadInput
from backsweep.study.search import samplers
from backsweep.study.search.dimension import Dimension
from backsweep.study.search.fronts import fronts
from backsweep.study.search.proposals import Observations, Proposals, ranked
from backsweep.study.search.samplers import auto as samplers_auto
from backsweep.study.search.samplers import cmaes as samplers_cmaes
from backsweep.study.search.samplers import make_proposer
from backsweep.study.search.samplers.sobol import MAX_DIMENSIONS, sobol_points
from backsweep.study.search.space import Space, build_space
from backsweep.sweepfile.search import SAMPLERS, Search


def proposer_of(bench, **search):
    sweep = bench.sweep(**search)
    return make_proposer(sweep, bench.space(sweep))


def observed(proposals, loss):
    return Observations(proposals, loss[:, None], np.zeros((len(loss), 2)), np.zeros(len(loss), dtype=bool))


def sphere(values):
    return (values[:, 0] - 2) ** 2 + (values[:, 1] - 3) ** 2 / 4 + np.log(values[:, 2] / 20) ** 2


def proposed(proposer, past, batch, size, lag=2):
    """Return the proposals of a batch, after a proposer has observed what the batch may know of `past`."""
    known = max(0, batch - lag + 1)
    for each in past[:known]:
        proposer.observe(each)
    return proposer.propose(batch, size, [each.proposals for each in past[known:batch]])


def search(proposer, batches, size=32, lag=2):
    past = []
    for batch in range(batches):
        if batch >= lag:
            proposer.observe(past[batch - lag])
        proposals = proposer.propose(batch, size, [each.proposals for each in past[max(0, batch - lag + 1) :]])
        past.append(observed(proposals, sphere(proposals.values)))
    return past


@pytest.mark.parametrize("sampler", ["auto", "tpe", "cmaes", "nsga2"])
def test_an_adaptive_sampler_gets_closer_than_random_draws(bench, sampler):
    middle = {
        name: np.median(search(proposer_of(bench, sampler=name, batch=32), 12)[-1].losses)
        for name in (sampler, "random")
    }
    assert middle[sampler] < middle["random"] / 2


@pytest.mark.parametrize("sampler", ["auto", "tpe", "cmaes", "nsga2"])
def test_a_new_proposer_with_the_same_past_proposes_the_same(bench, sampler):
    past = search(proposer_of(bench, sampler=sampler, batch=32), 12)
    for batch in (0, 1, 2, 7, 11):
        again = proposed(proposer_of(bench, sampler=sampler, batch=32), past, batch, 32)
        assert np.array_equal(again.values, past[batch].proposals.values)


def test_tpe_counts_undefined_trials_and_leaves_failed_ones_out(bench):
    proposer = proposer_of(bench, sampler="tpe")
    first = proposer.propose(0, 16, [])
    losses = np.where(np.arange(16) < 4, np.inf, np.arange(16.0))[:, None]
    violations = np.stack([np.arange(16.0) - 12, np.full(16, -1.0)], axis=1)
    proposer.observe(Observations(first, losses, violations, np.arange(16) % 4 == 3))
    archive = proposer._tpe.archive
    assert (archive.count, archive.defined) == (12, 9)  # of 16, four failed; of the others, three are undefined
    assert archive._excess[:12].tolist() == [0.0] * 10 + [1.0, 2.0]  # numbers 13 and 14 violate the first constraint


def test_failed_and_undefined_trials_do_not_stop_a_sampler(bench):
    for sampler in ("auto", "tpe", "cmaes", "nsga2"):
        proposer = proposer_of(bench, sampler=sampler, batch=16)
        first = proposer.propose(0, 16, [])
        nothing = Observations(first, np.full((16, 1), np.nan), np.full((16, 2), np.inf), np.arange(16) % 2 == 0)
        second = proposer.propose(1, 16, [first])
        proposer.observe(nothing)
        third = proposer.propose(2, 16, [second])
        assert np.isfinite(third.values).all()


def test_proposals_lie_on_the_axes_exactly(bench):
    for sampler in ("random", "sobol", "auto", "tpe", "cmaes", "nsga2"):
        for entry in search(proposer_of(bench, sampler=sampler, batch=32), 4):
            entry_, stop, window, long_only, slippage = entry.proposals.values.T
            assert (entry_ >= 0.5).all()
            assert (entry_ <= 3.0).all()
            assert set((stop * 4) % 1) == {0.0}
            assert set(window % 1) == {0.0}
            assert set(long_only) <= {0.0, 1.0}
            assert set(slippage) <= {0.0, 0.0002, 0.0005}


def test_grids_too_large_to_hold_are_counted_through(bench, sweep_text):
    steps = "".join(
        f"    {name}: {{step: {step}}}\n" for name, step in (("entry", 1e-6), ("stop", 1e-6), ("window", 1))
    )
    text = sweep_text.replace("  params:\n", f"  params:\n{steps}").replace("sampler: random", "sampler: grid")
    sweep = bench.sweep(text)
    proposer = make_proposer(sweep, bench.space(sweep))
    assert proposer.limit == 2_500_001 * 5_000_001 * 96 * 2 * 3
    first = proposer.propose(0, 16, []).values
    assert first[:7, 4].tolist() == [0.0, 0.0002, 0.0005] * 2 + [0.0]
    assert first[:7, 3].tolist() == [1.0] * 3 + [0.0] * 3 + [1.0]
    assert (first[:, 0] == 0.5).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "nowhere.to:Find"}, "the sampler cannot be imported"),
        ({"sampler": ":Find"}, "the sampler's reference has no class"),
        ({"sampler": "optuna.samplers:Nothing"}, "optuna.samplers has no sampler 'Nothing'"),
        (
            {"sampler": "optuna.trial:FrozenTrial"},
            "has no sampler 'FrozenTrial'(.|\n)*a subclass of optuna's BaseSampler",
        ),
        ({"sampler": "optuna.samplers:GridSampler"}, "the sampler refuses(.|\n)*search_space"),
        ({"sampler": "optuna.samplers:PartialFixedSampler"}, "the sampler takes no seed"),
        ({"sampler": "cmaes", "batch": 2}, "a batch too small for cmaes"),
        ({"sampler": "cmaes", "objective": "[{maximize: sharpe}, {maximize: cagr}]"}, "cmaes supports one objective"),
        ({"sampler": "grid"}, "a grid needs a step for `entry`"),
        ({"fixed": "{entry: 1, exit: 1, stop: 1, window: 5, long_only: true}", "params": "{}"}, "nothing to search"),
    ],
)
def test_what_a_sampler_cannot_search_is_bad_input(bench, options, message):
    with pytest.raises(BadInput, match=message):
        proposer_of(bench, **options).propose(0, 16, [])


def test_a_sampler_in_a_file_of_the_users_own_may_import_what_lies_beside_it_also_later(bench, tmp_path):
    (tmp_path / "drawing.py").write_text("SEED = 7\n")
    (tmp_path / "own.py").write_text(
        "import optuna\n\n\nclass Own(optuna.samplers.RandomSampler):\n"
        "    def sample_independent(self, *given):\n        import drawing\n\n"
        "        self.drawn = drawing.SEED\n        return super().sample_independent(*given)\n"
    )
    own = proposer_of(bench, sampler=f"{tmp_path}/own.py:Own").propose(0, 16, [])
    shipped = proposer_of(bench, sampler="optuna.samplers:RandomSampler").propose(0, 16, [])
    assert own.values.tolist() == shipped.values.tolist()


def test_sobol_points_are_those_of_joe_and_kuo():
    points = sobol_points(0, 8, np.zeros(MAX_DIMENSIONS, dtype=np.uint32))
    eighths = np.floor(points * 8).astype(int)
    assert eighths[:, 0].tolist() == [0, 4, 6, 2, 3, 7, 5, 1]
    assert eighths[:, 1].tolist() == [0, 4, 2, 6, 3, 7, 1, 5]
    assert eighths[:, 2].tolist() == [0, 4, 2, 6, 5, 1, 7, 3]


@pytest.mark.parametrize("seed", [0, 5])
def test_sobol_points_fill_every_axis_and_every_pair_of_the_first_two_evenly(seed):
    shift = np.random.default_rng(seed).integers(2**32, size=MAX_DIMENSIONS, dtype=np.uint32)
    points = sobol_points(0, 1024, shift)
    assert all(len(set(np.floor(column * 1024))) == 1024 for column in points.T)
    cells = np.floor(points[:, :2] * 32).astype(int)
    assert len({tuple(cell) for cell in cells}) == 1024
    assert np.array_equal(sobol_points(100, 50, shift), points[100:150])


def test_too_many_axes_for_a_sobol_sequence_are_refused(bench, param):
    sweep = bench.sweep(sampler="sobol", fixed="{}", params="{}")
    space = build_space(sweep, {f"p{i}": param(0.0, 1.0) for i in range(MAX_DIMENSIONS + 1)})
    with pytest.raises(BadInput, match=rf"expected: at most {MAX_DIMENSIONS}"):
        make_proposer(sweep, space)


def test_trials_rank_by_feasibility_then_objective_with_undefined_ones_last():
    losses = np.asarray([[3.0], [1.0], [np.nan], [0.0], [0.0], [2.0]])
    violations = np.asarray([[-1.0], [0.0], [0.0], [2.0], [1.0], [0.0]])
    failed = np.asarray([False, False, False, False, False, True])
    assert ranked(losses, violations, failed).tolist() == [1, 0, 2, 4, 3, 5]


def test_fronts_count_what_dominates():
    losses = np.asarray([[1.0, 4.0], [2.0, 2.0], [4.0, 1.0], [3.0, 3.0], [4.0, 4.0], [1.0, 4.0]])
    assert fronts(losses).tolist() == [0, 0, 0, 1, 2, 0]
    order = ranked(losses, np.zeros((6, 0)), np.zeros(6, dtype=bool))
    assert order.tolist() == [0, 1, 2, 5, 3, 4]


def test_attributes_of_a_sampler_are_empty_unless_it_has_some():
    assert Proposals(np.zeros((2, 1))).attr(1) == ""
    assert Proposals(np.zeros((2, 1)), ("a", "b")).attr(1) == "b"


def test_every_sampler_of_the_sweep_file_is_the_file_of_its_name_and_there_is_no_other():
    files = {path.stem for path in Path(samplers.__file__).parent.glob("[!_]*.py")}
    assert files == {*SAMPLERS, "custom"}


@pytest.mark.parametrize(
    "sampler", ["random", "sobol", "auto", "tpe", "cmaes", "nsga2", "optuna.samplers:NSGAIIISampler"]
)
def test_a_sampler_that_learns_follows_from_outcomes_and_one_that_does_not_ignores_them(bench, sampler):
    """After the same proposals with opposite outcomes a learning sampler proposes something else."""
    proposers = [proposer_of(bench, sampler=sampler, batch=32) for _ in range(2)]
    first = proposers[0].propose(0, 32, [])
    losses = [sphere(first.values), -sphere(first.values)]
    past = [[observed(first, loss)] * 2 for loss in losses]  # cmaes has two searches that take turns
    one, other = (proposed(*each, 2, 32, lag=1).values for each in zip(proposers, past, strict=True))
    assert np.array_equal(one, other) != bench.sweep(sampler=sampler, batch=32).learns


def test_cma_es_begins_again_where_its_searches_have_shrunk_to_a_point():
    """A generation of 16 on one axis needs some 40 moves to become 1e9 times as narrow; each search makes 150."""
    proposer = samplers_cmaes.make(Space((Dimension("x"),), {}), Search(sampler="cmaes", batch=16), "")
    widths = []
    for batch in range(300):
        proposals = proposer.propose(batch, 16, [])
        proposer.observe(observed(proposals, (proposals.values[:, 0] - 0.3) ** 2))
        widths.append(np.ptp(proposals.values))
    assert np.isfinite(widths).all()
    assert np.sum(np.array(widths) < 1e-7) > 2
    assert np.max(widths[150:]) > 0.5


def test_only_a_sampler_with_an_end_has_a_limit(bench, sweep_text):
    steps = "".join(f"    {name}: {{choices: [1.0, 2.0]}}\n" for name in ("entry", "stop"))
    text = sweep_text.replace("  params:\n", f"  params:\n{steps}").replace("sampler: random", "sampler: grid")
    for sampler, known in SAMPLERS.items():
        sweep = bench.sweep(text.replace("sampler: grid", f"sampler: {sampler}"))
        assert (make_proposer(sweep, bench.space(sweep)).limit is not None) == known.ends


def test_auto_is_tpe_until_models_and_cma_es_begin_beside_it(bench):
    """Of 60 trials, which are known when 8 batches of 8 have been observed, the tenth batch is the first to know."""
    auto, tpe = (search(proposer_of(bench, sampler=name, batch=32), 20, size=8) for name in ("auto", "tpe"))
    same = [np.array_equal(*(each.proposals.values for each in pair)) for pair in zip(auto, tpe, strict=True)]
    assert same[0]
    assert not any(same[9:])
    choices = [set(each.proposals.values[:4, 3]) for each in auto]
    assert all(len(each) == 1 for each in choices[9:])  # a generation keeps to the choices of its search
    assert any(len(each) == 2 for each in choices[:9])


@pytest.mark.parametrize("case", ["two objectives", "choices alone"])
def test_auto_is_tpe_alone_where_the_others_cannot_search(bench, sweep_text, monkeypatch, case):
    monkeypatch.setattr(samplers_auto, "START", 8)
    text = sweep_text
    if case == "two objectives":
        text = text.replace("objective: {maximize: sharpe}", "objective: [{maximize: sharpe}, {minimize: turnover}]")
    if case == "choices alone":
        chosen = "".join(f"    {name}: {{choices: [5, 6]}}\n" for name in ("entry", "stop", "window"))
        text = text.replace("  params:\n", f"  params:\n{chosen}")
    sweeps = [bench.sweep(text, sampler=name, batch=16) for name in ("auto", "tpe")]
    proposers = [make_proposer(sweep, bench.space(sweep)) for sweep in sweeps]
    count = 2 if case == "two objectives" else 1
    for batch in range(4):
        first, second = (each.propose(batch, 7, []) for each in proposers)
        assert np.array_equal(first.values, second.values)
        losses = np.tile(first.values[:, :1], count)
        for each in proposers:
            each.observe(Observations(first, losses, np.zeros((7, 2)), np.zeros(7, np.bool_)))
