"""The index over all vectors (HNSW), for catalogues that are too large to compare each vector every time."""

from app.repositories.sql import Connection, Executor, statements

_SQL = statements("vector_index")
# Places that each look into the index compares: some ten times what is wanted, for a share that is hardly missed.
_LOOKED_AT = 400
# Seconds that building it may take, a hundred thousand passages a minute or so.
_BUILDING = 6 * 3600.0


async def is_used(db: Executor, limit: int) -> bool:
    """Whether there are about more passages than `limit`, and an index that can be used."""
    row = await db.fetchrow(_SQL["found"])
    return row is not None and row["passages"] > limit and bool(row["usable"])


async def use(conn: Connection) -> None:
    """Until the transaction ends, searches for the nearest vectors go by the index."""
    await conn.execute(_SQL["use"], str(_LOOKED_AT))


async def is_wanted(db: Executor, limit: int) -> bool:
    """Whether there are about more passages than `limit`, and no index that can be used."""
    row = await db.fetchrow(_SQL["found"])
    return row is not None and row["passages"] > limit and not row["usable"]


async def build(conn: Connection) -> bool:
    """Builds it in place of what another build left behind, which takes minutes; searches and writes go on. False where
    somebody else is at it. For a connection whose limits are lifted (`credentials.tidy` does)."""
    if not await conn.fetchval(_SQL["claim"]):
        return False
    try:
        await conn.execute(_SQL["take_memory"])
        await conn.execute(_SQL["drop"], timeout=_BUILDING)
        await conn.execute(_SQL["build"], timeout=_BUILDING)
    finally:
        await conn.execute(_SQL["release"])
    return True
