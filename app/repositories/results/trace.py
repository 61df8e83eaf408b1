"""Everything that led to a result, for advisors and admins."""

from collections.abc import Sequence
from uuid import UUID

from app.domain.records.jobs import RunRef
from app.domain.records.trace import TraceRows
from app.domain.result.model import Result
from app.repositories import decoding
from app.repositories.sql import Executor, statements

_SQL = statements("trace")
# A run calls the model a few times for each essay. Only endless failures make more calls; the first of them are shown.
_MAX_CALLS = 500


async def find_run(db: Executor, assessment_id: UUID, run: int | None) -> int | None:
    """The number of the newest run with a result, or `run` itself; None if there is no such run."""
    number: int | None = await db.fetchval(_SQL["find_run"], assessment_id, run)
    return number


async def read_result(db: Executor, run: RunRef) -> Result | None:
    """The run's own result; None if it has none."""
    body = await db.fetchval(_SQL["read_result"], run.assessment_id, run.run)
    return decoding.result(body) if body else None


async def read_rows(db: Executor, run: RunRef, fingerprints: Sequence[bytes]) -> TraceRows:
    """The jobs, model calls, overrides and deliveries of a run that exists, with answers to the prompts of these
    fingerprints that were cached by other runs."""
    row = await db.fetchrow(_SQL["read_rows"], run.assessment_id, run.run, list(fingerprints), _MAX_CALLS)
    if row is None:
        raise RuntimeError("a SELECT without FROM is one row")
    return TraceRows(**row)
