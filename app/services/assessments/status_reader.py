"""Reading the statuses of watched assessments in batches: one read answers everyone who waits for an assessment."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NoReturn
from uuid import UUID

from app.domain.records.assessments import StatusRecord
from app.outages import report_database_error
from app.repositories import assessments
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.assessments.deadlines import resolve
from app.services.assessments.status import Status

# Assessments in one statement.
_BATCH = 100
# Batches read at the same time. Under load a batch waits longer for its turn in this process than for Postgres, so
# reading one after the other would make everyone wait.
_CONCURRENT_BATCHES = 4
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
    waiters: int = 0
    stopped: bool = False
    # Until then (event loop time) changes wake nobody; whether the assessment will be read again afterwards.
    quiet_until: float = 0
    wake_is_due: bool = False
    # The pending waits, each with the revision that its waiter has seen.
    waits: dict[PendingWait, int] = field(default_factory=dict)

    def wake(self, record: StatusRecord, now: float) -> bool:
        """Resolves the waits of clients that have seen an older revision than the record's, and no others. False if it
        is too early for that; a final status is never too early."""
        self.revision = max(self.revision, record.revision)
        if now < self.quiet_until and not record.status.final:
            return False
        outdated = [wait for wait, seen in self.waits.items() if seen < record.revision]
        if outdated:
            status = Status(record)
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
    """A read that one or more clients wait for. Set once it has the record, which is None if there is no assessment, or
    an error."""

    record: StatusRecord | None = None
    error: Exception | None = None


class StatusReader:
    """Reads statuses for all clients of this process and wakes those that wait in `watched`."""

    def __init__(self, pool: Pool, watched: Mapping[UUID, WatchedAssessment]) -> None:
        self._pool = pool
        self._watched = watched
        self._requests: dict[UUID, _ReadRequest] = {}
        # The assessments to read. A dict keeps the order in which they were added: the oldest are read first.
        self._scheduled: dict[UUID, None] = {}
        self._not_empty = asyncio.Event()

    async def read(self, assessment_id: UUID) -> StatusRecord | None:
        """The status at a moment after this call. All calls for one assessment that come before its next read share
        it."""
        request = self._requests.setdefault(assessment_id, _ReadRequest())
        self.schedule([assessment_id])
        await request.wait()
        if request.error:
            raise request.error
        return request.record

    def schedule(self, assessment_ids: Iterable[UUID]) -> None:
        """Has these assessments read soon, to wake those who wait for them."""
        self._scheduled.update(dict.fromkeys(assessment_ids))
        if self._scheduled:
            self._not_empty.set()

    async def run(self) -> NoReturn:
        """Reads what is scheduled, until cancelled."""
        while True:
            await self._not_empty.wait()
            self._not_empty.clear()
            while self._scheduled:
                batches = (self._take_batch() for _ in range(_CONCURRENT_BATCHES) if self._scheduled)
                await asyncio.gather(*(self._read_batch(batch) for batch in batches))

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
        loop = asyncio.get_running_loop()
        requests = {
            assessment_id: self._requests.pop(assessment_id)
            for assessment_id in batch
            if assessment_id in self._requests
        }
        try:
            records = await assessments.read_statuses(self._pool, batch)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "reading the statuses that clients wait for")
            for request in requests.values():
                request.error = error
                request.set()
            self.schedule(assessment_id for assessment_id in batch if assessment_id in self._watched)
            await asyncio.sleep(RETRY_SECONDS)
            return
        for record in records:
            watched = self._watched.get(record.assessment_id)
            if watched and not watched.wake(record, loop.time()) and not watched.wake_is_due:
                watched.wake_is_due = True
                loop.call_at(watched.quiet_until, self._read_again, record.assessment_id, watched)
            if record.assessment_id in requests:
                requests[record.assessment_id].record = record
        for request in requests.values():
            request.set()
