"""Texts and None in compiled code: comparisons with codes, the same as with the values themselves."""

from itertools import product

import numpy as np
import pytest
from numba import config, njit
from numba.core.errors import TypingError

from backsweep.engine.compile.choices import coded_attribute
from backsweep.engine.compile.kernel import record_dtype
from backsweep.engine.compile.views import View, record_attribute, view

CHOICES = {"kind": ("sma", "ema"), "stop": (None, 10.0, 20.0), "exit": (None, "cross", "time"), "side": (None, True)}
VALUES = record_dtype([(name, "i8") for name in CHOICES])


@view
class Chosen(View):
    __slots__ = ("_values",)

    def __getattr__(self, name):
        return CHOICES[name][self._values[name]]

    @staticmethod
    def compile_attribute(typ, name):
        return coded_attribute(record_attribute(typ, "_values", name), CHOICES[name])


def told(values):
    """Return a number in which each decimal is what one comparison says."""
    self = Chosen(values)
    found, kind, stop = 0.0, self.kind, self.stop
    if kind == "ema":
        found += 1.0
    if "sma" != self.kind:  # noqa: SIM300 - the other way round
        found += 10.0
    if stop is not None:
        found += 100.0 * stop
    if stop is None or stop > 15.0:
        found += 1e5
    if self.exit is None:
        found += 1e6
    elif self.exit == "time":
        found += 2e6
    if self.exit != "cross":
        found += 1e7
    if self.side is None:
        found += 1e8
    match self.kind:
        case "sma":
            found += 1e9
        case _:
            found += 2e9
    return found


def test_comparisons_say_the_same_compiled_and_interpreted_under_every_choice():
    compiled = njit(told)
    table = np.zeros(1, VALUES)
    seen = set()
    for codes in product(*(range(len(choices)) for choices in CHOICES.values())):
        table[0] = codes
        seen.add(told(table[0]))
        assert compiled(table[0]) == told(table[0])
    assert len(seen) == 2 * 3 * 3 * 2


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_a_text_that_is_no_choice_does_not_compile():
    with pytest.raises(TypingError, match="'emma' is not one of the choices 'sma', 'ema'"):
        njit(lambda values: Chosen(values).kind == "emma")(np.zeros(1, VALUES)[0])


def test_computing_with_none_is_an_error_and_no_number():
    with pytest.raises(TypeError, match="None"):
        njit(lambda values: Chosen(values).stop * 2.0)(np.zeros(1, VALUES)[0])
