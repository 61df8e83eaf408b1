"""Webhooks as their owners manage them: registering, showing, removing, and the messages that were sent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.errors import AssessmentExpired, BeingSent, NotFound, NoWebhook
from app.domain.job.notification import JobNotification
from app.domain.records.webhooks import DeliveryLine, WebhookRecord
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, webhooks
from app.repositories.sql import Connection, Executor, Pool
from app.schemas import RegisteredWebhookView, WebhookView, delivery_view, webhook_view
from app.services.caller import Access


@dataclass(frozen=True)
class RegisterResult:
    """A registration: whether there was one before, whether its address changed, and the message that is due, where the
    assessment is over."""

    view: RegisteredWebhookView
    replaced: bool
    changed: bool
    notification: JobNotification | None


async def find(db: Executor, assessment_id: UUID) -> WebhookRecord:
    """The assessment's webhook, or the place where it would stand.

    Raises:
        NotFound: there is no such assessment.
    """
    webhook = await webhooks.find(db, assessment_id)
    if webhook is None:
        raise NotFound("there is no such assessment")
    return webhook


async def find_permitted(db: Executor, assessment_id: UUID, access: Access) -> WebhookRecord:
    """The assessment's webhook, if the caller may have it, or the place where it would stand.

    Raises:
        NotFound, Forbidden.
    """
    webhook = await find(db, assessment_id)
    access.check_owner(webhook.owner)
    return webhook


def shown(webhook: WebhookRecord) -> WebhookView:
    """The webhook as its owner sees it.

    Raises:
        NotFound: none is registered.
    """
    if webhook.url is None:
        raise NotFound("no webhook is registered")
    return webhook_view(webhook, webhook.url)


async def register(pool: Pool, assessment_id: UUID, url: str, secret: str) -> RegisterResult:
    """Registers or replaces the webhook; of an assessment that is over, the message is due at once.

    However this meets the end of the assessment, one of the two makes the message: both write the assessment's row, and
    the one that comes second sees what the first has written.

    Raises:
        AssessmentExpired: nothing will ever be told of it.
    """
    async with pool.acquire() as conn, conn.transaction():
        written = await webhooks.register(conn, assessment_id, url, secret)
        if written is None:
            raise AssessmentExpired("the time for this assessment is over, so there will be nothing to tell")
        ring = await webhooks.announce_end(conn, assessment_id)
    view = RegisteredWebhookView(
        assessment_id=assessment_id, webhook_url=url, disabled_at=None, disabled_reason=None, secret=secret
    )
    return RegisterResult(view, *written, ring)


async def remove(pool: Pool, assessment_id: UUID) -> None:
    """Removes the webhook and cancels the tries that were still to come.

    Raises:
        NotFound: none is registered.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await webhooks.remove(conn, assessment_id):
            raise NotFound("no webhook is registered")
        await webhooks.cancel(conn, assessment_id)


async def page(
    db: Executor, assessment_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[DeliveryLine]:
    """The assessment's messages, newest first."""
    return await webhooks.page(db, assessment_id, after, limit)


async def find_delivery(db: Executor, delivery_id: UUID, assessment_id: UUID | None = None) -> DeliveryLine:
    """The message, of this assessment if one is named.

    Raises:
        NotFound: there is none.
    """
    delivery = await webhooks.find_delivery(db, delivery_id)
    if delivery is None or assessment_id not in (None, delivery.assessment_id):
        raise NotFound("there is no such delivery")
    return delivery


async def redeliver(
    conn: Connection, delivery: DeliveryLine, admin: str | None
) -> tuple[DeliveryLine, JobNotification]:
    """Has the message sent once more, now; has to run in a transaction. An `admin` who does this is written down.

    Raises:
        NoWebhook: there is nowhere to send it.
        BeingSent: it is on its way.
    """
    if delivery.url is None:
        raise NoWebhook("no webhook is registered, so there is nowhere to send this")
    ring = await webhooks.redeliver(conn, delivery.delivery_id)
    if ring is None:
        raise BeingSent("this message is being sent at this moment; see what becomes of it")
    again = await find_delivery(conn, delivery.delivery_id)
    if admin is not None:
        key = str(delivery.delivery_id)
        await audit.record(conn, admin, AuditAction.RETRY, AuditEntity.DELIVERY, key, delivery_view(again))
    return again, ring
