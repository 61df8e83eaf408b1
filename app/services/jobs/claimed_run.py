"""What a claimed job works on."""

from app.domain.errors import LeaseLost
from app.domain.records.jobs import ClaimedJob, RunInputs
from app.repositories import jobs
from app.repositories.sql import Pool


async def read_claimed_run(pool: Pool, job: ClaimedJob) -> RunInputs:
    """Everything that the jobs of the claimed job's run work on.

    Raises:
        LeaseLost: the job was erased with its assessment.
    """
    run = await jobs.read_run(pool, job)
    if run is None:
        raise LeaseLost
    return run
