"""What follows an attempt to deliver a webhook message: done, another attempt later, or the end."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.states import DeliveryStatus, DisabledReason

# Random share added to each delay, so that messages that failed together are not all sent again together.
_JITTER = 0.2
# Receivers may ask for a longer pause with these statuses, up to a day.
_RETRY_AFTER_STATUSES = (429, 503)
_MAX_RETRY_AFTER = 86_400.0
_GONE = 410
# Seconds until a message without a slot is tried again; the jitter adds up to as much again.
_BUSY_DELAY = 0.5
_MAX_BUSY_DELAY = 30.0


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of sending one request: the `status` of the answer, or the `error` why there was none, in words that
    students may see. `latency_ms` counts up to the answer's headers; `retry_after` (s) is what the receiver asked for.
    """

    status: int | None
    latency_ms: int
    error: str | None = None
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver accepted the message (2xx)."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def failure(self) -> str | None:
        """Why the message was not accepted, in words for the owner of the webhook; None if it was."""
        if self.accepted:
            return None
        if self.status is None:
            return self.error or "no answer"
        redirects = "; redirects are not followed" if 300 <= self.status < 400 else ""
        return f"answered {self.status}{redirects}"


@dataclass(frozen=True, slots=True)
class NextStep:
    """What becomes of a message after an attempt. `status` is its new status, None if its status and schedule stay as
    they are; a pending message is sent again after `delay` seconds. `disable` is why the webhook is disabled, if it is.
    """

    status: DeliveryStatus | None
    delay: float | None = None
    disable: DisabledReason | None = None


def next_step(
    result: SendResult, delays: Sequence[float], failed_before: int, jitter: float, *, redelivery: bool
) -> NextStep:
    """The next step after an attempt. `delays` (s) are the pauses before each scheduled attempt, `failed_before` is how
    many of those failed earlier, and `jitter` is in [0, 1). A redelivery that fails leaves the schedule as
    it is."""
    if result.accepted:
        return NextStep(DeliveryStatus.DELIVERED)
    if result.status == _GONE:
        return NextStep(DeliveryStatus.FAILED, disable=DisabledReason.GONE)
    if redelivery:
        return NextStep(None)
    attempts = failed_before + 1
    if attempts >= len(delays):
        return NextStep(DeliveryStatus.FAILED, disable=DisabledReason.ATTEMPTS_FAILED)
    retry_after = result.retry_after if result.status in _RETRY_AFTER_STATUSES else None
    delay = max(delays[attempts], min(retry_after or 0.0, _MAX_RETRY_AFTER))
    return NextStep(DeliveryStatus.PENDING, delay * (1 + _JITTER * jitter))


def busy_delay(rejected: int, slots: int, jitter: float) -> float:
    """Seconds until a message is tried again whose owner, host or address has all `slots` taken. Grows with the number
    of messages `rejected` so far, so that a long queue does not keep asking."""
    return min(_BUSY_DELAY * (1 + rejected / slots), _MAX_BUSY_DELAY) * (1 + jitter)
