"""The client against the real service: from start to result, lost responses, and concurrent submissions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings
from assay_client import AssayClient, AssayError, Clock, Pacing, Submission
from tests.api import token
from tests.bank import SLUG, Bank
from tests.client.conftest import base_url, student_client
from tests.client.fake_service import forward, idempotency_keys, lose_response
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.job_runner import Finish
from tests.web.conftest import ProductServer
from tests.webhooks import SECRET, UNREACHABLE_URL

SUBMISSIONS = "SELECT count(*) FROM assessments WHERE submitted_at IS NOT NULL"


@pytest.fixture
async def started(assay: AssayClient) -> UUID:
    """The id of a new assessment of the student."""
    return (await assay.start(SLUG)).assessment_id


def answers(bank: Bank) -> dict[UUID, Any]:
    """An answer to every question."""
    return {UUID(response["question_id"]): response["answer"] for response in bank.all_answers()}


async def jobs(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM async_jobs")
    return count


async def test_from_start_to_result(assay: AssayClient, bank: Bank, finish: Finish) -> None:
    (track,) = await assay.tracks()
    assessment = await assay.start(track.slug)
    assert (await assay.start(track.slug)).assessment_id == assessment.assessment_id
    all_answers = answers(bank)
    saved = await assay.save(assessment.assessment_id, all_answers)
    assert (saved.saved, saved.total) == (10, 10)
    responses = (await assay.assessment(assessment.assessment_id)).responses
    assert {response.question_id for response in responses} == set(all_answers)
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
    (listed,) = await assay.assessments()
    assert (listed.assessment_id, listed.overall_percentage) == (assessment.assessment_id, result.overall.percentage)


async def test_an_appeal(assay: AssayClient, started: UUID, bank: Bank, finish: Finish) -> None:
    await assay.submit(started, answers(bank))
    await finish()
    question = bank.ids["right"]
    appeal = await assay.appeal(started, question, "Why?")
    assert (appeal.status, appeal.question_id, appeal.reply) == ("open", question, None)
    result = await assay.result(started)
    assert result
    (line,) = (line for line in result.breakdown.theoretical.questions if line.question_id == question)
    assert line.appeal and line.appeal.appeal_id == appeal.appeal_id
    with pytest.raises(AssayError, match="appealed before"):
        await assay.appeal(started, question, "Why not?")


async def test_waiting_for_a_result_times_out(assay: AssayClient, started: UUID) -> None:
    await assay.submit(started)
    with pytest.raises(TimeoutError):
        await assay.wait_for_result(started, timeout=0.2)


async def test_webhooks(assay: AssayClient, started: UUID) -> None:
    registered = await assay.register_webhook(started, UNREACHABLE_URL, SECRET)
    assert (registered.webhook_url, registered.secret) == (UNREACHABLE_URL, SECRET)
    assert SECRET not in repr(registered)
    made = await assay.register_webhook(started, UNREACHABLE_URL)
    assert made.secret.startswith("whsec_") and made.secret != SECRET
    assert (await assay.webhook(started)).webhook_url == UNREACHABLE_URL
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
    deliveries = await assay.deliveries(started)
    assert sorted(delivery.run for delivery in deliveries) == list(range(1, 231))


@pytest.fixture
async def proxied(fake: WebhookReceiver, server: ProductServer) -> AsyncIterator[AssayClient]:
    """The same student's client, whose requests the fake service forwards to the real one."""
    fake.default = forward(str(server.make_url("")).rstrip("/"))
    async with student_client(base_url(fake)) as proxied:
        yield proxied


async def test_requests_whose_response_was_lost_are_done_once(
    proxied: AssayClient, fake: WebhookReceiver, server: ProductServer, pool: Pool
) -> None:
    url = str(server.make_url("")).rstrip("/")
    fake.script.extend([lose_response(url), lose_response(url)])
    assessment = await proxied.start(SLUG)
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 1
    fake.requests.clear()
    fake.script.extend([lose_response(url), lose_response(url)])
    submitted = await proxied.submit(assessment.assessment_id)
    assert submitted.assessment_id == assessment.assessment_id
    assert (len(idempotency_keys(fake)), len(set(idempotency_keys(fake)))) == (3, 1)
    assert (await pool.fetchval(SUBMISSIONS), await jobs(pool)) == (1, 3)
    with pytest.raises(AssayError, match="submitted already") as raised:
        await proxied.submit(assessment.assessment_id)
    assert raised.value.problem.type == "/problems/already-submitted"
    assert len(fake.requests) == 4


async def test_concurrent_submissions_with_one_key_all_get_the_same_response(
    assay: AssayClient, started: UUID, bank: Bank, pool: Pool
) -> None:
    all_answers = answers(bank)
    calls = [assay.submit(started, all_answers, idempotency_key="one") for _ in range(20)]
    submissions = await asyncio.gather(*calls)
    assert submissions == [submissions[0]] * 20
    assert (await pool.fetchval(SUBMISSIONS), await jobs(pool)) == (1, 3)


async def test_of_concurrent_submissions_with_different_keys_one_succeeds(
    assay: AssayClient, started: UUID, pool: Pool
) -> None:
    outcomes = await asyncio.gather(*(assay.submit(started) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(outcome, Submission) for outcome in outcomes) == 1
    problems = [outcome.problem.type for outcome in outcomes if isinstance(outcome, AssayError)]
    assert problems == ["/problems/already-submitted"] * 19
    assert await jobs(pool) == 3


class QuickClock(Clock):
    """Real time, but with pauses of a hundredth of their length; `pauses` has them all."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def real(self, seconds: float) -> float:
        """A hundredth of the seconds."""
        self.pauses.append(seconds)
        return seconds / 100


async def test_a_full_queue_is_retried_until_there_is_room(
    settings: Settings, bank: Bank, finish: Finish, pool: Pool
) -> None:
    service, clock = create_app(settings.model_copy(update={"max_queued_assessments": 1})), QuickClock()

    async def was_refused() -> bool:
        return bool(clock.pauses)

    async with ProductServer(service) as server:
        url = str(server.make_url(""))
        second_client = AssayClient(url, token("student-2", "student"), pacing=Pacing(tries=1000), clock=clock)
        async with student_client(url) as first, second_client as second:
            await first.submit((await first.start(SLUG)).assessment_id)
            assessment_id = (await second.start(SLUG)).assessment_id
            waiting = asyncio.create_task(second.submit(assessment_id))
            await until(was_refused)
            await finish()
            assert (await waiting).assessment_id == assessment_id
    assert min(clock.pauses) >= 5
    assert await pool.fetchval(SUBMISSIONS) == 2
