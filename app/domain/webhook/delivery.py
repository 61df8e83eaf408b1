"""Webhook messages by Standard Webhooks 1.0: secrets, bodies, signatures, and what follows a try. No I/O."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from standardwebhooks import Webhook

from app.domain.states import DeliveryStatus, DisabledReason

PREFIX = "whsec_"
LEAST_BYTES = 24
MOST_BYTES = 64
# Bytes of a secret that is made here.
NEW_BYTES = 32
# How long messages are signed with a replaced secret as well.
ROTATION_SECONDS = 86_400
# A share of the delay, so that messages which failed together don't all come back together.
_JITTER = 0.2
# Receivers may ask for a pause with these answers, of a day at most.
_ASK_FOR_TIME = (429, 503)
_LONGEST_WAIT = 86_400.0
_GONE = 410
# Seconds until a message looks again whether there is room for its host: from one to twice that.
_ROOM = 0.5
_MOST_ROOM = 30.0


class BadSecret(ValueError):
    """The text is no secret; the message does not repeat it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try was answered: a status, or none because of `error`. `retry_after` (s) is what was asked for."""

    status: int | None
    error: str | None
    retry_after: float | None = None

    @property
    def success(self) -> bool:
        """Whether the message was taken."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def trouble(self) -> str | None:
        """Why it was not taken, fit for the eyes of whoever registered the webhook."""
        if self.success:
            return None
        if self.status is None:
            return self.error or "no answer"
        redirects = "; redirects are not followed" if 300 <= self.status < 400 else ""
        return f"answered {self.status}{redirects}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message after a try. `status` is None where the schedule goes on as if nothing had happened;
    a `pending` one is tried again after `delay` seconds."""

    status: DeliveryStatus | None
    delay: float | None = None
    disable: DisabledReason | None = None


def new_secret(random_bytes: bytes) -> str:
    """A secret out of random bytes."""
    return PREFIX + base64.b64encode(random_bytes).decode()


def checked_secret(text: str) -> str:
    """The secret that a client gave.

    Raises:
        BadSecret: it is not `whsec_` and the base64 of 24 to 64 bytes.
    """
    encoded = text.removeprefix(PREFIX)
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    # The same bytes spelled otherwise would pass here and fail at receivers that are strict.
    canonical = base64.b64encode(secret).decode() == encoded
    if not (text.startswith(PREFIX) and canonical and LEAST_BYTES <= len(secret) <= MOST_BYTES):
        raise BadSecret(f"must be {PREFIX} and the base64 of {LEAST_BYTES} to {MOST_BYTES} bytes")
    return text


def signed_headers(message_id: UUID, now: float, body: str, secrets: Iterable[str]) -> dict[str, str]:
    """The headers of a try at `now` (Unix seconds), with a signature by each secret."""
    at = datetime.fromtimestamp(int(now), UTC)
    signatures = (Webhook(secret).sign(str(message_id), at, body) for secret in secrets)
    return {
        "Content-Type": "application/json",
        "webhook-id": str(message_id),
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(signatures),
    }


def judge(outcome: Outcome, delays: Sequence[float], failed_before: int, chance: float, *, redelivery: bool) -> Verdict:
    """What follows a try of the schedule after so many failed ones, or a redelivery, which leaves the schedule as it
    is. `delays` (s) are before each try; `chance` in [0, 1) spreads them."""
    if outcome.success:
        return Verdict(DeliveryStatus.DELIVERED)
    if outcome.status == _GONE:
        return Verdict(DeliveryStatus.FAILED, disable=DisabledReason.GONE)
    if redelivery:
        return Verdict(None)
    tries = failed_before + 1
    if tries >= len(delays):
        return Verdict(DeliveryStatus.FAILED, disable=DisabledReason.ATTEMPTS_FAILED)
    asked = outcome.retry_after if outcome.status in _ASK_FOR_TIME else None
    return Verdict(
        DeliveryStatus.PENDING, max(delays[tries], min(asked or 0.0, _LONGEST_WAIT)) * (1 + _JITTER * chance)
    )


def room_delay(turned_away: int, places: int, chance: float) -> float:
    """Seconds until a message looks again for one of its host's `places`, after so many others were turned away: the
    more, the later, so that a crowd does not keep asking."""
    return min(_ROOM * (1 + turned_away / places), _MOST_ROOM) * (1 + chance)
