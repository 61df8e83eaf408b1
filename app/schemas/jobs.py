"""Lists of jobs in the API."""

from app.domain.records.jobs import JobRecord
from app.domain.values import Frozen


class JobPage(Frozen):
    """A page of jobs."""

    items: tuple[JobRecord, ...]
    next_cursor: str | None
