"""Exceptions of our own code on one essay: how they are logged, and the error that the essay ends with."""

from uuid import UUID

import structlog

from app.domain.errors import PermanentError

log = structlog.get_logger()

# Lasting: the same code on the same essay most likely fails again, and asking a model again costs money.
OUR_FAULT = PermanentError("internal_error", "something went wrong on our side")


class EssayFault(Exception):
    """Stands in the log for an exception whose message may quote an essay, an answer of a model or a model answer."""


def log_fault(event: str, error: Exception, question_id: UUID) -> None:
    """Logs an exception with its type and traceback, without its message and those of its causes."""
    shown = EssayFault(type(error).__qualname__).with_traceback(error.__traceback__)
    log.exception(event, question_id=str(question_id), exc_info=shown)
