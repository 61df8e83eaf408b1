"""Scoring for an evaluation: tries, pauses, who is asked at the same time, and when to stop asking."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from app.clients.llm.chat import EssayModel
from app.clients.llm.embeddings_local import ModelFiles, OfflineEmbedder
from app.domain.assessment.questions import EssayQuestion
from app.services.essays.evaluate import MOST_IN_A_ROW, LocalScorer, ModelScorer, Outcome, Tally, score_all
from tests.evaluation.scored import QUESTION, machine
from tests.fakes.model_server import Behaviour, ModelServer, failure, model_server, scores, text

ANSWER = "Indexes make reading faster, since not every row is looked at."


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """The model's provider, which answers well unless told otherwise."""
    async with model_server() as server:
        yield server


@pytest.fixture
async def model(provider: ModelServer) -> AsyncIterator[EssayModel]:
    """The product's own client, speaking to the provider."""
    model = EssayModel("sk-test", provider.url, "test-model", 20.0)
    yield model
    await model.close()


def scorer(model: EssayModel, tries: int = 3) -> ModelScorer:
    return ModelScorer(model, tries, first_delay=0.001)


async def test_the_model_scores(model: EssayModel, provider: ModelServer) -> None:
    provider.default = scores(15)
    outcome = await scorer(model).score(QUESTION, ANSWER)
    assert outcome.score is not None and outcome.trouble is None
    assert (outcome.score.share, outcome.score.scorer, outcome.score.model) == (0.6, "gpt", "test-model")
    assert (outcome.tries, outcome.tokens_in, outcome.tokens_out) == (1, 1000, 100)


async def test_passing_trouble_is_tried_again_and_every_try_is_paid_for(
    model: EssayModel, provider: ModelServer
) -> None:
    provider.script.extend([failure(500), text("no JSON")])
    outcome = await scorer(model).score(QUESTION, ANSWER)
    assert outcome.score is not None
    assert (outcome.tries, outcome.tokens_in, outcome.tokens_out) == (3, 2000, 200)


async def test_tries_end(model: EssayModel, provider: ModelServer) -> None:
    provider.default = failure(503)
    outcome = await scorer(model, tries=2).score(QUESTION, ANSWER)
    assert outcome.trouble is not None and outcome.trouble.code == "model_unavailable"
    assert len(provider.requests) == outcome.tries == 2


async def test_lasting_trouble_is_not_tried_again(model: EssayModel, provider: ModelServer) -> None:
    provider.default = failure(401)
    outcome = await scorer(model).score(QUESTION, ANSWER)
    assert outcome.score is None
    assert outcome.trouble is not None and outcome.trouble.code == "model_refused_request"
    assert len(provider.requests) == 1


@pytest.mark.parametrize(("refusals", "scored"), [(6, True), (7, False)])
async def test_not_so_fast_costs_no_try_six_times(
    model: EssayModel, provider: ModelServer, refusals: int, scored: bool
) -> None:
    provider.script.extend([failure(429)] * refusals)
    outcome = await scorer(model, tries=1).score(QUESTION, ANSWER)
    assert (outcome.score is not None) == scored
    assert len(provider.requests) == 7


async def test_waits_as_long_as_the_provider_asks_for(model: EssayModel, provider: ModelServer) -> None:
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
    outcome = await LocalScorer(embedder).score(QUESTION, ANSWER)
    await embedder.close()
    assert outcome.score is not None and outcome.score.scorer == "local"
    assert (outcome.tries, outcome.tokens_in, outcome.tokens_out) == (1, 0, 0)
    assert outcome.seconds > 0


async def test_without_an_embedding_model_there_is_a_reason(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("none") / "missing"
    embedder = OfflineEmbedder(ModelFiles(nowhere, nowhere))
    outcome = await LocalScorer(embedder).score(QUESTION, ANSWER)
    await embedder.close()
    assert outcome.score is None
    assert outcome.trouble is not None and outcome.trouble.code == "embedding_unavailable"


class HeldScorer:
    """Scores 40 points, or for an answer "refused" none, once it is let go."""

    at_once = 3

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.under_way = 0
        self.go = asyncio.Event()

    async def score(self, question: EssayQuestion, answer: str) -> Outcome:
        """40 points, or none."""
        self.asked.append(answer)
        self.under_way += 1
        try:
            await self.go.wait()
        finally:
            self.under_way -= 1
        return machine(None if answer == "refused" else 40)


async def _settled() -> None:
    """Every task has gone as far as it can: none of them waits for anything outside."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_so_many_are_asked_at_once_and_no_more() -> None:
    held = HeldScorer()
    told: list[int] = []
    tally = Tally()
    answers = [(QUESTION, str(number)) for number in range(10)]
    everything = asyncio.create_task(score_all(held, answers, tally, lambda: told.append(len(tally.outcomes))))
    await _settled()
    assert held.under_way == len(held.asked) == 3
    held.go.set()
    assert len(await everything) == 10
    assert told == list(range(1, 11))


async def test_outcomes_keep_the_order_of_the_answers(model: EssayModel) -> None:
    texts = ["good", " \n", "x" * 20_001, "better"]
    outcomes = await score_all(scorer(model), [(QUESTION, each) for each in texts], Tally())
    assert [outcome.trouble.code if outcome.trouble else None for outcome in outcomes] == [
        None,
        "answer_blank",
        "answer_too_long",
        None,
    ]
    assert [outcome.tries for outcome in outcomes] == [1, 0, 0, 1]


async def test_gives_up_where_nothing_can_be_scored() -> None:
    held, tally = HeldScorer(), Tally()
    held.go.set()
    many = [(QUESTION, "refused")] * (MOST_IN_A_ROW + 10)
    outcomes = await score_all(held, many, tally)
    codes = [outcome.trouble.code for outcome in outcomes if outcome.trouble]
    assert tally.gave_up
    assert len(held.asked) < MOST_IN_A_ROW + held.at_once
    assert codes.count("not_tried") == len(many) - len(held.asked)


async def test_neither_a_score_in_between_nor_blank_answers_make_it_give_up() -> None:
    held, tally = HeldScorer(), Tally()
    held.go.set()
    most = [(QUESTION, "refused")] * (MOST_IN_A_ROW - held.at_once)
    await score_all(held, [*most, (QUESTION, "good"), *most, *[(QUESTION, " ")] * MOST_IN_A_ROW], tally)
    assert not tally.gave_up
    assert len(held.asked) == 2 * len(most) + 1


async def test_whoever_interrupts_knows_what_was_done() -> None:
    held, tally = HeldScorer(), Tally()
    answers = [(QUESTION, " "), *[(QUESTION, "good")] * 9]
    everything = asyncio.create_task(score_all(held, answers, tally))
    await _settled()
    everything.cancel()
    with pytest.raises(asyncio.CancelledError):
        await everything
    assert held.under_way == 0
    assert list(tally.outcomes) == [0]
