"""Reading the statuses of assessments in batches: one read answers everyone who polls or waits for an assessment."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NoReturn
from uuid import UUID

from app.domain.records.assessments import StatusHead, StatusRecord
from app.outages import report_database_error
from app.repositories import assessments
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.assessments.deadlines import resolve
from app.services.assessments.status import Status

# Assessments in one statement.
_BATCH = 100
# Batches read at the same time.
_CONCURRENT_BATCHES = 4
# Seconds that a batch which is not full waits for the one before it, since one statement for many assessments takes
# little more than one for a single one. A read that takes longer does not hold up the others.
_PATIENCE = 0.01
# Seconds that a read waits for a place, as requests wait for a connection.
_PLACE_SECONDS = 3.0
# Statuses that are kept, each of some 15 KB, because most polls find what the one before has found.
_MAX_KEPT = 500
# Seconds without further wake-ups for each client that a change has woken. To wake one takes some 40 µs, so all changes
# of an assessment together take a few hundredths of the process, however many clients wait for it.
_PAUSE_FOR_EACH = 0.001
# Seconds until the next try while Postgres is unavailable.
RETRY_SECONDS = 0.5

# A wait for a newer status; resolved with None if there is none in time.
PendingWait = asyncio.Future[Status | None]


@dataclass(slots=True)
class WatchedAssessment:
    """An assessment that clients of this process wait for."""

    # The newest revision known in this process, from a read here or from a waiter.
    revision: int = 0
    # The newest revision with which its status is known not to be final, and its owner; None if it is not known.
    open_revision: int = 0
    owner: str | None = None
    waiters: int = 0
    stopped: bool = False
    # Until then (event loop time) changes wake nobody; whether the assessment will be read again afterwards.
    quiet_until: float = 0
    wake_is_due: bool = False
    # The pending waits, each with the revision that its waiter has seen.
    waits: dict[PendingWait, int] = field(default_factory=dict)

    @property
    def is_known_to_be_open(self) -> bool:
        """Whether its owner is known, and that the status of its newest revision is not final."""
        return self.owner is not None and self.open_revision >= self.revision

    def wake(self, status: Status, now: float) -> bool:
        """Resolves the waits of clients that have seen an older revision than this one, and no others. False if it is
        too early for that; a final status is never too early."""
        self.revision = max(self.revision, status.revision)
        if not status.record.status.final:
            self.open_revision = max(self.open_revision, status.revision)
        if now < self.quiet_until and not status.record.status.final:
            return False
        outdated = [wait for wait, seen in self.waits.items() if seen < status.revision]
        if outdated:
            for wait in outdated:
                del self.waits[wait]
                resolve(wait, status)
            self.quiet_until = now + len(outdated) * _PAUSE_FOR_EACH
        return True

    def stop(self) -> None:
        """Resolves all waits with None; waits that begin later end at once."""
        self.stopped = True
        waits, self.waits = self.waits, {}
        for wait in waits:
            resolve(wait, None)


class _ReadRequest(asyncio.Event):
    """A read that one or more clients wait for. Set once it has the status, which is None if there is no assessment, or
    an error."""

    keep = False
    status: Status | None = None
    error: Exception | None = None


class StatusReader:
    """Reads statuses for all clients of this process and wakes those that wait in `watched`."""

    def __init__(self, pool: Pool, watched: Mapping[UUID, WatchedAssessment], max_kept: int = _MAX_KEPT) -> None:
        self._pool = pool
        self._max_kept = max_kept
        self._watched = watched
        self._requests: dict[UUID, _ReadRequest] = {}
        # The assessments to read. A dict keeps the order in which they were added: the oldest are read first.
        self._scheduled: dict[UUID, None] = {}
        self._not_empty = asyncio.Event()
        # The newest status of the assessments that were read last.
        self._kept: dict[UUID, Status] = {}

    async def read(self, assessment_id: UUID, *, keep: bool = True) -> Status | None:
        """The status at a moment after this call. All calls for one assessment that come before its next read share
        it. With `keep`, it is kept for the next read."""
        request = self._requests.setdefault(assessment_id, _ReadRequest())
        request.keep |= keep
        self.schedule([assessment_id])
        await request.wait()
        if request.error:
            raise request.error
        return request.status

    def schedule(self, assessment_ids: Iterable[UUID]) -> None:
        """Has these assessments read soon, to wake those who wait for them."""
        self._scheduled.update(dict.fromkeys(assessment_ids))
        if self._scheduled:
            self._not_empty.set()

    async def run(self) -> NoReturn:
        """Reads what is scheduled, until cancelled."""
        running = set[asyncio.Task[None]]()
        async with asyncio.TaskGroup() as batches:
            while True:
                await self._not_empty.wait()
                self._not_empty.clear()
                while self._scheduled:
                    if running and not await self._has_turn(running):
                        continue
                    batch = batches.create_task(self._read_batch(self._take_batch()))
                    running.add(batch)
                    batch.add_done_callback(running.discard)

    async def _has_turn(self, running: set[asyncio.Task[None]]) -> bool:
        """Waits until the next batch may be read. If there is no place for it in time, refuses the reads that wait."""
        full = len(running) >= _CONCURRENT_BATCHES
        if not full and len(self._scheduled) >= _BATCH:
            return True
        seconds = _PLACE_SECONDS if full else _PATIENCE
        ended, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if full and not ended:
            self._refuse_requests()
        return not full or bool(ended)

    def _refuse_requests(self) -> None:
        error = TimeoutError("reads of statuses take too long")
        report_database_error(error, "reading the statuses that clients wait for")
        for request in self._requests.values():
            request.error = error
            request.set()
        self._requests.clear()
        self._scheduled = {assessment_id: None for assessment_id in self._scheduled if assessment_id in self._watched}

    def _read_again(self, assessment_id: UUID, watched: WatchedAssessment) -> None:
        watched.wake_is_due = False
        if self._watched.get(assessment_id) is watched:
            self.schedule([assessment_id])

    def _take_batch(self) -> list[UUID]:
        batch = list(islice(self._scheduled, _BATCH))
        for assessment_id in batch:
            del self._scheduled[assessment_id]
        return batch

    async def _read_batch(self, batch: list[UUID]) -> None:
        requests = {
            assessment_id: self._requests.pop(assessment_id)
            for assessment_id in batch
            if assessment_id in self._requests
        }
        try:
            statuses = await self._read_statuses(batch, requests)
        except Exception as error:
            for request in requests.values():
                request.error = error
                request.set()
            if not isinstance(error, DATABASE_UNAVAILABLE):
                raise
            report_database_error(error, "reading the statuses that clients wait for")
            watched = [assessment_id for assessment_id in batch if assessment_id in self._watched]
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self.schedule, watched)
            return
        self._forget_erased(set(batch).difference(status.record.assessment_id for status in statuses))
        for status in statuses:
            self._wake(status)
            if status.record.assessment_id in requests:
                requests[status.record.assessment_id].status = status
        for request in requests.values():
            request.set()

    def _forget_erased(self, assessment_ids: Iterable[UUID]) -> None:
        for assessment_id in assessment_ids:
            if assessment_id in self._watched:
                self._watched[assessment_id].owner = None

    async def _read_statuses(self, batch: list[UUID], requests: Mapping[UUID, _ReadRequest]) -> list[Status]:
        kept = {assessment_id: self._kept.get(assessment_id) for assessment_id in batch}
        revisions = {assessment_id: status.revision if status else None for assessment_id, status in kept.items()}
        statuses = [
            _renewed(head, kept[head.assessment_id]) for head in await assessments.read_statuses(self._pool, revisions)
        ]
        for status in statuses:
            request = requests.get(status.record.assessment_id)
            if (request and request.keep) or status.record.assessment_id in self._kept:
                self._keep(status)
        return statuses

    def _keep(self, status: Status) -> None:
        newer = self._kept.pop(status.record.assessment_id, status)
        # Last, so that those make room that nobody has read for longest. A read that took long may be overtaken.
        self._kept[status.record.assessment_id] = newer if newer.revision > status.revision else status
        if len(self._kept) > self._max_kept:
            del self._kept[next(iter(self._kept))]

    def _wake(self, status: Status) -> None:
        loop, assessment_id = asyncio.get_running_loop(), status.record.assessment_id
        watched = self._watched.get(assessment_id)
        if watched and not watched.wake(status, loop.time()) and not watched.wake_is_due:
            watched.wake_is_due = True
            loop.call_at(watched.quiet_until, self._read_again, assessment_id, watched)


def _renewed(head: StatusRecord | StatusHead, kept: Status | None) -> Status:
    """The status that was read; the one that was kept, if it still is the same."""
    if isinstance(head, StatusRecord):
        return Status(head)
    if kept is None:
        raise RuntimeError("only the head was read, although nothing was kept")
    record = replace(kept.record, **vars(head))
    return kept if record == kept.record else Status(record)
