"""Rows by the thousand, by SQL: what students and submissions would have left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from app.clients.llm.embeddings_local import DIMENSIONS, OfflineEmbedder
from app.repositories.sql import Connection, Pool
from app.services.recommendations.search import space_name
from tests.bank import ESSAY, SLUG, Bank

# Checkpoints and vacuum would otherwise come in the middle of a measurement, and at another point of each.
_SETTLE = ("SET statement_timeout = 0", "VACUUM ANALYZE", "CHECKPOINT")
# Rows of one statement: each has twenty others with it, and no statement may take longer than ten seconds.
_AT_ONCE = 1_000
_ANSWERED = """
WITH track AS (SELECT id FROM tracks WHERE slug = $1), given AS (
    SELECT * FROM ROWS FROM (jsonb_to_recordset($2) AS (question_id uuid, answer jsonb)) WITH ORDINALITY
        AS given(question_id, answer, position)
), started AS (
    INSERT INTO assessments (owner, track_id, expires_at, responses_version)
    SELECT gen_random_uuid(), track.id, now() + interval '1 day', 1 FROM track, generate_series(1, $3)
    RETURNING id, owner
), asked AS (
    INSERT INTO assessment_questions (assessment_id, question_id, version, position)
    SELECT started.id, given.question_id, 1, given.position - 1 FROM started, given
), answered AS (
    INSERT INTO responses (assessment_id, question_id, answer)
    -- Equal essays would be bought once.
    SELECT started.id, given.question_id,
           CASE WHEN given.question_id = ANY($4::uuid[])
                THEN to_jsonb((given.answer #>> '{}') || ' ' || started.id) ELSE given.answer END
    FROM started, given
)
SELECT id, owner FROM started
"""
_QUEUED = """
WITH submitted AS (
    INSERT INTO assessments (owner, track_id, expires_at, status, submitted_at, remaining)
    SELECT gen_random_uuid(), t.id, now() + interval '1 day', 'submitted', now(), 2
    FROM tracks t, generate_series(1, $2) WHERE t.slug = $1
    RETURNING id
)
INSERT INTO async_jobs (id, assessment_id, run, job_type, max_attempts, run_after, dispatched_at)
SELECT gen_random_uuid(), id, 1, 'rag', 4, $3, $3 FROM submitted
RETURNING id
"""
_MESSAGES = """
WITH failed AS (
    INSERT INTO assessments (owner, track_id, expires_at, status, submitted_at, completed_at, webhook_url,
                             webhook_secret)
    SELECT gen_random_uuid(), t.id, now(), 'failed', now(), now(), $2, $3
    FROM tracks t, generate_series(1, $4) WHERE t.slug = $1
    RETURNING id
)
INSERT INTO webhook_deliveries (assessment_id, run, event_type, next_attempt_at)
SELECT id, 1, 'assessment.failed', 'infinity' FROM failed
"""
_MESSAGES_DUE = """
UPDATE webhook_deliveries SET next_attempt_at = now(), dispatched_at = now()
WHERE status = 'pending' AND next_attempt_at = 'infinity' RETURNING id
"""
_END_MESSAGES = """
UPDATE webhook_deliveries
SET status = 'cancelled', next_attempt_at = NULL, lease_expires_at = NULL, completed_at = now()
WHERE status = 'pending'
"""

_VECTORS = """
UPDATE passage_vectors SET model = $1, embedding = (
    -- Named, so that it is not one vector for all.
    SELECT array_agg(random() - 0.5)::real[]::vector FROM generate_series(1, $2) WHERE passage_id IS NOT NULL
)
WHERE passage_id NOT IN (SELECT passage_id FROM passage_vectors ORDER BY passage_id LIMIT $3)
"""


@dataclass(frozen=True)
class Answered:
    """An open assessment with all its answers saved."""

    assessment_id: UUID
    owner: str


async def answered(pool: Pool, bank: Bank, count: int, essays: Sequence[UUID] = ()) -> list[Answered]:
    """Assessments of as many students, ready to be submitted; `essays` are asked for beside those of the bank."""
    answers = [*bank.all_answers(), *({"question_id": str(essay), "answer": ESSAY} for essay in essays)]
    unlike = [bank.ids["essay"], bank.ids["essay_two"], *essays]
    rows: list[asyncpg.Record] = []
    async with pool.acquire() as conn:
        while len(rows) < count:
            rows += await conn.fetch(_ANSWERED, SLUG, answers, min(_AT_ONCE, count - len(rows)), unlike)
        await _settle(conn)
    return [Answered(row["id"], row["owner"]) for row in rows]


async def queued(pool: Pool, count: int, *, due: bool = True) -> list[UUID]:
    """Jobs of type `rag`, each of a submitted assessment of its own; due and noted as rung for, or not due yet."""
    at = datetime.now(UTC) if due else None
    async with pool.acquire() as conn:
        rows = await conn.fetch(_QUEUED, SLUG, count, at)
        await _settle(conn)
    return [row["id"] for row in rows]


async def make_due(pool: Pool, job_id: UUID) -> None:
    """What a submission does for its jobs, in a commit of its own."""
    await pool.execute("UPDATE async_jobs SET run_after = now(), dispatched_at = now() WHERE id = $1", job_id)


async def messages(pool: Pool, urls: Mapping[str, int], secret: str) -> None:
    """Messages of failed assessments, so many to each address, which are not due yet."""
    async with pool.acquire() as conn:
        for url, count in urls.items():
            await conn.execute(_MESSAGES, SLUG, url, secret, count)
        await _settle(conn)


async def make_messages_due(pool: Pool) -> list[UUID]:
    """All of them, noted as rung for."""
    return [row["id"] for row in await pool.fetch(_MESSAGES_DUE)]


async def end_messages(pool: Pool) -> None:
    """Ends what nobody has taken, so that nothing is tried again in the next measurement."""
    await pool.execute(_END_MESSAGES)


async def embedded(pool: Pool) -> bool:
    """Whether workers have found the vectors of all passages, which they do first of all."""
    done: bool = await pool.fetchval("SELECT NOT EXISTS (SELECT FROM passage_vectors WHERE embedding IS NULL)")
    return done


async def passages(pool: Pool) -> int:
    """How many are searched."""
    count: int = await pool.fetchval("SELECT count(*) FROM passage_vectors")
    return count


async def vectors(pool: Pool, but: int = 0) -> None:
    """Random vectors of the offline embedder's space for all passages but so many, which go on waiting."""
    async with pool.acquire() as conn:
        await conn.execute(_VECTORS, space_name(OfflineEmbedder()), DIMENSIONS, but, timeout=60)
        await _settle(conn)


async def finish_submitted(pool: Pool) -> None:
    """Ends what was submitted, so that nothing waits when the next measurement begins."""
    async with pool.acquire() as conn:
        await conn.execute(
            "UPDATE assessments SET status = 'completed', completed_at = now() WHERE status = 'submitted'"
        )
        await _settle(conn)


async def _settle(conn: Connection) -> None:
    for statement in _SETTLE:
        await conn.execute(statement, timeout=60)
