"""The review queue: what needs a person, in pages, and who holds which item."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.essay.score import InjectionCue, Suspicion
from app.domain.states import ReviewOrder, ReviewReason
from app.repositories.results import reviews
from app.repositories.sql import Pool, statements
from app.services.jobs import maintenance
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.fakes.unguarded_statements import without_guard
from tests.job_runner import submit
from tests.scored_assessments import completed_assessment, essay_score
from tests.web.problems import problem
from tests.web.results.test_overrides import put

INJECTED = essay_score("gpt", 40, "suspected_injection")
DOUBTED = essay_score("gpt", 40).model_copy(update={"confidence": 0.2})
CROWD = 50
HELD = "WHERE r.reserved_by = excluded.reserved_by OR r.reserved_until <= now()"
# Rows of the queue by themselves, without the assessments that they would belong to.
PLANT = """
INSERT INTO review_items (assessment_id, question_id, track_id, reasons, confidence, created_at)
SELECT gen_random_uuid(), gen_random_uuid(), t.id,
       CASE WHEN n % 1000 = 0 THEN '{suspected_injection}' ELSE '{low_confidence}' END::text[],
       random(), now() - random() * interval '9 days'
FROM tracks t, generate_series(1, 20000) AS n WHERE t.slug = $1
"""


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def queue(caller: Api, query: str = "") -> list[dict[str, Any]]:
    """The items of a page."""
    reply = await caller.get(f"/reviews{query}")
    assert reply.status == 200
    items: list[dict[str, Any]] = reply.body["items"]
    return items


async def some_items(pool: Pool, bank: Bank) -> list[UUID]:
    """Three assessments in this order: with a low confidence, an injection and no score, and without doubt."""
    good = essay_score("gpt", 80)
    essays: list[Any] = [(DOUBTED, good), (INJECTED, None), (good, good)]
    return [
        await completed_assessment(pool, bank, f"student-{number}", {"essay": first, "essay_two": second})
        for number, (first, second) in enumerate(essays, 1)
    ]


def reserve_path(assessment_id: object, question_id: object) -> str:
    return f"/reviews/{assessment_id}/{question_id}/reserve"


async def test_the_queue_lists_what_needs_a_person_with_reasons(advisor: Api, pool: Pool, bank: Bank) -> None:
    doubtful, hostile, _ = await some_items(pool, bank)
    first, *others = await queue(advisor)
    assert first == {
        "assessment_id": str(doubtful), "question_id": str(bank.ids["essay"]), "question_type": "essay", "track": SLUG,
        "owner": "student-1", "owner_issuer": None, "reasons": ["low_confidence"], "confidence": 0.2,
        "waiting_since": first["waiting_since"], "reserved_by": None, "reserved_until": None,
    }  # fmt: skip
    queued = {(item["question_id"], item["confidence"], *item["reasons"]) for item in others}
    essay, two = str(bank.ids["essay"]), str(bank.ids["essay_two"])
    assert queued == {(essay, 0.5, "suspected_injection"), (two, None, "unscored")}
    assert {item["assessment_id"] for item in others} == {str(hostile)}
    await put(advisor, doubtful, bank.ids["essay"], 1)
    assert await queue(advisor) == others


async def test_an_item_quotes_what_it_is_suspected_for(advisor: Api, pool: Pool, bank: Bank) -> None:
    suspicion = Suspicion(cue=InjectionCue.WORDING, quote="Water", start=0, end=5)
    score = essay_score("gpt", 40).suspected(suspicion)
    assessment_id = await completed_assessment(pool, bank, "student-1", {"essay": score, "essay_two": INJECTED})
    items = {item["question_id"]: item for item in await queue(advisor)}
    assert items[str(bank.ids["essay"])]["suspected_quote"] == "Water"
    assert "suspected_quote" not in items[str(bank.ids["essay_two"])]
    result = (await advisor.get(f"/assessments/{assessment_id}/result")).body
    lines = {line["question_id"]: line for line in result["breakdown"]["essay"]["questions"]}
    assert lines[str(bank.ids["essay"])]["suspicion"] == suspicion.model_dump(mode="json")
    trace = (await advisor.get(f"/assessments/{assessment_id}/trace")).body
    assert suspicion.model_dump(mode="json") in [
        question["essay_score"].get("suspicion") for question in trace["questions"] if question["essay_score"]
    ]


async def test_filters(advisor: Api, pool: Pool, bank: Bank) -> None:
    await some_items(pool, bank)
    counts = {str(reason): len(await queue(advisor, f"?reason={reason}")) for reason in ReviewReason}
    expected = {"low_confidence": 1, "suspected_injection": 1, "unscored": 1}
    assert {reason: count for reason, count in counts.items() if count} == expected
    assert len(await queue(advisor, f"?track={SLUG}")) == 3
    assert len(await queue(advisor, f"?track={SLUG}&reason=unscored")) == 1
    assert await queue(advisor, "?track=other") == []
    for wrong in ("reason=x", "reason=", "order=x", "limit=0", "limit=101", "cursor=x", "track=%00"):
        problem(await advisor.get(f"/reviews?{wrong}"), 400, "bad-query")


@pytest.mark.parametrize("order", ReviewOrder)
async def test_pages_have_every_item_once_and_in_order(
    advisor: Api, pool: Pool, bank: Bank, order: ReviewOrder
) -> None:
    await some_items(pool, bank)
    whole = await queue(advisor, f"?order={order}")
    items: list[dict[str, Any]] = []
    page = f"/reviews?order={order}&limit=1"
    cursor: str | None = ""
    while cursor is not None:
        reply = await advisor.get(f"{page}&cursor={cursor}" if cursor else page)
        items += reply.body["items"]
        cursor = reply.body["next_cursor"]
        assert len(items) <= 3
    assert (items, len(whole)) == (whole, 3)
    if order is ReviewOrder.OLDEST:
        assert whole == sorted(whole, key=lambda item: item["waiting_since"])
    elif order is ReviewOrder.CONFIDENCE:
        assert [item["confidence"] for item in whole] == [None, 0.2, 0.5]
    first = (await advisor.get(page)).body["next_cursor"]
    for other in set(ReviewOrder) - {order}:
        problem(await advisor.get(f"/reviews?order={other}&cursor={first}"), 400, "bad-query")


async def plan_of(pool: Pool, name: str, *values: object, generic: bool = False) -> str:
    """How a page is read out of a queue of 20,000 items; `generic`: whatever the values are."""
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        try:
            await conn.execute("ALTER TABLE review_items DROP CONSTRAINT review_items_assessment_id_question_id_fkey")
            await conn.execute(PLANT, SLUG)
            await conn.execute("ANALYZE review_items")
            if generic:
                await conn.execute("SET LOCAL plan_cache_mode = force_generic_plan")
                await conn.execute(f"PREPARE page AS {statements('reviews')[name]}")
                rows = await conn.fetch("EXPLAIN EXECUTE page (NULL, NULL, NULL, NULL, NULL, NULL)")
                await conn.execute("DEALLOCATE page")
            else:
                rows = await conn.fetch("EXPLAIN " + statements("reviews")[name], *values)
        finally:
            await transaction.rollback()
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("name", ["oldest", "least_confident", "shuffled"])
async def test_a_page_reads_only_the_index_of_its_order(pool: Pool, bank: Bank, name: str) -> None:
    index = {"least_confident": "confidence"}.get(name, name)
    nil = UUID(int=0)
    for plan in (
        await plan_of(pool, name, SLUG, None, None, nil, nil, 51),
        await plan_of(pool, name, SLUG, "low_confidence", None, nil, nil, 51),
        await plan_of(pool, name, generic=True),
    ):
        assert f"Index Only Scan using review_items_{index}_idx on review_items" in plan
        assert "Seq Scan on review_items" not in plan


@pytest.mark.parametrize("name", ["oldest", "least_confident", "shuffled"])
async def test_a_rare_reason_is_found_by_an_index(pool: Pool, bank: Bank, name: str) -> None:
    plan = await plan_of(pool, name, SLUG, "suspected_injection", None, UUID(int=0), UUID(int=0), 51)
    assert "Bitmap Index Scan on review_items_reasons_idx" in plan
    assert "Seq Scan on review_items" not in plan


async def test_who_holds_an_item_is_told_to_the_others(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    doubtful, *_ = await some_items(pool, bank)
    path, other = reserve_path(doubtful, bank.ids["essay"]), api.as_("admin")
    held = await advisor.post(path)
    assert (held.status, held.body["reserved_by"]) == (200, "advisor-1")
    assert held.body.keys() == {"assessment_id", "question_id", "reserved_by", "reserved_until"}
    seconds = "SELECT extract(epoch FROM reserved_until - now()) FROM review_reservations"
    assert 890 < await pool.fetchval(seconds) <= 901
    for reply in (await other.post(path), await other.delete(path)):
        problem(reply, 409, "reserved")
        assert 890 < int(reply.headers["Retry-After"]) <= 901
    (item,) = await queue(other, "?reason=low_confidence")
    assert {name: item[name] for name in ("reserved_by", "reserved_until")} == {
        name: held.body[name] for name in ("reserved_by", "reserved_until")
    }
    again = await advisor.post(path, {})
    assert (again.status, again.body["reserved_until"] >= held.body["reserved_until"]) == (200, True)
    assert [(await advisor.delete(path)).status for _ in range(2)] == [204, 204]
    assert (await other.post(path)).status == 200
    problem(await advisor.post(path), 409, "reserved")
    actions = await pool.fetch("SELECT actor, action FROM audit_log WHERE entity = 'score' ORDER BY id")
    assert [tuple(row) for row in actions] == [
        ("advisor-1", "reserve"), ("advisor-1", "reserve"), ("advisor-1", "release"), ("admin-1", "reserve"),
    ]  # fmt: skip


async def test_a_reservation_ends_by_itself_and_with_the_review(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    doubtful, *_ = await some_items(pool, bank)
    essay, other = bank.ids["essay"], api.as_("admin")
    path = reserve_path(doubtful, essay)
    await advisor.post(path)
    await pool.execute("UPDATE review_reservations SET reserved_until = now()")
    assert (await queue(other, "?reason=low_confidence"))[0]["reserved_by"] is None
    assert (await other.post(path)).body["reserved_by"] == "admin-1"
    await put(other, doubtful, essay, 1)
    assert await pool.fetchval("SELECT count(*) FROM review_reservations") == 0
    await advisor.post(path)
    assert await maintenance.delete_expired_reservations(pool) == 0
    await pool.execute("UPDATE review_reservations SET reserved_until = now()")
    assert await maintenance.delete_expired_reservations(pool) == 1


async def test_what_cannot_be_held(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    doubtful, *_ = await some_items(pool, bank)
    waiting = await submit(pool, bank, "student-9")
    problem(await advisor.post(reserve_path(waiting, bank.ids["essay"])), 409, "no-result-yet")
    for place in ((doubtful, uuid4()), (uuid4(), bank.ids["essay"]), (doubtful, "x")):
        problem(await advisor.post(reserve_path(*place)), 404, "not-found")
        problem(await advisor.delete(reserve_path(*place)), 404, "not-found")
    own = api.as_("student", "advisor", sub="student-1")
    problem(await own.post(reserve_path(doubtful, bank.ids["essay"])), 403, "forbidden")
    assert await pool.fetchval("SELECT count(*) FROM review_reservations") == 0


async def hold_at_once(api: Api, pool: Pool, bank: Bank) -> list[Reply]:
    """The answers to many people who want to hold one item at the same moment."""
    doubtful, *_ = await some_items(pool, bank)
    path = reserve_path(doubtful, bank.ids["essay"])
    people = [api.as_("advisor", sub=f"advisor-{number}") for number in range(CROWD)]
    return await asyncio.gather(*(person.post(path) for person in people))


async def test_of_many_people_at_once_one_holds_the_item(api: Api, pool: Pool, bank: Bank) -> None:
    replies = await hold_at_once(api, pool, bank)
    assert sorted(reply.status for reply in replies) == [200] + [409] * (CROWD - 1)
    (winner,) = (reply.body["reserved_by"] for reply in replies if reply.status == 200)
    assert await pool.fetchval("SELECT reserved_by FROM review_reservations") == winner


async def test_without_the_guard_two_people_hold_it(pool: Pool, bank: Bank) -> None:
    """The control of the test before."""
    place = (await completed_assessment(pool, bank), bank.ids["essay"])
    unguarded = without_guard(pool, HELD, "WHERE true")
    assert await reviews.reserve(pool, *place, "first", 900)
    assert not await reviews.reserve(pool, *place, "second", 900)
    assert await reviews.reserve(unguarded, *place, "second", 900)
