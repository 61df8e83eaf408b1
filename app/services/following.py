"""Waiting for an assessment to change, by many clients at once: one subscription and one read for all of them.

Whoever waits is registered first and reads then, so that no change falls between. A change is heard through Redis;
the revisions of all that is waited for are looked at every few seconds as well, and whenever the subscription is new.
Nobody holds a connection to Postgres while waiting.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID

import structlog

from app.clients.changes import Changes
from app.domain.errors import NotFound, TooManyWaiting, TooManyWaits
from app.domain.records import StatusRecord
from app.ending import end
from app.repositories import assessments
from app.repositories.sql import STORAGE_AWAY, Pool
from app.services.caller import Caller
from app.services.follow import Status, status_of

log = structlog.get_logger()

# Waiters in one server process: each is some kilobytes and a socket. Of one caller: an advisor's page follows dozens,
# a client that forgets its polls thousands.
_MOST = 20_000
_MOST_OF_ONE_CALLER = 2_000
# Seconds between looks that nobody asked for.
LOOK_SECONDS = 5.0
# Assessments in one statement.
_STATUSES = 100
_REVISIONS = 1_000
# Seconds until the next try while Postgres is away.
_PAUSE = 0.5


class _Change(asyncio.Event):
    """Something that those who wait for it share: the status that they wait for, once it is there."""

    status: Status | None = None


@dataclass(slots=True)
class _Followed:
    """An assessment that somebody waits for."""

    # The newest revision that every waiter has seen.
    revision: int = 0
    waiters: int = 0
    stopped: bool = False
    change: _Change = field(default_factory=_Change)


class _Asked(asyncio.Event):
    """A read that several wait for: what it found, or why it found nothing."""

    record: StatusRecord | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Follower:
    """One who waits for one assessment."""

    _hub: "Following"
    _assessment_id: UUID
    _followed: _Followed

    async def read(self, caller: Caller) -> Status:
        """The status as it is; read together with what others ask for.

        Raises:
            NotFound, Forbidden.
        """
        record = await self._hub.ask(self._assessment_id)
        if record is None:
            raise NotFound("there is no such assessment")
        caller.require_reader(record.owner)
        return status_of(record)

    async def newer(self, revision: int, deadline: float | None) -> Status | None:
        """A status newer than this revision, which has been seen; None at the deadline (of the loop's clock; without
        one it waits for ever), or where the process stops."""
        if self._followed.revision > revision:
            # Told to the others while this one was still reading what came before.
            record = await self._hub.ask(self._assessment_id)
            return status_of(record) if record else None
        if self._followed.stopped:
            return None
        change = self._followed.change
        try:
            async with asyncio.timeout_at(deadline):
                await change.wait()
        except TimeoutError:
            return None
        return change.status


class Following:
    """All who wait in this process."""

    def __init__(
        self, pool: Pool, changes: Changes, most: int = _MOST, most_of_one_caller: int = _MOST_OF_ONE_CALLER
    ) -> None:
        self._most = most
        self._most_of_one_caller = most_of_one_caller
        self._pool = pool
        self._changes = changes
        self._followed: dict[UUID, _Followed] = {}
        self._callers: Counter[str] = Counter()
        self._waiting = 0
        self._stopped = False
        self._asked: dict[UUID, _Asked] = {}
        self._changed: set[UUID] = set()
        self._some = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._waiting

    @contextmanager
    def follow(self, assessment_id: UUID, caller: str) -> Iterator["Follower"]:
        """Registers a waiter; what changes from here on is not missed.

        Raises:
            TooManyWaits: the caller has too many waiters.
            TooManyWaiting: all callers together have.
        """
        if self._callers[caller] >= self._most_of_one_caller:
            raise TooManyWaits("too many of your requests wait for a change; end some of them")
        if self.waiting >= self._most:
            raise TooManyWaiting("too many clients wait for changes; poll without waiting, or try again soon")
        followed = self._followed.setdefault(assessment_id, _Followed(stopped=self._stopped))
        followed.waiters += 1
        self._callers[caller] += 1
        self._waiting += 1
        try:
            yield Follower(self, assessment_id, followed)
        finally:
            followed.waiters -= 1
            if not followed.waiters:
                del self._followed[assessment_id]
            self._waiting -= 1
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]

    def stop(self) -> None:
        """Has everyone who waits answer with what there is."""
        self._stopped = True
        for followed in self._followed.values():
            followed.stopped = True
            followed.change.set()

    async def ask(self, assessment_id: UUID) -> StatusRecord | None:
        """What is true of the assessment from now on; all that is asked for while one read runs is read by the next."""
        asked = self._asked.setdefault(assessment_id, _Asked())
        self._note([assessment_id])
        await asked.wait()
        if asked.error:
            raise asked.error
        return asked.record

    async def hear(self) -> NoReturn:
        """Notes what changes."""
        async for changed in self._changes.hear():
            if changed is None:
                await self._look()
            else:
                self._note(changed & self._followed.keys())
        raise AssertionError("the channel never ends")

    async def look(self) -> NoReturn:
        """Looks at everything that is waited for, again and again."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def read(self) -> NoReturn:
        """Reads what has changed, once for all who wait for it, and wakes them."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._changed:
                await self._read([self._changed.pop() for _ in range(min(len(self._changed), _STATUSES))])

    async def _read(self, changed: list[UUID]) -> None:
        asked = {each: self._asked.pop(each) for each in changed if each in self._asked}
        try:
            records = await assessments.read_statuses(self._pool, changed)
        except STORAGE_AWAY as error:
            log.warning("changes_not_read", error=type(error).__name__)
            for each in asked.values():
                each.error = error
                each.set()
            self._note(each for each in changed if each in self._followed)
            await asyncio.sleep(_PAUSE)
            return
        for record in records:
            followed = self._followed.get(record.assessment_id)
            if followed and record.revision > followed.revision:
                _wake(followed, status_of(record))
            if record.assessment_id in asked:
                asked[record.assessment_id].record = record
        for each in asked.values():
            each.set()

    async def _look(self) -> None:
        try:
            ids = list(self._followed)
            for start in range(0, len(ids), _REVISIONS):
                revisions = await assessments.read_revisions(self._pool, ids[start : start + _REVISIONS])
                self._note(changed for changed, revision in revisions if self._behind(changed, revision))
        except STORAGE_AWAY as error:
            log.warning("changes_not_looked_for", error=type(error).__name__)

    def _behind(self, assessment_id: UUID, revision: int) -> bool:
        followed = self._followed.get(assessment_id)
        return followed is not None and revision > followed.revision

    def _note(self, changed: Iterable[UUID]) -> None:
        self._changed.update(changed)
        if self._changed:
            self._some.set()


def _wake(followed: _Followed, status: Status) -> None:
    woken, followed.change = followed.change, _Change()
    followed.revision = status.revision
    woken.status = status
    woken.set()


@asynccontextmanager
async def following(pool: Pool, changes: Changes) -> AsyncIterator[Following]:
    """Runs what those who wait rely on."""
    waiters = Following(pool, changes)
    tasks = [asyncio.create_task(_forever(work)) for work in (waiters.hear, waiters.look, waiters.read)]
    try:
        yield waiters
    finally:
        await end(*tasks)


async def _forever(work: Callable[[], Awaitable[NoReturn]]) -> NoReturn:
    """A fault of ours in one of these would leave everyone waiting: it is logged, and the work begins anew."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("following_raised")
        await asyncio.sleep(_PAUSE)
