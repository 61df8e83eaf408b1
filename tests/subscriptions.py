"""Service-wide webhooks, and messages to them."""

from uuid import UUID

from app.domain.states import EventType
from app.domain.webhook.secret_cipher import IN_CLEAR, SecretCipher
from app.repositories.sql import Pool
from app.schemas.requests import SubscriptionBody
from app.services.webhooks.accepted_values import AddressRules
from app.services.webhooks.subscriptions import Subscriptions
from tests.webhooks import LOOPBACK, SECRET, UNREACHABLE_URL

ADMIN = "admin-1"
ALL_EVENTS = tuple(EventType)


def subscriptions(pool: Pool, cipher: SecretCipher = IN_CLEAR) -> Subscriptions:
    """The service, with receivers on loopback allowed."""
    return Subscriptions(pool, AddressRules(True, LOOPBACK), cipher)


async def new_subscription(
    pool: Pool,
    url: str = UNREACHABLE_URL,
    events: tuple[EventType, ...] = ALL_EVENTS,
    track: str | None = None,
    secret: str = SECRET,
    cipher: SecretCipher = IN_CLEAR,
) -> UUID:
    """The id of a new service-wide webhook."""
    body = SubscriptionBody(url=url, events=events, track=track, secret=secret)
    return (await subscriptions(pool, cipher).create(ADMIN, body)).subscription_id


async def insert_subscription_delivery(pool: Pool, assessment_id: UUID, subscription_id: UUID) -> UUID:
    """Gives a service-wide webhook a message about an assessment, whatever its status is; returns the message's id."""
    delivery_id: UUID = await pool.fetchval(
        "INSERT INTO webhook_deliveries (assessment_id, run, event_type, subscription_id)"
        " VALUES ($1, 1, $2, $3) RETURNING id",
        assessment_id, EventType.COMPLETED, subscription_id,
    )  # fmt: skip
    return delivery_id
