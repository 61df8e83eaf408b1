"""Verification of webhook messages, which are signed as Standard Webhooks 1.0 says."""

import base64
import binascii
from collections.abc import Mapping

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from assay_client.results import Message

_PREFIX = "whsec_"
_MIN_BYTES = 24
_MAX_BYTES = 64


class WebhookRefused(Exception):
    """The message is forged, altered, too old or too new (5 minutes), or not a message of this service."""


class BadSecret(ValueError):
    """The text cannot be a webhook secret; the error does not repeat it."""


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes | str) -> Message:
    """Checks the signature and returns the parsed message.

    `body` is the request's body as received, byte for byte; the names in `headers` may be in any case. For a day after
    a secret was replaced, messages are signed with both secrets, and either verifies them. A message may come more than
    once with the same `webhook-id`: act on it only the first time.

    Raises:
        WebhookRefused: answer with a 4xx status, and don't act on the message.
        BadSecret: `secret` is not one that a registration returned.
    """
    webhook = Webhook(_check_secret(secret))
    try:
        webhook.verify(body, dict(headers), json_parse=False)
    except WebhookVerificationError as error:
        raise WebhookRefused(str(error)) from error
    except ValueError as error:
        # Malformed headers, or bytes that are no text, make the library raise this instead.
        raise WebhookRefused("the signature cannot be read") from error
    try:
        return Message.model_validate_json(body)
    except ValidationError as error:
        raise WebhookRefused("the signature is valid, but the message is none that this version can read") from error


def _check_secret(secret: str) -> str:
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    # Another spelling of the same bytes is not what the service returned.
    canonical = base64.b64encode(key).decode() == encoded
    if not (secret.startswith(_PREFIX) and canonical and _MIN_BYTES <= len(key) <= _MAX_BYTES):
        raise BadSecret(f"must be {_PREFIX} and the base64 of {_MIN_BYTES} to {_MAX_BYTES} bytes")
    return secret
