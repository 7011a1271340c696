"""Build the wheel and the source archive, check them, and run the demo from each in an environment of its own.

    make release-check                         every Python of 3.11, 3.12 and 3.13 that this machine has
    make release-check PYTHONS="3.11 3.13"     these

Each environment is made in a temporary folder, with a home folder of its own that is empty, and deleted afterwards: it
takes 900 MB, and a minute or two to fill. The demo there must leave the digest that it leaves everywhere else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUPPORTED = ("3.11", "3.12", "3.13")


def main(versions: list[str]) -> int:
    """Check the release for these versions of Python; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="backsweep-release-") as name:
        work = Path(name)
        wheel, archive = build(work / "dist")
        check_contents(wheel, archive)
        found = {version: python for version in versions if (python := find_python(version))}
        missing = [version for version in versions if version not in found]
        for version in missing:
            print(f"Python {version}: not on this machine, not checked")
        sweeps = unpack(archive, work) / "sweeps"
        digests = {}
        for version, python in found.items():
            for artefact in (wheel, archive):
                digests[version, artefact.name] = try_out(python, artefact, sweeps, work)
    if not found or len(set(digests.values())) != 1:
        print("the demo's digest differs" if found else "no Python to check with")
        return 1
    print(f"release-check: {len(digests)} installations of {len(found)} Pythons, one digest: {digests.popitem()[1]}")
    return 0


def build(dist: Path) -> tuple[Path, Path]:
    """Build the source archive, and the wheel from it; both pass Twine's checks."""
    say("building")
    run([sys.executable, "-m", "build", "--outdir", str(dist), str(ROOT)], PIP_CONSTRAINT=str(ROOT / "constraints.txt"))
    (wheel,), (archive,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    run([sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(archive)])
    return wheel, archive


def check_contents(wheel: Path, archive: Path) -> None:
    """Compare what the wheel and the source archive hold with the files of the repository."""
    tracked = run(["git", "-C", str(ROOT), "ls-files"]).split()
    package = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if ".dist-info/" not in name}
    if held != package | {"backsweep/constraints.txt"}:
        sys.exit(f"the wheel has other files than the sources: {sorted(held ^ package)}")
    with tarfile.open(archive) as opened_archive:
        packed = {name.partition("/")[2] for name in opened_archive.getnames()}
    if left_out := {*tracked} - packed:
        sys.exit(f"the source archive leaves out: {sorted(left_out)}")
    print(f"{wheel.name}: {len(held)} files, {wheel.stat().st_size / 1e6:.1f} MB")
    print(f"{archive.name}: {len(packed)} files, {archive.stat().st_size / 1e6:.1f} MB")


def find_python(version: str) -> str | None:
    """Return an interpreter of a version: on the path, or one that pyenv keeps."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = [shutil.which(f"python{version}", path=folder) for folder in os.get_exec_path()]
    for candidate in [*filter(None, on_path), *(str(path) for path in sorted(kept.glob(f"{version}.*/bin/python")))]:
        asked = [candidate, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip() == version:
            return candidate
    return None


def unpack(archive: Path, work: Path) -> Path:
    """Unpack the source archive; returns its folder."""
    with tarfile.open(archive) as opened:
        opened.extractall(work / "source", filter="data")
    return next((work / "source").iterdir())


def try_out(python: str, artefact: Path, sweeps: Path, work: Path) -> str:
    """Install into an empty environment, and run the demo there in an empty home; returns the study's digest."""
    place = work / "try"
    home, began = place / "home", time.monotonic()
    home.mkdir(parents=True)
    shutil.copytree(sweeps, place / "sweeps")
    environment = {"HOME": str(home), "PATH": f"{place}/venv/bin:/usr/bin:/bin"}
    pins = str(ROOT / "constraints.txt")
    version = run([python, "--version"]).strip()
    say(f"{version}: installing {artefact.name}")
    run([python, "-m", "venv", str(place / "venv")])
    pip = [str(place / "venv" / "bin" / "python"), "-m", "pip"]
    run([*pip, "install", "-q", "--no-compile", "-c", pins, str(artefact)], PIP_CONSTRAINT=pins)
    run([*pip, "check"])
    size = sum(path.stat().st_size for path in (place / "venv").rglob("*") if path.is_file() and not path.is_symlink())
    say(f"{version}: running the demo")
    command = str(place / "venv" / "bin" / "backsweep")
    shown = run([command, "--version"], alone=environment, folder=place)
    run([command, "check", "sweeps/demo.yaml"], alone=environment, folder=place)
    run([command, "run", "sweeps/demo.yaml"], alone=environment, folder=place)
    run([command, "report", "studies/demo"], alone=environment, folder=place)
    digest = run([command, "show", "studies/demo", "--hash"], alone=environment, folder=place).strip()
    shutil.rmtree(place)
    took = time.monotonic() - began
    print(f"{version}: {shown.strip()} of {artefact.name}, {size / 1e6:.0f} MB, {took:.0f} s, digest {digest}")
    return digest


def run(words: list[str], *, alone: dict[str, str] | None = None, folder: Path = ROOT, **variables: str) -> str:
    """Run a program, in an environment `alone` or in this one with `variables`; returns what it prints."""
    environment = alone or {**os.environ, **variables}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def say(text: str) -> None:
    """Print what begins."""
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    unknown = [version for version in sys.argv[1:] if not re.fullmatch(r"3\.\d+", version)]
    sys.exit(f"no version of Python: {', '.join(unknown)}" if unknown else main(sys.argv[1:] or [*SUPPORTED]))
