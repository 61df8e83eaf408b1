"""Makes, lists, revokes and rotates API keys, with nothing but the database: nobody is locked out.

reads   DATABASE_URL; `revoke` and `rotate` also REDIS_URL (optional: servers hear of it within a second, not within 5)
writes  `list` nothing; the others the keys, and a line for each in the audit log; new keys on standard output, once
needs   Postgres with all migrations; no server, no secret
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from app.cli.arguments import positive_integer
from app.cli.console import print_error, print_json_lines, print_table
from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.clients.redis.key_feed import KeyFeed
from app.domain.body_validation import Body, validate_body
from app.domain.errors import CallerError, InvalidFields
from app.domain.principal import display_name
from app.domain.records.api_keys import KeyFeatures
from app.domain.states import Role
from app.repositories import api_keys
from app.repositories.sql import Pool
from app.schemas import OperatorApiKeyView, new_api_key_view, operator_api_key_view
from app.schemas.requests import NewApiKeyBody, RotateBody
from app.services.api_keys import administration
from app.services.api_keys.administration import Issuer, NewApiKey
from app.settings import Settings
from app.wiring.context import connect_redis
from app.wiring.pool import open_pool_for

Run: TypeAlias = Callable[[Settings, argparse.Namespace], int]

# The actor in the audit log, with the action after it.
ACTOR = "assay keys"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(uses_database=True)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    action = _add(actions, "create", "make a key and print it; it is not shown again", _create)
    action.add_argument("--name", required=True, help="what the key is for")
    help_text = "role of its callers; repeat for several"
    action.add_argument("--role", action="append", required=True, choices=[str(role) for role in Role], help=help_text)
    action.add_argument("--days", required=True, type=float, help="days until it expires; may be a fraction")
    action.add_argument("--json", action="store_true", help="print the key and what is known of it as a JSON object")
    action = _add(actions, "list", "print keys, newest first", _list)
    action.add_argument("--all", action="store_true", help="also revoked keys")
    action.add_argument("--limit", type=positive_integer, default=50, help="maximum number of keys (default: 50)")
    action.add_argument("--json", action="store_true", help="print a JSON object per line")
    action = _add(actions, "revoke", "revoke keys: servers refuse them within seconds", _revoke)
    action.add_argument("key_ids", nargs="+", type=UUID, metavar="KEY_ID", help="a key to revoke")
    action = _add(actions, "rotate", "make a key with the name, roles and lifetime of another, and print it", _rotate)
    action.add_argument("key_id", type=UUID, metavar="KEY_ID", help="the key to replace")
    help_text = "seconds for which the old key goes on (default: 0)"
    action.add_argument("--overlap", type=int, default=0, metavar="SECONDS", help=help_text)
    action.add_argument("--json", action="store_true", help="print the key and what is known of it as a JSON object")


def _add(actions: Any, name: str, meaning: str, run: Run) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=meaning, description=meaning)
    action.set_defaults(run=run)
    return action


def _create(settings: Settings, options: argparse.Namespace) -> int:
    fields = {"name": options.name, "roles": options.role, "expires_in_days": options.days}
    body = _checked(NewApiKeyBody, fields, {"name": "--name", "roles": "--role", "expires_in_days": "--days"})
    if body is None:
        return 2
    features = KeyFeatures(body.name, tuple(dict.fromkeys(body.roles)), timedelta(days=body.expires_in_days))
    return _print_key(asyncio.run(_make(settings, features)), options)


async def _make(settings: Settings, features: KeyFeatures) -> NewApiKey:
    async with _open_pool(settings) as pool:
        return await administration.create(pool, Issuer(f"{ACTOR} create"), features)


def _list(settings: Settings, options: argparse.Namespace) -> int:
    keys = asyncio.run(_read(settings, options))
    if options.json:
        print_json_lines(keys)
    elif keys:
        headings = ("key", "roles", "state", "created (UTC)", "expires (UTC)", "last use (UTC)")
        print_table(headings, ("made by", "name"), [_cells(key) for key in keys])
    else:
        print("no keys")
    return 0


async def _read(settings: Settings, options: argparse.Namespace) -> list[OperatorApiKeyView]:
    async with _open_pool(settings) as pool:
        records = await api_keys.page(pool, None, options.limit, with_revoked=options.all)
        return [operator_api_key_view(record) for record in records]


def _cells(key: OperatorApiKeyView) -> tuple[str, ...]:
    state = "revoked" if key.revoked_at else "expired" if key.expires_at <= datetime.now(UTC) else "valid"
    times = (f"{time:%Y-%m-%d %H:%M:%S}" if time else "" for time in (key.created_at, key.expires_at, key.last_used_at))
    return str(key.key_id), ",".join(key.roles), state, *times, display_name(key.created_by), key.name


def _revoke(settings: Settings, options: argparse.Namespace) -> int:
    key_ids = tuple(dict.fromkeys(options.key_ids))
    return 0 if asyncio.run(_revoke_all(settings, key_ids)) == len(key_ids) else 1


async def _revoke_all(settings: Settings, key_ids: Sequence[UUID]) -> int:
    revoked = []
    async with _open_pool(settings) as pool:
        for key_id in key_ids:
            try:
                await administration.revoke(pool, f"{ACTOR} revoke", key_id)
            except CallerError as error:
                print_error(f"{key_id}: {error.detail}")
                continue
            revoked.append(key_id)
            print(f"{key_id}: revoked")
    await _publish(settings, revoked)
    return len(revoked)


def _rotate(settings: Settings, options: argparse.Namespace) -> int:
    body = _checked(RotateBody, {"overlap_seconds": options.overlap}, {"overlap_seconds": "--overlap"})
    if body is None:
        return 2
    try:
        new = asyncio.run(_replace(settings, options.key_id, body.overlap_seconds))
    except CallerError as error:
        print_error(f"{options.key_id}: {error.detail}")
        return 1
    return _print_key(new, options)


async def _replace(settings: Settings, key_id: UUID, overlap_seconds: int) -> NewApiKey:
    async with _open_pool(settings) as pool:
        new = await administration.rotate(pool, Issuer(f"{ACTOR} rotate"), key_id, overlap_seconds)
    await _publish(settings, [key_id])
    return new


async def _publish(settings: Settings, key_ids: Sequence[UUID]) -> None:
    """Tells servers of changed keys. Without REDIS_URL, or while Redis is unavailable, they notice a little later."""
    if not key_ids or settings.redis_url is None:
        return
    redis = connect_redis(settings)
    try:
        for key_id in key_ids:
            await KeyFeed(redis).publish(key_id)
    except REDIS_UNAVAILABLE as error:
        print_error(f"REDIS_URL: {error}; servers will notice within 5 s themselves")
    finally:
        await redis.aclose()


def _open_pool(settings: Settings) -> AbstractAsyncContextManager[Pool]:
    return open_pool_for(settings, ACTOR, 1)


def _checked(model: type[Body], fields: dict[str, object], options: dict[str, str]) -> Body | None:
    """The fields as a body of the API, which has the same limits; None, with an error for each wrong option."""
    try:
        return validate_body(model, fields)
    except InvalidFields as error:
        for field in error.errors:
            print_error(f"{options[field.pointer.split('/')[1]]}: {field.detail}")
        return None


def _print_key(new: NewApiKey, options: argparse.Namespace) -> int:
    if options.json:
        print(new_api_key_view(new.record, new.key).model_dump_json())
    else:
        print(new.key)
        print(f"{new.record.key_id}: expires at {new.record.expires_at:%Y-%m-%dT%H:%M:%SZ}", file=sys.stderr)
    return 0
