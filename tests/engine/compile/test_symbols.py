"""Names of compiled functions: equal for equal content, and for nothing else."""

from types import FunctionType

import numba
import numpy as np
import pytest
from numba import from_dtype, types
from numba.core.funcdesc import default_mangler

from backsweep.engine.compile.symbols import content_of, describe_types, is_counted, mangle
from backsweep.engine.orders.triggers import acts_as

LIMIT = 3


def above(value, least=0):
    return value > LIMIT + least


def covered(function, **changes):
    """Return the function as if it stood in a source of the engine."""
    code = function.__code__.replace(co_filename=acts_as.__code__.co_filename, **changes)
    return FunctionType(code, dict(function.__globals__), function.__name__, function.__defaults__)


def test_content_is_code_constants_and_defaults():
    first = content_of(covered(above))
    assert first == content_of(covered(above))
    other = covered(above)
    other.__globals__["LIMIT"] = 4
    longer = covered(above)
    longer.__defaults__ = (1,)
    renamed = covered(above)
    renamed.__qualname__ = "below"
    code = covered(lambda value, least=0: value < LIMIT + least)
    code.__qualname__ = "above"
    assert len({first, *map(content_of, (other, longer, renamed, code))}) == 5


def test_where_a_function_stands_does_not_matter():
    assert content_of(covered(above)) == content_of(covered(above, co_firstlineno=7))


def test_what_no_digest_covers_has_no_content():
    least = 1

    def inner(value):
        return value > least

    assert content_of(above) is None  # no source of the engine
    code = inner.__code__.replace(co_filename=acts_as.__code__.co_filename)
    assert content_of(FunctionType(code, {}, "inner", None, inner.__closure__)) is None


def test_a_fingerprint_stands_for_the_rest():
    one, other = FunctionType(above.__code__, {}), FunctionType(above.__code__, {})
    one.fingerprint, other.fingerprint = "a", "b"
    assert None not in {content_of(one), content_of(other)}
    assert content_of(one) != content_of(other)


def test_symbols_say_fields_and_layout_of_records():
    content = content_of(covered(above))
    dtypes = [
        np.dtype([("x", "f8")]),
        np.dtype([("y", "f8")]),
        np.dtype([("x", "i8")]),
        np.dtype({"names": ["x"], "formats": ["f8"], "offsets": [8]}),
        np.dtype({"names": ["x"], "formats": ["f8"], "itemsize": 16}),
    ]
    names = {mangle("engine.above", (from_dtype(dtype),), uid=content) for dtype in dtypes}
    assert len(names) == len(dtypes)
    assert not any(map(is_counted, names))
    assert mangle("engine.above", (types.int64,), uid=content, abi_tags=("fast",)) not in names


def test_a_counted_function_keeps_numbas_name():
    kinds = (types.int64,)
    assert mangle("helper", kinds, uid=12) == default_mangler("helper", kinds, uid=12)
    assert is_counted(mangle("helper", kinds, uid=12))


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize("make", [lambda: numba.typeof(numba.njit(above)), types.DeferredType])
def test_types_that_are_described_by_an_address_are_not_named(make):
    assert describe_types((types.int64, make())) is None
