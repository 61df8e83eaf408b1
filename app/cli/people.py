"""Exports all that is stored of a person, or erases a person, with nothing but the database.

reads   DATABASE_URL; JWT_JWKS_URL and JWT_ISSUER, as the servers do; `erase` also REDIS_URL (optional)
writes  `export` FILE or standard output, and a line in the audit log; `erase` deletes, and prints the receipt
needs   Postgres with all migrations; no server, no worker, no secret
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from app.cli.console import print_error
from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.domain.errors import CallerError
from app.domain.records.erasures import ErasureRecord
from app.domain.states import ErasureStatus
from app.repositories.sql import Pool
from app.schemas import erasure_view
from app.services import erasure
from app.services.export_person import export_person
from app.settings import Settings
from app.wiring.context import connect_redis
from app.wiring.people import find_principal
from app.wiring.pool import open_pool_for

# The actor in the audit log, with the action after it.
ACTOR = "assay people"
# An erasure that others hold up for so long is left to the workers.
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.2


class UnwritableFile(Exception):
    """The file of an export cannot be made; the message says why."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(uses_database=True)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    meaning = "write all that is stored of a person as JSON: what GET /people/{sub}/export answers"
    action = _add(actions, "export", "write all that is stored of a person as JSON", meaning)
    help_text = "a new file that only you may read (default: standard output)"
    action.add_argument("--output", type=Path, metavar="FILE", help=help_text)
    action.set_defaults(run=_export)
    meaning = "delete all that is stored of a person, for ever, and print the receipt; workers may share the work"
    action = _add(actions, "erase", "delete all that is stored of a person", meaning)
    action.add_argument("--yes", action="store_true", required=True, help="say that you mean it")
    action.set_defaults(run=_erase)


def _add(actions: Any, name: str, summary: str, meaning: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=meaning)
    action.add_argument("sub", metavar="SUB", help="the `sub` of the person's tokens")
    help_text = (
        "the issuer of the person's tokens, where it is not JWT_ISSUER; '' for people from the time of JWT_SECRET"
    )
    action.add_argument("--issuer", metavar="URL", help=help_text)
    return action


def _export(settings: Settings, options: argparse.Namespace) -> int:
    try:
        with _opened(options.output) as file:
            asyncio.run(_write_export(settings, options, file))
    except UnwritableFile as error:
        print_error(f"{options.output}: {error}")
        return 1
    except CallerError as error:
        print_error(f"{options.sub}: {error.detail}")
        return 1
    return 0


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    """The new file, which is removed if it does not become complete; standard output without a path.

    Raises:
        UnwritableFile: there is such a file already, or it cannot be made.
    """
    if path is None:
        yield sys.stdout
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UnwritableFile(error.strerror) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        try:
            yield file
        except BaseException:
            path.unlink()
            raise


async def _write_export(settings: Settings, options: argparse.Namespace, file: TextIO) -> None:
    person = find_principal(settings, options.sub, options.issuer)
    async with open_pool_for(settings, ACTOR, 1) as pool:
        async for piece in export_person(pool, f"{ACTOR} export", person):
            file.write(piece)
        file.write("\n")


def _erase(settings: Settings, options: argparse.Namespace) -> int:
    try:
        receipt = asyncio.run(_carry_out(settings, find_principal(settings, options.sub, options.issuer)))
    except CallerError as error:
        print_error(f"{options.sub}: {error.detail}")
        return 1
    print(erasure_view(receipt).model_dump_json(indent=2))
    if receipt.status is ErasureStatus.COMPLETED:
        return 0
    print_error("others are writing to what is to be deleted; workers go on, or run this again")
    return 1


async def _carry_out(settings: Settings, person: str) -> ErasureRecord:
    async with open_pool_for(settings, ACTOR, 1) as pool:
        requested = await erasure.request_erasure(pool, f"{ACTOR} erase", person)
        await _work(pool, requested)
        await _forget_turns(settings, person)
        return await erasure.find_erasure(pool, requested.erasure_id)


async def _work(pool: Pool, requested: ErasureRecord) -> None:
    """Does what workers do, until the erasure is complete or nothing was done for a while."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _PATIENCE_SECONDS
    while (await erasure.find_erasure(pool, requested.erasure_id)).status is ErasureStatus.PENDING:
        if await erasure.erase_next(pool, None, requested.erasure_id):
            end = loop.time() + _PATIENCE_SECONDS
        elif loop.time() > end:
            return
        else:
            await asyncio.sleep(_PAUSE_SECONDS)


async def _forget_turns(settings: Settings, person: str) -> None:
    if settings.redis_url is None:
        return
    redis = connect_redis(settings)
    try:
        await JobQueue(redis).forget_owner(person)
    except REDIS_UNAVAILABLE as error:
        print_error(f"REDIS_URL: {error}; what Redis has of the person, a hash, expires within the hour")
    finally:
        await redis.aclose()
