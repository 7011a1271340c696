"""The base of every section of a sweep file: immutable, strict, and with no unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One mapping of a sweep file; each layer declares the sections that it reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
