"""A file that is edited while a study runs."""

import os

import pytest
from scenarios.scripted import bars

from backsweep.dataset import DataSpec
from backsweep.errors import StrategyError
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.code import check_code, code_digests
from backsweep.trial.evaluate import make_evaluator

pytestmark = pytest.mark.long


FILES = {
    "mine.py": "import backsweep as bs\nimport helpers\n\nclass Mine(bs.Strategy):\n"
    "    def on_data(self, timestamp, data, context, broker):\n        pass\n",
    "helpers.py": "SIZE = 1.0\n",
    "fees.py": "import backsweep as bs\n\nclass Fee(bs.CommissionModel):\n    rate: float = bs.param(0.0, 0.01)\n\n"
    "    def charge(self, fill, bar):\n        return self.rate * fill.value\n",
}


@pytest.fixture(params=["shared", "sleeves"])
def spec(request, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    bars(*[[10.0, 11.0, 9.0, 10.0]] * 4).write_parquet(tmp_path / "bars.parquet")
    strategy = f"{tmp_path}/mine.py:Mine"
    fee = {"kind": "custom", "model": f"{tmp_path}/fees.py:Fee", "rate": 0.001}
    costs = CostsSpec.model_validate({"commission": fee})
    data = DataSpec.model_validate({"bars": str(tmp_path / "bars.parquet")})
    account = {"mode": request.param}
    return TrialSpec(data=data, strategy=strategy, account=account, costs=costs, code=code_digests(strategy, costs))


def load(spec):
    evaluator = make_evaluator(spec)
    evaluator.prepare()
    return evaluator


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_edited_since_the_run_began_is_refused_by_name_until_it_is_undone(spec, tmp_path, name):
    load(spec)
    (tmp_path / name).write_text(FILES[name] + "EDITED = 1\n")
    with pytest.raises(StrategyError, match=f"{name} has changed during the run"):
        load(spec)
    (tmp_path / name).write_text(FILES[name])
    load(spec)


def test_a_file_that_was_only_touched_is_as_it_was(spec, tmp_path):
    load(spec)
    os.utime(tmp_path / "helpers.py", ns=(1, 1))
    load(spec)


def test_nothing_is_compared_where_no_file_was_recorded(spec, tmp_path):
    (tmp_path / "helpers.py").write_text("EDITED = 1\n")
    check_code(spec.model_copy(update={"code": ()}))
