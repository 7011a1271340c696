"""What `make conformance` installs."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def pinned(file: str) -> set[str]:
    lines = (ROOT / file).read_text().splitlines()
    return {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}


def test_no_package_is_pinned_twice_in_one_environment() -> None:
    assert not pinned("constraints.txt") & pinned("constraints-conformance.txt")
