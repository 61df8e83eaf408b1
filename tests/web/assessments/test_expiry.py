"""Assessments past their time: they are expired by the clock, before the sweeper marks them."""

import pytest

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import Bank
from tests.web.problems import problem


@pytest.fixture
async def late(api: Api, path: str, bank: Bank, pool: Pool) -> str:
    """An assessment with one answer, whose time ran out a moment ago; its row still says `in_progress`."""
    await api.patch(f"{path}/responses", {"responses": bank.answers(right="B")})
    await pool.execute("UPDATE assessments SET expires_at = now()")
    return path


async def test_it_shows_as_expired_everywhere(api: Api, late: str, pool: Pool) -> None:
    assert (await api.get(late)).body["status"] == "expired"
    status = await api.get(f"{late}/status")
    assert (status.body["status"], "Retry-After" in status.headers) == ("expired", False)
    assert status.body["completed_at"] == (await api.get(late)).body["expires_at"]
    for query in ("", "?status=expired"):
        line = (await api.get(f"/assessments{query}")).body["items"][0]
        assert (line["status"], line["completed_at"]) == ("expired", line["expires_at"])
    assert (await api.get("/assessments?status=in_progress")).body["items"] == []
    assert await pool.fetchval("SELECT status FROM assessments") == "in_progress"


async def test_its_tag_changes_when_it_expires_and_not_again_when_it_is_swept(api: Api, path: str, pool: Pool) -> None:
    before = await api.get(f"{path}/status")
    await pool.execute("UPDATE assessments SET expires_at = now()")
    after = await api.get(f"{path}/status", If_None_Match=before.headers["ETag"])
    assert (after.status, after.body["status"]) == (200, "expired")
    assert int(after.headers["ETag"].strip('"')) == int(before.headers["ETag"].strip('"')) + 1
    await pool.execute("UPDATE assessments SET status = 'expired', completed_at = expires_at, revision = revision + 1")
    swept = await api.get(f"{path}/status", If_None_Match=after.headers["ETag"])
    assert (swept.status, swept.raw) == (304, b"")


async def test_nothing_can_be_saved_or_submitted_any_more(api: Api, late: str, bank: Bank, pool: Pool) -> None:
    body = {"responses": bank.answers(right="A")}
    problem(await api.patch(f"{late}/responses", body), 410, "assessment-expired")
    problem(await api.patch(f"{late}/responses", {"responses": []}), 410, "assessment-expired")
    problem(await api.post(f"{late}/submit", body, Idempotency_Key="late"), 410, "assessment-expired")
    problem(await api.get(f"{late}/result"), 410, "assessment-expired")
    assert await pool.fetchval("SELECT answer FROM responses") == "B"
    for table in ("async_jobs", "scores", "idempotency_keys"):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608


async def test_what_was_saved_stays_readable(api: Api, late: str) -> None:
    for caller in (api, api.as_("advisor")):
        body = (await caller.get(late)).body
        assert ([answer["answer"] for answer in body["responses"]], len(body["questions"])) == (["B"], 10)


async def test_a_submitted_one_never_expires(api: Api, path: str, pool: Pool) -> None:
    await api.post(f"{path}/submit")
    await pool.execute("UPDATE assessments SET expires_at = now()")
    assert (await api.get(f"{path}/status")).body["status"] == "submitted"
    assert (await api.get(f"{path}/result")).status == 202
    problem(await api.post(f"{path}/submit"), 409, "already-submitted")
