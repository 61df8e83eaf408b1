"""A submission beyond the limit of the queue is refused before anything is written, and accepted when there is room."""

from uuid import UUID

from app.repositories.sql import Pool
from tests.bank import ESSAY, Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.faults.processes import Fleet
from tests.faults.students import start_and_answer, submit, wait_until_completed
from tests.web.problems import problem

MAX_QUEUED = 3
_ASSESSMENT_ROWS = """
SELECT a.status, a.submitted_at, a.revision, (SELECT count(*) FROM responses r WHERE r.assessment_id = a.id),
       (SELECT count(*) FROM async_jobs j WHERE j.assessment_id = a.id),
       (SELECT count(*) FROM scores s WHERE s.assessment_id = a.id),
       (SELECT count(*) FROM idempotency_keys k WHERE k.owner = a.owner AND k.path LIKE '%/submit')
FROM assessments a WHERE a.owner = $1
"""


async def test_a_submission_too_many_is_refused_without_a_write_and_accepted_later(
    fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool
) -> None:
    await fleet.add_server(MAX_QUEUED_ASSESSMENTS=str(MAX_QUEUED))
    clients = [PatientClient(balancer, f"student-{number}") for number in range(MAX_QUEUED + 1)]
    paths = [await start_and_answer(client, bank, ESSAY) for client in clients]
    waiting = [await submit(client, path) for client, path in zip(clients[:MAX_QUEUED], paths, strict=False)]
    one_too_many, path = clients[MAX_QUEUED], paths[MAX_QUEUED]
    before = await pool.fetchrow(_ASSESSMENT_ROWS, one_too_many.owner)
    body = {"responses": bank.answers(text="roses")}
    refused = await one_too_many.send_once("POST", f"{path}/submit", body, key="submit")
    problem(refused, 503, "queue-full")
    assert int(refused.headers["Retry-After"]) > 0
    assert before and before["status"] == "in_progress"
    assert await pool.fetchrow(_ASSESSMENT_ROWS, one_too_many.owner) == before
    await fleet.add_worker()
    for assessment_id in waiting:
        await wait_until_completed(pool, assessment_id)
    accepted = await one_too_many.send_once("POST", f"{path}/submit", body, key="submit")
    assert (accepted.status, "Idempotent-Replayed" in accepted.headers) == (202, False)
    await wait_until_completed(pool, UUID(path.rsplit("/", 1)[-1]))
