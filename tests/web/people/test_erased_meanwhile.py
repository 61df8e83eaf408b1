"""Requests about an assessment that is erased when they have found it: 404, as if they had come a moment later."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.repositories.sql import Pool
from app.services.assessments import start
from tests.api import Api
from tests.appeals import TEXT
from tests.bank import SLUG, Bank
from tests.erasing import erasing
from tests.fakes.conditions import until
from tests.scored_assessments import completed_assessment
from tests.web.changes import OWNER_CHANGES, STAFF_CHANGES, World
from tests.web.problems import problem

NEWEST = "SELECT id FROM assessments ORDER BY created_at DESC LIMIT 1"
OF_ASSESSMENTS = ("{assessment_id}", "{appeal_id}", "{job_id}", "{delivery_id}")
# They end what is not there yet, and wait for nothing.
WITHOUT_A_WAIT = {
    ("DELETE", "/assessments/{assessment_id}/webhook"),
    ("DELETE", "/reviews/{assessment_id}/{question_id}/reserve"),
}
CHANGES = sorted(
    change
    for change in (STAFF_CHANGES.keys() | OWNER_CHANGES) - WITHOUT_A_WAIT
    if any(name in change[1] for name in OF_ASSESSMENTS)
)


def owners_body(bank: Bank, template: str) -> Any:
    return {
        "responses": {"responses": bank.answers(right="A")},
        "submit": {},
        "webhook": {"webhook_url": "https://hooks.example/assay"},
        "appeal": {"text": TEXT},
    }[template.rsplit("/", 1)[1]]


async def path_of_change(pool: Pool, bank: Bank, api: Api, template: str) -> str:
    """The template with the ids of something new; answers are saved and submitted where the assessment is open."""
    if template.endswith(("/responses", "/submit")):
        async with pool.acquire() as conn:
            opened, _ = await start.start(conn, api.sub, SLUG, 3600, 10)
        return template.format(assessment_id=opened.id)
    return await World(pool, bank, api.as_("admin")).path(template)


@pytest.mark.parametrize(("method", "template"), CHANGES, ids=lambda text: text)
async def test_a_change_of_what_is_erased_meanwhile_is_not_found(
    api: Api, pool: Pool, bank: Bank, method: str, template: str
) -> None:
    path = await path_of_change(pool, bank, api, template)
    by_owner = (method, template) in OWNER_CHANGES
    caller = api if by_owner else api.as_("admin", sub="grace")
    body = owners_body(bank, template) if by_owner else STAFF_CHANGES[method, template]
    erased: UUID = await pool.fetchval(NEWEST)
    with capture_logs() as logs:
        async with erasing(pool, erased) as somebody_waits:
            request = asyncio.create_task(caller.send(method, path, body))
            # It has found what it wants to change, and waits to write it.
            await until(somebody_waits)
        problem(await request, 404, "not-found")
    assert [line for line in logs if line["log_level"] != "info"] == []
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE actor = 'grace'") == 0
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0


async def test_a_result_that_is_erased_meanwhile_is_not_found(api: Api, pool: Pool, bank: Bank) -> None:
    erased = await completed_assessment(pool, bank)
    async with erasing(pool, erased, table="results") as somebody_waits:
        request = asyncio.create_task(api.get(f"/assessments/{erased}/result"))
        # It has read the status.
        await until(somebody_waits)
    problem(await request, 404, "not-found")


async def test_a_reservation_of_what_is_erased_meanwhile_ends(api: Api, pool: Pool, bank: Bank) -> None:
    advisor = api.as_("advisor")
    path = await World(pool, bank, api.as_("admin")).path("/reviews/{assessment_id}/{question_id}/reserve")
    assert (await advisor.post(path, {})).status == 200
    async with erasing(pool, await pool.fetchval(NEWEST)) as somebody_waits:
        request = asyncio.create_task(advisor.delete(path))
        await until(somebody_waits)
    assert (await request).status == 204
