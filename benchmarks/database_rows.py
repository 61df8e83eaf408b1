"""Database rows inserted by the thousand: answered assessments, queued jobs, webhook messages, vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from app.clients.llm.embedder import DIMENSIONS
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Connection, Pool
from app.services.recommendations.search import space_name
from tests.bank import ESSAY, SLUG, Bank

# Checkpoints and vacuum would otherwise happen in the middle of a measurement, at a different point each time.
_SETTLE = ("SET statement_timeout = 0", "VACUUM ANALYZE", "CHECKPOINT")
_SETTLE_SECONDS = 600
# Assessments of one statement: each brings twenty other rows, and no statement may take longer than ten seconds.
_BATCH = 1_000
_INSERT_ANSWERED = """
WITH track AS (SELECT id FROM tracks WHERE slug = $1), answers AS (
    SELECT * FROM ROWS FROM (jsonb_to_recordset($2) AS (question_id uuid, answer jsonb)) WITH ORDINALITY
        AS answers(question_id, answer, position)
), started AS (
    INSERT INTO assessments (owner, track_id, expires_at, responses_version)
    SELECT gen_random_uuid(), track.id, now() + interval '1 day', 1 FROM track, generate_series(1, $3)
    RETURNING id, owner
), questions AS (
    INSERT INTO assessment_questions (assessment_id, question_id, version, position)
    SELECT started.id, answers.question_id, 1, answers.position - 1 FROM started, answers
), saved AS (
    INSERT INTO responses (assessment_id, question_id, answer)
    -- Different essays: a score for an equal one would be reused.
    SELECT started.id, answers.question_id,
           CASE WHEN answers.question_id = ANY($4::uuid[])
                THEN to_jsonb((answers.answer #>> '{}') || ' ' || started.id) ELSE answers.answer END
    FROM started, answers
)
SELECT id, owner FROM started
"""
_INSERT_QUEUED = """
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
_INSERT_MESSAGES = """
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
_MAKE_MESSAGES_DUE = """
UPDATE webhook_deliveries SET next_attempt_at = now(), dispatched_at = now()
WHERE status = 'pending' AND next_attempt_at = 'infinity' RETURNING id
"""
_CANCEL_MESSAGES = """
UPDATE webhook_deliveries
SET status = 'cancelled', next_attempt_at = NULL, lease_expires_at = NULL, completed_at = now()
WHERE status = 'pending'
"""
_FILL_VECTORS = """
UPDATE passage_vectors SET model = $1, embedding = (
    -- The reference to the row makes Postgres compute a vector for each row.
    SELECT array_agg(random() - 0.5)::real[]::vector FROM generate_series(1, $2) WHERE passage_id IS NOT NULL
)
WHERE passage_id NOT IN (SELECT passage_id FROM passage_vectors ORDER BY passage_id LIMIT $3)
"""


@dataclass(frozen=True)
class AnsweredAssessment:
    """An open assessment with all its answers saved, ready to be submitted."""

    assessment_id: UUID
    owner: str


async def insert_answered(
    pool: Pool, bank: Bank, count: int, extra_essays: Sequence[UUID] = ()
) -> list[AnsweredAssessment]:
    """Assessments with all answers saved, each of a student of its own. They ask the questions of the bank and
    `extra_essays`."""
    answers = [*bank.all_answers(), *({"question_id": str(essay), "answer": ESSAY} for essay in extra_essays)]
    essays = [bank.ids["essay"], bank.ids["essay_two"], *extra_essays]
    rows: list[asyncpg.Record] = []
    async with pool.acquire() as conn:
        while len(rows) < count:
            rows += await conn.fetch(_INSERT_ANSWERED, SLUG, answers, min(_BATCH, count - len(rows)), essays)
        await _settle(conn)
    return [AnsweredAssessment(row["id"], row["owner"]) for row in rows]


async def insert_queued_jobs(pool: Pool, count: int, *, due: bool = True) -> list[UUID]:
    """Jobs of type `rag`, each of a submitted assessment of its own. They are due and marked as dispatched, or wait for
    `make_job_due`."""
    at = datetime.now(UTC) if due else None
    async with pool.acquire() as conn:
        rows = await conn.fetch(_INSERT_QUEUED, SLUG, count, at)
        await _settle(conn)
    return [row["id"] for row in rows]


async def make_job_due(pool: Pool, job_id: UUID) -> None:
    """Makes the job due and marks it as dispatched, in a commit of its own."""
    await pool.execute("UPDATE async_jobs SET run_after = now(), dispatched_at = now() WHERE id = $1", job_id)


async def insert_messages(pool: Pool, counts: Mapping[str, int], secret: str) -> None:
    """Webhook messages of failed assessments, by the number for each URL; they wait for `make_messages_due`."""
    async with pool.acquire() as conn:
        for url, count in counts.items():
            await conn.execute(_INSERT_MESSAGES, SLUG, url, secret, count)
        await _settle(conn)


async def make_messages_due(pool: Pool) -> list[UUID]:
    """Makes all messages due and marks them as dispatched; returns their ids."""
    return [row["id"] for row in await pool.fetch(_MAKE_MESSAGES_DUE)]


async def cancel_messages(pool: Pool) -> None:
    """Cancels pending messages, so that none is retried during the next measurement."""
    await pool.execute(_CANCEL_MESSAGES)


async def all_passages_embedded(pool: Pool) -> bool:
    """Whether every passage has a vector. Workers see to that when they start."""
    done: bool = await pool.fetchval("SELECT NOT EXISTS (SELECT FROM passage_vectors WHERE embedding IS NULL)")
    return done


async def count_passages(pool: Pool) -> int:
    """The number of passages that a search goes through."""
    count: int = await pool.fetchval("SELECT count(*) FROM passage_vectors")
    return count


async def fill_random_vectors(pool: Pool, skip: int = 0) -> None:
    """Gives passages random vectors, marked as of the offline embedder; leaves `skip` of them without one."""
    async with pool.acquire() as conn:
        # Each vector goes into an index, too, which takes longer together than a statement of the service may.
        await conn.execute("SET statement_timeout = 0")
        await conn.execute(_FILL_VECTORS, space_name(OfflineEmbedder()), DIMENSIONS, skip, timeout=300)
        await conn.execute("RESET statement_timeout")
        await _settle(conn)


async def complete_submitted(pool: Pool) -> None:
    """Completes submitted assessments, so that no work waits when the next measurement begins."""
    async with pool.acquire() as conn:
        await conn.execute(
            "UPDATE assessments SET status = 'completed', completed_at = now() WHERE status = 'submitted'"
        )
        await _settle(conn)


async def _settle(conn: Connection) -> None:
    for statement in _SETTLE:
        await conn.execute(statement, timeout=_SETTLE_SECONDS)
