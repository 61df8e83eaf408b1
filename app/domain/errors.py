"""Errors: those of callers (`CallerError`), and failures of jobs (`JobError`), which are transient or permanent."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.text import count_of


@dataclass(frozen=True, slots=True)
class FieldError:
    """An invalid field of a body; `pointer` is a JSON Pointer to it."""

    pointer: str
    detail: str


class CallerError(Exception):
    """A request that cannot be carried out; the API maps each subclass to a status and a problem type. `retry_after` is
    the number of seconds after which it may succeed, if the error knows that better than its type."""

    retry_after: int | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(CallerError):
    """The resource does not exist."""


class Forbidden(CallerError):
    """The caller is not allowed to access the resource."""


class InvalidFields(CallerError):
    """Fields of the body are not valid; `errors` names each of them."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"not acceptable: {count_of(len(self.errors), 'field')} of the body")


class SlugTaken(CallerError):
    """A track with this slug exists, or was deleted."""

    def __init__(self, detail: str = "a track with this slug exists") -> None:
        super().__init__(detail)


class ExternalIdTaken(CallerError):
    """An active credential has this external id."""

    def __init__(self) -> None:
        super().__init__("another credential has this external_id")


class TrackIsDeleted(CallerError):
    """The question's track was deleted."""


class BankTooSmall(CallerError):
    """The track has fewer active questions than its mix asks for."""


class AttemptsUsed(CallerError):
    """The student has used all attempts that the track permits."""


class RetakeTooSoon(CallerError):
    """The pause that the track asks for after an attempt is not over."""

    def __init__(self, next_at: datetime, now: datetime) -> None:
        self.retry_after = math.ceil((next_at - now).total_seconds())
        super().__init__(f"the next attempt at this track may be started at {_shown(next_at)}")


class AlreadySubmitted(CallerError):
    """The assessment was submitted; its answers are locked."""


class AssessmentExpired(CallerError):
    """The time for the assessment is over."""


class NotSubmitted(CallerError):
    """The assessment was not submitted, so it has no result."""


class AssessmentFailed(CallerError):
    """The assessment has failed, so it has no result."""


class NothingToConfirm(CallerError):
    """The machine has given the question no score."""


class ReservedByOther(CallerError):
    """Another person holds the item of the review queue."""

    def __init__(self, seconds: float) -> None:
        self.retry_after = max(1, math.ceil(seconds))
        super().__init__("another person is reviewing this item")


class NothingToAppeal(CallerError):
    """The question has no score."""


class AlreadyAppealed(CallerError):
    """The student has appealed this question before."""


class AppealTooLate(CallerError):
    """The time for appeals about this result is over."""

    def __init__(self, deadline: datetime) -> None:
        super().__init__(f"the questions of this result could be appealed until {_shown(deadline)}")


class AppealAnswered(CallerError):
    """The appeal was answered already."""


class NoResultYet(CallerError):
    """The result is not there yet."""


class RunInProgress(CallerError):
    """Jobs of the assessment are queued or running."""


class JobNotFailed(CallerError):
    """The job has not failed, so it cannot be retried."""


class JobOfOlderRun(CallerError):
    """A later run has replaced the run of the job."""


class NoWebhook(CallerError):
    """No webhook is registered, so nothing can be sent."""


class SubscriptionLimit(CallerError):
    """There are as many service-wide webhooks as are allowed."""


class BeingSent(CallerError):
    """The message is being sent."""


class RedeliveredTooSoon(CallerError):
    """The message was redelivered a moment ago."""


class RedeliveryLimit(CallerError):
    """The message was redelivered as often as is allowed."""


class KeyReused(CallerError):
    """The idempotency key was used with another payload before."""


class KeyInFlight(CallerError):
    """Another request with this idempotency key is still running."""

    def __init__(self) -> None:
        super().__init__("a request with this idempotency key is still being worked on")


class QueueFull(CallerError):
    """Too many submissions are waiting for their result."""


class OwnerSubmissionLimit(CallerError):
    """Too many submissions of this student are waiting for their result."""


class OwnerStartLimit(CallerError):
    """The student has started too many assessments within a day; `seconds` until the next start."""

    def __init__(self, most: int, seconds: float) -> None:
        self.retry_after = max(1, math.ceil(seconds))
        super().__init__(f"{count_of(most, 'assessment')} may be started within 24 hours; try again later")


class OwnerKeyLimit(CallerError):
    """Too many idempotency keys of this caller are kept; `seconds` until the first of them is forgotten."""

    def __init__(self, most: int, seconds: float) -> None:
        self.retry_after = max(1, math.ceil(seconds))
        super().__init__(
            f"{count_of(most, 'idempotency key')} of yours are kept, each for a day; send the request without one, "
            "or try again later"
        )


class CallerWaitLimit(CallerError):
    """Too many requests of this caller are waiting for changes."""


class AssessmentWaitLimit(CallerError):
    """Too many requests are waiting for changes of this assessment."""


class ServerWaitLimit(CallerError):
    """Too many requests of all callers together are waiting for changes."""


class ExportLimit(CallerError):
    """Too many long exports are being written."""


class Conflict(CallerError):
    """Another request changed the same resource at the same time."""


class JobError(Exception):
    """A failure of a job; `code` and `detail` are shown to users, and what a model's provider said only to advisors and
    admins."""

    def __init__(self, code: str, detail: str, *, provider_message: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.provider_message = provider_message


class TransientError(JobError):
    """A retry may succeed. `retry_after` are the seconds to wait that the other side asked for, if it did."""

    def __init__(
        self, code: str, detail: str, retry_after: float | None = None, *, provider_message: str | None = None
    ) -> None:
        super().__init__(code, detail, provider_message=provider_message)
        self.retry_after = retry_after


class PermanentError(JobError):
    """A retry cannot succeed."""


class PoisonJob(PermanentError):
    """A job that crashed a worker even while it was given up: it is ended without any further work."""


class LeaseLost(Exception):
    """Another worker holds the job by now, or it was erased with its assessment: this one must not write anything more
    for it."""


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
