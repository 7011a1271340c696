"""What pruning saves on the demo, and that it selects the same: python tests/bench/pruning.py [TRIALS].

The demo's constraint `max_drawdown <= 0.35` is tightened until it binds; pruning has the same bound, so it ends only
runs that break it. The trials of the study without pruning are run again with it and without; their time is the least
processor time of several runs. A study of its own shows what is selected where pruning decides what the sampler learns.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import backsweep as bs
from backsweep.strategy import load_strategy
from backsweep.study.space import build_space, trial_spec
from backsweep.trial.evaluate import Evaluator
from backsweep.trial.exchange import Chunk

SWEEP = Path(__file__).parents[2] / "sweeps" / "demo.yaml"
REPEATS = 7


def seconds(study, values: np.ndarray) -> float:
    """Give the processor time of evaluating `values` as the study does."""
    space = build_space(study.sweep, load_strategy(study.sweep.strategy).declared())
    evaluator = Evaluator(trial_spec(study.sweep, space))
    chunk = Chunk(0, np.arange(len(values)), values)
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        evaluator.evaluate(chunk)
        times.append(time.process_time() - start)
    return min(times)


def main(trials: int) -> None:
    """Print a line for each sampler and limit; exit 1 if a selection changed."""
    changed = False
    with tempfile.TemporaryDirectory() as folder:
        for sampler in ("random", "tpe"):
            for limit in (0.35, 0.2, 0.1):
                studies = []
                for pruned in (False, True):
                    options = [f"search.sampler={sampler}", f'search.constraints=["max_drawdown <= {limit}"]']
                    options += [f"search.pruning={{max_drawdown: {limit}}}"] if pruned else []
                    out = Path(folder) / f"{sampler}-{limit}-{pruned}"
                    studies.append(
                        bs.run(SWEEP, out=out, trials=trials, backend="inline", workers=1, overrides=options)
                    )
                plain, study = studies
                values = plain.trials.select("^params_.*$").cast(float).to_numpy()
                before, after = (seconds(each, values) for each in studies)
                ended = int((study.trials["state"] == "PRUNED").sum())
                run = study.trials["user_attrs_sessions"].sum() / (trials * len(study.sessions))
                first, second = (None if each.best is None else each.best["params"] for each in studies)
                changed = changed or first != second
                print(
                    f"{sampler:7} limit {limit:4}: {ended:4} of {trials} pruned, {1 - run:4.0%} of sessions not run; "
                    f"{before:.3f} s -> {after:.3f} s ({1 - after / before:+.0%} saved); "
                    f"{'the same' if first == second else 'OTHER'} parameters selected"
                )
    sys.exit(int(changed))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 640)
