"""What is logged about an outage: its beginning, a reminder once a minute, and its end."""

import subprocess
import sys

from structlog.testing import capture_logs

from app.outages import Outage


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_outage_is_logged_once_then_once_a_minute_and_at_its_end() -> None:
    clock = Clock()
    outage = Outage("redis_unavailable", "redis_available", clock=clock, setting="REDIS_URL")
    with capture_logs() as lines:
        for _ in range(8 * 130):
            outage.report(ConnectionError("refused"), "a queue")
            clock.now += 1 / 8
        clock.now += 5
        outage.record_success()
    assert not outage.is_ongoing
    assert [(line["event"], line.get("failures"), line.get("seconds")) for line in lines] == [
        ("redis_unavailable", None, None),
        ("redis_unavailable", 8 * 60 + 1, 60),
        ("redis_unavailable", 8 * 120 + 1, 120),
        ("redis_available", 8 * 130, 135),
    ]
    assert {(line["setting"], line["log_level"]) for line in lines[:-1]} == {("REDIS_URL", "warning")}
    assert lines[0]["error"] == "ConnectionError('refused')" and lines[0]["during"] == "a queue"


def test_an_outage_lasts_while_anything_still_fails() -> None:
    clock = Clock()
    outage = Outage("began", "ended", clock=clock)
    with capture_logs() as lines:
        outage.record_success()
        for _ in range(20):
            outage.report(TimeoutError(), "one user of the server")
            clock.now += 1
            outage.record_success()
    assert [line["event"] for line in lines] == ["began"]


def test_a_second_outage_is_logged_at_once() -> None:
    clock = Clock()
    outage = Outage("began", "ended", clock=clock)
    with capture_logs() as lines:
        for _ in range(2):
            outage.report(TimeoutError(), "a request")
            clock.now += 6
            outage.record_success()
    assert [line["event"] for line in lines] == ["began", "ended"] * 2


def test_errors_that_an_operator_has_to_mend_have_events_of_their_own() -> None:
    """In a process of its own, since an outage may last in this one."""
    program = """
import asyncpg
from app.outages import report_database_error
for error in (
    asyncpg.UndefinedTableError(), asyncpg.UndefinedColumnError(), ConnectionResetError(),
    asyncpg.DuplicatePreparedStatementError(), asyncpg.InvalidSQLStatementNameError(),
    asyncpg.InsufficientPrivilegeError(),
):
    report_database_error(error, "a job")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert [word for word in done.stdout.split() if word.startswith("database_")] == [
        "database_not_migrated",
        "database_unavailable",
        "database_sessions_mixed",
        "database_right_missing",
    ]
