"""Degraded essays when the model is back: scored by themselves, and nothing to be seen of it unless it helps."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from app.clients.llm.embeddings_local import OfflineEmbedder
from app.repositories.sql import Pool
from app.services.essays.llm_calls import PROBE, PaidModel
from app.services.jobs.rescore_degraded import MAX_TRIES, DegradedRescorer
from app.services.model_account import ModelAccount
from tests.bank import ESSAY, SECOND_ESSAY, Bank
from tests.fakes.model_server import Behaviour, ModelServer, essay_of, failure, scores, text
from tests.job_runner import job_runner, run_due_jobs, submit
from tests.services.essays.essay_runner import EssayRunner

_PROBED = PROBE.model_answer
_SEEN = "SELECT revision, run, degraded, degraded_reasons FROM assessments WHERE id = $1"
_LATER = "UPDATE essay_healing SET next_try_at = now() - interval '1 second'"


class Clinic(EssayRunner):
    """A runner whose degraded essays can be healed."""

    async def degraded(self, owner: str = "student-1", **essays: str) -> UUID:
        """An assessment whose essays were estimated locally."""
        answers = self.bank.answers(**(essays or {"essay": ESSAY}))
        assessment_id = await submit(self.pool, self.bank, owner, answers)
        await self.finish(model=None)
        return assessment_id

    async def finish(self, model: Any) -> None:
        """Runs what is due."""
        running = job_runner(self.pool, self._redis_url, self._embedder, model=model)
        await run_due_jobs(self.pool, running)
        await running.job_queue.redis.aclose()

    async def healing(self, **changed: Any) -> DegradedRescorer:
        running = job_runner(self.pool, self._redis_url, self._embedder)
        self._stack.push_async_callback(running.job_queue.redis.aclose)
        asking = PaidModel(await self.model(), ModelAccount(self.pool))
        told = {"interval": 1e-6, "max_age": 3600.0, "attempts": 4} | changed
        return DegradedRescorer(self.pool, running.job_queue, asking, None, **told)

    async def heal(self, **changed: Any) -> int:
        """One pass, and the run that it begins to its end."""
        healed = await (await self.healing(**changed)).run_once()
        await self.finish(await self.model())
        return healed

    async def seen(self, assessment_id: UUID) -> tuple[Any, ...]:
        row = await self.pool.fetchrow(_SEEN, assessment_id)
        assert row is not None
        return tuple(row)


@pytest.fixture
async def clinic(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> AsyncIterator[Clinic]:
    clinic = Clinic(pool, bank, redis_url, embedder, provider.url)
    yield clinic
    await clinic.close()


def asked(provider: ModelServer) -> list[str]:
    """The essays that the provider was asked about, the probe's included."""
    return [essay_of(request) for request in provider.requests]


def but(essay: str, behaviour: Behaviour) -> Behaviour:
    """Good scores for all but this essay."""
    good = scores(20)

    async def behave(request: web.Request, told: dict[str, Any]) -> web.StreamResponse:
        return await (behaviour if essay_of(told) == essay else good)(request, told)

    return behave


async def test_when_the_model_is_back_the_result_gets_better(clinic: Clinic, provider: ModelServer) -> None:
    assessment_id = await clinic.degraded()
    before = await clinic.line(assessment_id)
    assert (before["scorer"], before["reasons"]) == ("local", {"essay_scored_locally"})
    revision = (await clinic.seen(assessment_id))[0]
    assert await clinic.heal() == 1
    after = await clinic.line(assessment_id)
    assert (after["scorer"], after["score"], after["reasons"]) == ("gpt", 0.8, set())
    assert asked(provider) == [_PROBED, ESSAY]
    healed = await clinic.seen(assessment_id)
    assert (healed[0] > revision, healed[1]) == (True, 2)
    assert await clinic.heal() == 0
    assert (await clinic.seen(assessment_id), len(provider.requests)) == (healed, 2)


async def test_while_the_model_is_away_only_the_probe_is_sent(clinic: Clinic, provider: ModelServer) -> None:
    assessment_id = await clinic.degraded()
    before = await clinic.seen(assessment_id)
    provider.default = failure(500)
    for _ in range(MAX_TRIES + 2):
        assert await clinic.heal() == 0
    assert asked(provider) == [_PROBED] * (MAX_TRIES + 2)
    assert await clinic.seen(assessment_id) == before
    provider.default = scores(20)
    assert await clinic.heal() == 1


@pytest.mark.parametrize("trouble", [text("no JSON"), text(None, refusal="No."), failure(500), failure(400)])
async def test_what_always_fails_is_tried_five_times_and_never_seen(
    clinic: Clinic, provider: ModelServer, pool: Pool, trouble: Behaviour
) -> None:
    assessment_id = await clinic.degraded()
    before = await clinic.seen(assessment_id)
    provider.default = but(ESSAY, trouble)
    for _ in range(MAX_TRIES + 3):
        assert await clinic.heal() == 0
        await pool.execute(_LATER)
    assert asked(provider).count(ESSAY) == MAX_TRIES
    assert await clinic.seen(assessment_id) == before


async def test_tries_come_further_and_further_apart(clinic: Clinic, provider: ModelServer, pool: Pool) -> None:
    await clinic.degraded()
    provider.default = but(ESSAY, text("no JSON"))
    pauses = []
    for _ in range(3):
        await clinic.heal(interval=100)
        await pool.execute("UPDATE healing_turn SET until = now()")
        now, next_try = await pool.fetchrow("SELECT now(), next_try_at FROM essay_healing")  # type: ignore[misc]
        pauses.append(round((next_try - now).total_seconds(), -1))
        await pool.execute(_LATER)
    assert pauses == [200, 400, 800]


async def test_one_essay_that_gets_better_is_enough(clinic: Clinic, provider: ModelServer) -> None:
    assessment_id = await clinic.degraded(essay=ESSAY, essay_two=SECOND_ESSAY)
    provider.default = but(SECOND_ESSAY, failure(400))
    assert await clinic.heal() == 1
    rows = await clinic.pool.fetch(
        """SELECT DISTINCT ON (question_id) scorer FROM scores WHERE assessment_id = $1 AND score_type = 'essay_gpt'
           ORDER BY question_id, run DESC""",
        assessment_id,
    )
    assert sorted(row["scorer"] for row in rows) == ["gpt", "local"]
    assert asked(provider).count(ESSAY) == 1
    _, run, degraded, _ = await clinic.seen(assessment_id)
    assert (run, degraded) == (2, True)


async def test_the_oldest_come_first_and_old_results_stay(clinic: Clinic, provider: ModelServer, pool: Pool) -> None:
    essays = [f"{ESSAY} Of student {number}." for number in range(3)]
    ids = [await clinic.degraded(f"student-{number}", essay=essay) for number, essay in enumerate(essays)]
    for days, assessment_id in zip((1, 3, 8), ids, strict=True):
        shift = "UPDATE assessments SET completed_at = now() - make_interval(days => $2) WHERE id = $1"
        await pool.execute(shift, assessment_id, days)
    assert await clinic.heal(max_age=7 * 86_400.0) == 2
    assert sorted(asked(provider)) == sorted([_PROBED, essays[0], essays[1]])
    due = await pool.fetch("SELECT question_id FROM model_calls WHERE outcome = 'answered' ORDER BY id")
    assert len(due) == 2
    first = await pool.fetchval("SELECT assessment_id FROM model_calls WHERE outcome = 'probed'")
    assert first == ids[1]


async def test_what_a_person_scored_is_left_alone(clinic: Clinic, provider: ModelServer, pool: Pool) -> None:
    assessment_id = await clinic.degraded()
    await pool.execute(
        """INSERT INTO score_overrides (assessment_id, question_id, score, max_score, reason, actor)
           SELECT assessment_id, question_id, 1, 1, 'Read it.', 'advisor-1' FROM scores
           WHERE assessment_id = $1 AND score_type = 'essay_gpt' AND NOT missing""",
        assessment_id,
    )
    assert await clinic.heal() == 0
    assert provider.requests == []


async def test_of_many_workers_one_looks(clinic: Clinic, provider: ModelServer) -> None:
    await clinic.degraded()
    healings = [await clinic.healing(interval=60) for _ in range(8)]
    assert sum(await asyncio.gather(*(healing.run_once() for healing in healings))) == 1
    assert asked(provider) == [_PROBED, ESSAY]


async def test_a_run_that_is_going_on_is_left_alone(clinic: Clinic, provider: ModelServer, bank: Bank) -> None:
    assessment_id = await clinic.degraded()
    healing = await clinic.healing()
    assert await healing.run_once() == 1
    assert await healing.run_once() == 0
    assert (await clinic.seen(assessment_id))[1] == 2
    assert len(provider.requests) == 2
