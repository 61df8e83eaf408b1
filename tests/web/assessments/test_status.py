"""Reading the status and the result: tags, conditional requests, and what each status shows."""

import asyncio

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import Bank
from tests.job_runner import Finish
from tests.web.problems import problem


def tag(number: int) -> str:
    """The tag of a revision."""
    return f'"{number}"'


async def test_a_status_before_the_submission(api: Api, path: str) -> None:
    reply = await api.get(f"{path}/status")
    body = reply.body
    assert (body["status"], body["overall_progress"], body["jobs"], body["scores"]) == ("in_progress", 0.0, [], None)
    assert (body["run"], body["rescoring"], body["webhook_url"], body["submitted_at"]) == (1, False, None, None)
    stages = [(stage["name"], stage["weight"], stage["percentage"]) for stage in body["stages"]]
    assert stages == [("rule_score", 20, 0.0), ("gpt", 30, 0.0), ("rag", 30, 0.0), ("fusion", 20, 0.0)]


async def test_a_status_after_the_submission(api: Api, path: str, bank: Bank) -> None:
    submitted = await api.post(f"{path}/submit", {"responses": bank.all_answers()})
    body = (await api.get(submitted.headers["Location"])).body
    assert (body["status"], body["overall_progress"], body["completed_at"]) == ("submitted", 20.0, None)
    assert [stage["status"] for stage in body["stages"]] == ["completed", "queued", "queued", "queued"]
    job = body["jobs"][0]
    assert (job["attempts"], job["max_attempts"], job["error"], job["started_at"]) == (0, 4, None, None)
    assert body["scores"]["theoretical"] == submitted.body["scores"]["theoretical"]


async def test_a_status_has_a_tag_and_is_not_cached(api: Api, path: str) -> None:
    reply = await api.get(f"{path}/status")
    assert int(reply.headers["ETag"].strip('"')) >= 1
    assert reply.headers["Cache-Control"] == "private, no-cache"
    assert int(reply.headers["Retry-After"]) >= 1


async def test_the_tag_grows_with_each_visible_change(api: Api, path: str, bank: Bank) -> None:
    tags = [int((await api.get(f"{path}/status")).headers["ETag"].strip('"'))]
    for step in range(2):
        if step:
            await api.post(f"{path}/submit")
        tags.append(int((await api.get(f"{path}/status")).headers["ETag"].strip('"')))
    assert tags[0] == tags[1] < tags[2]


async def test_a_client_that_has_the_status_gets_304(api: Api, path: str) -> None:
    present = (await api.get(f"{path}/status")).headers["ETag"]
    for sent in (
        present,
        f"W/{present}",
        f'"other", {present}',
        f'"other",W/{present} , "x"',
        "*",
        f'"a,b", {present}',
    ):
        reply = await api.get(f"{path}/status", If_None_Match=sent)
        assert (reply.status, reply.raw, reply.headers["ETag"]) == (304, b"", present), sent
        assert "Content-Type" not in reply.headers
        assert (reply.headers["Cache-Control"], reply.headers["Retry-After"]) == ("private, no-cache", "1")
    strange = ('"a,*,b"', "*, garbage", ",", '"', "\u00e9", present.replace('"', "'"))
    for sent in ('"999"', 'W/"999"', "", present.strip('"'), "garbage", '"*"', present[:-1], *strange):
        assert (await api.get(f"{path}/status", If_None_Match=sent)).status == 200, sent


async def test_tags_may_come_in_several_header_lines(api: Api, path: str) -> None:
    present = (await api.get(f"{path}/status")).headers["ETag"]
    for lines, status in ((['"999"', present], 304), ([present, '"999"'], 304), (['"999"', '"998"'], 200)):
        headers = [("Authorization", api.bearer), *(("If-None-Match", line) for line in lines)]
        async with api.client.get(f"{path}/status", headers=headers) as reply:
            assert reply.status == status, lines


async def test_a_changed_status_is_sent(api: Api, path: str) -> None:
    before = (await api.get(f"{path}/status")).headers["ETag"]
    await api.post(f"{path}/submit")
    after = await api.get(f"{path}/status", If_None_Match=before)
    assert (after.status, after.headers["ETag"] != before) == (200, True)


async def test_a_head_is_a_get_without_the_body(api: Api, path: str) -> None:
    got, head = await api.get(f"{path}/status"), await api.send("HEAD", f"{path}/status")
    assert (head.status, head.raw, head.headers["ETag"]) == (200, b"", got.headers["ETag"])


async def test_no_result_before_the_submission(api: Api, path: str) -> None:
    problem(await api.get(f"{path}/result"), 409, "not-submitted")


async def test_until_it_is_final_the_result_is_the_status(api: Api, path: str) -> None:
    await api.post(f"{path}/submit")
    result, status = await api.get(f"{path}/result"), await api.get(f"{path}/status")
    assert (result.status, result.body) == (202, status.body)
    for name in ("ETag", "Retry-After", "Cache-Control"):
        assert result.headers[name] == status.headers[name]


async def test_a_final_status_and_the_result(api: Api, path: str, bank: Bank, finish: Finish) -> None:
    await api.post(f"{path}/submit", {"responses": bank.all_answers()})
    await finish()
    status = await api.get(f"{path}/status")
    assert (status.body["status"], status.body["overall_progress"]) == ("completed", 100.0)
    assert ("Retry-After" in status.headers, status.body["rescoring"]) == (False, False)
    assert (await api.get(f"{path}/status", If_None_Match=status.headers["ETag"])).status == 304
    result = await api.get(f"{path}/result")
    assert (result.status, result.headers["Cache-Control"]) == (200, "private, no-cache")
    assert (result.body["assessment_id"], result.body["track"]) == (path.rsplit("/", 1)[1], "gardener")
    for staff in ("advisor", "admin"):
        assert (await api.as_(staff).get(f"{path}/result")).raw == result.raw
    problem(await api.patch(f"{path}/responses", {"responses": []}), 409, "already-submitted")
    problem(await api.post(f"{path}/submit"), 409, "already-submitted")


async def test_an_assessment_that_failed_has_no_result_but_its_rule_scores(
    api: Api, path: str, bank: Bank, pool: Pool
) -> None:
    await api.post(f"{path}/submit", {"responses": bank.all_answers()})
    await pool.execute(
        "UPDATE async_jobs SET status = 'failed', completed_at = now(), error = $1",
        {"code": "storage", "detail": "the result could not be written"},
    )
    await pool.execute("UPDATE assessments SET status = 'failed', completed_at = now(), revision = revision + 1")
    problem(await api.get(f"{path}/result"), 409, "assessment-failed")
    status = await api.get(f"{path}/status")
    assert (status.body["status"], status.body["overall_progress"], "Retry-After" in status.headers) == (
        "failed", 100.0, False
    )  # fmt: skip
    assert status.body["scores"]["profile"]["score"] == 5.0
    assert status.body["jobs"][2]["error"] == {"code": "storage", "detail": "the result could not be written"}


async def test_many_polls_at_once(api: Api, path: str) -> None:
    replies = await asyncio.gather(*(api.get(f"{path}/status") for _ in range(60)))
    assert {(reply.status, reply.raw) for reply in replies} == {(200, replies[0].raw)}
