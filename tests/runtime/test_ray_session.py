import subprocess
import sys

import pytest

from backsweep.errors import BadInput
from backsweep.runtime import ray_session
from backsweep.runtime.ray_session import RaySession


@pytest.mark.parametrize(
    ("address", "problem", "remedy"),
    [
        ("local", "Ray does not start on this machine", "when the machine is less busy"),
        ("auto", "Ray does not answer", "check the address"),
    ],
)
@pytest.mark.parametrize("text", ["The current node timed out during startup.\nThis could happen", ""])
def test_whatever_ray_raises_at_its_start_is_one_message(monkeypatch, address, problem, remedy, text):
    ended = []

    def refuse(**_):
        raise Exception(text)  # noqa: TRY002 - as Ray does

    monkeypatch.setattr(ray_session.ray, "init", refuse)
    monkeypatch.setattr(ray_session.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_session.ray, "shutdown", lambda: ended.append(True))
    with pytest.raises(BadInput, match=problem) as caught:
        RaySession(2, address)
    assert caught.value.found == f"{address!r}: {text.splitlines()[0] if text else 'Exception'}"
    assert remedy in caught.value.remedy
    assert ended == [True]


@pytest.mark.parametrize("module", ["ray_pool", "ray_jobs", "ray_worker"])
def test_ray_is_imported_with_our_settings_whichever_module_comes_first(module):
    program = (
        f"import backsweep.runtime.{module}, ray._private.ray_constants as it; print(it.RAY_DEDUP_LOGS_SKIP_REGEX)"
    )
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - the program above
    assert printed.startswith("A worker died or was killed")


@pytest.mark.parametrize("name", ["RAY_TMPDIR", "TMPDIR"])
def test_a_temporary_folder_whose_sockets_have_too_long_names_is_refused_before_ray_starts(name, monkeypatch):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(ray_session.sys, "platform", "linux")
    monkeypatch.setattr(RaySession, "_begin", lambda *_, **__: pytest.fail("Ray starts"))
    monkeypatch.setenv(name, "/" + "x" * 86)
    with pytest.raises(BadInput, match=f"{name}: the folder") as caught:
        RaySession(1, "local")
    assert caught.value.expected.startswith("at most 39 bytes")
    assert "RAY_TMPDIR=/tmp" in caught.value.remedy


def test_a_temporary_folder_of_39_bytes_is_short_enough(monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", "/" + "x" * 38)
    begun = []
    monkeypatch.setattr(RaySession, "_begin", lambda *_, **__: begun.append(True))
    RaySession(1, "local").close()
    assert begun
