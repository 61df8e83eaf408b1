"""Recording when API keys were last used: outside of the requests, and at most once a minute for each key."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn
from uuid import UUID

from cachetools import TTLCache

from app.outages import report_database_error
from app.repositories import api_keys
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool

# Seconds between two recorded uses of a key. A shown time is at most so much older than the last use.
_SECONDS_BETWEEN = 60.0
# Seconds between two statements, each for all keys that were used.
_PAUSE = 1.0
# As many keys as a process remembers otherwise. Uses of further ones are recorded later.
_MAX_KEYS = 10_000


class KeyUses:
    """The uses of keys that are to be recorded. `clock` gives Unix seconds."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._clock = clock
        self._due: dict[UUID, datetime] = {}
        self._recorded: TTLCache[UUID, None] = TTLCache(_MAX_KEYS, _SECONDS_BETWEEN, clock)

    def note(self, key_id: UUID) -> None:
        """Has this use recorded soon, unless one of the last minute was."""
        if key_id not in self._recorded and key_id not in self._due and len(self._due) < _MAX_KEYS:
            self._due[key_id] = datetime.fromtimestamp(self._clock(), UTC)

    async def run(self) -> NoReturn:
        """Records uses until cancelled, and then what is left."""
        try:
            while True:
                await asyncio.sleep(_PAUSE)
                await self.record()
        finally:
            await self.record()

    async def record(self) -> None:
        """Records the uses that are due; leaves them for later while Postgres is unavailable."""
        if not self._due:
            return
        uses = dict(self._due)
        try:
            await api_keys.record_uses(self._pool, uses, _SECONDS_BETWEEN)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "recording uses of API keys")
            return
        for key_id in uses:
            del self._due[key_id]
            self._recorded[key_id] = None
