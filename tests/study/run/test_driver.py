from __future__ import annotations

import weakref
from dataclasses import replace

import polars as pl
import pytest
from numpy.random import default_rng

from backsweep.errors import BadInput, StudyConflict
from backsweep.metrics.summary import METRICS
from backsweep.storage.local import LocalFiles
from backsweep.study.results.study import open_study
from backsweep.study.search.samplers.random import RandomProposer
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import Identity
from backsweep.study.table.trials import TIMING
from backsweep.sweepfile.search import SAMPLERS, Sampler

ALL = ["random", "sobol", "auto", "tpe", "cmaes", "nsga2", "optuna.samplers:NSGAIIISampler"]


def rows(bench, name):
    return open_study(bench.folder / name).trials.drop(TIMING)


def part(folder, table, first):
    return next((folder / table).glob(f"part-{first:09d}*"))


def same(bench, first, second):
    assert rows(bench, first).equals(rows(bench, second))
    assert open_study(bench.folder / first).returns.equals(open_study(bench.folder / second).returns)
    assert len({open_study(bench.folder / name).digest() for name in (first, second)}) == 1


@pytest.fixture
def early_restarts(monkeypatch):
    """Make CMA-ES join `auto` in a study of a hundred trials."""
    monkeypatch.setattr("backsweep.study.search.samplers.auto.START", 24)


@pytest.mark.usefixtures("early_restarts")
@pytest.mark.parametrize("sampler", ALL)
class TestEverySampler:
    def test_a_study_repeats_whatever_the_order_the_chunks_and_the_room(self, bench, make_backend, sampler):
        sweep = bench.sweep(sampler=sampler)
        first = bench.run("first", sweep)
        assert (first.done, first.total, first.resumed) == (100, 100, 0)
        other = make_backend(order=default_rng(3), room=7, twice=True)
        second = bench.run("second", sweep, other, chunk_size=5)
        same(bench, "first", "second")
        assert first.failed == second.failed > 0
        best = [{key: value for key, value in run.best.items() if key not in TIMING} for run in (first, second)]
        assert best[0] == best[1]

    def test_a_study_interrupted_anywhere_resumes_to_the_same_rows(self, bench, make_backend, sampler):
        sweep = bench.sweep(sampler=sampler)
        bench.run("whole", sweep)
        for stop in range(1, 25, 6):
            backend = make_backend(order=default_rng(stop), interrupt_after=stop)
            with pytest.raises(KeyboardInterrupt):
                bench.run(f"cut-{stop}", sweep, backend, chunk_size=4)
            assert backend.closed == 1
            bench.run(f"cut-{stop}", sweep)
            same(bench, "whole", f"cut-{stop}")

    def test_an_extended_study_has_the_rows_of_a_longer_one(self, bench, sampler):
        bench.run("long", bench.sweep(sampler=sampler, trials=120))
        bench.run("short", bench.sweep(sampler=sampler, trials=70))
        again = bench.run("short", bench.sweep(sampler=sampler, trials=120))
        assert (again.resumed, again.done) == (70, 120)
        assert rows(bench, "long").equals(rows(bench, "short"))

    def test_another_seed_gives_other_trials(self, bench, sampler):
        bench.run("seven", bench.sweep(sampler=sampler, trials=16))
        bench.run("eight", bench.sweep(sampler=sampler, trials=16, seed=8))
        assert not rows(bench, "seven")["params_entry"].equals(rows(bench, "eight")["params_entry"])


@pytest.mark.parametrize("sampler", ["sobol", "grid", "tpe", "cmaes", "nsga2"])
def test_relations_leave_the_same_rows_whatever_the_order_and_where_a_study_was_interrupted(
    bench, make_backend, sweep_text, sampler
):
    """A grid needs steps: 11 x 21 x 96 x 2 x 3 combinations, of which many fewer satisfy the relation."""
    text = sweep_text.replace("  params:\n", "  params:\n    entry: {step: 0.25}\n")
    sweep = bench.sweep(text, sampler=sampler, trials=64, relations='["stop < entry", "window >= 10 * stop"]')
    bench.run("whole", sweep)
    with pytest.raises(KeyboardInterrupt):
        bench.run("cut", sweep, make_backend(order=default_rng(9), interrupt_after=9), chunk_size=4)
    bench.run("cut", sweep)
    same(bench, "whole", "cut")
    found = rows(bench, "whole")
    assert len(found) == 64
    assert found.filter(pl.col("params_stop") >= pl.col("params_entry")).is_empty()
    assert found.filter(pl.col("params_window") < 10 * pl.col("params_stop")).is_empty()


@pytest.mark.usefixtures("early_restarts")
@pytest.mark.parametrize("sampler", ["sobol", "grid", "auto", "cmaes", "nsga2"])
def test_given_trials_are_the_first_and_leave_the_same_rows_however_a_study_is_run(
    bench, make_backend, sweep_text, sampler
):
    text = sweep_text.replace("  params:\n", "  params:\n    entry: {step: 0.25}\n")
    given = "[{entry: 2.0, stop: 3, window: 20, long_only: true}, {entry: 3, stop: 1.25, window: 7, long_only: false}]"
    sweep = bench.sweep(text, sampler=sampler, trials=60, enqueue=given)
    bench.run("whole", sweep)
    with pytest.raises(KeyboardInterrupt):
        bench.run("cut", sweep, make_backend(order=default_rng(6), interrupt_after=6), chunk_size=4)
    bench.run("cut", sweep)
    same(bench, "whole", "cut")
    bench.run("short", bench.sweep(text, sampler=sampler, trials=1, enqueue=given))
    bench.run("short", sweep)
    same(bench, "whole", "short")
    found = rows(bench, "whole")
    assert len(found) == 60
    params = found.select("^params_.*$").head(2).rows()
    assert params == [(2.0, 3.0, 20, True, 0.0002), (3.0, 1.25, 7, False, 0.0002)]  # the file's slippage
    assert found["batch"].head(3).to_list() == [0, 0, 1]


class Witness(RandomProposer):
    """Keeps what it was asked, and what of its observations somebody else still holds."""

    def __init__(self, space, search, where=""):
        super().__init__(space, search, where)
        self.seen, self.asked = [], []

    def observe(self, observed):
        self.seen.append((observed.proposals.values, weakref.ref(observed)))

    def propose(self, batch, size, running):
        proposals = super().propose(batch, size, running)
        values = [values.tolist() for values, _ in self.seen] + [each.values.tolist() for each in running]
        self.asked.append((batch, len(self.seen), values, sum(held() is not None for _, held in self.seen)))
        return proposals


@pytest.mark.parametrize(("committed", "begin"), [(0, 0), (40, 5), (44, 5), (256, 32), (260, 32), (280, 33)])
def test_a_sampler_observes_every_batch_once_and_in_order_when_a_later_one_may_know_it(
    bench, monkeypatch, committed, begin
):
    """The first 32 batches have 8 trials, then there are 16 in each; the sampler alone keeps what it has observed."""
    sweep = bench.sweep(sampler="tpe", trials=300)
    witnesses = []

    def make(sweep, space):
        witnesses.append(Witness(space, sweep.search))
        return witnesses[-1]

    monkeypatch.setattr("backsweep.study.run.driver.make_proposer", make)
    if committed:
        bench.run("study", bench.sweep(sampler="tpe", trials=committed))
    bench.run("study", sweep)
    witness = witnesses[-1]
    batches = [
        RandomProposer.propose(witness, batch, 8 if batch < 32 else 16, ()).values.tolist() for batch in range(35)
    ]
    assert witness.asked == [(batch, max(0, batch - 1), batches[:batch], 0) for batch in range(begin, 35)]


@pytest.mark.parametrize("sampler", ["auto", "tpe"])
def test_batches_that_grow_are_committed_together_and_resume_to_the_same_rows(bench, make_backend, sampler):
    """32 batches of 8 end at trial 256: one run ends among them, one is extended in the batch that follows.

    With tpe that batch has 16 trials; with auto there are 64 batches of 8.
    """
    sweep = bench.sweep(sampler=sampler, trials=300)
    bench.run("whole", sweep)
    with pytest.raises(KeyboardInterrupt):
        bench.run("cut", sweep, make_backend(order=default_rng(3), interrupt_after=11), chunk_size=32)
    bench.run("cut", sweep)
    bench.run("longer", bench.sweep(sampler=sampler, trials=262))
    bench.run("longer", sweep)
    same(bench, "whole", "cut")
    same(bench, "whole", "longer")
    batches = rows(bench, "whole")["batch"].to_list()
    assert len(list((bench.folder / "whole" / "manifest").iterdir())) < batches[-1]
    assert batches[247:273:8] == [30, 31, 32, 32 if sampler == "tpe" else 33]


def test_a_lag_of_one_waits_for_every_batch(bench):
    bench.run("study", bench.sweep(sampler="tpe", lag=1, trials=48))
    assert len(rows(bench, "study")) == 48


def test_several_objectives_have_a_column_each(bench, sweep_text):
    text = sweep_text.replace(
        "objective: {maximize: sharpe}", "objective: [{maximize: sharpe}, {minimize: max_drawdown}]"
    )
    for sampler in ("tpe", "nsga2", "random"):
        bench.run(sampler, bench.sweep(text, sampler=sampler))
        bench.run(f"{sampler}-again", bench.sweep(text, sampler=sampler), chunk_size=3)
        same(bench, sampler, f"{sampler}-again")
        frame = rows(bench, sampler)
        assert {"values_sharpe", "values_max_drawdown"} <= set(frame.columns)
        assert "value" not in frame.columns
        assert set(open_study(bench.folder / sampler).best["values"]) == {"sharpe", "max_drawdown"}


def test_a_grid_ends_by_itself_and_counts_every_combination_once(bench, sweep_text):
    text = (
        sweep_text.replace("  trials: 100\n", "")
        .replace("sampler: random", "sampler: grid")
        .replace("  params:\n", "  params:\n    entry: {choices: [1.0, 2.0]}\n    window: {choices: [5, 50]}\n")
    )
    summary = bench.run("grid", bench.sweep(text))
    assert summary.total == summary.done == 2 * 21 * 2 * 2 * 3
    frame = rows(bench, "grid").select(pl.col("^params_.*$"))
    assert frame.n_unique() == len(frame) == summary.total
    assert bench.run("short", bench.sweep(text, trials=40)).done == 40


def test_quick_batches_are_committed_together_and_a_fixed_chunk_keeps_them_apart(bench):
    sweep = bench.sweep(sampler="sobol", trials=1000)
    bench.run("together", sweep)
    bench.run("apart", sweep, chunk_size=16)
    counts = [len(list((bench.folder / name / "manifest").iterdir())) for name in ("together", "apart")]
    assert counts[0] < counts[1] == 63
    same(bench, "together", "apart")
    frame = rows(bench, "together")
    assert frame["batch"].equals((frame["number"] // 16).alias("batch"))


def test_a_study_of_an_earlier_version_of_its_sampler_is_shown_and_not_continued(bench, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setitem(SAMPLERS, "tpe", Sampler(learns=True, grows=True, version=1))
        bench.run("study", bench.sweep(sampler="tpe", trials=40))
    study = open_study(bench.folder / "study")
    study.verify()
    assert study.trials["batch"].to_list() == [0] * 16 + [1] * 16 + [2] * 8
    with pytest.raises(StudyConflict, match=r"its sampler `tpe` proposes other trials(.|\n)*begun with backsweep \d"):
        bench.run("study", bench.sweep(sampler="tpe", trials=80))
    with pytest.raises(StudyConflict, match=r'search\.sampler: "tpe" -> "random"'):
        bench.run("study", bench.sweep(sampler="random", trials=80))


@pytest.mark.parametrize("sampler", ["random", "sobol", "nsga2"])
def test_a_resume_says_where_logarithms_had_other_last_digits(bench, sweep_text, caplog, monkeypatch, sampler):
    """Versions before did not record the space; the axes of that study are whole numbers, and of this one not."""
    to_content = Identity.to_content
    for name, params in (("whole", ""), ("real", "    entry: {low: 0.5, high: 3.0, log: true}\n")):
        text = sweep_text.replace("  params:\n", f"  params:\n{params}")
        with monkeypatch.context() as earlier:
            earlier.setattr(Identity, "to_content", lambda identity: to_content(replace(identity, space=None)))
            bench.run(name, bench.sweep(text, sampler=sampler, trials=16))
        caplog.clear()
        assert bench.run(name, bench.sweep(text, sampler=sampler, trials=32)).done == 32
        assert ("can have other last digits" in caplog.text) == (name == "real" and sampler != "nsga2")


def test_what_may_wait_for_commit_is_bounded_in_bytes(bench, make_backend, monkeypatch):
    monkeypatch.setattr("backsweep.study.run.pacing._AHEAD_BYTES", 40_000)
    fitting = 40_000 // (9 * len(METRICS) + 4 * 6)  # a metric and its reason are 9 bytes, each of 6 sessions 4

    class Stuck(make_backend):
        """Keeps the first chunk back until it has no other."""

        newest = released = 0

        def wait(self, timeout):
            self.newest = max(self.newest, *(int(chunk.numbers[-1]) for chunk in self.waiting))
            if len(self.waiting) == 1 and not self.released:
                self.released = self.newest
            self.waiting.insert(0, self.waiting.pop())
            return super().wait(timeout)

    backend = Stuck(room=500)
    assert bench.run("study", bench.sweep(trials=2000), backend, chunk_size=8).done == 2000
    assert fitting <= backend.released <= fitting + 2 * 16


def test_the_first_chunks_are_single_trials_until_one_has_shown_how_long_it_takes(bench, make_backend):
    class Slow(make_backend):
        """Trials of 50 ms, by their own clock: four of them are a chunk."""

        sizes = ()

        def submit(self, chunk):
            self.sizes = (*self.sizes, len(chunk.numbers))
            super().submit(chunk)

        def wait(self, timeout):
            return [
                replace(outcome, completed=outcome.started + 0.0499 * len(outcome.numbers))
                for outcome in super().wait(timeout)
            ]

    backend = Slow(room=1)
    bench.run("study", bench.sweep(trials=32), backend)
    assert backend.sizes == (1, 4, 4, 4, 3, 4, 4, 4, 4)


def test_a_finished_study_is_not_started_again(bench, make_backend):
    sweep = bench.sweep()
    bench.run("study", sweep)
    backend = make_backend()
    summary = bench.run("study", sweep, backend)
    assert (summary.resumed, summary.done, backend.started, backend.closed) == (100, 100, 0, 1)
    assert bench.run("study", bench.sweep(trials=50)).done == 100


def test_trials_that_were_committed_are_not_run_again(bench, make_backend):
    sweep = bench.sweep()
    with pytest.raises(KeyboardInterrupt):
        bench.run("study", sweep, make_backend(interrupt_after=12), chunk_size=4)
    committed = len(rows(bench, "study"))
    backend = make_backend()
    bench.run("study", sweep, backend)
    assert committed > 0
    assert sorted(backend.evaluated) == list(range(committed, 100))


def test_parts_without_an_entry_in_the_manifest_do_not_count(bench):
    sweep = bench.sweep(trials=40)
    bench.run("study", sweep, chunk_size=16)
    bench.run("whole", sweep)
    folder = bench.folder / "study"
    part(folder, "manifest", 32).unlink()
    study = open_study(folder)
    assert len(study.trials) == len(study.returns) == 32
    bench.run("study", sweep)
    same(bench, "whole", "study")


def test_a_run_that_ended_before_the_entry_may_continue_with_more_trials(bench):
    bench.run("study", bench.sweep(trials=40), chunk_size=16)
    part(bench.folder / "study", "manifest", 32).unlink()
    bench.run("study", bench.sweep(trials=48))
    bench.run("whole", bench.sweep(trials=48))
    same(bench, "whole", "study")
    for table in ("trials", "returns", "manifest"):
        assert len(list((bench.folder / "study" / table).iterdir())) == 3  # what nobody committed is gone


def test_a_missing_entry_is_an_error_that_names_the_trial(bench):
    bench.run("study", bench.sweep(), chunk_size=16)
    part(bench.folder / "study", "manifest", 32).unlink()
    with pytest.raises(StudyConflict, match=r"expected: trial 32 next\n\s+found: +trial 48"):
        bench.run("study", bench.sweep())


def test_a_missing_or_damaged_part_is_an_error_that_names_the_file(bench):
    bench.run("study", bench.sweep(), chunk_size=16)
    path = part(bench.folder / "study", "trials", 32)
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(StudyConflict, match=r"part-000000032-\w+\.parquet: the file is not what was written"):
        bench.run("study", bench.sweep())
    path.unlink()
    with pytest.raises(StudyConflict, match=r"part-000000032-\w+\.parquet: the file cannot be read"):
        bench.run("study", bench.sweep())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seed: 7", "seed: 8"), r"search\.seed: 7 -> 8"),
        (("rate: 0.0002}", "rate: 0.0003}"), r"costs\.slippage\.rate: 0\.0002 -> 0\.0003"),
        (("batch: 16", "batch: 20"), r"search\.batch: 16 -> 20"),
        (("fixed: {exit: 0.0}", "fixed: {exit: 0.0, long_only: true}"), r"search\.fixed\.long_only: absent -> true"),
    ],
)
def test_a_changed_sweep_file_is_refused_with_what_changed(bench, sweep_text, change, message):
    bench.run("study", bench.sweep(trials=16))
    with pytest.raises(StudyConflict, match=message):
        bench.run("study", bench.sweep(sweep_text.replace(*change), trials=16))


def test_changed_data_or_strategy_source_is_refused(bench):
    sweep = bench.sweep(trials=16)
    bench.run("study", sweep)
    with pytest.raises(StudyConflict, match=r'data content: "[0-9a-f]{64}" -> "[0-9a-f]{64}"'):
        bench.run("study", sweep, fingerprint="other")
    (bench.folder / "formula.py").write_text("class Formula: x = 1\n")
    with pytest.raises(StudyConflict, match="strategy source"):
        bench.run("study", sweep)


def test_where_and_how_long_a_study_runs_are_not_part_of_it(bench, sweep_text):
    bench.run("study", bench.sweep(trials=16))
    text = sweep_text.replace("study: formula", "study: renamed") + "runtime: {workers: 8, backend: ray}\n"
    assert bench.run("study", bench.sweep(text, trials=20)).done == 20


def test_progress_counts_trials_failures_and_the_best(bench, make_backend):
    seen = []
    summary = bench.run("study", bench.sweep(), make_backend(), seen.append)
    assert seen[0].done == 0
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert (seen[-1].done, seen[-1].total, seen[-1].failed) == (100, 100, summary.failed)
    assert seen[-1].best == summary.best
    frame = rows(bench, "study").filter(
        (pl.col("state") == "COMPLETE")
        & (pl.col("constraints_max_drawdown") <= 0)
        & (pl.col("constraints_trades") <= 0)
    )
    assert summary.best["value"] == frame["value"].max()


def test_bad_input_writes_nothing_and_closes_the_backend(bench, make_backend):
    backend = make_backend()
    with pytest.raises(BadInput, match="a grid needs a step for `entry`"):
        bench.run("study", bench.sweep(sampler="grid"), backend)
    assert backend.closed == 1
    assert backend.started == 0
    with pytest.raises(BadInput, match="the sampler refuses"):
        bench.run(
            "study",
            bench.sweep(sampler="optuna.samplers:CmaEsSampler", objective="[{maximize: sharpe}, {maximize: cagr}]"),
        )
    assert not (bench.folder / "study").exists()


def test_trials_in_a_folder_without_study_json_are_refused(bench):
    bench.run("study", bench.sweep(trials=16))
    (bench.folder / "study" / "study.json").unlink()
    with pytest.raises(StudyConflict, match=r"trials without a study\.json"):
        bench.run("study", bench.sweep(trials=16))
    with pytest.raises(StudyConflict, match="no study here"):
        open_study(bench.folder / "study")


def test_committing_a_batch_twice_changes_nothing(bench):
    bench.run("study", bench.sweep(trials=16))
    folder = StudyFolder(bench.folder / "study")
    path = part(folder.path, "trials", 0)
    before = path.read_bytes()
    tables = {"returns": folder.rows("returns"), "trials": folder.rows("trials").with_columns(error=pl.lit("other"))}
    with pytest.raises(StudyConflict, match="another run has committed these trials"):
        folder.commit(tables, 16)
    assert path.read_bytes() == before
    assert folder.rows("trials")["error"].n_unique() > 1
    assert len(list(path.parent.iterdir())) == 2  # nobody names the loser's part, and the next run removes it
    folder.clear_uncommitted()
    assert list(path.parent.iterdir()) == [path]


def test_a_resume_reads_what_the_architecture_page_says(bench, monkeypatch):
    bench.run("cut", bench.sweep(sampler="tpe", trials=16))
    read, get = set(), LocalFiles.get

    def record(files, name):
        read.add(name.split("/")[0])
        return get(files, name)

    monkeypatch.setattr(LocalFiles, "get", record)
    assert bench.run("cut", bench.sweep(sampler="tpe", trials=32)).resumed == 16
    assert read == {"study.json", "lease", "manifest", "trials", "sessions.parquet"}
