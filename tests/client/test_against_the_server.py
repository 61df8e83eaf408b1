"""The client and the real server: the whole way, answers that are lost, and submissions that race."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.repositories.sql import Pool
from app.settings import Settings
from app.web.app import create_app
from assay_client import AssayClient, AssayError, Clock, Pacing, Submission
from tests.api import token
from tests.bank import SLUG, Bank
from tests.client.answering import keys, lost, passed_on
from tests.client.conftest import root, student
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.pipelines import Finish
from tests.web.conftest import ProductServer
from tests.webhooks import NOWHERE, SECRET

SUBMISSIONS = "SELECT count(*) FROM assessments WHERE submitted_at IS NOT NULL"


@pytest.fixture
async def started(assay: AssayClient) -> UUID:
    """The id of an assessment that the student has just started."""
    return (await assay.start(SLUG)).assessment_id


def answers(bank: Bank) -> dict[UUID, Any]:
    """A full set."""
    return {UUID(each["question_id"]): each["answer"] for each in bank.all_answers()}


async def jobs(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM async_jobs")
    return count


async def test_the_whole_way(assay: AssayClient, bank: Bank, finish: Finish) -> None:
    (track,) = await assay.tracks()
    assessment = await assay.start(track.slug)
    assert (await assay.start(track.slug)).assessment_id == assessment.assessment_id
    told = answers(bank)
    saved = await assay.save(assessment.assessment_id, told)
    assert (saved.saved, saved.total) == (10, 10)
    assert {each.question_id for each in (await assay.assessment(assessment.assessment_id)).responses} == set(told)
    with pytest.raises(AssayError, match="not submitted") as early:
        await assay.result(assessment.assessment_id)
    assert early.value.problem.type == "/problems/not-submitted"
    submitted = await assay.submit(assessment.assessment_id)
    assert submitted.scores.theoretical.score == pytest.approx(2.0)
    assert await assay.result(str(assessment.assessment_id)) is None
    waiting = asyncio.create_task(assay.wait_for_result(assessment.assessment_id, 60))
    await finish()
    result = await waiting
    assert (result.track, result.status) == (SLUG, "completed")
    assert await assay.result(assessment.assessment_id) == result
    assert (await assay.status(assessment.assessment_id)).overall_progress == 100.0


async def test_a_result_that_does_not_come_is_waited_for_no_longer_than_told(assay: AssayClient, started: UUID) -> None:
    await assay.submit(started)
    with pytest.raises(TimeoutError):
        await assay.wait_for_result(started, timeout=0.2)


async def test_webhooks(assay: AssayClient, started: UUID) -> None:
    registered = await assay.register_webhook(started, NOWHERE, SECRET)
    assert (registered.webhook_url, registered.secret) == (NOWHERE, SECRET)
    assert SECRET not in repr(registered)
    made = await assay.register_webhook(started, NOWHERE)
    assert made.secret.startswith("whsec_") and made.secret != SECRET
    assert (await assay.webhook(started)).webhook_url == NOWHERE
    assert await assay.deliveries(started) == ()
    await assay.remove_webhook(started)
    await assay.remove_webhook(started)
    with pytest.raises(AssayError, match="404"):
        await assay.webhook(started)
    with pytest.raises(AssayError, match="404"):
        await assay.remove_webhook(uuid4())
    with pytest.raises(AssayError, match="/webhook_url"):
        await assay.register_webhook(started, "ftp://hooks.example")


async def test_all_pages_are_read(assay: AssayClient, started: UUID, pool: Pool) -> None:
    await pool.execute(
        """INSERT INTO webhook_deliveries (assessment_id, run, event_type)
           SELECT $1, n, 'assessment.rescored' FROM generate_series(1, 230) AS n""",
        started,
    )
    found = await assay.deliveries(started)
    assert sorted(delivery.run for delivery in found) == list(range(1, 231))


@pytest.fixture
async def by_way(fake: WebhookReceiver, server: ProductServer) -> AsyncIterator[AssayClient]:
    """The same student, whose requests all come by the fake server."""
    fake.default = passed_on(str(server.make_url("")).rstrip("/"))
    async with student(root(fake)) as by_way:
        yield by_way


async def test_what_was_done_but_not_answered_is_done_once(
    by_way: AssayClient, fake: WebhookReceiver, server: ProductServer, pool: Pool
) -> None:
    behind = str(server.make_url("")).rstrip("/")
    fake.script.extend([lost(behind), lost(behind)])
    assessment = await by_way.start(SLUG)
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 1
    fake.requests.clear()
    fake.script.extend([lost(behind), lost(behind)])
    submitted = await by_way.submit(assessment.assessment_id)
    assert submitted.assessment_id == assessment.assessment_id
    assert (len(keys(fake)), len(set(keys(fake)))) == (3, 1)
    assert (await pool.fetchval(SUBMISSIONS), await jobs(pool)) == (1, 3)
    with pytest.raises(AssayError, match="submitted already") as again:
        await by_way.submit(assessment.assessment_id)
    assert again.value.problem.type == "/problems/already-submitted"
    assert len(fake.requests) == 4


async def test_of_many_at_once_with_one_key_all_get_the_answer(
    assay: AssayClient, started: UUID, bank: Bank, pool: Pool
) -> None:
    told = answers(bank)
    same = [assay.submit(started, told, idempotency_key="one") for _ in range(20)]
    got = await asyncio.gather(*same)
    assert got == [got[0]] * 20
    assert (await pool.fetchval(SUBMISSIONS), await jobs(pool)) == (1, 3)


async def test_of_many_at_once_with_keys_of_their_own_one_submits(
    assay: AssayClient, started: UUID, pool: Pool
) -> None:
    got = await asyncio.gather(*(assay.submit(started) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(each, Submission) for each in got) == 1
    refused = [each.problem.type for each in got if isinstance(each, AssayError)]
    assert refused == ["/problems/already-submitted"] * 19
    assert await jobs(pool) == 3


class QuickClock(Clock):
    """A hundred times as fast in pauses, which it notes."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def real(self, seconds: float) -> float:
        """A hundredth."""
        self.pauses.append(seconds)
        return seconds / 100


async def test_a_full_queue_is_waited_out(settings: Settings, bank: Bank, finish: Finish, pool: Pool) -> None:
    app, clock = create_app(settings.model_copy(update={"max_queued_assessments": 1})), QuickClock()

    async def turned_away() -> bool:
        return bool(clock.pauses)

    async with ProductServer(app) as server:
        url = str(server.make_url(""))
        later = AssayClient(url, token("student-2", "student"), pacing=Pacing(tries=1000), clock=clock)
        async with student(url) as first, later as second:
            await first.submit((await first.start(SLUG)).assessment_id)
            mine = (await second.start(SLUG)).assessment_id
            waiting = asyncio.create_task(second.submit(mine))
            await until(turned_away)
            await finish()
            assert (await waiting).assessment_id == mine
    assert min(clock.pauses) >= 5
    assert await pool.fetchval(SUBMISSIONS) == 2
