"""Torment studies and print what was tried and what survived: `make faults`, or `python tests/faults/run.py --quick`.

Every fault ends with the digest of the undisturbed study, or with an error that names the file; the exit code is 1
if one did not. `--seed` chooses other moments and places.
"""

from __future__ import annotations

import argparse
import errno
import logging
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from faults.damage import damage_files
from faults.fuzz_data import fuzz_data
from faults.fuzz_sweeps import fuzz_sweeps
from faults.sabotage import kill_drivers, refuse_steps
from faults.torment_drivers import jump_clocks, meet, stop_jobs, stop_runs
from faults.torment_folders import mutate_folders
from faults.torment_nodes import move_nodes
from faults.torment_workers import hang, hit_workers, kill, poison_workers, slow


def main():
    parser = argparse.ArgumentParser(description="Torment studies; print what was tried and what survived.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--only", default="", help="faults whose names hold this text")
    options = parser.parse_args()
    logging.getLogger("backsweep").setLevel(logging.ERROR)  # that a worker died is no news here
    share = 10 if options.quick else 1
    faults = {
        "sweep file": lambda home: fuzz_sweeps(home, 600 // share, options.seed),
        "data file": lambda home: fuzz_data(home, 250 // share, options.seed),
        "damaged file": lambda home: damage_files(home, 1200 // share, options.seed)[0],
        "changed folder": lambda home: mutate_folders(home, 400 // share, options.seed)[0],
        "disk full": lambda home: refuse_steps(home, share, errno.ENOSPC),
        "disk failing": lambda home: refuse_steps(home, share, errno.EIO),
        "driver killed": lambda home: kill_drivers(home, 100 // share, options.seed),
        "worker killed": lambda home: hit_workers(home, 200 // share, options.seed, kill),
        "worker hung": lambda home: hit_workers(home, 20 // share, options.seed, hang),
        "worker slow": lambda home: hit_workers(home, 20 // share, options.seed, slow),
        "worker leaks": lambda home: hit_workers(home, 20 // share, options.seed),
        "poisoned trial": poison_workers,
        "node removed": lambda home: move_nodes(home, 20 // share, options.seed),
        "drivers meet": lambda home: meet(home, 40 // share, options.seed),
        "clock jumps": lambda home: jump_clocks(home, 40 // share, options.seed),
        "run stopped": lambda home: stop_runs(home, max(1, 3 // share), options.seed),
        "job stopped": lambda home: stop_jobs(home, max(1, 3 // share), options.seed),
    }
    lost = 0
    print(f"{'fault':<16}{'where':<20}{'tried':>8}{'survived':>10}{'seconds':>9}")
    for fault, torment in faults.items():
        if options.only not in fault:
            continue
        begin = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as home:
                table = torment(home)
        except Exception:  # noqa: BLE001 - the other faults are tried all the same
            traceback.print_exc()
            table = {"broke off": [1, 0]}
        for where, (tried, survived) in table.items():
            print(f"{fault:<16}{where:<20}{tried:>8,}{survived:>10,}")
            lost += tried - survived
        tried, survived = (sum(row[i] for row in table.values()) for i in (0, 1))
        print(f"{fault:<16}{'':<20}{tried:>8,}{survived:>10,}{time.monotonic() - begin:>9.0f}\n", flush=True)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
