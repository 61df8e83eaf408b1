"""Vectors of credentials' passages: which are missing, their embedding space, and the indexes over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.states import CredentialLevel
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("passage_vectors")
# Candidates that a search of an index compares: three times the wanted number, so that hardly a match is missed.
_INDEX_CANDIDATES = 150
# One for each level, because the searches are for the nearest vectors of each level.
INDEXES = [f"passage_vectors_{level}_idx" for level in CredentialLevel]
_BUILD_STEPS = (
    "drop_beginner_index", "build_beginner_index", "drop_intermediate_index", "build_intermediate_index",
    "drop_advanced_index", "build_advanced_index", "drop_any_index", "build_any_index",
)  # fmt: skip
# Building the indexes takes about a minute for a hundred thousand passages.
_BUILD_SECONDS = 6 * 3600.0


@dataclass(frozen=True)
class UnembeddedPassage:
    """A passage without a vector, with what is embedded of it."""

    id: UUID
    title: str
    skills: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class CurrentSpace:
    """The embedding space that workers embed for, and the seconds since one of them last renewed the choice."""

    name: str
    idle_seconds: float


async def take_unembedded(conn: Connection, space: str, limit: int) -> list[UnembeddedPassage]:
    """Passages without a vector of this space, locked until the transaction ends."""
    rows = await conn.fetch(_SQL["take_unembedded"], space, limit)
    return [UnembeddedPassage(**{**dict(row), "skills": tuple(row["skills"])}) for row in rows]


async def store_vectors(db: Executor, space: str, vectors: Sequence[tuple[UUID, Sequence[float]]]) -> None:
    """Stores the passages' vectors (384 numbers each), except those of versions that were replaced meanwhile."""
    ids = [passage_id for passage_id, _ in vectors]
    await db.execute(_SQL["store_vectors"], space, ids, [vector_literal(vector) for _, vector in vectors])
    await delete_outdated(db, ids)


async def delete_outdated(db: Executor, passage_ids: Sequence[UUID] | None = None) -> None:
    """Deletes vectors of replaced or deleted versions: of these passages, or of all."""
    await db.execute(_SQL["delete_outdated"], passage_ids)


async def count_unembedded(db: Executor, space: str) -> int:
    """How many searchable passages have no vector of this space."""
    count: int = await db.fetchval(_SQL["count_unembedded"], space)
    return count


async def count_without_vector(db: Executor) -> int:
    """How many searchable passages have no vector at all, so that only full text finds them."""
    count: int = await db.fetchval(_SQL["count_without_vector"])
    return count


async def share_embedded(db: Executor, space: str) -> float:
    """The share (0–1) of searchable passages that have a vector of this space's model; 1 where there are none."""
    share: float = await db.fetchval(_SQL["share_embedded"], space)
    return share


async def find_current_space(db: Executor) -> CurrentSpace | None:
    """The space that workers embed for; None before the first choice."""
    row = await db.fetchrow(_SQL["find_current_space"])
    return CurrentSpace(**row) if row else None


async def set_current_space(db: Executor, space: str) -> None:
    """Makes this the space that workers embed for."""
    await db.execute(_SQL["set_current_space"], space)


async def renew_current_space(db: Executor, space: str) -> None:
    """Records that a worker still embeds for this space, if it is the chosen one."""
    await db.execute(_SQL["renew_current_space"], space)


async def are_indexes_usable(db: Executor, limit: int) -> bool:
    """Whether there are roughly more than `limit` passages, and complete indexes over their vectors."""
    passages, complete = await _inspect_indexes(db)
    return passages > limit and complete == len(INDEXES)


async def are_indexes_missing(db: Executor, limit: int) -> bool:
    """Whether there are roughly more than `limit` passages, and not all indexes over their vectors are complete."""
    passages, complete = await _inspect_indexes(db)
    return passages > limit and complete < len(INDEXES)


async def use_indexes(conn: Connection) -> None:
    """Makes vector searches use the indexes until the transaction ends."""
    await conn.execute(_SQL["use_indexes"], str(_INDEX_CANDIDATES))


async def build_indexes(conn: Connection) -> bool:
    """Builds the indexes, which takes minutes and does not block searches or writes; False where another connection is
    building them. The connection must have no statement timeout (`credentials.vacuum` lifts it)."""
    if not await conn.fetchval(_SQL["lock_index_build"]):
        return False
    try:
        await conn.execute(_SQL["raise_build_memory"])
        for step in _BUILD_STEPS:
            await conn.execute(_SQL[step], timeout=_BUILD_SECONDS)
    finally:
        await conn.execute(_SQL["unlock_index_build"])
    return True


def vector_literal(vector: Sequence[float]) -> str:
    """The vector in pgvector's text form, since asyncpg has no codec for its type."""
    return f"[{','.join(map(repr, map(float, vector)))}]"


async def _inspect_indexes(db: Executor) -> tuple[float, int]:
    """The approximate number of passages, and how many indexes over their vectors are complete."""
    row = await db.fetchrow(_SQL["inspect_indexes"], INDEXES)
    return (row["passages"], row["complete"]) if row else (0.0, 0)
