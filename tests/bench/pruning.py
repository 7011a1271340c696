"""What pruning saves on the demo, and that it selects the same: python tests/bench/pruning.py [TRIALS].

Inside a run: the demo's constraint `max_drawdown <= 0.35` is tightened until it binds; pruning has the same bound, so
it ends only runs that break it. The trials of the study without pruning are run again with it and without. A study of
its own shows what is selected where pruning decides what the sampler learns.

Between folds: the shipped walk-forward, whose trials are run again in the goes that each rule leaves of them.

Time is the least processor time of several runs. Exits with 1 if pruning inside a run, or between folds with the
defaults and `select: best`, changes what is selected; the other rows show how it may.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

import backsweep as bs
from backsweep.strategy import load_strategy
from backsweep.study.search.space import build_space, trial_spec
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import SharedEvaluator

SWEEPS = Path(__file__).parents[2] / "sweeps"
REPEATS = 7
RULES = {
    "halving": "{kind: halving}",
    "halving, after 2": "{kind: halving, after: 2}",
    "halving, keep 0.75": "{kind: halving, keep: 0.75}",
    "wilcoxon": "{kind: wilcoxon}",
}


def seconds(study, chunks):
    """Measure the processor time of evaluating chunks as the study does."""
    space = build_space(study.sweep, load_strategy(study.sweep.strategy).declared())
    evaluator = SharedEvaluator(trial_spec(study.sweep, space))
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        for chunk in chunks:
            evaluator.evaluate(chunk)
        times.append(time.process_time() - start)
    return min(times)


def values_of(study):
    """Return the parameters of a study's trials."""
    return study.trials.select("^params_.*$").cast(float).to_numpy()


def run(folder, sweep, name, trials, options):
    """Run a shipped sweep in this process."""
    return bs.run(SWEEPS / sweep, out=folder / name, trials=trials, backend="inline", workers=1, overrides=options)


def goes(study):
    """Return the chunks that a study pruned between folds has run: the trials still running at each rung."""
    values, folds = values_of(study), study.folds["fold"].max() + 1
    ran = study.folds.filter((pl.col("segment") == "train") & (pl.col("user_attrs_sessions") > 0))
    done = ran.group_by("number", maintain_order=True).len()["len"].to_numpy()
    cuts = [0, *sorted({*done.tolist(), folds})]
    for begin, end in itertools.pairwise(cuts):
        rows = np.flatnonzero(done > begin)
        yield Chunk(0, rows, values[rows], range(begin, end))


def inside(folder, trials):
    """Print a line for each sampler and limit; returns whether a selection changed."""
    changed = False
    for sampler in ("random", "tpe"):
        for limit in (0.35, 0.2, 0.1):
            options = [f"search.sampler={sampler}", f'search.constraints=["max_drawdown <= {limit}"]']
            rule = [f"search.pruning={{max_drawdown: {limit}}}"]
            plain = run(folder, "demo.yaml", f"{sampler}-{limit}", trials, options)
            study = run(folder, "demo.yaml", f"{sampler}-{limit}-pruned", trials, options + rule)
            values = values_of(plain)
            before, after = (seconds(each, [Chunk(0, np.arange(trials), values)]) for each in (plain, study))
            left = study.trials["user_attrs_sessions"].sum() / (trials * len(study.sessions))
            first, second = (None if each.best is None else each.best["params"] for each in (plain, study))
            changed = changed or first != second
            says(f"{sampler} {limit}", study, trials, left, before, after, same=first == second)
    return changed


def between(folder, trials):
    """Print a line for each way to choose and each rule; returns whether the defaults changed a selection."""
    changed = False
    for select, mode in (("best", "rolling"), ("best", "anchored"), ("neighbourhood", "rolling")):
        options = [f"walk_forward.select={select}", f"walk_forward.mode={mode}"]
        name = f"{select} {mode}"
        plain = run(folder, "walk_forward.yaml", name, trials, options)
        before = seconds(plain, [Chunk(0, np.arange(trials), values_of(plain))])
        for rule, text in RULES.items():
            pruned = [*options, f"search.pruning={{between_folds: {text}}}"]
            study = run(folder, "walk_forward.yaml", f"{name} {rule}", trials, pruned)
            left = study.folds["user_attrs_sessions"].sum() / plain.folds["user_attrs_sessions"].sum()
            same = study.walk_forward.folds["numbers"].equals(plain.walk_forward.folds["numbers"])
            changed = changed or (select == "best" and "," not in rule and not same)
            says(f"{name}, {rule}", study, trials, left, before, seconds(study, list(goes(study))), same=same)
    return changed


def says(name, study, trials, left, before, after, *, same):
    """Print a line."""
    print(
        f"{name:42} {study.state.pruned:4} of {trials} pruned, {1 - left:4.0%} of sessions not run; "
        f"{before:.3f} s -> {after:.3f} s ({1 - after / before:+.0%} saved); "
        f"{'the same' if same else 'OTHER'} parameters selected"
    )


def main(trials):
    """Print both tables."""
    with tempfile.TemporaryDirectory() as folder:
        changed = [inside(Path(folder), trials), between(Path(folder), trials // 128 * 128 or 128)]
    sys.exit(int(any(changed)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 640)
