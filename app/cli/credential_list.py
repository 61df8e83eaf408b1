"""`assay credentials list`, `export` and `delete`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli.console import print_error, print_json_lines, print_table
from app.domain.errors import NotFound
from app.domain.records.catalog import Credential
from app.domain.text import count_of
from app.schemas import credential_view
from app.services.catalog import credentials
from app.services.catalog.credentials_file import credentials_table
from app.settings import Settings
from app.wiring.pool import open_pool_for

# The actor of `delete` in the audit log.
DELETE_ACTOR = "assay credentials delete"


def run_list(settings: Settings, options: argparse.Namespace) -> int:
    """Prints credentials, as a table or as JSON lines."""
    found = asyncio.run(_search(settings, options.words, options.limit))
    if options.json:
        print_json_lines([credential_view(credential) for credential in found])
    elif found:
        headings = ("id", "level", "language", "external id")
        print_table(headings, ("provider", "title"), [_cells(credential) for credential in found])
    else:
        print("no credentials")
    return 0


def run_export(settings: Settings, options: argparse.Namespace) -> int:
    """Writes all credentials; returns 2 if the file cannot be written."""
    path = None if options.file == "-" else Path(options.file)
    if path and path.suffix.lower() not in (".csv", ".jsonl"):
        print_error(f"{path}: the name must end in .csv or .jsonl")
        return 2
    bodies = [credential.body for credential in asyncio.run(_read_all(settings))]
    is_table = path is not None and path.suffix.lower() == ".csv"
    text = credentials_table(bodies) if is_table else "".join(f"{body.model_dump_json()}\n" for body in bodies)
    if path is None:
        sys.stdout.write(text)
        return 0
    try:
        # With a byte order mark, by which spreadsheets know UTF-8.
        path.write_text(text, "utf-8-sig" if is_table else "utf-8", newline="")
    except OSError as error:
        print_error(f"{path}: {error.strerror}")
        return 2
    print(f"{count_of(len(bodies), 'credential')} written")
    return 0


def run_delete(settings: Settings, options: argparse.Namespace) -> int:
    """Retires the named credentials, all or none; returns 2 if none is named, 1 if one does not exist."""
    if not options.names and not options.samples:
        print_error("name credentials to retire, or --samples")
        return 2
    try:
        retired = asyncio.run(_retire(settings, options.names, samples=options.samples))
    except NotFound as error:
        print_error(f"{error}; nothing was retired")
        return 1
    for credential in retired:
        print(f"retired: {credential.body.title} ({credential.body.provider})")
    print(f"{count_of(len(retired), 'credential')} retired")
    return 0


async def _search(settings: Settings, words: str, limit: int) -> Sequence[Credential]:
    async with open_pool_for(settings, "assay credentials", 1) as pool:
        found, _ = await credentials.search(pool, words, None, limit)
        return found


async def _read_all(settings: Settings) -> Sequence[Credential]:
    async with open_pool_for(settings, "assay credentials", 1) as pool:
        return await credentials.all_active(pool)


async def _retire(settings: Settings, names: Sequence[str], *, samples: bool) -> Sequence[Credential]:
    async with open_pool_for(settings, "assay credentials", 1) as pool:
        return await credentials.retire(pool, DELETE_ACTOR, names, samples=samples)


def _cells(credential: Credential) -> tuple[str, ...]:
    body = credential.body
    known = str(body.level), body.language or "", body.external_id or "", body.provider, body.title
    return str(credential.credential_id), *known
