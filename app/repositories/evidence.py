"""The passages that speak for recommendations."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.retrieval import Candidate, Part
from app.repositories.credentials import literal
from app.repositories.sql import Executor, statements

_SQL = statements("evidence")


async def find(
    db: Executor, found: Sequence[Candidate], parts: Sequence[Part], vector: Sequence[float] | None, model: str
) -> list[Candidate]:
    """The same credentials in their order, each with the passage that has most of the parts in its own words, or else
    its first. `vector` is 384 long and of `model`; without it the similarity is not known."""
    rows = await db.fetch(
        _SQL["find_evidence"],
        [one.credential_id for one in found],
        [one.credential_version for one in found],
        [part.text for part in parts],
        [part.weight for part in parts],
        None if vector is None else literal(vector),
        model,
    )
    speaking = {row["credential_id"]: dict(row) for row in rows}
    return [replace(one, **speaking[one.credential_id]) for one in found]
