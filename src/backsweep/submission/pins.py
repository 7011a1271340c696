"""The pinned versions: found here; checked on the cluster (`python -m backsweep.submission.pins FILE`) or installed.

Another version of what computes gives other digits. What depends on backsweep directly is checked; what it pulls in
only has to work, and is installed with it at its pinned version.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from backsweep.errors import BadInput

_LINE = re.compile(r"([A-Za-z0-9._-]+)==([^\s;#]+)")


def read_pins() -> dict[str, str]:
    """Read constraints.txt, which lies in the package or at the root of its repository: name to version."""
    package = Path(__file__).parent.parent
    for path in (package / "constraints.txt", package.parent.parent / "constraints.txt"):
        if path.is_file():
            return parse_pins(path.read_text(encoding="utf-8"))
    raise BadInput(
        "the pinned versions are missing",
        where=str(package),
        expected="constraints.txt in the package or at the root of its repository",
        remedy="install backsweep again",
    )


def parse_pins(text: str) -> dict[str, str]:
    """Read lines `name==version`: canonical name to version."""
    return {canonical(name): version for name, version in _LINE.findall(re.sub(r"(?m)#.*", "", text))}


def direct_pins() -> dict[str, str]:
    """Return the pinned versions of what backsweep names as its dependencies."""
    pins = read_pins()
    return {name: pins[name] for name in sorted(_requirements("backsweep", ())) if name in pins}


def all_pins() -> dict[str, str]:
    """Return the pinned versions of all that a node needs: the dependencies, object stores, and what these pull in."""
    pins = read_pins()
    found: set[str] = set()
    waiting = [(name, ("default",) if name == "ray" else ()) for name in _requirements("backsweep", ("cloud",))]
    while waiting:
        name, extras = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [(other, ()) for other in _requirements(name, extras)]
    return {name: pins[name] for name in sorted(found) if name in pins}


def differences(pins: dict[str, str]) -> list[str]:
    """Compare pinned versions with those of this process: one text per package that differs."""
    result = []
    for name, wanted in pins.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "not installed"
        if found != wanted:
            result.append(f"{name} {wanted} is pinned, {found}")
    return result


def canonical(name: str) -> str:
    """Write a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(package: str, extras: tuple[str, ...]) -> set[str]:
    """Return the names of what an installed package requires here, with these of its extras."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - not needed on the cluster

    try:
        listed = [Requirement(text) for text in metadata.requires(package) or ()]
    except metadata.PackageNotFoundError:
        return set()
    wanted = [{"extra": extra} for extra in ("", *extras)]
    return {
        canonical(one.name)
        for one in listed
        if one.marker is None or any(one.marker.evaluate(environment) for environment in wanted)
    }


def main(path: str) -> int:
    """Check this node against a file of pins; returns the exit code of the command line."""
    found = differences(parse_pins(Path(path).read_text(encoding="utf-8")))
    if found:
        error = BadInput(
            "this node has other versions than those that are pinned",
            where=sys.prefix,
            found="; ".join(found),
            remedy="install constraints.txt on every node, or submit with --install",
        )
        sys.stderr.write(f"error: {error}\n")
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
