"""The programme: every family and step."""

from __future__ import annotations

from sidebyside.closes import family_c, family_z, own_profiles
from sidebyside.next_open import family_n, family_n_after
from sidebyside.shared_cash import family_m
from sidebyside.steps import VECTORBT, Step


def steps() -> list[Step]:
    """Return every step of the comparison."""
    return [
        *family_n(),
        *family_m("M-next", "next_open"),
        *family_z(),
        *family_n_after(),
        *family_c("same_close"),
        *family_c("vectorbt"),
        *family_m("M-close", "same_close"),
        *family_m("M-close as submitted", "vectorbt"),
        *family_m("M-next-close", "next_close", (VECTORBT,)),
        *family_m("M-next-close as submitted", "zipline", (VECTORBT,)),
        *own_profiles(),
    ]
