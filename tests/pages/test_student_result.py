"""The page with a result, ratings and appeals over HTTP."""

import json
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from app.domain.essay.score import Dimension, Dimensions, EssayScore, Evidence
from app.domain.states import AppealDecision
from app.repositories.sql import Pool
from app.services.results import appeals
from app.services.results.appeals import AppealAnswer
from tests.api import Api
from tests.bank import ESSAY, SECRET_EXPLANATION, SLUG, Bank
from tests.pages.conftest import NewPerson, Person
from tests.scored_assessments import SCORED_LOCALLY, UNSCORED, completed_assessment, essay_score, newest_result

# Emoji with joiners, combining marks, text from right to left, markup and line ends of Windows.
HOSTILE = "👩🏽‍💻 cafe\u0301 <script>alert(1)</script>\r\nשלום \u202eabc &amp; " + "x" * 1500


@dataclass(frozen=True)
class Finished:
    """A student with the page of a result."""

    student: Person
    assessment_id: UUID
    path: str


@pytest.fixture
async def finished(person: NewPerson, bank: Bank, pool: Pool) -> Finished:
    """A finished assessment of `student-1`."""
    assessment_id = await completed_assessment(pool, bank)
    return Finished(await person("student-1", "student"), assessment_id, f"/dashboard/assessments/{assessment_id}")


def evidence(text: str, quote: str) -> Evidence:
    """The first occurrence of a quote."""
    start = text.index(quote)
    return Evidence(quote=quote, start=start, end=start + len(quote))


def score_with_evidence(text: str, relevance: str, depth: str) -> EssayScore:
    """A score whose first two dimensions rest on these quotes."""
    dimensions = Dimensions(
        relevance=Dimension(score=20, rationale="It <b>fits</b>.", evidence=(evidence(text, relevance),)),
        depth=Dimension(score=10, rationale="Some depth.", evidence=(evidence(text, depth),)),
        clarity=Dimension(score=15, rationale="Clear."),
        technical=Dimension(score=5, rationale="Mostly wrong."),
    )
    return essay_score("gpt", 40).model_copy(update={"dimensions": dimensions})


async def test_a_result_is_told_in_words(finished: Finished) -> None:
    shown = await finished.student.get(finished.path)
    assert shown.status == 200
    for text in (
        "Your result: 69 %",
        ": 1 of 1 points",
        ": 0 of 2 points",
        ": 1 of 2 points",
        " Right ",
        " Partly right ",
        " Wrong ",
        SECRET_EXPLANATION,
        "Which soil?",
        "Clay",
        "Relevance : 10 of 25",
        "Scored by the language model gpt-model (instructions p1). It was fairly sure.",
        "Every answer earns the points",
        "( question 1 , question 2 , question 3",
        "The same numbers as a table",
    ):
        assert text in shown.text, text
    for jargon in ("rag", "gpt ", "fusion", "rule_score", "principal"):
        assert f" {jargon}" not in shown.text


async def test_withheld_answers_stay_withheld(finished: Finished, pool: Pool) -> None:
    await pool.execute("UPDATE tracks SET show_correct = 'never' WHERE slug = $1", SLUG)
    shown = await finished.student.get(finished.path)
    assert "This track does not show which of these answers are right." in shown.text
    for text in ("Partly right", " Right ", "Wrong", SECRET_EXPLANATION):
        assert text not in shown.text


async def test_evidence_is_marked_where_it_is_and_nothing_becomes_markup(
    person: NewPerson, bank: Bank, pool: Pool
) -> None:
    score = score_with_evidence(HOSTILE, "cafe\u0301 <script>alert(1)</script>\r\nשלום", "</script>\r\nשלום \u202eabc")
    answers = bank.answers(essay=HOSTILE, essay_two=ESSAY)
    scores = {"essay": score, "essay_two": essay_score("local", 80)}
    done = await completed_assessment(pool, bank, essays=scores, answers=answers, reasons=[SCORED_LOCALLY])
    shown = await (await person("student-1", "student")).get(f"/dashboard/assessments/{done}")
    assert "<script>alert" not in shown.html
    assert "<b>fits" not in shown.html
    assert (
        '👩🏽‍💻 <mark class="relevance" data-dimensions="relevance" title="Relevance">'
        "cafe\u0301 &lt;script&gt;alert(1)</mark>"
        '<mark class="relevance depth several" data-dimensions="relevance depth" title="Relevance, Depth">'
        "&lt;/script&gt;\r\nשלום</mark>"
        '<mark class="depth" data-dimensions="depth" title="Depth"> \u202eabc</mark> &amp;amp; xxx'
    ) in shown.html
    assert "Estimated on this server by simpler means than a language model (local-model)." in shown.text
    assert "Estimated locally. The language model was not available" in shown.text


async def test_what_has_no_score_makes_the_result_provisional(person: NewPerson, bank: Bank, pool: Pool) -> None:
    done = await completed_assessment(
        pool, bank, essays={"essay": essay_score("gpt", 80), "essay_two": None}, reasons=[UNSCORED]
    )
    shown = await (await person("student-1", "student")).get(f"/dashboard/assessments/{done}")
    assert "This is provisional: with what has no score yet, the result will be between" in shown.text
    assert "no score yet (provisional)" in shown.text


async def test_ratings_are_stored_shown_and_replaced(finished: Finished, pool: Pool) -> None:
    credential_id = str(await pool.fetchval("SELECT credential_id FROM recommendations"))
    student, path = finished.student, f"{finished.path}/feedback"
    rating = {"credential_id": credential_id, "relevance": "4", "acceptance": "2", "comment": "</textarea><b>"}
    assert (await student.post(path, rating)).target == f"{finished.path}?done=rated#rated-{credential_id}"
    assert (
        await student.post(path, {"relevance": "5", "acceptance": "5"})
    ).target == f"{finished.path}?done=rated#rated-result"
    assert (await student.post(path, rating | {"relevance": "3"})).status == 303
    rows = await pool.fetch("SELECT relevance, acceptance, comment FROM feedback ORDER BY credential_id")
    assert [tuple(row) for row in rows] == [(3, 2, "</textarea><b>"), (5, 5, None)]
    shown = await student.get(f"{finished.path}?done=rated")
    assert "Thank you, your rating is stored." in shown.text
    assert shown.text.count("Change your rating") == 2
    assert "Your rating: fits 3 of 5, would follow 2 of 5." in shown.text
    assert f'id="rated-{credential_id}"' in shown.html
    assert "&lt;/textarea&gt;&lt;b&gt;" in shown.html


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"relevance": ""}, "Choose how well it fits."),
        ({"acceptance": "9"}, "Choose how much you like it."),
        ({"comment": "x" * 2001}, "A comment has at most 2,000 characters."),
        ({"credential_id": str(uuid4())}, None),
    ],
)
async def test_a_rating_that_is_not_complete_is_kept_and_explained(
    finished: Finished, pool: Pool, changed: dict[str, str], error: str | None
) -> None:
    rating = {"relevance": "4", "acceptance": "4", "comment": "Kept."} | changed
    refused = await finished.student.post(f"{finished.path}/feedback", rating)
    assert refused.status == 422
    if error:
        assert error in refused.text
        assert rating["comment"] in refused.html
    assert await pool.fetchval("SELECT count(*) FROM feedback") == 0


async def test_a_score_is_appealed_once_and_the_answer_is_shown(finished: Finished, pool: Pool, bank: Bank) -> None:
    student = finished.student
    path = f"{finished.path}/questions/{bank.ids['essay']}/appeal"
    empty = await student.post(path, {"text": "  "})
    assert (empty.status, "Say in up to 5,000 characters why" in empty.text) == (422, True)
    target = (await student.post(path, {"text": "<i>Look</i> again."})).target
    address, _, place = target.partition("#")
    assert address == f"{finished.path}?done=appealed"
    shown = await student.get(finished.path)
    assert "&lt;i&gt;Look&lt;/i&gt; again." in shown.html
    assert place.startswith("appeal-") and shown.html.count(f'id="{place}"') == 1
    assert "A person will look at it." in shown.text
    again = await student.post(path, {"text": "And again."})
    assert (again.status, "was appealed before" in again.text) == (409, True)
    appeal_id = await pool.fetchval("SELECT id FROM appeals")
    answer = AppealAnswer("advisor-1", AppealDecision.CHANGED, "You are right.", score=0.9)
    await appeals.answer(pool, appeal_id, answer)
    shown = await student.get(finished.path)
    assert "A person has looked at it and changed the points." in shown.text
    assert "You are right." in shown.text
    assert "0.9 of 1 points" in shown.text
    assert "advisor-1" not in shown.text


async def test_appeals_end_with_their_time(finished: Finished, pool: Pool, bank: Bank) -> None:
    await pool.execute(
        "UPDATE results SET body = jsonb_set(body::jsonb, '{completed_at}', to_jsonb(now() - interval '15 days'))::json"
    )
    assert "Ask a person to look" not in (await finished.student.get(finished.path)).text
    late = await finished.student.post(f"{finished.path}/questions/{bank.ids['essay']}/appeal", {"text": "Late."})
    assert (late.status, "could be appealed until" in late.text) == (409, True)


async def test_staff_read_the_page_and_have_no_forms(finished: Finished, person: NewPerson) -> None:
    shown = await (await person("advisor-1", "advisor")).get(finished.path)
    assert shown.status == 200
    assert "Ask a person to look" not in shown.text
    assert "/feedback" not in shown.html


async def test_the_result_is_downloaded_as_the_api_has_it(finished: Finished, api: Api) -> None:
    shown = await finished.student.get(f"{finished.path}/result.json")
    assert f"assessment-{finished.assessment_id}.json" in shown.headers["Content-Disposition"]
    assert json.loads(shown.html) == (await api.get(f"/assessments/{finished.assessment_id}/result")).body


async def test_a_reason_of_a_model_is_shown_with_the_words_that_it_quotes(
    finished: Finished, pool: Pool, bank: Bank
) -> None:
    result = await newest_result(pool, finished.assessment_id)
    line = result["recommendations"][0]
    assert "language model worded" not in (await finished.student.get(finished.path)).text
    quote = {"question_id": str(bank.ids["text"]), "quote": "roses", "start": 0, "end": 5}
    line |= {"reason": "For “roses” <b>only</b>.", "ranked_by": "model", "reason_by": "model", "answers": [quote]}
    line["sources"].append(line["sources"][0] | {"quote": line["sources"][0]["quote"][1:], "start": 1})
    await pool.execute(
        "UPDATE results SET body = $2 WHERE assessment_id = $1", finished.assessment_id, json.dumps(result)
    )
    page = await finished.student.get(finished.path)
    assert "&lt;b&gt;only" in page.html and "A language model worded this reason" in page.text
    assert "<q>roses</q>" in page.html and page.html.count("<blockquote") == 2
