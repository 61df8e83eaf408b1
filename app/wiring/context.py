"""What a server and a worker hold open: settings, database pool, job queue and change feed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

from redis.asyncio import Redis

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.clients.redis.job_queue import JobQueue
from app.domain.webhook.secret_cipher import SecretCipher, parse_key
from app.lifecycle import cancel_and_wait
from app.repositories.sql import Pool
from app.settings import Settings, WrongSetting
from app.wiring.outage_watch import watch_outages
from app.wiring.pool import open_pool_for


@dataclass(frozen=True)
class Context:
    """The open resources of a process."""

    settings: Settings
    pool: Pool
    job_queue: JobQueue
    change_feed: ChangeFeed

    @cached_property
    def secret_cipher(self) -> SecretCipher:
        """What encrypts webhook secrets in the database."""
        return secret_cipher(self.settings)


def connect_redis(settings: Settings) -> Redis:
    """A client that connects when it is first used.

    Raises:
        WrongSetting: REDIS_URL is missing or cannot be read.
    """
    try:
        return job_queue.connect(settings.secret("redis_url"))
    except ValueError as error:
        raise WrongSetting(f"REDIS_URL: {error}") from None


def secret_cipher(settings: Settings) -> SecretCipher:
    """What encrypts webhook secrets in the database with SECRETS_KEY; without one, nothing does."""
    return SecretCipher(parse_key(settings.secrets_key.get_secret_value()) if settings.secrets_key else None)


@asynccontextmanager
async def open_context(settings: Settings, name: str, acquire_seconds: float) -> AsyncIterator[Context]:
    """Opens what the settings name. A process starts, and says so on `/readyz`, even while Postgres or Redis is
    unavailable. Postgres shows `name` in its list of sessions.

    Raises:
        WrongSetting: DATABASE_URL or REDIS_URL is missing, or REDIS_URL cannot be read.
    """
    redis = connect_redis(settings)
    try:
        async with open_pool_for(settings, name, settings.database_pool_size, acquire_seconds) as pool:
            queue, changes = JobQueue(redis), ChangeFeed(redis)
            tasks = asyncio.create_task(changes.run_publisher()), asyncio.create_task(watch_outages(pool, queue))
            try:
                yield Context(settings, pool, queue, changes)
            finally:
                await cancel_and_wait(*tasks)
    finally:
        await redis.aclose()
