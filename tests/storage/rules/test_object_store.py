"""A whole study in an object store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import obstore
import pytest
from fakes.s3_server import s3_content, s3_server
from obstore.store import from_url
from scenarios.toy_study import ToyBackend, run_toy

from backsweep.cli import main
from backsweep.errors import StudyConflict
from backsweep.storage.open import open_files
from backsweep.storage.sealed import sealed
from backsweep.study.results.study import open_study
from backsweep.study.store.lease import Holder, Lease
from backsweep.submission import transfer

pytestmark = pytest.mark.thorough


DEMO = Path(__file__).parents[3] / "sweeps" / "demo.yaml"
DRIVER = """
import sys
from scenarios.toy_study import run_toy
run_toy(sys.argv[2] + "/warm", home=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
run_toy(sys.argv[1], home=sys.argv[2], seconds=0.1)
"""


@pytest.fixture(scope="module", autouse=True)
def _s3():
    with s3_server():
        yield


@pytest.fixture
def url(tmp_path):
    return f"s3://bucket/{tmp_path.name}/study"


@pytest.fixture
def expected(tmp_path):
    run_toy(tmp_path / "whole")
    return open_study(tmp_path / "whole").digest()


def start(url, home):
    """Start a driver in a process of its own, which waits for a line when everything is loaded."""
    path = os.pathsep.join([str(Path(__file__).parents[2] / "support"), *sys.path])
    driver = subprocess.Popen(  # noqa: S603 - the code above
        [sys.executable, "-c", DRIVER, url, str(home)],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout.readline() == "ready\n"
    return driver


def go(driver):
    driver.stdin.write("go\n")
    driver.stdin.flush()


def committed(url):
    return len(open_files(url).names("manifest"))


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_study_in_a_store_has_the_hash_of_the_one_on_disk(url, tmp_path, expected):
    summary = run_toy(url, home=tmp_path)
    assert summary.path == url
    study = open_study(url)
    assert (study.digest(), study.path, len(study.sessions), study.state.done) == (expected, url, 6, 40)
    assert study.best["number"] == open_study(tmp_path / "whole").best["number"]
    assert run_toy(url, home=tmp_path).resumed == 40
    local = {str(path.relative_to(tmp_path / "whole")) for path in (tmp_path / "whole").rglob("*") if path.is_file()}
    inside = {name.removeprefix(f"{tmp_path.name}/study/") for name in s3_content(tmp_path.name)}
    assert {name[:20] for name in inside} == {name[:20] for name in local}  # the digests in the names know the time


def test_a_study_in_a_store_is_interrupted_extended_and_counted_beside_others(url, tmp_path, expected):
    class Interrupted(ToyBackend):
        def wait(self, timeout):
            if committed(url) == 2:
                raise KeyboardInterrupt
            return super().wait(timeout)

    with pytest.raises(KeyboardInterrupt):
        run_toy(url, home=tmp_path, backend=Interrupted())
    assert open_study(url).state.done == 16
    assert run_toy(url, home=tmp_path, trials=24).done == 24
    run_toy(url, home=tmp_path)
    assert open_study(url).digest() == expected
    run_toy(url.replace("/study", "/other"), "sobol", home=tmp_path)
    assert open_study(url).statistics.tried == 80


def test_a_driver_that_is_killed_resumes(url, tmp_path, expected):
    driver = start(url, tmp_path)
    go(driver)
    wait_for(lambda: committed(url) >= 2)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    assert 16 <= open_study(url).state.done < 40
    run_toy(url, home=tmp_path)
    assert open_study(url).digest() == expected
    assert open_files(url).names("lease") == []


def test_of_two_drivers_one_commits_and_the_other_is_told(url, tmp_path, expected):
    drivers = [start(url, tmp_path) for _ in range(2)]
    for driver in drivers:
        go(driver)
    errors = [driver.communicate()[1] for driver in drivers]
    told = [error for error in errors if "another run" in error]
    assert len(told) == 1
    assert sorted(driver.returncode for driver in drivers) == [0, 1], errors
    assert open_study(url).digest() == expected


def test_a_run_that_was_taken_over_cannot_commit(url, tmp_path, expected):
    class Slept(ToyBackend):
        """Is taken over after two batches by a run elsewhere, which commits two more and ends."""

        def wait(self, timeout):
            if committed(url) == 2:
                files = open_files(url)
                for name in files.names("lease"):
                    files.remove(name)
                run_toy(url, home=tmp_path, trials=32)
            return super().wait(timeout)

    with pytest.raises(StudyConflict, match="another run has"):
        run_toy(url, home=tmp_path, backend=Slept())
    run_toy(url, home=tmp_path)
    assert open_study(url).digest() == expected


def test_a_claim_from_elsewhere_is_watched(url):
    files = open_files(url)
    elsewhere = sealed(asdict(replace(Holder.here(), host="elsewhere")))
    files.put("lease/claim-7.json", elsewhere)
    with Lease(files, beat=0.2, patience=1.5) as lease:
        lease.check()
        assert files.names("lease") == ["lease/claim-8.json"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("backsweep.study.store.lease._place", lambda: "another machine")
            with pytest.raises(StudyConflict, match="another run is working on this study"):
                Lease(open_files(url), beat=0.2, patience=10).__enter__()


def test_a_study_in_a_store_is_carried_as_one_on_disk(url, tmp_path, capsys):
    run_toy(url, home=tmp_path)
    assert transfer.main(url, "8") == 0
    carried = capsys.readouterr().out
    assert transfer.receive([carried], tmp_path / "out").files < len(s3_content(f"{tmp_path.name}/study"))
    assert transfer.main(url) == 0
    carried = capsys.readouterr().out
    assert transfer.receive([carried], tmp_path / "out").files == len(s3_content(f"{tmp_path.name}/study"))
    assert open_study(tmp_path / "out").digest() == open_study(url).digest()
    assert transfer.main(f"{url}-none") == 2
    assert "no study here" in capsys.readouterr().err


def test_commands_take_the_url_of_a_study(url, tmp_path, capsys):
    run_toy(url, home=tmp_path)
    for arguments, said in (
        (["show", url], "40 of 40"),
        (["holdout", url, "--why", "to see"], f"{url}: the study has no holdout"),
        (["null", str(DEMO), "--out", f"{url}-none"], f"{url}-none: the study has not been run"),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        assert said in "".join(capsys.readouterr())


def test_a_damaged_object_is_an_error_that_names_it(url, tmp_path):
    run_toy(url, home=tmp_path)
    store = from_url("s3://bucket")
    for name, content in s3_content(f"{tmp_path.name}/study").items():
        for damaged in (content[:-1], content[:9] + bytes([content[9] ^ 4]) + content[10:]):
            obstore.put(store, name, damaged)
            with pytest.raises(StudyConflict, match=name):
                open_study(url).verify()
        obstore.put(store, name, content)
    assert open_study(url).state.done == 40
