from pathlib import Path
from unittest.mock import Mock

import pytest

from backsweep.home import expand_home, home_folder


def test_home_is_what_home_says(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert home_folder() == Path("/somewhere")
    assert expand_home("~/studies/one") == Path("/somewhere/studies/one")
    assert expand_home("~") == Path("/somewhere")


@pytest.mark.parametrize("value", ["", "relative", "../up"])
def test_an_empty_or_relative_home_is_none(monkeypatch, value):
    monkeypatch.setenv("HOME", value)
    assert home_folder() is None
    assert expand_home("~/studies") == Path("~/studies")


def test_without_home_it_is_the_passwd_entrys_or_none(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(Path, "home", lambda: Path("/of/passwd"))
    assert home_folder() == Path("/of/passwd")
    monkeypatch.setattr(Path, "home", Mock(side_effect=RuntimeError("Could not determine home directory.")))
    assert home_folder() is None
    assert expand_home("~/studies") == Path("~/studies")


def test_a_path_without_home_stays(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert expand_home("/absolute/~/x") == Path("/absolute/~/x")
    assert expand_home("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
