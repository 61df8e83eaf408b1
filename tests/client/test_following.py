"""`follow`: cut connections, restarts of the service, and servers that do not wait."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.http.app_keys import CHANGE_HUB
from app.server import serve
from app.settings import Settings
from assay_client import AssayClient, AssayError, AssayUnavailable, Status
from tests.bank import SLUG, Bank
from tests.client.conftest import SkippingClock, student_client
from tests.client.fake_service import ID, TRUNCATED, json_response, problem_response, status_body
from tests.fakes.breakable_proxy import breakable_proxy
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, answer, reset
from tests.job_runner import Finish
from tests.web.conftest import ProductServer

UNCHANGED = answer(304, {"ETag": '"1"', "Retry-After": "1"})
FIRST = json_response(status_body(20.0), ETag='"1"', Retry_After="1")
LAST = json_response(status_body(100.0, final=True), ETag='"9"')


async def followed(client: AssayClient) -> list[float]:
    """The progress of every status until the end."""
    return [status.overall_progress async for status in client.follow(ID)]


def polls(fake: WebhookReceiver) -> list[tuple[bool, str | None]]:
    """Of each poll, whether it was a long poll, and its If-None-Match."""
    return [("wait=" in received.path, received.headers.get("If-None-Match")) for received in fake.requests]


async def test_every_change_is_yielded_once_until_the_final_status(fake: WebhookReceiver, client: AssayClient) -> None:
    second = json_response(status_body(50.0), ETag='"2"', Retry_After="1")
    fake.script.extend([FIRST, UNCHANGED, FIRST, second, LAST])
    assert await followed(client) == [20.0, 50.0, 100.0]
    assert polls(fake) == [(False, None), (True, '"1"'), (True, '"1"'), (True, '"1"'), (True, '"2"')]
    assert all(20 <= int(received.path.partition("wait=")[2]) <= 25 for received in fake.requests[1:])


async def test_a_status_being_rescored_is_not_the_end(fake: WebhookReceiver, client: AssayClient) -> None:
    rescored = json_response(status_body(100.0, final=True, rescoring=True), ETag='"5"', Retry_After="1")
    fake.script.extend([rescored, LAST])
    assert await followed(client) == [100.0, 100.0]


@pytest.mark.parametrize("cut", [TRUNCATED, answer(504), answer(502)])
async def test_a_cut_long_poll_continues_with_the_same_tag(
    cut: Behaviour, fake: WebhookReceiver, client: AssayClient
) -> None:
    fake.script.extend([FIRST, cut, UNCHANGED, cut, UNCHANGED, LAST])
    assert await followed(client) == [20.0, 100.0]
    tag = '"1"'
    assert polls(fake) == [(False, None), (True, tag), (False, tag), (True, tag), (False, tag), (True, tag)]


async def test_cut_long_polls_are_harmless_while_other_requests_succeed(
    fake: WebhookReceiver, client: AssayClient, clock: SkippingClock
) -> None:
    # For longer than the limits of one call.
    fake.script.extend([FIRST, *[answer(504), UNCHANGED] * 50, LAST])
    assert await followed(client) == [20.0, 100.0]
    assert clock.now() > 60 and len(clock.pauses) == 50


async def test_a_server_that_does_not_wait_is_polled_with_pauses(
    fake: WebhookReceiver, client: AssayClient, clock: SkippingClock
) -> None:
    fake.script.extend([FIRST, *[UNCHANGED] * 7, LAST])
    assert await followed(client) == [20.0, 100.0]
    assert clock.pauses == pytest.approx([1, 1, 1, 1, 1.6, 3.2, 5])


async def test_retry_after_of_a_long_poll_is_respected(
    fake: WebhookReceiver, client: AssayClient, clock: SkippingClock
) -> None:
    fake.script.extend([FIRST, problem_response(429, "too-many-waits", Retry_After="5"), LAST])
    assert await followed(client) == [20.0, 100.0]
    assert clock.pauses == [5.0]


async def test_a_service_that_stays_unavailable_raises(fake: WebhookReceiver, client: AssayClient) -> None:
    fake.script.append(FIRST)
    fake.default = reset()
    statuses: list[Status] = []
    with pytest.raises(AssayUnavailable):
        async for status in client.follow(ID):
            statuses.append(status)
    assert len(statuses) == 1


async def test_another_error_is_raised_at_once(fake: WebhookReceiver, client: AssayClient) -> None:
    fake.script.extend([FIRST, problem_response(403, "forbidden")])
    with pytest.raises(AssayError, match="403"):
        await followed(client)
    assert len(fake.requests) == 2


async def test_waiting_for_a_result_continues_while_a_failed_assessment_is_retried(
    fake: WebhookReceiver, client: AssayClient
) -> None:
    retried = json_response(
        status_body(100.0, final=True, status="failed", rescoring=True), ETag='"5"', Retry_After="1"
    )
    failed = json_response(status_body(100.0, final=True, status="failed"), ETag='"6"')
    fake.script.extend([retried, failed, problem_response(409, "assessment-failed")])
    with pytest.raises(AssayError, match="assessment-failed"):
        await client.wait_for_result(ID)
    assert len(fake.requests) == 3


class Follower:
    """Follows an assessment in the background; `statuses` so far."""

    def __init__(self, assay: AssayClient, assessment: Status) -> None:
        self.statuses: list[Status] = []
        self._assay = assay
        self._id = assessment.assessment_id
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async for status in self._assay.follow(self._id):
            self.statuses.append(status)

    async def wait_for_first(self) -> None:
        """Waits for the first status."""

        async def has_first() -> bool:
            return bool(self.statuses)

        await until(has_first)

    async def wait_for_end(self) -> None:
        """Waits for the end, and checks that it came as it should."""
        async with asyncio.timeout(40):
            await self.task
        assert self.statuses[-1].status == "completed"
        progress = [status.overall_progress for status in self.statuses]
        assert progress == sorted(progress) and progress[-1] == 100.0


async def submitted(assay: AssayClient, bank: Bank) -> Status:
    """The status of a submitted assessment whose jobs have not run."""
    assessment = await assay.start(SLUG)
    await assay.submit(assessment.assessment_id, {bank.ids["essay"]: "Water rises in the xylem."})
    return await assay.status(assessment.assessment_id)


async def wait_for_poll(server: ProductServer) -> None:
    """Waits until the server holds a long poll."""

    async def holds_poll() -> bool:
        return server.app[CHANGE_HUB].waiting == 1

    await until(holds_poll)


async def test_a_cut_connection_is_survived(server: ProductServer, bank: Bank, finish: Finish) -> None:
    async with breakable_proxy(str(server.make_url(""))) as line, student_client(line.url) as assay:
        follower = Follower(assay, await submitted(assay, bank))
        await wait_for_poll(server)
        line.cut()
        await finish()
        await line.restore()
        await follower.wait_for_end()


async def test_a_restart_of_the_server_is_survived(settings: Settings, bank: Bank, finish: Finish) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server_settings = settings.model_copy(update={"host": "127.0.0.1", "port": port})
    async with student_client(f"http://127.0.0.1:{port}") as assay:
        async with serving(server_settings):
            follower = Follower(assay, await submitted(assay, bank))
            await follower.wait_for_first()
        await finish()
        async with serving(server_settings):
            await follower.wait_for_end()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[None]:
    """The service as `assay serve` runs it, stopped at the end as by SIGTERM."""
    stop = asyncio.Event()
    serving_task = asyncio.create_task(serve(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await serving_task
