"""Rows for the pages: one assessment that was really scored, copied by the thousand."""

from collections.abc import Mapping
from uuid import UUID

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Connection, Pool
from benchmarks.environment import Environment
from tests.bank import Bank
from tests.job_runner import job_runner, run_due_jobs, submit

# The student whose pages are measured; the assessments of the others are copies of theirs.
STUDENT = "student-0"
_SETTLE = ("VACUUM ANALYZE", "CHECKPOINT")
_COPIES = """
INSERT INTO copies SELECT gen_random_uuid(), 'student-' || (number % $1), number FROM generate_series(1, $2) AS number
"""
# The columns of a table, with what a copy has in them: ids of its own, and `owner` and the assessment's id replaced.
_COLUMNS = """
SELECT a.attname AS name, a.attidentity <> '' AS numbered,
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND i.indnkeyatts = 1
               AND a.attnum = ANY(i.indkey)) AS is_key,
       format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum
"""
# Tables of assessments without others that point at their rows, apart from the assessment itself.
_TABLES = (
    "assessment_questions", "responses", "async_jobs", "scores", "results", "recommendations", "review_items",
)  # fmt: skip


async def plant(pool: Pool, environment: Environment, count: int, owners: int) -> UUID:
    """So many scored assessments of so many students; returns the one that was really scored, which needs a review."""
    assessment_id = await scored(pool, environment.redis_url, environment.bank)
    await pool.execute(
        "UPDATE review_items SET reasons = ARRAY['low_confidence'] WHERE assessment_id = $1", assessment_id
    )
    async with pool.acquire() as conn:
        await conn.execute("SET statement_timeout = 0")
        # Without triggers and checks of foreign keys, which take minutes: the copied rows have passed them.
        await conn.execute("SET session_replication_role = replica")
        await conn.execute("CREATE TEMPORARY TABLE copies (id uuid, owner text, number integer)")
        await conn.execute(_COPIES, owners, count - 1)
        await copy_rows(
            conn, "assessments", assessment_id, {"owner": "c.owner", "attempt": "c.number + 1"}, timeout=120
        )
        for table in _TABLES:
            await copy_rows(conn, table, assessment_id, {}, timeout=120)
        for statement in _SETTLE:
            await conn.execute(statement, timeout=120)
    return assessment_id


async def scored(pool: Pool, redis_url: str, bank: Bank) -> UUID:
    """An assessment of the student that was really scored."""
    embedder = OfflineEmbedder()
    running = job_runner(pool, redis_url, embedder)
    assessment_id = await submit(pool, bank, STUDENT, bank.all_answers())
    await run_due_jobs(pool, running)
    await running.job_queue.redis.aclose()
    await embedder.close()
    return assessment_id


async def copy_rows(
    conn: Connection,
    table: str,
    assessment_id: UUID,
    values: Mapping[str, str],
    *,
    condition: str = "true",
    timeout: float,  # noqa: ASYNC109 - of a statement
) -> None:
    """Adds the assessment's rows of the table once for each row `c` of the table `copies` of which the condition holds.
    `values` are SQL for columns that differ; ids are replaced."""
    key = "id" if table == "assessments" else "assessment_id"
    columns = [row for row in await conn.fetch(_COLUMNS, table) if not row["numbered"]]
    names = ", ".join(row["name"] for row in columns)
    copied = ", ".join(
        values.get(row["name"]) or _value(key, row["name"], row["type"], row["is_key"]) for row in columns
    )
    await conn.execute(
        f"INSERT INTO {table} ({names}) SELECT {copied} FROM copies c, {table} t "  # noqa: S608
        f"WHERE t.{key} = $1 AND {condition}",
        assessment_id,
        timeout=timeout,
    )


def _value(key: str, name: str, kind: str, is_key: bool) -> str:
    if name == key:
        return "c.id"
    if is_key and kind == "uuid":
        return "gen_random_uuid()"
    if kind in ("json", "jsonb"):
        return f"replace(t.{name}::text, t.{key}::text, c.id::text)::{kind}"
    return f"t.{name}"
