"""Market data in an S3, listed by PyArrow and read by Polars."""

import gzip
import io
from datetime import date
from pathlib import Path

import obstore
import polars as pl
import pytest
from fakes.s3_server import s3_server
from obstore.store import from_url
from scenarios.vendor_files import write_workbook

from backsweep.dataset import DataSpec, fingerprint, load
from backsweep.dataset.calendar import survey
from backsweep.dataset.sniff import find_keys, refuse
from backsweep.errors import BadData, BadInput

DATA = Path(__file__).parents[3] / "sweeps" / "data"
NAMES = {"bars": "stocks_daily", "signals": "stocks_signals", "context": "market_context"}


@pytest.fixture(scope="module")
def store():
    with s3_server():
        store = from_url("s3://bucket")
        for name in NAMES.values():
            obstore.put(store, f"market/{name}/part.parquet", (DATA / f"{name}.parquet").read_bytes())
        yield store


def here(**changes):
    return DataSpec(**({role: str(DATA / f"{name}.parquet") for role, name in NAMES.items()} | changes))


def there(**changes):
    return DataSpec(**({role: f"s3://bucket/market/{name}" for role, name in NAMES.items()} | changes))


@pytest.mark.usefixtures("store")
def test_data_in_a_store_is_the_data_on_disk():
    assets = survey(here()).assets[1:3]
    window = {"start": date(2010, 1, 1), "end": date(2012, 12, 31), "assets": assets}
    local, remote = load(here(**window)), load(there(**window))
    assert remote.assets == local.assets == assets
    assert remote.rows.equals(local.rows)
    assert remote.context.equals(local.context)
    assert fingerprint(there()) == fingerprint(here())


@pytest.mark.usefixtures("store")
def test_a_calendar_is_surveyed_in_the_store():
    calendars = [survey(spec) for spec in (here(), there(bars="s3://bucket/market/*daily/*.parquet"))]
    assert calendars[0].assets == calendars[1].assets
    assert calendars[0].sessions.ends.tolist() == calendars[1].sessions.ends.tolist()


def test_a_benchmark_and_assets_beside_each_other_are_read_in_the_store(store, tmp_path):
    prices = ("open", "high", "low", "close")
    head = "timestamp," + ",".join(f"{price} {asset}" for asset in "AB" for price in prices)
    files = {
        "bars.csv": "\n".join([head, *(f"2024-01-0{day},{','.join('1' * 8)}" for day in (2, 3, 4))]),
        "index.csv": "Date,Last\n2024-01-02,5\n2024-01-03,6\n",
    }
    shards = []
    for place in ("s3://bucket/wide", str(tmp_path)):
        for name, text in files.items():
            obstore.put(store, f"wide/{name}", text.encode())
            (tmp_path / name).write_text(text)
        benchmark = {"path": f"{place}/index.csv", "columns": {"timestamp": "Date", "close": "Last"}}
        columns = {price: f"{price} {{asset}}" for price in prices} | {"volume": None}
        bars = {"path": f"{place}/bars.csv", "columns": columns}
        shards.append(load(DataSpec.model_validate({"bars": bars, "benchmark": benchmark})))
    assert shards[0].rows.equals(shards[1].rows)
    assert shards[0].assets == ("A", "B")
    assert [each.benchmark.tolist()[1:3] for each in shards] == [[5.0, 6.0]] * 2


def test_what_is_wrong_in_the_store_is_named_by_its_url(store):
    with pytest.raises(BadInput, match=r"data\.bars: s3://bucket/nothing"):
        load(there(bars="s3://bucket/nothing/*.parquet"))
    with pytest.raises(BadInput, match=r"data\.bars: s3://nothing"):
        load(there(bars="s3://nothing/*.parquet"))
    obstore.put(store, "damaged/part.parquet", (DATA / "stocks_daily.parquet").read_bytes()[:1000])
    with pytest.raises(BadData, match=r"s3://bucket/damaged/part\.parquet"):
        load(there(bars="s3://bucket/damaged"))
    wrong = io.BytesIO()
    row = pl.int_range(pl.len()) == 6
    bars = pl.read_parquet(DATA / "stocks_daily.parquet")
    bars.with_columns(pl.when(row).then(-1.0).otherwise("close").alias("close")).write_parquet(wrong)
    obstore.put(store, "wrong/part.parquet", wrong.getvalue())
    with pytest.raises(BadData, match=r"s3://bucket/wrong/part\.parquet, row 7, column close"):
        load(there(bars="s3://bucket/wrong/part.parquet"))


BARS = "timestamp;{}open;high;low;close;volume\n02.01.2024;{}10,5;11;9;10;1.000\n03.01.2024;{}10,5;11;9;10;1.000\n"
FORM = {"separator": ";", "decimal_comma": True, "thousands": ".", "timestamp": "%d.%m.%Y"}
ALONE, WITH_ASSET = BARS.format("", "", ""), BARS.format("asset;", "000001;", "000001;")


@pytest.mark.parametrize(
    ("files", "keys"),
    [
        ({"a.csv": WITH_ASSET.encode()}, {}),
        ({"a.txt.gz": gzip.compress(WITH_ASSET.encode())}, {}),
        ({"a.csv": WITH_ASSET.encode("utf-16")}, {"encoding": "utf-16"}),
        ({"A.csv": ALONE.encode(), "B.csv": ALONE.encode()}, {"asset": "from_name"}),
        ({"asset=A/0.csv": ALONE.encode(), "asset=B/0.csv": ALONE.encode()}, {}),
        ({"a.xlsx": write_workbook({"x": [line.split(";") for line in WITH_ASSET.splitlines()]})}, {"separator": None}),
    ],
    ids=["text", "compressed", "utf-16", "names", "folders", "workbook"],
)
def test_text_in_a_store_is_read_like_text_on_disk(store, tmp_path, files, keys):
    folder = f"text-{'-'.join([*keys, *files]).replace('/', '-')}"
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
        obstore.put(store, f"{folder}/{name}", content)
    form = FORM | {key: value for key, value in keys.items() if key != "asset"}
    specs = [
        DataSpec(bars=place, format=form, asset=keys.get("asset")) for place in (str(tmp_path), f"s3://bucket/{folder}")
    ]
    local, remote = map(load, specs)
    assert remote.rows.equals(local.rows)
    assert remote.assets == local.assets
    assert survey(specs[1]).assets == local.assets
    if "a.txt.gz" not in files:  # of which a store digests the content
        assert fingerprint(specs[1]) == fingerprint(specs[0])


def test_text_in_a_store_that_needs_keys_says_which(store):
    obstore.put(store, "ask/a.csv", WITH_ASSET.encode("utf-16"))
    obstore.put(store, "ask/b.csv", WITH_ASSET.encode())
    with pytest.raises(BadData, match="the text is UTF-16"):
        load(DataSpec(bars="s3://bucket/ask/a.csv"))
    with pytest.raises(BadData, match="separated by ';'"):
        load(DataSpec(bars="s3://bucket/ask/b.csv"))
    assert find_keys("s3://bucket/ask/b.csv", {"data.format.timestamp": "%d.%m.%Y"}, refuse).keys["format"] == FORM
