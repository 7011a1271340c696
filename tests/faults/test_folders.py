from __future__ import annotations

from faults.torment_folders import KINDS, mutate_folders


def test_a_study_whose_folder_was_changed_is_read_as_it_was_or_is_one_error(tmp_path):
    table, lost = mutate_folders(tmp_path, tries=25, seed=3)
    assert lost == []
    assert all(table[kind][0] for kind in KINDS)
