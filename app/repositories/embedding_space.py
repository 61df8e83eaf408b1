"""Whose vectors the catalogue has, and is to have."""

from dataclasses import dataclass

from app.repositories.sql import Executor, statements

_SQL = statements("embedding_space")


@dataclass(frozen=True)
class Chosen:
    """The space that vectors are made for, named as with the vectors, and the seconds since somebody said that they
    make them."""

    name: str
    idle_seconds: float


async def chosen(db: Executor) -> Chosen | None:
    """The chosen space; None where nobody has chosen yet."""
    row = await db.fetchrow(_SQL["chosen"])
    return Chosen(**row) if row else None


async def choose(db: Executor, space: str) -> None:
    """Has vectors made for this space from now on."""
    await db.execute(_SQL["choose"], space)


async def keep(db: Executor, space: str) -> None:
    """Says that somebody makes vectors for this space, where it is the chosen one."""
    await db.execute(_SQL["keep"], space)


async def share_embedded(db: Executor, space: str) -> float:
    """The share (0–1) of the present catalogue that has a vector of this space's model; 1 of an empty one."""
    share: float = await db.fetchval(_SQL["share_embedded"], space)
    return share
