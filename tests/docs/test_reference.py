"""The pages of docs/reference are what `make docs` writes today, and leave out nothing that there is."""

import inspect
import re
from pathlib import Path

import pytest
import typer

import backsweep as bs
from backsweep.cli import app
from backsweep.engine.codes import (
    ALL_AS_SUBMITTED,
    AS_SUBMITTED,
    CLOSE_ONLY,
    EXITS_FIRST,
    NEXT_CLOSE,
    NEXT_OPEN,
    OPEN_DECIDES,
    ORDER_TYPES,
    RANGE_DECIDES,
    SAME_CLOSE,
    TIFS,
    WHOLE_BAR,
)
from backsweep.engine.profiles import PROFILES
from backsweep.metrics.summary import ALL_METRICS
from backsweep.sweepfile.rules import RULES
from backsweep.sweepfile.search import SAMPLERS
from backsweep.sweepfile.section import Section
from generate import FOLDER, PAGES, python, strategy, sweep_file


def page(name):
    return (FOLDER / name).read_text()


WEIGHT = r"(\d[\d,]*|under 1) MB|\d+ packages"  # of what is installed, which differs with the machine


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_command_writes_today(name):
    now, then = (re.sub(WEIGHT, "N MB", text) for text in (PAGES[name](), page(name)))
    assert now == then, "run `make docs`"


def test_the_folder_has_no_other_page():
    assert {path.name for path in FOLDER.iterdir()} == {*PAGES}


@pytest.mark.parametrize("name", PAGES)
def test_a_link_inside_a_page_leads_to_a_heading(name):
    headings = re.findall(r"(?m)^#+ (.*)$", page(name))
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", page(name))) <= anchors


def sections(base):
    """List the sections that extend `base`, and those that extend them."""
    return [each for child in base.__subclasses__() for each in (child, *sections(child))]


MADE = {"Constraint", "TrialSpec"}  # made from a sweep file, and no part of one
WRITTEN = [
    each
    for each in sections(Section)
    if each.__module__.startswith("backsweep.sweepfile") and each.__name__ not in MADE
]


@pytest.mark.parametrize("section", WRITTEN, ids=lambda each: each.__name__)
def test_every_key_of_the_schema_has_a_description(section):
    assert set(section.model_fields) - {"kind"} <= set(sweep_file.describe_fields(section))


def test_every_key_profile_sampler_and_rule_stands_in_the_page():
    text = page("sweep-file.md")
    words = {*PROFILES, *SAMPLERS, *(key for section in WRITTEN for key in section.model_fields)} - {"kind"}
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []
    assert all((rule.__doc__ or "").startswith("Refuse ") for rule in RULES)


def test_every_metric_stands_in_the_page():
    assert re.findall(r"(?m)^\| `(\w+)`", page("metrics.md")) == [*ALL_METRICS]


def test_every_command_and_option_stands_in_the_page():
    commands = typer.main.get_command(app).commands
    for name, command in commands.items():
        part = page("commands.md").partition(f"## backsweep {name}\n")[2].partition("\n## ")[0]
        for option in command.params:
            for word in option.opts if option.param_type_name == "option" else [option.metavar]:
                assert word in part


@pytest.mark.parametrize("line", re.findall(r"(?m)^    (backsweep .*)$", page("commands.md")))
def test_an_example_of_a_command_can_be_read(line, monkeypatch):
    """The words of an example are a command with its options; running them is the business of tests/cli."""
    if "[OPTIONS]" in line:
        return
    monkeypatch.chdir(Path(__file__).parents[2])
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|[^\s>]+', line.partition(" > ")[0])][1:]
    command = typer.main.get_command(app).commands[words[0]]
    assert command.make_context(words[0], words[1:]).params


FILL_AT = {NEXT_OPEN: "at the next open", SAME_CLOSE: "at the close of the decision", NEXT_CLOSE: "at the next close"}
SEQUENCE = {EXITS_FIRST: "exits first", AS_SUBMITTED: "market orders as submitted", ALL_AS_SUBMITTED: "as submitted"}
TRIGGER = {WHOLE_BAR: "the whole bar", CLOSE_ONLY: "the close alone"}
AT_OPEN = {OPEN_DECIDES: "the target", RANGE_DECIDES: "the stop"}


@pytest.mark.parametrize(("name", "profile"), PROFILES.items(), ids=str)
def test_the_table_of_profiles_has_their_choices(name, profile):
    page = (FOLDER.parent / "execution.md").read_text()
    cells = re.search(rf"(?m)^\| `{name}` \|(.*)\|$", page)[1].split("|")
    fill, _, sequence, sees, beyond = (cell.strip() for cell in cells)
    assert (fill, sequence, sees) == (FILL_AT[profile.fill_at], SEQUENCE[profile.sequence], TRIGGER[profile.trigger])
    assert beyond == (AT_OPEN[profile.target_at_open] if profile.trigger == WHOLE_BAR else "")


def test_the_pages_name_every_order_type_time_in_force_and_profile():
    strategy, execution = ((FOLDER.parent / name).read_text() for name in ("strategy.md", "execution.md"))
    assert [name for name in (*ORDER_TYPES, *TIFS) if f"`{name.upper()}`" not in strategy] == []
    assert [name for name in PROFILES if f"| `{name}` |" not in execution] == []


def test_the_page_has_what_a_strategy_can_name():
    """Every view, field and method of the broker's module, and what the package exports for strategies."""
    text = page("strategy.md")
    for view in (bs.Data, bs.Bar, bs.Context, bs.Position, bs.Order):
        assert f"## {view.__name__}\n" in text
        assert [name for name in strategy.fields(view) if f"- `{name}`" not in text] == []
    assert [name for name in strategy.methods(bs.Broker) if f"### broker.{name}(" not in text] == []
    homes = {name: getattr(getattr(bs, name), "__module__", "") for name in bs.__all__}
    exported = [name for name, home in homes.items() if home.startswith("backsweep.strategy")]
    assert [name for name in exported if name not in text] == []
    codes = [name.upper() for name in (*ORDER_TYPES, *TIFS)]
    assert [name for name in codes if name not in bs.__all__ or f"`{name}`" not in text] == []


def test_the_page_has_what_a_program_can_name():
    """Every function that the package or its modules export, what a study and a result have, and every error."""
    text = page("python.md")
    functions = [
        f"bs.{name}" for name in bs.__all__ if getattr(getattr(bs, name), "__module__", "").startswith("backsweep.api")
    ]
    for module in (bs.metrics, bs.statistics):
        functions += [f"bs.{module.__name__.partition('.')[2]}.{name}" for name in module.__all__ if name.islower()]
    assert len(functions) > 30
    assert [name for name in functions if f"### {name}(" not in text] == []
    for cls in (bs.Study, bs.Result):
        public = {name for name in dir(cls) if not name.startswith("_")} | {*inspect.get_annotations(cls)}
        part = text.partition(f"## {cls.__name__}\n")[2].partition("\n## ")[0]
        assert [name for name in public if f"`{name}`" not in part and f"`{name}(" not in part] == []
    assert [name for name in python.errors() if f"- `{name}`" not in text] == []
