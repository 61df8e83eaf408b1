"""Retries: of which errors, with which key, after which pause, and up to which limits; and what is never retried."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

import pytest

from app.domain.idempotency import parse_key
from assay_client import AssayClient, AssayError, AssayUnavailable, Clock, Pacing
from tests.client.conftest import SkippingClock, base_url
from tests.client.fake_service import (
    ID,
    SUBMISSION,
    TRUNCATED,
    idempotency_keys,
    json_response,
    problem_response,
    status_body,
)
from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, answer, hang, raw, reset

ACCEPTED = json_response(SUBMISSION, 202, Retry_After="1")
FULL = problem_response(503, "queue-full", Retry_After="7")
TRANSIENT = {
    "queue full": FULL,
    "storage unavailable": problem_response(503, "storage-unavailable", Retry_After="2"),
    "too many": problem_response(429, "too-many-requests", Retry_After="1"),
    "in flight": problem_response(409, "idempotency-key-in-flight", Retry_After="1"),
    "proxy": answer(502, {"Content-Type": "text/html"}, b"<html>"),
    "slow proxy": answer(504),
    "reset": reset(),
    "truncated": TRUNCATED,
    "garbage": raw(b"\x00\x01\x02 what?\r\n\r\n"),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
async def test_transient_errors_are_retried_with_the_same_key(
    fault: Behaviour, fake: WebhookReceiver, client: AssayClient
) -> None:
    fake.script.extend([fault, fault, ACCEPTED])
    submitted = await client.submit(ID, {ID: "A"})
    assert submitted.assessment_id == ID
    first, *others = idempotency_keys(fake)
    assert first is not None and others == [first, first]
    assert UUID(parse_key(first) or "").version == 4
    assert {received.body for received in fake.requests} == {fake.requests[0].body}
    fake.script.append(ACCEPTED)
    await client.submit(ID)
    assert idempotency_keys(fake)[-1] != first


@pytest.mark.parametrize(("code", "name"), [
    (409, "already-submitted"), (409, "conflict"), (410, "assessment-expired"), (422, "idempotency-key-reused"),
    (403, "forbidden"), (500, "internal-error"),
])  # fmt: skip
async def test_other_errors_are_not_retried(code: int, name: str, fake: WebhookReceiver, client: AssayClient) -> None:
    fake.default = problem_response(code, name, Retry_After="1")
    with pytest.raises(AssayError) as raised:
        await client.submit(ID)
    assert not isinstance(raised.value, AssayUnavailable)
    problem = raised.value.problem
    assert (problem.type, problem.status, problem.request_id) == (f"/problems/{name}", code, "r-1")
    assert len(fake.requests) == 1
    assert str(raised.value) == f"POST /assessments/{ID}/submit: {code} {name}: as scripted: request r-1"


async def test_field_errors_are_in_the_problem_and_the_message(fake: WebhookReceiver, client: AssayClient) -> None:
    errors = [{"pointer": "/responses/0/answer", "detail": "there is no such option"}]
    fake.default = json_response(
        {"type": "/problems/invalid-fields", "title": "t", "status": 422, "errors": errors}, 422
    )
    with pytest.raises(AssayError, match="/responses/0/answer there is no such option") as raised:
        await client.save(ID, {ID: "Z"})
    assert [error.pointer for error in raised.value.problem.errors] == ["/responses/0/answer"]


async def test_retry_after_in_seconds_is_the_minimum_pause(
    fake: WebhookReceiver, client: AssayClient, clock: SkippingClock
) -> None:
    fake.script.extend(
        [FULL, problem_response(503, "x", Retry_After="0"), problem_response(503, "x", Retry_After="soon"), ACCEPTED]
    )
    await client.submit(ID)
    assert clock.pauses == [7.0, pytest.approx(0.2), pytest.approx(0.4)]


async def test_retry_after_as_a_date_is_the_minimum_pause(
    fake: WebhookReceiver, client: AssayClient, clock: SkippingClock
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    fake.script.extend([problem_response(503, "x", Retry_After=date), ACCEPTED])
    await client.submit(ID)
    assert clock.pauses == [pytest.approx(45, abs=5)]


async def test_pauses_double_up_to_a_limit_with_jitter(fake: WebhookReceiver, clock: SkippingClock) -> None:
    fake.script.extend([reset()] * 6 + [ACCEPTED])
    pacing = Pacing(first=1.0, longest=10.0, random_fraction=lambda: 0.5)
    async with AssayClient(base_url(fake), "a-token", pacing=pacing, clock=clock) as client:
        await client.submit(ID)
        assert clock.pauses == [0.75, 1.5, 3.0, 6.0, 7.5, 7.5]
        fake.script.extend([problem_response(503, "x", Retry_After="20"), ACCEPTED])
        await client.submit(ID)
        assert clock.pauses[-1] == 22.0


async def test_the_limit_of_attempts_raises_the_last_problem(fake: WebhookReceiver, clock: SkippingClock) -> None:
    fake.script.append(reset())
    fake.default = FULL
    async with AssayClient(base_url(fake), "a-token", pacing=Pacing(tries=3), clock=clock) as client:
        with pytest.raises(AssayUnavailable) as raised:
            await client.submit(ID, idempotency_key="mine")
    assert (len(fake.requests), len(clock.pauses)) == (3, 2)
    assert (raised.value.problem.type, raised.value.problem.retry_after) == ("/problems/queue-full", 7.0)
    assert raised.value.idempotency_key == "mine"


async def test_no_pause_begins_that_would_end_after_the_time_limit(
    fake: WebhookReceiver, client: AssayClient, clock: SkippingClock
) -> None:
    fake.default = problem_response(503, "queue-full", Retry_After="25")
    with pytest.raises(AssayUnavailable) as raised:
        await client.submit(ID)
    # Attempts at 0, 25 and 50 s of 60.
    assert (clock.pauses, len(fake.requests)) == ([25.0, 25.0], 3)
    assert raised.value.problem.type == "/problems/queue-full"
    fake.default = problem_response(503, "queue-full", Retry_After="3600")
    with pytest.raises(AssayUnavailable):
        await client.status(ID)
    assert (len(clock.pauses), len(fake.requests)) == (2, 4)


async def test_without_a_response_the_error_has_the_key_for_another_call(clock: SkippingClock) -> None:
    async with AssayClient("http://127.0.0.1:1", "a-token", pacing=Pacing(tries=2), clock=clock) as client:
        with pytest.raises(AssayUnavailable, match="No response: ClientConnectorError") as raised:
            await client.submit(ID)
    assert (raised.value.problem.status, len(clock.pauses)) == (None, 1)
    assert raised.value.idempotency_key and UUID(raised.value.idempotency_key).version == 4


async def test_an_attempt_without_a_response_times_out(fake: WebhookReceiver, clock: SkippingClock) -> None:
    fake.default = hang()
    async with AssayClient(base_url(fake), "a-token", pacing=Pacing(tries=2, try_seconds=0.2), clock=clock) as client:
        async with asyncio.timeout(30):
            with pytest.raises(AssayUnavailable, match="TimeoutError"):
                await client.status(ID)
    assert len(fake.requests) == 2


@pytest.mark.parametrize("key", ["plain", 'a"b', '"', "back\\slash", "~" * 255])
async def test_the_key_of_the_caller_is_sent_unchanged(key: str, fake: WebhookReceiver, client: AssayClient) -> None:
    fake.script.append(ACCEPTED)
    await client.submit(ID, idempotency_key=key)
    assert parse_key(idempotency_keys(fake)[0] or "") == key


@pytest.mark.parametrize("key", ["two words", "ümlaut", "~" * 256, "line\n"])
async def test_a_malformed_key_is_refused_before_anything_is_sent(
    key: str, fake: WebhookReceiver, client: AssayClient
) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        await client.submit(ID, idempotency_key=key)
    assert fake.requests == []


@pytest.mark.parametrize("answer", [float("nan"), float("inf"), "\ud800"])
async def test_an_answer_that_json_cannot_carry_is_refused_before_anything_is_sent(
    answer: float | str, fake: WebhookReceiver, client: AssayClient
) -> None:
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        await client.save(ID, {ID: answer})
    assert fake.requests == []


async def test_answers_are_sent_as_utf_8(fake: WebhookReceiver, client: AssayClient) -> None:
    counts = {"assessment_id": str(ID), "saved": 1, "answered": 1, "total": 1}
    fake.default = json_response(counts)
    await client.save(ID, {ID: "Ω ≤ 1"})
    expected = f'{{"responses":[{{"question_id":"{ID}","answer":"Ω ≤ 1"}}]}}'
    assert fake.requests[0].body == expected.encode()


async def test_unknown_fields_are_ignored(fake: WebhookReceiver, client: AssayClient) -> None:
    fake.default = json_response(status_body(20.0, later={"new": 1}))
    assert (await client.status(ID)).overall_progress == 20.0


@pytest.mark.parametrize("response", [
    answer(200, {"Content-Type": "text/html"}, b"<html>Log in, please</html>"), json_response({"assessment_id": 7}),
    answer(302, {"Location": "/elsewhere"}),
])  # fmt: skip
async def test_a_response_that_cannot_be_the_services_is_an_error(
    response: Behaviour, fake: WebhookReceiver, client: AssayClient
) -> None:
    fake.default = response
    with pytest.raises(AssayError) as raised:
        await client.status(ID)
    assert (len(fake.requests), isinstance(raised.value, AssayUnavailable)) == (1, False)


async def test_removing_a_webhook_survives_a_lost_response(fake: WebhookReceiver, client: AssayClient) -> None:
    not_found = problem_response(404, "not-found")
    fake.script.extend([reset(), not_found, json_response(status_body(20.0))])
    await client.remove_webhook(ID)
    fake.script.extend([not_found, not_found])
    with pytest.raises(AssayError, match="404"):
        await client.remove_webhook(ID)


FAULTS: dict[str, Callable[[], Behaviour]] = {
    "garbage": lambda: raw(b"\x00\x01\x02 what?\r\n\r\n"),
    "status line": lambda: raw(b"HTTP/1.1 999999 no\r\n\r\n"),
    "reset": reset,
    "refused": lambda: problem_response(403, "forbidden"),
    "redirect": lambda: answer(302, {"Location": "http://127.0.0.1:1/"}),
    "truncated": lambda: TRUNCATED,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_the_token_is_neither_logged_nor_in_errors(
    fault: Callable[[], Behaviour], fake: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.default = fault()
    client = AssayClient(base_url(fake), "very-secret", pacing=Pacing(tries=2), clock=SkippingClock())
    async with client:
        with pytest.raises(AssayError) as raised:
            await client.status(ID)
    assert fake.requests[0].headers["Authorization"] == "Bearer very-secret"
    texts = [repr(client), str(client), caplog.text, *map(repr, caplog.records)]
    error: BaseException | None = raised.value
    while error:
        texts += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    assert [text for text in texts if "very-secret" in text] == []


@pytest.mark.parametrize("url", [
    "assay.example", "ftp://assay.example", "http://", "http://me:pw@assay.example", "http://a.example/?q=1",
])  # fmt: skip
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address") as raised:
        AssayClient(url, "a-token")
    assert "pw" not in str(raised.value)


def test_a_malformed_token_is_refused_and_not_in_the_error() -> None:
    with pytest.raises(ValueError, match="token") as raised:
        AssayClient("http://a.example", "two\nlines")
    assert "lines" not in str(raised.value)


async def test_the_address_may_have_a_path(fake: WebhookReceiver) -> None:
    fake.default = json_response(status_body(20.0))
    async with AssayClient(f"{base_url(fake)}/assay/", "a-token") as client:
        await client.status(ID)
    assert fake.requests[0].path == f"/assay/assessments/{ID}/status"


async def test_a_client_outside_of_its_context_raises(fake: WebhookReceiver) -> None:
    client = AssayClient(base_url(fake), "a-token")
    with pytest.raises(RuntimeError, match="async with"):
        await client.status(ID)


async def test_the_default_clock_is_real_time() -> None:
    before = Clock().now()
    await Clock().sleep(0.0)
    assert Clock().now() >= before and Clock().real(3.0) == 3.0
