from __future__ import annotations

import errno

import pytest
from faults.sabotage import kill_drivers, refuse_steps

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_step_that_the_file_system_refuses_loses_nothing(tmp_path, error):
    table = refuse_steps(tmp_path, every=13, error=error)
    assert sum(tried for tried, _ in table.values()) >= 12
    assert all(tried == survived for tried, survived in table.values())


def test_a_driver_that_is_killed_anywhere_resumes_to_the_same_study(tmp_path):
    table = kill_drivers(tmp_path, tries=8, seed=4)
    assert all(tried == survived for tried, survived in table.values())
    assert all(tried for tried, _ in table.values())
