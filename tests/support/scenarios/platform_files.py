"""The same bars as platforms, exchanges and data sets write them, beside those of `vendor_files`.

A form is a function of the bars that returns the file's name and its content, as there.
"""

from __future__ import annotations

import io
from datetime import UTC

import pandas as pd

from scenarios.vendor_files import lines


def _seconds(moment) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def quandl_wiki(bars):
    head = "ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,"
    head += "adj_open,adj_high,adj_low,adj_close,adj_volume\n"

    def line(t, o, h, low, c, v):
        adjusted = ",".join(str(round(price * 0.5, 6)) for price in (o, h, low, c))
        return f"AAPL,{t:%Y-%m-%d},{o},{h},{low},{c},{v},0.0,1.0,{adjusted},{v * 2}"

    return "WIKI_PRICES.csv", lines(head, bars, line)


def tiingo(bars):
    head = "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor\n"

    def line(t, o, h, low, c, v):
        adjusted = ",".join(str(round(price * 0.5, 6)) for price in (c, h, low, o))
        return f"{t:%Y-%m-%d},{c},{h},{low},{o},{v:.0f},{adjusted},{v:.0f},0.0,1.0"

    return "aapl.csv", lines(head, bars, line)


def finam(bars):
    head = "<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>\n"
    return "SBER_240116_240117.txt", lines(
        head, bars, lambda t, o, h, low, c, v: f"SBER;5;{t:%Y%m%d};{t:%H%M%S};{o};{h};{low};{c};{v:.0f}"
    )


def tushare(bars):
    head = ",ts_code,trade_date,open,high,low,close,pre_close,change,pct_chg,vol,amount\n"
    rows = list(enumerate(bars[::-1]))
    text = "".join(
        f"{i},000001.SZ,{t:%Y%m%d},{o},{h},{low},{c},{o},0.5,0.04,{v},{v * c / 1000:.3f}\n"
        for i, (t, o, h, low, c, v) in rows
    )
    return "daily.csv", (head + text).encode()


def akshare(bars):
    head = "日期,股票代码,开盘,收盘,最高,最低,成交量,成交额,振幅,涨跌幅,涨跌额,换手率\n"
    return "hist.csv", lines(
        head,
        bars,
        lambda t, o, h, low, c, v: f"{t:%Y-%m-%d},000001,{o},{c},{h},{low},{v:.0f},{v * c:.1f},1.5,0.4,0.5,0.9",
    )


def coinbase(bars):
    return "BTC-USD.csv", lines(
        "time,low,high,open,close,volume\n",
        bars[::-1],
        lambda t, o, h, low, c, v: f"{_seconds(t)},{low},{h},{o},{c},{v}",
    )


def kucoin(bars):
    return "BTC-USDT.csv", lines(
        "time,open,close,high,low,volume,turnover\n",
        bars[::-1],
        lambda t, o, h, low, c, v: f"{_seconds(t)},{o},{c},{h},{low},{v},{v * c}",
    )


def okx(bars):
    return "BTC-USDT-candles.csv", lines(
        "ts,o,h,l,c,vol,volCcy,volCcyQuote,confirm\n",
        bars[::-1],
        lambda t, o, h, low, c, v: f"{_seconds(t)}000,{o},{h},{low},{c},{v},{v * 2},{v * c},1",
    )


def bybit(bars):
    return "BTCUSDT_5.csv", lines(
        "startTime,openPrice,highPrice,lowPrice,closePrice,volume,turnover\n",
        bars[::-1],
        lambda t, o, h, low, c, v: f"{_seconds(t)}000,{o},{h},{low},{c},{v},{v * c}",
    )


def eod_historical_data(bars):
    head = "Date,Open,High,Low,Close,Adjusted_close,Volume\n"
    return "MCD.US.csv", lines(
        head, bars, lambda t, o, h, low, c, v: f"{t:%Y-%m-%d},{o},{h},{low},{c},{c * 0.9:.4f},{v:.0f}"
    )


def trade_station(bars):
    head = '"Date","Time","Open","High","Low","Close","Up","Down"\n'
    return "@ES.txt", lines(
        head,
        bars,
        lambda t, o, h, low, c, v: f"{t:%m/%d/%Y},{t:%H:%M},{o:.2f},{h:.2f},{low:.2f},{c:.2f},{v:.0f},{v / 2:.0f}",
    )


def interactive_brokers(bars):
    rows = [(f"{t:%Y%m%d  %H:%M:%S}", *rest, 5.5, 7) for t, *rest in bars]
    frame = pd.DataFrame(rows, columns=["date", "open", "high", "low", "close", "volume", "average", "barCount"])
    return "ES.csv", frame.to_csv().encode()


def kaggle_stocks(bars):
    return "all_stocks_5yr.csv", lines(
        "date,open,high,low,close,volume,Name\n",
        bars,
        lambda t, o, h, low, c, v: f"{t:%Y-%m-%d},{o},{h},{low},{c},{v:.0f},AAL",
    )


def cboe(bars):
    return "VIX_History.csv", lines(
        "DATE,OPEN,HIGH,LOW,CLOSE\n",
        bars,
        lambda t, o, h, low, c, _: f"{t:%m/%d/%Y},{o:.6f},{h:.6f},{low:.6f},{c:.6f}",
    )


def market_watch(bars):
    head = "Date,Open,High,Low,Close,Volume\n"
    return "Download Data - STOCK_US_XNAS_AAPL.csv", lines(
        head,
        bars[::-1],
        lambda t, o, h, low, c, v: f'{t:%m/%d/%Y},"{o:,.2f}","{h:,.2f}","{low:,.2f}","{c:,.2f}","{v:,.0f}"',
    )


def wall_street_journal(bars):
    return "HistoricalPrices.csv", lines(
        "Date, Open, High, Low, Close\n", bars[::-1], lambda t, o, h, low, c, _: f"{t:%m/%d/%y}, {o}, {h}, {low}, {c}"
    )


def nasdaq_nordic(bars):
    head = (
        "sep=;\nDate;Bid;Ask;Opening price;High price;Low price;Closing price;Average price;Total volume;Turnover;"
        "Trades;\n"
    )

    def written(number):
        return f"{number:,.2f}".replace(",", " ").replace(".", ",")

    return "ERIC B.csv", lines(
        head,
        bars[::-1],
        lambda t, o, h, low, c, v: (
            f"{t:%Y-%m-%d};{written(c)};{written(c)};{written(o)};{written(h)};{written(low)};{written(c)};"
            f"{written(c)};{v:.0f};{written(v * c)};17;"
        ),
    )


def ami_broker(bars):
    return "export.csv", lines(
        "Ticker,Date/Time,Open,High,Low,Close,Volume\n",
        bars,
        lambda t, o, h, low, c, v: f"ES,{t:%m/%d/%Y %H:%M:%S},{o},{h},{low},{c},{v:.0f}",
    )


def crsp(bars):
    head = "PERMNO,date,TICKER,BIDLO,ASKHI,PRC,VOL,RET,OPENPRC\n"
    return "crsp.csv", lines(
        head, bars, lambda t, o, h, low, c, v: f"14593,{t:%Y-%m-%d},AAPL,{low},{h},{c},{v:.0f},0.001,{o}"
    )


DAILY = (
    quandl_wiki, tiingo, tushare, akshare, eod_historical_data, kaggle_stocks, cboe, market_watch, wall_street_journal,
    nasdaq_nordic, crsp,
)  # fmt: skip
INTRADAY = (finam, coinbase, kucoin, okx, bybit, trade_station, interactive_brokers, ami_broker)
WITHOUT_VOLUMES = (cboe, wall_street_journal, trade_station)


def yfinance_wide(bars):
    """Write two assets as `yfinance.download(["ACME", "EMCA"]).to_csv` does; the second begins a day later."""
    names = ("Close", "High", "Low", "Open", "Volume")
    head = [
        ["Price", *(name for name in names for _ in range(2))],
        ["Ticker", *(["ACME", "EMCA"] * 5)],
        ["Date", *[""] * 10],
    ]
    rows = [
        [f"{t:%Y-%m-%d}", *(cell for value in (c, h, low, o, v) for cell in (value, value if i else ""))]
        for i, (t, o, h, low, c, v) in enumerate(bars)
    ]
    return "prices.csv", "".join(",".join(map(str, row)) + "\n" for row in [*head, *rows]).encode()


def yfinance_by_ticker(bars):
    """Write the same with `group_by="ticker"`: the assets stand above their prices."""
    names = ("Open", "High", "Low", "Close", "Adj Close", "Volume")
    head = [
        ["Ticker", *(asset for asset in ("ACME", "EMCA") for _ in names)],
        ["Price", *names, *names],
        ["Date", *[""] * 12],
    ]
    rows = [
        [f"{t:%Y-%m-%d}", o, h, low, c, c * 0.5, v, *((o, h, low, c, c * 0.5, v) if i else [""] * 6)]
        for i, (t, o, h, low, c, v) in enumerate(bars)
    ]
    return "prices.csv", "".join(",".join(map(str, row)) + "\n" for row in [*head, *rows]).encode()


def columns_by_asset(bars):
    """Write one header whose names end with the price: `ACME Open`."""
    names = ("Open", "High", "Low", "Close", "Adj Close", "Volume")
    head = ["Date", *(f"{asset} {name}" for asset in ("ACME", "EMCA") for name in names)]
    rows = [
        [f"{t:%d.%m.%Y}", o, h, low, c, c * 0.5, v, *((o, h, low, c, c * 0.5, v) if i else [""] * 6)]
        for i, (t, o, h, low, c, v) in enumerate(bars)
    ]
    return "prices.csv", "".join(";".join(map(str, row)) + "\n" for row in [head, *rows]).encode()


def columns_by_price(bars):
    """Write one header whose names begin with the price, as Parquet: `close_ACME`."""
    content = io.BytesIO()
    columns = {"timestamp": [bar[0] for bar in bars]}
    for place, name in enumerate(("open", "high", "low", "close"), start=1):
        columns[f"{name}_ACME"] = [bar[place] for bar in bars]
        columns[f"{name}_EMCA"] = [None, *(bar[place] for bar in bars[1:])]
    pd.DataFrame(columns).to_parquet(content)
    return "prices.parquet", content.getvalue()


WIDE = (yfinance_wide, yfinance_by_ticker, columns_by_asset, columns_by_price)
"""Two assets beside each other, the second from the second bar on."""
