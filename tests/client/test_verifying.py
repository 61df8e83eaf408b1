"""`verify_webhook`: messages as a worker sends them, and forgeries."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from app.repositories.sql import Pool
from app.services.webhooks import registrations as managing
from assay_client import BadSecret, WebhookRefused, verify_webhook
from tests.bank import SLUG, Bank
from tests.fakes.webhook_receiver import Received, WebhookReceiver
from tests.webhooks import (
    OTHER_SECRET,
    SECRET,
    claim_fusion,
    complete,
    complete_with_webhook,
    open_delivery,
    send_all,
)

BODY = b'{"type": "assessment.completed"}'


@pytest.fixture
async def message(pool: Pool, bank: Bank, fake: WebhookReceiver) -> AsyncIterator[Received]:
    """A message as the receiver got it."""
    await complete_with_webhook(pool, bank, fake.url)
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
    yield fake.requests[0]


def signed(body: bytes, at: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers of a message, signed by the secret."""
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign("m", at, body.decode())
    stamp = str(int(at.timestamp()))
    return {"Webhook-Id": "m", "Webhook-Timestamp": stamp, "Webhook-Signature": signature}


async def test_a_genuine_message_is_parsed(message: Received) -> None:
    event = verify_webhook(SECRET, message.headers, message.body)
    assert (event.type, event.data.track, event.data.status) == ("assessment.completed", SLUG, "completed")
    assert verify_webhook(SECRET, dict(message.headers), message.body.decode()) == event


async def test_a_message_of_a_type_of_a_later_version_is_parsed(message: Received) -> None:
    body = message.body.replace(b"assessment.completed", b"assessment.added_later")
    assert verify_webhook(SECRET, signed(body), body).type == "assessment.added_later"


async def test_while_a_secret_is_replaced_both_verify(pool: Pool, bank: Bank, fake: WebhookReceiver) -> None:
    job = await claim_fusion(pool, bank)
    for secret in (SECRET, OTHER_SECRET):
        await managing.register(pool, job.assessment_id, fake.url, secret)
    await complete(pool, job)
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
    (received,) = fake.requests
    assert len(received.headers["webhook-signature"].split()) == 2
    for secret in (SECRET, OTHER_SECRET):
        assert verify_webhook(secret, received.headers, received.body).data.assessment_id == job.assessment_id
    with pytest.raises(WebhookRefused):
        verify_webhook("whsec_" + "R0hJ" * 8, received.headers, received.body)


async def test_an_altered_message_is_refused(message: Received) -> None:
    headers = dict(message.headers)
    with pytest.raises(WebhookRefused, match="No matching signature"):
        verify_webhook(SECRET, headers, message.body.replace(b"completed", b"c0mpleted"))
    for name, value in (("webhook-id", "another"), ("webhook-timestamp", str(int(time.time()) - 7))):
        with pytest.raises(WebhookRefused):
            verify_webhook(SECRET, headers | {name: value}, message.body)
    with pytest.raises(WebhookRefused):
        verify_webhook(OTHER_SECRET, headers, message.body)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_future_message_is_refused(minutes: int) -> None:
    headers = signed(BODY, datetime.now(UTC) + timedelta(minutes=minutes))
    with pytest.raises(WebhookRefused, match="too old" if minutes < 0 else "too new"):
        verify_webhook(SECRET, headers, BODY)


@pytest.mark.parametrize("changed", [
    {"Webhook-Signature": ""}, {"Webhook-Signature": "v1"}, {"Webhook-Signature": "v1,!"}, {"Webhook-Signature": "é,é"},
    {"Webhook-Signature": "v2,QUJD"}, {"Webhook-Timestamp": "nan"}, {"Webhook-Timestamp": "1e400"}, {"Webhook-Id": ""},
    {"Webhook-Signature": "v1,QQ"}, {"Webhook-Signature": "v1,Q,Q"}, {"Webhook-Signature": "v1,é"},
])  # fmt: skip
def test_malformed_headers_are_refused(changed: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, signed(BODY) | changed, BODY)


def test_a_message_without_headers_or_not_utf_8_is_refused() -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, {}, BODY)
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, signed(BODY), b"\xff\xfe")


def test_a_signed_message_without_its_fields_is_refused() -> None:
    with pytest.raises(WebhookRefused, match="none that this version can read"):
        verify_webhook(SECRET, signed(BODY), BODY)


@pytest.mark.parametrize("secret", ["", "whsec_", "QUJD" * 8])
def test_a_malformed_secret_is_an_error(secret: str) -> None:
    with pytest.raises(BadSecret):
        verify_webhook(secret, signed(BODY), BODY)
