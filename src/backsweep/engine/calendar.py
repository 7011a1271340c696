"""Calendar arithmetic for kernels: months, in UTC."""

from __future__ import annotations

from backsweep.engine.compile.kernel import kernel

NANOSECONDS_PER_DAY = 86_400_000_000_000
DAYS_TO_EPOCH = 719_468  # from March 1st of the year 0 to January 1st, 1970
DAYS_PER_ERA = 146_097


@kernel
def month_of(timestamp: int) -> int:
    """Return the calendar month of a time in nanoseconds UTC, counted from March of the year 0.

    Days are counted in eras of 400 years that begin with March: Hinnant, "chrono-compatible low-level date algorithms".
    """
    days = timestamp // NANOSECONDS_PER_DAY + DAYS_TO_EPOCH
    day = days % DAYS_PER_ERA
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    return 12 * (400 * (days // DAYS_PER_ERA) + year) + (5 * day + 2) // 153
