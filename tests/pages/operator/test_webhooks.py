"""The pages of service-wide webhooks and of messages to webhooks."""

import re
from uuid import UUID

from app.repositories.sql import Pool
from tests.bank import SLUG, Bank
from tests.job_runner import submit
from tests.pages.conftest import Person, Shown
from tests.subscriptions import insert_subscription_delivery, new_subscription

URL = "https://receiver.example/hooks?token=hidden"
OWN_SECRET = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
GOOD = [("url", URL), ("events", "assessment.completed"), ("track", SLUG), ("active", "1"), ("secret", "")]
HOSTILE = "<script>alert(1)</script>\u202e"


def _secret(page: Shown) -> str | None:
    match = re.search(r'id="secret" value="(whsec_[^"]+)"', page.html)
    return match[1] if match else None


async def _delivery(pool: Pool, bank: Bank, url: str = URL) -> UUID:
    subscription_id = await new_subscription(pool, url)
    return await insert_subscription_delivery(pool, await submit(pool, bank), subscription_id)


async def test_a_made_webhook_shows_its_secret_once(operator: Person, pool: Pool, bank: Bank) -> None:
    made = await operator.post("/dashboard/webhooks", GOOD)
    secret = _secret(made)
    assert made.status == 200 and secret and secret == await pool.fetchval("SELECT secret FROM webhook_subscriptions")
    webhook = await pool.fetchval("SELECT id FROM webhook_subscriptions")
    for path in ("", f"/{webhook}"):
        page = await operator.get(f"/dashboard/webhooks{path}")
        assert page.status == 200 and "receiver.example" in page.html and secret not in page.html
    assert secret not in (await operator.get("/dashboard/audit")).html


async def test_what_is_wrong_stands_beside_the_field(operator: Person, pool: Pool, bank: Bank) -> None:
    fields = [("url", f"ftp://{HOSTILE}"), ("track", "no-such-track"), ("secret", "mine")]
    wrong = await operator.post("/dashboard/webhooks", fields)
    assert wrong.status == 422 and "Choose at least one" in wrong.text and "<script>alert" not in wrong.html
    answer = await operator.post("/dashboard/webhooks", [*fields[:1], ("events", "assessment.failed"), *fields[2:]])
    assert (answer.status, 'id="url-error"' in answer.html, 'id="secret-error"' in answer.html) == (422, True, True)
    assert 'value="mine"' not in answer.html and 'value="assessment.failed" checked' in answer.html
    track = await operator.post("/dashboard/webhooks", [("track", "no-such-track"), *GOOD[:2]])
    assert track.status == 422 and "there is no such track" in track.text
    assert await pool.fetchval("SELECT count(*) FROM webhook_subscriptions") == 0


async def test_a_webhook_is_changed_and_keeps_its_secret_unless_it_is_replaced(
    operator: Person, pool: Pool, bank: Bank
) -> None:
    await operator.post("/dashboard/webhooks", GOOD)
    before = await pool.fetchrow("SELECT id, secret FROM webhook_subscriptions")
    assert before
    path = f"/dashboard/webhooks/{before['id']}"
    changed = await operator.post(path, [("url", "https://other.example/"), ("events", "assessment.failed")])
    assert (changed.status, changed.target) == (303, f"{path}?done=webhook-changed")
    row = await pool.fetchrow("SELECT * FROM webhook_subscriptions")
    assert row and (row["url"], row["track_id"], row["secret"]) == ("https://other.example/", None, before["secret"])
    assert row["disabled_at"] is not None and row["events"] == ["assessment.failed"]
    assert "disabled" in (await operator.get("/dashboard/webhooks")).text
    own = await operator.post(path, [*GOOD[:4], ("secret", OWN_SECRET)])
    assert _secret(own) == OWN_SECRET
    new = _secret(await operator.post(path, [*GOOD, ("new_secret", "1")]))
    assert new not in (None, OWN_SECRET) and new == await pool.fetchval("SELECT secret FROM webhook_subscriptions")
    assert (await operator.post(path, [("url", "nowhere")])).status == 422


async def test_a_webhook_is_deleted(operator: Person, pool: Pool) -> None:
    path = f"/dashboard/webhooks/{await new_subscription(pool, URL)}"
    assert (await operator.post(f"{path}/delete", {})).target == "/dashboard/webhooks?done=webhook-deleted"
    assert (await operator.get(path)).status == 404
    assert "There is none yet" in (await operator.get("/dashboard/webhooks")).text


async def test_messages_are_listed_by_state_without_the_secrets_of_addresses(
    operator: Person, pool: Pool, bank: Bank
) -> None:
    delivery = await _delivery(pool, bank)
    for query in ("", "?status=", "?status=pending"):
        page = await operator.get(f"/dashboard/webhooks/deliveries{query}")
        assert str(delivery) in page.html and "receiver.example" in page.html and "token=hidden" not in page.html
    assert "There are none" in (await operator.get("/dashboard/webhooks/deliveries?status=failed")).text
    assert (await operator.get("/dashboard/webhooks/deliveries?status=lost")).status == 400


async def test_the_system_page_leads_to_messages_that_are_tried_again(operator: Person, pool: Pool, bank: Bank) -> None:
    await _delivery(pool, bank)
    await pool.execute("UPDATE webhook_deliveries SET attempts = 1, next_attempt_at = now() + interval '1 hour'")
    page = await operator.get("/dashboard/system")
    link = (
        'href="/dashboard/webhooks/deliveries?status=pending">1 message to webhooks not delivered yet, and tried again<'
    )
    assert link in page.html


async def test_each_try_of_a_message_is_shown_and_it_is_sent_again(operator: Person, pool: Pool, bank: Bank) -> None:
    delivery = await _delivery(pool, bank)
    await pool.execute("UPDATE webhook_deliveries SET attempts = 60")
    await pool.execute(
        "INSERT INTO webhook_attempts (delivery_id, ordinal, at, latency_ms, error)"
        " SELECT $1, n, now(), n, $2 || n FROM generate_series(1, 60) AS n",
        delivery,
        HOSTILE,
    )
    path = f"/dashboard/webhooks/deliveries/{delivery}"
    page = await operator.get(path)
    assert f"{HOSTILE}60" in page.text and f"{HOSTILE}10" not in page.text and "<script>alert" not in page.html
    older = page.html.split('" rel="next"')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    assert f"{HOSTILE}10" in (await operator.get(f"{path}{older}")).text
    again = await operator.post(f"{path}/redeliver", {})
    assert (again.status, again.target) == (303, f"{path}?done=redelivered")
    assert await pool.fetchval("SELECT redeliveries FROM webhook_deliveries") == 1
    assert await pool.fetchval("SELECT actor FROM audit_log WHERE entity = 'delivery'") == "admin-1"
    assert (await operator.post(f"{path}/redeliver", {})).status == 429
