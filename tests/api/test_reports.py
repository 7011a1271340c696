"""Reports are written from Python as by the command."""

import html
import json
import shlex
from pathlib import Path

import pytest

import backsweep as bs
from backsweep.errors import StudyConflict


def test_a_study_and_its_folder_give_the_same_page(bench, tmp_path):
    bench.run("study", bench.sweep())
    folder = bench.folder / "study"
    place = bs.write_report(bs.open_study(folder))
    assert place == str(folder / "report.html")
    assert bs.write_report(str(folder), tmp_path / "page.html") == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == (folder / "report.html").read_bytes()


def test_a_folder_that_holds_neither_is_refused(tmp_path):
    with pytest.raises(StudyConflict):
        bs.write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


TOKYO = "data.timezone=Asia/Tokyo"
SWEEP = Path(__file__).parents[2] / "sweeps/moving_average.yaml"


@pytest.fixture
def hourly(tmp_path):
    """Two assets, whose bars end at 20:00 UTC, in Tokyo at five in the morning of the next day."""
    sweep = tmp_path / "sweep.yaml"
    lines = ["timestamp,asset,open,high,low,close,volume"]
    for day in range(1, 29):
        price = 100.0 + 10.0 * (day % 7)
        for asset in ("A", "B"):
            for hour in (15, 20):
                low, high = price - 1, price + 1
                lines.append(f"2021-02-{day:02d}T{hour}:00:00Z,{asset},{price},{high},{low},{price},1000")
    (tmp_path / "bars.csv").write_text("\n".join(lines) + "\n")
    text = SWEEP.read_text().replace("data/stocks_daily.parquet", "bars.csv")
    sweep.write_text(text.replace("[5, 10, 20, 40]", "[2, 3]").replace("[50, 100, 150, 200]", "[5, 6]"))
    return sweep


def test_the_page_of_a_backtest_says_how_it_was_made_and_has_the_times_of_the_data(hourly, tmp_path):
    params = {"fast": 2, "slow": 5, "short": False}
    done = bs.replay(hourly, params, compiled=False, overrides=[TOKYO])
    folder = done.write(tmp_path / "records")
    page = html.unescape(Path(bs.write_report(folder)).read_text().partition('id="plotly"')[0])
    making = json.loads((tmp_path / "records/params.json").read_text())["making"]
    assert making["data"] in page
    assert "timezone: Asia/Tokyo" in page
    assert "Times are those of Asia/Tokyo." in page
    assert "05:00" in page
    assert "20:00" not in page
    assert '"name": "close"' in page  # prices are drawn, as the data are still there
    assert making["command"] in page
    words = shlex.split(making["command"])
    assert words[:3] == ["backsweep", "backtest", "sweep.yaml"]
    assert words[3:-2] == ["--param", "fast=2", "--param", "slow=5", "--param", "short=false"]


def test_a_backtest_runs_again_from_what_it_records(hourly, tmp_path):
    done = bs.replay(hourly, {"fast": 2, "slow": 5, "short": False}, compiled=False)
    again = tmp_path / "again.yaml"
    again.write_text(json.dumps(done.making.sweep))
    repeated = bs.replay(again, {"fast": 2, "slow": 5, "short": False}, compiled=False)
    assert len(done.result.fills) > 0
    assert repeated.result.fills.equals(done.result.fills)
    assert repeated.making.data == done.making.data
