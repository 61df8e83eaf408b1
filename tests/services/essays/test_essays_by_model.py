"""Essays scored by a provider on loopback, through the real SDK: the provider's faults and their effects."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import pytest
from aiohttp import web

from app.clients.llm.chat import ChatModel
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.services.model_account import TokenPrice
from tests.bank import ESSAY, Bank
from tests.fakes import endpoints
from tests.fakes.endpoints import refusing
from tests.fakes.model_server import ModelServer, essay_of, failure, hang, scores, text
from tests.fakes.provider_faults import PERMANENT_FAULTS, TRANSIENT_FAULTS, answer, by_essay, dripping, raw_body
from tests.job_runner import job_id, job_runner, run_due_jobs, submit

SECOND = f"{ESSAY} This is the second essay."
RunJobs = Callable[..., Awaitable["EndedRun"]]


class EndedRun:
    """The rows of an assessment when all its jobs have ended."""

    def __init__(self, job: asyncpg.Record, scores: list[asyncpg.Record], calls: list[asyncpg.Record]) -> None:
        self.job, self.scores, self.calls = job, scores, calls
        self.result: dict[str, Any] = {}

    @property
    def scorers(self) -> list[str | None]:
        return [score["scorer"] for score in self.scores]

    @property
    def reasons(self) -> set[str]:
        return {reason["code"] for reason in self.job["reasons"]}

    @property
    def outcomes(self) -> list[str]:
        return [call["outcome"] for call in self.calls]


async def read_ended_run(pool: Pool, assessment_id: UUID) -> EndedRun:
    job = await pool.fetchrow("SELECT * FROM async_jobs WHERE id = $1", await job_id(pool, assessment_id, JobType.GPT))
    lines = "SELECT * FROM scores WHERE assessment_id = $1 AND score_type = 'essay_gpt' ORDER BY max_score"
    calls = "SELECT * FROM model_calls WHERE assessment_id = $1 ORDER BY id"
    assert job is not None
    end = EndedRun(job, await pool.fetch(lines, assessment_id), await pool.fetch(calls, assessment_id))
    body = await pool.fetchval("SELECT body FROM results WHERE assessment_id = $1", assessment_id)
    end.result = json.loads(body)
    return end


@asynccontextmanager
async def open_model(provider: ModelServer, seconds: float = 5) -> AsyncIterator[ChatModel]:
    model = ChatModel("sk-test", provider.url, "gpt-test", seconds)
    yield model
    await model.close()


@pytest.fixture
async def run(pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer) -> RunJobs:
    """Submits, runs all jobs to their end, and reads the rows."""

    async def run_jobs(
        fallback: Literal["local", "none"] = "local",
        answers: list[dict[str, Any]] | None = None,
        seconds: float = 5,
        prices: dict[str, TokenPrice] | None = None,
    ) -> EndedRun:
        submitted = bank.answers(essay=ESSAY, essay_two=SECOND) if answers is None else answers
        assessment_id = await submit(pool, bank, answers=submitted)
        async with open_model(provider, seconds) as model:
            running = job_runner(pool, redis_url, embedder, model=model, fallback=fallback, prices=prices)
            await run_due_jobs(pool, running)
            await running.job_queue.redis.aclose()
        return await read_ended_run(pool, assessment_id)

    return run_jobs


async def test_a_refused_parameter_costs_no_attempt_and_no_money(run: RunJobs, provider: ModelServer) -> None:
    provider.default = refusing(endpoints.litellm)
    end = await run(prices={"gpt-test": TokenPrice(0.25, 2)})
    assert (end.job["status"], end.job["attempts"], end.scorers) == ("completed", 1, ["gpt", "gpt"])
    assert [(call["outcome"], call["tokens_in"]) for call in end.calls] == [("answered", 1000)] * 2


async def test_good_answers(run: RunJobs, provider: ModelServer) -> None:
    end = await run(prices={"gpt-test": TokenPrice(0.25, 2)})
    assert (end.job["status"], end.job["attempts"], end.job["error"], end.reasons) == ("completed", 1, None, set())
    assert [(s["scorer"], s["model"], s["score"]) for s in end.scores] == [
        ("gpt", "gpt-test", 0.8),
        ("gpt", "gpt-test", 1.6),
    ]
    assert len(provider.requests) == 2
    for call in end.calls:
        assert (call["outcome"], call["tokens_in"], call["tokens_out"]) == ("answered", 1000, 100)
        assert float(call["cost_usd"]) == pytest.approx((1000 * 0.25 + 100 * 2) / 1e6)
        assert json.loads(call["answer"])["relevance"]["score"] == 20
    assert end.result["processing"]["tokens"] == 2200
    assert end.result["processing"]["cost_usd"] == pytest.approx(2 * (1000 * 0.25 + 100 * 2) / 1e6)
    line = end.result["breakdown"]["essay"]["questions"][0]
    quoted = line["dimensions"]["relevance"]["evidence"][0]
    assert ESSAY[quoted["start"] : quoted["end"]] == quoted["quote"]


async def test_without_a_price_the_cost_is_unknown(run: RunJobs) -> None:
    end = await run()
    assert [call["cost_usd"] for call in end.calls] == [None, None]
    assert end.result["processing"]["cost_usd"] is None


async def test_without_a_call_there_is_no_cost(run: RunJobs) -> None:
    assert (await run(answers=[])).result["processing"]["cost_usd"] == 0.0


@pytest.mark.parametrize("name", TRANSIENT_FAULTS)
async def test_a_transient_fault_is_tried_again(run: RunJobs, provider: ModelServer, bank: Bank, name: str) -> None:
    behaviour, code = TRANSIENT_FAULTS[name]
    provider.script.append(behaviour)
    end = await run(answers=bank.answers(essay=ESSAY))
    assert end.outcomes == [code, "answered"]
    assert (end.job["status"], end.reasons, end.scorers[-1]) == ("completed", set(), None)
    assert [score["scorer"] for score in end.scores if not score["missing"]] == ["gpt"]
    assert end.job["attempts"] == (1 if code == "model_rate_limited" else 2)


@pytest.mark.parametrize("name", PERMANENT_FAULTS)
async def test_a_permanent_fault_is_not_tried_again(run: RunJobs, provider: ModelServer, name: str) -> None:
    provider.default, code = PERMANENT_FAULTS[name]
    end = await run()
    assert (end.outcomes, len(provider.requests)) == ([code, code], 2)
    assert (end.job["status"], end.scorers, end.reasons) == ("completed", ["local", "local"], {"essay_scored_locally"})
    assert end.result["degraded"] is True
    assert end.result["breakdown"]["essay"]["unscored"] == 0


async def test_a_call_to_a_provider_that_hangs_times_out(run: RunJobs, provider: ModelServer, bank: Bank) -> None:
    provider.script.extend([hang(), dripping()])
    end = await run(answers=bank.answers(essay=ESSAY), seconds=0.3)
    assert end.outcomes == ["model_timeout", "model_timeout", "answered"]
    assert all(call["latency_ms"] < 2000 for call in end.calls)


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_the_next_attempt_comes_when_the_provider_says(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer, form: str
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=61), usegmt=True)
    provider.default = failure(429, headers={"Retry-After": "60" if form == "seconds" else date})
    assessment_id = await submit(pool, bank)
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    async with open_model(provider) as model:
        running = job_runner(pool, redis_url, embedder, model=model)
        await running.run(gpt)
        await running.job_queue.redis.aclose()
    row = await pool.fetchrow("SELECT *, run_after - now() AS wait FROM async_jobs WHERE id = $1", gpt)
    assert row is not None
    assert (row["status"], row["attempts"], row["error"]["code"]) == ("queued", 0, "model_rate_limited")
    assert 55 < row["wait"].total_seconds() <= 61


async def test_essays_are_estimated_when_the_model_stays_unavailable(run: RunJobs, provider: ModelServer) -> None:
    provider.default = failure(500)
    end = await run()
    assert (len(provider.requests), end.job["attempts"], end.job["status"]) == (8, 4, "completed")
    assert (end.scorers, end.reasons) == (["local", "local"], {"essay_scored_locally"})
    assert "2 of 2 essays were estimated locally" in end.job["reasons"][0]["detail"]
    assert all(0 < score["score"] <= score["max_score"] for score in end.scores)
    assert all(0 <= score["confidence"] < 1 for score in end.scores)


async def test_without_a_fallback_there_is_no_score_instead_of_zero(run: RunJobs, provider: ModelServer) -> None:
    provider.default = failure(500)
    end = await run("none")
    assert [(score["score"], score["reason"]) for score in end.scores] == [(None, "essay_unscored")] * 2
    assert (end.job["status"], end.job["error"]["code"], end.reasons) == (
        "failed",
        "model_unavailable",
        {"essay_unscored"},
    )
    essay = end.result["breakdown"]["essay"]
    assert (essay["score"], essay["max_score"], essay["unscored"]) == (None, 0, 2)
    assert [line["score"] for line in essay["questions"]] == [None, None]
    assert end.result["overall"]["max_score"] == 10.0


@pytest.mark.parametrize(("fallback", "other"), [("local", "local"), ("none", None)])
async def test_an_essay_that_keeps_failing_does_not_make_the_other_be_scored_twice(
    run: RunJobs, provider: ModelServer, fallback: Literal["local", "none"], other: str | None
) -> None:
    provider.default = by_essay({ESSAY: scores(15), SECOND: failure(503)})
    end = await run(fallback)
    sent = [essay_of(request) for request in provider.requests]
    assert (sent.count(ESSAY), sent.count(SECOND)) == (1, 4)
    assert (end.scorers, end.job["status"], end.job["error"]) == (["gpt", other], "completed", None)
    assert "1 of 2 essays was" in end.job["reasons"][0]["detail"]


async def test_quotes_that_are_not_in_the_essay_are_dropped_and_counted(run: RunJobs, provider: ModelServer) -> None:
    provider.default = scores(20, quotes=["Evaporation", "trees can fly"])
    end = await run()
    for line in end.result["breakdown"]["essay"]["questions"]:
        assert (line["dropped_quotes"], line["flags"], line["confidence"]) == (4, ["quote_not_found"], 0.5)
        assert [e["quote"] for e in line["dimensions"]["depth"]["evidence"]] == ["Evaporation"]


async def test_unanswered_essays_are_not_sent(run: RunJobs, provider: ModelServer, bank: Bank) -> None:
    end = await run(answers=bank.answers(essay_two=SECOND))
    assert [essay_of(request) for request in provider.requests] == [SECOND]
    assert [(s["score"], s["missing"]) for s in end.scores] == [(0.0, True), (1.6, False)]
    assert end.job["status"] == "completed"


async def test_without_any_essay_the_job_is_done_at_once(run: RunJobs, provider: ModelServer) -> None:
    provider.default = failure(500)
    end = await run(answers=[])
    assert (provider.requests, end.calls, end.job["status"], end.job["attempts"]) == ([], [], "completed", 1)
    assert end.result["breakdown"]["essay"]["missing"] == 2


async def test_impossible_token_counts_are_ignored(run: RunJobs, provider: ModelServer, bank: Bank) -> None:
    usage = {"prompt_tokens": 10**15, "completion_tokens": "many", "total_tokens": -1}
    message = {"role": "assistant", "content": answer()}
    provider.default = raw_body(json.dumps({"choices": [{"index": 0, "message": message}], "usage": usage}).encode())
    end = await run(answers=bank.answers(essay=ESSAY), prices={"gpt-test": TokenPrice(1, 1)})
    assert [(call["outcome"], call["tokens_in"], call["tokens_out"]) for call in end.calls] == [("answered", 0, 0)]


@pytest.mark.parametrize("first", [True, False])
async def test_a_permanent_fault_of_one_essay_does_not_end_the_tries_of_another(
    run: RunJobs, provider: ModelServer, first: bool
) -> None:
    """In either order; and the essay with the permanent fault is sent once."""
    refused, late = (ESSAY, SECOND) if first else (SECOND, ESSAY)
    good, tries = scores(20), iter([failure(500)])
    refusal = text(None, refusal="No.")

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return await (refusal if essay_of(body) == refused else next(tries, good))(request, body)

    provider.default = behave
    end = await run()
    sent = [essay_of(request) for request in provider.requests]
    assert (sent.count(refused), sent.count(late)) == (1, 2)
    assert end.scorers == (["local", "gpt"] if first else ["gpt", "local"])
    assert (end.job["status"], end.job["attempts"], end.reasons) == ("completed", 2, {"essay_scored_locally"})
    assert "1 of 2 essays was estimated" in end.job["reasons"][0]["detail"]


async def test_the_longest_wait_of_all_essays_counts(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> None:
    waits = {ESSAY: failure(429, headers={"Retry-After": "5"}), SECOND: failure(429, headers={"Retry-After": "90"})}
    provider.default = by_essay(waits)
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY, essay_two=SECOND))
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    async with open_model(provider) as model:
        running = job_runner(pool, redis_url, embedder, model=model)
        await running.run(gpt)
        await running.job_queue.redis.aclose()
    wait = await pool.fetchval("SELECT run_after - now() FROM async_jobs WHERE id = $1", gpt)
    assert 80 < wait.total_seconds() <= 90
