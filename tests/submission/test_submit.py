import pytest

import backsweep as bs
from backsweep.errors import BacksweepError, BadInput, StudyConflict
from backsweep.runtime.ray_jobs import Job
from backsweep.submission import submit as module
from backsweep.submission.submit import check_end

KILLED = ("FAILED", -9, "Job entrypoint command failed with exit code -9")


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch):
    monkeypatch.setattr(module, "_POLL", 0.0)


def test_a_study_is_sent_followed_and_fetched_whole(make, server, tmp_path):
    one = make()
    name = one.start()
    assert one.follow(name) == Job("SUCCEEDED", 0, "")
    study = one.fetch()
    assert f"log of {name}\n" in one.said
    assert study.digest() == bs.open_study(tmp_path / "cluster").digest()
    assert study.state.done == 40
    assert study.statistics.counted  # what this machine had tried before
    (job, entrypoint, environment, _), (fetch, *_) = server.sent
    assert job == name
    assert name.startswith("toy-")
    assert entrypoint == (
        "python -m backsweep.submission.pins pins.txt && exec python -m backsweep run sweep.yaml "
        f'--backend ray --address "$RAY_ADDRESS" --out "$HOME"/backsweep-studies/{one.package.study}'
    )
    assert set(environment) == {"working_dir", "py_modules"}
    assert server.forgotten == [fetch]


def test_the_same_study_is_one_job_and_another_seed_another(make, server):
    first, again, other = make(), make(), make("search.seed=8")
    assert first.start() == again.start()
    assert len(server.sent) == 1
    assert "has run to its end before" in again.said[0]
    assert other.start() != first.start()
    assert other.home != first.home


def test_more_trials_are_another_job_that_goes_on_in_the_same_folder(make):
    few, many = make(), make("search.trials=80")
    assert few.package.name != many.package.name
    assert few.home == many.home


def test_a_driver_that_was_killed_is_sent_again_a_bounded_number_of_times(make, server):
    one = make(retries=2)
    server.ends = [KILLED, KILLED, ("SUCCEEDED", 0, "")]
    name = one.start()
    assert one.follow(name).status == "SUCCEEDED"
    assert [job[0] for job in server.sent] == [name, f"{name}-2", f"{name}-3"]
    server.jobs.clear()
    server.ends = [KILLED] * 3
    job = one.follow(one.start())
    assert job.exit_code == -9
    assert len(server.sent) == 6
    with pytest.raises(BacksweepError, match="the job failed on the cluster"):
        check_end(job, name)


def test_a_job_without_a_node_is_sent_again_and_one_without_an_environment_is_not(make, server):
    one = make()
    server.ends = [("FAILED", None, "Job supervisor actor died: node is dead")]
    assert one.follow(one.start()).status == "SUCCEEDED"
    assert len(server.sent) == 2
    server.jobs.clear()
    server.ends = [("FAILED", None, "runtime_env setup failed: no such package")]
    assert one.follow(one.start()).status == "FAILED"
    assert len(server.sent) == 3


@pytest.mark.parametrize("code", [1, 2])
def test_a_driver_that_decided_its_end_is_not_sent_again_and_its_exit_code_is_kept(make, server, code):
    one = make()
    server.ends = [("FAILED", code, "error: ...")]
    assert check_end(one.follow(one.start()), "toy") == code
    assert len(server.sent) == 1


def test_a_driver_that_its_time_limit_paused_is_not_sent_again_by_itself(make, server):
    one = make("runtime.time_limit=2h")
    server.ends = [("FAILED", 130, "Job entrypoint command failed with exit code 130")]
    name = one.start()
    assert check_end(one.follow(name), name) == 130
    assert len(server.sent) == 1
    assert one.start() == f"{name}-2"


def test_a_failed_or_stopped_study_is_sent_anew_when_it_is_asked_for_again(make, server):
    one = make()
    server.ends = [("FAILED", 1, ""), ("STOPPED", None, "")]
    name = one.start()
    assert one.start() == f"{name}-2"
    assert check_end(server.jobs[f"{name}-2"], name) == 130
    assert one.start() == f"{name}-3"
    assert make().start() == f"{name}-3"  # that one has succeeded


def test_stop_ends_the_attempt_that_runs_and_nothing_else(make, server):
    one = make()
    assert one.stop() is None
    server.ends = [("FAILED", 1, ""), ("RUNNING", None, "")]
    name = one.start()
    one.start()
    assert one.stop() == f"{name}-2"
    assert one.stop() is None


def test_a_log_goes_on_where_the_connection_was_lost(make, server):
    one = make()
    name = one.start()
    server.cuts = 2
    one.follow(name)
    assert "".join(one.said).endswith(f"log of {name}\n")
    assert "".join(one.said).count("log of") == 1


def test_a_cluster_that_stays_silent_is_given_up_and_the_message_says_how_to_go_on(make, server, monkeypatch):
    one = make()
    name = one.start()
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    server.cuts = 1000
    monkeypatch.setattr(server, "log", lambda *_: (_ for _ in ()).throw(ConnectionError("timed out")))
    with pytest.raises(BadInput, match="the job may still run"):
        one.follow(name)


def test_a_second_fetch_brings_what_is_new_alone(make, server, sweep_file, tmp_path, play):
    one = make()
    one.fetch()
    play(sweep_file, tmp_path / "cluster", trials=80)
    assert make("search.trials=80").fetch().state.done == 80
    assert server.sent[-1][1].endswith(" 40")
    assert bs.open_study(tmp_path / "out").digest() == bs.open_study(tmp_path / "cluster").digest()


def test_another_study_in_the_folder_is_refused_before_anything_is_sent(make, server):
    make().fetch()
    with pytest.raises(StudyConflict, match=r"search\.seed: 7 -> 8"):
        make("search.seed=8")
    assert len(server.sent) == 1


def test_a_study_that_the_cluster_has_lost_is_an_error_that_says_where(make, server, tmp_path):
    server.home = tmp_path / "nothing"
    with pytest.raises(BacksweepError, match="no study here") as caught:
        make().fetch()
    assert caught.value.where.startswith("~/backsweep-studies/toy-")


@pytest.mark.parametrize("place", ["ftp://here/studies", "studies", "~other/studies"])
def test_a_study_lies_where_it_outlives_the_job(make, place):
    with pytest.raises(BadInput, match="not a folder of the head node"):
        make(cluster_dir=place)


def test_a_study_may_lie_in_an_object_store(make, server):
    one = make(cluster_dir="s3://bucket/studies/")
    one.start()
    assert "--out s3://bucket/studies/toy-" in server.sent[0][1]
    assert one.said[0].endswith(f"its study lies in {one.home}")
    one.fetch()
    assert server.sent[-1][1].startswith("exec python -m backsweep.submission.transfer s3://bucket/studies/toy-")


def test_install_puts_every_pinned_version_into_the_environment_and_no_index(make, server):
    one = make(install=True, cluster_dir="/mnt/my studies")
    one.start()
    _, entrypoint, environment, _ = server.sent[0]
    assert "'/mnt/my studies/toy-" in entrypoint
    assert "numba==" in " ".join(environment["pip"])
    assert "aiohttp==" in " ".join(environment["pip"])
    assert not [line for line in environment["pip"] if "://" in line or "pytest" in line or not line[0].isalpha()]
