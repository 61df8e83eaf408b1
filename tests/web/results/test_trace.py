"""The trace: everything that led to a result, for advisors and admins only."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.clients.llm.chat import ChatModel
from app.clients.llm.offline_embedder import OfflineEmbedder
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
from tests.dead_letters import fail_all_jobs
from tests.fakes.model_server import ModelServer, model_server, text
from tests.job_runner import job_runner, run_due_jobs, submit
from tests.scored_assessments import UNSCORED, claimed_fusion, completed_assessment, essay_score
from tests.web.problems import problem
from tests.web.results.test_overrides import put
from tests.webhooks import SECRET, UNREACHABLE_URL, open_delivery, send_all

Run = Callable[[str], Awaitable[UUID]]


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A model provider whose answers the test decides."""
    async with model_server() as server:
        yield server


@pytest.fixture
async def run(pool: Pool, bank: Bank, redis_url: str, provider: ModelServer) -> AsyncIterator[Run]:
    """Submits an assessment of an owner and runs its jobs, with a model and a search by meaning."""
    async with AsyncExitStack() as stack:
        embedder = OfflineEmbedder()
        stack.push_async_callback(embedder.close)
        model = ChatModel("sk-test", provider.url, "gpt-test", 5)
        stack.push_async_callback(model.close)
        running = job_runner(pool, redis_url, embedder, model=model, prices={"gpt-test": TokenPrice(1, 10)})
        stack.push_async_callback(running.job_queue.redis.aclose)

        async def submit_and_run(owner: str) -> UUID:
            while await embed_credentials.embed_passages(pool, embedder):
                pass
            assessment_id = await submit(pool, bank, owner)
            await run_due_jobs(pool, running)
            return assessment_id

        yield submit_and_run


async def trace(caller: Api, assessment_id: UUID, query: str = "") -> dict[str, Any]:
    reply = await caller.get(f"/assessments/{assessment_id}/trace{query}")
    assert (reply.status, reply.headers["Cache-Control"]) == (200, "private, no-store"), reply.raw
    view: dict[str, Any] = reply.body
    return view


def line(view: dict[str, Any], question_id: UUID) -> dict[str, Any]:
    """The part of a trace about one question."""
    (match,) = (question for question in view["questions"] if question["question"]["question_id"] == str(question_id))
    assert isinstance(match, dict)
    return match


async def test_answers_keys_rules_and_scores(advisor: Api, bank: Bank, pool: Pool) -> None:
    answers = bank.answers(right="B", several=["A", "C"], partial=["A"], single="A", essay=ESSAY)
    essays = {"essay": essay_score("local", 40)}
    view = await trace(advisor, await completed_assessment(pool, bank, essays=essays, answers=answers))
    rules = {name: line(view, bank.ids[name])["rule"] for name in ("right", "partial", "single", "text", "essay")}
    assert rules == {"right": "all_or_nothing", "partial": "partial_credit", "single": "answered",
                     "text": "no_answer", "essay": "scorer"}  # fmt: skip
    partial = line(view, bank.ids["partial"])
    assert (partial["answer"], partial["question"]["body"]["correct_options"]) == (["A"], ["A", "B"])
    assert (partial["rule_score"]["score"], partial["rule_score"]["max_score"], partial["prompt"]) == (1.0, 2.0, None)
    essay = line(view, bank.ids["essay"])
    assert (essay["essay_score"]["scorer"], essay["essay_score"]["score"], essay["scored_in_run"]) == (
        "local", 0.4, True
    )  # fmt: skip
    assert essay["question"]["body"]["model_answer"] == SECRET_MODEL_ANSWER
    missing = line(view, bank.ids["essay_two"])
    assert (missing["rule"], missing["answer"], missing["prompt"]) == ("no_answer", None, None)
    assert len(view["questions"]) == 10


async def test_prompts_and_raw_answers_as_they_were_sent(
    advisor: Api, bank: Bank, run: Run, provider: ModelServer
) -> None:
    provider.script.append(text("Not what was agreed."))
    view = await trace(advisor, await run("student-1"))
    calls = view["model_calls"]
    assert sorted(call["outcome"] for call in calls) == ["answered", "answered", "model_answer_unusable"]
    assert {call["as_shown"] for call in calls} == {call["of_this_run"] for call in calls} == {True}
    (useless,) = (call for call in calls if call["outcome"] != "answered")
    assert (useless["answer"], useless["prompt_version"], useless["model"]) == (
        "Not what was agreed.", PROMPT_VERSION, "gpt-test"
    )  # fmt: skip
    assert (useless["tokens_in"], useless["cost_usd"], useless["latency_ms"] >= 0) == (1000, 0.002, True)
    assert (view["tokens"], view["cost_usd"]) == (3300, 0.006)
    sent = {request["messages"][1]["content"]: request["messages"][0]["content"] for request in provider.requests}
    for name in ("essay", "essay_two"):
        prompt = line(view, bank.ids[name])["prompt"]
        assert sent[prompt["user"]].startswith(prompt["system"]) and prompt["version"] == PROMPT_VERSION
        assert SECRET_MODEL_ANSWER in prompt["user"]


async def test_an_answer_cached_from_another_assessment_is_shown_without_its_owner(
    advisor: Api, pool: Pool, run: Run
) -> None:
    first, second = await run("student-1"), await run("student-2")
    own = (await trace(advisor, first))["model_calls"]
    # Another assessment may have the same prompt for another question.
    await pool.execute("UPDATE model_calls SET question_id = gen_random_uuid()")
    cached = (await trace(advisor, second))["model_calls"]
    assert [call["of_this_run"] for call in (*own, *cached)] == [True, True, False, False]
    assert {(call["question_id"], call["answer"]) for call in own} == {
        (call["question_id"], call["answer"]) for call in cached
    }
    raw = (await advisor.get(f"/assessments/{second}/trace")).raw
    assert str(first).encode() not in raw and b"student-" not in raw


async def test_a_call_with_an_older_prompt_is_marked(advisor: Api, pool: Pool, run: Run) -> None:
    assessment_id = await run("student-1")
    await pool.execute("UPDATE model_calls SET fingerprint = '\\x00' WHERE id = (SELECT min(id) FROM model_calls)")
    assert [call["as_shown"] for call in (await trace(advisor, assessment_id))["model_calls"]] == [False, True]


async def test_the_candidates_of_each_search_and_their_final_order(advisor: Api, pool: Pool, run: Run) -> None:
    async with pool.acquire() as conn:
        for number in range(2 * MAX_TRACED):
            words = f"Soil and water, part {number}, for gardeners."
            await credentials.create(conn, uuid4(), credential(f"Soil {number}", "soil", words))
    view = await trace(advisor, await run("student-1"))
    retrieval = view["retrieval"]
    assert (retrieval["passages"], len(retrieval["candidates"])) == ({"words": 43, "meaning": 43}, MAX_TRACED)
    candidates = retrieval["candidates"]
    assert [candidate["rank"] for candidate in candidates] == list(range(1, MAX_TRACED + 1))
    assert [candidate["credential_id"] for candidate in candidates[:5]] == view["recommended"]
    for order in ("by_words", "by_meaning"):
        places = [candidate[order] for candidate in candidates]
        assert len(set(places)) == MAX_TRACED and all(1 <= place <= 43 for place in places)
    assert all(candidate["similarity"] > 0 and candidate["on_standing_list"] is None for candidate in candidates)
    assert set(retrieval["gaps"]) <= {"soil", "water"} and "soil" in str(retrieval["words"]) and retrieval["meanings"]


async def test_times_reasons_and_errors_of_jobs(advisor: Api, bank: Bank, pool: Pool) -> None:
    essays = {"essay": essay_score("gpt", 40), "essay_two": None}
    view = await trace(advisor, await completed_assessment(pool, bank, essays=essays, reasons=[UNSCORED]))
    assert [job["job_type"] for job in view["jobs"]] == ["gpt", "rag", "fusion"]
    for job in view["jobs"]:
        assert job["created_at"] <= job["started_at"] <= job["completed_at"]
        assert (job["status"], job["attempts"], job["crashes"], job["error"]) == ("completed", 1, 0, None)
    assert [reason["code"] for reason in view["jobs"][0]["reasons"]] == ["essay_unscored"]
    assert [reason["code"] for reason in view["degraded_reasons"]] == ["essay_unscored"]
    assert (view["run"], view["retrieval"]) == (1, None)


async def test_overrides_in_order_with_the_machines_score(advisor: Api, api: Api, bank: Bank, pool: Pool) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    await put(advisor, assessment_id, essay, 0.9, "Better.")
    await put(api.as_("admin"), assessment_id, essay, 0.5, "Worse.")
    question = line(await trace(advisor, assessment_id), essay)
    assert [
        (override["score"], override["by"], override["reason"], override["machine_score"])
        for override in question["overrides"]
    ] == [
        (0.9, "advisor-1", "Better.", 0.4), (0.5, "admin-1", "Worse.", 0.4)
    ]  # fmt: skip
    assert line(await trace(advisor, assessment_id), bank.ids["right"])["overrides"] == []


async def test_webhook_messages_without_url_and_secret(advisor: Api, bank: Bank, pool: Pool) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
    (delivery,) = (await trace(advisor, assessment_id))["deliveries"]
    assert (delivery["type"], delivery["status"], delivery["last_status_code"]) == (
        "assessment.completed",
        "failed",
        None,
    )
    assert delivery["attempts"] > 0 and delivery["last_error"]
    raw = (await advisor.get(f"/assessments/{assessment_id}/trace")).raw
    assert SECRET.encode() not in raw and UNREACHABLE_URL.encode() not in raw


async def test_it_is_of_the_newest_run_with_a_result_or_of_a_named_run(advisor: Api, bank: Bank, pool: Pool) -> None:
    assessment_id = await completed_assessment(pool, bank)
    assert (await advisor.post(f"/assessments/{assessment_id}/rescore", {"reason": "So."})).status == 202
    assert (await trace(advisor, assessment_id))["run"] == 1
    running = await trace(advisor, assessment_id, "?run=2")
    assert (running["run"], running["completed_at"], running["jobs"][0]["mode"]) == (2, None, "rescore")
    estimated = {"essay": essay_score("local", 20), "essay_two": None}
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, assessment_id, estimated, run=2))
    newest, first = await trace(advisor, assessment_id), await trace(advisor, assessment_id, "?run=1")
    lines = [line(view, bank.ids["essay"])["essay_score"]["scorer"] for view in (newest, first)]
    assert ([newest["run"], first["run"]], lines) == ([2, 1], ["local", "gpt"])
    problem(await advisor.get(f"/assessments/{assessment_id}/trace?run=3"), 404, "not-found")
    for named in ("0", "-1", "x", "", "1.0", "99999999999"):
        problem(await advisor.get(f"/assessments/{assessment_id}/trace?run={named}"), 400, "bad-query")


async def test_without_a_result_only_a_named_run_has_a_trace(advisor: Api, path: str, bank: Bank, pool: Pool) -> None:
    problem(await advisor.get(f"{path}/trace"), 409, "not-submitted")
    problem(await advisor.get(f"{path}/trace?run=1"), 404, "not-found")
    assessment_id = await submit(pool, bank)
    problem(await advisor.get(f"/assessments/{assessment_id}/trace"), 409, "no-result-yet")
    await fail_all_jobs(pool, assessment_id)
    problem(await advisor.get(f"/assessments/{assessment_id}/trace"), 409, "assessment-failed")
    view = await trace(advisor, assessment_id, "?run=1")
    assert [job["error"]["code"] for job in view["jobs"]] == ["test"] * 3


async def test_no_student_may_read_it_not_even_the_owner(api: Api, advisor: Api, bank: Bank, pool: Pool) -> None:
    assessment_id = await completed_assessment(pool, bank)
    text_of_trace = (await advisor.get(f"/assessments/{assessment_id}/trace")).raw.decode()
    for secret in (SECRET_MODEL_ANSWER, SECRET_RUBRIC, SECRET_EXPLANATION):
        assert secret in text_of_trace
    for caller in (api, api.as_("student", sub="student-2"), api.as_("teacher")):
        for query in ("", "?run=1", "?run=x"):
            problem(await caller.get(f"/assessments/{assessment_id}/trace{query}"), 403, "forbidden")
    assert (await api.as_("admin").get(f"/assessments/{assessment_id}/trace")).status == 200


async def test_students_read_nothing_of_it_elsewhere(api: Api, run: Run) -> None:
    assessment_id = await run("student-1")
    for end in ("", "/status", "/result"):
        reply = await api.get(f"/assessments/{assessment_id}{end}")
        hidden = (b'"retrieval"', b'"by_meaning"', b'"fingerprint"', b'"findings"', b'"user"', b'"system"')
        assert (reply.status, [word for word in hidden if word in reply.raw]) == (200, [])
