"""`backsweep submit`: ship a study to a Ray cluster as a job, follow it, and fetch its folder."""

from __future__ import annotations

import importlib.util
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backsweep.cli.console import echo, print_next, print_warnings, write_log
from backsweep.cli.ending import INTERRUPTED
from backsweep.cli.options import Overrides, Seed, SweepFile, Trials, Workers, interruptible
from backsweep.errors import BadInput

if TYPE_CHECKING:
    from backsweep.submission.submit import Submission


def submit(
    sweep: SweepFile,
    address: Annotated[
        str, typer.Option(metavar="http://HEAD:8265", help="The cluster's job server.", envvar="BACKSWEEP_ADDRESS")
    ],
    workers: Workers = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where to store the fetched study.  [default: studies/STUDY]")
    ] = None,
    trials: Trials = None,
    seed: Seed = None,
    overrides: Overrides = None,
    detach: Annotated[bool, typer.Option("--detach", help="Submit the job and return.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop this study's job; committed trials are kept.")] = False,
    fetch: Annotated[bool, typer.Option("--fetch/--no-fetch", help="Fetch the study when the job has ended.")] = True,
    cluster_dir: Annotated[
        str,
        typer.Option(metavar="DIR", help="Where studies are stored: a folder of the head node, or s3://..., gs://..."),
    ] = "~/backsweep-studies",
    include: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="More code that the strategy imports; may be repeated."),
    ] = None,
    shared_data: Annotated[
        bool, typer.Option("--shared-data", help="Every node has the data's files at the same paths as this machine.")
    ] = False,
    install: Annotated[
        bool, typer.Option("--install", help="Install the pinned package versions for the job where nodes lack them.")
    ] = False,
    retries: Annotated[int, typer.Option(help="How often a killed driver is submitted again.", min=0)] = 3,
    unauthenticated: Annotated[
        bool, typer.Option("--allow-unauthenticated", help="Submit even to a cluster without token authentication.")
    ] = False,
    plain_http: Annotated[
        bool, typer.Option("--allow-plain-http", help="Send the token unencrypted to another machine.")
    ] = False,
) -> None:
    """Run the study of a sweep file on a Ray cluster: ship it as a job, follow it, fetch its folder.

    The same command again follows the same job; Ctrl-C leaves it running. The token is read from RAY_AUTH_TOKEN, the
    file RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token.

    For example:
    - backsweep submit sweeps/demo.yaml --address http://127.0.0.1:8265 --workers 16

    - backsweep submit sweeps/demo.yaml --address http://127.0.0.1:8265 --detach

    - backsweep submit sweeps/demo.yaml --address http://127.0.0.1:8265 --stop

    """
    if importlib.util.find_spec("aiohttp") is None:
        raise BadInput(
            "submitting needs packages that are not installed",
            expected="backsweep with its extra `cluster`",
            found="no aiohttp",
            remedy="pip install 'backsweep[cluster]'",
        )
    from backsweep.api import read_sweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.api.sweeps import sweep_warnings  # noqa: PLC0415 - as above
    from backsweep.runtime.ray_jobs import JobServer  # noqa: PLC0415 - Ray takes a while to import
    from backsweep.submission.submit import Submission, Terms  # noqa: PLC0415 - as above

    resolved = read_sweep(sweep, workers=workers, trials=trials, seed=seed, overrides=overrides or ())
    if not stop:
        print_warnings(sweep_warnings(sweep, overrides=overrides or ()))
    server = JobServer(address, unauthenticated=unauthenticated, plain_http=plain_http)
    terms = Terms(cluster_dir, install, retries, tuple(include or ()), shared_data)
    folder = out if out is not None else Path("studies") / resolved.study
    submission = Submission(resolved, server, terms, folder, say=_print, log=_log)
    message = "no longer following the job, which goes on; the same command follows it again, and --stop ends it"
    with interruptible(message), closing(submission):
        if stop:
            name = submission.stop()
            _print(f"job {name} is stopped" if name else "no job of this study is running there")
            return
        name = submission.start()
        _print("Ctrl-C leaves the job running; the same command follows it again, and --stop ends it")
        if not detach:
            _finish(submission, name, fetch=fetch)


def _finish(submission: Submission, name: str, *, fetch: bool) -> None:
    """Follow a job to its end and fetch its study; leaves with the driver's exit code."""
    from backsweep.submission.submit import check_end  # noqa: PLC0415 - as above

    code = check_end(submission.follow(name), name)
    if code == INTERRUPTED:
        _print("the job was stopped or paused; committed trials are kept, and the same command resumes it")
    elif code == 2:
        _print("the job ended with bad input: see its message above")
    elif fetch:
        print_next(submission.fetch().state.done, submission.out)
    else:
        _print(f"the study stays {submission.place}")
    if code:
        raise typer.Exit(code)


def _print(text: str) -> None:
    echo(text, err=True)


def _log(piece: str) -> None:
    write_log(piece)
