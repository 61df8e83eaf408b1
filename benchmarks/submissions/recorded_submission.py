"""The statements of one real submission, to be executed again for other assessments."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import orjson

from app.repositories.sql import Pool
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.wiring.pool import open_pool
from tests.job_runner import NO_KEY, NO_ORIGIN, access_of_student

Call = tuple[str, tuple[Any, ...]]


class _Recorder:
    """Executes statements on a pool and keeps them with their arguments."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.calls: list[Call] = []

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        self.calls.append((statement, arguments))
        return await self._pool.fetchrow(statement, *arguments)


@dataclass(frozen=True)
class RecordedSubmission:
    """A read and a write with their arguments, and the answer to the request."""

    assessment_id: UUID
    owner: str
    calls: list[Call]
    answer: bytes

    def calls_for(self, assessment_id: UUID, owner: str) -> list[Call]:
        """The statements for an assessment of somebody else, with new job ids; values of type jsonb are encoded
        already."""
        others: dict[Any, Any] = {self.assessment_id: assessment_id, self.owner: owner}
        return [
            (statement, tuple(_encoded(others.get(value, value) if _is_key(value) else value) for value in arguments))
            for statement, arguments in self.calls
        ]


async def record_submission(dsn: str, assessment_id: UUID, owner: str, max_queued: int) -> RecordedSubmission:
    """Submits this assessment and returns what that took."""
    async with open_pool(dsn, "assay bench", 1) as pool:
        recorder = _Recorder(pool)
        submitter = Submitter(cast(Pool, recorder), SubmissionLimits(max_queued, 5, 4))
        access = access_of_student(owner)
        # The first read of a second also counts what waits; most do not.
        await submitter.read_draft(assessment_id, access, NO_KEY)
        recorder.calls.clear()
        draft = await submitter.read_draft(assessment_id, access, NO_KEY)
        submitted = await submitter.submit(draft, access, NO_KEY, [], NO_ORIGIN)
    assert len(recorder.calls) == 2, "a submission is no longer one read and one write; change this benchmark"
    return RecordedSubmission(assessment_id, owner, recorder.calls, submitted.answer.body)


def _is_key(value: Any) -> bool:
    return isinstance(value, str | UUID)


def _encoded(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    rows = orjson.loads(orjson.dumps(value))
    return orjson.dumps([{**row, "job_id": uuid4()} if "job_id" in row else row for row in rows]).decode()
