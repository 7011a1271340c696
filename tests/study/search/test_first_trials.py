"""The first trials that a sweep file names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backsweep.errors import BadInput
from backsweep.study.search.space import build_space

DEFAULTS = {"entry": 1.0, "exit": 0.5, "stop": 2.0, "window": 20, "long_only": True}


@pytest.fixture
def read(bench, declared):
    def read_first(**search):
        defaults = {name: replace(param, default=DEFAULTS[name]) for name, param in declared.items()}
        return build_space(bench.sweep(**search), defaults).given

    return read_first


def test_what_an_entry_leaves_out_has_the_declared_default_or_the_number_of_the_file(read):
    assert read(enqueue="[{entry: 2, long_only: false}, default]") == (
        (2.0, 2.0, 20.0, 0.0, 0.0002),
        (1.0, 2.0, 20.0, 1.0, 0.0002),
    )
    assert read(enqueue="[{costs.slippage.rate: 0.0005}]") == ((1.0, 2.0, 20.0, 1.0, 0.0005),)
    assert read() == ()


def test_a_value_is_taken_as_the_axis_has_it(read):
    (row,) = read(
        enqueue="[{entry: 0.30000000000000004, stop: 2.25}]", params="{entry: {low: 0.1, high: 1, step: 0.1}}"
    )
    assert row[:2] == (0.3, 2.25)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"enqueue": "[{entri: 1}]"}, r"unknown parameter `entri`(.|\n)*did you mean `entry`"),
        ({"enqueue": "[{exit: 1}]"}, r"a first trial with `exit`, which is fixed"),
        ({"enqueue": "[{entry: 3.5}]"}, r"a value of `entry` that is not searched\n.*0\.5 to 3\n.*3\.5"),
        ({"enqueue": "[{stop: 1.1}]"}, r"`stop` that is not searched\n.*1 to 6, in steps of 0\.25\n.*1\.1"),
        ({"enqueue": "[{window: 7.5}]"}, r"bad value of `window`\n  expected: a whole number"),
        ({"enqueue": "[{long_only: 1}]"}, r"bad value of `long_only`\n  expected: true or false"),
        ({"enqueue": "[{entry: .nan}]"}, r"enqueue\.0\.entry`\n.* a finite number"),
        ({"enqueue": "[{costs.slippage.rate: 0.1}]"}, r"is not searched\n.*one of 0\.0, 0\.0002, 0\.0005"),
        (
            {"enqueue": "[default]", "params": "{entry: {low: 2, high: 3}}"},
            r"`entry` that is not searched\n.*\n.*1\.0, the default",
        ),
        (
            {"enqueue": "[default, {entry: 2}]", "relations": '["entry > 1.5"]'},
            r"breaks a relation\n.*entry > 1\.5\n.*entry 1\.0, stop 2\.0, window 20, long_only true",
        ),
        ({"enqueue": "[defaults]"}, r"enqueue\.0"),
        ({"enqueue": "[]"}, r"enqueue"),
    ],
)
def test_a_first_trial_that_is_not_in_the_search_is_refused(read, search, message):
    with pytest.raises(BadInput, match=message):
        read(**search)


def test_a_parameter_without_default_needs_a_value(bench):
    with pytest.raises(BadInput, match="a first trial without `stop`, which has no default"):
        bench.space(bench.sweep(enqueue="[{entry: 1}]"))
