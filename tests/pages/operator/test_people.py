"""The pages of people: what is stored, the export, and erasing after a confirmation."""

import json

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.services.erasure import erase_next
from tests.bank import Bank
from tests.dead_letters import fail_job
from tests.job_runner import submit
from tests.pages.conftest import Person

HOSTILE = "<b>student</b> \u202e"


async def test_what_is_stored_of_a_person(operator: Person, pool: Pool, bank: Bank) -> None:
    assert "Nothing is stored" in (await operator.get("/dashboard/people?person=student-1")).text
    await submit(pool, bank, "student-1")
    page = await operator.get("/dashboard/people?person=student-1&issuer=")
    assert "Assessments 1, of which 1 is not over" in page.text


async def test_an_export_is_a_file_and_is_audited(operator: Person, pool: Pool, bank: Bank) -> None:
    await submit(pool, bank, HOSTILE)
    answer = await operator.post("/dashboard/people/export", {"person": HOSTILE, "issuer": ""})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="person.json"'
    exported = json.loads(answer.html)
    assert (exported["sub"], len(exported["assessments"])) == (HOSTILE, 1)
    assert await pool.fetchval("SELECT key FROM audit_log WHERE action = 'export'") == HOSTILE
    unknown = await operator.post("/dashboard/people/export", {"person": "nobody"})
    assert unknown.status == 404 and "othing is stored" in unknown.text


async def test_an_erasure_needs_the_name_once_more_and_ends_with_a_receipt(
    operator: Person, pool: Pool, bank: Bank, redis_url: str
) -> None:
    await fail_job(pool, await submit(pool, bank, HOSTILE), JobType.GPT)
    confirmation = await operator.get("/dashboard/people/erase?person=%3Cb%3Estudent%3C/b%3E%20%E2%80%AE")
    assert (
        confirmation.status == 200 and "<b>student" not in confirmation.html and "Deleted: their" in confirmation.text
    )
    wrong = await operator.post("/dashboard/people/erase", {"person": HOSTILE, "confirmation": "student"})
    assert wrong.status == 422 and "Nothing was erased" in wrong.text and 'value="student"' in wrong.html
    assert await pool.fetchval("SELECT count(*) FROM erasures") == 0
    answer = await operator.post("/dashboard/people/erase", {"person": HOSTILE, "confirmation": HOSTILE.strip()})
    assert answer.status == 303
    pending = await operator.get(answer.target)
    assert "The workers erase at this moment" in pending.text and "live.js" in pending.html
    redis = job_queue.connect(redis_url)
    while await erase_next(pool, JobQueue(redis)):
        pass
    await redis.aclose()
    receipt = await operator.get(answer.target)
    assert "Completed" in receipt.text and "assessments 1" in receipt.text and "student" not in receipt.text
    assert "live.js" not in receipt.html


async def test_nobody_of_whom_nothing_is_stored_is_erased(operator: Person, pool: Pool) -> None:
    for path in ("/dashboard/people/erase?person=nobody", "/dashboard/people/erase"):
        assert (await operator.get(path)).status == 404
    fields = {"person": "nobody", "confirmation": "nobody"}
    assert (await operator.post("/dashboard/people/erase", fields)).status == 404
    assert (await operator.post("/dashboard/people/erase", {})).status == 404
    assert await pool.fetchval("SELECT count(*) FROM erasures") == 0
