"""README and docs, and the files that they print as examples."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = "\n".join(page.read_text() for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))))


def examples():
    """Return the text of each example file by its path below `sweeps`."""
    blocks = re.findall(r"    # sweeps/(\S+)\n((?:    .*\n|\n)+)", TEXT)
    return {name: "\n".join(line[4:] for line in body.split("\n")) for name, body in blocks}
