"""Service-wide webhooks: a list, making, changing and deleting them. A secret is shown once, on the page that answers
the form."""

from collections.abc import Mapping

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.errors import InvalidFields
from app.domain.records.webhooks import SubscriptionRecord
from app.domain.states import EventType
from app.http.app_keys import ACCESS, CONTEXT
from app.http.query import query_cursor_time
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.pages.forms import Form, field_errors, read_form
from app.pages.operator.deliveries import EVENT_NAMES, delivery_values
from app.pages.operator.filters import ROWS, next_page, track_names
from app.pages.rendering import redirect, render
from app.schemas import SubscriptionWithSecretView
from app.schemas.requests import SubscriptionBody
from app.services.webhooks import subscriptions
from app.services.webhooks.accepted_values import AddressRules
from app.services.webhooks.subscriptions import MAX_SUBSCRIPTIONS, Subscriptions

WEBHOOKS = f"{PAGES}/webhooks"
_NEW = {"url": "", "events": [str(event) for event in EventType], "track": "", "active": True, "secret": ""}


async def show_webhooks(request: web.Request) -> web.StreamResponse:
    """All service-wide webhooks, newest first."""
    page, _ = await subscriptions.page(request.app[CONTEXT].pool, None, MAX_SUBSCRIPTIONS)
    values = {"webhooks": page, "event_names": EVENT_NAMES, "tracks": await track_names(request)}
    return render(request, "operator/webhooks.html", values)


async def show_new_webhook(request: web.Request) -> web.StreamResponse:
    """The form to make one."""
    return await _form_page(request, _NEW, {}, None)


async def create_webhook(request: web.Request) -> web.StreamResponse:
    """Makes one and shows its secret."""
    form = await read_form(request)
    try:
        made = await _service(request).create(_actor(request), validate_body(SubscriptionBody, _body(form)))
    except InvalidFields as error:
        return await _form_page(request, _typed(form), field_errors(error), None)
    return _shown_secret(request, made)


async def show_webhook(request: web.Request) -> web.StreamResponse:
    """One webhook with a form to change it, and its messages."""
    webhook = await find_webhook(request)
    return await _form_page(request, _present(webhook), {}, webhook)


async def change_webhook(request: web.Request) -> web.StreamResponse:
    """Changes a webhook; a new secret is shown."""
    webhook, form = await find_webhook(request), await read_form(request)
    body = _body(form)
    # An empty field leaves the secret as it is; null has a new one made.
    secret = {"secret": None} if form.get("new_secret") else {"secret": body["secret"]} if body["secret"] else {}
    changes = {name: value for name, value in body.items() if name != "secret"} | secret
    try:
        changed = await _service(request).patch(_actor(request), webhook.subscription_id, changes)
    except InvalidFields as error:
        return await _form_page(request, _typed(form), field_errors(error), webhook)
    if changed.secret:
        return _shown_secret(request, changed)
    return redirect(f"{WEBHOOKS}/{webhook.subscription_id}?done=webhook-changed")


async def delete_webhook(request: web.Request) -> web.StreamResponse:
    """Deletes a webhook."""
    webhook = await find_webhook(request)
    await _service(request).delete(_actor(request), webhook.subscription_id)
    return redirect(f"{WEBHOOKS}?done=webhook-deleted")


async def find_webhook(request: web.Request) -> SubscriptionRecord:
    """The service-wide webhook that the path names. Raises `NotFound`."""
    return await subscriptions.find(request.app[CONTEXT].pool, path_id(request, "subscription_id"))


async def _form_page(
    request: web.Request, typed: Mapping[str, object], errors: Mapping[str, str], webhook: SubscriptionRecord | None
) -> web.Response:
    values: dict[str, object] = {
        "webhook": webhook,
        "typed": typed,
        "errors": errors,
        "event_names": EVENT_NAMES,
        "tracks": ({webhook.track: webhook.track} if webhook and webhook.track else {}) | await track_names(request),
    }
    if webhook:
        pool, after = request.app[CONTEXT].pool, query_cursor_time(request)
        page, cursor = await subscriptions.list_deliveries(pool, webhook.subscription_id, after, ROWS)
        values |= delivery_values(page, next_page(request, cursor))
    return render(request, "operator/webhook.html", values, status=422 if errors else 200)


def _shown_secret(request: web.Request, webhook: SubscriptionWithSecretView) -> web.Response:
    return render(request, "operator/webhook_secret.html", {"webhook": webhook})


def _service(request: web.Request) -> Subscriptions:
    context = request.app[CONTEXT]
    rules = AddressRules(context.settings.webhook_allow_http, context.settings.webhook_networks)
    return Subscriptions(context.pool, rules, context.secret_cipher)


def _actor(request: web.Request) -> str:
    return request[ACCESS].caller.principal


def _present(webhook: SubscriptionRecord) -> dict[str, object]:
    return {
        "url": webhook.url,
        "events": [str(event) for event in webhook.events],
        "track": webhook.track or "",
        "active": webhook.disabled_at is None,
        "secret": "",
    }


def _typed(form: Form) -> dict[str, object]:
    # A secret is never sent back.
    return {**_body(form), "track": form.get("track", ""), "secret": ""}


def _body(form: Form) -> dict[str, object]:
    return {
        "url": form.get("url", "").strip(),
        "events": form.getall("events", []),
        "track": form.get("track") or None,
        "active": "active" in form,
        "secret": form.get("secret", "").strip() or None,
    }
