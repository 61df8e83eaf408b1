"""What is asked again, with which key, after which pause, and when the client gives up."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

import pytest

from app.domain.idempotency import parse_key
from assay_client import AssayClient, AssayError, AssayUnavailable, Clock, Pacing
from tests.client.answering import HALF_AN_ANSWER, ID, SUBMISSION, json, keys, problem, status
from tests.client.conftest import SkippingClock, root
from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, answer, hang, raw, reset

ACCEPTED = json(SUBMISSION, 202, Retry_After="1")
FULL = problem(503, "queue-full", Retry_After="7")
PASSING = {
    "queue full": FULL,
    "storage away": problem(503, "storage-unavailable", Retry_After="2"),
    "too many": problem(429, "too-many-requests", Retry_After="1"),
    "in flight": problem(409, "idempotency-key-in-flight", Retry_After="1"),
    "proxy": answer(502, {"Content-Type": "text/html"}, b"<html>"),
    "slow proxy": answer(504),
    "reset": reset(),
    "broken off": HALF_AN_ANSWER,
    "garbage": raw(b"\x00\x01\x02 what?\r\n\r\n"),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_passing_trouble_is_asked_again_with_the_key_of_the_first_try(
    fault: Behaviour, fake: WebhookReceiver, told: AssayClient
) -> None:
    fake.script.extend([fault, fault, ACCEPTED])
    submitted = await told.submit(ID, {ID: "A"})
    assert submitted.assessment_id == ID
    first, *others = keys(fake)
    assert first is not None and others == [first, first]
    assert UUID(parse_key(first) or "").version == 4
    assert {received.body for received in fake.requests} == {fake.requests[0].body}
    fake.script.append(ACCEPTED)
    await told.submit(ID)
    assert keys(fake)[-1] != first


@pytest.mark.parametrize(("code", "name"), [
    (409, "already-submitted"), (409, "conflict"), (410, "assessment-expired"), (422, "idempotency-key-reused"),
    (403, "forbidden"), (500, "internal-error"),
])  # fmt: skip
async def test_an_answer_is_no_reason_to_ask_again(
    code: int, name: str, fake: WebhookReceiver, told: AssayClient
) -> None:
    fake.default = problem(code, name, Retry_After="1")
    with pytest.raises(AssayError) as refused:
        await told.submit(ID)
    assert not isinstance(refused.value, AssayUnavailable)
    told_of = refused.value.problem
    assert (told_of.type, told_of.status, told_of.request_id) == (f"/problems/{name}", code, "r-1")
    assert len(fake.requests) == 1
    assert str(refused.value) == f"POST /assessments/{ID}/submit: {code} {name}: told so: request r-1"


async def test_the_faults_of_fields_are_told(fake: WebhookReceiver, told: AssayClient) -> None:
    errors = [{"pointer": "/responses/0/answer", "detail": "there is no such option"}]
    fake.default = json({"type": "/problems/invalid-fields", "title": "t", "status": 422, "errors": errors}, 422)
    with pytest.raises(AssayError, match="/responses/0/answer there is no such option") as refused:
        await told.save(ID, {ID: "Z"})
    assert [fault.pointer for fault in refused.value.problem.errors] == ["/responses/0/answer"]


async def test_retry_after_in_seconds_is_the_least_pause(
    fake: WebhookReceiver, told: AssayClient, clock: SkippingClock
) -> None:
    fake.script.extend([FULL, problem(503, "x", Retry_After="0"), problem(503, "x", Retry_After="soon"), ACCEPTED])
    await told.submit(ID)
    assert clock.pauses == [7.0, pytest.approx(0.2), pytest.approx(0.4)]


async def test_retry_after_as_a_date_is_the_least_pause(
    fake: WebhookReceiver, told: AssayClient, clock: SkippingClock
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    fake.script.extend([problem(503, "x", Retry_After=date), ACCEPTED])
    await told.submit(ID)
    assert clock.pauses == [pytest.approx(45, abs=5)]


async def test_pauses_double_up_to_the_longest_and_are_spread(fake: WebhookReceiver, clock: SkippingClock) -> None:
    fake.script.extend([reset()] * 6 + [ACCEPTED])
    pacing = Pacing(first=1.0, longest=10.0, chance=lambda: 0.5)
    async with AssayClient(root(fake), "a-token", pacing=pacing, clock=clock) as told:
        await told.submit(ID)
        assert clock.pauses == [0.75, 1.5, 3.0, 6.0, 7.5, 7.5]
        fake.script.extend([problem(503, "x", Retry_After="20"), ACCEPTED])
        await told.submit(ID)
        assert clock.pauses[-1] == 22.0


async def test_the_budget_of_tries_ends_with_the_last_problem(fake: WebhookReceiver, clock: SkippingClock) -> None:
    fake.script.append(reset())
    fake.default = FULL
    async with AssayClient(root(fake), "a-token", pacing=Pacing(tries=3), clock=clock) as told:
        with pytest.raises(AssayUnavailable) as gone:
            await told.submit(ID, idempotency_key="mine")
    assert (len(fake.requests), len(clock.pauses)) == (3, 2)
    assert (gone.value.problem.type, gone.value.problem.retry_after) == ("/problems/queue-full", 7.0)
    assert gone.value.idempotency_key == "mine"


async def test_the_budget_of_seconds_ends_before_a_pause_that_leads_beyond_it(
    fake: WebhookReceiver, told: AssayClient, clock: SkippingClock
) -> None:
    fake.default = problem(503, "queue-full", Retry_After="25")
    with pytest.raises(AssayUnavailable) as gone:
        await told.submit(ID)
    # At 0, 25 and 50 s of 60.
    assert (clock.pauses, len(fake.requests)) == ([25.0, 25.0], 3)
    assert gone.value.problem.type == "/problems/queue-full"
    fake.default = problem(503, "queue-full", Retry_After="3600")
    with pytest.raises(AssayUnavailable):
        await told.status(ID)
    assert (len(clock.pauses), len(fake.requests)) == (2, 4)


async def test_silence_is_told_with_the_key_to_go_on_with(clock: SkippingClock) -> None:
    async with AssayClient("http://127.0.0.1:1", "a-token", pacing=Pacing(tries=2), clock=clock) as told:
        with pytest.raises(AssayUnavailable, match="No answer: ClientConnectorError") as gone:
            await told.submit(ID)
    assert (gone.value.problem.status, len(clock.pauses)) == (None, 1)
    assert gone.value.idempotency_key and UUID(gone.value.idempotency_key).version == 4


async def test_a_try_that_hangs_is_cut_off(fake: WebhookReceiver, clock: SkippingClock) -> None:
    fake.default = hang()
    async with AssayClient(root(fake), "a-token", pacing=Pacing(tries=2, try_seconds=0.2), clock=clock) as told:
        async with asyncio.timeout(30):
            with pytest.raises(AssayUnavailable, match="TimeoutError"):
                await told.status(ID)
    assert len(fake.requests) == 2


@pytest.mark.parametrize("key", ["plain", 'a"b', '"', "back\\slash", "~" * 255])
async def test_a_given_key_arrives_as_it_is(key: str, fake: WebhookReceiver, told: AssayClient) -> None:
    fake.script.append(ACCEPTED)
    await told.submit(ID, idempotency_key=key)
    assert parse_key(keys(fake)[0] or "") == key


@pytest.mark.parametrize("key", ["two words", "ümlaut", "~" * 256, "line\n"])
async def test_what_cannot_be_a_key_is_refused_before_it_is_sent(
    key: str, fake: WebhookReceiver, told: AssayClient
) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        await told.submit(ID, idempotency_key=key)
    assert fake.requests == []


async def test_fields_of_later_versions_are_left_out(fake: WebhookReceiver, told: AssayClient) -> None:
    fake.default = json(status(20.0, later={"new": 1}))
    assert (await told.status(ID)).overall_progress == 20.0


@pytest.mark.parametrize("strange", [
    answer(200, {"Content-Type": "text/html"}, b"<html>Log in, please</html>"), json({"assessment_id": 7}),
    answer(302, {"Location": "/elsewhere"}),
])  # fmt: skip
async def test_what_is_no_answer_of_the_service_is_an_error(
    strange: Behaviour, fake: WebhookReceiver, told: AssayClient
) -> None:
    fake.default = strange
    with pytest.raises(AssayError) as refused:
        await told.status(ID)
    assert (len(fake.requests), isinstance(refused.value, AssayUnavailable)) == (1, False)


async def test_a_webhook_whose_removal_was_not_answered_is_removed(fake: WebhookReceiver, told: AssayClient) -> None:
    gone = problem(404, "not-found")
    fake.script.extend([reset(), gone, json(status(20.0))])
    await told.remove_webhook(ID)
    fake.script.extend([gone, gone])
    with pytest.raises(AssayError, match="404"):
        await told.remove_webhook(ID)


FAULTS: dict[str, Callable[[], Behaviour]] = {
    "garbage": lambda: raw(b"\x00\x01\x02 what?\r\n\r\n"),
    "status line": lambda: raw(b"HTTP/1.1 999999 no\r\n\r\n"),
    "reset": reset,
    "refused": lambda: problem(403, "forbidden"),
    "redirect": lambda: answer(302, {"Location": "http://127.0.0.1:1/"}),
    "half": lambda: HALF_AN_ANSWER,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_the_token_is_told_to_nobody(
    fault: Callable[[], Behaviour], fake: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.default = fault()
    client = AssayClient(root(fake), "very-secret", pacing=Pacing(tries=2), clock=SkippingClock())
    async with client as told:
        with pytest.raises(AssayError) as refused:
            await told.status(ID)
    assert fake.requests[0].headers["Authorization"] == "Bearer very-secret"
    said = [repr(client), str(client), caplog.text, *map(repr, caplog.records)]
    error: BaseException | None = refused.value
    while error:
        said += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    assert [text for text in said if "very-secret" in text] == []


@pytest.mark.parametrize("url", [
    "assay.example", "ftp://assay.example", "http://", "http://me:pw@assay.example", "http://a.example/?q=1",
])  # fmt: skip
def test_what_cannot_be_the_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        AssayClient(url, "a-token")
    assert "pw" not in str(refused.value)


def test_what_cannot_be_a_token_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="token") as refused:
        AssayClient("http://a.example", "two\nlines")
    assert "lines" not in str(refused.value)


async def test_a_path_before_the_api_is_kept(fake: WebhookReceiver) -> None:
    fake.default = json(status(20.0))
    async with AssayClient(f"{root(fake)}/assay/", "a-token") as told:
        await told.status(ID)
    assert fake.requests[0].path == f"/assay/assessments/{ID}/status"


async def test_a_client_is_used_inside_its_context_alone(fake: WebhookReceiver) -> None:
    client = AssayClient(root(fake), "a-token")
    with pytest.raises(RuntimeError, match="async with"):
        await client.status(ID)


async def test_the_clock_is_the_usual_one_unless_another_is_given() -> None:
    before = Clock().now()
    await Clock().sleep(0.0)
    assert Clock().now() >= before and Clock().real(3.0) == 3.0
