"""Answer keys, model answers, rubrics and what other students wrote are in no reply to a student, and explanations in
none where the track withholds them."""

from app.web.routes import ROUTES
from tests.api import Api, Reply
from tests.bank import ESSAY, SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, SLUG, Bank
from tests.job_runner import Finish

SECRETS = (SECRET_MODEL_ANSWER, SECRET_RUBRIC, SECRET_EXPLANATION)
OTHERS_NAME, OTHERS_TEXT, OTHERS_COMMENT = "student-ozelot", "Soil that ocelots like", "An ocelot was not amused."
OTHERS_ESSAY = f"{ESSAY} My ocelot sleeps in the tallest of them."
OTHERS = (OTHERS_NAME, "ocelot")
# Fields that only authors and graders of questions may read.
FIELDS = ("correct_options", "partial_credit", "model_answer", "rubric")


def leaks(reply: Reply) -> list[str]:
    """The secrets in the reply's body and headers."""
    text = reply.raw.decode() + str(reply.headers)
    return [word for word in (*SECRETS, *OTHERS, *(f'"{name}"' for name in FIELDS)) if word in text]


# The ends of the paths of an assessment that can be read.
_ENDS = ("", "/status", "/events", "/result", "/trace", "/webhook", "/webhook/deliveries")


async def create_others_assessment(api: Api, bank: Bank, finish: Finish) -> str:
    """The path of another student's assessment, which has a result and feedback."""
    other = api.as_("student", sub=OTHERS_NAME)
    path = f"/assessments/{(await other.post('/assessments', {'track': SLUG})).body['assessment_id']}"
    answers = bank.answers(text=OTHERS_TEXT, essay=OTHERS_ESSAY, right="B")
    assert (await other.post(f"{path}/submit", {"responses": answers})).status == 202
    await finish()
    feedback = {"relevance": 1, "acceptance": 1, "comment": OTHERS_COMMENT}
    assert (await other.post(f"{path}/feedback", feedback)).status == 201
    return path


async def all_replies(api: Api, path: str, bank: Bank, finish: Finish, others_path: str) -> list[Reply]:
    """Replies to a student from the start to the result, refusals included."""
    right, essay = bank.ids["right"], bank.ids["essay"]
    wrong = {"responses": bank.answers(right="Z", several=["Z"], essay=5, scale=99)}
    replies = [
        await api.get("/tracks"), await api.get(f"/tracks/{SLUG}"), await api.get("/credentials"),
        await api.get("/assessments"), await api.post("/assessments", {"track": SLUG}), await api.get(path),
        await api.patch(f"{path}/responses", wrong),
        await api.patch(f"{path}/responses", {"responses": bank.all_answers()}), await api.get(path),
        await api.post(f"{path}/submit", wrong), await api.post(f"{path}/submit", {}, Idempotency_Key="once"),
        await api.post(f"{path}/submit", {}, Idempotency_Key="once"), await api.get(f"{path}/result"),
        await api.get("/questions"), await api.get(f"/questions/{right}"), await api.get(f"/questions/{essay}"),
        await api.patch(f"/questions/{right}", {"correct_options": ["Z"]}), await api.delete(f"/questions/{essay}"),
        await api.post("/questions", {"type": "theoretical"}), await api.get("/metrics"), await api.get("/readyz"),
        *[await api.get(others_path + end) for end in _ENDS],
        *[await api.get(f"/analytics/{name}") for name in ("overview", "scores", "feedback", "model-calls")],
    ]  # fmt: skip
    await finish()
    mark = {"relevance": 5, "acceptance": 4}
    return [
        *replies, *[await api.get(path + end) for end in _ENDS], await api.get("/assessments"),
        await api.post(f"{path}/feedback", mark), await api.post(f"{others_path}/feedback", mark),
    ]  # fmt: skip


async def test_no_reply_to_a_student_reveals_a_secret(api: Api, path: str, bank: Bank, finish: Finish) -> None:
    await api.as_("author").patch(f"/tracks/{SLUG}", {"show_explanations": False})
    replies = await all_replies(api, path, bank, finish, await create_others_assessment(api, bank, finish))
    assert [(reply.status, leaks(reply)) for reply in replies if leaks(reply)] == []
    status, result = (
        next(reply for reply in replies[-11:] if field in reply.raw) for field in (b"stages", b"breakdown")
    )
    assert status.body["status"] == result.body["status"] == "completed" and result.body["recommendations"]
    assert {reply.status for reply in replies} == {200, 201, 202, 403, 404, 422}


async def test_the_search_finds_them_where_they_are(api: Api, bank: Bank, finish: Finish) -> None:
    advisor = api.as_("advisor")
    assert set(leaks(await advisor.get("/questions"))) == {*SECRETS, *(f'"{name}"' for name in FIELDS)}
    trace = await advisor.get(f"{await create_others_assessment(api, bank, finish)}/trace")
    assert {*SECRETS, "ocelot"} <= set(leaks(trace))
    assert "ocelot" in leaks(await advisor.get("/analytics/feedback?format=jsonl"))


async def test_advisors_read_assessments_without_them_too(api: Api, path: str) -> None:
    assert leaks(await api.as_("advisor").get(path)) == []


async def test_no_view_of_a_student_has_a_field_for_them(api: Api) -> None:
    schemas = (await api.get("/openapi.json")).body["components"]["schemas"]
    shown = {
        "AssessmentView",
        "QuestionForStudent",
        "SubmissionView",
        "StatusView",
        "ResultView",
        "ScoreSummaryView",
        "QuestionScoreView",
        "RulePartView",
        "EssayLineView",
    }
    for name in shown:
        assert not set(FIELDS) & set(schemas[name]["properties"]), name
    bank = {"/questions", "/questions/{question_id}", "/questions/{question_id}/restore"}
    override = "/assessments/{assessment_id}/scores/{question_id}/override"
    reviews = {
        "/assessments/{assessment_id}/scores/{question_id}/review",
        "/reviews/{assessment_id}/{question_id}/reserve",
        "/assessments/{assessment_id}/scores/{question_id}/appeal",
    }
    assert {route.path for route in ROUTES if "question" in route.path} == {*bank, *reviews, override}
