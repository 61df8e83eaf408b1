"""A record of all claims of jobs and writes to them, kept by a trigger in Postgres, so that none is missed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.repositories.sql import Pool
from tests.fakes.conditions import until

# `live`: whether the lease of the row had not expired when it was written. Every write by a job's holder updates its
# row.
_INSTALL = """
CREATE SCHEMA faults;
CREATE TABLE faults.ledger (
    id bigint GENERATED ALWAYS AS IDENTITY, job_id uuid, fence bigint, process text, claim boolean, live boolean,
    lease_expires_at timestamptz, at timestamptz
);
CREATE INDEX ON faults.ledger (job_id, fence);
CREATE FUNCTION faults.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO faults.ledger (job_id, fence, process, claim, live, lease_expires_at, at)
    VALUES (NEW.id, NEW.fence,
            concat_ws('/', current_setting('faults.process', true),
                      substring(current_setting('application_name') from 'pid ([0-9]+)')),
            NEW.fence > OLD.fence,
            OLD.lease_expires_at >= now(), NEW.lease_expires_at, clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER UPDATE ON async_jobs FOR EACH ROW
    WHEN (NEW.fence > OLD.fence OR OLD.status = 'in_progress') EXECUTE FUNCTION faults.note();
"""
_RUNNING_JOBS = """
SELECT l.process, j.id FROM async_jobs j JOIN faults.ledger l ON l.job_id = j.id AND l.fence = j.fence AND l.claim
WHERE j.status = 'in_progress'
"""
_WRITES_BY_OTHERS = """
SELECT w.job_id, w.fence, w.process, c.process AS holder
FROM faults.ledger w JOIN faults.ledger c ON c.job_id = w.job_id AND c.fence = w.fence AND c.claim
WHERE w.live AND NOT w.claim AND w.process IS DISTINCT FROM c.process
"""
_CLAIMS = """
SELECT c.fence, c.process, c.at,
       (SELECT max(l.lease_expires_at) FROM faults.ledger l
        WHERE l.job_id = c.job_id AND l.fence = c.fence) AS lease_end
FROM faults.ledger c WHERE c.job_id = $1 AND c.claim ORDER BY c.fence
"""


@dataclass(frozen=True)
class Claim:
    """One claim of a job, by Postgres' clock; `lease_end` is the end of the lease as of its last renewal."""

    fence: int
    process: str
    at: datetime
    lease_end: datetime


@dataclass(frozen=True)
class Ledger:
    """The recorded claims and writes. A process is known by the `process_name` of its service, and by its id if
    it is one of several."""

    pool: Pool

    async def install(self) -> None:
        """Creates the trigger that records."""
        await self.pool.execute(_INSTALL)

    async def running_jobs(self) -> dict[str, set[UUID]]:
        """The running jobs of each process."""
        jobs: dict[str, set[UUID]] = {}
        for process, job_id in await self.pool.fetch(_RUNNING_JOBS):
            jobs.setdefault(process, set()).add(job_id)
        return jobs

    async def wait_for_holder(self, job_id: UUID, claims: int = 1) -> str:
        """Waits until the job was claimed so many times; returns the process of the last claim."""

        async def claimed() -> bool:
            return len(await self.claims(job_id)) >= claims

        await until(claimed, 60)
        return (await self.claims(job_id))[-1].process

    async def claims(self, job_id: UUID) -> list[Claim]:
        """All claims of a job, oldest first."""
        return [Claim(*row) for row in await self.pool.fetch(_CLAIMS, job_id)]

    async def wait_for_heartbeat(self, job_id: UUID) -> None:
        """Returns right after the next heartbeat of the job's holder."""
        count = "SELECT count(*) FROM faults.ledger WHERE job_id = $1 AND NOT claim"
        before = await self.pool.fetchval(count, job_id)

        async def renewed() -> bool:
            return bool(await self.pool.fetchval(count, job_id) > before)

        await until(renewed, 60)

    async def writes_by_others(self) -> list[tuple[object, ...]]:
        """Writes to a job by a process that did not hold it while another one did: (job, fence, writer, holder)."""
        return [tuple(row) for row in await self.pool.fetch(_WRITES_BY_OTHERS)]
