"""The grade book: a row for each assessment, streamed, as of one moment, in bounded batches."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import ClientPayloadError, web
from pytest_aiohttp.plugin import AiohttpClient

from app.domain.errors import ExportLimit
from app.http.app_keys import GRADEBOOKS, TIME_LIMIT
from app.http.exports import json_list, send_json
from app.repositories.migrations import MIGRATIONS
from app.repositories.sql import Pool
from app.services.read_pools import ReadPools
from app.services.results.gradebooks import GradebookFilter, Gradebooks
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.fakes.conditions import until
from tests.job_runner import submit
from tests.scored_assessments import ESSAY_SCORES, completed_assessment
from tests.web.problems import problem
from tests.web.results.test_overrides import put

MANY = """
INSERT INTO assessments (owner, track_id, status, created_at, expires_at, completed_at)
SELECT 'student-' || n, t.id, 'expired', now() + n * interval '1 ms', now(), now()
FROM tracks t, generate_series(1, $1::int) AS n
"""
# Connections that hold a grade book for a client.
HELD = "SELECT count(*) FILTER (WHERE state = 'idle in transaction' AND query LIKE 'FETCH%') = {} FROM pg_stat_activity"
POINTS = "SELECT * FROM results ORDER BY assessment_id, run"


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def rows(caller: Api, query: str = "") -> list[dict[str, Any]]:
    """The rows of the JSON document."""
    reply = await caller.get(f"/gradebook{query}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert reply.body.keys() == {"items", "next_cursor"} and reply.body["next_cursor"] is None
    items: list[dict[str, Any]] = reply.body["items"]
    return items


async def test_a_row_has_the_points_of_the_result(advisor: Api, pool: Pool, bank: Bank) -> None:
    completed = await completed_assessment(pool, bank, "student-1")
    unscored = await completed_assessment(pool, bank, "student-2", {**ESSAY_SCORES, "essay_two": None})
    for row, assessment_id, provisional in zip(await rows(advisor), (completed, unscored), (False, True), strict=True):
        result = (await advisor.get(f"/assessments/{assessment_id}/result")).body
        points = {"overall": result["overall"], **result["breakdown"]}
        for name, part in points.items():
            for figure in ("score", "max_score", "percentage"):
                assert row[f"{name}_{figure}"] == part[figure], (name, figure)
        assert row["provisional"] is result["overall"]["provisional"] is provisional
        assert (row["assessment_id"], row["track"], row["status"]) == (str(assessment_id), SLUG, "completed")
        assert (row["degraded"], row["completed_at"]) == (result["degraded"], result["completed_at"])
        assert row["submitted_at"] is not None and row["needs_review"] is provisional
    await put(advisor, unscored, bank.ids["essay_two"], 1)
    result = (await advisor.get(f"/assessments/{unscored}/result")).body
    _, changed = await rows(advisor)
    assert (changed["overall_percentage"], changed["provisional"]) == (result["overall"]["percentage"], False)
    assert changed["needs_review"] is False


async def test_without_a_result_the_points_are_null(advisor: Api, api: Api, pool: Pool, bank: Bank, path: str) -> None:
    await submit(pool, bank, "student-2")
    assert (await api.as_("student", sub="student-3").post("/assessments", {"track": SLUG})).status == 201
    await pool.execute("UPDATE assessments SET expires_at = now() WHERE owner = 'student-3'")
    items = await rows(advisor)
    assert [(item["owner"], item["status"]) for item in items] == [
        ("student-1", "in_progress"), ("student-2", "submitted"), ("student-3", "expired"),
    ]  # fmt: skip
    points = [name for name in items[0] if name.endswith(("score", "percentage"))]
    assert len(points) == 12
    assert {item[name] for item in items for name in (*points, "provisional")} == {None}
    assert [item["completed_at"] is not None for item in items] == [False, False, True]


async def test_all_formats_have_the_same_rows(advisor: Api, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, "student-1")
    await submit(pool, bank, "=1+1\thttps://idp.example")
    items = await rows(advisor)
    assert [(item["owner"], item["owner_issuer"]) for item in items] == [
        ("student-1", None), ("=1+1", "https://idp.example"),
    ]  # fmt: skip
    as_lines = await advisor.get("/gradebook?format=jsonl")
    assert as_lines.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert [json.loads(line) for line in as_lines.raw.splitlines()] == items
    as_csv = await advisor.get("/gradebook", Accept="text/csv")
    assert as_csv.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert as_csv.headers["Content-Disposition"] == 'attachment; filename="gradebook.csv"'
    cells = list(csv.DictReader(io.StringIO(as_csv.raw.decode(), newline="")))
    assert [row["owner"] for row in cells] == ["student-1", "'=1+1"]
    for row, item in zip(cells, items, strict=True):
        texts = {name: "" if value is None else json.dumps(value).strip('"') for name, value in item.items()}
        assert row | {"owner": ""} == texts | {"owner": ""}


async def test_filters_and_an_empty_grade_book(advisor: Api, pool: Pool, bank: Bank) -> None:
    assert await rows(advisor) == []
    assert (await advisor.get("/gradebook?format=jsonl")).raw == b""
    assert (await advisor.get("/gradebook?format=csv")).raw.startswith(b"assessment_id,owner,")
    for owner, created_at in (("ada", "2026-01-01T12:00Z"), ("eve", "2026-01-02T12:00Z"), ("ada", "2026-01-03T12:00Z")):
        await pool.execute(
            "INSERT INTO assessments (owner, track_id, status, created_at, expires_at, completed_at)"
            " SELECT $1, id, 'expired', at, at, at FROM tracks, (SELECT $2::text::timestamptz AS at) AS created",
            owner, created_at,
        )  # fmt: skip
    for query, days in (
        ("", "123"), (f"track={SLUG}", "123"), ("track=other", ""), ("from=2026-01-02", "23"), ("to=2026-01-02", "12"),
        ("from=2026-01-02&to=2026-01-02", "2"), ("from=2026-01-02T12:00:00Z&to=2026-01-03T12:00:00Z", "2"),
    ):  # fmt: skip
        assert "".join(row["created_at"][9] for row in await rows(advisor, f"?{query}")) == days, query
    for query in ("from=x", "from=2026-01-02&to=2025-12-31", "format=xml", "track=%00"):
        problem(await advisor.get(f"/gradebook?{query}"), 400, "bad-query")


async def test_batches_are_bounded_and_of_one_moment(pool: Pool, bank: Bank) -> None:
    await pool.execute(MANY, 1200)
    sizes: list[int] = []
    async with Gradebooks(ReadPools(pool), 20).open(GradebookFilter()) as batches:
        async for batch in batches:
            if not sizes:
                await pool.execute(MANY, 5)
                await pool.execute("DELETE FROM assessments WHERE owner = 'student-1200'")
            sizes.append(len(batch))
    assert sizes == [500, 500, 200]


async def test_no_more_than_a_few_are_written_at_the_same_time(advisor: Api, bank: Bank) -> None:
    gradebooks = advisor.client.server.app[GRADEBOOKS]  # type: ignore[attr-defined]
    async with gradebooks.open(GradebookFilter()):
        assert await rows(advisor) == []
        async with gradebooks.open(GradebookFilter()):
            refused = await advisor.get("/gradebook")
            problem(refused, 503, "too-many-exports")
            assert refused.headers["Retry-After"] == "10"
    assert await rows(advisor) == []


@pytest.mark.parametrize(("connections", "places"), [(2, 1), (4, 1), (8, 2), (100, 2)])
async def test_small_pools_have_fewer_places(pool: Pool, bank: Bank, connections: int, places: int) -> None:
    gradebooks = Gradebooks(ReadPools(pool), connections, wait_seconds=0)
    async with AsyncExitStack() as stack:
        for _ in range(places):
            await stack.enter_async_context(gradebooks.open(GradebookFilter()))
        with pytest.raises(ExportLimit):
            await stack.enter_async_context(gradebooks.open(GradebookFilter()))


async def test_a_client_that_goes_away_frees_what_it_held(advisor: Api, pool: Pool, bank: Bank) -> None:
    await pool.execute(MANY, 40_000)
    replies = [await advisor.client.get("/gradebook", headers={"Authorization": advisor.bearer}) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    # The clients read nothing, so the server cannot write on.
    await until(lambda: pool.fetchval(HELD.format(2)))
    problem(await advisor.get("/gradebook"), 503, "too-many-exports")
    for reply in replies:
        reply.close()
    await until(lambda: pool.fetchval(HELD.format(0)))
    assert len(await rows(advisor)) == 40_000


async def test_an_export_that_takes_too_long_is_cut_off(aiohttp_client: AiohttpClient) -> None:
    async def endless() -> AsyncIterator[list[Any]]:
        yield []
        await asyncio.Event().wait()

    async def handler(request: web.Request) -> web.StreamResponse:
        async with asyncio.timeout(60) as request[TIME_LIMIT]:
            return await send_json(request, json_list(endless()), seconds=0.1)

    app = web.Application()
    app.router.add_get("/", handler)
    client: Any = await aiohttp_client(app)
    async with asyncio.timeout(30):
        reply = await client.get("/")
        with pytest.raises(ClientPayloadError):
            await reply.read()


async def test_stored_results_get_their_points_from_the_migration(pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, "student-1")
    await completed_assessment(pool, bank, "student-2", {**ESSAY_SCORES, "essay_two": None})
    items = await pool.fetch("SELECT * FROM review_items")
    stored = await pool.fetch(POINTS)
    assert [row["provisional"] for row in stored] in ([True, False], [False, True])
    await pool.execute("DELETE FROM review_items")
    for name in ("0034.store-points-of-results.rollback", "0034.store-points-of-results"):
        await pool.execute((MIGRATIONS / f"{name}.sql").read_text())
    assert await pool.fetch(POINTS) == stored
    assert len(items) == 1 and await pool.fetch("SELECT * FROM review_items") == [], "nobody is asked again"
