"""The gallery has its pictures, small enough to load, and they are drawn from pages of reports."""

import shutil
import struct
from pathlib import Path

import pytest

from generate.gallery import LARGEST, PICTURES, Picture, draw

DOCS = Path(__file__).parents[2] / "docs"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PAGE = """<!DOCTYPE html><html><style>* { margin: 0 } section { height: 100px; background: COLOUR }</style><body>
<section><h2>Verdict</h2></section><section><h2>Trials</h2></section></body></html>"""


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_of_the_gallery_is_there_small_and_of_its_size(picture):
    content = (DOCS / "pictures" / f"{picture.name}.png").read_bytes()
    assert len(content) <= LARGEST
    assert struct.unpack(">II", content[16:24]) == (picture.width, picture.height)
    assert f"](pictures/{picture.name}.png)" in (DOCS / "gallery.md").read_text()


def test_there_is_no_picture_that_nothing_draws():
    assert {path.stem for path in (DOCS / "pictures").glob("*.png")} == {picture.name for picture in PICTURES}


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_picture_shows_the_sections_that_it_names_alone(tmp_path):
    sizes = {}
    for name, colour in (("plain", "white"), ("marked", "linear-gradient(red, blue)")):
        (tmp_path / f"{name}.html").write_text(PAGE.replace("COLOUR", colour))
        for sections in (("Verdict",), ("Nothing",)):
            picture = Picture(f"{name}-{sections[0]}", f"{name}.html", sections, width=600, height=300)
            sizes[name, sections[0]] = len(draw(picture, tmp_path, tmp_path).read_bytes())
    assert sizes["plain", "Nothing"] == sizes["marked", "Nothing"]
    assert sizes["marked", "Verdict"] > sizes["plain", "Verdict"] > sizes["plain", "Nothing"]
