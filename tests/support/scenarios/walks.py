"""Quick walk-forward studies on the data that ship."""

from __future__ import annotations

from pathlib import Path

import backsweep as bs

SWEEP = Path(__file__).parents[3] / "sweeps" / "walk_forward.yaml"
QUICK = ("runtime.workers=1", "runtime.backend=inline", "search.trials=24", "search.batch=8")


def run(folder, *overrides):
    """Run the study that ships, with few trials and what else is changed, into a folder."""
    return bs.run(SWEEP, out=folder / "study", overrides=(*QUICK, *overrides))
