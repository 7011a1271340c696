"""The client against an HTTP server that answers as a Ray job server does; the real one is in tests/submission."""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from backsweep.errors import BacksweepError, BadInput
from backsweep.runtime import ray_jobs
from backsweep.runtime.ray_jobs import Job, JobServer, find_token

TOKEN = "f" * 64


class _Handler(BaseHTTPRequestHandler):
    def _answer(self, code, content):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _serve(self):
        state = self.server.state
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        given = self.headers.get("Authorization")
        state["seen"].append((self.command, self.path, given))
        if state["token"] and given is None:
            return self._answer(401, b"Unauthorized: Missing authentication token")
        if state["token"] and given != f"Bearer {state['token']}":
            return self._answer(403, b"Forbidden: Invalid authentication token")
        if state.get("endless") == self.path.rpartition("/")[2]:
            return self._send_without_end()
        if self.path == "/api/version":
            return self._answer(200, {"version": "4", "ray_version": "2.60.0", "ray_commit": "", "session_name": ""})
        if self.command == "POST" and self.path == "/api/jobs/":
            name = json.loads(body)["submission_id"]
            if name in state["jobs"]:
                return self._answer(400, f"ValueError: Job with submission_id {name} already exists.".encode())
            state["jobs"][name] = "RUNNING"
            return self._answer(200, {"job_id": name, "submission_id": name})
        name = self.path.split("/")[3]
        if name not in state["jobs"]:
            return self._answer(404, f"Job {name} does not exist".encode())
        if self.path.endswith("/stop"):
            state["jobs"][name] = "STOPPED"
            return self._answer(200, {"stopped": True})
        details = {"type": "SUBMISSION", "entrypoint": "true", "status": state["jobs"][name], "submission_id": name}
        return self._answer(200, details)

    def _send_without_end(self):
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b"x" * self.server.state["piece"])
                time.sleep(self.server.state["pause"])

    do_GET = do_POST = _serve  # noqa: N815 - the names that the base class calls

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.state = {"token": TOKEN, "jobs": {}, "seen": []}
    http.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield http
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(autouse=True)
def token(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    return path


def test_a_job_is_submitted_once_looked_up_and_stopped(server):
    jobs = JobServer(server.address + "/")
    assert jobs.job("toy-1") is None
    assert jobs.submit("toy-1", "true", {}, {}) is True
    assert jobs.submit("toy-1", "true", {}, {}) is False
    assert jobs.job("toy-1") == Job("RUNNING", None, "")
    assert not jobs.job("toy-1").ended
    assert jobs.stop("toy-1") is True
    assert jobs.job("toy-1").ended


def test_the_token_goes_into_a_header_and_the_first_question_is_asked_without(server):
    JobServer(server.address).job("toy")
    assert server.state["seen"][0] == ("GET", "/api/version", None)
    assert {given for *_, given in server.state["seen"][1:]} == {f"Bearer {TOKEN}"}


def test_a_cluster_without_authentication_is_refused_unless_that_is_allowed(server):
    server.state["token"] = None
    with pytest.raises(BadInput, match="accepts jobs without a token"):
        JobServer(server.address)
    assert server.state["jobs"] == {}
    assert JobServer(server.address, unauthenticated=True).submit("toy", "true", {}, {})
    assert {given for *_, given in server.state["seen"]} == {None}  # nobody there has a use for the token


def test_a_wrong_token_is_an_error_that_names_its_file_and_not_the_token(server, token):
    token.write_text("0" * 64)
    with pytest.raises(BadInput, match="refuses the token") as caught:
        JobServer(server.address)
    assert str(token) in str(caught.value)
    assert "0000" not in str(caught.value)


def test_a_missing_token_is_an_error_that_says_where_it_was_looked_for(server, token):
    token.unlink()
    with pytest.raises(BadInput, match="no authentication token") as caught:
        JobServer(server.address)
    assert str(token) in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_that_others_can_read_is_refused(token, mode):
    token.chmod(mode)
    with pytest.raises(BadInput, match="can be read by others") as caught:
        find_token()
    assert caught.value.remedy == f"chmod 600 {token}"


def test_the_environment_comes_before_the_file(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "abc")
    assert find_token() == "abc"


def test_ray_address_in_the_environment_does_not_lead_elsewhere(server, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:1")
    assert JobServer(server.address).job("toy") is None


@pytest.mark.parametrize("address", ["127.0.0.1:8265", "ray://head:10001", "auto", "http://", "http://me:pw@head:8265"])
def test_what_is_no_address_is_refused_with_one_that_is(address):
    with pytest.raises(BadInput, match="not the address") as caught:
        JobServer(address)
    assert "http://HEAD:8265" in caught.value.expected
    assert "pw" not in str(caught.value)


def test_nothing_listening_is_bad_input_with_the_tunnel_as_remedy(server):
    address = server.address
    server.shutdown()
    server.server_close()
    with pytest.raises(BadInput, match="no job server answers") as caught:
        JobServer(address)
    assert "ssh -L" in caught.value.remedy


def test_another_web_server_is_not_taken_for_a_cluster(server, monkeypatch):
    monkeypatch.setattr(_Handler, "_serve", lambda self: self._answer(200, {"hello": "world"}))
    monkeypatch.setattr(_Handler, "do_GET", lambda self: self._answer(200, {"hello": "world"}))
    with pytest.raises(BadInput, match="no job server answers"):
        JobServer(server.address)


def test_what_the_server_cannot_do_is_an_error_with_its_last_line(server):
    jobs = JobServer(server.address)
    with pytest.raises(BacksweepError, match="does not exist"):
        jobs.stop("toy")


@pytest.mark.parametrize("address", ["http://head:8265", "http://10.0.0.7:8265", "http://[2001:db8::1]:8265"])
def test_a_token_does_not_cross_a_network_in_clear(address, monkeypatch):
    monkeypatch.setattr(JobServer, "_ask_for_authentication", lambda _: True)
    monkeypatch.setattr(ray_jobs, "_Client", lambda *_, **given: given)
    with pytest.raises(BadInput, match="in clear") as caught:
        JobServer(address)
    assert "ssh -N -L" in caught.value.remedy
    assert JobServer(address, plain_http=True)._client["headers"]["Authorization"].startswith("Bearer ")
    assert JobServer(address.replace("http:", "https:"))


@pytest.mark.parametrize("address", ["http://127.0.0.1:8265", "http://[::1]:8265", "http://localhost:8265"])
def test_a_token_may_go_to_this_machine(address, monkeypatch):
    monkeypatch.setattr(JobServer, "_ask_for_authentication", lambda _: True)
    monkeypatch.setattr(ray_jobs, "_Client", lambda *_, **given: given)
    assert JobServer(address)


@pytest.mark.parametrize(("piece", "pause"), [(2**20, 0.0), (1, 0.05)])
def test_an_answer_without_end_is_one_error(server, piece, pause, monkeypatch):
    jobs = JobServer(server.address)
    jobs.submit("toy", "true", {}, {})
    monkeypatch.setattr(ray_jobs, "REPLY_SECONDS", 0.5)
    server.state.update(piece=piece, pause=pause, endless="toy")
    with pytest.raises(ConnectionError, match="an answer"):
        jobs.job("toy")
    server.state.update(endless="version", token=None)
    with pytest.raises(BadInput, match="no job server answers") as caught:
        JobServer(server.address)
    assert "an answer" in caught.value.found
