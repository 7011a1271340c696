"""zipline: fills at the close of the next bar, in parts by a share of its volume; whole units, and no check of cash.

It needs an older pandas than vectorbt, so it runs in an environment of its own, `.venv-zipline`, and is spoken to in
lines of JSON: one process serves every scenario.
"""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
from typing import Any

import numpy as np

from sidebyside.fills import Fill
from sidebyside.scenario import CANCEL, CLOSE, ORDER, TARGET_PERCENT, TARGET_VALUE, Scenario
from sidebyside.series import PROJECT

PYTHON = PROJECT / ".venv-zipline" / "bin" / "python"
WORKER = PROJECT / "tests" / "conformance" / "zipline_worker.py"
WORDS = {
    ORDER: "order",
    CLOSE: "close",
    CANCEL: "cancel",
    TARGET_PERCENT: "target_percent",
    TARGET_VALUE: "target_value",
}


def play(scenario: Scenario) -> list[Fill]:
    """Return the fills of zipline."""
    worker = _worker()
    print(json.dumps(_described(scenario)), file=worker.stdin, flush=True)
    return [Fill(*fill) for fill in json.loads(worker.stdout.readline())]


@functools.cache
def _worker() -> subprocess.Popen[str]:
    worker = subprocess.Popen([PYTHON, "-I", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(_dismiss, worker)
    return worker


def _dismiss(worker: subprocess.Popen[str]) -> None:
    worker.stdin.close()
    worker.wait()
    worker.stdout.close()


def _described(scenario: Scenario) -> dict[str, Any]:
    volumes = scenario.traded_volumes[:, :, None]
    intents: dict[int, list[tuple[int, str, float, float | None, float | None]]] = {}
    for asset, bar in np.argwhere(scenario.intents[:, :, 0] > 0.0):
        kind, quantity, limit, stop = scenario.intents[asset, bar, :4]
        row = (int(asset), WORDS[int(kind)], _given(quantity), _given(limit), _given(stop))
        intents.setdefault(int(bar), []).append(row)
    return {
        "bars": np.concatenate([scenario.bars, volumes], axis=2).tolist(),
        "cash": scenario.account["cash"],
        "costs": scenario.costs,
        "volume_share": scenario.volume_share,
        "intents": intents,
    }


def _given(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
