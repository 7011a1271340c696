"""Write the pages of docs/reference."""

from generate import FOLDER, PAGES

FOLDER.mkdir(exist_ok=True)
for name, write in PAGES.items():
    (FOLDER / name).write_text(write())
