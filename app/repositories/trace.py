"""The whole way of a result."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import TypeAdapter

from app.domain.records.jobs import RunRef
from app.domain.records.trace import ModelCallRow, TracedDelivery, TracedJob, TracedOverride, TraceRows
from app.domain.result.model import Result
from app.repositories.sql import Executor, statements

_SQL = statements("trace")
# A run asks about each essay a few times; of more calls, which only endless trouble makes, the first are told.
_MOST_CALLS = 500
_jobs: TypeAdapter[tuple[TracedJob, ...]] = TypeAdapter(tuple[TracedJob, ...])
_calls: TypeAdapter[tuple[ModelCallRow, ...]] = TypeAdapter(tuple[ModelCallRow, ...])
_overrides: TypeAdapter[tuple[TracedOverride, ...]] = TypeAdapter(tuple[TracedOverride, ...])
_deliveries: TypeAdapter[tuple[TracedDelivery, ...]] = TypeAdapter(tuple[TracedDelivery, ...])


async def find_run(db: Executor, assessment_id: UUID, run: int | None) -> int | None:
    """The newest run with a result, or the named one; None where there is none."""
    found: int | None = await db.fetchval(_SQL["find_run"], assessment_id, run)
    return found


async def read_result(db: Executor, run: RunRef) -> Result | None:
    """The run's own result; None where it has none."""
    body = await db.fetchval(_SQL["read_result"], run.assessment_id, run.run)
    return Result.model_validate_json(body) if body else None


async def read_rows(db: Executor, run: RunRef, fingerprints: Sequence[bytes]) -> TraceRows:
    """What there is of a run that exists, with the answers that others bought to prompts of these fingerprints."""
    row = await db.fetchrow(_SQL["read_rows"], run.assessment_id, run.run, list(fingerprints), _MOST_CALLS)
    if row is None:
        raise RuntimeError("a statement without a table is one row")
    return TraceRows(
        jobs=_jobs.validate_python(row["jobs"]),
        calls=_calls.validate_python(row["calls"]),
        overrides=_overrides.validate_python(row["overrides"]),
        deliveries=_deliveries.validate_python(row["deliveries"]),
    )
