"""Appeals are answered on the page of their item."""

from typing import Any

import pytest

from app.repositories.sql import Pool
from tests.api import Api
from tests.pages.advisor.conftest import Item, action, send
from tests.pages.advisor.test_review_item import override_of
from tests.pages.conftest import NewPerson, Person, Shown

TEXT = "I named the vessels <b>twice</b>."


@pytest.fixture
async def appealed(api: Api, doubted: Item) -> Item:
    """An essay with 0.4 of 1 points, which its student has appealed."""
    path = f"/assessments/{doubted.assessment_id}/scores/{doubted.question_id}/appeal"
    assert (await api.post(path, {"text": TEXT})).status == 201
    return doubted


async def appeal_of(pool: Pool) -> dict[str, Any]:
    """What is stored of the only appeal."""
    row = await pool.fetchrow("SELECT status, reply, answered_by FROM appeals")
    assert row
    return dict(row)


async def open_item(advisor: Person, item: Item) -> Shown:
    page = await advisor.get(item.path)
    assert page.status == 200
    return page


async def test_the_student_is_told_that_the_points_stay(advisor: Person, appealed: Item, pool: Pool) -> None:
    page = await open_item(advisor, appealed)
    assert "I named the vessels &lt;b&gt;twice&lt;/b&gt;." in page.html and "Low confidence, Appeal" in page.text
    assert "Agree with the machine" not in page.text
    answer = await send(advisor, page, "appeal", decision="upheld", reason="They were counted.", then="next")
    # The score is still in doubt, so the item stays, and is the next.
    assert (answer.status, answer.target) == (303, "/dashboard/review?done=queue-end")
    expected = {"status": "upheld", "reply": "They were counted.", "answered_by": "advisor-1"}
    assert await appeal_of(pool) == expected
    assert await override_of(pool, appealed) is None
    assert (await send(advisor, page, "appeal", decision="upheld", reason="They were counted.")).status == 303
    assert "They were counted." in (await open_item(advisor, appealed)).text


async def test_more_points_and_never_fewer(advisor: Person, appealed: Item, pool: Pool) -> None:
    page = await open_item(advisor, appealed)
    wrong = {
        "Decide whether the points stay.": {"reason": "So."},
        "Say why, in up to 2000 characters": {"decision": "upheld"},
        "Give points from 0 to 1.": {"decision": "changed", "reason": "So."},
        "You have typed new points": {"decision": "upheld", "reason": "So.", "depth": "20"},
        "an appeal never lowers a score": {"decision": "changed", "reason": "So.", "depth": "9"},
        "0.4 points count today": {"decision": "changed", "reason": "So.", "total": "0.3"},
    }
    for message, fields in wrong.items():
        answer = await send(advisor, page, "appeal", **fields)
        assert (answer.status, message in answer.text) == (422, True), message
    assert (await appeal_of(pool))["status"] == "open"
    answer = await send(advisor, page, "appeal", decision="changed", reason="You did.", depth="20", then="next")
    override = await override_of(pool, appealed)
    assert answer.status == 303 and override and override["dimensions"]["depth"] == 20
    assert (await appeal_of(pool))["status"] == "changed"
    assert await pool.fetchval("SELECT count(*) FROM review_items") == 0


async def test_somebody_else_answers_than_gave_the_points(
    person: NewPerson, advisor: Person, doubted: Item, api: Api, pool: Pool
) -> None:
    page = await open_item(advisor, doubted)
    assert (await send(advisor, page, "points", total="0.5", reason="Half.", then="next")).status == 303
    path = f"/assessments/{doubted.assessment_id}/scores/{doubted.question_id}/appeal"
    assert (await api.post(path, {"text": TEXT})).status == 201
    second = await person("advisor-2", "advisor")
    assert (await send(second, await open_item(second, doubted), "skip")).status == 303
    own = await open_item(advisor, doubted)
    assert "You cannot answer this appeal: the points that count are yours" in own.text
    assert 'name="decision"' not in own.html
    forged = {"seen": "x", "decision": "upheld", "reason": "So."}
    assert (await advisor.post(f"{doubted.path}/appeal", forged)).status == 409
    assert (await advisor.post(action(own, "skip"), {})).status == 303
    page = await open_item(second, doubted)
    assert (await send(second, page, "appeal", decision="upheld", reason="Half it is.")).status == 303
    assert (await appeal_of(pool))["answered_by"] == "advisor-2"


async def test_an_appeal_that_comes_meanwhile_is_not_passed_over(
    advisor: Person, doubted: Item, api: Api, pool: Pool
) -> None:
    page = await open_item(advisor, doubted)
    path = f"/assessments/{doubted.assessment_id}/scores/{doubted.question_id}/appeal"
    assert (await api.post(path, {"text": TEXT})).status == 201
    answer = await send(advisor, page, "points", total="0.1", reason="Less.")
    assert (answer.status, TEXT in answer.text) == (409, True)
    assert await override_of(pool, doubted) is None


async def test_appeals_are_never_blind(advisor: Person, appealed: Item) -> None:
    page = await advisor.get(f"{appealed.path}?blind=1")
    assert "Rationale of depth." in page.text and "blind=1" in page.html
