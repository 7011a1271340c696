import sys

import pytest

from backsweep.strategies.threshold import Threshold
from backsweep.strategy import load_strategy
from backsweep.strategy.fingerprint import fingerprint

STRATEGY = """
import math
import numpy as np
import backsweep as bs
import helping
from helping import doubled

LIMIT = 2.0
TABLE = np.array([1.0, 2.0])
LEVELS = (1.0, 2.0)

def plain(value):
    return value + LIMIT

class Base(bs.Strategy):
    LARGEST = 0.5

    def share(self, bar):
        return bar.close * TABLE[0]

class Mine(Base):
    entry: float = bs.param(0.0, 1.0)
    count = bs.state(0)

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            if plain(data[i].close) > helping.RATE * LEVELS[1] and np.isfinite(math.sqrt(self.LARGEST)):
                broker.submit_order(i, doubled(self.share(data[i])), bs.LIMIT, limit_price=helping.lower(1.0))
"""
HELPING = """
import deeper
RATE = 1.5

def doubled(value):
    return 2.0 * value

def lower(value):
    return value - deeper.STEP
"""
DEEPER = "STEP = 0.25\nUNUSED = 1\n"
FILES = {"strategy": STRATEGY, "helping": HELPING, "deeper": DEEPER}


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Write the modules into one folder, changed as told, and give the fingerprint; the paths stay the same."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions may be of one size and one second

    def give(old="", new="", where="strategy"):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(home)
            for name, text in FILES.items():
                assert old in text or name != where
                (home / f"{name}.py").write_text(text.replace(old, new) if name == where else text)
                patch.delitem(sys.modules, name, raising=False)
            for name in [name for name in sys.modules if name.startswith("backsweep_user_strategy")]:
                patch.delitem(sys.modules, name)
            return fingerprint(load_strategy(f"{home}/strategy.py:Mine"))

    return give


def test_the_same_sources_give_the_same_fingerprint(digest):
    assert digest() == digest() is not None


@pytest.mark.parametrize(
    ("where", "old", "new"),
    [
        ("strategy", "> helping", "< helping"),
        ("strategy", "LIMIT = 2.0", "LIMIT = 3.0"),
        ("strategy", "value + LIMIT", "value - LIMIT"),
        ("strategy", "[1.0, 2.0]", "[1.0, 3.0]"),
        ("strategy", "(1.0, 2.0)", "(1.0, 3.0)"),
        ("strategy", "LARGEST = 0.5", "LARGEST = 0.6"),
        ("strategy", "TABLE[0]", "TABLE[1]"),
        ("strategy", "state(0)", "state(0.0)"),
        ("strategy", "entry: float", "entry: int"),
        ("strategy", "bs.LIMIT", "bs.STOP"),
        ("strategy", "math.sqrt", "math.exp"),
        ("helping", "RATE = 1.5", "RATE = 1.6"),
        ("helping", "2.0 * value", "3.0 * value"),
        ("helping", "value - deeper", "value + deeper"),
        ("deeper", "STEP = 0.25", "STEP = 0.5"),
        ("deeper", "UNUSED = 1", "UNUSED = 2"),
    ],
)
def test_whatever_the_code_reaches_changes_the_fingerprint(digest, where, old, new):
    assert digest(old, new, where) not in {digest(), None}


def test_a_value_that_no_source_shows_changes_the_fingerprint(digest, monkeypatch):
    monkeypatch.setenv("RATE", "1.5")
    read = ("RATE = 1.5", "import os\nRATE = float(os.environ['RATE'])", "helping")
    before = digest(*read)
    monkeypatch.setenv("RATE", "1.6")
    assert digest(*read) not in {before, None}


@pytest.mark.parametrize("table", ["{1: 2.0}", "np.array([None])", "object()", "np.random.default_rng(0)"])
def test_what_cannot_be_followed_gives_no_fingerprint(digest, table):
    assert digest("np.array([1.0, 2.0])", table) is None


def test_objects_that_cannot_be_asked_do_no_harm(digest):
    sulking = (
        "class Sulking:\n    @property\n    def __module__(self):\n        raise RuntimeError\n\nIT = Sulking()\n\n"
    )
    assert digest("def plain", f"{sulking}def plain") is None


def test_a_compiled_function_counts_with_its_options(digest):
    before = digest("def plain", "import numba\n@numba.njit\ndef plain")
    assert before is not None
    assert digest("def plain", "import numba\n@numba.njit(fastmath=True)\ndef plain") not in {before, None}


def test_shipped_strategies_have_a_fingerprint():
    assert fingerprint(Threshold) is not None


def test_features_are_not_compiled(digest):
    features = "    def features(self):\n        return {'x': %s}\n\n    def share"
    assert digest("    def share", features % "object()") is not None
