"""Where statistics, exports and long lists are read: from a replica, or from the primary without one that is usable."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from app.outages import REPLICA, report_database_error
from app.repositories.replication import Position, read_position
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool

OK = "ok"
_UNKNOWN = "not checked yet"
_UNREACHABLE = "not reachable"
_OTHER = "not a standby of DATABASE_URL"
_LAGS = "too far behind"
_SECONDS_BETWEEN_CHECKS = 5.0
# Positions of the primary that are remembered while the replica has not reached them.
_MOST_POSITIONS = 1_000

_T = TypeVar("_T")


class ReplicaUnusable(Exception):
    """The replica answers, but is not used."""


class ReadPools:
    """Chooses the pool for reads that may be some seconds old: not for what callers have just written."""

    def __init__(
        self,
        primary: Pool,
        replica: "Pool | None" = None,
        max_lag: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The replica is used from the first check on that finds it at most `max_lag` seconds behind."""
        self._primary, self._replica, self._max_lag, self._clock = primary, replica, max_lag, clock
        self._state = _UNKNOWN
        # Positions that the primary had at certain times, the oldest first, without those that the replica has reached.
        self._ahead: deque[tuple[float, int]] = deque()

    @property
    def state(self) -> str | None:
        """`ok` while the replica is used, or why it is not; None if there is none."""
        return self._state if self._replica is not None else None

    @property
    def pool(self) -> Pool:
        """The pool to use at this moment, for reads that take longer than one call."""
        return self._replica if self._replica is not None and self._state == OK else self._primary

    async def read(self, call: Callable[[Pool], Awaitable[_T]]) -> _T:
        """What `call` reads from the replica, or from the primary if the replica fails meanwhile."""
        pool = self.pool
        if pool is self._primary:
            return await call(pool)
        try:
            return await call(pool)
        except DATABASE_UNAVAILABLE as error:
            self._give_up(_UNREACHABLE, error)
        return await call(self._primary)

    async def watch(self) -> NoReturn:
        """Checks the replica every few seconds."""
        while True:
            await self.check()
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)

    async def check(self) -> None:
        """Decides whether the replica is used until the next check."""
        if self._replica is None:
            return
        primary = await self._read_primary()
        try:
            replica = await read_position(self._replica)
        except DATABASE_UNAVAILABLE as error:
            self._give_up(_UNREACHABLE, error)
            return
        same = primary is None or (primary.cluster, primary.database) == (replica.cluster, replica.database)
        if not replica.is_standby or not same:
            self._give_up(_OTHER, ReplicaUnusable(f"it is {_OTHER}"))
            return
        lag = self._lag(replica)
        if lag > self._max_lag:
            self._give_up(_LAGS, ReplicaUnusable(f"it is {lag:.0f} s behind"))
        elif primary is not None or self._state == OK:
            self._state = OK
            REPLICA.record_success()

    async def _read_primary(self) -> Position | None:
        """Its position; None while it is unavailable, when nobody can say how far the replica is behind."""
        try:
            position = await read_position(self._primary)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "comparing the replica")
            return None
        if not position.is_standby and position.written is not None and len(self._ahead) < _MOST_POSITIONS:
            self._ahead.append((self._clock(), position.written))
        return position

    def _lag(self, replica: Position) -> float:
        """For how many seconds the primary has had changes that the replica does not have. Neither their clocks matter,
        nor how long nothing has changed."""
        while self._ahead and self._ahead[0][1] <= (replica.written or 0):
            self._ahead.popleft()
        return self._clock() - self._ahead[0][0] if self._ahead else 0.0

    def _give_up(self, state: str, error: Exception) -> None:
        self._state = state
        REPLICA.report(error, "reading from the replica")
