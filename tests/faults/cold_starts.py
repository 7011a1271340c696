"""Run the demo with an empty home and an empty cache of compiled code, again and again, while the machine is busy.

`make cold-starts`, or `python tests/faults/cold_starts.py 5`. The driver and two workers begin on one empty cache at
once. A start is well if the demo ends with all its trials and the digest of the first one, and if a new process then
runs with what was kept. The exit code is 1 if one is not.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
BACKSWEEP = Path(sys.executable).with_name("backsweep")
MINUTES = 15  # for one command


def main() -> int:
    parser = argparse.ArgumentParser(description="Run cold demos under load; print how many of them were well.")
    parser.add_argument("starts", type=int, nargs="?", default=50)
    parser.add_argument("--trials", type=int, default=640, help="trials of each demo")
    options = parser.parse_args()
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    first, well = "", 0
    try:
        for number in range(1, options.starts + 1):
            begin = time.monotonic()
            answer, problem = start_cold(options.trials)
            first = first or answer
            if answer != first:
                problem = problem or f"the digest is {answer}, and not {first}"
            well += not problem
            print(f"{number:>3}  {time.monotonic() - begin:5.0f} s  {problem or 'well'}", flush=True)
    finally:
        busy.kill()
        busy.wait()
    print(f"{well} of {options.starts} cold starts were well")
    return int(well != options.starts)


def start_cold(trials: int) -> tuple[str, str]:
    """Run the demo in an empty home; returns the study's digest, or what went wrong."""
    with tempfile.TemporaryDirectory() as home:
        study = Path(home) / "study"
        demo = str(ROOT / "sweeps" / "demo.yaml")
        commands = (
            ["run", demo, "--trials", str(trials), "--out", str(study)],
            ["check", demo],
            ["show", str(study), "--hash"],
        )
        for command in commands:
            code, output = call(home, command)
            if code != 0 or "error" in output or (command[0] == "run" and f"{trials} of {trials} trials" not in output):
                return "", f"{command[0]}: exit {code}\n{output}"
        if list(Path(home).glob(".cache/backsweep/kernels-*/loops/*")) == []:
            return "", "nothing was kept"
        return output.strip(), ""


def call(home: str, command: list[str]) -> tuple[int, str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in {"NUMBA_CACHE_DIR", "XDG_CACHE_HOME"}
    }
    environment |= {"HOME": home}
    done = subprocess.run(  # noqa: S603 - the commands above
        [BACKSWEEP, *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60 * MINUTES,
        check=False,
    )
    return done.returncode, done.stdout if command[0] == "show" else done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
