"""Students who start, answer and submit assessments over HTTP, and waiting for their results."""

from uuid import UUID

from app.repositories.sql import Pool
from tests.bank import SLUG, Bank
from tests.fakes.balancer import PatientClient
from tests.fakes.conditions import until
from tests.faults.fault_servers import retry_while_down

_COMPLETED = "SELECT status = 'completed' FROM assessments WHERE id = $1"


async def start_and_answer(client: PatientClient, bank: Bank, essay: str) -> str:
    """Starts an assessment and answers every question; returns its path."""
    started = await client.send("POST", "/assessments", {"track": SLUG}, key="start")
    assert started.status in (200, 201), started.raw
    path = started.headers["Location"]
    essays = bank.answers(essay=essay, essay_two=f"Once more: {essay}")
    responses = {response["question_id"]: response for response in (*bank.all_answers(), *essays)}
    saved = await client.send("PATCH", f"{path}/responses", {"responses": list(responses.values())})
    assert saved.status == 200, saved.raw
    return path


async def submit(client: PatientClient, path: str) -> UUID:
    """Submits the assessment; returns its id."""
    submitted = await client.send("POST", f"{path}/submit", key="submit")
    assert submitted.status == 202, submitted.raw
    return UUID(submitted.body["assessment_id"])


async def wait_until_completed(pool: Pool, assessment_id: UUID, seconds: float = 60.0) -> None:
    """Returns when the assessment is completed."""

    async def done() -> bool:
        return bool(await retry_while_down(lambda: pool.fetchval(_COMPLETED, assessment_id)))

    await until(done, seconds)
