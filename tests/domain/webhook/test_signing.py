"""Webhook secrets, and the signatures that receivers verify."""

import base64
import json
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.domain.webhook.signing import (
    MAX_BYTES,
    MIN_BYTES,
    InvalidSecret,
    new_secret,
    signed_headers,
    validate_secret,
)

SECRETS = st.binary(min_size=MIN_BYTES, max_size=MAX_BYTES).map(new_secret)


@given(SECRETS)
def test_every_generated_secret_is_valid(secret: str) -> None:
    assert validate_secret(secret) == secret


@pytest.mark.parametrize("text", [
    "", "whsec_", "QUJD" * 8, "whsec-" + "QUJD" * 8, "WHSEC_" + "QUJD" * 8, "whsec_" + "QUJD" * 7 + "QUI=",
    "whsec_" + "QUJD" * 21 + "QUJD" + "QQ==", "whsec_" + "QUJD" * 8 + "!", "whsec_" + "QUJD" * 8 + "\n",
    "whsec_" + " " + "QUJD" * 8, "whsec_" + "QUJD" * 8 + "QQ", "whsec_" + "QUJD" * 8 + "QR==", "whsec_" + "é" * 32,
    "whsec_" + "_-_-" * 8, "whsec_whsec_" + "QUJD" * 8,
])  # fmt: skip
def test_an_invalid_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidSecret) as refused:
        validate_secret(text)
    assert text.removeprefix("whsec_") == "" or text not in str(refused.value)


@given(st.binary(max_size=100))
def test_a_secret_has_24_to_64_bytes(raw: bytes) -> None:
    try:
        validate_secret("whsec_" + base64.b64encode(raw).decode())
        valid = True
    except InvalidSecret:
        valid = False
    assert valid is (MIN_BYTES <= len(raw) <= MAX_BYTES)


@given(SECRETS, SECRETS, st.text())
def test_each_secret_verifies_the_message_and_no_other_secret_does(first: str, second: str, body: str) -> None:
    text = json.dumps(body)
    headers = signed_headers(uuid4(), time.time(), text, [first, second])
    for secret in (first, second):
        assert Webhook(secret).verify(text, headers) == body
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(text + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret(b"\x00" * 23 + b"\x01")).verify(text, headers)


def test_the_example_of_the_specification_gets_its_known_signature() -> None:
    headers = signed_headers(
        UUID(int=1), 1614265330.7, '{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign(
        str(UUID(int=1)), datetime.fromtimestamp(1614265330, UTC), '{"test": 2432232314}'
    )
