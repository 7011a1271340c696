from __future__ import annotations

from faults.damage import KINDS, damage_files


def test_no_damaged_file_is_read_silently(tmp_path):
    table, silent = damage_files(tmp_path, tries=90, seed=1)
    assert silent == []
    assert sum(tried for tried, _ in table.values()) >= 60
    assert all(table[kind][0] for kind in KINDS)
