from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from backsweep.errors import StudyConflict
from backsweep.storage.local import LocalFiles
from backsweep.storage.open import open_files
from backsweep.storage.sealed import sealed
from backsweep.study.results.study import open_study
from backsweep.study.store import lease as lease_module
from backsweep.study.store.lease import Holder, Lease


@pytest.fixture
def claim(tmp_path):
    """Put a claim of a process that is described by changes of this one."""

    def put(**changes):
        path = tmp_path / "lease" / "claim-7.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(sealed(asdict(replace(Holder.here(), **changes))))
        return path

    return put


def quick(folder):
    return Lease(open_files(folder), beat=0.05, patience=0.4)


def test_a_lease_leaves_nothing_and_can_be_taken_again(tmp_path):
    for _ in range(2):
        with quick(tmp_path) as lease:
            lease.check()
            assert len(list((tmp_path / "lease").iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_is_told_who_holds_the_study(tmp_path):
    message = (
        rf"another run is working on this study\n +found: +process {os.getpid()} on .+\n +remedy: +wait until it ends"
    )
    with quick(tmp_path) as first:
        held = set(lease_module._HELD)
        with pytest.raises(StudyConflict, match=message), quick(tmp_path):
            pass
        assert held == lease_module._HELD
        first.check()


def test_the_claim_of_a_dead_process_here_is_taken_over_at_once(tmp_path, claim, monkeypatch):
    monkeypatch.setattr("backsweep.study.store.lease.time.sleep", lambda _: pytest.fail("it waits"))
    gone = {"pid": 2**22 + 1}  # no such process
    for changes in (gone, {**gone, "started": 0}, {**gone, "started": 1}, {"started": 12345}):  # or it is another
        old = claim(**changes)
        with Lease(open_files(tmp_path)):
            assert not old.exists()


def test_a_claim_of_this_process_that_could_not_be_removed_does_not_hold(tmp_path, claim):
    claim()
    with quick(tmp_path) as lease:
        lease.check()


def test_a_process_that_is_gone_or_whose_start_is_unknown_is_not_alive():
    gone = replace(Holder.here(), pid=2**22 + 1)  # beyond the largest number of a process on Linux
    assert lease_module._started(gone.pid) == 0
    assert not gone.is_alive
    assert not replace(gone, started=0).is_alive


def test_a_claim_from_elsewhere_is_taken_over_when_nobody_touches_it(tmp_path, claim):
    old = claim(host="elsewhere")
    begin = time.monotonic()
    with quick(tmp_path) as lease:
        assert time.monotonic() - begin >= 0.4
        assert not old.exists()
        lease.check()


def test_a_claim_from_elsewhere_that_is_touched_holds_whatever_the_clocks_say(tmp_path, claim, monkeypatch):
    path = claim(host="elsewhere", since="1970-01-01")
    moments = iter([0, 2**60, *[5] * 100])
    monkeypatch.setattr(LocalFiles, "touched", lambda *_: next(moments))
    with pytest.raises(StudyConflict, match="on elsewhere, since 1970-01-01"), quick(tmp_path):
        pass
    assert path.exists()


def test_a_claim_that_cannot_be_read_is_watched(tmp_path, claim):
    claim().write_text("{")
    with quick(tmp_path) as lease:
        lease.check()


def test_a_holder_that_beats_is_not_taken_over_by_a_run_that_cannot_see_it(tmp_path, monkeypatch):
    with quick(tmp_path) as first:
        monkeypatch.setattr(lease_module, "_place", lambda: "another machine")
        with pytest.raises(StudyConflict, match="another run is working"), quick(tmp_path):
            pass
        first.check()


def test_a_run_that_was_taken_over_may_not_commit(tmp_path, claim):
    with quick(tmp_path) as lease:
        claim()
        with pytest.raises(StudyConflict, match="another run has taken this study over"):
            lease.check()


def test_one_of_many_runs_that_take_over_at_once_wins(tmp_path, claim):
    claim(pid=2**22 + 1)
    code = (
        "import sys, time; from backsweep.errors import StudyConflict\n"
        "from backsweep.storage.open import open_files; from backsweep.study.store.lease import Lease\n"
        "sys.stdin.readline()\n"
        "try:\n"
        f"    with Lease(open_files({str(tmp_path)!r})) as lease:\n"
        "        time.sleep(2); lease.check(); print('held')\n"
        "except StudyConflict: print('told')\n"
    )
    runs = [
        subprocess.Popen(  # noqa: S603 - the code above
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    time.sleep(1.5)  # all have imported what they need
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    answers = sorted(run.communicate(timeout=30)[0].strip() for run in runs)
    assert answers == ["held", "told", "told", "told"]


def test_two_runs_of_one_study_cannot_both_commit(bench, make_backend):
    sweep = bench.sweep(trials=48)

    class Nosy(make_backend):
        """Tries to run the same study while it runs."""

        refused = 0

        def wait(self, timeout):
            with pytest.raises(StudyConflict, match="another run is working on this study"):
                bench.run("study", sweep)
            self.refused += 1
            return super().wait(timeout)

    backend = Nosy()
    bench.run("study", sweep, backend)
    assert backend.refused > 3
    bench.run("alone", sweep)
    assert open_study(bench.folder / "study").digest() == open_study(bench.folder / "alone").digest()


def test_of_two_runs_that_begin_one_study_the_second_is_refused(bench, make_backend):
    sweep = bench.sweep(trials=16)

    class Late(make_backend):
        """Loads so long that another run begins and ends the study meanwhile."""

        def start(self, spec):
            bench.run("study", sweep)
            return super().start(spec)

    with pytest.raises(StudyConflict, match="another run has just started a study here"):
        bench.run("study", sweep, Late())
    assert open_study(bench.folder / "study").state.done == 16
