"""Until when the score of a question can be appealed."""

from datetime import datetime, timedelta

from app.domain.errors import AppealTooLate


def appeal_deadline(completed_at: datetime, appeal_days: float) -> datetime:
    """The end of the time in which the questions of a result of `completed_at` can be appealed."""
    return completed_at + timedelta(days=appeal_days)


def check_appeal_time(completed_at: datetime, appeal_days: float, now: datetime) -> None:
    """Returns if the questions of a result of `completed_at` can still be appealed.

    Raises:
        AppealTooLate: the time is over.
    """
    deadline = appeal_deadline(completed_at, appeal_days)
    if now > deadline:
        raise AppealTooLate(deadline)
