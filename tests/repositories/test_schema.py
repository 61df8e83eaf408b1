"""The constraints of the schema: statuses and types as in the code, versions that never change, no impossible rows."""

import re
from enum import StrEnum

import asyncpg
import pytest

from app.domain.states import (
    AppealStatus,
    AssessmentStatus,
    AuditAction,
    AuditEntity,
    CredentialLevel,
    DeliveryStatus,
    DisabledReason,
    ErasureStatus,
    EventType,
    JobStatus,
    JobType,
    QuestionType,
    ReasonCode,
    ReviewReason,
    Role,
    RunMode,
    ScoreType,
    ShowCorrect,
)
from app.repositories.sql import Connection, Pool
from tests.api_keys import new_api_key
from tests.bank import Bank
from tests.job_runner import submit
from tests.webhooks import UNREACHABLE_URL, complete_with_webhook

CHECKS: dict[str, type[StrEnum]] = {
    "tracks_show_correct_check": ShowCorrect,
    "questions_type_check": QuestionType,
    "credential_versions_level_check": CredentialLevel,
    "assessments_status_check": AssessmentStatus,
    "async_jobs_job_type_check": JobType,
    "async_jobs_status_check": JobStatus,
    "async_jobs_mode_check": RunMode,
    "scores_score_type_check": ScoreType,
    "audit_log_action_check": AuditAction,
    "audit_log_entity_check": AuditEntity,
    "assessments_webhook_reason_check": DisabledReason,
    "webhook_deliveries_event_type_check": EventType,
    "webhook_subscriptions_events_check": EventType,
    "webhook_subscriptions_reason_check": DisabledReason,
    "webhook_deliveries_status_check": DeliveryStatus,
    "api_keys_roles_check": Role,
    "review_items_reasons_check": ReviewReason,
    "erasures_status_check": ErasureStatus,
    "appeals_status_check": AppealStatus,
}


async def test_each_check_names_the_members_of_its_enum(conn: Connection) -> None:
    text = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1"
    values = {name: set(re.findall(r"'([a-z_.]+)'::", await conn.fetchval(text, name))) for name in CHECKS}
    assert values == {name: set(members) for name, members in CHECKS.items()}


async def test_each_check_of_a_set_has_its_enum(conn: Connection) -> None:
    rows = await conn.fetch(
        """SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace
           AND pg_get_constraintdef(oid) ~ '(= ANY|<@) \\(*ARRAY'"""
    )
    # These repeat statuses to relate other columns to them.
    related = {row["conname"] for row in rows if row["conname"].endswith(("completed_at_check", "submitted_at_check"))}
    assert {row["conname"] for row in rows} - related == set(CHECKS)


async def test_every_reason_code_fits_its_column(conn: Connection) -> None:
    columns = await conn.fetch(
        """SELECT table_name || '.' || column_name AS name, character_maximum_length AS most
           FROM information_schema.columns WHERE (table_name, column_name) IN (('scores', 'reason'))"""
    )
    assert {row["name"]: row["most"] for row in columns} == {"scores.reason": 64}
    assert max(map(len, ReasonCode)) <= 64


async def test_a_version_never_changes(pool: Pool, bank: Bank) -> None:
    for change in (
        "UPDATE question_versions SET version = version + 1",
        "DELETE FROM question_versions",
        "UPDATE credential_versions SET description = 'other'",
        "DELETE FROM credential_versions",
    ):
        with pytest.raises(asyncpg.RestrictViolationError, match="never changed in place"):
            await pool.execute(change)


IMPOSSIBLE = {
    "a final status without its time": "UPDATE assessments SET status = 'completed'",
    "a time without a final status": "UPDATE assessments SET completed_at = now()",
    "a submission without its time": "UPDATE assessments SET submitted_at = NULL",
    "a count below zero": "UPDATE assessments SET remaining = -1",
    "degraded without a reason": "UPDATE assessments SET degraded = true, degraded_reasons = '[]'",
    "a running job without a lease": "UPDATE async_jobs SET status = 'in_progress'",
    "a lease of a job that waits": "UPDATE async_jobs SET lease_expires_at = now()",
    "a failed job without an error": "UPDATE async_jobs SET status = 'failed', completed_at = now()",
    "an ended job without its time": "UPDATE async_jobs SET status = 'completed'",
    "more done than there is": "UPDATE async_jobs SET units_done = units_total + 1",
    "attempts below zero": "UPDATE async_jobs SET attempts = -1",
    "more than the maximum": "UPDATE scores SET score = max_score + 1",
    "less than nothing": "UPDATE scores SET score = -0.1",
    "not a number": "UPDATE scores SET score = 'NaN'",
    "no score without a reason": "UPDATE scores SET score = NULL, missing = false",
    "a score and a reason against it": "UPDATE scores SET reason = 'essay_unscored'",
    "points for no answer": "UPDATE scores SET missing = true, score = max_score",
    "an empty answer": "UPDATE responses SET answer = 'null'",
    "a passage of another length": "UPDATE passages SET ends_at = ends_at + 1",
    "a vector of no model": "UPDATE passage_vectors SET model = 'x'",
    "a webhook without a secret": "UPDATE assessments SET webhook_secret = NULL",
    "an old secret for ever": "UPDATE assessments SET webhook_old_secret = 'x'",
    "disabled for no reason": "UPDATE assessments SET webhook_disabled_at = now()",
    "a pending message without its next try": "UPDATE webhook_deliveries SET next_attempt_at = NULL",
    "a next try of an ended message": "UPDATE webhook_deliveries SET status = 'failed', completed_at = now()",
    "an ended message without its time": "UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL",
    "a rating above five": "INSERT INTO feedback (assessment_id, run, author, relevance, acceptance)"
    " SELECT id, 1, 'x', 6, 1 FROM assessments",
    "a rating below one": "INSERT INTO feedback (assessment_id, run, author, relevance, acceptance)"
    " SELECT id, 1, 'x', 1, 0 FROM assessments",
    "a key for no role": "UPDATE api_keys SET roles = '{}'",
    "a key that is stored": "UPDATE api_keys SET key_hash = 'assay_'",
    "a key for no time": "UPDATE api_keys SET lifetime = '0'",
    "a key without a name": "UPDATE api_keys SET name = ''",
    "more tries of the schedule than tries": "UPDATE webhook_deliveries SET scheduled_attempts = 1",
}


async def test_impossible_rows_are_refused(pool: Pool, conn: Connection, bank: Bank) -> None:
    await submit(pool, bank)
    await complete_with_webhook(pool, bank, UNREACHABLE_URL, "student-2")
    await new_api_key(pool, "student")
    accepted = [name for name, statement in IMPOSSIBLE.items() if not await refused(conn, statement)]
    assert accepted == []


async def refused(conn: Connection, statement: str) -> bool:
    """Whether a CHECK constraint refuses the statement, which is rolled back."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(statement)
    except asyncpg.CheckViolationError:
        return True
    finally:
        await transaction.rollback()
    return False
