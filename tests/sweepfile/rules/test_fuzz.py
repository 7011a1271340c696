import pytest
from faults.fuzz_sweeps import fuzz_sweeps


@pytest.mark.parametrize("seed", [0, 1])
def test_a_sweep_file_that_was_changed_at_random_is_read_or_is_one_error(tmp_path, seed):
    table = fuzz_sweeps(tmp_path, 40, seed)
    assert {kind: tried for kind, (tried, _) in table.items()} == {kind: ended for kind, (_, ended) in table.items()}
    assert sum(tried for tried, _ in table.values()) == 40
