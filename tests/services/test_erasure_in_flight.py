"""Erasing a person while a message about them is being sent, or their export is being written: nothing is left of
them, and nothing fails for others."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.errors import NotFound
from app.domain.states import Role
from app.repositories.sql import Pool
from app.services.caller import Access, Caller
from app.services.export_person import export_own, export_person
from app.services.results import reviewed_question
from app.services.webhooks import registrations
from app.services.webhooks.subscriptions import find
from tests.bank import Bank
from tests.erasing import erasing, readers_wait
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.scored_assessments import completed_assessment
from tests.services.person_with_everything import OTHER, SUB
from tests.services.test_erasure import erase, found_in_tables
from tests.subscriptions import new_subscription
from tests.webhooks import SECRET, HeldResponse, claim_fusion, complete, open_delivery, wait_for_requests

DUE = "SELECT id FROM webhook_deliveries WHERE assessment_id = $1"
Subscribe = Callable[[Pool, UUID, str], Awaitable[object]]


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[JobQueue]:
    redis = job_queue.connect(redis_url)
    yield JobQueue(redis)
    await redis.aclose()


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as receiver:
        yield receiver


async def to_the_own_webhook(pool: Pool, assessment_id: UUID, url: str) -> None:
    await registrations.register(pool, assessment_id, url, SECRET)


async def to_a_service_wide_webhook(pool: Pool, assessment_id: UUID, url: str) -> None:
    if not await pool.fetchval("SELECT count(*) FROM webhook_subscriptions"):
        await new_subscription(pool, url)


async def due_message(pool: Pool, bank: Bank, owner: str, subscribe: Subscribe, url: str) -> tuple[UUID, UUID]:
    """The ids of a completed assessment and of its message."""
    job = await claim_fusion(pool, bank, owner)
    await subscribe(pool, job.assessment_id, url)
    await complete(pool, job)
    return job.assessment_id, await pool.fetchval(DUE, job.assessment_id)


@pytest.mark.parametrize("subscribe", [to_the_own_webhook, to_a_service_wide_webhook])
@pytest.mark.parametrize("status", [204, 410, 500])
async def test_a_person_is_erased_while_a_receiver_holds_their_message(
    pool: Pool, bank: Bank, queue: JobQueue, receiver: WebhookReceiver, subscribe: Subscribe, status: int
) -> None:
    erased, message = await due_message(pool, bank, SUB, subscribe, receiver.url)
    kept, other_message = await due_message(pool, bank, OTHER, subscribe, receiver.url)
    held, held_too = HeldResponse(status), HeldResponse()
    receiver.script.extend((held, held_too))
    async with open_delivery(pool) as delivery:
        sending = asyncio.create_task(delivery.run(message))
        await wait_for_requests(receiver, 1)
        sending_other = asyncio.create_task(delivery.run(other_message))
        await wait_for_requests(receiver, 2)
        # It waits for no receiver.
        await erase(pool, queue)
        assert (held.waiting, held_too.waiting) == (1, 1)
        assert await found_in_tables(pool, SUB, str(erased), str(message)) == []
        held.release()
        held_too.release()
        await asyncio.gather(sending, sending_other)
        # The message of nobody is not sent again.
        await delivery.run(message)
    assert len(receiver.requests) == 2
    assert await found_in_tables(pool, SUB, str(erased), str(message)) == []
    assert await pool.fetchval("SELECT status FROM webhook_deliveries WHERE assessment_id = $1", kept) == "delivered"
    assert await pool.fetchval("SELECT count(*) FROM webhook_attempts") == 1
    if subscribe is to_a_service_wide_webhook:
        subscription = await pool.fetchval("SELECT id FROM webhook_subscriptions")
        assert (await find(pool, subscription)).disabled_at is None


@pytest.mark.parametrize("subscribe", [to_the_own_webhook, to_a_service_wide_webhook])
async def test_a_person_is_erased_before_their_message_is_written(
    pool: Pool, bank: Bank, queue: JobQueue, receiver: WebhookReceiver, subscribe: Subscribe
) -> None:
    erased, message = await due_message(pool, bank, SUB, subscribe, receiver.url)
    async with open_delivery(pool) as delivery:
        async with readers_wait(pool) as one_waits:
            sending = asyncio.create_task(delivery.run(message))
            await one_waits()
            await erase(pool, queue)
        await sending
    assert receiver.requests == []
    assert await found_in_tables(pool, SUB, str(erased), str(message)) == []


async def test_a_person_is_erased_while_a_page_reads_a_question_of_theirs(pool: Pool, bank: Bank) -> None:
    erased, advisor = await completed_assessment(pool, bank, SUB), Caller("grace", frozenset({Role.ADVISOR}))
    async with erasing(pool, erased, table="results") as somebody_waits:
        reading = asyncio.create_task(
            reviewed_question.read(pool, erased, bank.ids["essay"], Access(advisor, any_owner=True))
        )
        await until(somebody_waits)
    with pytest.raises(NotFound):
        await reading


async def export(pieces: AsyncIterator[str], written: list[str]) -> None:
    """Writes the rest of an export."""
    async for piece in pieces:
        written.append(piece)


@pytest.mark.parametrize("by_admin", [True, False])
async def test_a_person_is_erased_while_their_export_is_written(
    pool: Pool, bank: Bank, queue: JobQueue, by_admin: bool
) -> None:
    ids = {str(await completed_assessment(pool, bank, SUB)) for _ in range(3)}
    others = str(await completed_assessment(pool, bank, OTHER))
    pieces = export_person(pool, "admin-1", SUB) if by_admin else export_own(pool, SUB)
    pieces_of_other = export_person(pool, "admin-1", OTHER)
    written, written_of_other = [await anext(pieces), await anext(pieces)], [await anext(pieces_of_other)]
    async with readers_wait(pool) as one_waits:
        exporting = asyncio.create_task(export(pieces, written))
        # It has the id of the second assessment.
        await one_waits()
        await erase(pool, queue)
    await exporting
    await export(pieces_of_other, written_of_other)
    # What was written before is with its reader; the document ends well, and nothing more of it is stored.
    [before] = [assessment["assessment_id"] for assessment in json.loads("".join(written))["assessments"]]
    assert before in ids
    assert await found_in_tables(pool, SUB, *ids) == []
    [kept] = json.loads("".join(written_of_other))["assessments"]
    assert kept["assessment_id"] == others
    exports = await pool.fetch("SELECT key FROM audit_log WHERE action = 'export' ORDER BY id")
    assert [row["key"].startswith("erased-") for row in exports] == [True, False][not by_admin :]
