"""The whole way of a result, told to advisors and admins, and to nobody else."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.clients.llm.chat import ChatModel
from app.clients.llm.embeddings_local import OfflineEmbedder
from app.domain.essay.prompt import PROMPT_VERSION
from app.domain.recommendation.search_trace import MAX_TRACED
from app.repositories import credentials
from app.repositories.sql import Pool
from app.services.model_account import TokenPrice
from app.services.recommendations import embed_credentials
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations as managing
from tests.api import Api
from tests.bank import ESSAY, SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, Bank, credential
from tests.dead_letters import ended
from tests.fakes.model_server import ModelServer, model_server, text
from tests.pipelines import pipeline, run_all, submit
from tests.scored_assessments import UNSCORED, claimed_fusion, completed_assessment, essay_score
from tests.web.expecting import problem
from tests.web.results.test_overrides import put
from tests.webhooks import SECRET, UNREACHABLE_URL, open_delivery, send_all

Run = Callable[[str], Awaitable[UUID]]


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A model provider that does as it is told."""
    async with model_server() as server:
        yield server


@pytest.fixture
async def run(pool: Pool, bank: Bank, redis_url: str, provider: ModelServer) -> AsyncIterator[Run]:
    """Takes an owner's assessment all the way, with a model and a search by meaning."""
    async with AsyncExitStack() as stack:
        embedder = OfflineEmbedder()
        stack.push_async_callback(embedder.close)
        model = ChatModel("sk-test", provider.url, "gpt-test", 5)
        stack.push_async_callback(model.close)
        running = pipeline(pool, redis_url, embedder, model=model, prices={"gpt-test": TokenPrice(1, 10)})
        stack.push_async_callback(running.job_queue.redis.aclose)

        async def whole(owner: str) -> UUID:
            while await embed_credentials.embed_passages(pool, embedder):
                pass
            assessment_id = await submit(pool, bank, owner)
            await run_all(pool, running)
            return assessment_id

        yield whole


async def trace(caller: Api, assessment_id: UUID, query: str = "") -> dict[str, Any]:
    reply = await caller.get(f"/assessments/{assessment_id}/trace{query}")
    assert (reply.status, reply.headers["Cache-Control"]) == (200, "private, no-store"), reply.raw
    found: dict[str, Any] = reply.body
    return found


def line(told: dict[str, Any], question_id: UUID) -> dict[str, Any]:
    """What is told of a question."""
    (found,) = (each for each in told["questions"] if each["question"]["question_id"] == str(question_id))
    assert isinstance(found, dict)
    return found


async def test_answers_keys_rules_and_scores(advisor: Api, bank: Bank, pool: Pool) -> None:
    answers = bank.answers(right="B", several=["A", "C"], partial=["A"], single="A", essay=ESSAY)
    essays = {"essay": essay_score("local", 40)}
    told = await trace(advisor, await completed_assessment(pool, bank, essays=essays, answers=answers))
    rules = {name: line(told, bank.ids[name])["rule"] for name in ("right", "partial", "single", "text", "essay")}
    assert rules == {"right": "all_or_nothing", "partial": "partial_credit", "single": "answered",
                     "text": "no_answer", "essay": "scorer"}  # fmt: skip
    partial = line(told, bank.ids["partial"])
    assert (partial["answer"], partial["question"]["body"]["correct_options"]) == (["A"], ["A", "B"])
    assert (partial["rule_score"]["score"], partial["rule_score"]["max_score"], partial["prompt"]) == (1.0, 2.0, None)
    essay = line(told, bank.ids["essay"])
    assert (essay["essay_score"]["scorer"], essay["essay_score"]["score"], essay["scored_in_run"]) == (
        "local", 0.4, True
    )  # fmt: skip
    assert essay["question"]["body"]["model_answer"] == SECRET_MODEL_ANSWER
    missing = line(told, bank.ids["essay_two"])
    assert (missing["rule"], missing["answer"], missing["prompt"]) == ("no_answer", None, None)
    assert len(told["questions"]) == 10


async def test_prompts_and_raw_answers_as_they_were_sent(
    advisor: Api, bank: Bank, run: Run, provider: ModelServer
) -> None:
    provider.script.append(text("Not what was agreed."))
    told = await trace(advisor, await run("student-1"))
    calls = told["model_calls"]
    assert sorted(call["outcome"] for call in calls) == ["answered", "answered", "model_answer_unusable"]
    assert {call["as_shown"] for call in calls} == {call["of_this_run"] for call in calls} == {True}
    (useless,) = (call for call in calls if call["outcome"] != "answered")
    assert (useless["answer"], useless["prompt_version"], useless["model"]) == (
        "Not what was agreed.", PROMPT_VERSION, "gpt-test"
    )  # fmt: skip
    assert (useless["tokens_in"], useless["cost_usd"], useless["latency_ms"] >= 0) == (1000, 0.002, True)
    assert (told["tokens"], told["cost_usd"]) == (3300, 0.006)
    sent = {request["messages"][1]["content"]: request["messages"][0]["content"] for request in provider.requests}
    for name in ("essay", "essay_two"):
        prompt = line(told, bank.ids[name])["prompt"]
        assert sent[prompt["user"]].startswith(prompt["system"]) and prompt["version"] == PROMPT_VERSION
        assert SECRET_MODEL_ANSWER in prompt["user"]


async def test_an_answer_bought_for_another_is_shown_without_whose_it_was(advisor: Api, pool: Pool, run: Run) -> None:
    first, second = await run("student-1"), await run("student-2")
    own = (await trace(advisor, first))["model_calls"]
    # The other one may have been asked the same in another question.
    await pool.execute("UPDATE model_calls SET question_id = gen_random_uuid()")
    bought = (await trace(advisor, second))["model_calls"]
    assert [call["of_this_run"] for call in (*own, *bought)] == [True, True, False, False]
    assert {(call["question_id"], call["answer"]) for call in own} == {
        (call["question_id"], call["answer"]) for call in bought
    }
    raw = (await advisor.get(f"/assessments/{second}/trace")).raw
    assert str(first).encode() not in raw and b"student-" not in raw


async def test_a_call_of_an_older_prompt_is_told_apart(advisor: Api, pool: Pool, run: Run) -> None:
    assessment_id = await run("student-1")
    await pool.execute("UPDATE model_calls SET fingerprint = '\\x00' WHERE id = (SELECT min(id) FROM model_calls)")
    assert [call["as_shown"] for call in (await trace(advisor, assessment_id))["model_calls"]] == [False, True]


async def test_what_the_search_found_by_each_way_and_the_final_order(advisor: Api, pool: Pool, run: Run) -> None:
    async with pool.acquire() as conn:
        for number in range(2 * MAX_TRACED):
            words = f"Soil and water, part {number}, for gardeners."
            await credentials.create(conn, uuid4(), credential(f"Soil {number}", "soil", words))
    told = await trace(advisor, await run("student-1"))
    found = told["retrieval"]
    assert (found["passages"], len(found["candidates"])) == ({"words": 43, "meaning": 43}, MAX_TRACED)
    candidates = found["candidates"]
    assert [each["rank"] for each in candidates] == list(range(1, MAX_TRACED + 1))
    assert [each["credential_id"] for each in candidates[:5]] == told["recommended"]
    for place in ("by_words", "by_meaning"):
        places = [each[place] for each in candidates]
        assert len(set(places)) == MAX_TRACED and all(1 <= each <= 43 for each in places)
    assert all(each["similarity"] > 0 and each["on_standing_list"] is None for each in candidates)
    assert set(found["gaps"]) <= {"soil", "water"} and "soil" in str(found["words"]) and found["meanings"]


async def test_times_reasons_and_errors_of_jobs(advisor: Api, bank: Bank, pool: Pool) -> None:
    essays = {"essay": essay_score("gpt", 40), "essay_two": None}
    told = await trace(advisor, await completed_assessment(pool, bank, essays=essays, reasons=[UNSCORED]))
    assert [job["job_type"] for job in told["jobs"]] == ["gpt", "rag", "fusion"]
    for job in told["jobs"]:
        assert job["created_at"] <= job["started_at"] <= job["completed_at"]
        assert (job["status"], job["attempts"], job["crashes"], job["error"]) == ("completed", 1, 0, None)
    assert [reason["code"] for reason in told["jobs"][0]["reasons"]] == ["essay_unscored"]
    assert [reason["code"] for reason in told["degraded_reasons"]] == ["essay_unscored"]
    assert (told["run"], told["retrieval"]) == (1, None)


async def test_what_people_said_in_order_beside_the_machine(advisor: Api, api: Api, bank: Bank, pool: Pool) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    await put(advisor, assessment_id, essay, 0.9, "Better.")
    await put(api.as_("admin"), assessment_id, essay, 0.5, "Worse.")
    told = line(await trace(advisor, assessment_id), essay)
    assert [(each["score"], each["by"], each["reason"], each["machine_score"]) for each in told["overrides"]] == [
        (0.9, "advisor-1", "Better.", 0.4), (0.5, "admin-1", "Worse.", 0.4)
    ]  # fmt: skip
    assert line(await trace(advisor, assessment_id), bank.ids["right"])["overrides"] == []


async def test_messages_in_short(advisor: Api, bank: Bank, pool: Pool) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
    (told,) = (await trace(advisor, assessment_id))["deliveries"]
    assert (told["type"], told["status"], told["last_status_code"]) == ("assessment.completed", "failed", None)
    assert told["attempts"] > 0 and told["last_error"]
    raw = (await advisor.get(f"/assessments/{assessment_id}/trace")).raw
    assert SECRET.encode() not in raw and UNREACHABLE_URL.encode() not in raw


async def test_the_newest_run_with_a_result_or_a_named_one(advisor: Api, bank: Bank, pool: Pool) -> None:
    assessment_id = await completed_assessment(pool, bank)
    assert (await advisor.post(f"/assessments/{assessment_id}/rescore", {"reason": "So."})).status == 202
    assert (await trace(advisor, assessment_id))["run"] == 1
    running = await trace(advisor, assessment_id, "?run=2")
    assert (running["run"], running["completed_at"], running["jobs"][0]["mode"]) == (2, None, "rescore")
    estimated = {"essay": essay_score("local", 20), "essay_two": None}
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, assessment_id, estimated, run=2))
    newest, first = await trace(advisor, assessment_id), await trace(advisor, assessment_id, "?run=1")
    lines = [line(each, bank.ids["essay"])["essay_score"]["scorer"] for each in (newest, first)]
    assert ([newest["run"], first["run"]], lines) == ([2, 1], ["local", "gpt"])
    problem(await advisor.get(f"/assessments/{assessment_id}/trace?run=3"), 404, "not-found")
    for named in ("0", "-1", "x", "", "1.0", "99999999999"):
        problem(await advisor.get(f"/assessments/{assessment_id}/trace?run={named}"), 400, "bad-query")


async def test_without_a_result_only_a_named_run_can_be_looked_into(
    advisor: Api, path: str, bank: Bank, pool: Pool
) -> None:
    problem(await advisor.get(f"{path}/trace"), 409, "not-submitted")
    problem(await advisor.get(f"{path}/trace?run=1"), 404, "not-found")
    assessment_id = await submit(pool, bank)
    problem(await advisor.get(f"/assessments/{assessment_id}/trace"), 409, "no-result-yet")
    await ended(pool, assessment_id)
    problem(await advisor.get(f"/assessments/{assessment_id}/trace"), 409, "assessment-failed")
    told = await trace(advisor, assessment_id, "?run=1")
    assert [job["error"]["code"] for job in told["jobs"]] == ["test"] * 3


async def test_no_student_gets_it_not_even_the_owner(api: Api, advisor: Api, bank: Bank, pool: Pool) -> None:
    assessment_id = await completed_assessment(pool, bank)
    told = (await advisor.get(f"/assessments/{assessment_id}/trace")).raw.decode()
    for secret in (SECRET_MODEL_ANSWER, SECRET_RUBRIC, SECRET_EXPLANATION):
        assert secret in told
    for caller in (api, api.as_("student", sub="student-2"), api.as_("teacher")):
        for query in ("", "?run=1", "?run=x"):
            problem(await caller.get(f"/assessments/{assessment_id}/trace{query}"), 403, "forbidden")
    assert (await api.as_("admin").get(f"/assessments/{assessment_id}/trace")).status == 200


async def test_nothing_of_it_is_in_what_a_student_reads(api: Api, run: Run) -> None:
    assessment_id = await run("student-1")
    for end in ("", "/status", "/result"):
        reply = await api.get(f"/assessments/{assessment_id}{end}")
        hidden = (b'"retrieval"', b'"by_meaning"', b'"fingerprint"', b'"findings"', b'"user"', b'"system"')
        assert (reply.status, [word for word in hidden if word in reply.raw]) == (200, [])
