"""Grade books: a row for each assessment, however many there are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import ExportLimit
from app.domain.records.gradebook import GradebookRow
from app.repositories import analytics
from app.repositories.sql import Connection, Pool
from app.schemas import gradebook_view
from app.services.read_pools import ReadPools

# Grade books that one process writes at the same time. Each holds a connection, and its cursor keeps Postgres from
# removing what is deleted meanwhile.
_MAX_OPEN = 2
# Of the connections of a small pool, most are left to other requests.
_CONNECTIONS_FOR_EACH = 4


@dataclass(frozen=True, slots=True)
class GradebookFilter:
    """Which assessments: of this track, started from `start` up to `end`, which is excluded. None: all."""

    track: str | None = None
    start: datetime | None = None
    end: datetime | None = None


class Gradebooks:
    """Opens grade books, a few at the same time."""

    def __init__(self, reads: ReadPools, connections: int, wait_seconds: float = 2.0) -> None:
        """`connections` is the size of a pool; a place is waited for at most `wait_seconds`."""
        self._reads, self._wait_seconds = reads, wait_seconds
        self._places = asyncio.Semaphore(max(1, min(_MAX_OPEN, connections // _CONNECTIONS_FOR_EACH)))

    @asynccontextmanager
    async def open(self, wanted: GradebookFilter) -> AsyncIterator[AsyncIterator[list[GradebookRow]]]:
        """The rows in batches, the oldest assessments first, all as of this moment. They hold a connection until the
        block ends, so it needs a time limit.

        Raises:
            ExportLimit: too many are open already.
        """
        try:
            # Who has just read the end of one may ask for the next before the server has closed it.
            async with asyncio.timeout(self._wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise ExportLimit("too many grade books are being written at the moment; try again soon") from None
        try:
            async with AsyncExitStack() as stack:
                yield _batches(await self._reads.read(lambda pool: _open(pool, wanted, stack)))
        finally:
            self._places.release()


async def _open(pool: Pool, wanted: GradebookFilter, stack: AsyncExitStack) -> Connection:
    """The connection that reads the grade book, held by `stack`."""
    async with AsyncExitStack() as opening:
        conn: Connection = await opening.enter_async_context(pool.acquire())
        await opening.enter_async_context(conn.transaction(readonly=True))
        await analytics.open_gradebook(conn, wanted.track, wanted.start, wanted.end)
        stack.push_async_exit(opening.pop_all())
        return conn


async def _batches(conn: Connection) -> AsyncIterator[list[GradebookRow]]:
    while rows := await analytics.next_gradebook_rows(conn):
        yield [gradebook_view(row) for row in rows]
