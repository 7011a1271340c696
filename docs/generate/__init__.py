"""The pages of docs/reference, written from the code: `make docs`."""

from pathlib import Path

from generate import commands, dependencies, metrics, python, strategy, sweep_file

FOLDER = Path(__file__).parents[1] / "reference"
NOTE = "<!-- Written by `make docs` from the code: change it there. -->\n"

PAGES = {
    "commands.md": lambda: NOTE + commands.write(),
    "dependencies.md": lambda: NOTE + dependencies.write(),
    "metrics.md": lambda: NOTE + metrics.write(),
    "python.md": lambda: NOTE + python.write(),
    "strategy.md": lambda: NOTE + strategy.write(),
    "sweep-file.md": lambda: NOTE + sweep_file.write(),
}
"""The pages by name, and what returns their text."""
