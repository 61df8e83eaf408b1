"""The outcome of one check."""

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How a check ended. After a warning everything works, but something is missing or at risk."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One check: its name, how it ended, what was seen, and what an operator can do about it."""

    name: str
    status: CheckStatus
    seen: str
    action: str | None = None


def ok(name: str, seen: str) -> Check:
    """A check that found nothing wrong."""
    return Check(name, CheckStatus.OK, seen)


def warning(name: str, seen: str, action: str) -> Check:
    """A check that found something missing or at risk."""
    return Check(name, CheckStatus.WARNING, seen, action)


def failed(name: str, seen: str, action: str) -> Check:
    """A check that found something without which the service does not work."""
    return Check(name, CheckStatus.FAILED, seen, action)
