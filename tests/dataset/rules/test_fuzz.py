import pytest
from faults.fuzz_data import fuzz_data


@pytest.mark.parametrize("seed", [1])
def test_changed_data_load_or_are_refused_with_one_error(tmp_path, seed):
    table = fuzz_data(tmp_path, 25, seed)
    assert {kind: survived for kind, (_, survived) in table.items()} == {
        kind: tried for kind, (tried, _) in table.items()
    }
