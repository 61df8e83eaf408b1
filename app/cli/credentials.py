"""Imports micro-credentials from a file, and embeds their passages for vector search.

reads   DATABASE_URL, EMBEDDING_MODEL and OPENAI_* (without them the offline model embeds); `import` also FILE
writes  `import` the credentials, and a line for each in the audit log; `reindex` their vectors, and a line if any was
        missing; progress on standard error
needs   Postgres with all migrations; no server, no Redis, no secret
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from app.cli.console import print_error, progress_bar
from app.cli.credentials_file import read_credentials
from app.clients.llm.embedder import EmbeddingUnavailable
from app.domain.text import count_of
from app.repositories import passage_vectors
from app.repositories.sql import Pool
from app.services.catalog.credentials_file import InvalidRow, Row, UnreadableFile
from app.services.catalog.import_credentials import ImportCounts, count_outcomes, import_credentials
from app.services.recommendations.embed_credentials import CredentialEmbedder, vacuum_and_index
from app.services.recommendations.search import space_name
from app.settings import Settings
from app.wiring.embedder import retrieval_embedder
from app.wiring.pool import open_pool_for, open_session

# The actor of `reindex` in the audit log.
REINDEX_ACTOR = "assay credentials reindex"
# Rows per transaction with --skip-bad, about half a second of work: all that a kill can lose.
_BATCH = 500
_PRINTED_REASONS = 20
_PRINTED_LINES = 5
# Pauses that the model provider may ask for between two batches, and the longest of them in seconds.
_PAUSES = 5
_LONGEST_PAUSE = 90.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(uses_database=True)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    meaning = "add the credentials of a file, all or none; one with the same provider and title gets a new version"
    action = actions.add_parser("import", help="add the credentials of a file", description=meaning)
    action.add_argument(
        "file", type=Path, metavar="FILE", help=".csv as spreadsheets write it (skills separated by ; or ,) or .jsonl"
    )
    action.add_argument("--skip-bad", action="store_true", help="import the valid rows even if others are invalid")
    action.set_defaults(run=_import)
    meaning = (
        "embed passages without a vector from the current model, and build the index over all vectors if there are "
        "more than 50,000 passages; searches continue meanwhile, and another run continues a killed one"
    )
    action = actions.add_parser(
        "reindex", help="embed passages without a vector from the current model", description=meaning
    )
    action.set_defaults(run=_reindex)


def _import(settings: Settings, options: argparse.Namespace) -> int:
    """Imports all rows or none. With --skip-bad, imports all valid rows in batches, so that a second run after a kill
    continues where the first one stopped. Returns 2 if nothing was imported."""
    try:
        file = read_credentials(options.file)
    except UnreadableFile as error:
        print_error(str(error))
        return 2
    rows, invalid = file.rows, file.invalid
    if file.encoding == "Windows-1252":
        print_error(f"{options.file}: read as Windows-1252, because it is not UTF-8; check letters such as ä and é")
    _print_invalid(options.file, invalid)
    if invalid and not (options.skip_bad and rows):
        print_error(f"nothing was imported; invalid: {len(invalid)} of {count_of(len(rows) + len(invalid), 'row')}")
        return 2
    batch = _BATCH if options.skip_bad else max(1, len(rows))
    imported, without_vector = asyncio.run(_import_rows(settings, rows, batch))
    skipped = f", {len(invalid)} skipped" if invalid else ""
    print(f"{imported.added} added, {imported.updated} updated, {imported.unchanged} unchanged{skipped}")
    if without_vector:
        print(
            f"without a vector: {count_of(without_vector, 'passage')}, found only by full text until workers or "
            "`assay credentials reindex` embed them"
        )
    return 0


async def _import_rows(settings: Settings, rows: Sequence[Row], batch: int) -> tuple[ImportCounts, int]:
    """The numbers of imported rows, and the number of passages without a vector. A batch is one transaction."""
    imported = ImportCounts()
    async with open_pool_for(settings, "assay credentials", 1) as pool:
        with progress_bar("importing", len(rows)) as advance:
            for start in range(0, len(rows), batch):
                imported += await _import_batch(pool, rows[start : start + batch], advance)
        await _vacuum(settings)
        return imported, await passage_vectors.count_without_vector(pool)


async def _import_batch(pool: Pool, rows: Sequence[Row], advance: Callable[[int], None]) -> ImportCounts:
    imported = ImportCounts()
    async with pool.acquire() as conn, conn.transaction():
        # In parts even within one transaction, so that the progress bar moves and no statement is large.
        for start in range(0, len(rows), _BATCH):
            part = rows[start : start + _BATCH]
            imported += count_outcomes(await import_credentials(conn, [row.body for row in part]))
            advance(len(part))
    return imported


def _reindex(settings: Settings, _: argparse.Namespace) -> int:
    """Returns 1 if nothing can be embedded. Workers and other runs of this command share the work."""
    try:
        embedded = asyncio.run(_embed_all(settings))
    except EmbeddingUnavailable as error:
        print_error(f"nothing can be embedded: {error}")
        return 1
    print(f"{count_of(embedded, 'passage')} embedded")
    return 0


async def _embed_all(settings: Settings) -> int:
    embedded = 0
    async with (
        open_pool_for(settings, "assay credentials", 2) as pool,
        retrieval_embedder(settings, pool=pool) as embedder,
    ):
        credential_embedder = CredentialEmbedder(pool, embedder, REINDEX_ACTOR)
        waiting = await passage_vectors.count_unembedded(pool, space_name(embedder))
        with progress_bar("embedding", waiting) as advance:
            while count := await _embed_batch(credential_embedder):
                embedded += count
                advance(count)
        await _vacuum(settings)
    return embedded


async def _embed_batch(credential_embedder: CredentialEmbedder) -> int:
    """Embeds a batch, with the pauses that the provider asks for. No passage is locked during a pause."""
    for _ in range(_PAUSES):
        try:
            return await credential_embedder.embed()
        except EmbeddingUnavailable as error:
            if error.retry_after is None or error.retry_after > _LONGEST_PAUSE:
                raise
            await asyncio.sleep(error.retry_after)
    return await credential_embedder.embed()


async def _vacuum(settings: Settings) -> None:
    async with open_session(settings, "assay credentials") as conn:
        if conn is None:
            print_error(
                "searches stay slower until autovacuum has run; with MIGRATE_DATABASE_URL this command speeds them up"
            )
        elif await vacuum_and_index(conn):
            print("built the index over all vectors")


def _print_invalid(file: Path, rows: Sequence[InvalidRow]) -> None:
    """One line for each reason, with the rows that have it."""
    lines_of: dict[str, list[int]] = {}
    for row in rows:
        lines_of.setdefault(row.reason, []).append(row.line)
    for reason, lines in islice(lines_of.items(), _PRINTED_REASONS):
        named = ", ".join(map(str, lines[:_PRINTED_LINES]))
        more = f" and {len(lines) - _PRINTED_LINES} more" if len(lines) > _PRINTED_LINES else ""
        where = f"line {named}" if len(lines) == 1 else f"{len(lines)} rows (lines {named}{more})"
        print_error(f"{file}: {where}: {reason}")
    if len(lines_of) > _PRINTED_REASONS:
        print_error(f"{file}: and {count_of(len(lines_of) - _PRINTED_REASONS, 'other error')}")
