"""What notebooks show of an object: a title, sentences and a table, in HTML with the notebook's own colours."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from backsweep.printable import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CELL = "text-align:left;padding:.15em .8em .15em 0;vertical-align:top"


def make_card(
    title: str,
    texts: Sequence[str] = (),
    entries: Mapping[str, str] | None = None,
    headings: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
) -> str:
    """Return HTML with a title, sentences, names with texts, and a table; everything is escaped."""
    lines = [f"<div><strong>{_text(title)}</strong>"]
    lines += [f'<p style="margin:.3em 0;max-width:80ch">{_text(text)}</p>' for text in texts]
    for names, body in (((), list((entries or {}).items())), (headings, rows)):
        if body:
            head = "".join(f'<th style="{_CELL}">{_text(name)}</th>' for name in names)
            cells = ("".join(f'<td style="{_CELL}">{_text(cell)}</td>' for cell in row) for row in body)
            lines += ["<table>", f"<thead><tr>{head}</tr></thead>" if head else "", "<tbody>"]
            lines += [*(f"<tr>{row}</tr>" for row in cells), "</tbody></table>"]
    return "\n".join([*filter(None, lines), "</div>"])


def _text(text: str) -> str:
    return html.escape(clean(text))
