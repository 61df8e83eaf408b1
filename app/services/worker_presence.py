"""Workers say that they are alive: a row for each, written every few seconds and forgotten when it gets old."""

import socket
from collections.abc import Mapping
from importlib.metadata import version
from uuid import UUID

from app.domain.records.workers import QueueLoad, WorkerRecord
from app.repositories.operations import workers
from app.repositories.sql import Executor, Pool

# Seconds between two reports of a worker.
REPORT_SECONDS = 10.0
# Seconds after which a worker counts as gone: it has missed two reports.
ALIVE_SECONDS = 35.0
_FORGET_SECONDS = 600.0


async def report(pool: Pool, worker_id: UUID, load: Mapping[str, QueueLoad]) -> int:
    """Says that this worker is alive and how busy it is; 0, since nothing is left to do."""
    await workers.report(pool, worker_id, socket.gethostname(), version("assay"), load, _FORGET_SECONDS)
    return 0


async def leave(pool: Pool, worker_id: UUID) -> None:
    """Forgets this worker, which stops."""
    await workers.leave(pool, worker_id)


async def list_alive(db: Executor) -> list[WorkerRecord]:
    """The workers that are alive."""
    return await workers.list_alive(db, ALIVE_SECONDS)
