from datetime import UTC, datetime, timedelta

from backsweep.engine.calendar import month_of

DAY = 86_400 * 10**9


def test_months_begin_with_their_first_nanosecond_in_every_year_that_timestamps_have():
    first, last = datetime(1678, 1, 1, tzinfo=UTC), datetime(2261, 12, 31, tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for number in range((last - first).days):
        date = first + timedelta(days=number)
        if date.day in {1, 15} or (date + timedelta(days=1)).day == 1:
            start = (date - epoch).days * DAY
            expected = 12 * (date.year - (date.month < 3)) + (date.month - 3) % 12  # from March of the year 0
            assert month_of(start) == month_of(start + DAY - 1) == expected
