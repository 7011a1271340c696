"""Which column is which, by the names that vendors give them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ALIASES = {
    "timestamp": (
        "timestamp datetime date dates time opentime opendatetime ts tsevent windowstart starttime startdate gmttime "
        "localtime exchangedate exchangetime tradedate tradingdate pricedate day index unixtime unixtimestamp unix "
        "epoch t indexlevel0 dt bartime timestamputc datetimeutc datum fecha data 日期 交易日期 时间 日付 дата 날짜"
    ),
    "asset": (
        "asset symbol ticker instrument security tic sym code stock stockcode tscode pair market product ric contract "
        "name localsymbol indexlevel1 股票代码 代码 证券代码 銘柄コード"
    ),
    "open": "open o pxopen openprice priceopen opening openingprice first bidopen openbid firstprice tradeopen "
    "openprc 开盘 开盘价 始値 открытие 시가 erster eroffnung eroeffnung erffnung ouverture ouv apertura abertura",
    "high": "high h pxhigh highprice pricehigh max highest bidhigh highbid maxprice tradehigh hi askhi "
    "最高 最高价 高値 максимум 고가 hoch tageshoch "
    "haut plushaut maximo mximo massimo",
    "low": "low l pxlow lowprice pricelow min lowest bidlow lowbid minprice tradelow lo bidlo "
    "最低 最低价 安値 минимум 저가 tief tagestief bas plusbas "
    "minimo mnimo minimum",
    "close": (
        "close c pxlast closeprice priceclose closelast last lastprice closing closingprice price settle settlement "
        "pxsettle bidclose closebid tradeclose schluss schlusskurs letzter cloture clture dernier cierre ultimo ltimo "
        "chiusura fechamento prc 收盘 收盘价 終値 закрытие 종가 adjclose"
    ),
    "volume": (
        "volume vol v pxvolume totalvolume basevolume tradedvolume volumetraded shares tickvolume tickvol volumes "
        "volumefrom sharevolume totalqty quantity qty turnovervolume accumulatedvolume accvol "
        "stuecke stcke volumen volumes volumi umsatz 成交量 出来高 объем объём 거래량"
    ),
}
"""Normal forms of vendors' names by what they mean, the likelier ones first."""

PRICES = ("open", "high", "low", "close")

_WORDS = {role: words.split() for role, words in ALIASES.items()}
_TIME_OF_DAY = ("time", "timeofday", "bartime", "hour")


def find_roles(names: Sequence[str]) -> dict[str, str]:
    """Return which column is timestamp, asset, open, high, low, close and volume, as far as names say it."""
    normal = {name: _normal(name) for name in names}
    found: dict[str, str] = {}
    for role, words in _WORDS.items():
        close = sorted((words.index(word), i) for i, word in enumerate(normal.values()) if word in words)
        if close:
            found[role] = names[close[0][1]]
    for role in (*PRICES, "volume"):
        if role not in found:
            free = [name for name in names if role in re.findall("[a-z]+", name.lower()) and name not in found.values()]
            if len(free) == 1 or (free and role == "volume"):
                found[role] = free[0]
    if "timestamp" not in found:
        unnamed = [name for name in names if _normal(name) in ("", "unnamed0") and name not in found.values()]
        found |= {"timestamp": unnamed[0]} if unnamed else {}
    return found


def find_role(word: str) -> str | None:
    """Return which of the prices, or the volume, a word names; None for an adjusted price and for any other."""
    normal = _normal(word)
    found = (role for role in (*PRICES, "volume") if normal in _WORDS[role])
    return None if normal.startswith("adj") else next(found, None)


def is_header(cells: Sequence[str], known: Collection[str] = ()) -> bool:
    """Whether a row of cells names the columns of bars: at least all prices, or all names that are `known`."""
    return all(role in find_roles(cells) for role in PRICES) or (bool(known) and set(known).issubset(cells))


def times_of_day(names: Sequence[str], timestamp: str) -> list[str]:
    """Return the columns, beside that of the timestamps, which may hold the times of day."""
    return [name for name in names if name != timestamp and _normal(name) in _TIME_OF_DAY]


def dates(names: Sequence[str], timestamp: str) -> list[str]:
    """Return the columns, beside that of the timestamps, which may hold the dates or whole timestamps."""
    words = _WORDS["timestamp"]
    return [name for name in names if name != timestamp and _normal(name) in words]


def volumes(names: Sequence[str]) -> list[str]:
    """Return all columns that may hold the volumes, the likelier ones first."""
    words = _WORDS["volume"]
    known = sorted((name for name in names if _normal(name) in words), key=lambda name: words.index(_normal(name)))
    return known or [name for name in names if "volume" in re.findall("[a-z]+", name.lower())]


def _normal(name: str) -> str:
    """Return a name's letters and digits in lower case, without a number before it as in `1. open`.

    Letters are those of ASCII where there are any.
    """
    plain = re.sub(r"^\d+[.)]\s*", "", name.strip().lower())
    latin = re.sub(r"[^a-z0-9]", "", plain)
    return latin or re.sub(r"[\W_]", "", plain)
