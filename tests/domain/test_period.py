"""Parsing periods: times with zones, whole days, defaults, and refusals."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.period import InvalidPeriod, Period, parse_period

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def day(month: int, number: int, year: int = 2026) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def refused(start: str | None, end: str | None) -> str:
    """The message that refuses this period."""
    with pytest.raises(InvalidPeriod) as caught:
        parse_period(start, end, NOW)
    return str(caught.value)


def test_the_default_period_is_the_last_thirty_days() -> None:
    assert parse_period(None, None, NOW) == Period(NOW - timedelta(days=30), NOW)
    assert parse_period("2026-03-01", None, NOW) == Period(day(3, 1), NOW)
    assert parse_period(None, "2026-02-28", NOW) == Period(day(1, 30), day(3, 1))


def test_a_date_at_the_end_includes_the_whole_day() -> None:
    assert parse_period("2026-02-28", "2026-02-28", NOW) == Period(day(2, 28), day(3, 1))
    assert parse_period("2024-02-29", "2024-12-31", NOW).end == day(1, 1, 2025)


def test_times_in_any_zone_are_converted_to_utc() -> None:
    for text in ("2026-03-01T01:30:00+01:30", "2026-03-01T00:00:00Z", "2026-03-01t00:00:00z",
                 "2026-02-28T19:00:00.000-05:00"):  # fmt: skip
        assert parse_period(text, text, NOW) == Period(day(3, 1), day(3, 1)), text


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026", "2026-3-1", "20260301", "2026-02-30", "2026-13-01", "2026-W10-1", "2026-03-01T00:00:00",
     "2026-03-01 00:00:00Z", "2026-03-01T00:00Z", "2026-03-01T25:00:00Z", "2026-03-01T00:00:00+0100", "1e9",
     "٢٠٢٦-٠٣-٠١", "2026-03-01\n", "0000-01-01", "2026-03-01T00:00:00+99:00"],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    assert refused(text, None).startswith("from must be")
    assert refused(None, text).startswith("to must be")


def test_a_period_must_not_end_before_it_begins() -> None:
    assert parse_period("2026-03-10T12:30:00Z", None, NOW) == Period(NOW, NOW)
    for start, end in (("2026-03-02", "2026-02-28"), ("2026-03-10T12:30:01Z", None), ("2027-01-01", None)):
        assert "must not be after" in refused(start, end)


def test_a_period_must_not_be_longer_than_a_year() -> None:
    assert parse_period("2024-01-01", "2024-12-31", NOW).end == day(1, 1, 2025)
    for start, end in (("2024-01-01", "2025-01-01"), ("2025-03-01", None), ("0001-01-01", "9999-12-30")):
        assert "366 days" in refused(start, end)


def test_times_outside_the_calendar_are_refused() -> None:
    for start, end in (("0001-01-01T00:00:00+14:00", None), (None, "9999-12-31"), (None, "0001-01-15")):
        assert "calendar" in refused(start, end)
