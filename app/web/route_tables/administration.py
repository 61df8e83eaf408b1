"""Routes of what admins do: failed jobs, service-wide webhooks, API keys, the audit log, people."""

from app import schemas
from app.domain.records.jobs import JobRecord
from app.http.access import ADMINS, EVERYONE
from app.schemas import requests
from app.web.handlers import api_keys, audit, jobs, people, subscriptions
from app.web.route import PAGE, Route

_SUBSCRIPTION = "/webhooks/{subscription_id}"

ADMINISTRATION_ROUTES = (
    Route("GET", "/jobs", jobs.list_jobs, ADMINS, {200: schemas.JobPage}, query=("status", "job_type", *PAGE)),
    Route(
        "POST", "/jobs/{job_id}/retry", jobs.retry_job, ADMINS, {202: JobRecord},
        requests.RetryBody, body_required=False, keyed=True, headers=("Retry-After",), problems=(409,),
    ),
    Route("GET", "/webhooks", subscriptions.list_subscriptions, ADMINS, {200: schemas.SubscriptionPage}, query=PAGE),
    Route(
        "POST", "/webhooks", subscriptions.create_subscription, ADMINS, {201: schemas.SubscriptionWithSecretView},
        requests.SubscriptionBody, headers=("Location",), problems=(409,),
    ),
    Route("GET", _SUBSCRIPTION, subscriptions.show_subscription, ADMINS, {200: schemas.SubscriptionView}),
    Route(
        "PATCH", _SUBSCRIPTION, subscriptions.patch_subscription, ADMINS, {200: schemas.SubscriptionWithSecretView},
        requests.SubscriptionBody, patch=True,
    ),
    Route("DELETE", _SUBSCRIPTION, subscriptions.delete_subscription, ADMINS, {204: None}),
    Route(
        "GET", f"{_SUBSCRIPTION}/deliveries", subscriptions.list_subscription_deliveries, ADMINS,
        {200: schemas.SubscriptionDeliveryPage}, query=PAGE,
    ),
    Route(
        "GET", f"{_SUBSCRIPTION}/deliveries/{{delivery_id}}/attempts", subscriptions.list_subscription_attempts, ADMINS,
        {200: schemas.AttemptPage}, query=PAGE,
    ),
    Route(
        "POST", f"{_SUBSCRIPTION}/deliveries/{{delivery_id}}/redeliver", subscriptions.redeliver_to_subscription,
        ADMINS, {202: schemas.SubscriptionDeliveryView}, requests.RedeliverBody, body_required=False, keyed=True,
        headers=("Retry-After",), problems=(409, 429),
    ),
    Route("GET", "/api-keys", api_keys.list_api_keys, ADMINS, {200: schemas.ApiKeyPage}, query=PAGE),
    Route(
        "POST", "/api-keys", api_keys.create_api_key, ADMINS, {201: schemas.NewApiKeyView}, requests.NewApiKeyBody,
        headers=("Location",),
    ),
    Route("GET", "/api-keys/{key_id}", api_keys.show_api_key, ADMINS, {200: schemas.ApiKeyView}),
    Route("DELETE", "/api-keys/{key_id}", api_keys.revoke_api_key, ADMINS, {204: None}),
    Route(
        "POST", "/api-keys/{key_id}/rotate", api_keys.rotate_api_key, ADMINS, {201: schemas.NewApiKeyView},
        requests.RotateBody, headers=("Location",),
    ),
    Route(
        "GET", "/audit", audit.list_audit, ADMINS, {200: None},
        query=("actor", "entity", "key", "from", "to", "format"),
    ),
    Route("GET", "/me/export", people.export_me, EVERYONE, {200: None}),
    Route("GET", "/people/{sub}/export", people.export_person, ADMINS, {200: None}, query=("issuer",)),
    Route(
        "DELETE", "/people/{sub}", people.erase_person, ADMINS, {202: schemas.ErasureView}, query=("issuer",),
        headers=("Location", "Retry-After"),
    ),
    Route("GET", "/erasures/{erasure_id}", people.show_erasure, ADMINS, {200: schemas.ErasureView}),
)  # fmt: skip
