"""More submissions than may wait: refused before anything is written, and taken as soon as there is room."""

from uuid import UUID

from app.repositories.sql import Pool
from tests.bank import ESSAY, Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.faults.processes import Fleet
from tests.faults.students import begin, completed, submit
from tests.web.expecting import problem

MOST = 3
_WRITTEN = """
SELECT a.status, a.submitted_at, a.revision, (SELECT count(*) FROM responses r WHERE r.assessment_id = a.id),
       (SELECT count(*) FROM async_jobs j WHERE j.assessment_id = a.id),
       (SELECT count(*) FROM scores s WHERE s.assessment_id = a.id),
       (SELECT count(*) FROM idempotency_keys k WHERE k.owner = a.owner AND k.path LIKE '%/submit')
FROM assessments a WHERE a.owner = $1
"""


async def test_a_submission_too_many_is_refused_unwritten_and_taken_later(
    fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool
) -> None:
    await fleet.add_server(MAX_QUEUED_ASSESSMENTS=str(MOST))
    clients = [PatientClient(balancer, f"student-{number}") for number in range(MOST + 1)]
    paths = [await begin(client, bank, ESSAY) for client in clients]
    waiting = [await submit(client, path) for client, path in zip(clients[:MOST], paths, strict=False)]
    one_too_many, path = clients[MOST], paths[MOST]
    before = await pool.fetchrow(_WRITTEN, one_too_many.owner)
    body = {"responses": bank.answers(text="roses")}
    refused = await one_too_many.send_once("POST", f"{path}/submit", body, key="submit")
    problem(refused, 503, "queue-full")
    assert int(refused.headers["Retry-After"]) > 0
    assert before and before["status"] == "in_progress"
    assert await pool.fetchrow(_WRITTEN, one_too_many.owner) == before
    await fleet.add_worker()
    for assessment_id in waiting:
        await completed(pool, assessment_id)
    accepted = await one_too_many.send_once("POST", f"{path}/submit", body, key="submit")
    assert (accepted.status, "Idempotent-Replayed" in accepted.headers) == (202, False)
    await completed(pool, UUID(path.rsplit("/", 1)[-1]))
