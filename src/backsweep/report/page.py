"""The page: one HTML file with plotly.js in it, which loads nothing."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from backsweep.printable import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from backsweep.report.parts import Section


def render_page(title: str, verdict: str, sections: Sequence[Section], state: str = "") -> bytes:
    """Return the page as UTF-8; texts are escaped, and secrets in them masked.

    With a `state` the page asks its server for `state` every other second, and loads itself anew where it has changed.
    """
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - loaded only by those who write a page

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["shown"] = _shown
    environment.filters["breakable"] = _breakable
    environment.filters["coded"] = _coded
    template = environment.from_string(files("backsweep.report").joinpath("page.html.j2").read_text("utf-8"))
    text = template.render(title=title, verdict=verdict, sections=sections, script=_plotly(), state=state)
    return text.encode("utf-8", errors="backslashreplace")


def _shown(text: str) -> str:
    """Return a text with control characters as escapes, its line ends kept, and without secrets."""
    kept = (letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text)
    return mask_secrets("".join(kept))


def _breakable(text: str) -> Markup:
    """Return a heading that may be broken after dots and underscores, escaped."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - as above

    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(text))))  # noqa: S704 - escaped


def _coded(text: str) -> Markup:
    """Return a paragraph in which keys and values between backticks are code, escaped."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - as above

    return Markup(re.sub(r"`(\w(?:[\w.: -]*\w)?)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


@cache
def _plotly() -> str:
    """Return plotly.js, without its Python package being imported, which takes longer than the page."""
    import importlib.util  # noqa: PLC0415 - as below
    from pathlib import Path  # noqa: PLC0415 - for those who write a page

    spec = importlib.util.find_spec("plotly")
    assert spec is not None  # noqa: S101 - a dependency
    assert spec.origin is not None  # noqa: S101 - a regular package
    script = (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_text("utf-8")
    return script.replace("</script", "<\\/script")
