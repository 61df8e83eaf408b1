"""The three sorts of errors: the caller's (`CallerError`), passing ones and lasting ones."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; `pointer` is a JSON Pointer into the body."""

    pointer: str
    detail: str


class CallerError(Exception):
    """Something that the caller asked for cannot be done; `web` maps each subclass to a status and a stable type."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(CallerError):
    """There is no such thing."""


class Forbidden(CallerError):
    """There is such a thing, and this caller may not have it."""


class InvalidFields(CallerError):
    """The body's values don't fit; names each field."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} field(s) of the body are not acceptable")


class SlugTaken(CallerError):
    """A track with this slug exists."""

    def __init__(self) -> None:
        super().__init__("a track with this slug exists")


class BankTooSmall(CallerError):
    """The track has fewer active questions than its mix asks for."""


class AlreadySubmitted(CallerError):
    """The answers are locked."""


class AssessmentExpired(CallerError):
    """The time to answer is over."""


class NotSubmitted(CallerError):
    """There is no result before a submission."""


class AssessmentFailed(CallerError):
    """The result could not be put together."""


class NoResultYet(CallerError):
    """The result is still being made."""


class RunInProgress(CallerError):
    """Jobs of the assessment wait or run."""


class JobNotFailed(CallerError):
    """Only a job that failed can be retried."""


class JobOfOlderRun(CallerError):
    """A later run has taken the place of this job's."""


class NoWebhook(CallerError):
    """Nothing can be sent where no webhook is registered."""


class BeingSent(CallerError):
    """The message is on its way at this moment."""


class KeyReused(CallerError):
    """The idempotency key came with another payload before."""


class KeyInFlight(CallerError):
    """Another request with this idempotency key is still running."""

    def __init__(self) -> None:
        super().__init__("a request with this idempotency key is still being worked on")


class QueueFull(CallerError):
    """Too many submissions wait for their result."""


class TooManyWaits(CallerError):
    """The caller has too many requests that wait for changes."""


class TooManyWaiting(CallerError):
    """All callers together have too many requests that wait for changes."""


class Conflict(CallerError):
    """Someone else changed the same thing at the same moment."""


class JobError(Exception):
    """Work that failed; `code` and `detail` are fit for a user's eyes."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class TransientError(JobError):
    """Trying again may help. `retry_after` (s) is what the other side asked for."""

    def __init__(self, code: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class PermanentError(JobError):
    """Trying again cannot help."""


class PoisonJob(PermanentError):
    """A job that crashed a worker even while it was given up: it is ended without any further work."""


class LeaseLost(Exception):
    """Another worker holds the job by now, so this one must not write anything more for it."""
