"""The examples of the pages work: Python runs, YAML is a sweep file or a part of one, commands have their options."""

import ast
import re
import runpy
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
import typer
import yaml

import backsweep as bs
from backsweep.cli import app
from backsweep.sweepfile.load import load_sweep

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"python", "yaml", "sh", "text", "diff", "py"}  # py: the code of other tools, for reading
SMALLEST = {
    "study": "page",
    "data": {"bars": "bars.parquet"},
    "strategy": "backsweep.strategies.threshold:Threshold",
    "search": {"sampler": "sobol", "trials": 8},
}


def name_of(page):
    return page.name


def blocks(language):
    """List the fenced blocks of a language: page, number in the page, text."""
    found = []
    for page in PAGES:
        texts = re.findall(rf"(?ms)^```{language}\n(.*?)^```", page.read_text())
        found += [pytest.param(text, id=f"{page.name}-{number}") for number, text in enumerate(texts, start=1)]
    return found


def test_every_block_says_its_language():
    for page in PAGES:
        opened = re.findall(r"(?m)^```(\w*)$", page.read_text())[::2]
        assert set(opened) <= LANGUAGES, page.name


def run_python(page, folder, monkeypatch):
    """Run a page's Python from top to bottom beside a copy of `sweeps`; a block that begins with a path is a file."""
    shutil.copytree(ROOT / "sweeps", folder / "sweeps")
    for text in re.findall(r"(?ms)^```(?:python|yaml)\n(.*?)^```", page.read_text()):
        if named := re.match(r"# (sweeps/\S+)\n", text):
            (folder / named[1]).write_text(text)
    script = folder / "page.py"
    script.write_text("\n".join(re.findall(r"(?ms)^```python\n(.*?)^```", page.read_text())))
    monkeypatch.chdir(folder)
    shorter = {"overrides": ["data.start=2012-01-01"]}
    monkeypatch.setattr(bs, "backtest", partial(bs.backtest, compiled=False))
    monkeypatch.setattr(bs, "replay", partial(bs.replay, compiled=False, **shorter))
    monkeypatch.setattr(bs, "run", partial(bs.run, backend="inline", trials=8, **shorter))
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(script))


OTHER_TESTS = {"extending.md"}  # adds files to the package: see test_extending
WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text() and page.name not in OTHER_TESTS]
WITH_STUDIES = [page for page in WITH_PYTHON if "bs.run(" in page.read_text()]  # they compile


@pytest.mark.parametrize("page", [page for page in WITH_PYTHON if page not in WITH_STUDIES], ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    run_python(page, tmp_path, monkeypatch)


@pytest.mark.apart
@pytest.mark.parametrize("page", WITH_STUDIES, ids=name_of)
def test_the_python_of_a_page_runs_and_leaves_a_study(page, tmp_path, monkeypatch):
    run_python(page, tmp_path, monkeypatch)
    (study,) = (tmp_path / "studies").glob("[a-z]*")
    assert len(bs.open_study(study).trials) == 8


@pytest.mark.parametrize("text", blocks("py"))
def test_the_code_of_another_tool_is_python(text):
    assert ast.parse(text).body


def merge(base, part):
    """Put a part of a sweep file over another, mapping by mapping."""
    if isinstance(base, dict) and isinstance(part, dict):
        return base | {key: merge(base.get(key), value) for key, value in part.items()}
    return part


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_sweep_file_or_a_part_of_one_is_valid(text, tmp_path):
    for part in yaml.safe_load_all(text):
        file = tmp_path / "sweep.yaml"
        file.write_text(yaml.safe_dump(merge(SMALLEST, part)))
        assert load_sweep(file).study


@pytest.mark.parametrize("text", blocks("sh"))
def test_a_command_has_its_options(text, monkeypatch):
    monkeypatch.chdir(ROOT)
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    for line in text.splitlines():
        words = re.findall(r'(?<!\S)"[^"]*"|[^\s]+', line.partition(" #")[0].partition(" > ")[0])
        if words[:1] == ["make"]:
            assert set(words[1:]) <= targets
        elif words[:1] == ["backsweep"]:
            command = typer.main.get_command(app).commands[words[1]]
            assert command.make_context(words[1], [word.strip('"') for word in words[2:]]).params
