"""The webhook of an assessment: registering, showing and removing it, listing its messages, and sending them again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.errors import (
    AssessmentExpired,
    BeingSent,
    NotFound,
    NoWebhook,
    RedeliveredTooSoon,
    RedeliveryLimit,
)
from app.domain.job.notification import JobNotification
from app.domain.records.webhooks import DeliveryAttempt, DeliveryRecord, WebhookRecord
from app.domain.states import AuditAction, AuditEntity, DeliveryStatus
from app.domain.webhook.secret_cipher import IN_CLEAR, SecretCipher
from app.repositories import audit, webhooks
from app.repositories.sql import Connection, Executor, Pool
from app.schemas import RegisteredWebhookView, WebhookView, delivery_view, webhook_view
from app.services import paging
from app.services.assessments.lookup import existing, permitted
from app.services.caller import Access
from app.services.webhooks.stored_secrets import encrypted_secret, is_same_secret

# Redeliveries of one message, and the seconds between two of them: a receiver is not to be flooded with them.
_MAX_REDELIVERIES = 20
_REDELIVERY_INTERVAL = 5


@dataclass(frozen=True)
class RegisterResult:
    """A registered webhook: whether it `replaced` another one, whether the address `changed`, and the notification of
    the message that is due if the assessment is over."""

    view: RegisteredWebhookView
    replaced: bool
    changed: bool
    notification: JobNotification | None


async def find_webhook(db: Executor, assessment_id: UUID, access: Access) -> WebhookRecord:
    """The webhook of an assessment that the caller may have; its `url` is None if none is registered.

    Raises:
        NotFound: there is no such assessment.
        Forbidden: it belongs to someone else.
    """
    return permitted(await webhooks.find(db, assessment_id), access)


def view_of(webhook: WebhookRecord) -> WebhookView:
    """The webhook as its owner sees it.

    Raises:
        NotFound: none is registered.
    """
    if webhook.url is None:
        raise NotFound("no webhook is registered")
    return webhook_view(webhook, webhook.url)


async def register(
    pool: Pool,
    assessment_id: UUID,
    url: str,
    secret: str,
    cipher: SecretCipher = IN_CLEAR,
    actor: str | None = None,
) -> RegisterResult:
    """Registers or replaces the webhook, whose secret the cipher encrypts. If the assessment is over, its message is
    due at once. With an `actor` it is audited.

    A registration and the end of the assessment may happen at the same time: both write the assessment's row, so the
    second one sees what the first has written, and exactly one of them creates the message.

    Raises:
        NotFound: there is no such assessment.
        AssessmentExpired: there will never be a message.
    """
    async with pool.acquire() as conn, conn.transaction():
        stored = await webhooks.lock_secret(conn, assessment_id)
        same = is_same_secret(cipher, secret, stored, assessment_id)
        new = encrypted_secret(cipher, secret, assessment_id)
        written = await webhooks.register(conn, assessment_id, url, new, same_secret=same)
        if written is None:
            existing(await webhooks.find(conn, assessment_id))
            raise AssessmentExpired("the time for this assessment is over, so no message will be sent")
        notification = await webhooks.create_missing_final_delivery(conn, assessment_id)
        action = AuditAction.UPDATE if written[0] else AuditAction.CREATE
        if actor is not None:
            await audit.record(conn, actor, action, AuditEntity.WEBHOOK, str(assessment_id))
    view = RegisteredWebhookView(
        assessment_id=assessment_id, webhook_url=url, disabled_at=None, disabled_reason=None, secret=secret
    )
    return RegisterResult(view, *written, notification)


async def remove(pool: Pool, assessment_id: UUID, actor: str | None = None) -> None:
    """Removes the webhook and cancels the attempts that were still to come. With an `actor` it is audited.

    Raises:
        NotFound: none is registered.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await webhooks.remove(conn, assessment_id):
            raise NotFound("no webhook is registered")
        await webhooks.cancel_deliveries(conn, assessment_id)
        if actor is not None:
            await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.WEBHOOK, str(assessment_id))


async def list_deliveries(
    db: Executor, assessment_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[DeliveryRecord], str | None]:
    """A page of the assessment's messages, newest first, and the cursor of the next page."""
    rows = await webhooks.page(db, assessment_id, after, limit + 1)
    return paging.first_page(rows, limit, lambda row: paging.newest_first(row.created_at, row.delivery_id))


async def list_deliveries_of_all(
    db: Executor, status: DeliveryStatus | None, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[DeliveryRecord], str | None]:
    """A page of the messages of all assessments with this status (None: any), newest first, and the cursor of the next
    page."""
    rows = await webhooks.page_of_all(db, DeliveryStatus if status is None else (status,), limit + 1, after)
    return paging.first_page(rows, limit, lambda row: paging.newest_first(row.created_at, row.delivery_id))


async def list_attempts(
    db: Executor, delivery_id: UUID, before: int | None, limit: int
) -> tuple[list[DeliveryAttempt], str | None]:
    """A page of the message's attempts, the newest first, and the cursor of the next page."""
    rows = await webhooks.page_of_attempts(db, delivery_id, before, limit + 1)
    page, cursor = paging.first_page(rows, limit, lambda row: [str(row[0])])
    return [attempt for _, attempt in page], cursor


async def find_delivery(db: Executor, delivery_id: UUID, assessment_id: UUID | None = None) -> DeliveryRecord:
    """The message; with an `assessment_id`, only if it is one to the webhook of that assessment.

    Raises:
        NotFound: there is no such message.
    """
    delivery = await webhooks.find_delivery(db, delivery_id)
    if delivery is None or (assessment_id and (delivery.subscription_id or delivery.assessment_id != assessment_id)):
        raise NotFound("there is no such delivery")
    return delivery


async def redeliver(
    conn: Connection, delivery: DeliveryRecord, actor: str | None
) -> tuple[DeliveryRecord, JobNotification]:
    """Has the message sent once more, now. Must run in a transaction. With an `actor` it is
    audited.

    Raises:
        NotFound: there is no such message.
        NoWebhook: there is no address to send it to.
        BeingSent: it is being sent at this moment.
        RedeliveredTooSoon: a redelivery was requested a moment ago.
        RedeliveryLimit: it was redelivered as often as is allowed.
    """
    if delivery.url is None:
        raise NoWebhook("no webhook is registered, so there is no address to send this to")
    notification = await webhooks.redeliver(conn, delivery.delivery_id, _MAX_REDELIVERIES, _REDELIVERY_INTERVAL)
    if notification is None:
        await find_delivery(conn, delivery.delivery_id)  # it may have been erased since
        redeliveries, in_progress = await webhooks.find_redeliveries(conn, delivery.delivery_id)
        if in_progress:
            raise BeingSent("this message is being sent at this moment; wait for the result of this attempt")
        if redeliveries >= _MAX_REDELIVERIES:
            raise RedeliveryLimit(f"a message is redelivered {_MAX_REDELIVERIES} times at most")
        raise RedeliveredTooSoon(f"a message is redelivered every {_REDELIVERY_INTERVAL} seconds at most")
    redelivered = await find_delivery(conn, delivery.delivery_id)
    if actor is not None:
        key = str(delivery.delivery_id)
        await audit.record(conn, actor, AuditAction.RETRY, AuditEntity.DELIVERY, key, delivery_view(redelivered))
    return redelivered, notification
