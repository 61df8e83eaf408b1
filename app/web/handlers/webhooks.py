"""Webhooks: where the end of an assessment is told, and what was sent there."""

import secrets

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.errors import FieldError, InvalidFields
from app.domain.job.notification import JobNotification
from app.domain.records.assessments import StoredAnswer
from app.domain.records.webhooks import DeliveryLine
from app.domain.webhook.address import AddressRefused, validate_url
from app.domain.webhook.signing import SECRET_NEW_BYTES, InvalidSecret, new_secret, validate_secret
from app.http.app_keys import ACCESS, BACKGROUND, CONTEXT
from app.repositories.sql import Connection
from app.schemas import DeliveryPage, delivery_view
from app.schemas.requests import RedeliverBody, WebhookBody
from app.services import paging
from app.services.idempotency import run_idempotently
from app.services.jobs.runner import notify
from app.services.webhooks import registrations
from app.settings import Settings
from app.web.parsing import attempt_of, path_id, query_cursor_time, query_limit, read_object
from app.web.replies import answer, json_reply, stored_reply

# The answer to a registration holds a secret.
_PRIVATE = {"Cache-Control": "no-store"}


async def register_webhook(request: web.Request) -> web.StreamResponse:
    """Registers or replaces the webhook of an assessment; the answer alone shows its secret."""
    context = request.app[CONTEXT]
    webhook = await registrations.find_webhook(context.pool, path_id(request, "assessment_id"), request[ACCESS])
    body = validate_body(WebhookBody, await read_object(request))
    secret = _checked(body, context.settings)
    registered = await registrations.register(context.pool, webhook.assessment_id, body.webhook_url, secret)
    if registered.changed:
        context.change_feed.publish(webhook.assessment_id)
    if registered.notification:
        _ring_later(request.app, registered.notification)
    return json_reply(registered.view, 200 if registered.replaced else 201, _PRIVATE)


async def show_webhook(request: web.Request) -> web.StreamResponse:
    """The webhook of an assessment, without its secret."""
    pool, assessment_id = request.app[CONTEXT].pool, path_id(request, "assessment_id")
    webhook = await registrations.find_webhook(pool, assessment_id, request[ACCESS])
    return json_reply(registrations.view_of(webhook))


async def remove_webhook(request: web.Request) -> web.StreamResponse:
    """Removes the webhook and cancels the tries that were still to come."""
    context = request.app[CONTEXT]
    webhook = await registrations.find_webhook(context.pool, path_id(request, "assessment_id"), request[ACCESS])
    await registrations.remove(context.pool, webhook.assessment_id)
    context.change_feed.publish(webhook.assessment_id)
    return web.Response(status=204)


async def list_deliveries(request: web.Request) -> web.StreamResponse:
    """A page of an assessment's messages with every try, newest first."""
    pool = request.app[CONTEXT].pool
    webhook = await registrations.find_webhook(pool, path_id(request, "assessment_id"), request[ACCESS])
    limit, after = query_limit(request), query_cursor_time(request)
    found = await registrations.list_deliveries(pool, webhook.assessment_id, after, limit + 1)
    page, cursor = paging.cut(found, limit, _position_of)
    return json_reply(DeliveryPage(items=tuple(delivery_view(line) for line in page), next_cursor=cursor))


async def redeliver(request: web.Request) -> web.StreamResponse:
    """Sends a message once more, now; what is left of its schedule stays."""
    access, context = request[ACCESS], request.app[CONTEXT]
    assessment_id, delivery = path_id(request, "assessment_id"), await find_delivery(request)
    await registrations.find_webhook(context.pool, assessment_id, access)
    value = await read_object(request)
    validate_body(RedeliverBody, value)
    admin = access.caller.sub if access.any_owner else None
    rings: list[JobNotification] = []

    async def work(conn: Connection) -> StoredAnswer:
        again, due = await registrations.redeliver(conn, delivery, admin)
        rings.append(due)
        return answer(delivery_view(again), 202, f"/assessments/{assessment_id}/webhook/deliveries")

    stored = await run_idempotently(context.pool, attempt_of(request, access.caller, value), work)
    for due in rings:
        _ring_later(request.app, due)
    return stored_reply(stored)


async def find_delivery(request: web.Request) -> DeliveryLine:
    """The message that the path names, if it is one of the assessment's. Raises `NotFound`."""
    ids = path_id(request, "delivery_id"), path_id(request, "assessment_id")
    return await registrations.find_delivery(request.app[CONTEXT].pool, *ids)


def _checked(body: WebhookBody, settings: Settings) -> str:
    """The secret to sign with, once the body's values are found to be acceptable."""
    faults = []
    try:
        validate_url(body.webhook_url, allow_http=settings.webhook_allow_http, allowed=settings.webhook_networks)
    except AddressRefused as refused:
        faults.append(FieldError("/webhook_url", refused.detail))
    secret = body.secret
    try:
        secret = new_secret(secrets.token_bytes(SECRET_NEW_BYTES)) if secret is None else validate_secret(secret)
    except InvalidSecret as bad:
        faults.append(FieldError("/secret", str(bad)))
    if faults or secret is None:
        raise InvalidFields(faults)
    return secret


def _ring_later(app: web.Application, due: JobNotification) -> None:
    """Rings off the request's path: the answer does not wait for Redis."""
    app[BACKGROUND].start(lambda: notify(app[CONTEXT].job_queue, [due]))


def _position_of(line: DeliveryLine) -> tuple[str, str]:
    return line.created_at.isoformat(), str(line.delivery_id)
