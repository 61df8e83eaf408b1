"""Answer keys, model answers, rubrics and explanations: nothing that a student can reach has a trace of them."""

from app.clients.embeddings import OfflineEmbedder
from app.repositories.sql import Pool
from app.settings import Settings
from app.web.routes import ROUTES
from tests.api import Api, Reply
from tests.bank import SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, SLUG, Bank
from tests.pipelines import pipeline, run_all

SECRETS = (SECRET_MODEL_ANSWER, SECRET_RUBRIC, SECRET_EXPLANATION)
# Names of fields that only a question's author and graders know; a result's `explanation` would be one too.
FIELDS = ("correct_options", "partial_credit", "model_answer", "rubric", "explanation")


def leaks(reply: Reply) -> list[str]:
    """What the reply gives away, in its body or headers."""
    text = reply.raw.decode() + str(reply.headers)
    return [word for word in (*SECRETS, *(f'"{name}"' for name in FIELDS)) if word in text]


async def reachable(api: Api, path: str, bank: Bank, pool: Pool, settings: Settings) -> list[Reply]:
    """What a student gets to see on the way from the start to the result, refusals among it."""
    right, essay = bank.ids["right"], bank.ids["essay"]
    wrong = {"responses": bank.answers(right="Z", several=["Z"], essay=5, scale=99)}
    seen = [
        await api.get("/tracks"), await api.get(f"/tracks/{SLUG}"), await api.get("/credentials"),
        await api.get("/assessments"), await api.post("/assessments", {"track": SLUG}), await api.get(path),
        await api.patch(f"{path}/responses", wrong),
        await api.patch(f"{path}/responses", {"responses": bank.all_answers()}), await api.get(path),
        await api.post(f"{path}/submit", wrong), await api.post(f"{path}/submit", {}, Idempotency_Key="once"),
        await api.post(f"{path}/submit", {}, Idempotency_Key="once"), await api.get(f"{path}/result"),
        await api.get("/questions"), await api.get(f"/questions/{right}"), await api.get(f"/questions/{essay}"),
        await api.patch(f"/questions/{right}", {"correct_options": ["Z"]}), await api.delete(f"/questions/{essay}"),
        await api.post("/questions", {"type": "theoretical"}), await api.get("/metrics"), await api.get("/readyz"),
    ]  # fmt: skip
    embedder = OfflineEmbedder()
    running = pipeline(pool, settings.secret("redis_url"), embedder)
    await run_all(pool, running)
    await running.doorbell.redis.aclose()
    await embedder.close()
    return [*seen, *[await api.get(path + end) for end in ("", "/status", "/result")], await api.get("/assessments")]


async def test_no_student_ever_sees_one(api: Api, path: str, bank: Bank, pool: Pool, settings: Settings) -> None:
    seen = await reachable(api, path, bank, pool, settings)
    assert [(reply.status, leaks(reply)) for reply in seen if leaks(reply)] == []
    assert seen[-2].body["status"] == "completed"
    assert {reply.status for reply in seen} == {200, 202, 403, 422}


async def test_the_search_finds_them_where_they_are(api: Api, bank: Bank) -> None:
    assert set(leaks(await api.as_("advisor").get("/questions"))) == {*SECRETS, *(f'"{name}"' for name in FIELDS)}


async def test_advisors_read_assessments_without_them_too(api: Api, path: str) -> None:
    assert leaks(await api.as_("advisor").get(path)) == []


async def test_no_view_of_a_student_has_a_field_for_them(api: Api) -> None:
    schemas = (await api.get("/openapi.json")).body["components"]["schemas"]
    shown = {
        "AssessmentView",
        "QuestionForStudent",
        "SubmissionView",
        "StatusView",
        "Result",
        "ScoreSummary",
        "RulePart",
        "QuestionLine",
        "EssayLine",
    }
    for name in shown:
        assert not set(FIELDS) & set(schemas[name]["properties"]), name
    bank = {"/questions", "/questions/{question_id}"}
    override = "/assessments/{assessment_id}/scores/{question_id}/override"
    assert {route.path for route in ROUTES if "question" in route.path} == {*bank, override}
