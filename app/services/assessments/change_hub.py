"""Waiting for an assessment to change, by many clients at once: one subscription and one read for all of them.

Whoever waits is registered first and reads then, so that no change falls between. A change is heard through Redis;
the revisions of all that is waited for are looked at every few seconds as well, and whenever the subscription is new.
Nobody holds a connection to Postgres while waiting.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import NoReturn, Self
from uuid import UUID

import structlog

from app.clients.redis.change_feed import ChangeFeed
from app.domain.errors import NotFound, TooManyWaiting, TooManyWaits
from app.domain.records.assessments import StatusRecord
from app.lifecycle import end
from app.outages import report_database_error
from app.repositories import assessments
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.assessments.deadlines import Deadlines, resolve
from app.services.assessments.status import Status, status_of
from app.services.caller import Access

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
# Reads of statuses at once. Under load each waits for its turn in the process more than for Postgres: one after the
# other, they would be what everybody waits for.
_READS = 4
# Seconds until the next try while Postgres is away.
_PAUSE = 0.5

# What one waits for: the newer status, or None where there is none in time.
_Change = asyncio.Future[Status | None]


@dataclass(slots=True)
class _Followed:
    """An assessment that somebody waits for."""

    # The newest revision known in this process, from a read here or from a waiter.
    revision: int = 0
    waiters: int = 0
    stopped: bool = False
    # Each pending wait with the revision that its waiter has seen.
    changes: dict[_Change, int] = field(default_factory=dict)

    def wake(self, record: StatusRecord) -> None:
        """Answers the waiters who have seen an older revision than the record's."""
        self.revision = max(self.revision, record.revision)
        outdated = [change for change, seen in self.changes.items() if seen < record.revision]
        if outdated:
            status = status_of(record)
            for change in outdated:
                del self.changes[change]
                resolve(change, status)

    def stop(self) -> None:
        """Answers every waiter with None, also those still to come."""
        self.stopped = True
        changes, self.changes = self.changes, {}
        for change in changes:
            resolve(change, None)


class _Asked(asyncio.Event):
    """A read that several wait for: what it found, or why it found nothing."""

    record: StatusRecord | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Waiter:
    """One who waits for one assessment while the block runs."""

    _hub: "ChangeHub"
    _assessment_id: UUID
    _followed: _Followed
    _caller: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hub.leave(self._assessment_id, self._followed, self._caller)

    async def read(self, access: Access) -> Status:
        """The status as it is; read together with what others ask for.

        Raises:
            NotFound, Forbidden.
        """
        record = await self._hub.ask(self._assessment_id)
        if record is None:
            raise NotFound("there is no such assessment")
        access.check_owner(record.owner)
        return status_of(record)

    async def wait_for_newer(self, revision: int, deadline: float | None) -> Status | None:
        """A status with a higher revision than this one, which the caller has seen; None at the deadline (of the loop's
        clock; without one it waits for ever), or where the process stops."""
        if self._followed.revision > revision:
            # The others were woken while this one was still reading an older status.
            record = await self._hub.ask(self._assessment_id)
            return status_of(record) if record else None
        if self._followed.stopped:
            return None
        self._hub.learn(self._assessment_id, self._followed, revision)
        change: _Change = asyncio.get_running_loop().create_future()
        self._followed.changes[change] = revision
        if deadline is not None:
            self._hub.deadlines.add(change, deadline)
        try:
            return await change
        finally:
            if deadline is not None:
                self._hub.deadlines.discard(change, deadline)
            self._followed.changes.pop(change, None)


class ChangeHub:
    """All who wait in this process."""

    def __init__(
        self, pool: Pool, changes: ChangeFeed, most: int = _MOST, most_of_one_caller: int = _MOST_OF_ONE_CALLER
    ) -> None:
        self._most = most
        self._most_of_one_caller = most_of_one_caller
        self._pool = pool
        self._changes = changes
        self._followed: dict[UUID, _Followed] = {}
        self._callers: Counter[str] = Counter()
        self._waiting = 0
        self._stopped = False
        self.deadlines = Deadlines()
        self._asked: dict[UUID, _Asked] = {}
        # In the order in which they came: under load nobody waits longer than his turn.
        self._changed: dict[UUID, None] = {}
        self._some = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._waiting

    def watch(self, assessment_id: UUID, caller: str) -> Waiter:
        """Registers a waiter, until the block that it is used in ends; what changes from here on is not missed.

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
        return Waiter(self, assessment_id, followed, caller)

    def leave(self, assessment_id: UUID, followed: _Followed, caller: str) -> None:
        """Forgets a waiter."""
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
            followed.stop()

    def learn(self, assessment_id: UUID, followed: _Followed, revision: int) -> None:
        """Takes note that a waiter has seen this revision: looks then find nothing new in it, and waiters who have only
        seen an older one get a read."""
        if revision > followed.revision:
            followed.revision = revision
            if followed.changes:
                self._note([assessment_id])

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
        async for changed in self._changes.subscribe():
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
                await asyncio.gather(*(self._read(self._oldest()) for _ in range(_READS) if self._changed))

    def _oldest(self) -> list[UUID]:
        oldest = list(islice(self._changed, _STATUSES))
        for each in oldest:
            del self._changed[each]
        return oldest

    async def _read(self, changed: list[UUID]) -> None:
        asked = {each: self._asked.pop(each) for each in changed if each in self._asked}
        try:
            records = await assessments.read_statuses(self._pool, changed)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "reading changed assessments")
            for each in asked.values():
                each.error = error
                each.set()
            self._note(each for each in changed if each in self._followed)
            await asyncio.sleep(_PAUSE)
            return
        for record in records:
            followed = self._followed.get(record.assessment_id)
            if followed:
                followed.wake(record)
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
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "looking for changed assessments")

    def _behind(self, assessment_id: UUID, revision: int) -> bool:
        followed = self._followed.get(assessment_id)
        return followed is not None and revision > followed.revision

    def _note(self, changed: Iterable[UUID]) -> None:
        self._changed.update(dict.fromkeys(changed))
        if self._changed:
            self._some.set()


@asynccontextmanager
async def open_change_hub(pool: Pool, changes: ChangeFeed) -> AsyncIterator[ChangeHub]:
    """Runs what those who wait rely on."""
    waiters = ChangeHub(pool, changes)
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
