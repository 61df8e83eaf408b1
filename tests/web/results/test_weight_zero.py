"""Questions of weight 0 inform skills and recommendations, and count nowhere."""

from typing import Any

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import ESSAY, SLUG, Bank
from tests.job_runner import Finish
from tests.web.problems import invalid


async def weigh(api: Api, bank: Bank, weight: float, *names: str) -> None:
    for name in names:
        changed = await api.as_("author").patch(f"/questions/{bank.ids[name]}", {"weight": weight})
        assert (changed.status, changed.body["weight"]) == (200, weight)


async def take(api: Api, finish: Finish, answers: list[dict[str, Any]]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The path, and the bodies of the submission and the result."""
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"]
    submitted = await api.post(f"{path}/submit", {"responses": answers})
    assert submitted.status == 202, submitted.raw
    await finish()
    result = await api.get(f"{path}/result")
    assert result.status == 200, result.raw
    return path, submitted.body, result.body


async def test_they_earn_nothing_and_inform_recommendations(api: Api, bank: Bank, finish: Finish) -> None:
    await weigh(api, bank, 0, "several", "partial", "essay", "text")
    path, submitted, result = await take(api, finish, bank.all_answers())
    theory, profile = (submitted["scores"][kind] for kind in ("theoretical", "profile"))
    assert (theory["score"], theory["max_score"], theory["percentage"]) == (1.0, 1.0, 100.0)
    assert (profile["score"], profile["max_score"]) == (4.0, 4.0)
    lines = {line["question_id"]: line for line in theory["questions"]}
    several = lines[str(bank.ids["several"])]
    assert (several["score"], several["max_score"], several["correct"]) == (0.0, 0.0, False)
    essay = {line["question_id"]: line for line in result["breakdown"]["essay"]["questions"]}[str(bank.ids["essay"])]
    assert (essay["score"], essay["max_score"], essay["provisional"]) == (0.0, 0.0, False)
    assert sum(dimension["score"] for dimension in essay["dimensions"].values()) > 0
    assert result["breakdown"]["essay"]["max_score"] == 2.0
    assert result["overall"]["max_score"] == 7.0
    # `right` is right and counts as much as `several`, which is wrong; `water` is asked for by unweighted ones alone.
    skills = {estimate["skill"]: estimate for estimate in result["skills"]}
    assert (skills["soil"]["level"], skills["water"]["level"], skills["water"]["gap"]) == (0.5, 0.0, True)
    assert skills["botany"]["level"] > 0
    reasons = " ".join(recommendation["reason"] for recommendation in result["recommendations"])
    assert "water, where your theory score showed gaps" in reasons
    assert (await api.as_("advisor").get(f"{path}/trace")).status == 200


async def test_an_assessment_without_any_points_has_no_percentage(api: Api, bank: Bank, finish: Finish) -> None:
    await weigh(api, bank, 0, *bank.ids)
    path, submitted, result = await take(api, finish, bank.answers(right="B", essay=ESSAY))
    assert submitted["scores"]["theoretical"]["percentage"] == 0.0
    assert result["overall"] == {
        "score": None, "max_score": 0.0, "percentage": None, "provisional": False, "range": None,
    }  # fmt: skip
    essays = result["breakdown"]["essay"]
    assert (essays["score"], essays["max_score"], essays["percentage"]) == (0.0, 0.0, None)
    assert [sentence["text"] for sentence in result["summary"] if " points" in sentence["text"]] == [
        "8 questions had no answer and earned no points."
    ]
    advisor = api.as_("advisor")
    url = f"{path}/scores/{bank.ids['right']}/override"
    assert invalid(await advisor.put(url, {"score": 0.5, "reason": "So."})) == ["/score"]
    assert (await advisor.put(url, {"score": 0, "reason": "So."})).status == 200
    for name in ("scores", "overview", "feedback"):
        assert (await advisor.get(f"/analytics/{name}")).status == 200


async def test_an_essay_of_weight_zero_without_an_answer(api: Api, bank: Bank, finish: Finish) -> None:
    await weigh(api, bank, 0, "essay")
    _, _, result = await take(api, finish, bank.answers(right="B", essay_two=ESSAY))
    skills = {estimate["skill"]: estimate for estimate in result["skills"]}
    assert len(skills["botany"]["sources"]) == 2


async def test_unweighted_questions_are_withheld_too(api: Api, bank: Bank, finish: Finish, pool: Pool) -> None:
    """Their answers are in no total, so nothing at all is said about them."""
    await weigh(api, bank, 0, "right", "several", "partial")
    await api.as_("author").patch(f"/tracks/{SLUG}", {"show_correct": "never"})
    _, _, result = await take(api, finish, bank.all_answers())
    assert [estimate["skill"] for estimate in result["skills"]] == ["botany"]
    assert "gaps" not in " ".join(recommendation["reason"] for recommendation in result["recommendations"])
    assert {line["correct"] for line in result["breakdown"]["theoretical"]["questions"]} == {None}
