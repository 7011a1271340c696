"""The same bars as vendors of market data write them, in the shapes of their files.

A form is a function of the bars that returns the file's name and its content. Bars are tuples (moment, open, high, low,
close, volume) of one asset, in order; the moments have no zone.
"""

# ruff: noqa: DTZ001 - times without a zone are part of what vendors write; a header is a line

from __future__ import annotations

import gzip
import io
import random
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import xlsxwriter


def make_days(count: int = 30) -> list[tuple]:
    """Return daily bars without week-ends from 2 January 2024 on, so that some days are after the twelfth."""
    moments = [datetime(2024, 1, 2) + timedelta(days=day) for day in range(2 * count)]
    return _walk([moment for moment in moments if moment.weekday() < 5][:count])


def make_minutes() -> list[tuple]:
    """Return bars of five minutes on two days, from 09:30 on."""
    return _walk([datetime(2024, 1, day, 9, 30) + timedelta(minutes=5 * i) for day in (16, 17) for i in range(12)])


def _walk(moments: list[datetime]) -> list[tuple]:
    chance, price, bars = random.Random(1), 1200.0, []  # noqa: S311 - prices, no secrets
    for moment in moments:
        close = round(price * (1 + chance.uniform(-0.02, 0.02)), 2)
        high, low = round(max(price, close) * 1.005, 2), round(min(price, close) * 0.995, 2)
        bars.append((moment, price, high, low, close, float(chance.randint(1_000_000, 9_000_000))))
        price = close
    return bars


def lines(head: str, bars: list[tuple], line) -> bytes:
    """Return a text file of one line for each bar."""
    return (head + "".join(line(*bar) + "\n" for bar in bars)).encode()


def stooq(bars):
    head = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    return "aapl.us.txt", lines(
        head, bars, lambda t, o, h, low, c, v: f"AAPL.US,D,{t:%Y%m%d},{t:%H%M%S},{o},{h},{low},{c},{v:.0f},0"
    )


def kraken(bars):
    def line(t, o, h, low, c, v):
        return f"{t.replace(tzinfo=UTC).timestamp():.0f},{o},{h},{low},{c},{v},17"

    return "XBTUSD_5.csv", lines("", bars, line)


def binance(bars):
    def line(t, o, h, low, c, v):
        ms = int(t.replace(tzinfo=UTC).timestamp()) * 1000
        return f"{ms},{o},{h},{low},{c},{v},{ms + 299999},1.5,3,0.5,0.25,0"

    return "BTCUSDT-5m-2024-01.csv", lines("", bars, line)


def dukascopy(bars):
    head = "Gmt time,Open,High,Low,Close,Volume\n"
    return "EURUSD.csv", lines(
        head, bars, lambda t, o, h, low, c, v: f"{t:%d.%m.%Y %H:%M:%S}.000,{o},{h},{low},{c},{v}"
    )


def dukascopy_local(bars):
    head = "Local time,Open,High,Low,Close,Volume\n"
    return "EURUSD.csv", lines(
        head, bars, lambda t, o, h, low, c, v: f"{t:%d.%m.%Y %H:%M:%S}.000 GMT+0100,{o},{h},{low},{c},{v}"
    )


def alpha_vantage(bars):
    head = "timestamp,open,high,low,close,volume\n"
    return "intraday_5min_IBM.csv", lines(
        head, bars[::-1], lambda t, o, h, low, c, v: f"{t:%Y-%m-%d %H:%M:%S},{o},{h},{low},{c},{v:.0f}"
    )


def polygon(bars):
    def line(t, o, h, low, c, v):
        return f"TRUE,{v:.0f},{o},{c},{h},{low},{int(t.replace(tzinfo=UTC).timestamp())}000000000,10"

    content = lines("ticker,volume,open,close,high,low,window_start,transactions\n", bars, line)
    return "2024-01-16.csv.gz", gzip.compress(content)


def trading_view(bars):
    head = "time,open,high,low,close,Volume\n"
    return "BATS_SPY, 5.csv", lines(
        head, bars, lambda t, o, h, low, c, v: f"{t:%Y-%m-%dT%H:%M:%S}-05:00,{o},{h},{low},{c},{v:.0f}"
    )


def yahoo(bars):
    head = "Date,Open,High,Low,Close,Adj Close,Volume\n"
    name, content = (
        "AAPL.csv",
        lines(
            head,
            bars,
            lambda t, o, h, low, c, v: f"{t:%Y-%m-%d},{o:.6f},{h:.6f},{low:.6f},{c:.6f},{c * 0.98:.6f},{v:.0f}",
        ),
    )
    return name, content + b"2024-02-19,null,null,null,null,null,null\n"


def yfinance(bars):
    head = "Price,Close,High,Low,Open,Volume\nTicker,ACME,ACME,ACME,ACME,ACME\nDate,,,,,\n"
    return "acme.csv", lines(head, bars, lambda t, o, h, low, c, v: f"{t:%Y-%m-%d},{c},{h},{low},{o},{v:.0f}")


def first_rate(bars):
    return "SPY_5min.txt", lines("", bars, lambda t, o, h, low, c, v: f"{t},{o},{h},{low},{c},{v:.0f}")


def kibot(bars):
    return "IBM.txt", lines("", bars, lambda t, o, h, low, c, v: f"{t:%m/%d/%Y},{t:%H:%M},{o},{h},{low},{c},{v:.0f}")


def hist_data(bars):
    return "DAT_ASCII_EURUSD_M1_2024.csv", lines(
        "", bars, lambda t, o, h, low, c, v: f"{t:%Y%m%d %H%M%S};{o};{h};{low};{c};{v:.0f}"
    )


def meta_trader_4(bars):
    return "EURUSD5.csv", lines(
        "", bars, lambda t, o, h, low, c, v: f"{t:%Y.%m.%d},{t:%H:%M},{o},{h},{low},{c},{v:.0f}"
    )


def meta_trader_5(bars):
    head = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
    return "EURUSD_M5.csv", lines(
        head, bars, lambda t, o, h, low, c, v: f"{t:%Y.%m.%d}\t{t:%H:%M:%S}\t{o}\t{h}\t{low}\t{c}\t{v:.0f}\t0\t2"
    )


def crypto_data_download(bars):
    def line(t, o, h, low, c, v):
        ms = int(t.replace(tzinfo=UTC).timestamp()) * 1000
        return f"{ms},{t},BTC/USDT,{o},{h},{low},{c},{v},5.0,7"

    head = (
        "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount\n"
    )
    return "Binance_BTCUSDT.csv", lines(head, bars, line)


def sierra_chart(bars):
    head = "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume\n"
    return "ESH24.txt", lines(
        head,
        bars,
        lambda t, o, h, low, c, v: f"{t.year}/{t.month}/{t.day}, {t:%H:%M:%S}, {o}, {h}, {low}, {c}, {v:.0f}, 9, 4, 5",
    )


def nasdaq(bars):
    return "HistoricalQuotes.csv", lines(
        "Date, Close/Last, Volume, Open, High, Low\n",
        bars[::-1],
        lambda t, o, h, low, c, v: f"{t:%m/%d/%Y}, ${c}, {v:.0f}, ${o}, ${h}, ${low}",
    )


def investing(bars):
    head = '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"\n'
    return "SPX.csv", lines(
        head,
        bars[::-1],
        lambda t, o, h, low, c, v: (
            f'"{t:%m/%d/%Y}","{c:,.2f}","{o:,.2f}","{h:,.2f}","{low:,.2f}","{v / 1e6:.6f}M","-0.50%"'
        ),
    )


def barchart(bars):
    head = "Time,Open,High,Low,Last,Change,%Chg,Volume\n"
    content = lines(head, bars[::-1], lambda t, o, h, low, c, v: f"{t:%m/%d/%Y},{o},{h},{low},{c},0.5,+0.1%,{v:.0f}")
    return "spy.csv", content + b'"Downloaded from Barchart.com as of 02-28-2024 05:31am CST"\n'


def nse(bars):
    def line(t, o, h, low, c, v):
        prices = ",".join(f'"{price:,.2f}"' for price in (o, h, low, o, c, c))
        return f'"{t:%d-%b-%Y}","EQ",{prices},"{v:,.0f}","1,23,45,678.90"'

    head = '"Date ","series ","OPEN ","HIGH ","LOW ","PREV. CLOSE ","ltp ","close ","VOLUME ","VALUE "\n'
    return "RELIANCE.csv", lines(head, bars[::-1], line)


def german_broker(bars):
    def written(number, digits=2):
        return f"{number:,.{digits}f}".replace(",", "_").replace(".", ",").replace("_", ".")

    text = "Datum;Eröffnung;Hoch;Tief;Schlusskurs;Stücke\n" + "".join(
        ";".join([f"{t:%d.%m.%Y}", *map(written, (o, h, low, c)), written(v, 0)]) + "\n" for t, o, h, low, c, v in bars
    )
    return "dax.csv", text.encode("utf-16")


def ib_async(bars):
    rows = [(f"{t}-05:00", o, h, low, c, v, 5.5, 7) for t, o, h, low, c, v in bars]
    frame = pd.DataFrame(rows, columns=["date", "open", "high", "low", "close", "volume", "average", "barCount"])
    return "spy.csv", frame.to_csv().encode()


def databento(bars):
    def line(t, o, h, low, c, v):
        return f"{t:%Y-%m-%dT%H:%M:%S}.000000000Z,33,1,5482,{o:.9f},{h:.9f},{low:.9f},{c:.9f},{v:.0f},ESH4"

    head = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
    return "glbx.csv", lines(head, bars, line)


def pandas_text(bars):
    return "frame.csv", _frame(bars).to_csv().encode()


def pandas_parquet(bars):
    content = io.BytesIO()
    _frame(bars).to_parquet(content)
    return "frame.parquet", content.getvalue()


def pandas_levels(bars):
    content = io.BytesIO()
    pd.concat({"SPY": _frame(bars)}, names=[None, None]).to_parquet(content)
    return "levels.parquet", content.getvalue()


def _frame(bars):
    index = pd.DatetimeIndex([bar[0] for bar in bars])
    return pd.DataFrame([bar[1:] for bar in bars], columns=["Open", "High", "Low", "Close", "Volume"], index=index)


def bloomberg(bars):
    above = [["Security", "SPX Index"], ["Start Date", date(2024, 1, 2)], ["Period", "D"], ["Currency", "USD"], []]
    head = ["Date", "PX_OPEN", "PX_HIGH", "PX_LOW", "PX_LAST", "PX_VOLUME"]
    return "spx.xlsx", write_workbook({"Worksheet": [*above, head, *([t.date(), *rest] for t, *rest in bars[::-1])]})


def refinitiv(bars):
    above = [["Vodafone Group PLC (VOD.L) Price History"], [], ["Interval: Daily"], []]
    head = ["Exchange Date", "Close", "Net", "%Chg", "Open", "Low", "High", "Volume"]
    rows = ([t.date(), c, 0.5, 0.01, o, low, h, v] for t, o, h, low, c, v in bars[::-1])
    return "vod.xlsx", write_workbook({"Worksheet": [*above, head, *rows]})


def write_workbook(sheets: dict[str, list[list]]) -> bytes:
    """Return an Excel workbook with these rows in its sheets."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        day, moment = (book.add_format({"num_format": form}) for form in ("dd/mm/yyyy", "hh:mm:ss"))
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for i, row in enumerate(rows):
                for j, cell in enumerate(row):
                    if isinstance(cell, time):
                        sheet.write_datetime(i, j, cell, moment)
                    elif isinstance(cell, date):
                        sheet.write_datetime(i, j, datetime.combine(cell, time()), day)
                    else:
                        sheet.write(i, j, cell)
    return content.getvalue()


DAILY = (
    stooq, yahoo, yfinance, nasdaq, investing, barchart, nse, german_broker, pandas_text, pandas_parquet, pandas_levels,
    bloomberg, refinitiv,
)  # fmt: skip
INTRADAY = (
    kraken, binance, dukascopy, dukascopy_local, alpha_vantage, polygon, trading_view, first_rate, kibot, hist_data,
    meta_trader_4, meta_trader_5, crypto_data_download, sierra_chart, ib_async, databento,
)  # fmt: skip
OFFSETS = {dukascopy_local: timedelta(hours=1), trading_view: timedelta(hours=-5), ib_async: timedelta(hours=-5)}
"""How far the written times are ahead of UTC, where a form writes that."""
