"""Feedback: stored once for each person, shown as statistics, and exported row by row."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiohttp import ClientError

from app.repositories.sql import Pool
from app.services import analytics
from app.services.results.fuse import FusionJob
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.dead_letters import fail_all_jobs
from tests.job_runner import submit
from tests.scored_assessments import claimed_fusion, completed_assessment
from tests.web.problems import invalid, problem

GOOD = {"relevance": 5, "acceptance": 4}
ROWS = "SELECT author, credential_id, relevance, acceptance, comment, run FROM feedback ORDER BY id"
NUMBERS = "/analytics/feedback"


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def recommended(pool: Pool, assessment_id: UUID) -> str:
    """The only credential that the result recommends."""
    credential_id = await pool.fetchval(
        "SELECT credential_id FROM recommendations WHERE assessment_id = $1", assessment_id
    )
    return str(credential_id)


async def rate(caller: Api, assessment_id: UUID, body: Any = GOOD, **headers: str) -> Reply:
    return await caller.post(f"/assessments/{assessment_id}/feedback", body, **headers)


async def rate_successfully(caller: Api, assessment_id: UUID, relevance: int, acceptance: int, **more: Any) -> None:
    reply = await rate(caller, assessment_id, {"relevance": relevance, "acceptance": acceptance} | more)
    assert reply.status == 201, reply.raw


async def test_a_result_and_a_recommendation_can_be_rated(api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    credential_id = await recommended(pool, assessment_id)
    of_result = await rate(api, assessment_id, GOOD | {"comment": "Çok iyi 🌱"})
    body = of_result.body
    assert (of_result.status, body.pop("given_at")[-1]) == (201, "Z")
    assert body == GOOD | {"assessment_id": str(assessment_id), "credential_id": None, "comment": "Çok iyi 🌱"}
    of_credential = await rate(api, assessment_id, {"relevance": 1, "acceptance": 2, "credential_id": credential_id})
    assert (of_credential.status, of_credential.body["credential_id"], of_credential.body["comment"]) == (
        201,
        credential_id,
        None,
    )
    rows = [tuple(row) for row in await pool.fetch(ROWS)]
    assert rows == [("student-1", None, 5, 4, "Çok iyi 🌱", 1), ("student-1", UUID(credential_id), 1, 2, None, 1)]


async def test_a_second_rating_by_the_same_person_replaces_the_first(
    api: Api, advisor: Api, pool: Pool, bank: Bank
) -> None:
    assessment_id = await completed_assessment(pool, bank)
    credential_id = await recommended(pool, assessment_id)
    for more in ({}, {"credential_id": credential_id}):
        for caller in (api, advisor, api.as_("admin")):
            await rate_successfully(caller, assessment_id, 3, 3, comment="Hm.", **more)
        await rate_successfully(api, assessment_id, 1, 5, comment="", **more)
    rows = await pool.fetch(ROWS)
    assert [(row["author"], row["relevance"], row["comment"]) for row in rows] == [
        ("student-1", 1, None), ("advisor-1", 3, "Hm."), ("admin-1", 3, "Hm.")
    ] * 2  # fmt: skip


async def test_a_rating_belongs_to_the_run_whose_result_it_rates(
    api: Api, advisor: Api, pool: Pool, bank: Bank
) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await rate_successfully(api, assessment_id, 3, 3)
    assert (await advisor.post(f"/assessments/{assessment_id}/rescore", {"reason": "So."})).status == 202
    await rate_successfully(advisor, assessment_id, 3, 3)
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, assessment_id, run=2))
    await rate_successfully(advisor, assessment_id, 4, 4)
    assert [(row["author"], row["run"]) for row in await pool.fetch(ROWS)] == [("student-1", 1), ("advisor-1", 2)]


async def test_only_what_was_recommended_can_be_rated(api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    other = await pool.fetchval("SELECT id FROM credentials WHERE id <> $1", await recommended(pool, assessment_id))
    for credential_id in (str(other), str(assessment_id)):
        assert invalid(await rate(api, assessment_id, GOOD | {"credential_id": credential_id})) == ["/credential_id"]
    assert await pool.fetch(ROWS) == []


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"relevance": 0}, "/relevance"), ({"relevance": 6}, "/relevance"), ({"relevance": 3.5}, "/relevance"),
        ({"relevance": True}, "/relevance"), ({"acceptance": "4"}, "/acceptance"),
        ({"acceptance": None}, "/acceptance"),
        ({"comment": "x" * 2001}, "/comment"), ({"comment": 5}, "/comment"), ({"comment": "a\0b"}, "/comment"),
        ({"credential_id": "x"}, "/credential_id"), ({"score": 1}, "/score"),
    ],
)  # fmt: skip
async def test_invalid_bodies_are_refused(
    api: Api, pool: Pool, bank: Bank, changed: dict[str, Any], pointer: str
) -> None:
    assessment_id = await completed_assessment(pool, bank)
    assert invalid(await rate(api, assessment_id, GOOD | changed)) == [pointer]
    assert await pool.fetch(ROWS) == []


async def test_a_lone_surrogate_is_refused(api: Api, pool: Pool, bank: Bank) -> None:
    path = f"/assessments/{await completed_assessment(pool, bank)}/feedback"
    raw = b'{"relevance": 1, "acceptance": 1, "comment": "\\ud800"}'
    assert invalid(await api.send_raw("POST", path, raw, {"Content-Type": "application/json"})) == ["/comment"]
    assert (await rate(api, UUID(path.split("/")[2]), GOOD | {"comment": "x" * 2000})).status == 201


async def test_there_is_nothing_to_rate_before_the_result(api: Api, path: str, pool: Pool, bank: Bank) -> None:
    problem(await api.post(f"{path}/feedback", GOOD), 409, "not-submitted")
    assessment_id = await submit(pool, bank)
    problem(await rate(api, assessment_id), 409, "no-result-yet")
    await fail_all_jobs(pool, assessment_id)
    problem(await rate(api, assessment_id), 409, "assessment-failed")
    assert await pool.fetch(ROWS) == []


async def test_other_students_may_not_rate(api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    problem(await rate(api.as_("student", sub="student-2"), assessment_id), 403, "forbidden")
    assert await pool.fetch(ROWS) == []


async def test_a_repeated_key_does_not_rate_again(api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    first = await rate(api, assessment_id, Idempotency_Key="once")
    await rate_successfully(api, assessment_id, 1, 1)
    again = await rate(api, assessment_id, Idempotency_Key="once")
    assert (again.raw, again.headers["Idempotent-Replayed"]) == (first.raw, "true")
    assert [row["relevance"] for row in await pool.fetch(ROWS)] == [1]


@pytest.fixture
async def planted(api: Api, advisor: Api, pool: Pool, bank: Bank) -> str:
    """Ratings of three assessments by their owners and an advisor; returns the credential that all recommend."""
    for number, (relevance, acceptance) in enumerate(((1, 5), (4, 5), (4, 2)), start=1):
        assessment_id = await completed_assessment(pool, bank, f"student-{number}")
        credential_id = await recommended(pool, assessment_id)
        owner = api.as_("student", sub=f"student-{number}")
        await rate_successfully(
            owner, assessment_id, relevance, acceptance, credential_id=credential_id, comment=f" =C{number}, ü"
        )
        if number == 2:
            await pool.execute("UPDATE recommendations SET rank = 3 WHERE assessment_id = $1", assessment_id)
            await rate_successfully(advisor, assessment_id, 2, 3)
    return credential_id


async def test_statistics_by_track_rank_and_credential(advisor: Api, planted: str) -> None:
    body = (await advisor.get(NUMBERS)).body
    (track,) = body["tracks"]
    rated = {"count": 3, "relevance": {"mean": 3.0, "counts": [1, 0, 0, 2, 0]},
             "acceptance": {"mean": 4.0, "counts": [0, 1, 0, 0, 2]}}  # fmt: skip
    assert (track["track"], track["recommendations"]) == (SLUG, rated)
    assert track["results"] == {"count": 1, "relevance": {"mean": 2.0, "counts": [0, 1, 0, 0, 0]},
                                "acceptance": {"mean": 3.0, "counts": [0, 0, 1, 0, 0]}}  # fmt: skip
    assert track["credentials"] == [
        rated | {"credential_id": planted, "title": "Botany Foundations", "mean_rank": 1.67}
    ]
    assert [(rank["rank"], rank["count"], rank["relevance"]["mean"]) for rank in track["ranks"]] == [
        (1, 2, 2.5), (3, 1, 4.0)
    ]  # fmt: skip
    assert "mean ranks" in body["position_bias"]


async def test_statistics_of_a_track_and_a_period(advisor: Api, planted: str, pool: Pool) -> None:
    for query, expected in (("", 1), (f"track={SLUG}", 1), ("track=other", 0), ("to=2026-01-01", 0)):
        assert len((await advisor.get(f"{NUMBERS}?{query}")).body["tracks"]) == expected, query
        lines = (await advisor.get(f"{NUMBERS}?{query}&format=jsonl")).raw.splitlines()
        assert len(lines) == expected * 4, query


async def test_json_lines_do_not_name_the_authors(advisor: Api, planted: str) -> None:
    reply = await advisor.get(f"{NUMBERS}?format=jsonl")
    assert (reply.headers["Content-Type"], reply.headers["X-Content-Type-Options"]) == (
        "application/x-ndjson; charset=utf-8", "nosniff"
    )  # fmt: skip
    lines = [orjson.loads(line) for line in reply.raw.splitlines()]
    assert [(line["given_by"], line["rank"], line["relevance"], line["comment"]) for line in lines] == [
        ("owner", 1, 1, " =C1, ü"), ("owner", 3, 4, " =C2, ü"), ("staff", None, 2, None), ("owner", 1, 4, " =C3, ü")
    ]  # fmt: skip
    assert (lines[0]["credential_id"], lines[0]["title"]) == (planted, "Botany Foundations")
    assert b"student-" not in reply.raw and b"advisor-1" not in reply.raw and b"assessment" not in reply.raw


async def test_csv_cells_are_not_formulas(advisor: Api, planted: str) -> None:
    reply = await advisor.get(f"{NUMBERS}?format=csv")
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="feedback.csv"'
    rows = list(csv.DictReader(io.StringIO(reply.raw.decode(), newline="")))
    assert [row["comment"] for row in rows] == ["' =C1, ü", "' =C2, ü", "", "' =C3, ü"]
    assert (rows[0]["track"], rows[0]["rank"], rows[2]["credential_id"]) == (SLUG, "1", "")


async def test_an_export_without_rows(advisor: Api) -> None:
    assert (await advisor.get(f"{NUMBERS}?format=jsonl")).raw == b""
    assert (await advisor.get(f"{NUMBERS}?format=csv")).raw.startswith(b"track,credential_id,title,rank,")
    head = await advisor.send("HEAD", f"{NUMBERS}?format=csv")
    assert (head.status, head.raw, head.headers["Content-Type"]) == (200, b"", "text/csv; charset=utf-8")


async def test_an_export_of_more_than_one_page(advisor: Api, planted: str, pool: Pool) -> None:
    more = 2 * analytics.PAGE_ROWS + 1
    await pool.execute(
        "INSERT INTO feedback (assessment_id, run, author, relevance, acceptance)"
        " SELECT assessment_id, 1, 'x' || n, 1, 1 FROM results, generate_series(1, $1) AS n", more
    )  # fmt: skip
    lines = (await advisor.get(f"{NUMBERS}?format=jsonl")).raw.splitlines()
    assert len(lines) == 3 * more + 4


@pytest.fixture
async def hidden_later(pool: Pool) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Renames the feedback table until the end of the test."""
    yield lambda: pool.execute("ALTER TABLE feedback RENAME TO feedback_hidden")
    await pool.execute("ALTER TABLE IF EXISTS feedback_hidden RENAME TO feedback")


async def test_a_client_sees_that_an_export_was_cut_off(
    advisor: Api, planted: str, pool: Pool, hidden_later: Callable[[], Awaitable[object]]
) -> None:
    """The file is larger than the buffers of a connection, so the server reads only as fast as the client."""
    await pool.execute(
        "INSERT INTO feedback (assessment_id, run, author, relevance, acceptance, comment)"
        " SELECT assessment_id, 1, 'x' || n, 1, 1, repeat('x', 2000) FROM results, generate_series(1, 10000) AS n"
    )
    headers = {"Authorization": advisor.bearer}
    async with advisor.client.get(f"{NUMBERS}?format=jsonl", headers=headers) as answer:
        assert answer.status == 200
        await hidden_later()
        with pytest.raises(ClientError):
            await answer.read()


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/csv", "text/csv"), ("application/x-ndjson", "application/x-ndjson"), ("*/*", "application/json"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"), ("text/csv;q=0, */*", "application/json"),
        ("text/csv;q=x", "application/json"), ("text/html", "application/json"), ("TEXT/CSV; q=1", "text/csv"),
    ],
)  # fmt: skip
async def test_the_format_follows_the_accept_header(advisor: Api, accept: str, media: str) -> None:
    reply = await advisor.get(NUMBERS, Accept=accept)
    assert (reply.headers["Content-Type"].split(";")[0], reply.headers["Vary"]) == (media, "Accept")
    named = await advisor.get(f"{NUMBERS}?format=json", Accept=accept)
    assert named.headers["Content-Type"].startswith("application/json")


async def test_unknown_formats_are_refused(advisor: Api) -> None:
    for form in ("", "xml", "CSV"):
        problem(await advisor.get(f"{NUMBERS}?format={form}"), 400, "bad-query")
