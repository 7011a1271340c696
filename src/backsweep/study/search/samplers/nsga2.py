"""NSGA-II: a population that crosses and mutates, for several objectives."""

from optuna.samplers import NSGAIISampler

from backsweep.study.search.optuna_proposer import OptunaProposer


class Nsga2Proposer(OptunaProposer):
    """NSGA-II, which sees the whole past."""

    build = NSGAIISampler


make = Nsga2Proposer
