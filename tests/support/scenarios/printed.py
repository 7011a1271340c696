"""README and docs, and the files that they print as examples."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TEXT = "\n".join(page.read_text() for page in PAGES)


def scripts():
    """Return the Python of each page, from top to bottom, by a name of its own."""
    pages = {page.stem: re.findall(r"(?ms)^```python\n(.*?)^```", page.read_text()) for page in PAGES}
    return {f"page_{name.replace('-', '_').lower()}.py": "\n".join(texts) for name, texts in pages.items() if texts}


def examples():
    """Return the text of each example file by its path below `sweeps`."""
    blocks = re.findall(r"    # sweeps/(\S+)\n((?:    .*\n|\n)+)", TEXT)
    return {name: "\n".join(line[4:] for line in body.split("\n")) for name, body in blocks}
