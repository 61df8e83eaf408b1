"""The page of the audit log, and its downloads."""

import json
from uuid import uuid4

from pydantic import BaseModel

from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit
from app.repositories.sql import Pool
from tests.api_keys import new_api_key
from tests.pages.conftest import Person


class _Question(BaseModel):
    prompt: str


async def _log(pool: Pool, actor: str, key: str) -> None:
    await audit.record(pool, actor, AuditAction.RETRY, AuditEntity.JOB, key)


async def test_changes_are_listed_newest_first_and_filtered(operator: Person, pool: Pool) -> None:
    await _log(pool, "admin-1\thttps://login.example", "first-job")
    await _log(pool, "=cmd|' /C calc'!A0<i>", "second-job")
    await new_api_key(pool, "student")
    page = await operator.get("/dashboard/audit?actor=&entity=&key=&from=&to=")
    assert page.text.index("create api key") < page.text.index("second-job") < page.text.index("first-job")
    assert "A key of the tests" in page.text and "<i>" not in page.html and "login.example" not in page.html
    only = await operator.get("/dashboard/audit?actor=admin-1&entity=job&from=2020-01-01&to=2999-01-01")
    assert "first-job" in only.text and "second-job" not in only.text
    assert "first-job" not in (await operator.get("/dashboard/audit?key=second-job")).text
    assert "No change matches" in (await operator.get("/dashboard/audit?to=2020-01-01")).text
    for query in ("entity=nothing", "from=yesterday", "from=2021-01-01&to=2020-01-01", "cursor=x"):
        assert (await operator.get(f"/dashboard/audit?{query}")).status == 400, query


async def test_a_period_that_cannot_be_keeps_the_filters_and_says_so(operator: Person) -> None:
    page = await operator.get("/dashboard/audit?actor=admin-1&from=2021-03-01&to=2021-01-01")
    assert "“From” not after “To”" in page.text and 'value="admin-1"' in page.html and 'value="2021-03-01"' in page.html


async def test_a_change_names_the_thing_and_leads_to_it(operator: Person, pool: Pool) -> None:
    question_id = str(uuid4())
    after = _Question(prompt="What is an index?")
    await audit.record(pool, "author-1", AuditAction.UPDATE, AuditEntity.QUESTION, question_id, after)
    page = await operator.get("/dashboard/audit")
    assert f'<a href="/dashboard/questions/{question_id}/versions">What is an index?</a>' in page.html


async def test_older_changes_are_on_the_next_page(operator: Person, pool: Pool) -> None:
    for number in range(60):
        await _log(pool, "admin-1", f"job-{number}.")
    first = await operator.get("/dashboard/audit?actor=admin-1")
    path = first.html.split('" rel="next"')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    second = await operator.get(f"/dashboard/audit{path}")
    assert "job-10." in first.text and "job-9." not in first.text
    assert "job-9." in second.text and "job-10." not in second.text and 'rel="next"' not in second.html


async def test_downloads_have_what_the_filters_say(operator: Person, pool: Pool) -> None:
    await _log(pool, "=cmd|' /C calc'!A0", "second-job")
    await _log(pool, "admin-1", "first-job")
    table = await operator.post("/dashboard/audit/download", {"format": "csv", "key": "second-job", "actor": ""})
    assert table.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert "'=cmd" in table.html and "first-job" not in table.html
    lines = await operator.post("/dashboard/audit/download", {"format": "jsonl", "entity": "job"})
    assert [json.loads(line)["key"] for line in lines.html.splitlines()] == ["second-job", "first-job"]
    assert "export audit log" in (await operator.get("/dashboard/audit")).text
    assert (await operator.post("/dashboard/audit/download", {"entity": "nothing"})).status == 400
