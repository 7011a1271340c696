"""Compiled = interpreted over profiles, fills, accounts, costs, actions and currencies; scripts draw every order.

Every pair of choices is met by one of the cases; `make parity` plays the whole product.
"""

import itertools

import numpy as np
import pytest
from oracle.account import with_actions
from oracle.currencies import in_currencies
from scenarios.drawn import LONG
from scenarios.quoted import with_quotes
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario
from scenarios.scripted import assert_same_bits

from backsweep.engine.codes import LIMIT_FILLS
from backsweep.engine.profiles import OWN_PROFILES, PROFILES

pytestmark = pytest.mark.thorough


EVERY_ACCOUNT = (
    *ACCOUNTS,
    {"cash": 2_000.0, "kind": "margin", "leverage": 4.0, "lot": 0.0, "maintenance_margin": 0.375},
    {"cash": 1_500.0, "kind": "cash", "leverage": 1.0, "lot": 1.0, "settlement": 2},
    {
        "cash": 5_000.0,
        "kind": "margin",
        "leverage": 3.0,
        "lot": 0.0,
        "per_asset": {"A": {"multiplier": 5.0, "tick": 0.5}, "B": {"lot": 10.0, "shortable": False}},
    },
)
AXES = {
    "profile": tuple(PROFILES),
    "limit_fill": LIMIT_FILLS,
    "volume_share": (0.0, 2.0**-15),
    "per_session": (1, 3),
    "account": tuple(range(len(EVERY_ACCOUNT))),
    "costs": tuple(range(len(COSTS))),
    "actions": (False, True),
    "currencies": (False, True),
}
PRODUCT = list(itertools.product(*AXES.values()))


def pairs(case):
    """Return the pairs of choices that a case has."""
    return set(itertools.combinations(enumerate(case), 2))


def pairwise():
    """Choose cases that have every pair: again and again, of some drawn cases, the one with most that are missing."""
    generator = np.random.default_rng(1)
    missing, chosen = set().union(*map(pairs, PRODUCT)), []
    while missing:
        drawn = [PRODUCT[index] for index in generator.integers(0, len(PRODUCT), 60)]
        best = max(drawn, key=lambda case: len(pairs(case) & missing))
        if pairs(best) & missing:
            chosen.append(best)
            missing -= pairs(best)
    return chosen


@pytest.mark.parametrize("case", PRODUCT if LONG else pairwise(), ids=lambda case: "-".join(map(str, case)))
def test_every_pair_of_choices_leaves_the_same_bits(case):
    given = dict(zip(AXES, case, strict=True))
    account, costs, actions = EVERY_ACCOUNT[given.pop("account")], COSTS[given.pop("costs")], given.pop("actions")
    currencies, seed = given.pop("currencies"), PRODUCT.index(case)
    scenario = random_scenario(seed, length=40, steps=70, assets=3, account=account, costs=costs, **given)
    scenario = with_actions(scenario, seed) if actions else scenario
    scenario = in_currencies(scenario, seed) if currencies else scenario
    compiled = scenario.play()
    assert compiled.fills.height > 0
    assert_same_bits(compiled, scenario.play(compiled=False))


@pytest.mark.long  # the eight columns compile another loop
@pytest.mark.parametrize("seed", range(60))
def test_runs_on_quotes_leave_the_same_bits(seed):
    account = EVERY_ACCOUNT[seed % len(EVERY_ACCOUNT)]
    scenario = random_scenario(
        seed,
        length=40,
        steps=70,
        assets=3,
        account=account,
        costs=COSTS[seed % 6],
        profile=OWN_PROFILES[seed % 3],
        limit_fill=LIMIT_FILLS[seed // 2 % 2],
        volume_share=(0.0, 2.0**-15)[seed // 4 % 2],
        per_session=1 + 2 * (seed // 8 % 2),
        ambiguous=("stop_first", "target_first")[seed // 16 % 2],
    )
    scenario = with_actions(with_quotes(scenario, seed), seed)
    compiled = scenario.play()
    assert compiled.fills.height > 0
    assert_same_bits(compiled, scenario.play(compiled=False))
