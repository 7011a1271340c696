"""Pruning between folds: who stops, when, and that nothing else about a study changes."""

import json
import math
import random

import numpy as np
import polars as pl
import pytest

from backsweep.errors import BadInput
from backsweep.metrics.summary import METRICS
from backsweep.statistics.signed_rank import signed_rank
from backsweep.study.results.neighbours import nearest
from backsweep.study.results.study import open_study
from backsweep.study.search.pruning import trials_to_stop
from backsweep.study.table.trials import TIMING
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.pruners import Halving, Wilcoxon
from backsweep.sweepfile.search import Search
from backsweep.trial.contract import DataInfo, Outcome
from backsweep.trial.folds import make_segments
from backsweep.trial.summaries import mean_of_trainings

FOLDS = FoldSpec(train="4s", test="2s")
SHARPE, DRAWDOWN, TRADES = (METRICS.index(name) for name in ("sharpe", "max_drawdown", "trades"))
WALK = "walk_forward={train: 4s, test: 2s, final: false}"
HALVING = "search.pruning={between_folds: {kind: halving, after: 2}}"
WILCOXON = "search.pruning={between_folds: {kind: wilcoxon, p: 0.2}}"


def rows(*sharpes, **others):
    """Make trainings from Sharpe ratios by trial and fold; other metrics are the same in all."""
    found = np.full((len(sharpes), len(sharpes[0]), len(METRICS)), 1.0)
    found[..., SHARPE] = sharpes
    for name, values in others.items():
        found[..., METRICS.index(name)] = np.asarray(values)[:, None]
    return found


def stops(rule, trainings, params=None, **search):
    params = np.arange(len(trainings), dtype=float)[:, None] if params is None else params
    return trials_to_stop(rule, trainings, METRICS, params, Search(**search))


class TestRungs:
    def test_halving_compares_after_so_many_folds_and_then_as_many_times_more_as_it_keeps_fewer(self):
        assert Halving().rungs(20) == [3, 6, 12]
        assert Halving(after=2, keep=0.75).rungs(9) == [2, 3, 4, 6, 8]
        assert Halving(after=1, keep=0.99).rungs(4) == [1, 2, 3]

    def test_wilcoxon_compares_as_soon_as_its_threshold_can_be_reached_and_after_half_as_many_folds_more(self):
        assert Wilcoxon(kind="wilcoxon").rungs(20) == [4, 6, 9, 14]  # 2^-4 is the first below 0.1
        assert Wilcoxon(kind="wilcoxon", p=0.03125).rungs(8) == [5]
        assert Wilcoxon(kind="wilcoxon", p=0.5, after=6).rungs(10) == [6, 9]

    def test_nothing_is_compared_after_the_last_fold(self):
        assert Halving(after=3).rungs(3) == Wilcoxon(kind="wilcoxon").rungs(4) == []


class TestHalving:
    def test_the_worse_half_by_the_mean_stops(self):
        assert stops(Halving(), rows([3, 0], [1, 1], [9, 0], [2, 3])) == {0: "place 3 of 4", 1: "place 4 of 4"}

    def test_the_objective_may_be_minimised(self):
        assert stops(Halving(), rows([1.0], [2.0]), objective={"minimize": "sharpe"}).keys() == {1}

    def test_who_breaks_a_constraint_or_has_no_score_stops_first(self):
        trainings = rows([9.0], [np.nan], [1.0], [2.0], max_drawdown=[0.5, 0.1, 0.1, 0.1])
        assert stops(Halving(), trainings, constraints=("max_drawdown <= 0.3",)).keys() == {0, 1}
        assert stops(Halving(keep=0.7), trainings, constraints=("max_drawdown <= 0.3",)).keys() == {0}

    def test_equals_are_decided_by_their_parameters_and_not_by_their_order(self):
        params = np.array([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0], [3.0, 0.0]])
        assert stops(Halving(), rows(*[[1.0]] * 4), params).keys() == {0, 3}

    @pytest.mark.parametrize(("keep", "count", "kept"), [(0.55, 20, 11), (0.5, 5, 3), (0.01, 7, 1), (0.9, 1, 1)])
    def test_fractions_are_rounded_up(self, keep, count, kept):
        assert len(stops(Halving(keep=keep), rows(*[[float(n)] for n in range(count)]))) == count - kept


class TestWilcoxon:
    RULE = Wilcoxon(kind="wilcoxon", p=0.05)

    def test_who_is_below_the_median_in_every_fold_stops_once_there_are_enough(self):
        steady = [[float(level)] * 5 for level in range(5)]
        assert stops(self.RULE, rows(*steady)) == dict.fromkeys((0, 1), "below the median, p = 0.0312")
        assert stops(self.RULE, rows(*[each[:4] for each in steady])) == {}

    def test_one_good_fold_saves_a_trial(self):
        trainings = rows([9, 0, 0, 0, 0], [0, 0, 0, 0, 0], *[[level] * 5 for level in (1, 2, 3)])
        assert stops(self.RULE, trainings).keys() == {1}

    def test_trainings_without_a_score_or_beyond_a_constraint_are_the_worst(self):
        trainings = rows([np.nan] * 5, [9] * 5, *[[level] * 5 for level in (1, 2, 3)], trades=[5, 1, 5, 5, 5])
        assert stops(self.RULE, trainings, constraints=("trades >= 3",)).keys() == {0, 1}

    def test_two_that_take_turns_go_on(self):
        assert stops(self.RULE, rows([1, 2, 1, 2, 1, 2], [2, 1, 2, 1, 2, 1])) == {}

    def test_the_best_by_its_mean_goes_on_though_it_is_below_the_median_most_of_the_time(self):
        lucky = [99.0, 0, 0, 0, 0, 0]
        others = [[0.0, *[level] * 5] for level in (1.0, 2.0, 3.0)]
        rule = Wilcoxon(kind="wilcoxon", p=0.4)
        assert signed_rank(np.array(lucky) - np.array([0.0, 1, 1, 1, 1, 1])) <= 0.4
        assert stops(rule, rows(lucky, *others)).keys() == set()
        assert stops(rule, rows([0.0, *lucky[1:]], *others)).keys() == {0}

    def test_where_most_have_no_score_the_others_go_on(self):
        trainings = rows([1.0] * 5, *[[np.nan] * 5] * 4)
        assert stops(self.RULE, trainings) == {}


def sessions():
    return np.arange(22, dtype=np.int64) * 86_400_000_000_000


def dates():
    return np.arange(22, dtype=np.int32)


class FoldBackend:
    """Evaluates a formula on every fold; some trials fail in fold 2 if there is a `failing`."""

    remote = False

    def __init__(self, *, failing=False, order=None, twice=False, interrupt_after=None):
        self.failing, self.order, self.twice, self.interrupt_after = failing, order, twice, interrupt_after
        self.waiting, self.late, self.runs = [], [], 0

    def start(self, _spec):
        segments = make_segments(dates(), FOLDS)
        self.info = DataInfo(sessions=sessions(), assets=("SPY",), segments=segments, dates=dates())
        return self.info

    def submit(self, chunk):
        self.waiting.append(chunk)

    def capacity(self):
        return 3 - len(self.waiting)

    def wait(self, _timeout):
        if self.interrupt_after is not None:
            self.interrupt_after -= 1
            if self.interrupt_after < 0:
                raise KeyboardInterrupt
        if self.order is not None:
            self.order.shuffle(self.waiting)
        outcome = self.evaluate(self.waiting.pop(0))
        if not self.twice:
            return [outcome]
        again, self.late = self.late, [outcome]  # the second copy comes when the next go may have begun
        return [outcome, *again]

    def evaluate(self, chunk):
        part = self.info.of(chunk.folds)
        count, segments = len(chunk.numbers), part.segments
        entry, stop = chunk.values[:, 0], chunk.values[:, 1]
        cuts = np.zeros((count, len(segments), len(METRICS)))
        self.runs += count * len(segments)
        for place, segment in enumerate(segments):
            luck = np.sin(40 * entry + 17 * stop + 5 * segment.fold + (segment.name == "test"))
            sharpe = -((entry - 2) ** 2) + luck
            cuts[:, place, SHARPE] = np.where(np.sin(9 * entry + segment.fold) > 0.9, np.nan, sharpe)
            cuts[:, place, DRAWDOWN] = 0.05 * stop + entry / 20
            cuts[:, place, TRADES] = np.floor(9 * np.sin(3 * stop) + 9)
            cuts[:, place, METRICS.index("sessions")] = segment.sessions
        reasons = np.where(np.isnan(cuts), 3, 0).astype(np.uint8)
        trains = np.array([segment.name == "train" for segment in segments])
        pairs = [mean_of_trainings(*each, trains) for each in zip(cuts, reasons, strict=True)]
        metrics, codes = (np.array(each) for each in zip(*pairs, strict=True))
        returns = np.repeat(cuts[..., SHARPE], [s.width for s in segments], axis=1).astype(np.float32)
        broken = (np.sin(50 * entry) > 0.5) & self.failing & any(segment.fold == 2 for segment in segments)
        for values in (metrics, cuts, returns):
            values[broken] = np.nan
        codes[broken], reasons[broken] = 0, 0
        errors = {int(number): "no luck" for number in chunk.numbers[broken]}
        times = np.full(count, random.random() * 1e9)  # noqa: S311 - timing columns must not matter
        return Outcome(
            chunk.batch, chunk.numbers, metrics, codes, returns, errors, times, times + 0.01, cuts, reasons, chunk.folds
        )

    def wind_down(self):
        pass

    def close(self):
        pass


@pytest.fixture
def run(bench, sweep_text):
    def run(name, *overrides, backend=None, trials=64, on_progress=None, **options):
        sweep = bench.sweep(sweep_text, WALK, *overrides, trials=trials)
        bench.run(name, sweep, backend or FoldBackend(), on_progress, **options)
        return open_study(bench.folder / name)

    return run


def halved(whole, batch):
    """Work out from a study without pruning which trials of a batch stop after two, four or eight of nine folds."""
    train = whole.folds.filter(pl.col("segment") == "train")
    table = {(row["number"], row["fold"]): row for row in train.iter_rows(named=True)}
    params = dict(zip(whole.trials["number"], whole.trials.select("^params_.*$").rows(), strict=True))

    def standing(number, done):
        own = [table[number, fold] for fold in range(done)]
        known = None not in [row["user_attrs_sharpe"] for row in own]
        depth, trades = (sum(row[f"user_attrs_{name}"] for row in own) / done for name in ("max_drawdown", "trades"))
        excess = max(depth - 0.35, 0.0) + max(3.0 - trades, 0.0)
        sharpe = sum(row["user_attrs_sharpe"] for row in own) / done if known else -math.inf
        return (excess, 0.0 if excess else -sharpe, params[number])

    running, stopped = list(range(16 * batch, 16 * batch + 16)), {}
    for done in (2, 4, 8):
        running.sort(key=lambda number, done=done: standing(number, done))
        kept = math.ceil(len(running) / 2)
        stopped |= dict.fromkeys(running[kept:], done)
        running = running[:kept]
    return stopped


class TestStudy:
    def test_the_lower_half_of_every_batch_stops_after_two_folds_and_after_four(self, run):
        whole, pruned = run("whole"), run("pruned", HALVING)
        assert whole.folds["fold"].n_unique() == 9
        for batch in range(4):
            expected = halved(whole, batch)
            own = pruned.trials.filter(pl.col("batch") == batch)
            assert set(own.filter(pl.col("state") == "PRUNED")["number"]) == expected.keys()
            for row in own.filter(pl.col("state") == "PRUNED").iter_rows(named=True):
                said = json.loads(row["system_attrs"])["pruned"]["reason"]
                assert said.startswith(f"after {expected[row['number']]} of 9 folds: place ")
        assert pruned.trials["state"].value_counts(sort=True).rows() == [("PRUNED", 56), ("COMPLETE", 8)]

    def test_what_ran_is_as_without_pruning_and_what_did_not_has_no_metrics(self, run):
        whole, pruned = run("whole"), run("pruned", HALVING)
        done = {
            row["number"]: int(json.loads(row["system_attrs"])["pruned"]["reason"].split()[1])
            for row in pruned.trials.filter(pl.col("state") == "PRUNED").iter_rows(named=True)
        }
        ran = [fold < done.get(number, 9) for number, fold in pruned.folds.select("number", "fold").iter_rows()]
        assert pruned.folds.filter(ran).equals(whole.folds.filter(ran))
        assert pruned.returns.filter(ran).equals(whole.returns.filter(ran))
        rest = pruned.folds.filter([not each for each in ran])
        assert set(rest["state"]) == {"PRUNED"}
        assert rest["user_attrs_sharpe"].null_count() == rest.height
        assert set(rest["user_attrs_sessions"]) == {0.0}
        assert pruned.returns.filter([not each for each in ran])["returns"].null_count() == rest.height
        finished = pl.col("number").is_in(list(done)).not_()
        assert pruned.trials.drop(TIMING).filter(finished).equals(whole.trials.drop(TIMING).filter(finished))
        gone = pruned.trials.filter(~finished)
        assert gone["value"].null_count() == gone.height
        assert gone["constraints_trades"].null_count() == gone.height

    @pytest.mark.parametrize(("rule", "cuts"), [(HALVING, (1, 9, 27)), (WILCOXON, (1, 9, 27))])
    def test_chunks_their_order_copies_and_interruptions_change_nothing(self, run, bench, rule, cuts):
        first = run("first", rule, backend=FoldBackend(failing=True))
        assert {"PRUNED", "FAIL", "COMPLETE"} == set(first.trials["state"])
        for seed, size in enumerate((1, 5, 16, None)):
            backend = FoldBackend(failing=True, order=random.Random(seed), twice=True)  # noqa: S311 - a shuffle for a test
            assert run(f"other-{seed}", rule, backend=backend, chunk_size=size).digest() == first.digest()
        for cut in cuts:
            with pytest.raises(KeyboardInterrupt):
                run("cut", rule, backend=FoldBackend(failing=True, interrupt_after=cut), chunk_size=4)
        assert 0 < len(open_study(bench.folder / "cut").trials) < 64
        assert run("cut", rule, backend=FoldBackend(failing=True)).digest() == first.digest()

    def test_trials_are_rounded_up_to_whole_batches_so_that_more_later_are_the_same(self, run):
        assert run("study", HALVING, trials=20).trials.height == 32
        assert run("study", HALVING).digest() == run("whole", HALVING).digest()

    def test_a_grid_may_end_inside_a_batch(self, run):
        params = "search.params={entry: {choices: [1.0, 2.0, 3.0]}, stop: {low: 1, high: 6, step: 1.0}}"
        fixed = "search.fixed={exit: 0.0, window: 20, long_only: true}"
        study = run("grid", "search.sampler=grid", params, fixed, HALVING)
        assert study.trials.height == 18
        assert sorted(study.trials["state"].to_list()[16:]) == ["COMPLETE", "PRUNED"]

    def test_a_trial_that_fails_in_a_later_go_leaves_nothing_as_without_pruning(self, run):
        whole, pruned = (
            run("whole", backend=FoldBackend(failing=True)),
            run("pruned", HALVING, backend=FoldBackend(failing=True)),
        )
        failed = pruned.trials.filter(pl.col("state") == "FAIL")["number"]
        assert 0 < failed.len() < whole.trials.filter(pl.col("state") == "FAIL").height
        for table in ("folds", "returns"):
            mine, theirs = (getattr(each, table).filter(pl.col("number").is_in(failed)) for each in (pruned, whole))
            assert mine.equals(theirs)

    def test_progress_counts_every_trial_once(self, run):
        seen = []
        study = run("study", HALVING, backend=FoldBackend(failing=True), on_progress=seen.append, chunk_size=3)
        assert [each.done for each in seen] == sorted(each.done for each in seen)
        assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 64, 64)
        assert seen[-1].failed == study.state.failed > 0

    def test_fewer_segments_are_run(self, run):
        backends = FoldBackend(), FoldBackend()
        run("whole", backend=backends[0])
        run("pruned", HALVING, backend=backends[1])
        # of 16 trials 16 run on 2 folds, 8 on 2 more, 4 on 4 more and 2 on the last: 66 of 144, and two segments each
        assert backends[0].runs == 4 * 144 * 2
        assert backends[1].runs == 4 * 66 * 2

    def test_choices_up_to_a_look_do_not_know_of_it(self, run):
        whole, pruned = run("whole").walk_forward, run("pruned", HALVING).walk_forward
        assert pruned.folds.head(2).equals(whole.folds.head(2))
        states = run("pruned", HALVING).trials["state"]
        chosen = pruned.folds["number"].to_list()
        assert all(states[number] == "COMPLETE" for number in chosen[8:])
        assert any(states[number] == "PRUNED" for number in chosen[:2])

    def test_pruned_trials_count_in_the_number_tried(self, run):
        study = run("study", HALVING)
        assert (study.statistics.tried, study.statistics.judged) == (64, 8)
        assert study.state.pruned == 56

    def test_a_pruned_neighbour_counts_as_the_worst(self, run):
        near = ("walk_forward.select=neighbourhood", "walk_forward.neighbours=3")
        study = run("study", HALVING, *near)
        train = study.folds.filter((pl.col("segment") == "train") & (pl.col("fold") == 8))
        known = train["user_attrs_sharpe"].to_numpy()
        scores = np.where(train["state"] == "PRUNED", np.nanmin(known), known)
        held = (train["constraints_max_drawdown"] <= 0) & (train["constraints_trades"] <= 0)
        around = nearest(study.trials.select(pl.col("^params_.*$").cast(pl.Float64)).to_numpy(), 3)
        allowed = held.fill_null(value=False).to_numpy() & np.isfinite(known)
        assert allowed.sum() > 1
        means = np.where(allowed, np.nanmean(scores[around], axis=1), -np.inf)
        assert study.walk_forward.folds["number"][8] == int(np.argmax(means))
        assert np.isnan(known[around[allowed]]).any()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "pruning between folds without folds"),
        (("walk_forward={mode: holdout, train: 10s}",), "mode: holdout, which has one fold"),
        ((WALK, "search.sampler=tpe"), "pruning between folds that have trials of their own"),
        ((WALK, "walk_forward.share_proposals=false"), "pruning between folds that have trials of their own"),
        ((WALK, "walk_forward.state=continuous"), "pruning between folds whose tests carry on"),
        (("walk_forward={mode: cpcv, groups: 4, test_groups: 2}",), "pruning in a cross-validation"),
    ],
)
def test_where_there_is_nothing_to_compare_it_is_refused(bench, sweep_text, overrides, message):
    with pytest.raises(BadInput, match=message):
        bench.sweep(sweep_text, *overrides, HALVING)


def test_a_wrong_kind_is_an_error_that_names_the_right_ones(bench, sweep_text):
    with pytest.raises(BadInput, match="halving") as caught:
        bench.sweep(sweep_text, WALK, "search.pruning={between_folds: {kind: halfing}}")
    assert "between_folds" in str(caught.value)


def test_a_study_without_pruning_is_the_study_that_it_was(bench, sweep_text):
    content = bench.sweep(sweep_text, WALK).model_dump(mode="json", exclude_none=True)
    assert "pruning" not in content["search"]
