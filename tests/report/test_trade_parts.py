"""Trades on the page: figures, ambiguous fills, and names of others that stay text."""

from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser

import polars as pl
import pytest
from scenarios.hostile import TEXTS

from backsweep.report.account_parts import account_parts
from backsweep.report.page import render_page
from backsweep.report.parts import Section
from backsweep.report.price_parts import price_parts
from backsweep.report.trade_parts import trade_parts
from backsweep.study.store.run_records import RunRecords

BEGIN, END = datetime(2020, 1, 2), datetime(2020, 1, 6)  # noqa: DTZ001 - times as records have them
NAMES = [text.encode("utf-8", "ignore").decode() for text in TEXTS.values()]
NAMES += ["<img src=x onerror=alert(1)>", "</script><b>", '" onclick="a', "<!--", "{{ 1 }}", "%{x}<extra></extra>"]
NAMES += [
    "</option></select>",
    "</td></tr></table>",
    "' onfocus='a",
    "-->",
    "]]>",
    "<svg/onload=a>",
    "&lt;b&gt;",
    "${1}",
]
NAMES += ["</title><h1>", "</style>", "<base href=a>", "{% raw %}", "$\\frac{1}{2}$", "<a href='javascript:a'>a</a>"]


def make_records(names):
    """Return records in which each asset gains 1, 2, 3, ... with two fills."""
    results = pl.Series("pnl", [float(place + 1) for place in range(len(names))])
    assets = pl.Series("asset", names, pl.String)
    fills = pl.DataFrame({"asset": assets, "timestamp": [BEGIN] * len(names), "quantity": 1.0, "price": 10.0})
    fills = fills.with_columns(pl.lit(0.5).alias("commission"), pl.lit(0.1).alias("slippage"), reason="asset")
    trades = pl.DataFrame({"asset": assets, "pnl": results}).with_columns(
        quantity=pl.lit(1.0),
        entry_timestamp=pl.lit(BEGIN),
        exit_timestamp=pl.lit(END),
        entry_price=pl.lit(10.0),
        exit_price=pl.lit(11.0),
        exit_reason="asset",
        max_favourable=pl.lit(0.2),
        max_adverse=pl.lit(0.1),
    )
    curve = {"timestamp": [BEGIN, END], "cash": [100.0, 101.0], "equity": [100.0, 101.0], "exposure": [0.0, 0.5]}
    orders = pl.DataFrame({"asset": assets, "order_type": "market", "status": "rejected", "reject_reason": assets})
    flows = pl.DataFrame({"timestamp": [BEGIN] * len(names), "kind": assets, "amount": [1.0] * len(names)})
    return RunRecords(fills, trades, pl.DataFrame(curve), orders, flows)


def parts_of(names):
    records = make_records(names)
    why = names[0] if names else ""
    return [*trade_parts(records, {}), *account_parts(records, 100.0, {}), *price_parts(records, lambda _: why)]


def test_hostile_names_of_assets_reasons_and_flows_stay_text(monkeypatch):
    monkeypatch.setattr("backsweep.report.page._plotly", lambda: "")

    def elements(names):
        seen = []
        parser = HTMLParser()
        parser.handle_starttag = lambda tag, attrs: seen.append((tag, *(name for name, _ in attrs)))
        parser.feed(render_page("a", "b", [Section("c", parts_of(names))]).decode())
        return sorted(each for each in seen if each != ("wbr",))

    assert len(NAMES) >= 30
    assert elements(NAMES) == elements([f"name {place}" for place in range(len(NAMES))])


def test_what_is_left_without_the_largest_gains_is_said():
    figures = trade_parts(make_records(list("ABCDEFG")), {})[0].entries
    assert figures["result"] == "28.00 in all, 4.00 on average, median 4.00"
    assert figures["without the five largest gains"] == "3.00"  # 1 + 2
    assert figures["with a gain"] == "100.0%; mean gain 4.00, mean loss - (there is none)"


def test_of_many_trades_those_with_the_largest_results_are_listed_in_their_order():
    table = trade_parts(make_records([f"A{place:04}" for place in range(1000)]), {})[-1]
    assert [table.rows[0][0].text, table.rows[-1][0].text, len(table.rows)] == ["A0600", "A0999", 400]
    assert table.text.startswith("The 400 of 1,000 trades with the largest results")


@pytest.mark.parametrize(
    ("quantity", "text"), [(-26434.0, "-26,434"), (0.05, "0.05"), (0.056, "0.056"), (1063.12, "1,063.12")]
)
def test_a_quantity_has_the_digits_that_matter(quantity, text):
    records = make_records(["A"])
    records = replace(records, trades=records.trades.with_columns(quantity=pl.lit(quantity)))
    table = trade_parts(records, {})[-1]
    assert table.rows[0][table.headings.index("quantity")].text == text


def test_times_are_those_of_the_data_s_zone_and_say_so():
    zone = "America/New_York"
    table = trade_parts(make_records(["A"]).on_clock(zone), {}, zone)[-1]
    assert table.rows[0][table.headings.index("entry")].text == "2020-01-01 19:00"  # midnight UTC
    assert table.text.endswith(f"Times are those of {zone}.")
    assert make_records(["A"]).on_clock(None).trades["entry_timestamp"].to_list() == [BEGIN]


@pytest.mark.parametrize(("worth", "said"), [(None, "The stop was taken."), (7.5, "by at most 7.50.")])
def test_ambiguous_fills_are_counted_with_what_they_are_worth(worth, said):
    texts = [
        getattr(part, "text", "")
        for part in trade_parts(make_records(["A"]), {"ambiguous_fills": 3.0, "ambiguous_pnl": worth})
    ]
    assert any(text.startswith("3 of 1 fills are ambiguous") and text.endswith(said) for text in texts if text)


def test_without_trades_there_are_no_figures_of_trades():
    assert parts_of([])[0].text == "No trade was closed, so there are no figures of trades."
