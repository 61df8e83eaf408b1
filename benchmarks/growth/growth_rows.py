"""Rows of many assessments that are over, spread over a year: one that was really scored, copied with other points."""

from collections.abc import Mapping
from uuid import UUID

from app.repositories.sql import Pool
from benchmarks.pages.page_rows import copy_rows, scored
from tests.bank import SLUG, Bank

RARE_TRACK = "rare"
# Assessments of one owner, on average.
_ATTEMPTS = 5
# Of older assessments, results and details of scores are short, or a million would take 40 GB.
_WHOLE = 100_000
_TIMEOUT = 3600.0
_SETTLE = ("VACUUM ANALYZE", "CHECKPOINT")
# Rows are copied in the order of time, as they come in reality, which decides what is beside what on disk.
_COPIES = """
CREATE TEMPORARY TABLE copies AS
SELECT gen_random_uuid() AS id, 'student-' || floor(random() * $1)::int AS owner, number, moment, draw,
       CASE WHEN draw < 0.86 THEN 'completed' WHEN draw < 0.98 THEN 'expired' WHEN draw < 0.99 THEN 'failed'
            WHEN moment > now() - interval '12 hours' THEN 'in_progress' ELSE 'completed' END AS status,
       CASE WHEN random() < 0.7 THEN 'gpt' ELSE 'local' END AS scorer, random() < 0.02 AS in_review,
       (SELECT id FROM tracks WHERE slug = CASE WHEN lot < 0.001 THEN $2
                                                WHEN lot < 0.3 THEN 'third'
                                                WHEN lot < 0.6 THEN 'second' ELSE $3 END) AS track_id
FROM (SELECT number, now() - interval '365 days' * (1 - (number - random()) / $4::int) AS moment,
             random() AS draw, random() AS lot
      FROM generate_series(1, $4::int) AS number) AS drawn
ORDER BY moment
"""
_TRACKS = """
INSERT INTO tracks (slug, name, skills, question_mix)
SELECT other, initcap(other), skills, question_mix FROM tracks, unnest(ARRAY['second', 'third', $2]) AS other
WHERE slug = $1
"""
_SHORT = f"c.number <= (SELECT max(number) FROM copies) - {_WHOLE}"  # noqa: S608 - a constant
# What differs from the assessment that was scored.
_ASSESSMENT: Mapping[str, str] = {
    "owner": "c.owner",
    "attempt": "c.number + 1",
    "track_id": "c.track_id",
    "status": "c.status",
    "created_at": "c.moment",
    "expires_at": "c.moment + interval '1 day'",
    "submitted_at": "CASE WHEN c.status IN ('completed', 'failed') THEN c.moment + interval '30 minutes' END",
    "completed_at": "CASE WHEN c.status <> 'in_progress' THEN c.moment + interval '30 minutes 10 seconds'"
    " + interval '1 minute' * c.draw * c.draw END",
    "degraded": "c.scorer = 'local' AND c.status = 'completed'",
    "degraded_reasons": "CASE WHEN c.scorer = 'local' AND c.status = 'completed' THEN jsonb_build_array("
    "jsonb_build_object('code', 'essay_scored_locally', 'stage', 'gpt', 'detail', 'estimated')) ELSE '[]' END",
    "needs_review": "c.in_review AND c.status = 'completed'",
}
_DONE = "c.status = 'completed'"
_RAN = "c.status IN ('completed', 'failed')"
_TABLES: Mapping[str, tuple[Mapping[str, str], str]] = {
    "assessment_questions": ({}, "true"),
    "responses": ({"saved_at": "c.moment"}, "true"),
    "async_jobs": (
        {
            "status": "CASE WHEN c.status = 'failed' THEN 'failed' ELSE t.status END",
            "error": "CASE WHEN c.status = 'failed' THEN jsonb_build_object('code', 'internal', 'detail', 'It broke.')"
            " END",
            "created_at": "c.moment",
            "started_at": "c.moment + interval '30 minutes'",
            "completed_at": "c.moment + interval '31 minutes'",
            "output": f"CASE WHEN {_SHORT} THEN NULL ELSE t.output END",
        },
        _RAN,
    ),
    "scores": (
        {
            "score": "CASE t.score_type WHEN 'theoretical' THEN t.max_score * round(random())"
            " WHEN 'profile' THEN t.score ELSE t.max_score * round(random()::numeric, 2) END",
            "scorer": "CASE WHEN t.score_type = 'essay_gpt' THEN c.scorer END",
            "detail": f"CASE WHEN {_SHORT} THEN NULL ELSE t.detail END",
            "figures": f"CASE WHEN {_SHORT} THEN NULL ELSE t.figures END",
            "created_at": "c.moment",
        },
        _RAN,
    ),
    "results": (
        {
            "body": f"CASE WHEN {_SHORT} THEN '{{}}' ELSE replace(t.body::text, t.assessment_id::text, c.id::text) END"
            "::json",
            "overall_percentage": "round(random()::numeric * 100, 2)",
            "created_at": "c.moment",
        },
        _DONE,
    ),
    "recommendations": ({}, _DONE),
    "review_items": (
        {"track_id": "c.track_id", "created_at": "c.moment", "confidence": "random()", "shuffle_key": "random()"},
        f"{_DONE} AND c.in_review",
    ),
}
# Two calls for each assessment that a model has scored, a webhook for a third of them, some ratings and overrides.
_OTHERS = (
    """INSERT INTO model_calls (assessment_id, run, question_id, provider, model, prompt_version, outcome, tokens_in,
                                tokens_out, cost_usd, latency_ms, answer, created_at)
       SELECT c.id, 1, q.question_id, 'openai', 'model-1', 'v1',
              CASE WHEN random() < 0.02 THEN 'rate_limited' ELSE 'answered' END, 900, 300, 0.002,
              500 + 8000 * random() * random(), repeat('Said the model. ', 20), c.moment + interval '30 minutes'
       FROM copies c CROSS JOIN (SELECT * FROM assessment_questions WHERE assessment_id = $1 AND question_id = ANY($2))
           AS q WHERE c.status = 'completed' AND c.scorer = 'gpt'""",
    """WITH messages AS (
           INSERT INTO webhook_deliveries (assessment_id, run, event_type, body, status, attempts, scheduled_attempts,
                                           next_attempt_at, created_at, completed_at)
           SELECT c.id, 1, 'assessment.completed', '{}', 'delivered', 1, 1, NULL, c.moment, c.moment FROM copies c
           WHERE c.status = 'completed' AND c.number % 3 = 0 AND $1::uuid IS NOT NULL AND $2::uuid[] IS NOT NULL
           RETURNING id, created_at)
       INSERT INTO webhook_attempts (delivery_id, ordinal, at, status_code, latency_ms)
       SELECT id, 1, created_at, 200, 40 FROM messages""",
    """INSERT INTO feedback (assessment_id, run, credential_id, author, relevance, acceptance, given_at)
       SELECT c.id, 1, r.credential_id, c.owner, 1 + floor(random() * 5), 1 + floor(random() * 5), c.moment
       FROM copies c CROSS JOIN (SELECT credential_id FROM recommendations WHERE assessment_id = $1
                                 UNION ALL SELECT NULL) AS r
       WHERE c.status = 'completed' AND c.number % 20 = 0 AND $2::uuid[] IS NOT NULL""",
    """INSERT INTO score_overrides (assessment_id, question_id, score, max_score, machine_score, scorer, reason, actor,
                                    created_at)
       SELECT s.assessment_id, s.question_id, s.max_score * round(random()::numeric, 1), s.max_score, s.score, s.scorer,
              'So.', 'advisor', s.created_at
       FROM copies c JOIN scores s ON s.assessment_id = c.id AND s.question_id = ($2::uuid[])[1]
       WHERE c.number % 100 = 0 AND s.score IS NOT NULL AND $1::uuid IS NOT NULL""",
)


async def plant(pool: Pool, redis_url: str, bank: Bank, count: int) -> UUID:
    """So many assessments of a fifth as many students; returns one that is completed."""
    assessment_id = await scored(pool, redis_url, bank)
    essays = [bank.ids["essay"], bank.ids["essay_two"]]
    await pool.execute(_TRACKS, SLUG, RARE_TRACK)
    async with pool.acquire() as conn:
        await conn.execute("SET statement_timeout = 0")
        # Without triggers and checks of foreign keys, which take minutes: the copied rows have passed them.
        await conn.execute("SET session_replication_role = replica")
        await conn.execute("SELECT setseed(0.5)")
        await conn.execute(_COPIES, count / _ATTEMPTS, RARE_TRACK, SLUG, count, timeout=_TIMEOUT)
        await copy_rows(conn, "assessments", assessment_id, _ASSESSMENT, timeout=_TIMEOUT)
        for table, (values, condition) in _TABLES.items():
            await copy_rows(conn, table, assessment_id, values, condition=condition, timeout=_TIMEOUT)
        for statement in _OTHERS:
            await conn.execute(statement, assessment_id, essays, timeout=_TIMEOUT)
        await conn.execute("DROP TABLE copies")
        for statement in _SETTLE:
            await conn.execute(statement, timeout=_TIMEOUT)
    return assessment_id
