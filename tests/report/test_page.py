"""The page escapes what comes from data: a hostile text adds no element and no attribute, in any part of it."""

from html.parser import HTMLParser

import pytest
from scenarios.hostile import TEXTS

from backsweep.figures.record import bar_figure
from backsweep.report.page import render_page
from backsweep.report.parts import Cell, Chart, Charts, Code, Listing, Section, Table, Text

MARKUP = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--",
    "-->",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)",
    "<svg/onload=alert(1)>",
    "</title><h1>",
    "</style><style>*{display:none}",
    "<a href='javascript:alert(1)'>a</a>",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{# a #}",
    "${7*7}",
    "&lt;b&gt;",
    "&#60;script&#62;",
    "]]>",
    "<![CDATA[",
    "\\u003cscript\\u003e",
    "</pre><b>",
    "</table>",
    "<iframe src=data:text/html,a>",
    "<base href=a>",
    "<meta http-equiv=refresh content=0>",
    "%{x}<extra></extra>",
    "$\\frac{1}{2}$",
    "\u2028\u2029",
    "\u202eabc",
    "\x00\x1b[31m",
    "\ud800",
)


class Skeleton(HTMLParser):
    """Elements and names of attributes, without any text."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.seen, self.texts = [], []
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        if tag != "wbr":  # where our headings may be broken
            self.seen.append((tag, tuple(name for name, _ in attrs)))

    def handle_comment(self, data):
        self.seen.append(("comment", data))

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr("backsweep.report.page._plotly", lambda: "")


def page_of(text):
    parts = [
        Text(text),
        Listing(text, {text: text}),
        Code(text, text),
        Table(text, [text], [[Cell(text, text)]], text),
        chart := Chart(text, bar_figure([text], [1.0], ".0%"), text),
        Charts(text, [chart], text),
        Charts(text, [chart, chart], text, pick=True),
    ]
    return render_page(text, text, [Section(text, parts)])


@pytest.mark.parametrize("text", [*MARKUP, *TEXTS.values()], ids=ascii)
def test_a_hostile_text_stays_text(text):
    assert Skeleton(page_of(text)).seen == Skeleton(page_of("plain")).seen


def test_a_text_is_shown_as_it_is():
    assert "<b>&amp;</b>" in Skeleton(page_of("<b>&amp;</b>")).texts


def test_a_key_between_backticks_is_code_and_nothing_else_is():
    page = render_page("", "", [Section("", [Text("use `walk_forward` or `mode: rolling`, not `<b>` or `${x}`")])])
    assert b"use <code>walk_forward</code> or <code>mode: rolling</code>, not `&lt;b&gt;` or `${x}`" in page


def test_secrets_are_masked():
    assert b"hunter2" not in page_of("s3://key:hunter2@bucket/study")
