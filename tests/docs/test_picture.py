"""The picture shows every trial of a study, and the one in the README is of all 640 of the demo."""

import re
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import backsweep as bs
from generate.picture import draw

SHIPPED = Path(__file__).parents[2] / "docs" / "demo.svg"
SWEEP = """
study: drawn
data: {bars: bars.parquet}
strategy: backsweep.strategies.moving_average_cross:MovingAverageCross
search: {sampler: random, trials: 8, batch: 8}
"""


def circles(text):
    return ET.fromstring(text).findall(".//{http://www.w3.org/2000/svg}circle")  # noqa: S314 - our own picture


def test_the_shipped_picture_has_all_trials_of_the_demo():
    trials = re.search(r"(?m)^  trials: (\d+)", (SHIPPED.parents[1] / "sweeps" / "demo.yaml").read_text())
    assert len(circles(SHIPPED.read_text())) == int(trials[1])


@pytest.mark.slow
def test_a_picture_has_a_dot_for_every_trial_that_has_a_value(tmp_path):
    close = 100.0 * np.cumprod(1.0 + np.random.default_rng(5).normal(0.0, 0.01, 600))
    days = pl.date_range(date(2020, 1, 1), date(2022, 12, 31), eager=True).head(600)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    pl.DataFrame({"timestamp": days, "asset": "A", **prices, "volume": 1.0}).write_parquet(tmp_path / "bars.parquet")
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    study = bs.run(tmp_path / "sweep.yaml", out=tmp_path / "study", backend="inline")
    valued = study.trials["value"].is_not_null().sum()
    assert len(circles(draw(tmp_path / "study"))) == valued > 0
