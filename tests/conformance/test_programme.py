"""Every step of the programme against every peer, on the first of its scenarios; `make conformance` plays them all."""

import pytest

from sidebyside.programme import steps
from sidebyside.steps import Step
from sidebyside.table import is_here, lines

pytestmark = pytest.mark.conformance


@pytest.mark.slow
@pytest.mark.parametrize("step", steps(), ids=lambda step: step.title)
def test_every_fill_is_the_peers_fill(step: Step) -> None:
    absent = [peer for peer in step.peers if not is_here(peer)]
    if absent:
        pytest.skip(f"{', '.join(absent)} not installed here; `make conformance` installs the peers")
    if step.reason:
        pytest.skip(step.reason)
    for peer, line in lines(step, limit=1).items():
        assert line.good, f"{peer}: {line.agreed} of {line.fills} fills agree; {line.difference}"
