"""Handlers for the webhook of an assessment: register, show, remove it; list its messages and send them again."""

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.job.notification import JobNotification
from app.domain.records.webhooks import DeliveryRecord, WebhookRecord
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.http.query import query_cursor_integer, query_cursor_time, query_limit
from app.http.request_values import path_id
from app.repositories.sql import Connection
from app.schemas import AttemptPage, DeliveryPage, delivery_view
from app.schemas.requests import RedeliverBody, WebhookBody
from app.services.idempotency import run_idempotently
from app.services.webhooks import registrations
from app.services.webhooks.accepted_values import AddressRules, accepted_secret
from app.web.replies import json_reply, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object


async def register_webhook(request: web.Request) -> web.StreamResponse:
    """Registers or replaces the webhook of an assessment; only this answer shows its secret."""
    context, webhook = request.app[CONTEXT], await _find_webhook(request)
    body = validate_body(WebhookBody, await read_object(request))
    rules = AddressRules(context.settings.webhook_allow_http, context.settings.webhook_networks)
    secret = accepted_secret(rules, body.webhook_url, body.secret, url_field="webhook_url")
    registered = await registrations.register(
        context.pool,
        webhook.assessment_id,
        body.webhook_url,
        secret,
        context.secret_cipher,
        request[ACCESS].audited_actor,
    )
    if registered.changed:
        publish_change(request.app, webhook.assessment_id)
    notify_workers(request.app, [registered.notification] if registered.notification else [])
    return json_reply(registered.view, 200 if registered.replaced else 201, {"Cache-Control": "no-store"})


async def show_webhook(request: web.Request) -> web.StreamResponse:
    """The webhook of an assessment, without its secret."""
    return json_reply(registrations.view_of(await _find_webhook(request)))


async def remove_webhook(request: web.Request) -> web.StreamResponse:
    """Removes the webhook and cancels the attempts that were still to come."""
    webhook = await _find_webhook(request)
    await registrations.remove(request.app[CONTEXT].pool, webhook.assessment_id, request[ACCESS].audited_actor)
    publish_change(request.app, webhook.assessment_id)
    return web.Response(status=204)


async def list_deliveries(request: web.Request) -> web.StreamResponse:
    """A page of an assessment's messages with their newest attempts, newest first."""
    webhook = await _find_webhook(request)
    limit, after, pool = query_limit(request), query_cursor_time(request), request.app[CONTEXT].pool
    page, cursor = await registrations.list_deliveries(pool, webhook.assessment_id, after, limit)
    return json_reply(DeliveryPage(items=tuple(delivery_view(line) for line in page), next_cursor=cursor))


async def list_attempts(request: web.Request) -> web.StreamResponse:
    """A page of the attempts to deliver a message, the newest first."""
    delivery = await find_delivery(request)
    await _find_webhook(request)
    limit, before = query_limit(request), query_cursor_integer(request)
    page, cursor = await registrations.list_attempts(request.app[CONTEXT].pool, delivery.delivery_id, before, limit)
    return json_reply(AttemptPage(items=tuple(page), next_cursor=cursor))


async def redeliver(request: web.Request) -> web.StreamResponse:
    """Sends a message once more, now; its schedule stays as it is."""
    access, pool, delivery = request[ACCESS], request.app[CONTEXT].pool, await find_delivery(request)
    await _find_webhook(request)
    payload = await read_object(request)
    validate_body(RedeliverBody, payload)
    notifications: list[JobNotification] = []

    async def send_again(conn: Connection) -> StoredReply:
        redelivered, notification = await registrations.redeliver(conn, delivery, access.audited_actor)
        notifications.append(notification)
        location = f"/assessments/{delivery.assessment_id}/webhook/deliveries"
        return storable_answer(delivery_view(redelivered), 202, location)

    answer = await run_idempotently(pool, idempotent_request(request, payload), send_again)
    notify_workers(request.app, notifications)
    return stored_reply(answer)


async def find_delivery(request: web.Request) -> DeliveryRecord:
    """The message that the path names, if it belongs to the assessment in the path. Raises `NotFound`."""
    ids = path_id(request, "delivery_id"), path_id(request, "assessment_id")
    return await registrations.find_delivery(request.app[CONTEXT].pool, *ids)


async def _find_webhook(request: web.Request) -> WebhookRecord:
    pool, assessment_id = request.app[CONTEXT].pool, path_id(request, "assessment_id")
    return await registrations.find_webhook(pool, assessment_id, request[ACCESS])
