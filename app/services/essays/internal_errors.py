"""Exceptions of our own code while one essay is scored: how they are logged, and the error that the essay gets."""

from uuid import UUID

import structlog

from app.domain.errors import PermanentError

log = structlog.get_logger()

# Permanent: the same code most likely fails again on the same essay, and asking a model again costs money.
INTERNAL_ERROR = PermanentError("internal_error", "something went wrong on our side")


class InternalError(Exception):
    """Replaces, in the log, an exception whose message may quote an essay, a model's answer or a reference answer."""


def log_internal_error(event: str, error: Exception, question_id: UUID) -> None:
    """Logs an exception with its type and traceback, without its message and those of its causes."""
    shown = InternalError(type(error).__qualname__).with_traceback(error.__traceback__)
    log.exception(event, question_id=str(question_id), exc_info=shown)
