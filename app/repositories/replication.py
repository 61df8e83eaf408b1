"""How far a standby is behind."""

from dataclasses import dataclass

from app.repositories.sql import Executor, statements

_SQL = statements("replication")


@dataclass(frozen=True)
class Position:
    """A database of a cluster, and the end of its log of changes in bytes: on a standby, of what it has replayed; None
    where it has replayed nothing yet."""

    cluster: int
    database: str
    is_standby: bool
    written: int | None


async def read_position(db: Executor) -> Position:
    """The position at this moment."""
    (row,) = await db.fetch(_SQL["position"])
    return Position(**row)
