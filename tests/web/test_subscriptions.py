"""Service-wide webhooks over HTTP: making, listing, changing and deleting them, their messages, and redeliveries."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.states import AuditEntity
from app.repositories.sql import Pool
from app.services.webhooks.subscriptions import MAX_SUBSCRIPTIONS
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import webhook_receiver
from tests.subscriptions import insert_subscription_delivery, new_subscription
from tests.web.assessments.test_lists import all_pages
from tests.web.conftest import Serve
from tests.web.problems import invalid, problem
from tests.webhooks import (
    OTHER_SECRET,
    SECRET,
    UNREACHABLE_URL,
    claim_fusion,
    complete,
    open_delivery,
    send_all,
    verify,
    webhook_ids,
)

BODY = {"url": UNREACHABLE_URL, "events": ["assessment.completed", "assessment.failed"]}


@pytest.fixture
def admin(api: Api, bank: Bank) -> Api:
    """An admin of a service with one track."""
    return api.as_("admin")


async def test_a_creation_shows_its_secret_once(admin: Api, pool: Pool) -> None:
    made = await admin.post("/webhooks", BODY | {"track": SLUG}, Idempotency_Key="ignored")
    assert (made.status, made.headers["Cache-Control"]) == (201, "no-store")
    shown = dict(made.body)
    assert shown.pop("secret").startswith("whsec_")
    path = f"/webhooks/{made.body['subscription_id']}"
    assert made.headers["Location"] == path
    assert (await admin.get(path)).body == shown == {
        "subscription_id": made.body["subscription_id"], "url": UNREACHABLE_URL, "events": BODY["events"],
        "track": SLUG, "active": True, "created_at": made.body["created_at"], "disabled_at": None,
        "disabled_reason": None,
    }  # fmt: skip
    # A key would keep the secret.
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    assert (await admin.post("/webhooks", BODY | {"secret": SECRET})).body["secret"] == SECRET


@pytest.mark.parametrize(("change", "pointers"), [
    ({"url": "http://hooks.example/"}, ["/url"]),
    ({"url": "https://127.0.0.1/", "secret": "whsec_!"}, ["/url", "/secret"]),
    ({"events": []}, ["/events"]),
    ({"events": ["assessment.failed", "assessment.deleted"]}, ["/events/1"]),
    ({"events": None}, ["/events"]),
    ({"track": "unknown"}, ["/track"]),
    ({"track": "No Slug"}, ["/track"]),
    ({"active": "yes"}, ["/active"]),
    ({"unknown": 1}, ["/unknown"]),
])  # fmt: skip
async def test_invalid_values_are_refused(admin: Api, pool: Pool, change: Any, pointers: list[str]) -> None:
    assert invalid(await admin.post("/webhooks", BODY | change)) == pointers
    assert await pool.fetchval("SELECT count(*) FROM webhook_subscriptions") == 0
    path = f"/webhooks/{await new_subscription(pool)}"
    before = (await admin.get(path)).body
    assert invalid(await admin.patch(path, change)) == pointers
    assert (await admin.get(path)).body == before


async def test_fields_are_changed_one_by_one(admin: Api, pool: Pool) -> None:
    path = f"/webhooks/{await new_subscription(pool, track=SLUG)}"
    shown = (await admin.get(path)).body
    for change in (
        {"url": "https://other.example/hook"}, {"events": ["assessment.appealed"]}, {"track": None}, {"track": SLUG},
    ):  # fmt: skip
        reply = await admin.patch(path, change)
        shown |= change
        assert (reply.status, reply.body) == (200, shown | {"secret": None})
    assert (await admin.get(path)).body == shown
    # A deleted track stays, but is nobody's choice any more.
    assert (await admin.delete(f"/tracks/{SLUG}")).status == 204
    assert (await admin.patch(path, {"active": False})).body["track"] == SLUG
    assert invalid(await admin.post("/webhooks", BODY | {"track": SLUG})) == ["/track"]
    replaced = await admin.patch(path, {"secret": OTHER_SECRET})
    assert (replaced.body["secret"], replaced.headers["Cache-Control"]) == (OTHER_SECRET, "no-store")
    made = (await admin.patch(path, {"secret": None})).body["secret"]
    assert made.startswith("whsec_") and made not in (SECRET, OTHER_SECRET)


async def test_the_log_has_every_change_and_no_secret_and_no_address(admin: Api, pool: Pool) -> None:
    made = await admin.post("/webhooks", BODY | {"url": "https://hooks.example/?token=hidden"})
    path = made.headers["Location"]
    await admin.patch(path, {"secret": OTHER_SECRET})
    await admin.delete(path)
    problem(await admin.get(path), 404, "not-found")
    problem(await admin.patch(path, {"active": False}), 404, "not-found")
    problem(await admin.delete(path), 404, "not-found")
    rows = await pool.fetch("SELECT * FROM audit_log ORDER BY id")
    assert [(row["action"], row["entity"], row["key"]) for row in rows] == [
        (action, AuditEntity.WEBHOOK, made.body["subscription_id"]) for action in ("create", "update", "delete")
    ]
    assert {row["after"]["host"] for row in rows} == {"hooks.example"}
    text = str([dict(row) for row in rows])
    assert not any(secret in text for secret in ("hidden", "whsec_", made.body["secret"]))


async def test_lists_come_in_pages_and_have_a_bound(admin: Api, pool: Pool) -> None:
    ids = [str(await new_subscription(pool)) for _ in range(MAX_SUBSCRIPTIONS)]
    for limit in (7, 100):
        pages = await all_pages(admin, "/webhooks", limit)
        assert [line["subscription_id"] for page in pages for line in page] == ids[::-1]
    assert b"secret" not in (await admin.get("/webhooks")).raw
    problem(await admin.post("/webhooks", BODY), 409, "subscription-limit")
    assert (await admin.delete(f"/webhooks/{ids[0]}")).status == 204
    assert (await admin.post("/webhooks", BODY)).status == 201


async def test_messages_have_absolute_links_and_are_listed_and_sent_again(serve: Serve, pool: Pool, bank: Bank) -> None:
    public_url = "https://assay.example/api"
    api = await serve(webhook_allow_http=True, webhook_allowed_networks=["127.0.0.0/8"], public_url=public_url)
    admin = api.as_("admin")
    async with webhook_receiver() as receiver, open_delivery(pool) as delivery:
        made = await admin.post("/webhooks", BODY | {"url": receiver.url, "secret": SECRET})
        assert made.headers["Location"] == f"{public_url}/webhooks/{made.body['subscription_id']}"
        job = await claim_fusion(pool, bank, "student-1\thttps://idp.example")
        await complete(pool, job)
        sending = type(delivery)(pool, delivery.sender, delivery.delays, delivery.seconds, public_url)
        assert await send_all(pool, sending) == 1
        data = verify(receiver.requests[0])["data"]
        # A sub is shown without its issuer, as everywhere.
        assert data["owner"] == "student-1"
        assert data["links"]["result"] == f"{public_url}/assessments/{job.assessment_id}/result"
        path = f"/webhooks/{made.body['subscription_id']}/deliveries"
        [message] = (await admin.get(path)).body["items"]
        assert (message["delivery_id"], message["assessment_id"], message["status"]) == (
            webhook_ids(receiver)[0], str(job.assessment_id), "delivered",
        )  # fmt: skip
        [attempt] = (await admin.get(f"{path}/{message['delivery_id']}/attempts")).body["items"]
        assert attempt["status_code"] == 204
        again = await admin.post(f"{path}/{message['delivery_id']}/redeliver", {}, Idempotency_Key="again")
        assert (again.status, again.body["delivery_id"]) == (202, message["delivery_id"])
        assert again.headers["Location"] == public_url + path
        repeated = await admin.post(f"{path}/{message['delivery_id']}/redeliver", {}, Idempotency_Key="again")
        assert repeated.raw == again.raw
        problem(await admin.post(f"{path}/{message['delivery_id']}/redeliver", {}), 429, "redelivered-too-soon")
        assert await send_all(pool, sending) == 1
        assert receiver.requests[0].body == receiver.requests[1].body
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE entity = 'delivery'") == 1


async def test_a_message_is_under_its_own_webhook_alone(api: Api, admin: Api, path: str, pool: Pool) -> None:
    assessment_id = UUID(path.rsplit("/", 1)[1])
    subscription, other = await new_subscription(pool), await new_subscription(pool)
    message = await insert_subscription_delivery(pool, assessment_id, subscription)
    for wrong in (f"/webhooks/{other}", f"/webhooks/{uuid4()}", f"{path}/webhook"):
        problem(await admin.get(f"{wrong}/deliveries/{message}/attempts"), 404, "not-found")
        problem(await admin.post(f"{wrong}/deliveries/{message}/redeliver", {}), 404, "not-found")
    # The student sees nothing of it.
    assert (await api.get(f"{path}/webhook/deliveries")).body["items"] == []
    assert (await admin.get(f"/webhooks/{other}/deliveries")).body == {"items": [], "next_cursor": None}
    for _ in range(4):
        await pool.execute("UPDATE webhook_deliveries SET run = run + 1")
        await insert_subscription_delivery(pool, assessment_id, subscription)
    pages = await all_pages(admin, f"/webhooks/{subscription}/deliveries", 2)
    assert [len(page) for page in pages] == [2, 2, 1]


async def test_changes_at_the_same_moment_are_made_one_after_the_other(admin: Api, pool: Pool) -> None:
    subscription = await new_subscription(pool)
    path = f"/webhooks/{subscription}"
    changes: list[dict[str, Any]] = [{"events": ["assessment.failed"]}, {"track": SLUG}, {"active": False}]
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM webhook_subscriptions WHERE id = $1 FOR UPDATE", subscription)
        patching = [asyncio.create_task(admin.patch(path, change)) for change in changes]

        async def all_wait() -> bool:
            waiting: int = await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return waiting == len(changes)

        await until(all_wait)
    assert {reply.status for reply in await asyncio.gather(*patching)} == {200}
    shown = (await admin.get(path)).body
    assert (shown["events"], shown["track"], shown["active"]) == (["assessment.failed"], SLUG, False)
