"""Rescoring degraded essays once the model answers again, which is visible only if results get better."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories import scores as scores_repository
from app.repositories.sql import Pool
from app.services.essays.llm_calls import PROBE, PaidModel
from app.services.jobs.rescore_degraded import MAX_TRIES, DegradedRescorer
from app.services.model_account import ModelAccount, TokenPrice
from tests.bank import ESSAY, SECOND_ESSAY, Bank
from tests.fakes.model_server import Behaviour, ModelServer, essay_of, failure, scores, text
from tests.job_runner import job_runner, run_due_jobs, submit
from tests.services.essays.essay_runner import EssayRunner

_PROBED = PROBE.model_answer
_SEEN = "SELECT revision, run, degraded, degraded_reasons FROM assessments WHERE id = $1"
_LATER = "UPDATE essay_healing SET next_try_at = now() - interval '1 second'"


class Rescoring(EssayRunner):
    """An essay runner with a rescorer of degraded essays."""

    async def degraded(self, owner: str = "student-1", **essays: str) -> UUID:
        """An assessment whose essays were estimated locally."""
        answers = self.bank.answers(**(essays or {"essay": ESSAY}))
        assessment_id = await submit(self.pool, self.bank, owner, answers)
        await self.finish(model=None)
        return assessment_id

    async def finish(self, model: Any) -> None:
        """Runs what is due."""
        running = job_runner(self.pool, self._redis_url, self.embedder, model=model)
        await run_due_jobs(self.pool, running)
        await running.job_queue.redis.aclose()

    async def rescorer(self, account: ModelAccount | None = None, **changed: Any) -> DegradedRescorer:
        running = job_runner(self.pool, self._redis_url, self.embedder)
        self._stack.push_async_callback(running.job_queue.redis.aclose)
        model = PaidModel(await self.model(), account or ModelAccount(self.pool))
        settings = {"interval": 1e-6, "max_age": 3600.0, "attempts": 4} | changed
        return DegradedRescorer(self.pool, running.job_queue, model, None, **settings)

    async def rescore_degraded(self, **changed: Any) -> int:
        """One pass, and the runs that it starts; returns how many."""
        started = await (await self.rescorer(**changed)).run_once()
        await self.finish(await self.model())
        return started

    async def state(self, assessment_id: UUID) -> tuple[Any, ...]:
        row = await self.pool.fetchrow(_SEEN, assessment_id)
        assert row is not None
        return tuple(row)


@pytest.fixture
async def rescoring(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> AsyncIterator[Rescoring]:
    async with Rescoring(pool, bank, redis_url, embedder, provider.url) as rescoring:
        yield rescoring


def essays_sent(provider: ModelServer) -> list[str]:
    """The essays that were sent to the provider, including that of the probe."""
    return [essay_of(request) for request in provider.requests]


def good_except(essay: str, behaviour: Behaviour) -> Behaviour:
    """Good scores for all essays except this one."""
    good = scores(20)

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return await (behaviour if essay_of(body) == essay else good)(request, body)

    return behave


async def test_once_the_model_answers_the_result_gets_better(rescoring: Rescoring, provider: ModelServer) -> None:
    assessment_id = await rescoring.degraded()
    before = await rescoring.line(assessment_id)
    assert (before["scorer"], before["reasons"]) == ("local", {"essay_scored_locally"})
    revision = (await rescoring.state(assessment_id))[0]
    assert await rescoring.rescore_degraded() == 1
    after = await rescoring.line(assessment_id)
    assert (after["scorer"], after["score"], after["reasons"]) == ("gpt", 0.8, set())
    assert essays_sent(provider) == [_PROBED, ESSAY]
    rescored = await rescoring.state(assessment_id)
    assert (rescored[0] > revision, rescored[1]) == (True, 2)
    assert await rescoring.rescore_degraded() == 0
    assert (await rescoring.state(assessment_id), len(provider.requests)) == (rescored, 2)


async def test_while_the_model_fails_only_the_probe_is_sent(rescoring: Rescoring, provider: ModelServer) -> None:
    assessment_id = await rescoring.degraded()
    before = await rescoring.state(assessment_id)
    provider.default = failure(500)
    for _ in range(MAX_TRIES + 2):
        assert await rescoring.rescore_degraded() == 0
    assert essays_sent(provider) == [_PROBED] * (MAX_TRIES + 2)
    assert await rescoring.state(assessment_id) == before
    provider.default = scores(20)
    assert await rescoring.rescore_degraded() == 1


@pytest.mark.parametrize("behaviour", [text("no JSON"), text(None, refusal="No."), failure(500), failure(404)])
async def test_an_essay_that_always_fails_is_tried_five_times_and_stays_as_it_was(
    rescoring: Rescoring, provider: ModelServer, pool: Pool, behaviour: Behaviour
) -> None:
    assessment_id = await rescoring.degraded()
    before = await rescoring.state(assessment_id)
    provider.default = good_except(ESSAY, behaviour)
    for _ in range(MAX_TRIES + 3):
        assert await rescoring.rescore_degraded() == 0
        await pool.execute(_LATER)
    assert essays_sent(provider).count(ESSAY) == MAX_TRIES
    assert await rescoring.state(assessment_id) == before


async def test_the_pause_between_tries_doubles(rescoring: Rescoring, provider: ModelServer, pool: Pool) -> None:
    await rescoring.degraded()
    provider.default = good_except(ESSAY, text("no JSON"))
    pauses = []
    for _ in range(3):
        await rescoring.rescore_degraded(interval=100)
        await pool.execute("UPDATE healing_turn SET until = now()")
        now, next_try = await pool.fetchrow("SELECT now(), next_try_at FROM essay_healing")  # type: ignore[misc]
        pauses.append(round((next_try - now).total_seconds(), -1))
        await pool.execute(_LATER)
    assert pauses == [200, 400, 800]


async def test_one_essay_that_is_scored_is_enough_for_a_run(rescoring: Rescoring, provider: ModelServer) -> None:
    assessment_id = await rescoring.degraded(essay=ESSAY, essay_two=SECOND_ESSAY)
    provider.default = good_except(SECOND_ESSAY, failure(400))
    assert await rescoring.rescore_degraded() == 1
    rows = await rescoring.pool.fetch(
        """SELECT DISTINCT ON (question_id) scorer FROM scores WHERE assessment_id = $1 AND score_type = 'essay_gpt'
           ORDER BY question_id, run DESC""",
        assessment_id,
    )
    assert sorted(row["scorer"] for row in rows) == ["gpt", "local"]
    assert essays_sent(provider).count(ESSAY) == 1
    _, run, degraded, _ = await rescoring.state(assessment_id)
    assert (run, degraded) == (2, True)


async def test_the_oldest_results_come_first_and_too_old_ones_stay(
    rescoring: Rescoring, provider: ModelServer, pool: Pool
) -> None:
    essays = [f"{ESSAY} Of student {number}." for number in range(3)]
    ids = [await rescoring.degraded(f"student-{number}", essay=essay) for number, essay in enumerate(essays)]
    for days, assessment_id in zip((1, 3, 8), ids, strict=True):
        shift = "UPDATE assessments SET completed_at = now() - make_interval(days => $2) WHERE id = $1"
        await pool.execute(shift, assessment_id, days)
    assert await rescoring.rescore_degraded(max_age=7 * 86_400.0) == 2
    assert sorted(essays_sent(provider)) == sorted([_PROBED, essays[0], essays[1]])
    due = await pool.fetch("SELECT question_id FROM model_calls WHERE outcome = 'answered' ORDER BY id")
    assert len(due) == 2
    first = await pool.fetchval("SELECT assessment_id FROM model_calls WHERE outcome = 'probed'")
    assert first == ids[1]


async def test_an_overridden_essay_is_not_rescored(rescoring: Rescoring, provider: ModelServer, pool: Pool) -> None:
    assessment_id = await rescoring.degraded()
    await pool.execute(
        """INSERT INTO score_overrides (assessment_id, question_id, score, max_score, reason, actor)
           SELECT assessment_id, question_id, 1, 1, 'Read it.', 'advisor-1' FROM scores
           WHERE assessment_id = $1 AND score_type = 'essay_gpt' AND NOT missing""",
        assessment_id,
    )
    assert await rescoring.rescore_degraded() == 0
    assert provider.requests == []


async def test_of_many_workers_only_one_has_the_turn(rescoring: Rescoring, provider: ModelServer) -> None:
    await rescoring.degraded()
    rescorers = [await rescoring.rescorer(interval=60) for _ in range(8)]
    assert sum(await asyncio.gather(*(rescorer.run_once() for rescorer in rescorers))) == 1
    assert essays_sent(provider) == [_PROBED, ESSAY]


async def test_an_assessment_whose_run_is_in_progress_is_left_alone(
    rescoring: Rescoring, provider: ModelServer, bank: Bank
) -> None:
    assessment_id = await rescoring.degraded()
    rescorer = await rescoring.rescorer()
    assert await rescorer.run_once() == 1
    assert await rescorer.run_once() == 0
    assert (await rescoring.state(assessment_id))[1] == 2
    assert len(provider.requests) == 2


async def test_an_essay_whose_student_has_spent_the_share_is_left_for_later(
    rescoring: Rescoring, provider: ModelServer, pool: Pool
) -> None:
    """Otherwise it would use up its tries, and a probe each time, on a day when it has no chance."""
    greedy, ann = await rescoring.degraded("greedy"), await rescoring.degraded("ann", essay=SECOND_ESSAY)
    account = ModelAccount(pool, TokenPrice(0, 1), budget_usd=1.0, owner_share=0.002)
    await scores_repository.reserve_budget(pool, 0.001, 1.0, "greedy", 0.002)
    assert await rescoring.rescore_degraded(account=account) == 1
    assert essays_sent(provider) == [_PROBED, SECOND_ESSAY]
    assert (await rescoring.line(ann))["scorer"] == "gpt"
    row = await pool.fetchrow(
        "SELECT tries, next_try_at > now() + interval '50 minutes' FROM essay_healing WHERE assessment_id = $1", greedy
    )
    assert row is not None and tuple(row) == (0, True)
    assert await rescoring.rescore_degraded(account=account) == 0
    await pool.execute("DELETE FROM owner_budget")
    await pool.execute(_LATER)
    assert await rescoring.rescore_degraded(account=account) == 1
    assert (await rescoring.line(greedy))["scorer"] == "gpt"
