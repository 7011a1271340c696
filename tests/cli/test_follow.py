"""The page of a growing study, served to this machine alone."""

import re
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection
from types import SimpleNamespace

import pytest

from backsweep.cli import follow
from backsweep.cli.follow import HERE, FollowedReport, serve
from backsweep.errors import StudyConflict
from backsweep.report.write import report_bytes
from backsweep.study.results.study import open_study

FEWER = {"trials": 16}


@pytest.fixture
def study(bench):
    bench.run("study", bench.sweep(**FEWER))
    return bench.folder / "study"


@pytest.fixture
def ask(study, monkeypatch):
    """Serve the study's page; returns what asks for a path of it, as another host or with another method if wanted."""
    monkeypatch.setattr(follow, "_SHARE", -1)  # rendered as often as it grows
    server = serve(FollowedReport(study), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    def asked(path, host=None, method="GET"):
        connection = HTTPConnection(HERE, server.server_port, timeout=30)
        connection.request(method, path, headers={"Host": host or f"{HERE}:{server.server_port}"})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content

    asked.port = server.server_port
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_page_is_served_anew_once_the_study_has_grown(ask, bench):
    status, before = ask("/")
    state = ask("/state")[1]
    assert status == 200
    assert re.search(r"<dt>complete</dt><dd>(\d+)", before)
    assert f'now !== "{state}"' in before
    assert "connect-src 'self'" in before
    assert ask("/state")[1] == state
    assert ask("/")[1] == before
    bench.run("study", bench.sweep(trials=32))
    grown = ask("/state")[1]
    assert grown != state
    after = ask("/")[1]
    assert "<dt>requested</dt><dd>32</dd>" in after
    assert f'now !== "{grown}"' in after


def test_a_page_that_takes_long_is_not_rendered_at_each_commit(study, bench, monkeypatch):
    """Rendering took one second, from 0 to 1: for five more seconds the page is the earlier one."""
    clock = [0.0, 0.0, 1.0]
    monkeypatch.setattr(follow, "time", SimpleNamespace(monotonic=lambda: clock.pop(0) if len(clock) > 1 else clock[0]))
    report = FollowedReport(study)
    bench.run("study", bench.sweep(trials=32))
    clock[:] = [5.9]
    assert "<dt>requested</dt><dd>16</dd>" in report.page().decode()
    clock[:] = [6.1]
    assert "<dt>requested</dt><dd>32</dd>" in report.page().decode()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil:{port}"]
)
def test_another_hosts_name_is_refused(ask, host):
    for path in ("/", "/state"):
        status, content = ask(path, host.format(port=ask.port))
        assert status == 403
        assert "Verdict" not in content


def test_localhost_is_this_host(ask):
    assert ask("/state", f"localhost:{ask.port}")[0] == 200


@pytest.mark.parametrize("path", ["/report.html", "/../study.json", "/state/", "/?a=1", "/%2e%2e/study.json"])
def test_there_is_nothing_else(ask, path):
    assert ask(path)[0] == 404
    assert ask("/", method="POST")[0] == 501


def test_only_this_machine_is_listened_to(study):
    with serve(FollowedReport(study), 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_study_that_is_moved_meanwhile_is_said_and_found_again(ask, study):
    state = ask("/state")[1]
    moved = study.rename(study.with_name("moved"))
    assert ask("/")[0] == 503
    moved.rename(study)
    assert ask("/state") == (200, state)


def test_there_must_be_a_study(tmp_path):
    with pytest.raises(StudyConflict):
        FollowedReport(tmp_path)


def test_a_page_in_a_file_asks_no_server(study):
    page = report_bytes(open_study(study)).decode().partition('id="plotly"')
    assert "connect-src" not in page[0]
    assert 'fetch("state"' not in page[2]


def test_the_command_serves_until_ctrl_c(study):
    arguments = [sys.executable, "-u", "-m", "backsweep", "report", str(study), "--follow"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours
    address = re.fullmatch(r"at http://127\.0\.0\.1:(\d+)/ until Ctrl-C\n", process.stdout.readline())
    connection = HTTPConnection(HERE, int(address[1]), timeout=30)
    connection.request("GET", "/")
    assert "<h2>Verdict</h2>" in connection.getresponse().read().decode()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "no longer served; a running study goes on\n"
    assert not (study / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [(("--follow", "--out", "a.html"), "--follow writes no file"), (("--port", "80"), "--port is of --follow")],
)
def test_options_that_do_not_go_together_are_refused(command, study, options, problem):
    code, _, err = command("report", study, *options)
    assert code == 2
    assert problem in err
