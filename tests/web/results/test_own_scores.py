"""Nobody overrides or rescores an assessment of their own."""

from typing import Any
from uuid import uuid4

import pytest

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import Bank
from tests.scored_assessments import completed_assessment
from tests.web.problems import problem

OVERRIDE: dict[str, Any] = {"score": 1, "reason": "It is better than that."}
RESCORE: dict[str, Any] = {"reason": "Look again."}


@pytest.mark.parametrize("roles", [("student", "advisor"), ("student", "admin"), ("advisor",), ("admin", "author")])
async def test_staff_cannot_change_their_own_scores(api: Api, pool: Pool, bank: Bank, roles: tuple[str, ...]) -> None:
    assessment_id = await completed_assessment(pool, bank, "ada")
    path, ada = f"/assessments/{assessment_id}", api.as_(*roles, sub="ada")
    override = f"{path}/scores/{bank.ids['essay']}/override"
    before = (await ada.get(f"{path}/result")).raw
    for body in (OVERRIDE, {"unknown": 1}):
        assert "your own" in problem(await ada.put(override, body), 403, "forbidden")["detail"]
    for body in (RESCORE, {"unknown": 1}):
        assert "your own" in problem(await ada.post(f"{path}/rescore", body), 403, "forbidden")["detail"]
    problem(await ada.post(f"{path}/rescore", RESCORE, Idempotency_Key="once"), 403, "forbidden")
    assert (await ada.get(f"{path}/result")).raw == before
    assert await pool.fetchval("SELECT count(*) FROM score_overrides") == 0
    assert await pool.fetchval("SELECT run FROM assessments") == 1
    problem(await ada.put(f"{path}/scores/{uuid4()}/override", OVERRIDE), 404, "not-found")
    problem(await ada.put(f"/assessments/{uuid4()}/scores/{bank.ids['essay']}/override", OVERRIDE), 404, "not-found")


async def test_others_can(api: Api, pool: Pool, bank: Bank) -> None:
    path = f"/assessments/{await completed_assessment(pool, bank, 'ada')}"
    ben = api.as_("student", "advisor", sub="ben")
    assert (await ben.put(f"{path}/scores/{bank.ids['essay']}/override", OVERRIDE)).status == 200
    assert (await ben.post(f"{path}/rescore", RESCORE)).status == 202
