"""Summaries in a model's words: asked once, from the facts alone, and the plain sentences wherever that fails."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pytest

from app.clients.llm.chat import EssayModel
from app.domain.essay.model_prompt import Prompt
from app.domain.records.assessments import ClaimedJob
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.services.essays.llm_calls import PaidModel, Price, Reply
from app.services.jobs import rescore
from app.services.phrase_summary import Phrasing
from app.services.results import override
from app.services.results.fuse import FusionJob
from app.services.results.override import Given
from tests.bank import ESSAY, SECOND_ESSAY, SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, Bank
from tests.clients.llm.gates import gates
from tests.fakes.held_statement import meeting
from tests.fakes.model_server import Behaviour, ModelServer, failure, hang, reset, text
from tests.fakes.phrasings import HONEST, Held, phrases, summaries_asked
from tests.pipelines import FROM_NOWHERE, submit
from tests.scored import about_to_fuse, completed, job_of_run, result_of

ModelOf = Callable[..., Awaitable[Phrasing]]
PLAIN = "You earned 9 of 13 points (69.2 %)."
WRITE = "INSERT INTO results"
PRICE = Price(1, 10)


@pytest.fixture
async def phrasing(pool: Pool, provider: ModelServer) -> AsyncIterator[ModelOf]:
    """Asks the provider, which phrases honestly unless told otherwise."""
    provider.default = phrases(HONEST)
    async with AsyncExitStack() as stack:

        async def opened(seconds: float = 20, budget_usd: float | None = None) -> Phrasing:
            model = EssayModel("sk-test", provider.url, "gpt-words", seconds)
            stack.push_async_callback(model.close)
            return Phrasing(PaidModel(pool, model, PRICE, budget_usd))

        yield opened


async def fused(pool: Pool, bank: Bank, phrasing: Phrasing | None, owner: str = "student-1") -> dict[str, Any]:
    job = await about_to_fuse(pool, bank, await submit(pool, bank, owner))
    assert await FusionJob(pool, phrasing).run(job)
    return await result_of(pool, job.assessment_id)


def texts(result: dict[str, Any]) -> list[str]:
    return [sentence["text"] for sentence in result["summary"]]


def shown(result: dict[str, Any]) -> tuple[object, ...]:
    """What two assessments with the same answers have in common: questions are drawn in any order."""
    summary = [(each["text"], sorted(each["sources"])) for each in result["summary"]]
    return summary, result["overall"], result["degraded"], result["degraded_reasons"], result["skills"][0]["level"]


async def test_the_model_phrases_and_every_sentence_keeps_its_sources(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    result = await fused(pool, bank, await phrasing())
    assert texts(result)[0] == PLAIN.replace("You earned", "In total, you earned")
    who = [each["phrased"] for each in result["summary"] if "phrased" in each]
    assert len(who) == 5 < len(result["summary"])
    assert {(each["model"], each["prompt_version"]) for each in who} == {("gpt-words", "summary-1")}
    known = {f"score:{question_id}" for question_id in bank.ids.values()}
    known |= {f"passage:{source['passage_id']}" for one in result["recommendations"] for source in one["sources"]}
    assert all(each["sources"] and set(each["sources"]) <= known for each in result["summary"])
    other = await fused(pool, bank, None, "student-2")
    assert [each.get("phrased", {"plain": each["text"]})["plain"] for each in result["summary"]] == texts(other)
    assert (result["processing"]["tokens"], result["processing"]["cost_usd"]) == (1100, 0.002)
    assert len(provider.requests) == 1


async def test_nothing_but_the_facts_is_sent(pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer) -> None:
    result = await fused(pool, bank, await phrasing())
    (request,) = provider.requests
    sent = json.dumps(request["messages"], ensure_ascii=False)
    assert PLAIN in sent and "Botany Foundations" in sent
    for told in (ESSAY, SECOND_ESSAY, "roses", SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, "student-1"):
        assert not [word for word in told.split() if len(word) > 6 and word in sent]
    assert not [each for each in (result["assessment_id"], *map(str, bank.ids.values())) if each in sent]


async def test_a_sentence_that_lies_is_replaced_and_the_others_stand(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    provider.default = phrases({"You earned 9": "Well done: you earned 10", "A good next": "The best next"} | HONEST)
    result = await fused(pool, bank, await phrasing())
    assert texts(result)[0] == PLAIN and "phrased" not in result["summary"][0]
    assert texts(result)[-1].startswith("A good next step is")
    assert sum("phrased" in each for each in result["summary"]) == 3


async def test_sentences_whose_sources_do_not_check_are_replaced(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    provider.default = phrases(HONEST, lambda told: told | {"sources": told["sources"][:1]})
    result = await fused(pool, bank, await phrasing())
    bought = [each for each in result["summary"] if "phrased" in each]
    assert texts(result)[0] == PLAIN and {len(each["sources"]) for each in bought} == {1}


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (failure(500), "model_unavailable"),
        (failure(429), "model_rate_limited"),
        (failure(401), "model_refused_request"),
        (reset(), "model_unreachable"),
        (hang(), "model_timeout"),
        (text("Sure! You did great."), "model_answer_unusable"),
        (text('{"sentences": [{}]}'), "model_answer_unusable"),
        (text(None, refusal="No."), "model_refused"),
        (text("{", finish_reason="length"), "model_answer_unusable"),
        (text('{"sentences": []}'), "answered"),
    ],
)
async def test_a_model_that_fails_leaves_the_plain_sentences_and_is_asked_once(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer, behaviour: Behaviour, outcome: str
) -> None:
    provider.default = behaviour
    result = await fused(pool, bank, await phrasing(seconds=0.5 if outcome == "model_timeout" else 20))
    assert "phrased" not in str(result)
    assert shown(result) == shown(await fused(pool, bank, None, "student-2"))
    calls = await pool.fetch("SELECT outcome, question_id, prompt_version, run FROM model_calls")
    assert [tuple(call) for call in calls] == [(outcome, None, "summary-1", 1)]
    assert len(provider.requests) == 1


class Faulty:
    """A model whose client has a fault."""

    provider, name = "openai", "gpt-faulty"

    async def ask(self, prompt: Prompt) -> Reply:
        raise RuntimeError("unable to perform operation on a closed transport")


async def test_a_fault_of_ours_costs_the_words_and_not_the_result(pool: Pool, bank: Bank) -> None:
    result = await fused(pool, bank, Phrasing(PaidModel(pool, Faulty())))
    assert texts(result)[0] == PLAIN


async def test_who_would_wait_long_at_the_gate_leaves_it(
    pool: Pool, bank: Bank, provider: ModelServer, redis_url: str
) -> None:
    async with asyncio.timeout(20), gates(redis_url, calls=1) as (gate,), gate.call(1):
        model = EssayModel("sk-test", provider.url, "gpt-words", 20, gate, 0.05)
        result = await fused(pool, bank, Phrasing(PaidModel(pool, model, PRICE, 1.0)))
        await model.close()
    assert (texts(result)[0], provider.requests) == (PLAIN, [])
    assert await pool.fetchval("SELECT reserved FROM model_budget") == pytest.approx(0)


@pytest.mark.parametrize(("budget_usd", "asked"), [(0.0, 0), (1.0, 1)])
async def test_a_budget_that_is_spent_leaves_the_plain_sentences(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer, budget_usd: float, asked: int
) -> None:
    result = await fused(pool, bank, await phrasing(budget_usd=budget_usd))
    assert (len(provider.requests), texts(result)[0] == PLAIN) == (asked, not asked)
    assert "model_budget_spent" not in str(result["degraded_reasons"])
    assert await pool.fetchval("SELECT coalesce(sum(spent), 0)::float8 FROM model_budget") == pytest.approx(
        0.002 * asked
    )
    assert await pool.fetchval("SELECT coalesce(sum(reserved), 0)::float8 FROM model_budget") == pytest.approx(0)


async def crashed(pool: Pool, job: ClaimedJob) -> ClaimedJob:
    """The job, claimed again after its worker died."""
    await pool.execute("UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = $1", job.id)
    again = await job_of_run(pool, job.assessment_id, job.run, JobType.FUSION)
    assert again.crashes == 1
    return again


async def test_what_is_bought_outlives_a_crash(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    async def die() -> None:
        raise RuntimeError("the worker dies before it writes")

    job = await about_to_fuse(pool, bank, await submit(pool, bank))
    with pytest.raises(RuntimeError):
        await FusionJob(meeting(pool, WRITE, die), await phrasing()).run(job)
    assert await FusionJob(pool, await phrasing()).run(await crashed(pool, job))
    assert texts(await result_of(pool, job.assessment_id))[0] != PLAIN
    assert len(provider.requests) == 1


async def test_a_job_that_crashed_does_not_ask_again(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    """The call may be what takes workers down; a result is worth more than its words."""
    job = await crashed(pool, await about_to_fuse(pool, bank, await submit(pool, bank)))
    assert await FusionJob(pool, await phrasing()).run(job)
    assert texts(await result_of(pool, job.assessment_id))[0] == PLAIN
    assert provider.requests == []


async def test_a_later_run_with_the_same_facts_uses_what_was_bought(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    first = await fused(pool, bank, await phrasing())
    async with pool.acquire() as conn, conn.transaction():
        assert await rescore.rescore(conn, "advisor-1", UUID(first["assessment_id"]), "So.", 4, FROM_NOWHERE)
    again = await about_to_fuse(pool, bank, UUID(first["assessment_id"]), run=2)
    assert await FusionJob(pool, await phrasing()).run(again)
    assert (await result_of(pool, again.assessment_id))["summary"] == first["summary"] and texts(first)[0] != PLAIN
    assert len(provider.requests) == 1


async def say(pool: Pool, assessment_id: UUID, question_id: UUID) -> None:
    question = await override.find(pool, assessment_id, question_id)
    assert (await override.override(pool, assessment_id, Given(question, 1.0, "So.", "advisor-1"))).changed


def changed_by_the_override(before: dict[str, Any], after: dict[str, Any]) -> None:
    """An essay's score counts in the total, in the essays and in a skill; the other sentences stay as they were."""
    kept = [each for each in after["summary"] if "phrased" in each]
    assert kept and all(each in before["summary"] for each in kept)
    assert {each["text"].split()[0] for each in kept} == {"For", "Consider"}
    assert "You earned 9.6 of 13 points (73.8 %)." in texts(after)


async def test_an_override_keeps_what_it_does_not_touch_and_asks_nobody(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    before = await fused(pool, bank, await phrasing())
    await say(pool, UUID(before["assessment_id"]), bank.ids["essay"])
    changed_by_the_override(before, await result_of(pool, UUID(before["assessment_id"])))
    assert len(provider.requests) == 1


async def test_an_override_during_the_call_counts_and_needs_no_second_call(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    assessment_id = await completed(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        assert await rescore.rescore(conn, "advisor-1", assessment_id, "So.", 4, FROM_NOWHERE)
    job = await about_to_fuse(pool, bank, assessment_id, run=2)
    fusing_with, provider.default = await phrasing(), (held := Held())
    fusing = asyncio.create_task(FusionJob(pool, fusing_with).run(job))
    await held.reached.wait()
    await say(pool, assessment_id, bank.ids["essay"])
    held.go.set()
    assert await fusing
    after = await result_of(pool, assessment_id)
    assert "You earned 9.6 of 13 points (73.8 %)." in texts(after)
    assert {each["text"].split()[0] for each in after["summary"] if "phrased" in each} == {"For", "Consider"}
    assert len(provider.requests) == 1


async def test_who_lost_the_lease_during_the_call_writes_nothing(
    pool: Pool, bank: Bank, phrasing: ModelOf, provider: ModelServer
) -> None:
    job = await about_to_fuse(pool, bank, await submit(pool, bank))
    fusing_with, provider.default = await phrasing(), (held := Held())
    fusing = asyncio.create_task(FusionJob(pool, fusing_with).run(job))
    await held.reached.wait()
    assert await FusionJob(pool).run(await crashed(pool, job))
    held.go.set()
    assert await fusing is None
    assert texts(await result_of(pool, job.assessment_id))[0] == PLAIN
    assert len(summaries_asked(provider)) == 1
