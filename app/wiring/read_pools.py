"""The pools for reads that may be some seconds old."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.lifecycle import running
from app.repositories.sql import Pool
from app.services.read_pools import ReadPools
from app.settings import Settings
from app.wiring.pool import open_pool

# Shorter than for the primary, which takes over.
_ACQUIRE_SECONDS = 2.0


@asynccontextmanager
async def open_read_pools(settings: Settings, primary: Pool, name: str) -> AsyncIterator[ReadPools]:
    """With DATABASE_READ_URL, a pool of its own for the replica, which is checked while the block runs."""
    url = settings.database_read_url
    if url is None:
        yield ReadPools(primary)
        return
    opened = open_pool(
        url.get_secret_value(),
        name,
        settings.database_pool_size,
        _ACQUIRE_SECONDS,
        pooler=settings.database_pooler,
    )
    async with opened as replica:
        reads = ReadPools(primary, replica, settings.database_read_max_lag)
        async with running(reads.watch, failed="replica_check_failed"):
            yield reads
