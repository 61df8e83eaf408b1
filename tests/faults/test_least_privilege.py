"""The role with fewer rights that the documentation describes is enough for servers and workers, and for no more."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from yarl import URL

from app.repositories.sql import Pool
from tests.bank import SLUG, Bank
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import webhook_receiver
from tests.faults.processes import Fleet
from tests.faults.students import start_and_answer, submit, wait_until_completed
from tests.faults.wrong_rows import ALL_EMBEDDED
from tests.webhooks import wait_for_requests

GUIDE = Path(__file__).parents[2] / "docs" / "deployment.md"
CREDENTIAL = {
    "title": "Botany", "provider": "Garden", "url": "https://garden.example/", "level": "beginner",
    "skills": ["botany"], "description": "Plants and how they grow.",
}  # fmt: skip


@pytest.fixture
async def runtime_url(database_url: str) -> AsyncIterator[str]:
    """The URL of the database with the role that the guide creates, by the statements of the guide."""
    block = re.search(r"### A role with fewer rights.*?```sql\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert block
    owner = await asyncpg.connect(database_url)
    await owner.execute(block[1])
    yield str(URL(database_url).with_user("assay_runtime").with_password("choose one"))
    # Roles belong to the server, not to the test's database.
    await owner.execute("DROP OWNED BY assay_runtime; DROP ROLE assay_runtime")
    await owner.close()


@pytest.fixture
async def runtime_fleet(fleet: Fleet, runtime_url: str) -> Fleet:
    """A server and a worker with that role."""
    fleet.settings["DATABASE_URL"] = runtime_url
    fleet.settings |= {"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    await fleet.start(servers=1, workers=1)
    return fleet


async def test_servers_and_workers_need_no_more_than_the_guide_grants(
    runtime_fleet: Fleet, balancer: Balancer, bank: Bank, pool: Pool
) -> None:
    admin, student = PatientClient(balancer, "ada", role="admin"), PatientClient(balancer, "student-1")
    for path, body in (
        ("/tracks", {"slug": "other", "name": "Other", "question_mix": {"theoretical": 1, "profile": 0, "essay": 0}}),
        ("/credentials", CREDENTIAL),
    ):
        reply = await admin.send("POST", path, body)
        assert reply.status == 201, reply.raw
    await until(lambda: pool.fetchval(ALL_EMBEDDED))
    async with webhook_receiver() as receiver:
        path = await start_and_answer(student, bank, "A tree.")
        assert (await student.send("POST", f"{path}/webhook", {"webhook_url": receiver.url})).status == 201
        await wait_until_completed(pool, await submit(student, path))
        await wait_for_requests(receiver, 1)
    for method, path_of_staff, sent, status in (
        ("POST", f"{path}/feedback", {"relevance": 5, "acceptance": 4}, 201),
        ("GET", f"{path}/trace", None, 200),
        ("GET", "/analytics/overview", None, 200),
        ("GET", "/jobs", None, 200),
        ("POST", f"{path}/rescore", {"reason": "again"}, 202),
        ("DELETE", f"/tracks/{SLUG}", None, 204),
        ("GET", "/audit", None, 200),
    ):
        reply = await admin.send(method, path_of_staff, sent)
        assert reply.status == status, (path_of_staff, reply.raw)
    await until(lambda: pool.fetchval("SELECT count(*) = 2 FROM results"))
    # Its worker may replace a name in the audit log, by a function of the log's owner.
    assert (await admin.send("DELETE", "/people/student-1", None)).status == 202
    assert (await admin.send("DELETE", "/people/ada", None)).status == 202
    await until(lambda: pool.fetchval("SELECT count(*) = 2 FROM erasures WHERE status = 'completed'"))
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 0
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE actor = 'ada'") == 0
    refusals = runtime_fleet.log_lines_with(
        "InsufficientPrivilege", "permission denied", '"job_raised"', '"maintenance_raised"'
    )
    assert refusals == []


async def test_the_role_changes_neither_the_schema_nor_the_audit_log(runtime_url: str, bank: Bank) -> None:
    conn = await asyncpg.connect(runtime_url)
    for statement in (
        "CREATE TABLE mine ()",
        "ALTER TABLE tracks ADD COLUMN mine integer",
        "DROP TABLE feedback",
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(statement)
    await conn.close()
