"""A panic is an exception like others, and nothing of it is seen on stderr."""

import os
import subprocess
import sys

import polars as pl
import pytest

from backsweep.dataset.panics import PanicError, panics_caught


def panic(text):
    os.write(2, text)
    raise pl.exceptions.PanicException("called `Option::unwrap()` on a `None` value")


def test_a_panic_becomes_an_error_and_its_text_is_dropped(capfd):
    with pytest.raises(PanicError, match="unwrap"), panics_caught():
        panic(b"thread panicked at\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_what_else_is_written_meanwhile_comes_out_in_order(capfd):
    with panics_caught():
        os.write(2, b"one\n")
        with panics_caught():
            os.write(2, b"two\n")
        os.write(2, b"three\n")
    assert capfd.readouterr().err == "one\ntwo\nthree\n"


def test_it_works_without_a_stderr():
    code = "from backsweep.dataset.panics import panics_caught\nimport os\nos.close(2)\nwith panics_caught(): print(1)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)  # noqa: S603 - as written here
    assert run.stdout == b"1\n"
