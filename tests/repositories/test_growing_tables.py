"""Whatever its arguments, no statement reads a table as a whole that grows with the number of assessments; pages and
periodic work touch little more than they return."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.repositories.sql import Connection, Pool, modules, statements
from benchmarks.growth import growth_rows
from tests.bank import Bank
from tests.repositories.plans import executed_plan, generic_plan, nodes

COUNT = 3_000
GROWING = {
    "assessments", "assessment_questions", "responses", "scores", "score_overrides", "results", "recommendations",
    "async_jobs", "model_calls", "essay_healing", "review_items", "webhook_deliveries", "webhook_attempts", "feedback",
    "appeals",
}  # fmt: skip
# Rows for tables of which the benchmark plants few: the planner reads few rows without an index.
MORE = (
    """INSERT INTO review_items (assessment_id, question_id, track_id, reasons, confidence)
       SELECT a.id, q.question_id, a.track_id, '{low_confidence}', random()
       FROM assessments a JOIN assessment_questions q ON q.assessment_id = a.id
       WHERE a.status = 'completed' ON CONFLICT DO NOTHING""",
    """INSERT INTO appeals (id, assessment_id, question_id, text, status, reply, answered_by, answered_at)
       SELECT gen_random_uuid(), assessment_id, question_id, 'So.', 'upheld', 'No.',
              'advisor-' || row_number() OVER () % 1500, now() FROM review_items""",
    """INSERT INTO essay_healing (assessment_id, question_id) SELECT assessment_id, question_id FROM review_items""",
    """INSERT INTO score_overrides (assessment_id, question_id, score, max_score, reason, actor)
       SELECT assessment_id, question_id, 0, 1, 'So.', 'advisor-' || row_number() OVER () % 1500 FROM review_items""",
    """WITH made AS (
           INSERT INTO webhook_subscriptions (id, url, secret, events)
           SELECT gen_random_uuid(), 'https://receiver.example', 's', '{assessment.completed}'
           FROM generate_series(1, 5) RETURNING id)
       INSERT INTO webhook_deliveries (assessment_id, run, event_type, subscription_id, status, next_attempt_at,
                                       completed_at)
       SELECT a.id, 1, 'assessment.completed', made.id, 'delivered', NULL, now() FROM assessments a, made""",
    # Nothing is open or waits: until the next ANALYZE, plans are made for that, however many begin meanwhile.
    "UPDATE assessments SET status = 'expired', completed_at = now() WHERE status = 'in_progress'",
    "VACUUM ANALYZE",
)
# The tables and indexes that statements do read as a whole, with the reason.
WHOLE = {
    # Overrides are few, and the newest of each question is wanted.
    ("analytics", "overridden_scores"): ["score_overrides"],
    # The queue has only what waits for a person.
    ("reviews", "count"): ["review_items"],
    # All that is open, or waits, is what is asked for.
    ("analytics", "assessment_counts"): ["assessments_expiry_idx"],
    ("workers", "count_due_deliveries"): ["webhook_deliveries_due_idx"],
    # A command goes through all secrets, batch by batch.
    ("webhooks", "list_secrets"): ["assessments"],
}
# What is about failed jobs reads them by this index or, with a condition, by one of all jobs: the planner finds both as
# cheap.
OF_FAILED_JOBS = "async_jobs_failed_idx"
FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
PAGE = 50
# Statements with arguments, and how many rows they may touch for each row that they return, and for none.
TOUCHED: dict[tuple[str, str], tuple[tuple[Any, ...], int]] = {
    ("assessments", "list_assessments"): ((None, None, None, None, None, PAGE), 3),
    ("assessments", "list_of_owner"): ((None, None, None, None, None, PAGE, "student-1", None), 3),
    ("assessments", "list_of_track"): ((None, None, None, None, None, PAGE, "rare"), 3),
    # Its questions, their scores and the jobs.
    ("assessments", "read_status"): (([...], [0]), 40),
    ("assessments", "read_revisions"): (([...],), 1),
    ("assessments", "read_result"): ((...,), 30),
    ("assessments", "expire_overdue"): ((500,), 2),
    ("jobs", "take_unclaimed"): ((["gpt", "rag", "fusion"], 2.0, 500), 3),
    ("jobs", "claim"): ((uuid4(), 15.0), 1),
    ("jobs", "renew"): ((uuid4(), 1, 15.0), 1),
    ("jobs", "count_by_status"): ((), 100),
    ("webhooks", "take_unclaimed"): ((2.0, 500), 3),
    ("webhooks", "claim"): ((uuid4(), 15.0), 1),
    ("webhooks", "list_deliveries_of_all"): ((["failed", "delivered"], PAGE, None, None), 4),
    ("dead_letters", "read_jobs"): ((["failed"], None, None, None, PAGE, None, None), 4),
    ("reviews", "oldest"): ((None, None, None, FIRST, FIRST, PAGE), 5),
    ("reviews", "least_confident"): ((None, None, None, FIRST, FIRST, PAGE), 5),
    ("reviews", "shuffled_before"): ((None, None, 2.0, LAST, LAST, PAGE), 5),
    ("appeals", "page"): ((["upheld"], None, FIRST, PAGE), 4),
}


@pytest.fixture
async def many(pool: Pool, bank: Bank, redis_url: str) -> AsyncIterator[Connection]:
    """A connection with plans for any arguments, to a database with thousands of assessments that are over."""
    await growth_rows.plant(pool, redis_url, bank, COUNT)
    for statement in MORE:
        await pool.execute(statement)
    async with pool.acquire() as conn:
        await conn.execute("SET plan_cache_mode = force_generic_plan")
        yield conn
        await conn.execute("RESET plan_cache_mode")


def whole_scans(plan: dict[str, Any]) -> Iterator[str]:
    """The growing tables, or indexes of them, that are read as a whole. Of what a limit is above, only the first rows
    are read."""
    for child in plan.get("Plans", ()):
        if plan["Node Type"] != "Limit" or not child["Node Type"].startswith("Index"):
            yield from whole_scans(child)
    # A bitmap is of an index, always with a condition.
    reads = plan["Node Type"] not in ("Bitmap Heap Scan", "ModifyTable") and plan.get("Relation Name") in GROWING
    if reads and "Index Cond" not in plan:
        yield plan.get("Index Name") or plan["Relation Name"]


def touched(plan: dict[str, Any]) -> int:
    """How many rows of growing tables were looked at."""
    return sum(
        round(node["Actual Loops"] * sum(node.get(name, 0) for name in (
            "Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")))
        for node in nodes(plan)
        if node.get("Relation Name") in GROWING and node["Node Type"] != "ModifyTable"
    )  # fmt: skip


async def test_no_statement_reads_a_growing_table_as_a_whole(many: Connection) -> None:
    found, planned = {}, 0
    for module in modules():
        for name, statement in statements(module).items():
            try:
                plan = await generic_plan(many, statement)
            except asyncpg.PostgresSyntaxError:
                # SET, VACUUM and the like have no plan.
                continue
            planned += 1
            if tables := sorted(set(whole_scans(plan)) - {OF_FAILED_JOBS}):
                found[module, name] = tables
    assert found == WHOLE
    assert planned > 200


async def test_pages_and_periodic_work_touch_what_they_return(many: Connection) -> None:
    newest = await many.fetchval(
        "SELECT id FROM assessments WHERE status = 'completed' ORDER BY created_at DESC LIMIT 1"
    )
    too_many = {}
    for (module, name), (arguments, most) in TOUCHED.items():
        named = [newest if value is ... else [newest] if value == [...] else value for value in arguments]
        plan = await executed_plan(many, statements(module)[name], *named)
        rows = plan["Actual Rows"]
        if touched(plan) > most * max(rows, 1):
            too_many[module, name] = (touched(plan), rows)
    assert too_many == {}
