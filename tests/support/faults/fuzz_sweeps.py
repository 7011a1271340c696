"""Sweep files that were changed at random: each is read or raises one error, quickly."""

import copy
import json
import random
import signal
import sys
import traceback
from pathlib import Path

import yaml
from scenarios.hostile import TEXTS, is_clean

from backsweep.api import read_sweep
from backsweep.errors import BacksweepError

SWEEPS = Path(__file__).parents[3] / "sweeps"

SECONDS = 20
"""How long a file may take to read; a tenth of a second is usual."""

NUMBERS = ["0", "-1", "1e999", "-1e308", ".nan", ".inf", "1e-400", "0.1e", "2**63", str(2**63), "-0.0", "9" * 400]
VALUES = [
    *TEXTS.values(), None, True, [], {}, "", [[]], {"": None}, [None] * 3, {"kind": "x"}, {"low": 2, "high": 1},
    {"choices": ["a", "b"]}, {"choices": []}, "\0", "a:b", ":", "../x.py:A", "x.py:", "http://", "s3://", "s3://k:s@b",
    0, -1, 0.5, 2**63, 2**70, 10**400, "1e999", "sharpe >= 1e999", "sharpe >= nan", "sharpe > 1", "2024-13-45", "0d",
    "-1y", "9" * 30 + "y", "1y", {"train": "4y"}, ["maximize"], {"maximize": "sharpe", "minimize": "sharpe"},
    "x" * 100_000,
]  # fmt: skip
KEYS = """
kind rate minimum maximum tiers above commission slippage financing per_asset currencies currency lot leverage mode
profile volume_share sampler seed trials batch lag params fixed objective constraints pruning between_folds
max_drawdown min_trades checkpoint train test step purge embargo groups test_groups holdout state select top
neighbours share_proposals workers backend address trial_timeout shards bars signals context actions columns assets
start end low high log integer choices walk_forward model combined of
"""
GENTLE = [
    0, 1, 2, 0.5, 1e9, True, "cpcv", "holdout", "anchored", "sleeves", "cash", "margin", "per_share", "tiered",
    "combined", "volume_share", "grid", "sobol", "cmaes", "nsga2", "4y", "250s", "1mo", "continuous", "top_k",
    "neighbourhood", "sharpe", "trades >= 3", "2005-01-01", ["IBM"], ["trades >= 3"], {"IBM": {"lot": 1}},
    {"low": 1, "high": 2, "log": True}, {"low": 0.1, "high": 0.9, "step": 0.3}, {"choices": [1, 2]}, {"kind": "none"},
    {"mode": "cpcv", "groups": 6, "test_groups": 2}, {"train": "4y", "test": "1y"}, {"max_drawdown": 0.5},
    {"between_folds": {"kind": "halving"}}, "optuna.samplers:TPESampler", "backsweep.strategies:Threshold", "os:path",
    [{"maximize": "sharpe"}, {"minimize": "turnover"}],
]  # fmt: skip
LETTERS = [
    *"{}[]:,#&*!|>'\"%@`-?\t\n\\é", "\x00", "\x1b", "\ufeff", "\u202e", "\ud800", "\U0001f600", "<<: ", "*a ", "&a ",
    "!!python/none ", "---\n", "...\n",
]  # fmt: skip


def fuzz_sweeps(home, count, seed):
    """Read `count` changed files; returns how many of each kind of change were tried, and how many ended well."""
    home = Path(home)
    for folder in ("strategies", "data"):
        (home / folder).symlink_to(SWEEPS / folder)
    draw = random.Random(seed)  # noqa: S311 - no secrets
    kinds = {"text": _change_text, "structure": _change_structure, "option": _change_option}
    table = {kind: [0, 0] for kind in kinds}
    files = sorted(SWEEPS.glob("*.yaml"))
    for number in range(count):
        kind = draw.choice([*kinds])
        path = home / f"sweep-{number}.yaml"
        text = draw.choice(files).read_text(encoding="utf-8")
        content, overrides = kinds[kind](draw, text)
        path.write_bytes(content)
        table[kind][0] += 1
        table[kind][1] += _ends_well(path, overrides)
    return table


def _ends_well(path, overrides):
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.alarm(SECONDS)
    try:
        read_sweep(path, overrides=overrides)
    except BacksweepError as error:
        if is_clean(str(error)) and error.exit_code == 2:
            return True
        sys.stdout.write(f"{path}: {error!r}\n")
    except Exception:  # noqa: BLE001 - the next file is tried all the same
        sys.stdout.write(f"{path} {overrides!r:.300}:\n{path.read_bytes()!r:.1000}\n")
        traceback.print_exc(limit=-8)
    else:
        return True
    finally:
        signal.alarm(0)
    return False


def _time_is_up(*_):
    raise TimeoutError("it takes too long")


def _change_text(draw, text):
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(text) + 1)
        end = min(len(text), place + draw.choice([0, 0, 1, 3, 40]))
        added = draw.choice([draw.choice(LETTERS) * draw.choice([1, 1, 2, 3000]), draw.choice(NUMBERS), "", text[:end]])
        text = text[:place] + added + text[end:]
    content = text.encode("utf-8", errors="surrogatepass")
    if draw.random() < 0.1:
        content = text.encode(draw.choice(["utf-16", "utf-8-sig", "latin-1"]), errors="replace")
    return content, []


def _change_structure(draw, text):
    data = yaml.safe_load(text)
    for _ in range(draw.randint(1, 3)):
        if places := [*_places(data)]:
            owner, key = draw.choice(places)
            draw.choice([_replace, _remove, _rename, _deepen, *[_add, _adjust] * 4])(draw, owner, key)
    if draw.random() < 0.5:
        return json.dumps(data, default=str).encode(), []
    return yaml.safe_dump(data, allow_unicode=draw.random() < 0.5).encode("utf-8", errors="surrogatepass"), []


def _replace(draw, owner, key):
    owner[key] = copy.deepcopy(draw.choice(VALUES))


def _adjust(draw, owner, key):
    owner[key] = copy.deepcopy(draw.choice(GENTLE))


def _remove(_, owner, key):
    del owner[key]


def _rename(draw, owner, key):
    if isinstance(owner, dict):
        owner[draw.choice([f"{key}s", key.upper(), "", *TEXTS.values()])] = owner.pop(key)


def _add(draw, owner, _):
    if isinstance(owner, dict):
        owner[draw.choice(KEYS.split())] = copy.deepcopy(draw.choice(GENTLE))


def _deepen(draw, owner, key):
    for _ in range(draw.choice([1, 60])):
        owner[key] = draw.choice([[owner[key]], {"a": owner[key]}])


def _change_option(draw, text):
    keys = [".".join(path) for path in _paths(yaml.safe_load(text), ())]
    overrides = []
    for _ in range(draw.randint(1, 3)):
        key = draw.choice(
            [draw.choice(keys), draw.choice(keys) + ".x", "search.params.x.low", "search.fixed.x", "x", "."]
        )
        value = draw.choice([*NUMBERS, *TEXTS.values(), "[", "{a: 1}", "", "[" * 3000, "!!int 3", *LETTERS])
        overrides.append(f"{key}={value}")
    return text.encode(), overrides


def _places(node):
    """Yield every mapping or list with each of its keys or positions."""
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield node, key
        yield from _places(inner)


def _paths(node, path):
    for key, inner in node.items() if isinstance(node, dict) else ():
        yield (*path, str(key))
        yield from _paths(inner, (*path, str(key)))
