"""The base of every section of a sweep file: immutable, strict, and with no unknown keys."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """One mapping of a sweep file; each layer declares the sections that it reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def matching(pattern: str, rule: str) -> BeforeValidator:
    """Accept texts that match as a whole; anything else is an error that says the rule."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            raise ValueError(rule)
        return value

    check.__doc__ = rule
    return BeforeValidator(check)
