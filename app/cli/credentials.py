"""`assay credentials`: a catalogue out of a file, and its vectors anew."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from app.cli.credentials_file import Row, UnreadableFile, WrongRow, read_credentials
from app.clients.llm.embeddings_local import EmbeddingUnavailable
from app.repositories import credentials
from app.repositories.sql import Pool
from app.services.catalog.import_credentials import Imported, import_credentials
from app.services.recommendations.embed_credentials import CatalogueEmbedding
from app.services.recommendations.search import space
from app.services.recommendations.vacuum_credentials import settle
from app.settings import Settings
from app.wiring.context import open_pool
from app.wiring.embedder import retrieval_embedder

# Rows of one transaction with --skip-bad: what a kill costs at most, and about half a second.
_BATCH = 500
_TOLD_ERRORS = 20
# What whoever sells vectors may ask for, between two batches: so many pauses, none longer than so many seconds.
_PAUSES = 5
_LONGEST_PAUSE = 90.0


def import_file(settings: Settings, file: Path, *, skip_bad: bool) -> int:
    """Imports a file and says what became of its rows; returns the exit status: 2 where nothing was imported.

    All rows or none; with `skip_bad` all good ones, batch by batch, so that a second run after a kill goes on where the
    first one stopped: what is there already is passed over.
    """
    try:
        rows, wrong = read_credentials(file)
    except UnreadableFile as error:
        _complain(f"assay: {error}")
        return 2
    _tell(file, wrong)
    if wrong and not (skip_bad and rows):
        _complain(f"assay: nothing was imported; {len(wrong)} of {len(rows) + len(wrong)} rows are wrong")
        return 2
    done, waiting = asyncio.run(_import(settings, rows, _BATCH if skip_bad else max(1, len(rows))))
    skipped = f", {len(wrong)} skipped" if wrong else ""
    _say(f"{done.added} added, {done.updated} updated, {done.unchanged} unchanged{skipped}")
    if waiting:
        _say(f"{waiting} passage(s) are found by words alone until workers or `assay credentials reindex` embed them")
    return 0


def reindex(settings: Settings) -> int:
    """Embeds what has no vector of today's model and recipe; returns the exit status: 1 where nothing can be embedded.

    Searching goes on meanwhile, with the vectors that are there. Workers and other calls share the work.
    """
    try:
        embedded = asyncio.run(_reindex(settings))
    except EmbeddingUnavailable as error:
        _complain(f"assay: nothing can be embedded: {error}")
        return 1
    _say(f"{embedded} passage(s) embedded")
    return 0


async def _import(settings: Settings, rows: Sequence[Row], size: int) -> tuple[Imported, int]:
    """What became of the rows, and how many passages have no vector."""
    done = Imported()
    async with open_pool(settings.secret("database_url"), "assay credentials", 1) as pool:
        with _progress("importing", len(rows)) as (progress, task):
            for start in range(0, len(rows), size):
                done += await _import_batch(pool, rows[start : start + size], progress, task)
        await _settle(pool)
        return done, await credentials.count_without_vector(pool)


async def _import_batch(pool: Pool, rows: Sequence[Row], progress: Progress, task: TaskID) -> Imported:
    done = Imported()
    async with pool.acquire() as conn, conn.transaction():
        # In pieces even where they are one transaction, so that the bar moves and no statement is large.
        for start in range(0, len(rows), _BATCH):
            piece = rows[start : start + _BATCH]
            done += await import_credentials(conn, [row.body for row in piece])
            progress.advance(task, len(piece))
    return done


async def _reindex(settings: Settings) -> int:
    embedded = 0
    async with (
        open_pool(settings.secret("database_url"), "assay credentials", 2) as pool,
        retrieval_embedder(settings, pool=pool) as embedder,
    ):
        catalogue = CatalogueEmbedding(pool, embedder)
        waiting = await credentials.count_unembedded(pool, space(embedder))
        with _progress("embedding", waiting) as (progress, task):
            while count := await _insist(catalogue):
                embedded += count
                progress.advance(task, count)
        await _settle(pool)
    return embedded


async def _insist(catalogue: CatalogueEmbedding) -> int:
    """Embeds a batch. Whoever sells vectors may ask to wait, which is done here: no passage is held meanwhile."""
    for _ in range(_PAUSES):
        try:
            return await catalogue.embed()
        except EmbeddingUnavailable as error:
            if error.retry_after is None or error.retry_after > _LONGEST_PAUSE:
                raise
            await asyncio.sleep(error.retry_after)
    return await catalogue.embed()


async def _settle(pool: Pool) -> None:
    async with pool.acquire() as conn:
        if await settle(conn):
            _say("built the index over all vectors")


@contextmanager
def _progress(meaning: str, total: int) -> Iterator[tuple[Progress, TaskID]]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task(meaning, total=total)


def _tell(file: Path, wrong: Sequence[WrongRow]) -> None:
    for row in wrong[:_TOLD_ERRORS]:
        _complain(f"{file}: line {row.line}: {row.why}")
    if len(wrong) > _TOLD_ERRORS:
        _complain(f"{file}: and {len(wrong) - _TOLD_ERRORS} more")


def _say(line: str) -> None:
    Console().out(line, highlight=False)


def _complain(line: str) -> None:
    Console(stderr=True).out(line, highlight=False)
