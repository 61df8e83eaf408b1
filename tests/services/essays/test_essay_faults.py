"""Exceptions of our own code on one essay: it loses no points, other essays are not affected, and a person is asked."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.clients.llm.chat import ChatModel
from app.clients.llm.embedder import Embedder
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.clients.llm.replies import ChatReply
from app.domain.assessment.questions import EssayQuestion
from app.domain.essay.score import EssayScore, Suspicion
from app.domain.essay.visible_text import VisibleText
from app.domain.model_prompt import ModelPrompt
from app.domain.states import JobType
from app.repositories import questions
from app.repositories.sql import Pool
from app.services.essays.injection_check import Detector, check_injection
from app.services.essays.llm_calls import PaidModel
from app.services.essays.local_estimate import estimate_locally
from app.services.essays.score_essays import EssayJob
from app.services.jobs.rescore_degraded import DegradedRescorer
from app.services.model_account import ModelAccount
from tests.bank import ESSAY, QUESTIONS, SECOND_ESSAY, Bank
from tests.fakes.model_server import DIMENSIONS, ModelServer
from tests.job_runner import job_id, job_runner, run_due_jobs, submit

# More digits than Python converts to an integer.
HOSTILE = f"{ESSAY} &#{'9' * 4301};"
# After so many crashes the fallback is used, and after one more the essays get no score.
CRASHES = {"given up": 3, "given up twice": 4}
CHECK_FAILED = ["injection_check_failed", "needs_review"]


@pytest.fixture
async def bank(pool: Pool, bank: Bank) -> Bank:
    """The small track, whose essays may be as long as any."""
    for name in ("essay", "essay_two"):
        body = QUESTIONS[name].model_copy(update={"max_characters": 20_000})
        await questions.add_version(pool, bank.ids[name], body)
    return bank


@dataclass
class EndedAssessment:
    """An assessment when all its jobs have ended."""

    result: dict[str, Any]
    needs_review: bool
    job: dict[str, Any]

    @property
    def essays(self) -> list[dict[str, Any]]:
        """The essays' lines, the one with the lower maximum first."""
        lines: list[dict[str, Any]] = self.result["breakdown"]["essay"]["questions"]
        return sorted(lines, key=lambda line: line["max_score"])

    @property
    def scorers(self) -> list[str | None]:
        return [line["scorer"] for line in self.essays]


class FaultyRunner:
    """Submits assessments with both essays, and runs their jobs with parts that may be faulty."""

    def __init__(self, pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, url: str) -> None:
        self._pool, self._bank, self._redis_url, self._embedder = pool, bank, redis_url, embedder
        self._url = url
        self.stack = AsyncExitStack()

    async def run(self, path: str, essay: str, **parts: Any) -> EndedAssessment:
        """Submits both essays and takes this path: scored by the `model`, estimated (`local`), or given up after
        crashes."""
        essays = self._bank.answers(essay=essay, essay_two=SECOND_ESSAY)
        others = [answer for answer in self._bank.all_answers() if answer["answer"] not in (ESSAY, SECOND_ESSAY)]
        assessment_id = await submit(self._pool, self._bank, answers=[*others, *essays])
        gpt = await job_id(self._pool, assessment_id, JobType.GPT)
        await self._pool.execute("UPDATE async_jobs SET crashes = $2 WHERE id = $1", gpt, CRASHES.get(path, 0))
        return await self.finish(assessment_id, **({"model": await self.model()} if path == "model" else {}) | parts)

    async def model(self) -> ChatModel:
        model = ChatModel("sk-test", self._url, "gpt-test", 5)
        self.stack.push_async_callback(model.close)
        return model

    async def finish(
        self, assessment_id: UUID, publish_change: Callable[[UUID], None] | None = None, **parts: Any
    ) -> EndedAssessment:
        running = job_runner(self._pool, self._redis_url, self._embedder, **parts)
        self.stack.push_async_callback(running.job_queue.redis.aclose)
        if publish_change:
            scoring = running.handlers[JobType.GPT]
            assert isinstance(scoring, EssayJob)
            scoring = replace(scoring, publish_change=publish_change)
            running = replace(running, handlers={**running.handlers, JobType.GPT: scoring})
        await run_due_jobs(self._pool, running)
        row = await self._pool.fetchrow(
            """SELECT r.body, a.needs_review, j.status, j.attempts, j.error, j.reasons FROM assessments a
               JOIN results r ON r.assessment_id = a.id AND r.run = a.run
               JOIN async_jobs j ON j.assessment_id = a.id AND j.run = a.run AND j.job_type = 'gpt'
               WHERE a.id = $1""",
            assessment_id,
        )
        assert row is not None
        return EndedAssessment(json.loads(row["body"]), row["needs_review"], dict(row))

    async def rescorer(self, model: Any) -> DegradedRescorer:
        running = job_runner(self._pool, self._redis_url, self._embedder)
        self.stack.push_async_callback(running.job_queue.redis.aclose)
        return DegradedRescorer(
            self._pool, running.job_queue, PaidModel(model, ModelAccount(self._pool)), None, 1e-6, 3600.0, 4
        )


@pytest.fixture
async def runner(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer
) -> AsyncIterator[FaultyRunner]:
    runner = FaultyRunner(pool, bank, redis_url, embedder, provider.url)
    yield runner
    await runner.stack.aclose()


def raising_detector(error: Exception) -> Detector:
    """A detector that raises for the first essay, and works for others."""

    async def detect(embedder: Embedder, essay: VisibleText) -> Suspicion | None:
        if essay.original == ESSAY:
            raise error
        return await check_injection(embedder, essay)

    return detect


class RaisingEstimate:
    """Raises for the first essay, and estimates others."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __call__(self, embedder: Embedder, question: EssayQuestion, answer: str) -> EssayScore:
        if answer == ESSAY:
            raise self._error
        return await estimate_locally(embedder, question, answer)


class UnreadableAnswer(str):
    """An answer that makes our own code raise when it reads it."""

    def removeprefix(self, prefix: str, /) -> str:
        raise LookupError(f"{ESSAY} in {self}")


@dataclass
class FaultyModel:
    """A model that raises for the first essay, or answers it with an `UnreadableAnswer`; others get good answers."""

    fault: str
    provider: str = "loopback"
    name: str = "gpt-test"
    calls: int = 0

    async def ask(self, prompt: ModelPrompt) -> ChatReply:
        findings = [{"point": "Names cohesion.", "met": True}]
        quotes = [json.loads(prompt.user)["essay"]]
        dimension = {"findings": findings, "quotes": quotes, "rationale": "Read.", "score": 20}
        answer = json.dumps(dict.fromkeys(DIMENSIONS, dimension))
        if json.loads(prompt.user)["essay"] != ESSAY:
            return ChatReply(answer=answer, tokens_in=1000)
        self.calls += 1
        if self.fault == "raises":
            raise LookupError(ESSAY)
        return ChatReply(answer=UnreadableAnswer(answer), tokens_in=1000)


def events(logs: Any, level: str = "error") -> list[str]:
    """The logged events of this level; asserts that none quotes the essay."""
    for entry in logs:
        assert "xylem" not in str(entry), "a log entry quotes the essay"
        assert "xylem" not in str(entry.get("exc_info")), "an exception in the log quotes the essay"
    return [entry["event"] for entry in logs if entry["log_level"] == level]


@pytest.mark.parametrize("path", ["model", "local", "given up"])
async def test_a_character_reference_of_thousands_of_digits_does_no_harm(runner: FaultyRunner, path: str) -> None:
    with capture_logs() as logs:
        ended = await runner.run(path, HOSTILE)
    assert events(logs) == []
    assert [line["flags"] for line in ended.essays] == [[], []]
    assert ended.scorers == (["gpt", "gpt"] if path == "model" else ["local", "local"])
    assert ended.result["overall"]["max_score"] == 13.0
    assert (ended.needs_review, ended.job["status"], ended.job["attempts"]) == (False, "completed", 1)


@pytest.mark.parametrize("error", [RuntimeError(ESSAY), TimeoutError(ESSAY), ConnectionError(ESSAY), RecursionError()])
@pytest.mark.parametrize("path", ["model", "local", "given up"])
async def test_a_detector_that_raises_flags_the_essay_and_has_no_other_effect(
    runner: FaultyRunner, path: str, error: Exception
) -> None:
    unharmed = await runner.run(path, ESSAY)
    with capture_logs() as logs:
        ended = await runner.run(path, ESSAY, detect_injection=raising_detector(error))
    assert events(logs) == ["injection_check_failed"]
    assert [line["flags"] for line in ended.essays] == [CHECK_FAILED, []]
    assert [line["score"] for line in ended.essays] == [line["score"] for line in unharmed.essays]
    assert ended.result["overall"] == unharmed.result["overall"]
    assert (unharmed.needs_review, ended.needs_review) == (False, True)
    assert (ended.job["status"], ended.job["attempts"]) == ("completed", 1)


@pytest.mark.parametrize("error", [KeyError(ESSAY), TimeoutError(ESSAY), ConnectionError(ESSAY), MemoryError()])
@pytest.mark.parametrize("path", ["local", "given up"])
async def test_if_an_estimate_raises_the_essay_has_no_score_and_a_person_is_asked(
    runner: FaultyRunner, path: str, error: Exception
) -> None:
    with capture_logs() as logs:
        ended = await runner.run(path, ESSAY, estimate=RaisingEstimate(error))
    assert events(logs) == ["essay_not_estimated"]
    first, second = ended.essays
    assert (first["score"], first["reason"], second["scorer"]) == (None, "essay_unscored", "local")
    assert (ended.needs_review, ended.job["status"], ended.job["attempts"]) == (True, "completed", 1)
    assert {reason["code"] for reason in ended.job["reasons"]} == {"essay_scored_locally", "essay_unscored"}
    assert ended.result["overall"]["max_score"] == 12.0


async def test_essays_whose_fallback_crashes_too_have_no_score_and_a_person_is_asked(runner: FaultyRunner) -> None:
    ended = await runner.run("given up twice", ESSAY)
    assert (ended.scorers, ended.needs_review) == ([None, None], True)
    assert ended.result["overall"]["max_score"] == 10.0


@pytest.mark.parametrize("fault", ["raises", "unreadable"])
async def test_if_the_model_path_raises_for_an_essay_it_is_estimated(
    runner: FaultyRunner, pool: Pool, fault: str
) -> None:
    model = FaultyModel(fault)
    with capture_logs() as logs:
        ended = await runner.run("model", ESSAY, model=model)
    assert events(logs) == ["essay_not_scored_by_model" if fault == "raises" else "model_answer_not_read"]
    assert (ended.scorers, model.calls, ended.needs_review) == (["local", "gpt"], 1, False)
    assert (ended.job["status"], ended.job["attempts"]) == ("completed", 1)
    calls = await pool.fetch("SELECT outcome, tokens_in FROM model_calls ORDER BY outcome")
    paid = [("internal_error", 1000)] if fault == "unreadable" else []
    assert [tuple(call) for call in calls] == [("answered", 1000), *paid]


async def test_a_second_model_that_raises_takes_no_score_away(runner: FaultyRunner) -> None:
    ended = await runner.run("model", ESSAY, second=FaultyModel("raises", name="gpt-second"))
    assert ended.scorers == ["gpt", "gpt"]
    assert [line["flags"] for line in ended.essays] == [["second_opinion_missing"], []]


async def test_an_exception_after_a_score_is_stored_does_not_remove_it(runner: FaultyRunner) -> None:
    def publish_change(assessment_id: UUID) -> None:
        raise RuntimeError("no")

    ended = await runner.run("model", ESSAY, publish_change=publish_change)
    assert (ended.scorers, ended.needs_review, ended.job["reasons"]) == (["gpt", "gpt"], False, [])
    assert (ended.job["status"], ended.job["attempts"]) == ("completed", 1)


@pytest.mark.parametrize("fault", ["raises", "unreadable"])
async def test_rescoring_degraded_results_continues_with_the_other_essays(
    runner: FaultyRunner, pool: Pool, fault: str
) -> None:
    async def broken(embedder: Embedder, essay: VisibleText) -> Suspicion | None:
        raise RuntimeError("no")

    before = await runner.run("local", ESSAY, fallback="none", detect_injection=broken)
    assert (before.scorers, before.needs_review) == ([None, None], True)
    model = FaultyModel(fault)
    assert await (await runner.rescorer(model)).run_once() == 1
    assert model.calls == 1
    after = await runner.finish(UUID(before.result["assessment_id"]), model=model)
    assert (after.scorers, after.needs_review) == (["local", "gpt"], False)
    assert await pool.fetchval("SELECT sum(tries) FROM essay_healing") == 2
