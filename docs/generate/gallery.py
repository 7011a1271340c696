"""Pictures of reports: their pages in headless Chromium, cut to the sections that a picture shows, as PNG.

PYTHONPATH=docs python -m generate.gallery studies docs/pictures     draws those of docs/gallery.md
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LARGEST = 200_000
"""Bytes of a picture, so that pages load quickly."""

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--virtual-time-budget=20000",
)
_CUT = """<script>
for (const section of document.querySelectorAll("section"))
  section.hidden = !{sections}.some((name) => section.querySelector("h2").textContent.startsWith(name));
for (const title of document.querySelectorAll("h3")) {{
  if (!{without}.includes(title.textContent)) continue;
  for (let next = title; next && (next === title || next.tagName !== "H3"); next = next.nextElementSibling)
    next.hidden = true;
}}
document.documentElement.style.overflow = "hidden";
</script></body>"""


_LONG = ("All trials, test segments",)
_SHOWN = ("Equity and drawdown", "Rolling Sharpe ratio")
_LATER = ("Months", "Years", "Worst drawdowns", "Rolling Sharpe ratio")


@dataclass(frozen=True)
class Picture:
    """A picture of a page: its name, the page, which sections it shows, which parts of these not, and its size."""

    name: str
    page: str
    sections: tuple[str, ...]
    without: tuple[str, ...] = ()
    width: int = 960
    height: int = 1000
    dark: bool = False


PICTURES = (
    Picture("report", "walk-forward/report.html", ("Verdict", "Out of sample"), (*_LONG, *_LATER), height=1300),
    Picture("study", "demo/report.html", ("Verdict",), height=800),
    Picture("study-parameters", "demo/report.html", ("Parameters",), ("Importances",), height=1050),
    Picture("walk-forward", "walk-forward/report.html", ("Out of sample",), _SHOWN, height=1350, dark=True),
    Picture("comparison", "comparison.html", ("Verdict", "The same sessions"), height=1470),
)


def draw(picture: Picture, folder: Path, target: Path) -> Path:
    """Write a picture of a page below `folder` into `target`; returns where it is."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    page = (folder / picture.page).read_text(encoding="utf-8")
    file = (target / f"{picture.name}.png").resolve()
    with tempfile.TemporaryDirectory() as scratch:
        cut = Path(scratch) / "page.html"
        script = _CUT.format(sections=list(picture.sections), without=list(picture.without))
        cut.write_text(page.replace("</body>", script), encoding="utf-8")
        command = [
            *(chromium, *_FLAGS, *(["--force-dark-mode"] if picture.dark else [])),
            f"--user-data-dir={scratch}/profile",
            f"--window-size={picture.width},{picture.height}",
            f"--screenshot={file}",
            cut.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=180)  # noqa: S603 - a program of this machine
    return file


def main(folder: Path, target: Path) -> int:
    """Draw all pictures; returns the exit code: 1 where one is too large."""
    files = [draw(picture, folder, target) for picture in PICTURES]
    sizes = {file: file.stat().st_size for file in files}
    large = {file: size for file, size in sizes.items() if size > LARGEST}
    sys.stderr.writelines(f"{file}: {size:,} bytes, more than {LARGEST:,}\n" for file, size in large.items())
    return int(bool(large))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
