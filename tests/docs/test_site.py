"""The site is built without a warning, and loads nothing from elsewhere."""

import pytest

from generate.site import find_loads, main


@pytest.mark.long
def test_the_site_is_built_without_a_warning_and_can_be_searched_from_a_file(tmp_path):
    assert main(tmp_path) == 0
    site = tmp_path / "site"
    for page in ("index.html", "LIMITATIONS.html", "docs/tutorial.html", "docs/reference/commands.html"):
        assert "backsweep" in (site / page).read_text()
    assert "holdout" in (site / "search.js").read_text()
    assert "iframe-worker.js" in (site / "docs" / "guide.html").read_text()


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/a.js"></script>',
        "<link rel=stylesheet href=//fonts.example/a.css>",
        "<img alt='x' src='http://example/a.png'>",
        '<style>@import "https://example/a.css"</style>',
        "<style>a { background: url(https://example/a.png) }</style>",
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found_and_links_are_not(text, tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://example/">a link</a><link rel="canonical" href="https://example/">'
    )
    assert find_loads(tmp_path) == []
    (tmp_path / "b.html").write_text(text)
    assert len(find_loads(tmp_path)) == 1
