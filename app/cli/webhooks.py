"""Lists webhook deliveries, shows a delivery with all its attempts, redelivers, and encrypts stored secrets.

reads   DATABASE_URL; `redeliver` also REDIS_URL (optional: wakes the workers at once); `encrypt` SECRETS_KEY, and with
        --previous-key-stdin a line of standard input
writes  `list` and `show` nothing; `redeliver` the deliveries, `encrypt` secrets; both a line for each in the audit log
needs   Postgres with all migrations; no server, no secret for tokens; a worker sends the messages
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from uuid import UUID

from app.cli.arguments import positive_integer
from app.cli.console import print_error, print_json_lines, print_table
from app.cli.wake_workers import wake_workers
from app.domain.errors import CallerError
from app.domain.job.notification import JobNotification
from app.domain.states import DeliveryStatus
from app.domain.text import count_of
from app.domain.webhook.secret_cipher import SecretCipher, parse_key
from app.repositories import webhooks as deliveries
from app.repositories.sql import Pool
from app.schemas import OperatorDeliveryView, operator_delivery_view
from app.services.webhooks import registrations
from app.services.webhooks.stored_secrets import EncryptedCounts, encrypt_stored_secrets
from app.settings import Settings, WrongSetting
from app.wiring.context import secret_cipher
from app.wiring.pool import open_pool_for

# The actor in the audit log.
ACTOR = "assay webhooks redeliver"
_UNDELIVERED = tuple(status for status in DeliveryStatus if status is not DeliveryStatus.DELIVERED)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(uses_database=True)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    meaning = "print deliveries, newest first"
    action = actions.add_parser("list", help=meaning, description=meaning)
    help_text = "only this status; repeat for several (default: all statuses except delivered)"
    action.add_argument("--status", action="append", choices=[str(status) for status in DeliveryStatus], help=help_text)
    action.add_argument("--limit", type=positive_integer, default=50, help="maximum number of deliveries (default: 50)")
    action.add_argument("--json", action="store_true", help="print a JSON object per line")
    action.set_defaults(run=_list)
    meaning = "print a delivery with all its attempts, as JSON"
    action = actions.add_parser("show", help=meaning, description=meaning)
    action.add_argument("delivery_id", type=UUID, metavar="DELIVERY_ID", help="the delivery to print")
    action.set_defaults(run=_show)
    meaning = "send deliveries once more, now; scheduled attempts are not affected"
    action = actions.add_parser("redeliver", help="send deliveries once more, now", description=meaning)
    action.add_argument("delivery_ids", nargs="+", type=UUID, metavar="DELIVERY_ID", help="a delivery to send")
    action.set_defaults(run=_redeliver)
    meaning = (
        "encrypt the stored secrets of webhooks with SECRETS_KEY: those that are in clear, and with "
        "--previous-key-stdin those that the key on standard input has encrypted; servers and workers may go on "
        "meanwhile"
    )
    action = actions.add_parser("encrypt", help="encrypt stored secrets with SECRETS_KEY", description=meaning)
    help_text = "also encrypt again what the key on standard input (base64) has encrypted"
    action.add_argument("--previous-key-stdin", action="store_true", help=help_text)
    action.set_defaults(run=_encrypt)


def _list(settings: Settings, options: argparse.Namespace) -> int:
    lines = asyncio.run(_read(settings, options))
    if options.json:
        print_json_lines(lines)
    elif lines:
        headings = ("delivery", "type", "status", "tries", "created (UTC)", "next try (UTC)")
        print_table(headings, ("host", "last error"), [_cells(line) for line in lines])
    else:
        print("no deliveries")
    return 0


async def _read(settings: Settings, options: argparse.Namespace) -> list[OperatorDeliveryView]:
    statuses = tuple(dict.fromkeys(map(DeliveryStatus, options.status or _UNDELIVERED)))
    async with open_pool_for(settings, "assay webhooks", 1) as pool:
        return [operator_delivery_view(line) for line in await deliveries.page_of_all(pool, statuses, options.limit)]


def _cells(delivery: OperatorDeliveryView) -> tuple[str, ...]:
    last_error = delivery.attempts[-1].error if delivery.attempts else None
    return (
        str(delivery.delivery_id),
        delivery.type,
        delivery.status,
        str(len(delivery.attempts)),
        f"{delivery.created_at:%Y-%m-%d %H:%M:%S}",
        f"{delivery.next_attempt_at:%Y-%m-%d %H:%M:%S}" if delivery.next_attempt_at else "",
        delivery.host or "",
        last_error or "",
    )


def _show(settings: Settings, options: argparse.Namespace) -> int:
    try:
        delivery = asyncio.run(_find(settings, options.delivery_id))
    except CallerError as error:
        print_error(f"{options.delivery_id}: {error.detail}")
        return 1
    print(delivery.model_dump_json(indent=2))
    return 0


async def _find(settings: Settings, delivery_id: UUID) -> OperatorDeliveryView:
    async with open_pool_for(settings, "assay webhooks", 1) as pool:
        return operator_delivery_view(await registrations.find_delivery(pool, delivery_id))


def _redeliver(settings: Settings, options: argparse.Namespace) -> int:
    delivery_ids = tuple(dict.fromkeys(options.delivery_ids))
    due = asyncio.run(_make_due(settings, delivery_ids))
    return 0 if len(due) == len(delivery_ids) else 1


async def _make_due(settings: Settings, delivery_ids: Sequence[UUID]) -> list[JobNotification]:
    async with open_pool_for(settings, "assay webhooks", 1) as pool:
        due = [due for delivery_id in delivery_ids if (due := await _make_one_due(pool, delivery_id))]
    await wake_workers(settings, due)
    return due


async def _make_one_due(pool: Pool, delivery_id: UUID) -> JobNotification | None:
    try:
        async with pool.acquire() as conn, conn.transaction():
            delivery = await registrations.find_delivery(conn, delivery_id)
            _, due = await registrations.redeliver(conn, delivery, ACTOR)
    except CallerError as error:
        print_error(f"{delivery_id}: {error.detail}")
        return None
    print(f"{delivery_id}: will be sent again")
    return due


def _encrypt(settings: Settings, options: argparse.Namespace) -> int:
    cipher, previous = secret_cipher(settings), None
    if not cipher.has_key:
        raise WrongSetting("SECRETS_KEY is not set")
    if options.previous_key_stdin:
        try:
            previous = SecretCipher(parse_key(sys.stdin.readline().strip()))
        except ValueError as error:
            print_error(f"the key on standard input {error}")
            return 2
    counts = asyncio.run(_encrypt_all(settings, cipher, previous))
    print(f"{count_of(counts.encrypted, 'webhook')} encrypted")
    if counts.unreadable:
        print_error(f"SECRETS_KEY: another key has encrypted the secrets of {count_of(counts.unreadable, 'webhook')}")
    return 1 if counts.unreadable else 0


async def _encrypt_all(settings: Settings, cipher: SecretCipher, previous: SecretCipher | None) -> EncryptedCounts:
    total = EncryptedCounts()
    async with open_pool_for(settings, "assay webhooks", 1) as pool:
        async for counts in encrypt_stored_secrets(pool, cipher, previous):
            total += counts
    return total
