"""A compiled tree-structured Parzen estimator (TPE) that proposes whole batches, with the semantics of Optuna 5.

    search = Tpe(space.dimensions, objectives=1, refined=True)
    search.observe(values, losses, violations)                    finished trials, in their order
    values = search.propose(64, np.random.default_rng(seed), [running values])

What is proposed follows from the trials observed, however they were grouped, from the stream and the trials that are
running: the same bits on every machine. From the top: `search` has the class, `archive` the trials that it is made
from, `subset` what counts as good with several objectives, `candidates` a batch's proposals, `mixture` the kernels'
densities, `axes` the coordinates.
"""
