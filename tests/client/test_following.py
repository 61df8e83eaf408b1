"""Following an assessment through cut polls, restarts and servers that don't wait."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.settings import Settings
from app.web.keys import FOLLOWING
from app.web.serving import serve
from assay_client import AssayClient, AssayError, AssayUnavailable, Status
from tests.bank import SLUG, Bank
from tests.client.answering import HALF_AN_ANSWER, ID, json, problem, status
from tests.client.conftest import SkippingClock, student
from tests.fakes.conditions import until
from tests.fakes.cut_line import cut_line
from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, answer, reset
from tests.pipelines import Finish
from tests.web.conftest import ProductServer

UNCHANGED = answer(304, {"ETag": '"1"', "Retry-After": "1"})
FIRST = json(status(20.0), ETag='"1"', Retry_After="1")
LAST = json(status(100.0, final=True), ETag='"9"')


async def seen(assay: AssayClient) -> list[float]:
    """The progress of every status, to the end."""
    return [each.overall_progress async for each in assay.follow(ID)]


def polls(fake: WebhookReceiver) -> list[tuple[bool, str | None]]:
    """Of each poll, whether it was a long one, and the tag that it named."""
    return [("wait=" in received.path, received.headers.get("If-None-Match")) for received in fake.requests]


async def test_every_change_is_seen_once_and_the_final_status_ends_it(fake: WebhookReceiver, told: AssayClient) -> None:
    second = json(status(50.0), ETag='"2"', Retry_After="1")
    fake.script.extend([FIRST, UNCHANGED, FIRST, second, LAST])
    assert await seen(told) == [20.0, 50.0, 100.0]
    assert polls(fake) == [(False, None), (True, '"1"'), (True, '"1"'), (True, '"1"'), (True, '"2"')]
    assert all(20 <= int(received.path.partition("wait=")[2]) <= 25 for received in fake.requests[1:])


async def test_a_final_status_that_is_rescored_is_not_the_end(fake: WebhookReceiver, told: AssayClient) -> None:
    rescored = json(status(100.0, final=True, rescoring=True), ETag='"5"', Retry_After="1")
    fake.script.extend([rescored, LAST])
    assert await seen(told) == [100.0, 100.0]


@pytest.mark.parametrize("cut", [HALF_AN_ANSWER, answer(504), answer(502)])
async def test_a_long_poll_that_is_cut_goes_on_with_the_same_tag(
    cut: Behaviour, fake: WebhookReceiver, told: AssayClient
) -> None:
    fake.script.extend([FIRST, cut, UNCHANGED, cut, UNCHANGED, LAST])
    assert await seen(told) == [20.0, 100.0]
    tag = '"1"'
    assert polls(fake) == [(False, None), (True, tag), (False, tag), (True, tag), (False, tag), (True, tag)]


async def test_polls_that_are_always_cut_end_nothing_while_the_service_answers_others(
    fake: WebhookReceiver, told: AssayClient, clock: SkippingClock
) -> None:
    # Longer than any budget.
    fake.script.extend([FIRST, *[answer(504), UNCHANGED] * 50, LAST])
    assert await seen(told) == [20.0, 100.0]
    assert clock.now() > 60 and len(clock.pauses) == 50


async def test_a_server_that_does_not_wait_is_asked_with_pauses(
    fake: WebhookReceiver, told: AssayClient, clock: SkippingClock
) -> None:
    fake.script.extend([FIRST, *[UNCHANGED] * 7, LAST])
    assert await seen(told) == [20.0, 100.0]
    assert clock.pauses == pytest.approx([1, 1, 1, 1, 1.6, 3.2, 5])


async def test_too_many_waits_are_answered_with_the_pause_that_is_asked_for(
    fake: WebhookReceiver, told: AssayClient, clock: SkippingClock
) -> None:
    fake.script.extend([FIRST, problem(429, "too-many-waits", Retry_After="5"), LAST])
    assert await seen(told) == [20.0, 100.0]
    assert clock.pauses == [5.0]


async def test_a_service_that_stays_away_is_given_up(fake: WebhookReceiver, told: AssayClient) -> None:
    fake.script.append(FIRST)
    fake.default = reset()
    got: list[Status] = []
    with pytest.raises(AssayUnavailable):
        async for each in told.follow(ID):
            got.append(each)
    assert len(got) == 1


async def test_a_problem_ends_it(fake: WebhookReceiver, told: AssayClient) -> None:
    fake.script.extend([FIRST, problem(403, "forbidden")])
    with pytest.raises(AssayError, match="403"):
        await seen(told)
    assert len(fake.requests) == 2


async def test_a_failed_assessment_that_is_tried_again_may_still_have_a_result(
    fake: WebhookReceiver, told: AssayClient
) -> None:
    again = json(status(100.0, final=True, status="failed", rescoring=True), ETag='"5"', Retry_After="1")
    failed = json(status(100.0, final=True, status="failed"), ETag='"6"')
    fake.script.extend([again, failed, problem(409, "assessment-failed")])
    with pytest.raises(AssayError, match="assessment-failed"):
        await told.wait_for_result(ID)
    assert len(fake.requests) == 3


class Follower:
    """Follows in the background; `seen` so far."""

    def __init__(self, assay: AssayClient, assessment: Status) -> None:
        self.seen: list[Status] = []
        self._assay = assay
        self._id = assessment.assessment_id
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async for each in self._assay.follow(self._id):
            self.seen.append(each)

    async def saw_something(self) -> None:
        """Returns when it has begun."""

        async def began() -> bool:
            return bool(self.seen)

        await until(began)

    async def saw_the_end(self) -> None:
        """Returns when it has ended, as it should."""
        async with asyncio.timeout(40):
            await self.task
        assert self.seen[-1].status == "completed"
        progress = [each.overall_progress for each in self.seen]
        assert progress == sorted(progress) and progress[-1] == 100.0


async def submitted(assay: AssayClient, bank: Bank) -> Status:
    """The status of an assessment that waits for its jobs."""
    assessment = await assay.start(SLUG)
    await assay.submit(assessment.assessment_id, {bank.ids["essay"]: "Water rises in the xylem."})
    return await assay.status(assessment.assessment_id)


async def waited_on(server: ProductServer) -> None:
    """Returns when somebody's long poll waits there."""

    async def somebody_waits() -> bool:
        return server.app[FOLLOWING].waiting == 1

    await until(somebody_waits)


async def test_a_cut_line_is_survived(server: ProductServer, bank: Bank, finish: Finish) -> None:
    async with cut_line(str(server.make_url(""))) as line, student(line.url) as assay:
        follower = Follower(assay, await submitted(assay, bank))
        await waited_on(server)
        line.cut()
        await finish()
        await line.mend()
        await follower.saw_the_end()


async def test_a_restart_of_the_server_is_survived(settings: Settings, bank: Bank, finish: Finish) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    here = settings.model_copy(update={"host": "127.0.0.1", "port": port})
    async with student(f"http://127.0.0.1:{port}") as assay:
        async with serving(here):
            follower = Follower(assay, await submitted(assay, bank))
            await follower.saw_something()
        await finish()
        async with serving(here):
            await follower.saw_the_end()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[None]:
    """The product as `assay serve` has it, stopped at the end as by SIGTERM."""
    stop = asyncio.Event()
    served = asyncio.create_task(serve(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await served
