"""Webhooks of assessments: registering, showing and removing them, their messages, and redeliveries."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.http.app_keys import WORKER_NOTIFIER
from app.repositories import webhooks
from app.repositories.sql import Pool
from app.services.paging import encode_cursor
from app.services.webhooks import registrations as managing
from tests.api import Api, Reply
from tests.bank import Bank
from tests.fakes.webhook_receiver import WebhookReceiver, answer, webhook_receiver
from tests.web.assessments.test_lists import all_pages
from tests.web.conftest import Serve
from tests.web.problems import invalid, problem
from tests.webhooks import (
    OTHER_SECRET,
    SECRET,
    UNREACHABLE_URL,
    claim_fusion,
    complete,
    complete_with_webhook,
    delivery_row,
    insert_delivery,
    open_delivery,
    send_all,
    webhook_ids,
)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver that accepts every message."""
    async with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
async def loopback_api(serve: Serve) -> Api:
    """A server that allows webhooks on loopback, where the receivers of the tests are."""
    return await serve(webhook_allow_http=True, webhook_allowed_networks=["127.0.0.0/8"])


def webhook_path(assessment_id: UUID) -> str:
    """The path of an assessment's webhook."""
    return f"/assessments/{assessment_id}/webhook"


async def test_a_registration_shows_its_secret_once(api: Api, path: str, pool: Pool) -> None:
    first = await api.post(f"{path}/webhook", {"webhook_url": UNREACHABLE_URL})
    assert (first.status, first.headers["Cache-Control"]) == (201, "no-store")
    secret = first.body["secret"]
    assert secret.startswith("whsec_") and len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    shown = await api.get(f"{path}/webhook")
    assert (shown.status, shown.body) == (200, {
        "assessment_id": path.rsplit("/", 1)[1], "webhook_url": UNREACHABLE_URL, "disabled_at": None,
        "disabled_reason": None,
    })  # fmt: skip
    assert {name: text for name, text in first.body.items() if name != "secret"} == shown.body
    again = await api.post(f"{path}/webhook", {"webhook_url": UNREACHABLE_URL})
    assert (again.status, again.body["secret"] != secret) == (200, True)
    replaced = await api.post(f"{path}/webhook", {"webhook_url": UNREACHABLE_URL, "secret": SECRET})
    assert (replaced.status, replaced.body["secret"]) == (200, SECRET)


async def test_the_status_shows_the_url_and_its_tag_grows_when_the_url_changes(api: Api, path: str) -> None:
    async def tag() -> tuple[int, Any]:
        reply = await api.get(f"{path}/status")
        return int(reply.headers["ETag"].strip('"')), reply.body["webhook_url"]

    start, _ = await tag()
    await api.post(f"{path}/webhook", {"webhook_url": UNREACHABLE_URL})
    assert await tag() == (start + 1, UNREACHABLE_URL)
    await api.post(f"{path}/webhook", {"webhook_url": UNREACHABLE_URL, "secret": SECRET})
    assert await tag() == (start + 1, UNREACHABLE_URL)
    await api.post(f"{path}/webhook", {"webhook_url": f"{UNREACHABLE_URL}/2"})
    assert await tag() == (start + 2, f"{UNREACHABLE_URL}/2")
    assert (await api.delete(f"{path}/webhook")).status == 204
    assert await tag() == (start + 3, None)


@pytest.mark.parametrize(("body", "pointers"), [
    ({}, ["/webhook_url"]),
    ({"webhook_url": 1}, ["/webhook_url"]),
    ({"webhook_url": None}, ["/webhook_url"]),
    ({"webhook_url": ""}, ["/webhook_url"]),
    ({"webhook_url": "http://hooks.example/"}, ["/webhook_url"]),
    ({"webhook_url": "https://127.0.0.1/"}, ["/webhook_url"]),
    ({"webhook_url": "https://[::1]/"}, ["/webhook_url"]),
    ({"webhook_url": "https://me:secret@hooks.example/"}, ["/webhook_url"]),
    ({"webhook_url": "https://hooks.example/" + "x" * 2048}, ["/webhook_url"]),
    ({"webhook_url": UNREACHABLE_URL, "secret": "plain"}, ["/secret"]),
    ({"webhook_url": UNREACHABLE_URL, "secret": "whsec_" + "QUJD" * 7}, ["/secret"]),
    ({"webhook_url": UNREACHABLE_URL, "secret": "whsec_" + "QUJD" * 22}, ["/secret"]),
    ({"webhook_url": UNREACHABLE_URL, "secret": "whsec_" + "QUJD" * 40}, ["/secret"]),
    ({"webhook_url": UNREACHABLE_URL, "secret": 5}, ["/secret"]),
    ({"webhook_url": "ftp://hooks.example/", "secret": "whsec_!"}, ["/webhook_url", "/secret"]),
    ({"webhook_url": UNREACHABLE_URL, "events": []}, ["/events"]),
])  # fmt: skip
async def test_invalid_registrations_are_refused(api: Api, path: str, body: Any, pointers: list[str]) -> None:
    reply = await api.post(f"{path}/webhook", body)
    assert sorted(invalid(reply)) == sorted(pointers)
    secret = body.get("secret")
    assert not isinstance(secret, str) or secret.encode() not in reply.raw
    problem(await api.get(f"{path}/webhook"), 404, "not-found")


async def test_without_a_webhook_there_is_nothing_to_show_or_remove(api: Api, path: str) -> None:
    problem(await api.get(f"{path}/webhook"), 404, "not-found")
    problem(await api.delete(f"{path}/webhook"), 404, "not-found")
    assert (await api.get(f"{path}/webhook/deliveries")).body == {"items": [], "next_cursor": None}


async def test_an_expired_assessment_takes_no_webhook(api: Api, path: str, pool: Pool) -> None:
    for end in (
        "UPDATE assessments SET expires_at = now()",
        "UPDATE assessments SET status = 'expired', completed_at = now()",
    ):
        await pool.execute(end)
        problem(await api.post(f"{path}/webhook", {"webhook_url": UNREACHABLE_URL}), 410, "assessment-expired")


async def test_a_webhook_registered_after_the_end_gets_its_message_at_once(
    loopback_api: Api, pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    job = await claim_fusion(pool, bank)
    await complete(pool, job)
    reply = await loopback_api.post(webhook_path(job.assessment_id), {"webhook_url": receiver.url})
    assert reply.status == 201
    await loopback_api.client.app[WORKER_NOTIFIER].finish(5)
    async with open_delivery(pool) as sending:
        assert await send_all(pool, sending) == 1
    row = await delivery_row(pool, job.assessment_id)
    assert (webhook_ids(receiver), row["event_type"]) == ([str(row["id"])], "assessment.completed")


async def test_deliveries_list_every_attempt(
    loopback_api: Api, pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    receiver.script.append(answer(500))
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    (waiting,) = (await loopback_api.get(f"{webhook_path(assessment_id)}/deliveries")).body["items"]
    assert (waiting["status"], waiting["attempts"], waiting["next_attempt_at"]) == (
        "pending", [], waiting["created_at"]
    )  # fmt: skip
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
    (shown,) = (await loopback_api.get(f"{webhook_path(assessment_id)}/deliveries")).body["items"]
    assert {name: shown[name] for name in ("delivery_id", "type", "run", "status", "next_attempt_at")} == {
        "delivery_id": webhook_ids(receiver)[0], "type": "assessment.completed", "run": 1, "status": "delivered",
        "next_attempt_at": None,
    }  # fmt: skip
    assert [(attempt["status_code"], attempt["error"]) for attempt in shown["attempts"]] == [
        (500, "answered 500"), (204, None)
    ]  # fmt: skip
    times = [datetime.fromisoformat(attempt["at"]) for attempt in shown["attempts"]]
    assert times == sorted(times) and all(attempt["latency_ms"] >= 0 for attempt in shown["attempts"])


async def test_pages_of_deliveries_are_complete_and_newest_first(api: Api, path: str, pool: Pool) -> None:
    await pool.execute(
        """INSERT INTO webhook_deliveries (assessment_id, run, event_type, created_at)
           SELECT $1, n, 'assessment.rescored', date_trunc('hour', now()) + (n / 2) * interval '1 s'
           FROM generate_series(1, 7) AS n""",
        UUID(path.rsplit("/", 1)[1]),
    )
    rows = await pool.fetch("SELECT id FROM webhook_deliveries ORDER BY created_at DESC, id DESC")
    for limit in (1, 3, 100):
        pages = await all_pages(api, f"{path}/webhook/deliveries", limit)
        assert [delivery["delivery_id"] for page in pages for delivery in page] == [str(row["id"]) for row in rows]
    problem(await api.get(f"{path}/webhook/deliveries?limit=0"), 400, "bad-query")


async def redeliver(api: Api, assessment_id: UUID, delivery_id: str) -> Reply:
    """Asks the server to send a message again."""
    return await api.post(f"{webhook_path(assessment_id)}/deliveries/{delivery_id}/redeliver")


async def test_a_redelivery_is_one_more_attempt_of_the_same_message(
    loopback_api: Api, pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
        reply = await redeliver(loopback_api, assessment_id, webhook_ids(receiver)[0])
        assert (reply.status, reply.headers["Location"]) == (202, f"{webhook_path(assessment_id)}/deliveries")
        assert (reply.body["status"], reply.body["next_attempt_at"] is not None) == ("delivered", True)
        assert await send_all(pool, sending) == 1
    assert webhook_ids(receiver) == [webhook_ids(receiver)[0]] * 2
    assert receiver.requests[0].body == receiver.requests[1].body
    (shown,) = (await loopback_api.get(f"{webhook_path(assessment_id)}/deliveries")).body["items"]
    assert (len(shown["attempts"]), shown["next_attempt_at"]) == (2, None)
    assert await pool.fetchval("SELECT count(*) FROM audit_log") == 0


async def test_redeliveries_of_a_message_have_a_least_interval_and_a_limit(
    loopback_api: Api, pool: Pool, bank: Bank
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, UNREACHABLE_URL)
    delivery_id = str((await delivery_row(pool, assessment_id))["id"])
    replies = await asyncio.gather(*(redeliver(loopback_api, assessment_id, delivery_id) for _ in range(10)))
    assert sorted(reply.status for reply in replies) == [202, *[429] * 9]
    refused = next(reply for reply in replies if reply.status == 429)
    problem(refused, 429, "redelivered-too-soon")
    assert refused.headers["Retry-After"] == "5"
    for _ in range(19):
        await pool.execute("UPDATE webhook_deliveries SET redelivered_at = redelivered_at - interval '5 s'")
        assert (await redeliver(loopback_api, assessment_id, delivery_id)).status == 202
    await pool.execute("UPDATE webhook_deliveries SET redelivered_at = redelivered_at - interval '1 day'")
    problem(await redeliver(loopback_api, assessment_id, delivery_id), 409, "redelivery-limit")


async def test_attempts_of_a_message_come_in_pages(api: Api, path: str, pool: Pool) -> None:
    delivery_id = await insert_delivery(pool, UUID(path.rsplit("/", 1)[1]))
    await pool.execute(
        """INSERT INTO webhook_attempts (delivery_id, ordinal, at, latency_ms)
           SELECT $1, n, now(), n FROM generate_series(1, 45) AS n""",
        delivery_id,
    )
    await pool.execute("UPDATE webhook_deliveries SET attempts = 45")
    (shown,) = (await api.get(f"{path}/webhook/deliveries")).body["items"]
    assert shown["attempt_count"] == 45
    assert [attempt["latency_ms"] for attempt in shown["attempts"]] == list(range(16, 46))
    for limit in (7, 100):
        pages = await all_pages(api, f"{path}/webhook/deliveries/{delivery_id}/attempts", limit)
        assert [attempt["latency_ms"] for page in pages for attempt in page] == list(range(45, 0, -1))
    for cursor in ("x", encode_cursor(["x"]), encode_cursor(["1" * 10]), encode_cursor(["1", "2"])):
        problem(await api.get(f"{path}/webhook/deliveries/{delivery_id}/attempts?cursor={cursor}"), 400, "bad-query")


async def test_a_redelivery_by_an_admin_is_audited(
    loopback_api: Api, pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    delivery_id = str((await delivery_row(pool, assessment_id))["id"])
    admin = loopback_api.as_("admin")
    assert (await admin.get(f"{webhook_path(assessment_id)}/deliveries")).body["items"][0]["delivery_id"] == delivery_id
    assert (await redeliver(admin, assessment_id, delivery_id)).status == 202
    row = await pool.fetchrow("SELECT actor, action, entity, key, after::text AS after FROM audit_log")
    assert row and tuple(row)[:4] == ("admin-1", "retry", "delivery", delivery_id)
    assert SECRET not in row["after"] and receiver.url not in row["after"]


async def test_a_message_that_cannot_be_redelivered(loopback_api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await complete_with_webhook(pool, bank, UNREACHABLE_URL)
    other = await complete_with_webhook(pool, bank, UNREACHABLE_URL, "student-2")
    delivery_id = (await delivery_row(pool, assessment_id))["id"]
    for wrong in (uuid4(), (await delivery_row(pool, other))["id"], "x"):
        problem(await redeliver(loopback_api, assessment_id, str(wrong)), 404, "not-found")
    assert await webhooks.claim(pool, delivery_id, 30)
    reply = await redeliver(loopback_api, assessment_id, str(delivery_id))
    problem(reply, 409, "being-sent")
    assert int(reply.headers["Retry-After"]) >= 1
    await managing.remove(pool, assessment_id)
    problem(await redeliver(loopback_api, assessment_id, str(delivery_id)), 409, "no-webhook")


async def test_a_disabled_webhook_shows_the_reason(
    loopback_api: Api, pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    receiver.default = answer(410)
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
    shown = (await loopback_api.get(webhook_path(assessment_id))).body
    assert (shown["disabled_reason"], shown["disabled_at"] is not None) == ("gone", True)


async def test_only_the_answer_to_the_registration_has_the_secret(
    loopback_api: Api, path: str, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    for secret in (SECRET, OTHER_SECRET):
        reply = await loopback_api.post(f"{path}/webhook", {"webhook_url": UNREACHABLE_URL, "secret": secret})
        assert secret in reply.raw.decode()
    staff = loopback_api.as_("admin", "advisor")
    replies = [await caller.get(path + end) for caller in (loopback_api, staff) for end in ("", "/status", "/result")]
    replies += [await loopback_api.get(f"{path}/webhook"), await loopback_api.get(f"{path}/webhook/deliveries")]
    replies += [await staff.get(f"{path}/webhook/deliveries"), await loopback_api.get("/assessments")]
    replies += [await loopback_api.post(f"{path}/webhook", {"webhook_url": "x", "secret": SECRET, "more": SECRET})]
    text = "".join(reply.raw.decode() + str(reply.headers) for reply in replies) + "".join(capsys.readouterr())
    assert "whsec_" not in text and SECRET[6:] not in text and OTHER_SECRET[6:] not in text
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE after::text LIKE '%whsec%'") == 0
