"""A folder of files on this machine."""

import os

from backsweep.storage.local import LocalFiles


def test_files_can_be_read_and_written_as_the_umask_says_and_are_no_programs(tmp_path):
    before = os.umask(0o022)
    try:
        files = LocalFiles(tmp_path)
        files.put("put", b"content")
        files.replace("replaced", b"content")
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("put", "replaced")} == {0o644}
