"""Running, checking and replaying sweep files: the place where study, runtime and trial are put together."""

from __future__ import annotations

from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.api.records import Replay, describe_making, write_selected_records
from backsweep.dataset import Shard, fingerprint, load, sealed
from backsweep.dataset.anomalies import Anomaly, find_anomalies
from backsweep.dataset.gaps import find_gaps, find_interval
from backsweep.errors import BacksweepError, BadInput
from backsweep.runtime import make_backend
from backsweep.storage.open import open_files
from backsweep.strategy import load_strategy, reference_of
from backsweep.study.results.benchmarks import write_benchmarks
from backsweep.study.results.data_changes import has_grown, recording_rows
from backsweep.study.results.grown_data import grow_study
from backsweep.study.results.newer_data import check_all_but_data, describe_newer
from backsweep.study.results.replay import replay_groups, replay_values
from backsweep.study.results.stress_test import run_stress_test
from backsweep.study.results.study import Study, open_study
from backsweep.study.results.study_warnings import warnings_of_study, warnings_of_sweep, warnings_of_value
from backsweep.study.results.warm_start import with_warm_start
from backsweep.study.run.driver import run_study
from backsweep.study.run.kept_folds import KeptFolds
from backsweep.study.search.asset_groups import with_asset_groups
from backsweep.study.search.samplers import check_sampler
from backsweep.study.search.section_numbers import check_value
from backsweep.study.search.space import Space, build_space, trial_spec
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify, list_files
from backsweep.study.store.lookahead_record import note, remember
from backsweep.study.store.looks import recording_looks
from backsweep.sweepfile.load import load_sweep
from backsweep.sweepfile.messages import nearest
from backsweep.sweepfile.overrides import with_options
from backsweep.sweepfile.sweep import Sweep
from backsweep.trial.checked_accounts import checked_accounts
from backsweep.trial.evaluate import make_evaluator
from backsweep.trial.lookahead import Lookahead, check_lookahead, join_lookaheads
from backsweep.trial.models import check_models
from backsweep.trial.own_metrics import check_metrics
from backsweep.trial.wake_check import check_sleep, join_sleeps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

    from backsweep.strategy import Strategy, Value
    from backsweep.study.run.progress import Progress
    from backsweep.trial.result import Result

__all__ = ["Findings", "Replay", "check", "open_study", "read_sweep", "replay", "run"]


@dataclass(frozen=True, eq=False)
class Findings:
    """What a check found: the sweep, its data, its space, one trial in the middle of it, and the look-ahead test.

    `gaps` is what the data lack by their own rhythm, `anomalies` are rows that break no rule and are probably wrong.
    `sleep` is whether runs pass bars at which nothing can happen, and why not.
    `accounts` is how many were tested: one, or some of the sleeves.
    `files` names what decides a result beside them: the strategy's file, what it and the cost models import and read;
    `warnings` what is suspicious and no error, a line each.
    """

    sweep: Sweep
    shard: Shard
    space: Space
    result: Result
    lookahead: Lookahead
    gaps: tuple[Anomaly, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sleep: str = ""
    accounts: int = 1


def run(
    path: str | Path,
    *,
    strategy: type[Strategy] | str | None = None,
    workers: int | None = None,
    backend: str | None = None,
    address: str | None = None,
    out: str | Path | None = None,
    trials: int | None = None,
    seed: int | None = None,
    overrides: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> Study:
    """Run the study of a sweep file to its end, or resume it; the same call. It pauses after `runtime.time_limit`.

    With folds it also goes on with data that have only grown: what is unchanged is kept, as `Study.history` says.

    `strategy` is a class at the top of a Python file, also of the program that runs, or a reference, and replaces the
    file's. `workers`, `backend` (inline or ray) and `address` (local, auto or HOST:PORT) say where trials run. `out` is
    the study's folder (studies/<study> here), or s3://BUCKET/PREFIX or gs://BUCKET/PREFIX. `trials` and `seed` replace
    the file's, and each of `overrides` is one `dotted.key=value`. `progress` is called as trials come back. Raises
    BadInput, BadData, StrategyError or StudyConflict before anything is written.
    """
    options = {
        "strategy": reference_of(strategy) if isinstance(strategy, type) else strategy,
        "search.trials": trials,
        "search.seed": seed,
        "runtime.workers": workers,
        "runtime.backend": backend,
        "runtime.address": address,
    }
    sweep, cls, _ = _read(path, with_options(overrides, options))
    folder = out if out is not None else Path("studies") / sweep.study
    place, where = StudyFolder(folder), sweep.runtime
    declared = sweep.data.sessions_per_year is not None
    sweep = with_asset_groups(with_warm_start(_seal(place.completed(sweep))))
    space = build_space(sweep, cls.declared())
    spec = trial_spec(sweep, space)
    identity = identify(sweep, fingerprint(sweep.data), space.dimensions)
    with recording_looks(folder), _located(sweep), recording_rows(place, identity, sweep.data):
        if has_grown(place, identity, sweep.data):
            grow_study(place, identity, sweep, spec, space, declared=declared)
        runner = make_backend(
            where.resolved_backend, where.workers, where.address, where.trial_timeout, where.shards, sweep.study
        )
        if place.exists and place.history:
            runner = KeptFolds(runner, place.former(), sweep, space, identity.proposals)
        summary = run_study(sweep, space, runner, place, identity, progress, seconds=where.seconds)
    study = open_study(folder)
    note(study.path, study.identity)
    if summary.paused:
        return study
    with _located(sweep):
        if sweep.data.benchmark is not None and study.benchmark is None:
            write_benchmarks(open_files(study.path), study.sessions, make_evaluator(spec).benchmarks())
            study = open_study(folder)
        write_selected_records(study, spec, space)
        run_stress_test(study, spec, space)
    return study


def read_sweep(
    path: str | Path,
    *,
    workers: int | None = None,
    trials: int | None = None,
    seed: int | None = None,
    overrides: Sequence[str] = (),
) -> Sweep:
    """Read and resolve a sweep file as `run` would, and find strategy and search space good; loads no data."""
    options = {"search.trials": trials, "search.seed": seed, "runtime.workers": workers}
    return _read(path, with_options(overrides, options))[0]


def sweep_warnings(path: str | Path, *, overrides: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what is suspicious in a sweep file and no error, a line each; loads no data and runs nothing."""
    sweep, cls, _ = _read(path, overrides)
    return tuple(map(str, warnings_of_sweep(sweep, cls)))


def study_warnings(study: Study) -> tuple[str, ...]:
    """Return what is suspicious in a study's trials, a line each: none traded, orders rejected and why.

    Where a study has ended, no trial was selected and orders were rejected, one trial runs again, if data and strategy
    are still there.
    """

    def replay_orders(number: int) -> pl.DataFrame | None:
        if not study.state.finished:
            return None
        try:
            return study.backtest(number).orders
        except BacksweepError:
            return None

    return tuple(map(str, warnings_of_study(study, replay_orders)))


def check(path: str | Path, *, overrides: Sequence[str] = ()) -> Findings:
    """Validate a sweep file, load its data, run its strategy once and test it for look-ahead; writes nothing.

    Look-ahead is tested in the middle of the search space and at two random places of it, the same every time; see
    `backsweep.trial.lookahead`. There, too, `wake` and `wake_held` are compared with runs that see every
    bar. Raises BadInput, BadData or StrategyError at the first thing that is wrong.
    """
    sweep, cls, space = _read(path, overrides)
    with_warm_start(sweep)
    shard = load(sweep.data, sweep.account.rate_columns)
    with_asset_groups(sweep, shard.assets)
    spec = trial_spec(sweep, space).of_all_assets()
    places = np.vstack([np.full(len(space.names), 0.5), np.random.default_rng(0).random((2, len(space.names)))])
    trials = space.from_unit(space.region.moved(places)) if space.names else np.zeros((1, 0))
    accounts = list(checked_accounts(spec, shard, trials))
    with _located(sweep), redirect_stdout(StringIO()):  # what on_data prints
        result = make_evaluator(spec, shard, cls).replay(trials[0])
        sleep = join_sleeps(
            check_sleep(each.shard, cls, each.settings, each.trials, **each.options) for each in accounts
        )
        lookahead = join_lookaheads(
            check_lookahead(each.shard, cls, each.settings, each.trials, **each.options) for each in accounts
        )
    warnings = (*map(str, warnings_of_sweep(sweep, cls)), *result.warnings)
    remember(identify(sweep, fingerprint(sweep.data)), lookahead.moments, lookahead.requests)
    gaps, anomalies = tuple(find_gaps(shard, find_interval(shard))), tuple(find_anomalies(shard))
    return Findings(
        sweep, shard, space, result, lookahead, gaps, anomalies, list_files(sweep), warnings, str(sleep), len(accounts)
    )


def replay(
    path: str | Path,
    params: Mapping[str, Value] | None = None,
    *,
    trial: int | None = None,
    study: str | Path | None = None,
    compiled: bool = True,
    overrides: Sequence[str] = (),
) -> Replay:
    """Run one parameter set of a sweep file again, with full records.

    With `search.asset_groups` a trial runs on the assets of its group, a study without a trial runs all groups, each
    with the parameters that it selected, and without a study all assets have the same parameters. The parameters are
    those of `trial` of the folder `study` (studies/<study> here), with `params` on top; what neither names has the
    strategy's default or the file's value. The data may end later than the study's, which a note says. With
    `compiled=False` the engine and the strategy run as plain Python: the same bits. Raises BadInput for a name that is
    not a parameter and for a value that it cannot have, StudyConflict if the study was made from something else than
    this file.
    """
    sweep, cls, space = _read(path, overrides)
    values: dict[str, Value] = {}
    sweep = _seal(sweep)
    opened, newer, group = None, False, None
    if trial is None and study is not None and sweep.search.asset_groups is not None and not params:
        return _replay_groups(sweep, open_study(study), compiled=compiled)
    if trial is not None:
        opened = open_study(study if study is not None else Path("studies") / sweep.study)
        sweep = StudyFolder(opened.path).completed(sweep)
        if not overrides:
            newer = check_all_but_data(opened, sweep)
            if newer and sweep.walk_forward is not None and sweep.walk_forward.holdout is not None:
                StudyFolder(opened.path).check(identify(sweep, fingerprint(sweep.data)))  # its holdout would move
        values |= opened.describe(trial)["params"]
        group, sweep = opened.group_of(trial), with_asset_groups(sweep)
    elif study is not None:
        raise BadInput("a study without a trial", where=str(study), remedy="say which with --trial N")
    values |= params or {}
    known = [*dict.fromkeys([*cls.declared(), *space.names, *space.fixed])]
    for name in values:
        if name not in known:
            expected = ", ".join(known) or "none: the strategy has no parameters"
            raise BadInput(f"unknown parameter `{name}`", expected=expected, remedy=nearest(name, known))
    declared = cls.declared()
    for name, value in values.items():
        check_value(sweep, name, value, declared.get(name), f"parameter {name}")
    spec = trial_spec(sweep, space)
    with _located(sweep):
        result = replay_values(spec, values, group=group, compiled=compiled)
    ranges: dict[str, Any] = {axis.name: axis for axis in space.dimensions} | declared
    outside = (str(each) for name in values for each in warnings_of_value(name, values[name], ranges.get(name)))
    result = replace(result, notes=(*outside, *result.notes))
    if newer and opened is not None and trial is not None:
        same = opened.describe(trial)["params"] == values
        note = f"the data are {describe_newer(opened, trial if same else None, result, spec)}"
        result = replace(result, notes=(*result.notes, note))
    made = describe_making(sweep, values, (opened.path, trial, params) if opened is not None and group else None)
    return Replay(sweep.study, dict(values), result, making=made)


def _replay_groups(sweep: Sweep, study: Study, *, compiled: bool) -> Replay:
    """Run what the groups of a study selected, all of them together."""
    sweep = with_asset_groups(_seal(StudyFolder(study.path).completed(sweep)))
    newer = check_all_but_data(study, sweep)
    spec = trial_spec(sweep, build_space(sweep, load_strategy(sweep.strategy).declared()))
    with _located(sweep):
        result, _ = replay_groups(spec, study.best_params, compiled=compiled)
    if newer:
        note = f"the data are {describe_newer(study, None, result, spec)}"
        result = replace(result, notes=(*result.notes, note))
    return Replay(sweep.study, {}, result, study.best_params, describe_making(sweep, {}, (study.path, None, None)))


def _read(path: str | Path, overrides: Sequence[str]) -> tuple[Sweep, type[Strategy], Space]:
    sweep = load_sweep(Path(path), overrides)
    cls = load_strategy(sweep.strategy)
    check_models(sweep.costs)
    check_metrics(sweep.metrics)
    check_sampler(sweep)
    return sweep, cls, build_space(sweep, cls.declared())


def _seal(sweep: Sweep) -> Sweep:
    """Seal the data, so that what is loaded has the fingerprint that the study has."""
    return sweep.model_copy(update={"data": sealed(sweep.data)})


@contextmanager
def _located(sweep: Sweep) -> Iterator[None]:
    """Add the line of the sweep file to an error that only the data show."""
    try:
        yield
    except BadInput as error:
        raise sweep.locate(error) from error
