"""This project's samplers, asked for batches as the driver of a study asks them."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

from backsweep.study.run.batches import Batches
from backsweep.study.search.batch_sizes import batch_sizes
from backsweep.study.search.proposals import Observations
from backsweep.study.search.samplers import make_proposer
from backsweep.study.search.space import Space
from backsweep.sweepfile.sweep import Sweep
from search_bench.objectives import Array, Objective, Outcomes


def in_batches(sampler: str, objective: Objective, seed: int, trials: int) -> tuple[Array, Outcomes, float]:
    """Return values and outcomes of a search with the default batches and lag, and the sampler's processor seconds."""
    sweep = Sweep.model_validate(
        {
            "study": "search",
            "data": {"bars": "none.parquet"},
            "strategy": "none:None",
            "search": {"sampler": sampler, "seed": seed, "trials": trials},
        }
    )
    sizes = batch_sizes(sweep.search, sweep.search.known_sampler.version)
    batches = Batches(sizes, sweep.search.lag, trials)
    proposer = make_proposer(sweep, Space(objective.axes, {}))
    x = np.empty((trials, len(objective.axes)))
    losses, violations = np.empty(trials), np.empty((trials, objective.constraints))
    running: deque[Observations] = deque()
    observed, begun = 0, time.process_time()
    evaluating = 0.0
    for batch in range(batches.count):
        while observed < batches.known(batch):
            proposer.observe(running.popleft())
            observed += 1
        proposals = proposer.propose(batch, sizes.size(batch), [each.proposals for each in running])
        start = time.process_time()
        outcomes = objective.evaluate(proposals.values)
        failed = np.zeros(len(proposals.values), np.bool_)
        running.append(Observations(proposals, outcomes.losses[:, None], outcomes.violations, failed))
        rows = batches.numbers(batch)
        part = slice(rows.start, rows.stop)
        x[part], losses[part] = proposals.values[: len(rows)], outcomes.losses[: len(rows)]
        violations[part] = outcomes.violations[: len(rows)]
        evaluating += time.process_time() - start
    return x, Outcomes(losses, violations), time.process_time() - begun - evaluating
