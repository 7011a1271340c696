import numpy as np
import pytest

from backsweep.study.search.dimension import Dimension

UNIT = np.array([0.0, 0.1, 0.25, 0.7, 0.999])


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (
            Dimension("rate", 1e-4, 2.0, log=True),
            [
                "0x1.a36e2eb1c4333p-14",
                "0x1.1a4b797bd4ddbp-12",
                "0x1.37be56ab1e267p-10",
                "0x1.a3d6548313c56p-4",
                "0x1.faf4562ce76e8p+0",
            ],
        ),
        (
            Dimension("window", 2, 500, step=1.0, log=True, integer=True),
            [
                "0x1.0000000000000p+1",
                "0x1.8000000000000p+1",
                "0x1.8000000000000p+2",
                "0x1.6000000000000p+6",
                "0x1.f200000000000p+8",
            ],
        ),
    ],
)
def test_values_on_logarithmic_axes_have_the_same_bits_on_every_machine(axis, expected):
    assert [value.hex() for value in axis.from_unit(UNIT).tolist()] == expected


def test_equal_parts_of_a_logarithmic_axis_are_equal_ratios():
    axis = Dimension("rate", 1e-4, 1.0, log=True)
    assert axis.from_unit(np.array([0.0, 0.25, 0.5, 0.75])) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1], rel=1e-14)
    assert axis.from_unit(np.array([np.nextafter(1.0, 0.0)]))[0] <= 1.0


def test_integers_of_a_logarithmic_axis_have_half_a_step_around_them():
    # From log(0.5) to log(4.5): 1 has log(3) of log(9), which is a half.
    axis = Dimension("window", 1, 4, step=1.0, log=True, integer=True)
    assert axis.from_unit(np.array([0.0, 0.499, 0.501, 0.9999])).tolist() == [1.0, 1.0, 2.0, 4.0]


def test_a_value_is_on_an_axis_up_to_the_rounding_of_its_steps():
    axis = Dimension("stop", 0.1, 0.3, step=0.1)
    assert [axis.nearest(value) for value in (0.1, 0.1 + 0.1, 0.1 * 3)] == [0.1, 0.2, 0.3]  # 0.1 * 3 is above 0.3
    assert [axis.nearest(value) for value in (0.05, 0.15, 0.4, 1e300)] == [None] * 4
    assert Dimension("rate", 0.0, 1.0).nearest(np.nextafter(1.0, 2.0)) is None
