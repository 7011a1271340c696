"""From a file of bars to a finished sweep, without a hand on anything."""

import subprocess
import sys

import pytest
from scenarios import vendor_files

import backsweep as bs
from backsweep.api.init import init
from backsweep.errors import BadInput
from backsweep.sweepfile.load import load_sweep

DAY_FIRST = "date,open,high,low,close,volume\n03/01/2024,10,11,9,10,100\n04/01/2024,10,11,9,10,100\n"


def write(folder, form, bars=None):
    name, content = form(bars or vendor_files.make_days(45))
    (folder / name).write_bytes(content)
    return str(folder / name)


@pytest.mark.long
@pytest.mark.parametrize(
    "form", [vendor_files.german_broker, vendor_files.bloomberg, vendor_files.kibot, vendor_files.ib_async]
)
def test_a_file_becomes_a_sweep_that_runs_to_its_end(tmp_path, form):
    start = init(write(tmp_path, form), tmp_path / "out")
    study = bs.run(start.folder / "sweep.yaml", trials=8, backend="inline", out=tmp_path / "study")
    assert study.trials["state"].to_list() == ["COMPLETE"] * 8
    assert study.trials["user_attrs_trades"].sum() > 0


@pytest.mark.long
def test_the_test_of_the_strategy_passes(tmp_path):
    init(write(tmp_path, vendor_files.yahoo), tmp_path / "out")
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_strategy.py"]
    done = subprocess.run(line, cwd=tmp_path / "out", capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own program
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_each_key_stands_in_the_sweep_file_with_its_reason(tmp_path):
    init(write(tmp_path, vendor_files.meta_trader_5), tmp_path / "out")
    text = (tmp_path / "out" / "sweep.yaml").read_text()
    for line in (
        "  asset: EURUSD_M5  # the file has no column of assets: its own name, which you may correct",
        "  columns:  # the name here: the name in the file",
        '    timestamp: ["<DATE>", "<TIME>"]  # joined by a space',
        '    separator: "\\t"  # what stands between the columns',
        '    timestamp: "%Y.%m.%d %H:%M:%S%.f"',
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("given", ["absolute", "relative"])
def test_the_sweep_file_finds_the_data_from_where_it_lies(tmp_path, monkeypatch, given):
    place = write(tmp_path, vendor_files.yahoo)
    monkeypatch.chdir(tmp_path)
    init(place if given == "absolute" else "AAPL.csv", tmp_path / "deep" / "out")
    sweep = load_sweep(tmp_path / "deep" / "out" / "sweep.yaml")
    assert (tmp_path / "AAPL.csv").samefile(sweep.data.bars)


def test_what_is_given_stands_over_what_is_found(tmp_path):
    (tmp_path / "bars.csv").write_text(DAY_FIRST)
    overrides = ["data.format.timestamp=%d/%m/%Y", "data.asset='000001'", "data.timezone=Europe/Berlin"]
    start = init(f"{tmp_path}/bars.csv", tmp_path / "out", overrides=overrides)
    data = load_sweep(tmp_path / "out" / "sweep.yaml").data
    assert (data.asset, data.timezone, data.format.timestamp) == ("000001", "Europe/Berlin", "%d/%m/%Y")
    assert start.shard.assets == ("000001",)


def test_a_question_is_refused_by_default_and_nothing_is_written(tmp_path):
    (tmp_path / "bars.csv").write_text(DAY_FIRST)
    with pytest.raises(BadInput, match="2 ways"):
        init(f"{tmp_path}/bars.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_dates_whose_day_is_their_month_leave_the_order_open(tmp_path):
    rows = [f"{month:02}/{month:02}/2024,10,11,9,10,5" for month in range(1, 5)]
    (tmp_path / "bars.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    with pytest.raises(BadInput, match="2 ways"):
        init(f"{tmp_path}/bars.csv", tmp_path / "out")


def test_bars_that_break_a_rule_are_refused_and_nothing_is_written(tmp_path):
    (tmp_path / "bars.csv").write_text("date,open,high,low,close\n2024-01-02,10,9,11,10\n")
    with pytest.raises(BadInput, match="high is below low"):
        init(f"{tmp_path}/bars.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_file_is_overwritten(tmp_path):
    place = write(tmp_path, vendor_files.yahoo)
    init(place, tmp_path)
    (tmp_path / "strategy.py").write_text("mine")
    (tmp_path / "sweep.yaml").unlink()
    with pytest.raises(BadInput, match=r"strategy\.py and test_strategy\.py are there already"):
        init(place, tmp_path)
    assert (tmp_path / "strategy.py").read_text() == "mine"
    assert not (tmp_path / "sweep.yaml").exists()


def test_a_file_that_appears_while_a_question_is_open_is_not_overwritten(tmp_path):
    (tmp_path / "bars.csv").write_text(DAY_FIRST)

    def ask(question):
        (tmp_path / "strategy.py").write_text("mine")
        return question.readings[0][0]

    with pytest.raises(BadInput, match=r"strategy\.py is there already"):
        init(f"{tmp_path}/bars.csv", tmp_path, ask=ask)
    assert (tmp_path / "strategy.py").read_text() == "mine"


def test_a_number_that_is_negative_by_parentheses_is_refused(tmp_path):
    rows = ["2024-01-02,10,11,9,10,5", "2024-01-03,(10),(9),(11),(10),5"]
    (tmp_path / "bars.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    with pytest.raises(BadInput, match=r"\(10\)"):
        init(f"{tmp_path}/bars.csv", tmp_path / "out")


@pytest.mark.parametrize("key", ["search.trials=5", "sampler=tpe"])
def test_keys_that_are_none_of_data_are_refused(tmp_path, key):
    with pytest.raises(BadInput, match="is no key of data"):
        init(write(tmp_path, vendor_files.yahoo), tmp_path / "out", overrides=[key])
