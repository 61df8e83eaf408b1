"""What a model's provider says about an error: in the trace, in the jobs, in the analytics and in the metrics, and not
shown to students."""

from app.clients.llm.chat import ChatModel
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import Bank
from tests.fakes.endpoints import refusing
from tests.fakes.model_server import model_server
from tests.job_runner import job_runner, run_due_jobs, submit

SAID = "Incorrect API key provided: [cut]. Ask finance."


async def test_what_the_provider_says_is_shown_to_those_who_can_act(
    api: Api, pool: Pool, bank: Bank, redis_url: str
) -> None:
    async with model_server() as provider:
        error = {"message": "Incorrect API key provided: sk-test-key.\nAsk finance.", "code": "invalid_api_key"}
        provider.default = refusing(lambda _: (401, {"error": error}))
        embedder, model = OfflineEmbedder(), ChatModel("sk-test-key", provider.url, "gpt-test", 5)
        assessment_id = await submit(pool, bank, "sam")
        running = job_runner(pool, redis_url, embedder, model=model, fallback="none")
        await run_due_jobs(pool, running)
        await running.job_queue.redis.aclose()
        await model.close()
        await embedder.close()
    trace = (await api.as_("advisor").get(f"/assessments/{assessment_id}/trace?run=1")).body
    calls = trace["model_calls"]
    assert {(call["outcome"], call["provider_message"]) for call in calls} == {("model_refused_request", SAID)}
    (job,) = (await api.as_("admin").get("/jobs?status=failed")).body["items"]
    assert job["error"]["code"] == "model_refused_request" and job["error"]["detail"].endswith(f": {SAID}")
    assert [job["error"] for job in trace["jobs"]] == [job["error"], None, None]
    (totals,) = (await api.as_("advisor").get("/analytics/model-calls")).body["models"]
    assert totals["provider_messages"] == {"model_refused_request": SAID}
    metrics = (await api.get("/metrics")).raw.decode()
    sample = 'assay_model_calls_total{model="gpt-test",outcome="model_refused_request"}'
    assert f"{sample} {float(len(calls))}\n" in metrics
    for path in ("status", "result"):
        reply = await api.as_("student", sub="sam").get(f"/assessments/{assessment_id}/{path}")
        assert reply.status == 200 and "finance" not in reply.raw.decode()


async def test_calls_of_before_have_no_message(api: Api, pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO model_calls (provider, model, prompt_version, outcome, latency_ms) "
        "VALUES ('openai', 'old', 'embedding', 'model_refused_request', 1)"
    )
    (totals,) = (await api.as_("advisor").get("/analytics/model-calls")).body["models"]
    assert totals["outcomes"] == {"model_refused_request": 1} and "provider_messages" not in totals
