"""The reference of the command line: every command, its options and its examples."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import typer

from backsweep.cli import app

INTRODUCTION = """\
`backsweep COMMAND --help` shows the same, `backsweep --version` the version. `--debug`, anywhere on the line, shows the
traceback of an error. An option that is left out leaves what the sweep file says.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | the study ended with failed trials, or a bug |
| 2 | bad input: one message says what was expected, what was found, where, and the remedy |
| 130 | interrupted by Ctrl-C or SIGTERM, or paused by `runtime.time_limit`; the same command resumes |
"""

BAR = "\\|"  # in a table
KINDS = {int: "N", float: "X", str: "TEXT"}


def write() -> str:
    """Return the page."""
    commands = typer.main.get_command(app).commands
    return "\n".join(["# Commands", "", INTRODUCTION, *(_command(name, each) for name, each in commands.items())])


def _command(name: str, command: Any) -> str:
    about, _, examples = inspect.cleandoc(command.callback.__doc__).partition("For example:")
    usage = " ".join(each.metavar for each in command.params if each.param_type_name == "argument")
    options = [each for each in command.params if each.param_type_name == "option"]
    shown = re.findall(r"(?m)^ *- (.*)$", examples)
    lines = [f"## backsweep {name}", "", *_paragraphs(about), f"    backsweep {name} {usage} [OPTIONS]", ""]
    lines += ["| option | default | description |", "|---|---|---|", *map(_option, options), ""]
    return "\n".join([*lines, *(f"    {line}" for line in shown), ""])


def _paragraphs(text: str) -> list[str]:
    parts = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return [line for part in parts for line in (*textwrap.wrap(part, 120, break_on_hyphens=False), "")]


def _option(option: Any) -> str:
    help_text, _, default = option.help.partition("  [default: ")
    names = "`, `".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {option.metavar or _kind(option)}"
    shown = option.default if option.default is not None and not option.is_flag else None
    cell = default.rstrip("]") or ("needed" if option.required else "" if shown is None else f"`{shown}`")
    if option.multiple and "repeated" not in help_text:
        help_text = f"{help_text.rstrip('.')}; may be repeated."
    if option.envvar:
        help_text += f" Environment: `{option.envvar}`."
    return f"| `{names}{value.replace('|', BAR)}` | {cell} | {help_text} |"


def _kind(option: Any) -> str:
    kind = option.type_descriptor.annotation
    return KINDS.get(kind) or "|".join(str(choice) for choice in kind)
