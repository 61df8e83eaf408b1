"""The passages that speak for recommendations."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.recommendation.query import Candidate
from app.repositories.credentials import literal
from app.repositories.sql import Executor, statements

_SQL = statements("evidence")


async def find(
    db: Executor, found: Sequence[tuple[Candidate, Sequence[str]]], vector: Sequence[float] | None, model: str
) -> list[Candidate]:
    """These credentials in their order, each with the passage that has most of its phrases in its own words, or else
    its first. `vector` is 384 long and of `model`; without it the similarity is not known."""
    phrases = [(one.credential_id, phrase) for one, told in found for phrase in told]
    rows = await db.fetch(
        _SQL["find_evidence"],
        [one.credential_id for one, _ in found],
        [one.credential_version for one, _ in found],
        [credential_id for credential_id, _ in phrases],
        [phrase for _, phrase in phrases],
        None if vector is None else literal(vector),
        model,
    )
    speaking = {row["credential_id"]: dict(row) for row in rows}
    return [replace(one, **speaking[one.credential_id]) for one, _ in found]
