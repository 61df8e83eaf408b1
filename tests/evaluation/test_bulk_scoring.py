"""Scoring many answers: retries, pauses, concurrency, and giving up."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from app.clients.llm.chat import ChatModel
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.clients.llm.offline_model import ModelFiles
from app.domain.assessment.questions import EssayQuestion
from app.services.essays.bulk_scoring import (
    MAX_FAILURES_IN_A_ROW,
    LocalScorer,
    ModelScorer,
    ScoringProgress,
    ScoringResult,
    score_all,
)
from tests.evaluation.builders import QUESTION, scored_by_machine
from tests.fakes.model_server import Behaviour, ModelServer, failure, model_server, scores, text

ANSWER = "Indexes make reading faster, since not every row is looked at."


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A model provider that gives good scores unless its script says otherwise."""
    async with model_server() as server:
        yield server


@pytest.fixture
async def model(provider: ModelServer) -> AsyncIterator[ChatModel]:
    """The service's own client for that provider."""
    model = ChatModel("sk-test", provider.url, "test-model", 20.0)
    yield model
    await model.close()


def scorer(model: ChatModel, tries: int = 3) -> ModelScorer:
    return ModelScorer(model, tries, first_delay=0.001)


async def test_the_model_scores(model: ChatModel, provider: ModelServer) -> None:
    provider.default = scores(15)
    result = await scorer(model).score(QUESTION, ANSWER)
    assert result.score is not None and result.error is None
    assert (result.score.share, result.score.scorer, result.score.model) == (0.6, "gpt", "test-model")
    assert (result.tries, result.tokens_in, result.tokens_out) == (1, 1000, 100)


async def test_a_transient_error_is_retried_and_the_tokens_of_every_try_count(
    model: ChatModel, provider: ModelServer
) -> None:
    provider.script.extend([failure(500), text("no JSON")])
    result = await scorer(model).score(QUESTION, ANSWER)
    assert result.score is not None
    assert (result.tries, result.tokens_in, result.tokens_out) == (3, 2000, 200)


async def test_the_number_of_tries_is_limited(model: ChatModel, provider: ModelServer) -> None:
    provider.default = failure(503)
    result = await scorer(model, tries=2).score(QUESTION, ANSWER)
    assert result.error is not None and result.error.code == "model_unavailable"
    assert len(provider.requests) == result.tries == 2


async def test_a_permanent_error_is_not_retried(model: ChatModel, provider: ModelServer) -> None:
    provider.default = failure(401)
    result = await scorer(model).score(QUESTION, ANSWER)
    assert result.score is None
    assert result.error is not None and result.error.code == "model_refused_request"
    assert len(provider.requests) == 1


@pytest.mark.parametrize(("refusals", "scored"), [(6, True), (7, False)])
async def test_six_rate_limited_tries_are_not_counted(
    model: ChatModel, provider: ModelServer, refusals: int, scored: bool
) -> None:
    provider.script.extend([failure(429)] * refusals)
    result = await scorer(model, tries=1).score(QUESTION, ANSWER)
    assert (result.score is not None) == scored
    assert len(provider.requests) == 7


async def test_it_waits_as_long_as_the_provider_asks_for(model: ChatModel, provider: ModelServer) -> None:
    times: list[float] = []

    def timed(behaviour: Behaviour) -> Behaviour:
        async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
            times.append(time.monotonic())
            return await behaviour(request, body)

        return behave

    provider.script.extend([timed(failure(429, headers={"Retry-After": "0.4"})), timed(scores(20))])
    assert (await scorer(model).score(QUESTION, ANSWER)).score is not None
    assert times[1] - times[0] >= 0.4


async def test_the_local_estimate_scores() -> None:
    embedder = OfflineEmbedder()
    result = await LocalScorer(embedder).score(QUESTION, ANSWER)
    await embedder.close()
    assert result.score is not None and result.score.scorer == "local"
    assert (result.tries, result.tokens_in, result.tokens_out) == (1, 0, 0)
    assert result.seconds > 0


async def test_without_an_embedding_model_the_result_is_an_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("none") / "missing"
    embedder = OfflineEmbedder(ModelFiles(nowhere, nowhere))
    result = await LocalScorer(embedder).score(QUESTION, ANSWER)
    await embedder.close()
    assert result.score is None
    assert result.error is not None and result.error.code == "embedding_unavailable"


class HeldScorer:
    """Gives 40 points, or an error for the answer "refused", once the test sets `go`."""

    concurrency = 3

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.running = 0
        self.go = asyncio.Event()

    async def score(self, question: EssayQuestion, answer: str) -> ScoringResult:
        """40 points, or an error."""
        self.answers.append(answer)
        self.running += 1
        try:
            await self.go.wait()
        finally:
            self.running -= 1
        return scored_by_machine(None if answer == "refused" else 40)


async def _settled() -> None:
    """Lets every task run as far as it can; none of them waits for anything outside."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_no_more_answers_than_the_concurrency_are_scored_at_once() -> None:
    held = HeldScorer()
    counts: list[int] = []
    progress = ScoringProgress()
    answers = [(QUESTION, str(number)) for number in range(10)]
    everything = asyncio.create_task(score_all(held, answers, progress, lambda: counts.append(len(progress.results))))
    await _settled()
    assert held.running == len(held.answers) == 3
    held.go.set()
    assert len(await everything) == 10
    assert counts == list(range(1, 11))


async def test_results_keep_the_order_of_the_answers(model: ChatModel) -> None:
    texts = ["good", " \n", "x" * 20_001, "better"]
    results = await score_all(scorer(model), [(QUESTION, answer) for answer in texts], ScoringProgress())
    assert [result.error.code if result.error else None for result in results] == [
        None,
        "answer_blank",
        "answer_too_long",
        None,
    ]
    assert [result.tries for result in results] == [1, 0, 0, 1]


async def test_it_gives_up_after_many_failures_in_a_row() -> None:
    held, progress = HeldScorer(), ScoringProgress()
    held.go.set()
    many = [(QUESTION, "refused")] * (MAX_FAILURES_IN_A_ROW + 10)
    results = await score_all(held, many, progress)
    codes = [result.error.code for result in results if result.error]
    assert progress.gave_up
    assert len(held.answers) < MAX_FAILURES_IN_A_ROW + held.concurrency
    assert codes.count("not_tried") == len(many) - len(held.answers)


async def test_a_score_in_between_or_blank_answers_do_not_make_it_give_up() -> None:
    held, progress = HeldScorer(), ScoringProgress()
    held.go.set()
    most = [(QUESTION, "refused")] * (MAX_FAILURES_IN_A_ROW - held.concurrency)
    await score_all(held, [*most, (QUESTION, "good"), *most, *[(QUESTION, " ")] * MAX_FAILURES_IN_A_ROW], progress)
    assert not progress.gave_up
    assert len(held.answers) == 2 * len(most) + 1


async def test_the_progress_is_known_after_an_interruption() -> None:
    held, progress = HeldScorer(), ScoringProgress()
    answers = [(QUESTION, " "), *[(QUESTION, "good")] * 9]
    everything = asyncio.create_task(score_all(held, answers, progress))
    await _settled()
    everything.cancel()
    with pytest.raises(asyncio.CancelledError):
        await everything
    assert held.running == 0
    assert list(progress.results) == [0]
