"""`study.json`: the identity of a study, written when it begins, and again when its data have grown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from backsweep.errors import BadInput
from backsweep.storage.protocol import Files
from backsweep.storage.sealed import sealed
from backsweep.strategy import Value
from backsweep.study.search.dimension import Dimension
from backsweep.study.store.documents import Digest, Positive, malformed, read_document, validated
from backsweep.study.store.growth import Growth
from backsweep.study.store.identity import Identity
from backsweep.sweepfile.rules import check_together
from backsweep.sweepfile.section import Section, matching
from backsweep.sweepfile.sweep import NAME, Sweep

STUDY_JSON = "study.json"

Source = Digest | Literal[""]
"""The digest of a source, empty for one that has no file."""


class _Named(Section, extra="allow"):
    """The keys of a sweep that are needed to count its trials."""

    study: Annotated[str, matching(*NAME)]
    strategy: Annotated[str, Field(min_length=1)]


class _Axis(Section):
    """An axis of the search space; see `Dimension`."""

    name: Annotated[str, Field(min_length=1)]
    low: float
    high: float
    step: float | None
    log: bool
    integer: bool
    choices: tuple[Value, ...] | None
    codes: tuple[int, ...] | None = None


class _Content(Section):
    """The fields of `study.json`; `sessions` is the digest of the sessions' file, `history` has what came before."""

    study: Annotated[str, matching(*NAME)]
    hash: Digest
    data: Digest
    strategy: Source
    models: dict[str, Source] = Field(default_factory=dict)
    files: dict[Annotated[str, Field(min_length=1)], Digest] | None = None
    proposals: Positive = 1
    versions: dict[str, str]
    space: list[_Axis] | None = None
    sweep: dict[str, Any]
    sessions: Digest
    history: tuple[Growth, ...] = ()


class StudyJson:
    """A `study.json` as it was read; raises StudyConflict for one that is no study's."""

    def __init__(self, files: Files, raw: bytes) -> None:
        self.raw = raw
        self._files = files
        self._content = read_document(files, STUDY_JSON, _Content, raw)
        self._named = validated(files, STUDY_JSON, _Named, self._content.sweep)

    @property
    def hash(self) -> str:
        """What determines its results, as a digest."""
        return self._content.hash

    @property
    def data(self) -> str:
        """The fingerprint of its data."""
        return self._content.data

    @property
    def name(self) -> str:
        """The study's name."""
        return self._content.study

    @property
    def strategy(self) -> str:
        """The class name of its strategy."""
        return self._named.strategy.rpartition(":")[2]

    @property
    def sessions(self) -> str:
        """The digest of its sessions' file."""
        return self._content.sessions

    @property
    def history(self) -> tuple[Growth, ...]:
        """The times that it went on with data that had grown."""
        return self._content.history

    @property
    def proposals(self) -> int:
        """The version of the rules by which its trials were proposed."""
        return self._content.proposals

    @property
    def axes(self) -> tuple[Dimension, ...]:
        """The axes of its search space; empty for a study of a version that did not record them."""
        return tuple(Dimension(**axis.model_dump()) for axis in self._content.space or ())

    @cached_property
    def sweep(self) -> Sweep:
        """The sweep file as it was resolved; raises StudyConflict for one that this version cannot run."""
        sweep = validated(self._files, STUDY_JSON, Sweep, _as_it_was(self._content.sweep))
        try:
            check_together(sweep)
        except BadInput as error:
            raise malformed(self._files, STUDY_JSON, error.problem, error.expected, error.found) from None
        return sweep

    @cached_property
    def identity(self) -> Identity:
        """What was run; raises StudyConflict where the digest is not that of the content."""
        _ = self.sweep
        identity = Identity.from_content(self._content.model_dump())
        if identity.hash != self.hash:
            problem = "its `hash` is not that of its sweep, data and strategy"
            found = f"{self.hash[:16]}..."
            raise malformed(self._files, STUDY_JSON, problem, f"{identity.hash[:16]}...", found)
        return identity


def _as_it_was(sweep: dict[str, Any]) -> dict[str, Any]:
    """Return a study's sweep with what a default was when it began: without `final`, no final choice is made."""
    walk = sweep.get("walk_forward")
    return {**sweep, "walk_forward": {"final": False, **walk}} if isinstance(walk, dict) else sweep


def study_json_bytes(identity: Identity, sessions: str, history: Sequence[Growth] = ()) -> bytes:
    """Encode the file of a study that begins; `sessions` is the digest of its sessions' file."""
    past = {"history": [asdict(each) for each in history]} if history else {}
    return sealed({**json.loads(json.dumps({**identity.to_content(), **past})), "sessions": sessions})
