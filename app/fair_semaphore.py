"""A semaphore whose places go round all owners, so that nobody waits behind everything that another one has queued."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairSemaphore:
    """Lets `places` tasks in at the same time. A place that gets free goes to the waiting owner who holds the fewest;
    of several, to the one who was served longest ago. The tasks of one owner are served in their order."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._held: Counter[str] = Counter()
        # Owners are in the order in which they are served next.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def waiting(self) -> int:
        """How many tasks wait for a place."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        """Holds a place for the owner; waits for it first."""
        await self._take(owner)
        try:
            yield
        finally:
            self._release(owner)

    async def _take(self, owner: str) -> None:
        if self._free and not self._waiting:
            self._hold(owner)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(owner)
            else:
                self._forget(owner, turn)
            raise

    def _hold(self, owner: str) -> None:
        self._free -= 1
        self._held[owner] += 1

    def _release(self, owner: str) -> None:
        self._free += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        while self._free and self._waiting:
            self._serve(min(self._waiting, key=lambda waiting: self._held[waiting]))

    def _serve(self, owner: str) -> None:
        turns = self._waiting.pop(owner)
        turn = turns.popleft()
        if turns:
            self._waiting[owner] = turns  # at the end: others are served before
        if not turn.done():
            self._hold(owner)
            turn.set_result(None)

    def _forget(self, owner: str, turn: "asyncio.Future[None]") -> None:
        turns = self._waiting.get(owner)
        if turns and turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[owner]
