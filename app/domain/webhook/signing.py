"""Secrets and signed headers of webhook messages, as Standard Webhooks 1.0 defines them."""

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from standardwebhooks import Webhook

PREFIX = "whsec_"
# Length of a secret before base64.
MIN_BYTES = 24
MAX_BYTES = 64
# Of the secrets that the service generates.
NEW_BYTES = 32
# How long messages are also signed with a secret that was replaced.
ROTATION_SECONDS = 86_400


class InvalidSecret(ValueError):
    """The text is no valid secret; the error does not repeat it."""


def new_secret(random_bytes: bytes) -> str:
    """A secret made of random bytes."""
    return PREFIX + base64.b64encode(random_bytes).decode()


def validate_secret(text: str) -> str:
    """The secret that a client sent, unchanged.

    Raises:
        InvalidSecret: it is not `whsec_` and the base64 of 24 to 64 bytes.
    """
    encoded = text.removeprefix(PREFIX)
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    # Another base64 spelling of the same bytes would be accepted here and rejected by strict receivers.
    canonical = base64.b64encode(secret).decode() == encoded
    if not (text.startswith(PREFIX) and canonical and MIN_BYTES <= len(secret) <= MAX_BYTES):
        raise InvalidSecret(f"must be {PREFIX} and the base64 of {MIN_BYTES} to {MAX_BYTES} bytes")
    return text


def signed_headers(message_id: UUID, now: float, body: str, secrets: Iterable[str]) -> dict[str, str]:
    """The headers of an attempt made at `now` (Unix seconds), with one signature for each secret."""
    at = datetime.fromtimestamp(int(now), UTC)
    signatures = (Webhook(secret).sign(str(message_id), at, body) for secret in secrets)
    return {
        "Content-Type": "application/json",
        "webhook-id": str(message_id),
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(signatures),
    }
