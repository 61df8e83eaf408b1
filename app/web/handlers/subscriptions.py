"""Handlers for service-wide webhooks: make, list, show, change and delete them; list their messages and send them
again."""

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.job.notification import JobNotification
from app.domain.records.webhooks import DeliveryRecord, SubscriptionRecord
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers
from app.http.query import query_cursor_integer, query_cursor_time, query_limit
from app.http.request_values import path_id
from app.repositories.sql import Connection
from app.schemas import (
    AttemptPage,
    SubscriptionDeliveryPage,
    SubscriptionPage,
    subscription_delivery_view,
    subscription_view,
)
from app.schemas.requests import RedeliverBody, SubscriptionBody
from app.services.idempotency import run_idempotently
from app.services.webhooks import registrations, subscriptions
from app.services.webhooks.accepted_values import AddressRules
from app.services.webhooks.subscriptions import Subscriptions
from app.web.replies import json_reply, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object

# Answers with a secret stay in no cache.
_WITH_SECRET = {"Cache-Control": "no-store"}


async def list_subscriptions(request: web.Request) -> web.StreamResponse:
    """A page of service-wide webhooks, newest first."""
    limit, after, pool = query_limit(request), query_cursor_time(request), request.app[CONTEXT].pool
    page, cursor = await subscriptions.page(pool, after, limit)
    return json_reply(SubscriptionPage(items=tuple(map(subscription_view, page)), next_cursor=cursor))


async def create_subscription(request: web.Request) -> web.StreamResponse:
    """Subscribes an address to events of all assessments, or of those of a track; only this answer shows the secret."""
    body = validate_body(SubscriptionBody, await read_object(request))
    view = await _subscriptions(request).create(request[ACCESS].caller.principal, body)
    return json_reply(view, 201, {"Location": f"/webhooks/{view.subscription_id}"} | _WITH_SECRET)


async def show_subscription(request: web.Request) -> web.StreamResponse:
    """A service-wide webhook, without its secret."""
    return json_reply(subscription_view(await find_subscription(request)))


async def patch_subscription(request: web.Request) -> web.StreamResponse:
    """Changes some fields of a service-wide webhook; a new secret is shown only in this answer."""
    subscription = await find_subscription(request)
    changes, actor = await read_object(request), request[ACCESS].caller.principal
    view = await _subscriptions(request).patch(actor, subscription.subscription_id, changes)
    return json_reply(view, 200, _WITH_SECRET)


async def delete_subscription(request: web.Request) -> web.StreamResponse:
    """Deletes a service-wide webhook and cancels the attempts that were still to come."""
    subscription = await find_subscription(request)
    await _subscriptions(request).delete(request[ACCESS].caller.principal, subscription.subscription_id)
    return web.Response(status=204)


async def list_subscription_deliveries(request: web.Request) -> web.StreamResponse:
    """A page of the messages to a service-wide webhook with their newest attempts, newest first."""
    subscription = await find_subscription(request)
    limit, after, pool = query_limit(request), query_cursor_time(request), request.app[CONTEXT].pool
    page, cursor = await subscriptions.list_deliveries(pool, subscription.subscription_id, after, limit)
    items = tuple(map(subscription_delivery_view, page))
    return json_reply(SubscriptionDeliveryPage(items=items, next_cursor=cursor))


async def list_subscription_attempts(request: web.Request) -> web.StreamResponse:
    """A page of the attempts to deliver a message to a service-wide webhook, the newest first."""
    delivery = await find_delivery(request)
    limit, before = query_limit(request), query_cursor_integer(request)
    page, cursor = await registrations.list_attempts(request.app[CONTEXT].pool, delivery.delivery_id, before, limit)
    return json_reply(AttemptPage(items=tuple(page), next_cursor=cursor))


async def redeliver_to_subscription(request: web.Request) -> web.StreamResponse:
    """Sends a message to a service-wide webhook once more, now; its schedule stays as it is."""
    actor, delivery = request[ACCESS].caller.principal, await find_delivery(request)
    payload = await read_object(request)
    validate_body(RedeliverBody, payload)
    notifications: list[JobNotification] = []

    async def send_again(conn: Connection) -> StoredReply:
        redelivered, notification = await registrations.redeliver(conn, delivery, actor)
        notifications.append(notification)
        location = f"/webhooks/{delivery.subscription_id}/deliveries"
        return storable_answer(subscription_delivery_view(redelivered), 202, location)

    answer = await run_idempotently(request.app[CONTEXT].pool, idempotent_request(request, payload), send_again)
    notify_workers(request.app, notifications)
    return stored_reply(answer)


async def find_subscription(request: web.Request) -> SubscriptionRecord:
    """The service-wide webhook that the path names. Raises `NotFound`."""
    return await subscriptions.find(request.app[CONTEXT].pool, path_id(request, "subscription_id"))


async def find_delivery(request: web.Request) -> DeliveryRecord:
    """The message that the path names, if it is one to the webhook in the path. Raises `NotFound`."""
    ids = path_id(request, "subscription_id"), path_id(request, "delivery_id")
    return await subscriptions.find_delivery(request.app[CONTEXT].pool, *ids)


def _subscriptions(request: web.Request) -> Subscriptions:
    context = request.app[CONTEXT]
    rules = AddressRules(context.settings.webhook_allow_http, context.settings.webhook_networks)
    return Subscriptions(context.pool, rules, context.secret_cipher)
