"""Parsing Retry-After: numbers, dates, and malformed values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.retry_after import parse_retry_after
from tests.domain.builders import NOON, quick


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        ("999999999999", 999_999_999_999),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("Sunday, 01-Mar-26 12:02:00 GMT", 120),
        ("Sun Mar  1 12:02:00 2026", 120),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("9" * 5000, None),
        ("１２", None),
        ("Sun, 99 Mar 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 99999 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_parsed_or_ignored(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOON.timestamp()) == seconds


@quick
@given(st.text(max_size=40))
def test_any_text_gives_seconds_or_none(header: str) -> None:
    seconds = parse_retry_after(header, NOON.timestamp())
    assert seconds is None or 0 <= seconds < 1e18
