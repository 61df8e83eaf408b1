"""What staff find around a result: the trace, the list of assessments, links, and scoring again."""

from app.repositories.sql import Pool
from tests.bank import SECRET_MODEL_ANSWER, SLUG, Bank
from tests.job_runner import submit
from tests.pages.advisor.conftest import DOUBTED, GOOD, Item, send
from tests.pages.conftest import NewPerson, Person
from tests.scored_assessments import SCORED_LOCALLY, completed_assessment, essay_score

LIST = "/dashboard/assessments"


async def test_the_trace_is_readable(advisor: Person, doubted: Item) -> None:
    await send(advisor, await advisor.get(doubted.path), "agree", then="next")
    page = await advisor.get(f"{LIST}/{doubted.assessment_id}/trace")
    shown = ["Run 1 begins", "Scoring the essays: completed", "The result is there", "Agreement of a person"]
    shown += [
        "advisor-1 agreed",
        SECRET_MODEL_ANSWER,
        "all or nothing",
        "partial credit",
        "Sand, Peat",
        "You grade one",
        "student-1, Gardener, run 1.",
    ]
    assert [text for text in shown if text not in page.text] == []
    assert page.status == 200 and page.html.count("<details") == page.html.count("<summary")
    assert (await advisor.get(f"{LIST}/{doubted.assessment_id}/trace?run=7")).status == 404
    assert (await advisor.get(f"{LIST}/{doubted.assessment_id}/trace?run=x")).status == 400


async def test_the_trace_has_raw_answers_and_costs(advisor: Person, doubted: Item, pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO model_calls (assessment_id, run, question_id, provider, model, prompt_version, outcome, tokens_in,"
        " tokens_out, cost_usd, latency_ms, answer)"
        " VALUES ($1, 1, $2, 'api', 'm-1', 'essay-3', 'ok', 900, 80, 0.00125, 812, $3)",
        doubted.assessment_id, doubted.question_id, '{"raw": "<b>answer</b>"}',
    )  # fmt: skip
    page = await advisor.get(f"{LIST}/{doubted.assessment_id}/trace")
    assert "Call of m-1: ok, 812 ms, 900 tokens in and 80 out, $0.00125" in page.text
    assert "&lt;b&gt;answer&lt;/b&gt;" in page.html


async def test_the_list_has_filters(advisor: Person, pool: Pool, bank: Bank) -> None:
    assert "Nobody has started an assessment yet." in (await advisor.get(LIST)).text
    local = {"essay": essay_score("local", 40), "essay_two": GOOD}
    await completed_assessment(pool, bank, "doubted-1", {"essay": DOUBTED, "essay_two": GOOD})
    await completed_assessment(pool, bank, "degraded-1", local, reasons=[SCORED_LOCALLY])
    await submit(pool, bank, "waiting-1")
    filters = {
        "track=&status=&degraded=&needs_review=": {"doubted-1", "degraded-1", "waiting-1"},
        "needs_review=true": {"doubted-1"},
        "degraded=true": {"degraded-1"},
        "status=submitted": {"waiting-1"},
        f"track={SLUG}&status=completed&degraded=false": {"doubted-1"},
    }
    for query, owners in filters.items():
        text = (await advisor.get(f"{LIST}?{query}")).text
        assert {owner for owner in ("doubted-1", "degraded-1", "waiting-1") if owner in text} == owners, query
    assert "Nothing matches these filters." in (await advisor.get(f"{LIST}?status=expired")).text
    first = await advisor.get(f"{LIST}?status=completed&limit=1")
    assert "status=completed&amp;cursor=" in first.html and "degraded-1" in first.text
    assert ">Gardener</a></td>" in first.html
    for wrong in ("status=x", "degraded=x", "cursor=x"):
        assert (await advisor.get(f"{LIST}?{wrong}")).status == 400


async def test_staff_find_the_way_from_a_result(person: NewPerson, advisor: Person, doubted: Item) -> None:
    path = f"{LIST}/{doubted.assessment_id}"
    page = await advisor.get(path)
    assert doubted.path in page.html and f"{path}/trace" in page.html and "student-1" in page.text
    assert "Result of student-1: " in page.text and f'href="{LIST}">All assessments</a> <a' in page.html
    owner, both = await person("student-1", "student"), await person("student-1", "student", "advisor")
    assert "For advisors" not in (await owner.get(path)).html
    own = await both.get(path)
    assert "Your result: " in own.text
    assert "For advisors" in own.html and doubted.path not in own.html and "/rescore" not in own.html


async def test_essays_are_scored_again_for_a_reason(advisor: Person, doubted: Item, pool: Pool) -> None:
    path = f"{LIST}/{doubted.assessment_id}"
    refused = await advisor.post(f"{path}/rescore", {"reason": "  "})
    assert (refused.status, "Say why" in refused.text) == (422, True)
    answer = await advisor.post(f"{path}/rescore", {"reason": "A better model."})
    assert (answer.status, answer.target) == (303, f"{path}?done=rescoring")
    assert "The essays are being scored again." in (await advisor.get(answer.target)).text
    assert await pool.fetchval("SELECT count(*) FROM async_jobs WHERE run = 2") == 3
    assert await pool.fetchval("SELECT after ->> 'reason' FROM audit_log WHERE action = 'rescore'") == "A better model."
    assert (await advisor.post(f"{path}/rescore", {"reason": "Again."})).status == 409


async def test_what_is_being_answered_is_no_form_for_staff(advisor: Person, path: str) -> None:
    page = await advisor.get(path)
    assert "being answered" in page.text and "<textarea" not in page.html


async def test_the_trace_says_what_a_language_model_did_for_the_recommendations(
    advisor: Person, doubted: Item, pool: Pool
) -> None:
    key = str(await pool.fetchval("SELECT id FROM credentials LIMIT 1"))
    candidate = {
        "rank": 1, "credential_id": key, "credential_version": 1, "title": "Gardens", "passage_id": key,
        "relevance": 0.5, "similarity": None, "by_meaning": None, "by_words": 1, "on_standing_list": None,
    }  # fmt: skip
    used = {
        "reading": {"used": False, "problem": "model_timeout"}, "ranking": {"used": True, "dropped": 2},
        "unused_reasons": [{"credential_id": key, "fault": "another level"}],
    }  # fmt: skip
    retrieval = {
        "words": [], "meanings": [], "gaps": [], "level": None, "passages": {}, "candidates": [candidate],
        "language_model": used,
    }  # fmt: skip
    await pool.execute(
        "UPDATE async_jobs SET output = output || jsonb_build_object('retrieval', $2::jsonb)"
        " WHERE assessment_id = $1 AND job_type = 'rag'",
        doubted.assessment_id, retrieval,
    )  # fmt: skip
    page = await advisor.get(f"{LIST}/{doubted.assessment_id}/trace")
    assert "Rules read what the student wants, because the model gave no usable answer (model_timeout)." in page.text
    assert "A language model ordered the candidates and worded the reasons (2 left out of its answer" in page.text
    assert "because it had another level: Gardens" in page.text
