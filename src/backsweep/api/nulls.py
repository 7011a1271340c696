"""The null study: the same search on histories without timing, and the rank of the real result among theirs.

The null hypothesis: the order of the sessions carries nothing that this strategy could use. Neither signals nor context
nor earlier prices predict the returns that follow (`dataset.permute` states what is kept). Under it the real
history is one more permutation, so that the probability to rank r-th or better of K + 1 is r / (K + 1), whatever the
search does: it holds for samplers that learn, for folds and for any way to select, because every history is searched,
folded and selected from in the same way, with as many trials.

Each history's result is a file of its own in the study's folder, `null/<trials>-<history>.json`, put once: the same
command goes on where it was ended. A history is a pure function of the study's seed, the length of the blocks and its
number, so that it does not matter where or when it runs. Histories run whole, each in one process. A holdout is no
part of any of this: its sessions stay where they are, and no trial runs on them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backsweep.dataset import fingerprint, load, sealed
from backsweep.dataset.permute import permuted
from backsweep.errors import BadInput
from backsweep.runtime.inline import InlineBackend
from backsweep.runtime.parallel_map import parallel_map
from backsweep.storage.sealed import sha256
from backsweep.strategy import load_strategy
from backsweep.study.results.data_changes import check_data
from backsweep.study.results.study import Study, open_study
from backsweep.study.run.driver import run_study
from backsweep.study.search.samplers import check_sampler
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import Identity, identify
from backsweep.study.store.null_results import History, read_histories, write_history
from backsweep.sweepfile.load import load_sweep
from backsweep.sweepfile.overrides import with_options
from backsweep.sweepfile.sweep import Sweep
from backsweep.trial.code import code_digests
from backsweep.trial.evaluate import make_evaluator
from backsweep.trial.folds import holdout_start
from backsweep.trial.models import check_models
from backsweep.trial.own_metrics import check_metrics
from backsweep.trial.quotes import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.dataset import DataSpec
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.evaluator import Evaluator

BLOCK = 5
"""Sessions that are permuted together: a trading week."""


@dataclass(frozen=True)
class NullProgress:
    """Where a null study stands: histories done of those asked for; `seconds` is what the rest will take at least."""

    done: int
    total: int
    seconds: float


def null_study(
    path: str | Path,
    studies: int,
    *,
    block: int = BLOCK,
    workers: int | None = None,
    backend: str | None = None,
    address: str | None = None,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    progress: Callable[[NullProgress], None] | None = None,
) -> Study:
    """Search `studies` histories like the study of a sweep file, which has been run; returns the study.

    Histories that are there are not run again. `progress` is called before the first and after each. Raises BadInput
    where the study is not there or not finished, or the sessions cannot be permuted, StudyConflict where it was made
    from something else than this file, or has histories of other blocks.
    """
    options = {"runtime.workers": workers, "runtime.backend": backend, "runtime.address": address}
    sweep = load_sweep(Path(path), with_options(overrides, options))
    folder = out if out is not None else Path("studies") / sweep.study
    if not StudyFolder(folder).exists:
        raise BadInput("the study has not been run", where=str(folder), remedy=f"first run it: backsweep run {path}")
    if sweep.search.asset_groups is not None:
        raise BadInput(
            "a null study of groups of assets",
            where=sweep.where("search", "asset_groups"),
            expected="a study of all assets together",
            remedy="use `walk_forward`, whose tests need no null study, or run one for each group under `data.assets`",
        )
    if sweep.search.warm_start is not None:
        raise BadInput(
            "a null study of a search that begins with trials of an earlier one",
            where=sweep.where("search", "warm_start"),
            expected="a search that histories repeat from its beginning: the earlier one is not",
            remedy="use `walk_forward` on data that the earlier study did not see, or a study without `warm_start`",
        )
    sweep = StudyFolder(folder).completed(sweep)
    data = sealed(sweep.data)  # JSON does not carry the seal
    load_strategy(sweep.strategy)
    check_models(sweep.costs)
    check_metrics(sweep.metrics)
    check_sampler(sweep)  # what is compared is what was loaded
    identity = identify(sweep, fingerprint(data))
    check_data(StudyFolder(folder), identity, data)
    StudyFolder(folder).check(identity)
    code = code_digests(sweep.strategy, sweep.costs, (sweep.metrics or {}).values())
    study = open_study(folder)
    state = study.state
    if state.total is None or not state.finished:
        found = f"{state.done:,} of {state.total:,} trials" if state.total is not None else "no trial"
        raise BadInput("the study is not finished", where=str(folder), found=found, remedy=f"backsweep run {path}")
    there = {history.number for history in read_histories(folder, state.hash, state.done, block)}
    missing = [number for number in range(studies) if number not in there]
    runtime = sweep.runtime
    spreads = runtime.resolved_backend == "ray"
    workers = runtime.workers if spreads else 1
    each = float(study.trials["duration"].dt.total_microseconds().to_numpy().sum()) / 1e6 / workers

    def report() -> None:
        if progress is not None:
            progress(NullProgress(studies - len(missing), studies, len(missing) * each))

    report()
    folds = study.trials["fold"].n_unique() if sweep.searches_by_fold else 1
    search = sweep.search.model_copy(update={"trials": state.total // folds, "patience": state.patience})
    walk = sweep.walk_forward  # what a history is asked is its out-of-sample record, which needs no final choice
    walk = None if walk is None else walk.model_copy(update={"final": False})
    given = sweep.model_copy(update={"search": search, "walk_forward": walk}).model_dump_json(exclude_none=True)
    make = partial(_Histories, given, data, code, block)
    for number, sharpe in parallel_map(make, tuple(missing), workers, runtime.address if spreads else None):
        write_history(folder, History(state.hash, state.done, block, number, sharpe))
        missing.remove(number)
        report()
    return open_study(folder)


class _Histories:
    """Runs whole studies on permuted histories in this process: data and strategy are loaded once.

    `data` are the sweep's, sealed, and `code` its `code_digests`.
    """

    def __init__(self, sweep: str, data: DataSpec, code: tuple[dict[str, str], ...], block: int) -> None:
        self._code = code
        self._sweep = given = Sweep.model_validate_json(sweep, strict=True)
        self._cls = load_strategy(given.strategy)
        self._space = build_space(self._sweep, self._cls.declared())
        self._shard = replace(load(data, given.account.rate_columns), notes=())  # the study said them
        walk = given.walk_forward
        self._stop = None if walk is None else holdout_start(self._shard.session_table.dates, walk)
        self._block = block

    def __call__(self, number: int) -> float | None:
        """Return a history's Sharpe ratio: of the stitched tests, or of the selected trial; None if it has none."""
        quotes = COLUMNS if self._sweep.execution.quotes else ()
        seed = (self._sweep.search.seed, self._block, number)
        shard = permuted(self._shard, self._block, seed, self._stop, quotes)

        def build(spec: TrialSpec) -> Evaluator:
            return make_evaluator(spec.model_copy(update={"code": self._code}), shard, self._cls)

        content = json.loads(self._sweep.model_dump_json(exclude_none=True))
        data = sha256(f"history {number} of blocks of {self._block}".encode())
        identity = Identity(content, data, "", proposals=self._sweep.search.known_sampler.version)
        with tempfile.TemporaryDirectory(prefix="backsweep-null-") as place:
            folder = Path(place) / "study"
            run_study(self._sweep, self._space, InlineBackend(build), StudyFolder(folder), identity)
            return open_study(folder).result
