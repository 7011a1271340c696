import subprocess
import sys

import numpy as np
import pytest

from backsweep.dataset.spec import DataSpec
from backsweep.errors import BadData, BadInput
from backsweep.runtime import make_backend
from backsweep.runtime.inline import InlineBackend
from backsweep.trial.exchange import Chunk
from backsweep.trial.spec import TrialSpec


def spec(strategy="good:Strategy"):
    return TrialSpec(data=DataSpec(bars="/nowhere.parquet"), strategy=strategy, params=("a",))


def test_a_chunk_is_evaluated_in_wait(fake, tmp_path):
    backend = InlineBackend(fake(str(tmp_path)))
    assert backend.start(spec()).assets == ("A", "B")
    assert backend.wait(0.1) == []
    assert backend.capacity() == 1
    backend.submit(Chunk(3, np.array([7, 8]), np.array([[1.5], [-1.0]])))
    assert backend.capacity() == 0
    (outcome,) = backend.wait(0.1)
    assert outcome.batch == 3
    assert outcome.metrics[:, 0].tolist() == [1.5, -1.0]
    assert outcome.errors == {8: "negative"}
    assert backend.wait(0.1) == []
    backend.close()
    backend.close()


def test_bad_data_is_raised_by_start(fake, tmp_path):
    with pytest.raises(BadData, match="prices are not positive"):
        InlineBackend(fake(str(tmp_path))).start(spec("bad:Data"))


def test_an_inline_backend_never_imports_ray():
    code = "import sys; from backsweep.runtime import make_backend as f; f('inline'); sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own code


@pytest.mark.parametrize(("name", "workers"), [("dask", 1), ("ray", 0), ("inline", -1)])
def test_an_unknown_backend_or_too_few_workers_is_bad_input(name, workers):
    with pytest.raises(BadInput, match=r"runtime\."):
        make_backend(name, workers)
