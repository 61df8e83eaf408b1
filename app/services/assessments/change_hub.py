"""Waiting for assessments to change: one subscription and one batched read serve all clients of a process.

A client that waits is registered before it reads the status, so that no change is missed in between. Changes arrive
through Redis. Because Redis may lose messages, the revisions of all watched assessments are also compared with the
database every few seconds, and whenever the subscription begins. No client holds a database connection while it waits.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn, Self
from uuid import UUID

from app.clients.redis.change_feed import ChangeFeed
from app.domain.errors import AssessmentWaitLimit, CallerWaitLimit, ServerWaitLimit
from app.lifecycle import running
from app.outages import report_database_error
from app.repositories import assessments
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.assessments.deadlines import Deadlines, resolve
from app.services.assessments.lookup import permitted
from app.services.assessments.status import Status
from app.services.assessments.status_reader import PendingWait, StatusReader, WatchedAssessment
from app.services.caller import Access

# Waiters in one server process: each takes some kilobytes and a socket. Of one caller: an advisor's page watches dozens
# of assessments, a client that forgets its polls thousands. Of one assessment: each change of it wakes all of them.
_MAX_WAITERS = 20_000
_MAX_WAITERS_OF_CALLER = 2_000
_MAX_WAITERS_OF_ASSESSMENT = 1_200
# Seconds between comparisons of revisions with the database.
CHECK_SECONDS = 5.0
# Seconds after the last waiter of an assessment has left: its client usually polls again at once, and what it waited at
# need not be read again then.
_REMEMBER_SECONDS = 2.0
# Revisions read by one statement.
_BATCH = 1_000


@dataclass(slots=True, eq=False)
class Waiter:
    """A client that waits for one assessment while the block runs."""

    _hub: "ChangeHub"
    _assessment_id: UUID
    _watched: WatchedAssessment
    # The principal that the client's credential stands for.
    _caller: str
    _wait: PendingWait | None = None
    ended: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hub.leave(self, self._assessment_id, self._watched, self._caller)

    def end(self) -> None:
        """Resolves its wait with None, and all later ones at once."""
        self.ended = True
        if self._wait is not None:
            resolve(self._wait, None)

    async def read(self, access: Access) -> Status:
        """The current status.

        Raises:
            NotFound, Forbidden.
        """
        status = await self._hub.read(self._assessment_id, access, keep=False)
        if status.owner == self._caller:
            self._watched.owner = self._caller
        return status

    def known_revision(self, access: Access) -> int | None:
        """The newest revision, if this is the owner, who waited for a newer one until a moment ago. It need not be read
        then; the status was not final with it. None if it has to be read."""
        watched = self._watched
        if watched.owner != access.caller.principal or not watched.is_known_to_be_open:
            return None
        access.check_owner(watched.owner)
        return watched.revision

    async def wait_for_newer(self, revision: int, deadline: float | None) -> Status | None:
        """The status as soon as its revision is higher than `revision`, the one that the client has seen. None at the
        deadline (event loop time; without one it waits for ever), when the process stops, or when the client's
        credential has been revoked."""
        if self.ended:
            return None
        if self._watched.revision > revision and not self._watched.wake_is_due:
            # The other waiters were woken while this one was still reading an older status.
            return await self._hub.reader.read(self._assessment_id, keep=False)
        if self._watched.stopped:
            return None
        if revision >= self._watched.revision:
            self._watched.open_revision = revision
        self._hub.note_seen(self._assessment_id, self._watched, revision)
        wait: PendingWait = asyncio.get_running_loop().create_future()
        self._wait, self._watched.waits[wait] = wait, revision
        if deadline is not None:
            self._hub.deadlines.add(wait, deadline)
        try:
            return await wait
        finally:
            if deadline is not None:
                self._hub.deadlines.discard(wait, deadline)
            self._watched.waits.pop(wait, None)
            self._wait = None


class ChangeHub:
    """All clients of this process that wait for changes, and the tasks that serve them."""

    def __init__(
        self,
        pool: Pool,
        change_feed: ChangeFeed,
        max_waiters: int = _MAX_WAITERS,
        max_waiters_of_caller: int = _MAX_WAITERS_OF_CALLER,
        max_waiters_of_assessment: int = _MAX_WAITERS_OF_ASSESSMENT,
    ) -> None:
        self._pool = pool
        self._change_feed = change_feed
        self._max_waiters = max_waiters
        self._max_waiters_of_caller = max_waiters_of_caller
        self._max_waiters_of_assessment = max_waiters_of_assessment
        self._watched: dict[UUID, WatchedAssessment] = {}
        # Those that nobody waits for any more, until they are forgotten (monotonic time); those that left first first.
        self._left: dict[UUID, float] = {}
        self._waiters_of_caller: dict[str, set[Waiter]] = {}
        self._waiters = 0
        self._stopped = False
        self.deadlines = Deadlines()
        self.reader = StatusReader(pool, self._watched)

    @property
    def waiting(self) -> int:
        """How many clients wait."""
        return self._waiters

    async def read(self, assessment_id: UUID, access: Access, *, keep: bool = True) -> Status:
        """The status of an assessment that the caller may have, at a moment after this call. Clients that read at the
        same time share one statement. It is kept for the next poll, unless the client waits for a change anyway.

        Raises:
            NotFound, Forbidden.
        """
        return permitted(await self.reader.read(assessment_id, keep=keep), access)

    def watch(self, assessment_id: UUID, caller: str) -> Waiter:
        """Registers a client until its `with` block ends; no change from now on is missed.

        Raises:
            CallerWaitLimit: too many requests of this caller wait.
            AssessmentWaitLimit: too many clients wait for this assessment.
            ServerWaitLimit: too many clients wait.
        """
        watched = self._watched.get(assessment_id)
        if len(self._waiters_of_caller.get(caller, ())) >= self._max_waiters_of_caller:
            raise CallerWaitLimit("too many of your requests wait for a change; end some of them")
        if watched and watched.waiters >= self._max_waiters_of_assessment:
            raise AssessmentWaitLimit("too many requests wait for changes of this assessment; end some of them")
        if self._waiters >= self._max_waiters:
            raise ServerWaitLimit("too many clients wait for changes; poll without waiting, or try again soon")
        if watched is None:
            watched = self._watched[assessment_id] = WatchedAssessment(stopped=self._stopped)
        self._left.pop(assessment_id, None)
        watched.waiters += 1
        self._waiters += 1
        waiter = Waiter(self, assessment_id, watched, caller)
        self._waiters_of_caller.setdefault(caller, set()).add(waiter)
        return waiter

    @property
    def callers(self) -> tuple[str, ...]:
        """The principals of all clients that wait."""
        return tuple(self._waiters_of_caller)

    def end_waits_of(self, caller: str) -> None:
        """Ends the waits and event streams of a principal whose credential has been revoked."""
        for waiter in tuple(self._waiters_of_caller.get(caller, ())):
            waiter.end()

    def leave(self, waiter: Waiter, assessment_id: UUID, watched: WatchedAssessment, caller: str) -> None:
        """Removes a client that has stopped waiting."""
        watched.waiters -= 1
        if not watched.waiters:
            if watched.is_known_to_be_open and not watched.stopped:
                self._left[assessment_id] = time.monotonic() + _REMEMBER_SECONDS
                self._forget_left()
            else:
                del self._watched[assessment_id]
        self._waiters -= 1
        self._waiters_of_caller[caller].discard(waiter)
        if not self._waiters_of_caller[caller]:
            del self._waiters_of_caller[caller]

    def _forget_left(self) -> None:
        while self._left:
            assessment_id, until = next(iter(self._left.items()))
            if until > time.monotonic() and len(self._left) <= self._max_waiters:
                break
            del self._left[assessment_id], self._watched[assessment_id]

    def note_seen(self, assessment_id: UUID, watched: WatchedAssessment, revision: int) -> None:
        """Notes that a client has seen this revision. The periodic check then no longer takes it for a change, and
        clients that have only seen an older one are woken by a read."""
        if revision > watched.revision:
            watched.revision = revision
            if watched.waits:
                self.reader.schedule([assessment_id])

    def stop(self) -> None:
        """Ends all waits, so that every client is answered with the status that there is."""
        self._stopped = True
        for watched in self._watched.values():
            watched.stop()

    async def run_subscription(self) -> NoReturn:
        """Has assessments read that other processes have changed; compares all revisions when messages may be lost."""
        async for changed in self._change_feed.subscribe():
            if changed is None:
                for batch in self._batches():
                    await self._check_revisions(batch)
            else:
                self.reader.schedule(changed & self._watched.keys())
        raise AssertionError("the subscription never ends")

    async def run_periodic_check(self) -> NoReturn:
        """Compares all revisions with the database every few seconds, one batch after the other: read at once, those of
        ten thousand would make changes wait that arrive meanwhile."""
        while True:
            self._forget_left()
            batches = self._batches()
            for batch in batches:
                await asyncio.sleep(CHECK_SECONDS / len(batches))
                await self._check_revisions(batch)

    def _batches(self) -> list[list[UUID]]:
        """All watched assessments; one empty batch if there are none."""
        ids = list(self._watched)
        return [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)] or [[]]

    async def _check_revisions(self, batch: list[UUID]) -> None:
        if not batch:
            return
        try:
            revisions = await assessments.read_revisions(self._pool, batch)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "looking for changes that clients wait for")
        else:
            self.reader.schedule(changed for changed, revision in revisions if self._is_newer(changed, revision))
            # What was erased is read as well, which finds that out.
            if len(revisions) < len(batch):
                self.reader.schedule(self._watched.keys() & set(batch).difference(found for found, _ in revisions))

    def _is_newer(self, assessment_id: UUID, revision: int) -> bool:
        watched = self._watched.get(assessment_id)
        return watched is not None and revision > watched.revision


@asynccontextmanager
async def open_change_hub(pool: Pool, change_feed: ChangeFeed) -> AsyncIterator[ChangeHub]:
    """A hub whose tasks run while the block runs."""
    hub = ChangeHub(pool, change_feed)
    work = (hub.run_subscription, hub.run_periodic_check, hub.reader.run)
    async with running(*work, failed="change_hub_task_failed"):
        yield hub
