"""`assay webhooks`: what was sent to webhooks, from a terminal, straight from Postgres."""

from collections.abc import Sequence
from uuid import UUID

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.errors import CallerError
from app.domain.job.notification import JobNotification
from app.domain.states import DeliveryStatus
from app.repositories import webhooks as messages
from app.repositories.sql import Pool
from app.schemas import DeliveryLineView, delivery_line_view
from app.services.jobs.runner import notify
from app.services.webhooks import registrations
from app.settings import Settings
from app.wiring.context import open_pool

# Who had a message sent again, in the audit log.
ACTOR = "assay webhooks redeliver"
# One message, one line, up to a long error; a narrower terminal breaks the lines itself, and leaves no part out.
_WIDTH = 160


async def read(settings: Settings, statuses: Sequence[DeliveryStatus], limit: int) -> list[DeliveryLineView]:
    """Messages with these statuses, newest first."""
    async with open_pool(settings.secret("database_url"), "assay webhooks", 1) as pool:
        return [delivery_line_view(line) for line in await messages.newest(pool, statuses, limit)]


def show(deliveries: Sequence[DeliveryLineView], *, as_json: bool) -> None:
    """Prints messages: a table, or a JSON object a line."""
    console = Console(width=_WIDTH)
    if as_json:
        for delivery in deliveries:
            console.out(delivery.model_dump_json(), highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("delivery", "type", "status", "tries", "created (UTC)", "next try (UTC)"):
        table.add_column(heading, no_wrap=True)
    for heading in ("host", "last error"):
        table.add_column(heading, overflow="fold")
    for delivery in deliveries:
        table.add_row(*(Text(cell) for cell in _cells(delivery)))
    console.print(table if deliveries else "no deliveries")


async def show_one(settings: Settings, delivery_id: UUID) -> bool:
    """Prints a message with each of its tries; returns whether there is one."""
    async with open_pool(settings.secret("database_url"), "assay webhooks", 1) as pool:
        try:
            found = await registrations.find_delivery(pool, delivery_id)
        except CallerError as error:
            _complain(f"{delivery_id}: {error.detail}")
            return False
    Console().out(delivery_line_view(found).model_dump_json(indent=2), highlight=False)
    return True


async def redeliver(settings: Settings, delivery_ids: Sequence[UUID]) -> bool:
    """Has these messages sent once more; prints a line for each, and returns whether all will be."""
    wanted = list(dict.fromkeys(delivery_ids))
    async with open_pool(settings.secret("database_url"), "assay webhooks", 1) as pool:
        rings = [due for delivery_id in wanted if (due := await _redeliver(pool, delivery_id))]
    await _ring(settings, rings)
    return len(rings) == len(wanted)


async def _redeliver(pool: Pool, delivery_id: UUID) -> JobNotification | None:
    try:
        async with pool.acquire() as conn, conn.transaction():
            _, due = await registrations.redeliver(conn, await registrations.find_delivery(conn, delivery_id), ACTOR)
    except CallerError as error:
        _complain(f"{delivery_id}: {error.detail}")
        return None
    Console().out(f"{delivery_id}: will be sent again", highlight=False)
    return due


async def _ring(settings: Settings, rings: Sequence[JobNotification]) -> None:
    """Wakes the workers; without Redis they find the messages by themselves a little later."""
    if rings and settings.redis_url:
        redis = job_queue.connect(settings.secret("redis_url"))
        try:
            await notify(JobQueue(redis), rings)
        finally:
            await redis.aclose()


def _complain(line: str) -> None:
    Console(stderr=True).out(f"assay: {line}", highlight=False)


def _cells(delivery: DeliveryLineView) -> tuple[str, ...]:
    last = delivery.attempts[-1].error if delivery.attempts else None
    return (
        str(delivery.delivery_id),
        delivery.type,
        delivery.status,
        str(len(delivery.attempts)),
        f"{delivery.created_at:%Y-%m-%d %H:%M:%S}",
        f"{delivery.next_attempt_at:%Y-%m-%d %H:%M:%S}" if delivery.next_attempt_at else "",
        delivery.host or "",
        last or "",
    )
