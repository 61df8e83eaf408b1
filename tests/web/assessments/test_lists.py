"""Lists: cursors, limits, filters, and whose assessments a caller sees."""

import base64
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from app.repositories import credentials
from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SLUG, Bank, credential
from tests.web.catalog.test_tracks import TRACK
from tests.web.problems import problem

ID = UUID("00000000-0000-4000-8000-000000000000")


async def all_pages(api: Api, path: str, limit: int) -> list[list[Any]]:
    """All pages of a list."""
    separator, pages, cursor = "&" if "?" in path else "?", [], ""
    while True:
        page = (await api.get(f"{path}{separator}limit={limit}{cursor}")).body
        pages.append(page["items"])
        if page["next_cursor"] is None:
            return pages
        cursor = f"&cursor={page['next_cursor']}"


async def ended(pool: Pool, owner: str, created_at: datetime, status: str = "expired") -> None:
    """Adds an assessment of the small track that ended long ago."""
    await pool.execute(
        "INSERT INTO assessments (owner, track_id, status, created_at, expires_at, completed_at)"
        " SELECT $1, id, $3, $2, $2, $2 FROM tracks",
        owner,
        created_at,
        status,
    )


def cursor_of(*values: Any) -> str:
    """A cursor with any values."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


async def test_pages_of_tracks_are_complete_and_in_order(api: Api) -> None:
    slugs = [f"track-{number}" for number in range(7)]
    for slug in reversed(slugs):
        await api.as_("admin").post("/tracks", TRACK | {"slug": slug})
    for limit, sizes in ((1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (100, [7])):
        pages = await all_pages(api, "/tracks", limit)
        assert [len(page) for page in pages] == sizes
        assert [track["slug"] for page in pages for track in page] == slugs


async def test_pages_of_questions_and_credentials_are_complete(api: Api, bank: Bank) -> None:
    for path, name, size in (("/questions", "question_id", 10), (f"/questions?track={SLUG}", "question_id", 10),
                             ("/credentials", "credential_id", 3)):  # fmt: skip
        pages = await all_pages(api.as_("admin"), path, 2)
        ids = [line[name] for page in pages for line in page]
        assert (len(ids), ids) == (size, sorted(set(ids)))


async def test_a_cursor_stays_valid_while_rows_are_added_and_deleted(api: Api) -> None:
    admin = api.as_("admin")
    for slug in ("b", "d", "f"):
        await admin.post("/tracks", TRACK | {"slug": slug})
    cursor = (await api.get("/tracks?limit=2")).body["next_cursor"]
    for slug in ("a", "e"):
        await admin.post("/tracks", TRACK | {"slug": slug})
    await admin.delete("/tracks/d")
    rest = (await api.get(f"/tracks?cursor={cursor}")).body["items"]
    assert [track["slug"] for track in rest] == ["e", "f"]


async def test_assessments_created_at_the_same_time_are_neither_skipped_nor_repeated(
    api: Api, bank: Bank, pool: Pool
) -> None:
    moment = datetime.fromisoformat("2026-01-02T03:04:05.678901+00:00")
    for number in range(9):
        await ended(pool, "student-1", moment + timedelta(microseconds=number // 3))
    pages = await all_pages(api, "/assessments", 2)
    lines = [line for page in pages for line in page]
    assert len({line["assessment_id"] for line in lines}) == len(lines) == 9
    order = [(line["created_at"], line["assessment_id"]) for line in lines]
    assert order == sorted(order, reverse=True)


async def test_students_see_their_own_and_staff_sees_all(api: Api, path: str, pool: Pool) -> None:
    await ended(pool, "student-2", datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    own = (await api.get("/assessments")).body["items"]
    assert [(line["assessment_id"], line["owner"]) for line in own] == [(path.rsplit("/", 1)[1], "student-1")]
    assert (await api.as_("student", sub="student-3").get("/assessments")).body["items"] == []
    for staff in ("advisor", "admin"):
        seen = (await api.as_(staff).get("/assessments")).body["items"]
        assert [line["owner"] for line in seen] == ["student-1", "student-2"]


async def test_filters_narrow_the_list(api: Api, path: str, pool: Pool) -> None:
    await ended(pool, "student-2", datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    await api.post(f"{path}/submit")
    staff = api.as_("advisor")
    matches = {
        query: [line["owner"] for line in (await staff.get(f"/assessments?{query}")).body["items"]]
        for query in ("status=submitted", "status=expired", "status=completed", "degraded=true", "degraded=false",
                      f"track={SLUG}", "track=nobody", f"track={SLUG}&status=expired&degraded=false")
    }  # fmt: skip
    first, second = "student-1", "student-2"
    assert list(matches.values()) == [[first], [second], [], [first], [second], [first, second], [], [second]]


async def test_invalid_limits_and_cursors_are_refused(api: Api) -> None:
    admin = api.as_("admin")
    limits = ("0", "101", "-1", "1.0", "", "ten", "9" * 5000, "%D9%A1")
    made_up = [(), (1,), (None,), ("a", "b", "c"), {}, ("\x00",), ("\x00", str(ID)), (["a"], str(ID))]
    cursors = ["", "%00", "***", "é", "A" * 3000, "WyJcdWQ4MDAiXQ", *(cursor_of(*values) for values in made_up)]
    wrong = [*(f"limit={limit}" for limit in limits), *(f"cursor={cursor}" for cursor in cursors)]
    for path in ("/tracks", "/questions", "/credentials", "/assessments"):
        for query in wrong:
            problem(await admin.get(f"{path}?{query}"), 400, "bad-query")
        for limit in ("1", "100", "007"):
            assert (await admin.get(f"{path}?limit={limit}")).status == 200


async def test_invalid_filters_are_refused(api: Api) -> None:
    for query in ("status=", "status=done", "status=%00", "degraded=", "degraded=1", "degraded=True", "track=%00"):
        problem(await api.get(f"/assessments?{query}"), 400, "bad-query")
    problem(await api.as_("admin").get("/questions?track=%00"), 400, "bad-query")


async def test_cursors_of_other_lists_and_impossible_times_are_refused(api: Api) -> None:
    for moment in ("yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01", ""):
        problem(await api.get(f"/assessments?cursor={cursor_of(moment, str(ID))}"), 400, "bad-query")
    problem(await api.get(f"/assessments?cursor={cursor_of('2026-01-01T00:00:00Z', 'x')}"), 400, "bad-query")
    problem(await api.get(f"/credentials?cursor={cursor_of('slug')}"), 400, "bad-query")
    problem(await api.as_("admin").get(f"/questions?cursor={cursor_of('slug')}"), 400, "bad-query")
    without_zone = cursor_of("2026-01-01", str(uuid4()))
    assert (await api.get(f"/assessments?cursor={without_zone}")).status == 200


async def test_a_page_has_50_rows_by_default(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        for number in range(51):
            await credentials.create(conn, uuid4(), credential(f"C{number}", "soil", "Text."))
    page = (await api.get("/credentials")).body
    assert (len(page["items"]), page["next_cursor"] is None) == (50, False)
    rest = (await api.get(f"/credentials?cursor={page['next_cursor']}")).body
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
