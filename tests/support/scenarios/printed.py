"""README and docs, and the code that they print.

A block whose first line is a comment with a path below `sweeps` is that file; the other blocks of a page are a script.
The page `extending` is left out: its files are of the package itself, and tests/docs/test_extending.py runs them there.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem != "extending"))
TEXT = "\n".join(page.read_text() for page in PAGES)


def examples():
    """Return the text of each file by its path below `sweeps`."""
    blocks = re.findall(r"(?ms)^```(?:python|yaml)\n(# sweeps/(\S+)\n.*?)^```", TEXT)
    return {name: text for text, name in blocks}


def scripts():
    """Return the Python of each page, from top to bottom, by the page's name."""
    pages = {page.stem: re.findall(r"(?ms)^```python\n(?!# sweeps/)(.*?)^```", page.read_text()) for page in PAGES}
    return {name: "\n".join(blocks) for name, blocks in pages.items() if blocks}
