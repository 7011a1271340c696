"""The worst drawdowns: where they begin, are deepest and end."""

import numpy as np
import pytest

from backsweep.report.record_parts import worst_drawdowns


def test_drawdowns_come_deepest_first_with_their_sessions():
    # equity: 1, 0.9, 0.99, 1.089 | 0.5445, 0.5445, 1.089 | 1.1979, 1.07811
    returns = np.array([-0.1, 0.1, 0.1, -0.5, 0.0, 1.0, 0.1, -0.1])
    found = worst_drawdowns(returns, 5)
    assert [each[:3] for each in found] == [(3, 3, 5), (0, 0, 2), (7, 7, None)]
    assert [each[3] for each in found] == pytest.approx([0.5, 0.1, 0.1])


def test_only_as_many_as_are_asked_for():
    assert len(worst_drawdowns(np.array([-0.1, 0.2, -0.1, 0.2, -0.1]), 2)) == 2


def test_a_record_that_only_rises_has_none():
    assert worst_drawdowns(np.array([0.0, 0.1, 0.0]), 5) == []
