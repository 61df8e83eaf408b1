"""The page of an item: what it shows, what can be decided there, and what happens when two people meet on it."""

from typing import Any

import pytest

from app.domain.states import ReviewReason
from app.pages.advisor.wording import REASONS
from app.repositories.sql import Pool
from tests.bank import ESSAY, SECRET_MODEL_ANSWER, SECRET_RUBRIC, Bank
from tests.pages.advisor.conftest import DOUBTED, GOOD, Item, action, hidden_field, send, with_evidence
from tests.pages.conftest import NewPerson, Person
from tests.scored_assessments import completed_assessment, line_of, newest_result

HOSTILE = "<script>alert(1)</script> \u202eשלום e\u0301 👩🏽‍💻 & <b>so</b>" + "x" * 1500


async def override_of(pool: Pool, item: Item) -> dict[str, Any] | None:
    """The person's score in the newest result."""
    line = line_of(await newest_result(pool, item.assessment_id), item.question_id)
    override: dict[str, Any] | None = line["override"]
    return override


async def reservations(pool: Pool) -> list[str]:
    return [row["reserved_by"] for row in await pool.fetch("SELECT reserved_by FROM review_reservations")]


async def test_the_page_has_everything_that_a_judgement_needs(advisor: Person, doubted: Item, pool: Pool) -> None:
    page = await advisor.get(doubted.path)
    assert page.status == 200
    shown = ["1 left in this queue", "Low confidence, confidence 0.20", SECRET_MODEL_ANSWER, SECRET_RUBRIC]
    shown += ["Model gpt-model", "Total of 100 40", "Points of 1 0.4", "Rationale of depth.", "You grade one essay"]
    shown += ["The confidence in the machine's score is low.", '"reference_answer"']
    assert [text for text in shown if text not in page.text] == []
    assert '<mark class="relevance technical">Water rises</mark>' in page.html
    assert '<mark class="depth">cohesion keeps the column whole</mark>' in page.html
    assert "student-1" not in page.text
    assert await reservations(pool) == ["advisor-1"]


async def test_a_link_checker_reserves_nothing(advisor: Person, doubted: Item, pool: Pool) -> None:
    async with advisor.session.head(f"{advisor.origin}{doubted.path}") as answer:
        assert answer.status == 200
    assert await reservations(pool) == []


async def test_agreeing_confirms_and_leads_on(advisor: Person, doubted: Item, pool: Pool) -> None:
    page = await advisor.get(doubted.path)
    answer = await send(advisor, page, "agree", then="next")
    assert (answer.status, answer.target) == (303, "/dashboard/review?done=queue-end")
    override = await override_of(pool, doubted)
    assert override and (override["by"], override["score"], override["confirmed"]) == ("advisor-1", 0.4, True)
    assert (await advisor.get("/dashboard/review")).text.count("Nothing needs a person") == 1
    assert await reservations(pool) == []
    # A double click sends the form twice.
    again = await send(advisor, page, "agree", then="next")
    assert again.status == 303
    assert await pool.fetchval("SELECT count(*) FROM score_overrides") == 1


async def test_points_of_some_dimensions_or_in_total(advisor: Person, doubted: Item, pool: Pool) -> None:
    page = await advisor.get(doubted.path)
    answer = await send(advisor, page, "points", depth="25", reason=HOSTILE, then="stay")
    assert answer.target.partition("?")[0] == doubted.path and "done=points-saved" in answer.target
    override = await override_of(pool, doubted)
    assert override and override["dimensions"] == {"relevance": 10, "depth": 25, "clarity": 10, "technical": 10}
    assert (override["score"], override["reason"]) == (0.55, HOSTILE)
    page = await advisor.get(answer.target)
    assert "<script>alert" not in page.html and HOSTILE.split()[-1] in page.text
    assert "A person has given these points; nothing is left to do." in page.text
    answer = await send(advisor, page, "points", total="0,75", reason="In all.", then="stay")
    override = await override_of(pool, doubted)
    assert override and (override["score"], override.get("dimensions")) == (0.75, None)


WRONG = {
    "nothing": ({"reason": "So."}, "Give points from 0 to 1."),
    "no reason": ({"depth": "3", "reason": " "}, "Say why, in up to 2000 characters"),
    "too long a reason": ({"depth": "3", "reason": "x" * 2001}, "Say why, in up to 2000 characters"),
    "too many": ({"depth": "26", "reason": "So."}, "Give a whole number from 0 to 25."),
    "a fraction": ({"depth": "2.5", "reason": "So."}, "Give a whole number from 0 to 25."),
    "a word": ({"total": "<b>two</b>", "reason": "So."}, "Give points from 0 to 1."),
    "too many in total": ({"total": "1.01", "reason": "So."}, "Give points from 0 to 1."),
    "both": ({"total": "1", "depth": "3", "reason": "So."}, "Give points by dimension or in total, not both."),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_stands_beside_its_field(advisor: Person, doubted: Item, pool: Pool, name: str) -> None:
    fields, message = WRONG[name]
    answer = await send(advisor, await advisor.get(doubted.path), "points", **fields)
    assert (answer.status, message in answer.text, 'aria-invalid="true"' in answer.html) == (422, True, True)
    assert "<b>two</b>" not in answer.html
    assert all(value.replace("<", "&lt;").replace(">", "&gt;") in answer.html for value in fields.values())
    assert await override_of(pool, doubted) is None


async def test_an_unscored_essay_needs_points_in_every_dimension(advisor: Person, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank, essays={"essay": None, "essay_two": GOOD})
    item = Item(assessment_id, bank.ids["essay"])
    page = await advisor.get(item.path)
    assert "Agree with the machine" not in page.text and "No score" in page.text
    answer = await send(advisor, page, "points", depth="20", reason="So.")
    assert answer.status == 422 and answer.text.count("because the dimension has no points yet") == 6
    answer = await send(advisor, page, "points", relevance="20", depth="20", clarity="20", technical="20", reason="So.")
    override = await override_of(pool, item)
    assert answer.status == 303 and override and override["score"] == 0.8


async def test_who_comes_second_learns_who_has_the_item(person: NewPerson, advisor: Person, doubted: Item) -> None:
    second = await person("advisor-2", "advisor")
    page = await second.get(doubted.path)
    held = await advisor.get(doubted.path)
    assert (held.status, "advisor-2 is reviewing this one" in held.text) == (409, True)
    assert int(held.headers["Retry-After"]) > 800 and 'href="/dashboard/review/next?at=' in held.html
    late = await advisor.post(
        f"{doubted.path}/points", {"seen": hidden_field(page, "seen"), "depth": "3", "reason": "What I typed"}
    )
    assert (late.status, "What I typed" in late.text) == (409, True)
    assert (await send(second, page, "skip")).status == 303
    assert (await advisor.get(doubted.path)).status == 200


async def test_leaving_gives_back_only_what_that_page_held(advisor: Person, doubted: Item, pool: Pool) -> None:
    first, second = await advisor.get(doubted.path), await advisor.get(doubted.path)
    left = [{"until": hidden_field(page, "until")} for page in (first, second)]
    for fields, holders in zip(left, (["advisor-1"], []), strict=True):
        answer = await advisor.post(f"{doubted.path}/release", fields, Accept="application/json")
        assert (answer.status, await reservations(pool)) == (204, holders)
    assert (await advisor.post(f"{doubted.path}/release", {"until": "now"})).status == 422


async def test_points_that_changed_meanwhile_are_shown_before_anything_is_saved(
    person: NewPerson, advisor: Person, doubted: Item, pool: Pool
) -> None:
    page = await advisor.get(doubted.path)
    await pool.execute("UPDATE review_reservations SET reserved_until = now()")
    second = await person("advisor-2", "advisor")
    assert (await send(second, await second.get(doubted.path), "points", total="1", reason="Full.")).status == 303
    for step, fields in (("agree", {}), ("points", {"depth": "3", "reason": "Less."})):
        answer = await send(advisor, page, step, **fields)
        assert (answer.status, "have changed since you opened" in answer.text) == (409, True)
    override = await override_of(pool, doubted)
    assert override and override["by"] == "advisor-2"
    # Now the points of the other are seen, and may be changed.
    assert (await send(advisor, answer, "points", total="0.5", reason="Half.")).status == 303
    override = await override_of(pool, doubted)
    assert override and override["by"] == "advisor-1"


async def test_blind_mode_hides_all_of_the_machine_until_ones_own_points_are_in(
    person: NewPerson, doubted: Item, pool: Pool
) -> None:
    advisor = await person("advisor-1", "advisor")
    page = await advisor.get(f"{doubted.path}?blind=1")
    machine = ["gpt-model", "Rationale of", "<mark", "0.20", "Agree with the machine", "Total of 100", "/trace"]
    assert [text for text in machine if text in page.html] == []
    assert ESSAY in page.text and SECRET_MODEL_ANSWER in page.text
    answer = await send(advisor, page, "points", depth="20", reason="So.", then="next")
    assert answer.status == 422 and "Give points in every dimension, or in total." in answer.text
    assert [text for text in machine if text in answer.html] == []
    points = {"relevance": "20", "depth": "20", "clarity": "20", "technical": "20"}
    answer = await send(advisor, page, "points", **points, reason="So.", then="next")
    assert answer.target.partition("?")[0] == doubted.path and "blind=1" in answer.target
    compared = await advisor.get(answer.target)
    assert "Relevance 10 20" in compared.text and "Rationale of depth." in compared.text
    assert "Saved. This is what the machine gave." in compared.text and 'data-then="1"' in compared.html
    # Another reviewer sees neither.
    other = await person("advisor-2", "advisor")
    await pool.execute("UPDATE review_reservations SET reserved_until = now()")
    assert "Relevance 10" not in (await other.get(f"{doubted.path}?blind=1")).text


async def test_an_answer_by_rule_can_be_given_points(advisor: Person, doubted: Item, bank: Bank, pool: Pool) -> None:
    item = Item(doubted.assessment_id, bank.ids["several"])
    page = await advisor.get(item.path)
    assert "Sand (chosen) (right)" in page.text and "By rule" in page.text and "Relevance" not in page.text
    assert (await send(advisor, page, "points", total="2", reason="So.")).status == 303
    override = await override_of(pool, item)
    assert override and override["score"] == 2


async def test_nothing_is_reviewed_without_a_result_or_by_its_owner(person: NewPerson, path: str, bank: Bank) -> None:
    item = f"/dashboard/review/{path.rsplit('/', 1)[1]}/{bank.ids['essay']}"
    advisor, owner = await person("advisor-1", "advisor"), await person("student-1", "student", "advisor")
    assert [(await somebody.get(item)).status for somebody in (advisor, owner)] == [409, 403]
    for step in ("agree", "points", "skip", "release", "appeal"):
        assert (await owner.post(f"{item}/{step}", {"until": "x"})).status == 403, step


async def test_hostile_essays_are_text_and_keep_their_marks(advisor: Person, pool: Pool, bank: Bank) -> None:
    essay = "👩🏽‍💻 <img src=x onerror=alert(1)>\n\nשלום e\u0301 </p><script>x</script> " + "ab" * 400
    quotes = ("👩🏽‍💻 <img", "שלום e\u0301", "e\u0301 </p>", "<script>")
    score = with_evidence(DOUBTED, essay, quotes)
    answers = bank.answers(essay=essay)
    assessment_id = await completed_assessment(pool, bank, essays={"essay": score}, answers=answers)
    page = await advisor.get(Item(assessment_id, bank.ids["essay"]).path)
    assert "<img" not in page.html and "<script>x" not in page.html
    assert '<mark class="depth">שלום </mark><mark class="depth clarity">e\u0301</mark>' in page.html


def test_every_reason_has_words() -> None:
    assert set(REASONS) == set(ReviewReason)


@pytest.mark.parametrize("step", ["agree", "points", "skip", "release", "appeal"])
async def test_a_form_of_another_session_changes_nothing(advisor: Person, doubted: Item, pool: Pool, step: str) -> None:
    page = await advisor.get(doubted.path)
    fields = {"seen": hidden_field(page, "seen"), "until": hidden_field(page, "until"), "depth": "3", "reason": "So."}
    for csrf in (None, "x"):
        assert (await advisor.post(f"{doubted.path}/{step}", fields, csrf=csrf)).status == 403
    assert (await override_of(pool, doubted), await reservations(pool)) == (None, ["advisor-1"])
    assert "at=" in action(page, "agree")
