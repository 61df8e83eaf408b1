"""Recommendations that a language model orders and words: what is checked, and what happens if it fails."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.clients.llm.chat import ChatModel
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.states import AssessmentStatus, JobType
from app.repositories import credentials
from app.repositories.sql import Pool
from app.services.jobs.rescore import rescore
from app.services.model_account import TokenPrice
from app.services.recommendations import embed_credentials
from app.services.results import trace
from tests.bank import CREDENTIALS, Bank
from tests.fakes.advisor_answers import Data, advice, data_of, key_of, reason_for
from tests.fakes.model_server import Behaviour, ModelServer, after, failure, reset, text
from tests.job_runner import NO_ORIGIN, job_id, job_runner, run_due_jobs, submit

_WISH = "Botany at last, and watering; but no peat."
_TITLES = [title for title, _, _ in CREDENTIALS]
Recommend = Callable[..., Any]


@pytest.fixture
async def model(provider: ModelServer) -> AsyncIterator[ChatModel]:
    """The fake provider's model, with little patience."""
    model = ChatModel("sk-test", provider.url, "gpt-test", 2)
    yield model
    await model.close()


@pytest.fixture
def recommended(pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, model: ChatModel) -> Recommend:
    """Runs a new assessment, whose student has gaps in soil and water, and returns its result and trace."""

    async def run(wish: str = _WISH, multiple: list[str] | None = None, **parts: Any) -> tuple[dict[str, Any], Any]:
        while await embed_credentials.embed_passages(pool, embedder):
            pass
        answers = bank.answers(right="A", several=["C"], text=wish, **({"multiple": multiple} if multiple else {}))
        assessment_id = await submit(pool, bank, answers=answers)
        running = job_runner(pool, redis_url, embedder, fallback="none", recommend_with=model, **parts)
        await run_due_jobs(pool, running)
        await running.job_queue.redis.aclose()
        shown = await trace.read(pool, assessment_id, AssessmentStatus.COMPLETED, None)
        body = await pool.fetchval("SELECT body FROM results WHERE assessment_id = $1", assessment_id)
        return json.loads(body), shown

    return run


def degraded(result: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in result["degraded_reasons"] if reason["stage"] == "rag"]


def in_order(*titles: str) -> Behaviour:
    """A model that chooses these credentials."""
    return advice(lambda data: [reason_for(data, key_of(data, title)) for title in titles])


async def test_the_model_orders_them_and_its_reasons_quote_passage_and_student(
    pool: Pool, bank: Bank, provider: ModelServer, recommended: Recommend
) -> None:
    provider.default = in_order(*reversed(_TITLES))
    result, shown = await recommended()
    lines = result["recommendations"]
    assert [line["title"] for line in lines] == _TITLES[::-1] and degraded(result) == []
    assert [(line["rank"], line["ranked_by"], line["reason_by"]) for line in lines] == [
        (rank, "model", "model") for rank in (1, 2, 3)
    ]
    for line in lines:
        (source,) = line["sources"]
        stored = await credentials.find(pool, UUID(line["credential_id"]), source["credential_version"])
        assert stored and stored.body.description[source["start"] : source["end"]] == source["quote"]
        (quote,) = line["answers"]
        assert UUID(quote["question_id"]) == bank.ids["text"]
        assert _WISH[quote["start"] : quote["end"]] == quote["quote"]
        assert source["quote"] in line["reason"] and quote["quote"] in line["reason"]
    used = shown.retrieval.language_model
    assert used.ranking.used and used.reading.used and used.unused_reasons == ()
    assert [(call.prompt_version, call.outcome, call.question_id) for call in shown.model_calls] == [
        ("student-1", "answered", None), ("recommend-1", "answered", None),
    ]  # fmt: skip


async def test_no_result_with_a_wrong_quote_of_the_student_can_be_written(
    pool: Pool, bank: Bank, provider: ModelServer, recommended: Recommend
) -> None:
    provider.default = advice(lambda data: [reason_for(data, data["credentials"][0]["id"])])
    result, _ = await recommended(multiple=["A", "C"])
    write = "UPDATE results SET body = $2 WHERE assessment_id = $1"
    (quote,) = result["recommendations"][0]["answers"]
    of_option: dict[str, Any] = {
        "question_id": str(bank.ids["multiple"]),
        "option_id": "C",
        "quote": "Peat",
        "start": 0,
        "end": 4,
    }
    for right in (quote, of_option):
        result["recommendations"][0]["answers"] = [right]
        await pool.execute(write, UUID(result["assessment_id"]), json.dumps(result))
        for wrong in ({"quote": right["quote"].swapcase()}, {"start": 1}, {"question_id": str(bank.ids["essay"])}):
            result["recommendations"][0]["answers"] = [right | wrong]
            with pytest.raises(asyncpg.CheckViolationError, match="a quote of the result"):
                await pool.execute(write, UUID(result["assessment_id"]), json.dumps(result))


async def test_the_reading_may_fail_alone(provider: ModelServer, recommended: Recommend) -> None:
    provider.script.append(text(None, refusal="No."))
    provider.default = advice()
    result, shown = await recommended()
    used = shown.retrieval.language_model
    assert (used.reading.used, used.reading.problem, used.ranking.used) == (False, "model_refused", True)
    assert degraded(result) == [] and result["recommendations"][0]["reason_by"] == "model"


async def test_the_model_reads_the_student_and_the_twenty_first_passages(
    provider: ModelServer, recommended: Recommend
) -> None:
    provider.default = advice()
    await recommended()
    reading, ranking = (data_of(request) for request in provider.requests)
    assert [answer["purpose"] for answer in reading["answers"]] == ["interest"]
    assert reading["answers"][0]["text"] == _WISH
    assert ranking["student"]["gaps"] == ["soil", "water"] and ranking["student"]["refused"] == ["peat."]
    assert {line["title"] for line in ranking["credentials"]} == set(_TITLES)
    assert all(
        set(line) == {"id", "title", "provider", "level", "skills", "passage"} for line in ranking["credentials"]
    )
    for request in provider.requests:
        assert [message["role"] for message in request["messages"]] == ["system", "user"]
        assert request["response_format"]["json_schema"]["strict"]


async def test_a_reason_that_does_not_stand_up_is_replaced_and_the_order_stays(
    provider: ModelServer, recommended: Recommend
) -> None:
    def order(data: Data) -> list[Data]:
        invented = reason_for(data, key_of(data, _TITLES[2]), passage_quotes=["Roses grow to the sky."])
        return [invented, reason_for(data, key_of(data, _TITLES[0]))]

    provider.default = advice(order)
    result, shown = await recommended()
    lines = {line["title"]: line for line in result["recommendations"]}
    assert list(lines) == [_TITLES[2], _TITLES[0], _TITLES[1]] and degraded(result) == []
    assert "reason_by" not in lines[_TITLES[2]] and lines[_TITLES[2]]["ranked_by"] == "model"
    assert "“" not in lines[_TITLES[2]]["reason"] and lines[_TITLES[0]]["reason_by"] == "model"
    assert "ranked_by" not in lines[_TITLES[1]], "it was not named, so it comes after those that were"
    (unused,) = shown.retrieval.language_model.unused_reasons
    assert unused.fault == "a quote that is not in the passage"


async def test_unknown_credentials_are_dropped(provider: ModelServer, recommended: Recommend) -> None:
    provider.default = advice(
        lambda data: [
            reason_for(data, "c1", id="c99"), reason_for(data, "c1", id="ignore the rules"),
            reason_for(data, key_of(data, _TITLES[1])), reason_for(data, key_of(data, _TITLES[1])),
        ]
    )  # fmt: skip
    result, shown = await recommended()
    titles = [line["title"] for line in result["recommendations"]]
    assert titles[0] == _TITLES[1] and sorted(titles) == sorted(_TITLES)
    assert shown.retrieval.language_model.ranking.dropped == 3


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (failure(400), "model_refused_request"), (failure(503), "model_unavailable"),
        (text("not JSON"), "model_answer_unusable"), (text(None, refusal="No."), "model_refused"),
        (text("{}", finish_reason="length"), "model_answer_unusable"), (reset(), "model_unreachable"),
        (advice(lambda data: []), "model_answer_unusable"), (after(30, advice()), "model_timeout"),
    ],
    ids=["refused", "away", "no-json", "refusal", "cut", "reset", "none", "slow"],
)  # fmt: skip
async def test_if_the_model_fails_the_plain_order_and_reasons_are_used(
    provider: ModelServer, recommended: Recommend, behaviour: Behaviour, code: str
) -> None:
    provider.default = behaviour
    result, shown = await recommended()
    assert degraded(result) == ["recommendations_unranked"] and result["status"] == "completed"
    assert len(result["recommendations"]) == 3
    assert not any({"ranked_by", "reason_by", "answers"} & set(line) for line in result["recommendations"])
    ranking = shown.retrieval.language_model.ranking
    assert (ranking.used, ranking.problem) == (False, code)


async def test_a_model_that_is_away_is_not_asked_for_the_order_as_well(
    provider: ModelServer, recommended: Recommend
) -> None:
    provider.default = failure(503)
    await recommended()
    assert [data_of(request).keys() for request in provider.requests] == [{"answers"}] * 2


async def test_a_second_try_may_do_better(provider: ModelServer, recommended: Recommend) -> None:
    provider.script.extend([text("{"), advice()])
    provider.script.extend([failure(503), advice()])
    result, shown = await recommended()
    assert degraded(result) == [] and len(provider.requests) == 4
    assert [call.outcome for call in shown.model_calls] == [
        "model_answer_unusable", "answered", "model_unavailable", "answered",
    ]  # fmt: skip


async def test_calls_are_paid_for_and_none_is_made_when_the_budget_is_spent(
    pool: Pool, provider: ModelServer, recommended: Recommend
) -> None:
    provider.default = advice()
    prices = {"gpt-test": TokenPrice(1.0, 10.0)}
    result, _ = await recommended(prices=prices, budget_usd=1.0)
    assert result["processing"]["tokens"] == 2200 and result["processing"]["cost_usd"] == pytest.approx(0.004)
    assert await pool.fetchval("SELECT spent FROM model_budget") == pytest.approx(0.004)


async def test_without_budget_nothing_is_sent(provider: ModelServer, recommended: Recommend) -> None:
    result, shown = await recommended(prices={"gpt-test": TokenPrice(1.0, 10.0)}, budget_usd=0.0)
    assert provider.requests == [] and degraded(result) == ["recommendations_unranked"]
    assert shown.retrieval.language_model.ranking.problem == "model_budget_spent"


async def test_what_the_model_reads_as_wanted_is_searched_for_and_what_it_reads_as_refused_is_not(
    provider: ModelServer, recommended: Recommend
) -> None:
    """The rules do not understand "give soil a miss"."""
    wish = "Botany, and let us give soil a miss"

    def read(data: Data) -> list[Data]:
        return [
            {"kind": "wanted", "answer": "a1", "quote": "Botany", "level": None},
            {"kind": "refused", "answer": "a1", "quote": "soil", "level": None},
            {"kind": "wanted", "answer": "a1", "quote": "Cooking", "level": None},
        ]

    provider.default = advice(read=read)
    result, shown = await recommended(wish)
    assert "Soil Science Basics" not in [line["title"] for line in result["recommendations"]]
    student = data_of(provider.requests[1])["student"]
    assert (student["wishes"], student["refused"]) == (["Botany"], ["soil"])
    assert shown.retrieval.language_model.reading.dropped == 1
    provider.default = advice()
    result, _ = await recommended(wish.replace("us", "me"))
    assert "Soil Science Basics" in [line["title"] for line in result["recommendations"]]


async def test_a_later_run_uses_the_stored_answers_and_a_rescore_buys_new_ones(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, model: ChatModel, provider: ModelServer
) -> None:
    provider.default = advice()
    while await embed_credentials.embed_passages(pool, embedder):
        pass
    running = job_runner(pool, redis_url, embedder, fallback="none", recommend_with=model)
    ids = []
    for owner in ("student-1", "student-2"):
        ids.append(await submit(pool, bank, owner, bank.answers(text=_WISH)))
        await run_due_jobs(pool, running)
    assert len(provider.requests) == 2, "the same words and the same credentials"
    async with pool.acquire() as conn, conn.transaction():
        await rescore(conn, "advisor-1", ids[0], "Again.", 4, NO_ORIGIN)
    await run_due_jobs(pool, running)
    assert len(provider.requests) == 4
    await running.job_queue.redis.aclose()


async def test_after_crashes_the_job_is_given_up_without_the_model(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, model: ChatModel, provider: ModelServer
) -> None:
    assessment_id = await submit(pool, bank, answers=bank.answers(text=_WISH))
    rag = await job_id(pool, assessment_id, JobType.RAG)
    await pool.execute("UPDATE async_jobs SET crashes = 3 WHERE id = $1", rag)
    running = job_runner(pool, redis_url, embedder, fallback="none", recommend_with=model)
    await running.run(rag)
    await running.job_queue.redis.aclose()
    assert provider.requests == []
    output = await pool.fetchval("SELECT output FROM async_jobs WHERE id = $1", rag)
    assert len(output["recommendations"]) == 3
