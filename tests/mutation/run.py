"""Make small wrong changes of the code and print which of them no quick test notices: `make mutation`.

Mutants of the engine, metrics, statistics, folds, selection, the study's folder and the checks are sampled with a seed.
Each is tried in a copy of the tree: the tests of its module run, those of its own name first, up to the first failure.
What changes nothing that can be observed stands in `equivalent.toml`, with the reason, and is not run. The exit code is
1 if fewer than 95 % of the others were noticed.

    python tests/mutation/run.py --number 120 --seed 1 --only statistics/bootstrap

Why not a tool that exists: mutmut 3 (BSD, maintained) writes all mutants of a function beside it and chooses one when
it is called, by the environment; Numba would compile that choice, or fail. cosmic-ray (MIT, maintained) changes a file
as we do, but brings SQLAlchemy, GitPython and aiohttp, keeps its sessions in a database, drops no statement and swaps
no arguments. What is left to write is a visitor of the syntax tree and a call of pytest.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from campaign import main

if __name__ == "__main__":
    sys.exit(main())
