"""A person who has left something in every table."""

from uuid import UUID

from app.domain.records.feedback import NewFeedback
from app.domain.states import AppealDecision, JobType, Role
from app.repositories import scores
from app.repositories.sql import Pool
from app.services import sessions
from app.services.caller import Caller
from app.services.results import appeals, feedback, override
from app.services.results.appeals import AppealAnswer
from app.services.results.override import ScoreOverride
from tests.api_keys import new_api_key
from tests.appeals import make_appeal
from tests.bank import ESSAY, Bank
from tests.dead_letters import fail_job, retry
from tests.job_runner import job_id, submit
from tests.scored_assessments import completed_assessment
from tests.webhooks import SECRET, insert_delivery

SUB = "zoe-4711"
OTHER = "student-1"
COMMENT = "A remark by nobody else."


async def give_feedback(pool: Pool, assessment_id: UUID, author: str) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await feedback.rate(conn, NewFeedback(assessment_id, None, author, 4, 5, COMMENT), author)


async def override_score(pool: Pool, bank: Bank, assessment_id: UUID, by: str) -> None:
    question = await override.find_question(pool, assessment_id, bank.ids["right"])
    await override.override(pool, assessment_id, ScoreOverride(question, 0.5, f"Half, says the person {by[:3]}.", by))


async def appeal_essay(pool: Pool, bank: Bank, assessment_id: UUID, text: str, by: str) -> None:
    made = await make_appeal(pool, assessment_id, bank.ids["essay"], text)
    await appeals.answer(pool, made.appeal.appeal_id, AppealAnswer(by, AppealDecision.CHANGED, text, 0.9))


async def everything(pool: Pool, bank: Bank) -> list[str]:
    """What is left of a person who did everything: their `sub`, texts and ids."""
    finished = await completed_assessment(pool, bank, SUB)
    running = await submit(pool, bank, SUB)
    await fail_job(pool, running, JobType.GPT)
    await retry(pool, await job_id(pool, running, JobType.GPT))
    delivery = await insert_delivery(pool, running)
    await pool.execute("UPDATE webhook_deliveries SET body = $1", f'{{"text": "{COMMENT}"}}')
    await pool.execute(
        "INSERT INTO webhook_attempts (delivery_id, ordinal, at, latency_ms) VALUES ($1, 1, now(), 5)", delivery
    )
    await override_score(pool, bank, finished, "grace")
    await give_feedback(pool, finished, SUB)
    others = await completed_assessment(pool, bank, OTHER)
    await appeal_essay(pool, bank, finished, COMMENT, "grace")
    await appeal_essay(pool, bank, others, "Why?", SUB)
    await give_feedback(pool, others, SUB)
    await override_score(pool, bank, others, SUB)
    for owner, path in ((SUB, "/assessments"), ("grace", f"/assessments/{finished}/rescore")):
        await pool.execute(
            "INSERT INTO idempotency_keys (owner, path, key, fingerprint, status, body, expires_at)"
            " VALUES ($1, $2, 'k', '', 201, $3, now() + interval '1 day')",
            owner, path, str(finished).encode(),
        )  # fmt: skip
    call = scores.ModelCall(
        assessment_id=finished, run=1, question_id=bank.ids["essay"], fingerprint=b"f", provider="api.example",
        model="m", prompt_version="p", outcome="answered", latency_ms=5, tokens_in=70, tokens_out=7, cost_usd=0.25,
        answer=ESSAY, provider_message=None,
    )  # fmt: skip
    await scores.record_model_call(pool, call)
    await pool.execute(
        "INSERT INTO essay_healing (assessment_id, question_id) VALUES ($1, $2)", finished, bank.ids["essay"]
    )
    await pool.execute(
        "INSERT INTO review_items (assessment_id, question_id, track_id, reasons)"
        " SELECT id, $2, track_id, '{unscored}' FROM assessments WHERE id = $1 ON CONFLICT DO NOTHING",
        finished, bank.ids["essay"],
    )  # fmt: skip
    for of, by in ((finished, "grace"), (others, SUB)):
        await pool.execute("INSERT INTO review_reservations VALUES ($1, $2, $3, now())", of, bank.ids["essay"], by)
    await pool.execute("INSERT INTO owner_budget (day, owner, spent) VALUES (now(), $1, 1)", SUB)
    await sessions.begin(pool, Caller(SUB, frozenset({Role.STUDENT})))
    key = await new_api_key(pool, "student")
    await pool.execute("UPDATE api_keys SET created_by = $1 WHERE id = $2", SUB, key.record.key_id)
    for audited, action, entity, thing in ((SUB, "create", "track", "t"), ("admin-1", "export", "person", SUB)):
        await pool.execute(
            "INSERT INTO audit_log (actor, action, entity, key) VALUES ($1, $2, $3, $4)", audited, action, entity, thing
        )
    ids = await pool.fetch("SELECT id FROM async_jobs WHERE assessment_id = ANY($1)", [finished, running])
    return [SUB, COMMENT, SECRET, *(str(thing) for thing in (finished, running, delivery, *(row["id"] for row in ids)))]
