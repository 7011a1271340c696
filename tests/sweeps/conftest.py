"""The data that the script draws, made once: sweep files name them where they are."""

import runpy
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "sweeps" / "data"


@pytest.fixture(scope="session", autouse=True)
def universe():
    files = [DATA / "generated" / f"universe_{name}.parquet" for name in ("daily", "minutes")]
    if not all(file.exists() for file in files):
        runpy.run_path(str(DATA / "make_universe.py"))["main"]()
