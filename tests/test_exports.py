"""What `backsweep` exports loads, and is what the pages document."""

import re
import subprocess
import sys

import pytest
from scenarios.printed import TEXT

import backsweep as bs


def test_every_public_name_loads():
    assert all(getattr(bs, name) is not None for name in dir(bs))
    assert {*dir(bs)} == {*bs.__all__, "__version__"}


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Brokr"):
        _ = bs.Brokr


def test_the_pages_document_every_public_name_and_no_other():
    assert set(re.findall(r"\bbs\.([A-Za-z_]+)", TEXT)) == {*bs.__all__}


def test_importing_the_package_loads_neither_the_compiler_nor_the_data_frames():
    code = "import backsweep, sys; print({'numba', 'polars', 'optuna', 'ray'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == "set()\n"
