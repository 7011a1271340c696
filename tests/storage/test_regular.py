"""What is no file is not read: a FIFO would block for ever, a device never end."""

import os
import socket
from pathlib import Path

import pytest

from backsweep.storage.regular import read_regular, status


def test_a_file_is_read_also_through_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "file") == read_regular(tmp_path / "link") == b"content"


def test_folders_fifos_sockets_and_devices_are_refused_by_their_names(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)  # the address of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        kinds = {"folder": "a folder", "fifo": "a FIFO", "socket": "a socket", "/dev/zero": "a device"}
        for name, kind in kinds.items():
            with pytest.raises(OSError, match=f"{kind}, not a file"):
                read_regular(tmp_path / name)


def test_a_file_that_becomes_something_else_before_it_is_opened_is_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_bytes(b"")
    found = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda _: found)
    with pytest.raises(OSError, match="a FIFO, not a file"):
        read_regular(tmp_path / "fifo")


def test_a_status_follows_no_link_and_is_none_where_there_is_nothing(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert status(tmp_path / "file").st_size == 7
    assert status(tmp_path / "link").st_ino == os.lstat(tmp_path / "link").st_ino
    assert status(tmp_path / "nowhere") is None
    assert status(tmp_path / "file" / "below") is None
