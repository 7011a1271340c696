"""What the package imports is declared, and a run loads no more than it uses."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OTHERS = {"pandas"}  # imported only where the user hands over a frame of pandas, or asks for one


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported():
    """Return the top-level packages that the sources import, and one file that imports each."""
    found = {}
    for path in sorted((ROOT / "src" / "backsweep").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            found |= {name.partition(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return {name: file for name, file in found.items() if name not in {*sys.stdlib_module_names, "backsweep"}}


def declared():
    """Return the packages that the project names, in its dependencies and in the extras of users."""
    extras = {name: each for name, each in PROJECT["optional-dependencies"].items() if name not in {"dev", "docs"}}
    lines = [*PROJECT["dependencies"], *(line for each in extras.values() for line in each)]
    return {canonical(re.match(r"[\w.-]+", line)[0]) for line in lines}


def test_every_package_that_the_sources_import_is_declared():
    homes = metadata.packages_distributions()
    missing = {
        name: file
        for name, file in imported().items()
        if name not in OTHERS and not {canonical(home) for home in homes.get(name, [name])} & declared()
    }
    assert missing == {}


RUN = """
import sys
from pathlib import Path
import polars as pl
import backsweep as bs

folder = Path(sys.argv[1])
bars = pl.read_parquet(sys.argv[2]).head(200)
bars.write_parquet(folder / "bars.parquet")
(folder / "sweep.yaml").write_text('''
study: small
data: {bars: bars.parquet}
strategy: backsweep.strategies.moving_average_cross:MovingAverageCross
search: {sampler: auto, trials: 4, seed: 1}
''')
study = bs.run(folder / "sweep.yaml", backend="inline", out=folder / "study")
assert len(study.trials) == 4
study.backtest(0)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""

UNUSED = {
    "aiohttp", "exchange_calendars", "fastexcel", "ib_async", "jinja2", "obstore", "optuna", "pandas", "plotly",
    "pyarrow", "ray", "requests", "rich", "typer", "xlsxwriter",
}  # fmt: skip


def test_an_inline_study_and_a_backtest_load_nothing_that_they_do_not_use(tmp_path):
    data = ROOT / "sweeps" / "data" / "stocks_daily.parquet"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-W", "ignore", "-c", RUN, tmp_path, data],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},  # the compiler is not what is tested, and takes its time
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {*done.stdout.split()}
    assert {"backsweep", "numba", "polars", "pydantic"} <= loaded
    assert loaded & UNUSED == set()
