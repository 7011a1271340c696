"""What the sections of a sweep file must be to each other, each rule with its own message."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from backsweep.errors import BadInput
from backsweep.metrics.summary import ALL_METRICS
from backsweep.sweepfile.asset_groups import check_asset_groups
from backsweep.sweepfile.expressions import FUNCTIONS
from backsweep.sweepfile.messages import nearest
from backsweep.sweepfile.search import BOUNDS, SAMPLERS, read_expression, read_relation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backsweep.sweepfile.folds import WalkForward
    from backsweep.sweepfile.sweep import Sweep

_MOST_SPLITS = 1000  # folds of a cross-validation
_OWN_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_BY_VOLUME = {"volume_share", "square_root"}  # kinds of slippage


def check_together(sweep: Sweep) -> None:
    """Raise BadInput for the first rule that sections of the file break together."""
    for check in RULES:
        check(sweep)


def _check_sampler(sweep: Sweep) -> None:
    """Refuse an unknown sampler, and a search without `search.trials` unless the sampler is `grid`."""
    search = sweep.search
    if search.sampler not in SAMPLERS and ":" not in search.sampler:
        raise BadInput(
            "unknown sampler",
            where=sweep.where("search", "sampler"),
            expected=", ".join(SAMPLERS) + ", or an Optuna sampler as file.py:Class or module:Class",
            found=search.sampler,
            remedy=nearest(search.sampler, SAMPLERS),
        )
    if search.trials is None and not search.known_sampler.ends:
        raise _missing(sweep, "search.trials", "how many trials to run (only a grid has an end of its own)", "500")


def _check_own_metrics(sweep: Sweep) -> None:
    """Refuse a metric of the user's own whose name is no lower-case word, or has another meaning."""
    for name in sweep.metrics or ():
        taken = name in ALL_METRICS or name in FUNCTIONS
        if taken or _OWN_NAME.fullmatch(name) is None:
            raise BadInput(
                "a metric under the name of another" if taken else "a metric's name that cannot stand in an expression",
                where=sweep.where("metrics", name),
                expected="a name of small letters, digits and _ that is not taken",
                found=name,
                remedy="give it another name",
            )


def _check_objectives(sweep: Sweep) -> None:
    """Refuse an objective that is neither a metric nor an expression of metrics, and the same one twice."""
    search = sweep.search
    for i, objective in enumerate(search.objective):
        direction = "maximize" if objective.maximize else "minimize"
        own = (direction,) if len(search.objective) == 1 else (i, direction)
        where = sweep.where("search", "objective", *own)
        _check_metrics(sweep, read_expression(objective.metric, where).names, where)
    metrics = [objective.metric for objective in search.objective]
    if len({objective.expression.steps for objective in search.objective}) < len(metrics):
        raise BadInput(
            "the same objective twice",
            where=sweep.where("search", "objective"),
            found=", ".join(metrics),
            remedy="keep one of them",
        )


def _check_constraints(sweep: Sweep) -> None:
    """Refuse a constraint that compares no metrics with `<=` or `>=`, and two of a kind on one metric."""
    search = sweep.search
    for i, text in enumerate(search.constraints):
        where = sweep.where("search", "constraints", i)
        relation = read_relation(" ".join(text.split()), where)
        _check_metrics(sweep, relation.names, where)
        if relation.comparison not in BOUNDS:
            raise BadInput(
                "a constraint that is no bound",
                where=where,
                expected="`metric <= number` or `metric >= number`",
                found=text,
                remedy='write, for instance, "max_drawdown <= 0.35"',
            )
    names = [bound.name for bound in search.bounds]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise BadInput(
                "two constraints of the same kind on one metric",
                where=sweep.where("search", "constraints", i),
                found=search.constraints[i],
                remedy="keep the tighter one",
            )


def _check_pruning(sweep: Sweep) -> None:
    """Refuse `search.pruning` in `mode: cpcv`, and its `max_drawdown` and `min_trades` in `account.mode: sleeves`."""
    pruning = sweep.search.pruning
    if pruning is None:
        return
    walk = sweep.walk_forward
    where = sweep.where("search", "pruning")
    if walk is not None and walk.mode == "cpcv":
        raise BadInput(
            "pruning in a cross-validation",
            where=where,
            expected="rolling, anchored or holdout: in cpcv a run is training in one fold and test in another, which "
            "must neither end early nor decide what is tested on it",
            found="walk_forward.mode: cpcv",
            remedy="leave `pruning` out",
        )
    if sweep.account.mode == "sleeves" and (pruning.max_drawdown is not None or pruning.min_trades is not None):
        raise BadInput(
            "pruning inside a run of sleeves",
            where=where,
            expected="`between_folds` alone: drawdown and trades are those of all sleeves together, of which none is "
            "known before every shard has run to its end",
            found="account.mode: sleeves",
            remedy="leave `max_drawdown` and `min_trades` out, or write `mode: shared` under `account`",
        )


def _check_pruning_between_folds(sweep: Sweep) -> None:
    """Refuse `search.pruning.between_folds` without several folds that share their trials and end flat."""
    if sweep.search.between_folds is None:
        return
    where = sweep.where("search", "pruning", "between_folds")
    walk = sweep.walk_forward
    if walk is None or (walk.mode == "holdout" and walk.holdout is None):
        raise BadInput(
            "pruning between folds without folds",
            where=where,
            expected="`walk_forward` with `mode: rolling` or `anchored`",
            found="no `walk_forward`" if walk is None else "mode: holdout, which has one fold",
            remedy="leave `between_folds` out: `max_drawdown` and `min_trades` prune inside a run",
        )
    if sweep.searches_by_fold:
        raise BadInput(
            "pruning between folds that have trials of their own",
            where=where,
            expected="`share_proposals: true`, where a trial runs on every fold",
            found=f"sampler: {sweep.search.sampler}, which searches every fold by itself",
            remedy="leave `between_folds` out, or write `sampler: sobol` with `share_proposals: true`",
        )
    if walk.state == "continuous":
        raise BadInput(
            "pruning between folds whose tests carry on",
            where=where,
            expected="`state: flat`: continuous tests are cut out of one run over all of them",
            found="state: continuous",
            remedy="leave `between_folds` or `state` out",
        )


def _check_proposals(sweep: Sweep) -> None:
    """Refuse `walk_forward.share_proposals` for a sampler that learns: later trainings would leak into tests."""
    walk = sweep.walk_forward
    if walk is None or sweep.searches_by_fold:
        return
    if sweep.learns and (walk.mode != "holdout" or walk.holdout is not None):
        raise BadInput(
            "a sampler that learns cannot propose for several folds at once",
            where=sweep.where("walk_forward", "share_proposals"),
            expected="false: what later trainings teach it would leak into the tests before them",
            found="true",
            remedy="leave `share_proposals` out, or write `sampler: sobol`",
        )


def _check_spans(sweep: Sweep) -> None:
    """Refuse `groups` outside of `mode: cpcv`, a missing `train`, and a missing `test` except in `mode: holdout`."""
    walk = sweep.walk_forward
    if walk is None or walk.mode == "cpcv":
        return
    if walk.train is None:
        raise _missing(sweep, "walk_forward.train", "the length of a training", "4y")
    if walk.test is None and walk.mode != "holdout":
        expected = "the length of a test (only a holdout may reach to the end of the data)"
        raise _missing(sweep, "walk_forward.test", expected, "1y")
    _check_absent(
        sweep,
        walk,
        ("groups", "test_groups"),
        expected="groups in `mode: cpcv` alone",
        remedy="write `mode: cpcv`, or leave it out",
    )


def _check_cross_validation(sweep: Sweep) -> None:
    """Refuse spans and `state: continuous` in `mode: cpcv`, missing groups, and groups that make too many folds."""
    walk = sweep.walk_forward
    if walk is None or walk.mode != "cpcv":
        return
    for key, example in (("groups", "6"), ("test_groups", "2")):
        if getattr(walk, key) is None:
            expected = "how many groups of sessions there are, and how many of them a fold tests"
            raise _missing(sweep, f"walk_forward.{key}", expected, example)
    _check_absent(
        sweep,
        walk,
        ("train", "test", "step"),
        expected="groups instead of spans: each choice of `test_groups` of the `groups` is a fold",
        remedy="leave it out",
    )
    groups, tested = walk.groups or 0, walk.test_groups or 0
    if tested >= groups or math.comb(groups, tested) > _MOST_SPLITS:
        raise BadInput(
            "groups that make no cross-validation",
            where=sweep.where("walk_forward", "test_groups"),
            expected=f"fewer than {groups} test groups, and at most {_MOST_SPLITS} folds",
            found=f"{tested} of {groups}: {math.comb(groups, tested)} folds",
            remedy="write `groups: 6` and `test_groups: 2`",
        )
    if walk.state == "continuous":
        raise BadInput(
            "cross-validation cannot carry positions on",
            where=sweep.where("walk_forward", "state"),
            expected="flat: its tests do not follow each other",
            found="continuous",
            remedy="leave `state` out",
        )


def _check_shards(sweep: Sweep) -> None:
    """Refuse `runtime.shards` with `account.mode: shared`."""
    if sweep.runtime.shards is not None and sweep.account.mode == "shared":
        raise BadInput(
            "one account for all assets cannot be cut into shards",
            where=sweep.where("runtime", "shards"),
            expected="account.mode: sleeves, where every asset has an account of its own",
            found=f"account.mode: shared, runtime.shards: {sweep.runtime.shards}",
            remedy="leave `shards` out, or write `mode: sleeves` under `account`",
        )


def _check_searches(sweep: Sweep) -> None:
    """Refuse `state: continuous` and a grid where every fold has trials of its own."""
    walk, search = sweep.walk_forward, sweep.search
    if walk is None or not sweep.searches_by_fold:
        return
    if walk.state == "continuous":
        raise BadInput(
            "tests cannot carry on where every fold has trials of its own",
            where=sweep.where("walk_forward", "state"),
            expected="flat: a test carries on with the positions of the same parameters in the test before it",
            found="continuous",
            remedy="write `state: flat`, or `sampler: sobol` with `share_proposals: true`",
        )
    if search.known_sampler.ends:
        raise BadInput(
            f"a {search.sampler} has the same points in every fold",
            where=sweep.where("walk_forward", "share_proposals"),
            expected="true, which runs each of them on every fold",
            found="false",
            remedy="leave `share_proposals` out",
        )


def _check_absent(sweep: Sweep, walk: WalkForward, keys: Iterable[str], *, expected: str, remedy: str) -> None:
    """Refuse keys of `walk_forward` that mean nothing in its mode."""
    for key in keys:
        if getattr(walk, key) is not None:
            where = sweep.where("walk_forward", key)
            raise BadInput(f"`walk_forward.{key}` in mode {walk.mode}", where=where, expected=expected, remedy=remedy)


def _missing(sweep: Sweep, key: str, expected: str, example: str) -> BadInput:
    """Make the error for a key, `section.name`, that this sweep file must have."""
    section, _, name = key.partition(".")
    remedy = f"add `{name}: {example}` under `{section}`"
    return BadInput(f"missing key `{key}`", where=sweep.where(section), expected=expected, remedy=remedy)


def _check_metrics(sweep: Sweep, names: Iterable[str], where: str) -> None:
    known = sweep.metric_names
    for name in names:
        if name in ALL_METRICS and name not in known:
            raise BadInput(
                f"`{name}` compares with a benchmark, and there is none",
                where=where,
                expected="a benchmark under data, or another metric",
                found=name,
                remedy="add `benchmark: ASSET` or `benchmark: index.csv` under data",
            )
        if name not in known:
            raise BadInput("unknown metric", where=where, expected="a metric", found=name, remedy=nearest(name, known))


def _check_volumes(sweep: Sweep) -> None:
    """Refuse fills and slippage that depend on volumes where the bars are declared to have none."""
    if sweep.data.files["bars"].columns.get("volume", "volume") is not None:
        return
    costs = sweep.costs
    slippage = {"costs.slippage": costs.slippage}
    slippage |= {
        f"costs.per_asset.{name}.slippage": own.slippage for name, own in costs.per_asset.items() if own.slippage
    }
    used = [key for key, model in slippage.items() if getattr(model, "kind", "") in _BY_VOLUME]
    used += ["execution.volume_share"] if sweep.execution.volume_share else []
    if used:
        raise BadInput(
            f"`{used[0]}` depends on volumes, and the bars have none",
            where=sweep.where(*used[0].split(".")),
            expected="bars with volumes, or fills and costs that do not depend on them",
            found="columns: {volume: null} under data",
            remedy=f"take `{used[0]}` out, or name the column of the volumes",
        )


RULES = (
    _check_sampler,
    _check_own_metrics,
    _check_objectives,
    _check_constraints,
    _check_pruning,
    _check_pruning_between_folds,
    _check_spans,
    _check_cross_validation,
    _check_searches,
    _check_proposals,
    _check_shards,
    check_asset_groups,
    _check_volumes,
)
"""The rules, in the order in which they are checked; the docstring of each says it."""
