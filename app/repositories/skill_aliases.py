"""The list of other names of skills that a deployment has imported."""

from collections.abc import Sequence

from app.repositories.sql import Connection, Executor, statements

_SQL = statements("skill_aliases")


async def read(db: Executor) -> tuple[tuple[str, str], ...]:
    """All pairs of another name and its skill, by skill."""
    return tuple((row["alias"], row["skill"]) for row in await db.fetch(_SQL["read"]))


async def replace(conn: Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Puts these pairs in the place of all others."""
    await conn.execute(_SQL["lock"])
    await conn.execute(_SQL["clear"])
    await conn.execute(_SQL["add"], [alias for alias, _ in pairs], [skill for _, skill in pairs])
