"""What keeps starters that seed at the same time apart."""

from app.repositories.sql import Connection, statements

_SQL = statements("seeding")


async def wait_for_turn(conn: Connection) -> None:
    """Returns when no other transaction seeds; held until this one ends."""
    await conn.execute(_SQL["wait_for_turn"])
