"""Build the site: gather the pages as they lie in the repository, build them, and see that none loads from elsewhere.

PYTHONPATH=docs python -m generate.site build      writes build/site, of which index.html opens without a server
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGURATION = Path(__file__).with_name("zensical.toml")
SHIM = Path(__file__).with_name("iframe-worker.js")
SOURCES = (
    "*.md",
    "docs/**/*.md",
    "docs/**/*.svg",
    "docs/**/*.png",
    "docs/notebooks/*.py",
    "cluster/*.md",
    "sweeps/data/*.md",
    "tests/support/*.md",
)
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(https?:)?//|"""
    r"""<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon))[^>]*\bhref=["']?(?:https?:)?//|"""
    r"""@import\s+(?:url\()?["']?(?:https?:)?//|url\(["']?(?:https?:)?//"""
)


def main(folder: Path) -> int:
    """Build the site below `folder`; returns the exit code: 1 for a warning, or an address that a page loads."""
    shutil.rmtree(folder / "pages", ignore_errors=True)
    shutil.rmtree(folder / "site", ignore_errors=True)
    for pattern in SOURCES:
        for source in sorted(ROOT.glob(pattern)):
            target = folder / "pages" / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    shutil.copyfile(CONFIGURATION, folder / "zensical.toml")
    shutil.copyfile(SHIM, folder / "pages" / SHIM.name)
    program = str(Path(sys.executable).with_name("zensical"))
    built = subprocess.run([program, "build", "--strict"], cwd=folder, check=False)  # noqa: S603 - ours
    if built.returncode:
        return 1
    loads = find_loads(folder / "site")
    for line in loads:
        sys.stderr.write(f"{line}\n")
    return int(bool(loads))


def find_loads(site: Path) -> list[str]:
    """Return a line for each address outside of the site that a page or style sheet loads; links are none."""
    files = [path for path in sorted(site.rglob("*")) if path.suffix in {".html", ".css"}]
    return [f"{path}: {found[0]}" for path in files for found in LOADED.finditer(path.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
