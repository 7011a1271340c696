"""A first study, as a notebook: one backtest, 64 trials, their verdict, and questions to the study table.

pip install 'backsweep[notebook]'              marimo, which shows it
marimo edit docs/notebooks/first_study.py      in the browser, to change
python docs/notebooks/first_study.py           as a program: runs every cell, and prints the verdict
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="A first study")


@app.cell
def _():
    from pathlib import Path

    import marimo as mo
    import polars as pl

    import backsweep as bs
    from backsweep.strategies.threshold import Threshold

    sweeps = Path(__file__).parents[2] / "sweeps"
    return Threshold, bs, mo, pl, sweeps


@app.cell
def _(mo):
    mo.md("""
    # A first study

    Five US stocks, a strategy that acts on a prediction, 64 parameter sets, and the question that decides about money:
    **is the best of them better than the best of 64 would be by chance?**

    The data are daily bars, with a signal for each asset and day, and a series of the whole market beside them.
    """)
    return


@app.cell
def _(pl, sweeps):
    bars = pl.read_parquet(sweeps / "data" / "stocks_daily.parquet")
    signals = pl.read_parquet(sweeps / "data" / "stocks_signals.parquet")
    market = pl.read_parquet(sweeps / "data" / "market_context.parquet")
    bars.group_by("asset").agg(
        pl.len().alias("bars"), pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last")
    ).sort("asset")
    return bars, market, signals


@app.cell
def _(mo):
    mo.md("""
    ## One backtest

    A strategy is a class. Its parameters have ranges, and an instance has one value for each of them.
    """)
    return


@app.cell
def _(Threshold):
    strategy = Threshold(entry=1.5, stop_multiple=3.0)
    strategy
    return (strategy,)


@app.cell
def _(bars, bs, market, pl, signals, strategy):
    since = pl.col("timestamp") >= pl.datetime(2002, 1, 1)
    result = bs.backtest(
        bars.filter(since),
        strategy,
        signals=signals.filter(since),
        context=market,
        account={"cash": 1_000_000, "kind": "margin", "leverage": 2.0, "lot": 1},
        costs={
            "commission": {"kind": "percentage", "rate": 0.0005},
            "slippage": {"kind": "percentage", "rate": 0.0002},
        },
    )
    result
    return (result,)


@app.cell
def _(result):
    result.plot()
    return


@app.cell
def _(mo):
    mo.md("""
    ## A study

    `sweeps/demo.yaml` says which data, account and costs, and what to search. Here it runs 64 trials in this process.
    The study is a folder: running this cell again finds it finished, a larger number goes on from where it ended.
    """)
    return


@app.cell
def _(bs, sweeps):
    study = bs.run(sweeps / "demo.yaml", backend="inline", trials=64, out="studies/first-study")
    study
    return (study,)


@app.cell
def _(mo):
    mo.md("""
    The verdict stands before every figure of the study. Equity comes with what it does not show: the trial was chosen
    on the same years.
    """)
    return


@app.cell
def _(study):
    study.plot_equity()
    return


@app.cell
def _(mo):
    mo.md("""
    ## Is the best a peak or a plateau?

    A parameter set is worth more if its neighbours do well, too.
    """)
    return


@app.cell
def _(study):
    study.plot_surface("entry", "stop_multiple")
    return


@app.cell
def _(mo, study):
    parameter = mo.ui.dropdown(list(study.importances), value=next(iter(study.importances)), label="objective by")
    parameter
    return (parameter,)


@app.cell
def _(parameter, study):
    study.plot_slice(parameter.value)
    return


@app.cell
def _(mo):
    mo.md("""
    ## Your own questions

    `study.trials` is a Polars frame with a row for each trial. What do the costs do, for instance?
    """)
    return


@app.cell
def _(pl, study):
    by_slippage = (
        study.trials.filter(pl.col("state") == "COMPLETE")
        .group_by(pl.col("params_costs.slippage.rate").alias("slippage"))
        .agg(
            pl.len().alias("trials"),
            pl.col("user_attrs_sharpe").median().round(2).alias("median Sharpe ratio"),
            pl.col("user_attrs_turnover").median().round(1).alias("median turnover"),
        )
        .sort("slippage")
    )
    by_slippage
    return (by_slippage,)


@app.cell
def _(mo):
    mo.md("""
    And what did the selected one trade? It runs again, with full records, and gives the same bits.
    """)
    return


@app.cell
def _(study):
    trades = study.backtest().trades
    trades
    return (trades,)


@app.cell
def _(study):
    verdict = study.statistics.verdict
    print(f"{verdict.verdict}: {verdict.reason}")
    return (verdict,)


@app.cell
def _(mo):
    mo.md("""
    ## Where to go on

    `bs.write_report(study)` leaves all of this and more as one HTML file.

    A verdict on years that the choice has not seen needs folds: `bs.run(sweeps / "walk_forward.yaml")`. Your own CSV
    becomes a sweep file with `backsweep init prices.csv`; `docs/tutorial.md` goes on from there.
    """)
    return


if __name__ == "__main__":
    app.run()
