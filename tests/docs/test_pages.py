"""What the pages name is there: files, links between them, and make targets."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OWN = ("my_costs.py", "strategy.py", "mine/sweep.yaml", "mine/strategy.py")  # files of the examples


def anchors(page):
    """List what links can point to in a page: its headings, as GitHub names them."""
    headings = re.findall(r"(?m)^#+ (.*)$", page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_source_file_that_a_page_names_exists(page):
    named = re.findall(r"`([\w./]+\.(?:py|md|yaml|toml|txt))`", page.read_text())
    places = (ROOT, ROOT / "src" / "backsweep", page.parent)
    missing = [name for name in named if name not in OWN and not any((place / name).exists() for place in places)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_function_that_a_page_places_is_there(page):
    for name, file in re.findall(r"`(\w+)` in\s+`([\w/]+\.py)`", page.read_text()):
        source = (ROOT / ("" if file.startswith("tests/") else "src/backsweep") / file).read_text()
        assert re.search(rf"(?m)^\s*(?:def|class) {name}\b|^{name}\b.* = ", source), f"{name} in {file}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    for link, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
        target = (page.parent / link) if link else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_of_a_page_is_one(page):
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"`make ([a-z-]+)`", page.read_text())) <= targets


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_statistics_page_has_every_figure_that_is_printed():
    page = " ".join((ROOT / "docs" / "statistics.md").read_text().lower().split())
    printed = re.findall(r'(?m)^ +(?:\*\*\(\{)?"([\w -]+)":', (ROOT / "src/backsweep/report/words.py").read_text())
    assert len(printed) > 15
    assert [name for name in printed if name.lower() not in page] == []


def test_the_architecture_page_has_the_layers_of_the_contracts():
    page = " ".join((ROOT / "docs" / "architecture.md").read_text().split())
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for contract in contracts:
        if contract["type"] == "layers":
            assert " > ".join(layer for layer in contract["layers"] if not layer.startswith("(")) in page


def test_the_architecture_page_has_every_package():
    page = (ROOT / "docs" / "architecture.md").read_text().partition("## What is where")[2]
    packages = [path.parent.name for path in (ROOT / "src" / "backsweep").glob("*/__init__.py")]
    assert [name for name in packages if not re.search(rf"`(src/backsweep/)?{name}`", page)] == []
