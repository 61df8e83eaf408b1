"""Appeals for tests."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.repositories.sql import Pool
from app.services.results import appeals
from app.services.results.appeals import AppealChange
from tests.api import Api, Reply
from tests.scored_assessments import line_of

TEXT = "My second paragraph names the remedy."
REPLY = "It does, in other words."


async def insert_appeal(pool: Pool, assessment_id: UUID, question_id: UUID) -> UUID:
    """The id of an open appeal of a question, whatever the status of the assessment is."""
    appeal_id: UUID = await pool.fetchval(
        "INSERT INTO appeals (id, assessment_id, question_id, text)"
        " VALUES (gen_random_uuid(), $1, $2, $3) RETURNING id",
        assessment_id,
        question_id,
        TEXT,
    )
    return appeal_id


async def make_appeal(pool: Pool, assessment_id: UUID, question_id: UUID, text: str = TEXT) -> AppealChange:
    """An appeal by the owner, at this moment."""
    async with pool.acquire() as conn, conn.transaction():
        return await appeals.make(conn, assessment_id, question_id, text, 14, datetime.now(UTC))


async def appeal(caller: Api, assessment_id: UUID, question_id: UUID, text: Any = TEXT, **headers: str) -> Reply:
    path = f"/assessments/{assessment_id}/scores/{question_id}/appeal"
    return await caller.post(path, {"text": text}, **headers)


async def made(caller: Api, assessment_id: UUID, question_id: UUID) -> str:
    """The id of a new appeal."""
    reply = await appeal(caller, assessment_id, question_id)
    assert reply.status == 201, reply.raw
    appeal_id: str = reply.body["appeal_id"]
    return appeal_id


async def answer(caller: Api, appeal_id: str, **body: Any) -> Reply:
    return await caller.put(f"/appeals/{appeal_id}", {"reply": REPLY} | body)


async def change(caller: Api, appeal_id: str, score: float) -> Reply:
    return await answer(caller, appeal_id, decision="changed", score=score)


async def result_line(caller: Api, assessment_id: UUID, question_id: UUID) -> dict[str, Any]:
    return line_of((await caller.get(f"/assessments/{assessment_id}/result")).body, question_id)


async def queue_reasons(caller: Api) -> dict[str, list[str]]:
    """The reasons of the items in the review queue, by question."""
    items = (await caller.get("/reviews")).body["items"]
    return {item["question_id"]: item["reasons"] for item in items}
