"""Messages: secrets, bodies, signatures, and what follows a try."""

import base64
import json
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.domain.records.webhooks import Event
from app.domain.result.model import Overall, Reason
from app.domain.states import DeliveryStatus, DisabledReason, EventType, ReasonCode
from app.domain.webhook.delivery import (
    LEAST_BYTES,
    MOST_BYTES,
    BadSecret,
    Outcome,
    Verdict,
    checked_secret,
    judge,
    new_secret,
    room_delay,
    signed_headers,
)
from app.schemas.webhook_message import BODY_LIMIT, body_of

DELAYS = (0.0, 5.0, 300.0)
SECRETS = st.binary(min_size=LEAST_BYTES, max_size=MOST_BYTES).map(new_secret)
CHANCES = st.floats(0, 1, exclude_max=True)
REASONS = st.builds(Reason, code=st.sampled_from(ReasonCode), stage=st.text(), detail=st.text())
FAILED = Outcome(500, None)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(event_type: EventType, reasons: tuple[Reason, ...] = ()) -> Event:
    """What happened to somebody's assessment."""
    overall = None if event_type is EventType.FAILED else Overall(score=1.5, max_score=2.0, percentage=75.0)
    return Event(UUID(int=7), 3, event_type, "gardener", AT, AT, overall, reasons)


@given(SECRETS)
def test_every_secret_made_here_is_one(secret: str) -> None:
    assert checked_secret(secret) == secret


@pytest.mark.parametrize("text", [
    "", "whsec_", "QUJD" * 8, "whsec-" + "QUJD" * 8, "WHSEC_" + "QUJD" * 8, "whsec_" + "QUJD" * 7 + "QUI=",
    "whsec_" + "QUJD" * 21 + "QUJD" + "QQ==", "whsec_" + "QUJD" * 8 + "!", "whsec_" + "QUJD" * 8 + "\n",
    "whsec_" + " " + "QUJD" * 8, "whsec_" + "QUJD" * 8 + "QQ", "whsec_" + "QUJD" * 8 + "QR==", "whsec_" + "é" * 32,
    "whsec_" + "_-_-" * 8, "whsec_whsec_" + "QUJD" * 8,
])  # fmt: skip
def test_what_is_no_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadSecret) as refused:
        checked_secret(text)
    assert text.removeprefix("whsec_") == "" or text not in str(refused.value)


@given(st.binary(max_size=100))
def test_24_to_64_bytes_are_a_secret(raw: bytes) -> None:
    try:
        checked_secret("whsec_" + base64.b64encode(raw).decode())
        taken = True
    except BadSecret:
        taken = False
    assert taken is (LEAST_BYTES <= len(raw) <= MOST_BYTES)


@given(st.lists(REASONS, max_size=40))
def test_no_reasons_make_a_body_too_long(reasons: list[Reason]) -> None:
    body = body_of(event(EventType.COMPLETED, tuple(reasons)))
    told = json.loads(body)["data"]
    assert len(body.encode()) < BODY_LIMIT
    assert told["degraded"] is bool(reasons)
    assert [reason["code"] for reason in told["degraded_reasons"]] == [reason.code for reason in reasons[:10]]


@pytest.mark.parametrize("character", ["\x01", "\U0001f333", '"', "é"])
def test_the_longest_reasons_are_cut(character: str) -> None:
    long = Reason(code=ReasonCode.RECOMMENDATIONS_UNAVAILABLE, stage=character * 500, detail=character * 50_000)
    body = body_of(event(EventType.RESCORED, (long,) * 50))
    assert len(body.encode()) < BODY_LIMIT
    assert json.loads(body)["data"]["degraded_reasons"][0]["detail"].endswith(f"{character}…")


@pytest.mark.parametrize(("event_type", "status"), [
    (EventType.COMPLETED, "completed"), (EventType.RESCORED, "completed"), (EventType.FAILED, "failed"),
])  # fmt: skip
def test_a_body_says_what_when_and_of_whom(event_type: EventType, status: str) -> None:
    body = json.loads(body_of(event(event_type)))
    assert (body["type"], body["timestamp"]) == (event_type, "2026-01-02T03:04:05Z")
    assert (body["data"]["assessment_id"], body["data"]["run"], body["data"]["status"]) == (str(UUID(int=7)), 3, status)
    assert body["data"]["links"]["result"] == f"/assessments/{UUID(int=7)}/result"


@given(SECRETS, SECRETS, st.text())
def test_each_secret_verifies_and_no_other(one: str, other: str, body: str) -> None:
    text = json.dumps(body)
    headers = signed_headers(uuid4(), time.time(), text, [one, other])
    for secret in (one, other):
        assert Webhook(secret).verify(text, headers) == body
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(text + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret(b"\x00" * 23 + b"\x01")).verify(text, headers)


def test_a_known_signature() -> None:
    """The example of the specification's own library."""
    headers = signed_headers(
        UUID(int=1), 1614265330.7, '{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign(
        str(UUID(int=1)), datetime.fromtimestamp(1614265330, UTC), '{"test": 2432232314}'
    )


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_success(status: int) -> None:
    outcome = Outcome(status, None)
    assert (judge(outcome, DELAYS, 2, 0.5, redelivery=False), outcome.trouble) == (
        Verdict(DeliveryStatus.DELIVERED), None
    )  # fmt: skip


@given(st.integers(300, 599).filter(lambda status: status != 410) | st.none(), st.integers(0, 2), CHANCES)
def test_all_else_is_tried_again_as_the_schedule_says(status: int | None, failed: int, chance: float) -> None:
    verdict = judge(Outcome(status, "no answer"), DELAYS, failed, chance, redelivery=False)
    if failed == 2:
        assert verdict == Verdict(DeliveryStatus.FAILED, disable=DisabledReason.ATTEMPTS_FAILED)
    else:
        assert (verdict.status, verdict.disable) == (DeliveryStatus.PENDING, None)
        assert verdict.delay is not None
        assert DELAYS[failed + 1] <= verdict.delay <= 1.2 * DELAYS[failed + 1]


@pytest.mark.parametrize(("status", "asked", "delay"), [
    (429, 60.0, 60.0), (503, 60.0, 60.0), (429, 1.0, 5.0), (429, 1e9, 86_400.0), (500, 60.0, 5.0), (429, None, 5.0),
])  # fmt: skip
def test_receivers_may_ask_for_time(status: int, asked: float | None, delay: float) -> None:
    assert judge(Outcome(status, None, asked), DELAYS, 0, 0.0, redelivery=False).delay == delay


def test_gone_is_the_end_of_a_redelivery_too() -> None:
    for redelivery in (False, True):
        verdict = judge(Outcome(410, None), DELAYS, 0, 0.0, redelivery=redelivery)
        assert verdict == Verdict(DeliveryStatus.FAILED, disable=DisabledReason.GONE)


@given(st.integers(0, 5), CHANCES)
def test_a_redelivery_that_fails_changes_nothing(failed: int, chance: float) -> None:
    assert judge(FAILED, DELAYS, failed, chance, redelivery=True) == Verdict(None)


@given(st.integers(1, 10_000), CHANCES)
def test_who_finds_no_place_comes_back_soon_and_later_in_a_crowd(turned_away: int, chance: float) -> None:
    delay = room_delay(turned_away, 8, chance)
    assert 0.5 <= delay <= 60
    assert room_delay(turned_away + 1, 8, chance) >= delay
