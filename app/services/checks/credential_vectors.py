"""The check of the indexes over the vectors of credentials."""

from app.repositories.passage_vectors import are_indexes_missing
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.checks.check import Check, ok, warning
from app.services.recommendations.search import EXACT_UP_TO

_NAME = "credential vectors"


async def check_credential_vectors(pool: Pool, exact_up_to: int = EXACT_UP_TO) -> list[Check]:
    """Whether searches have the indexes that they need from so many passages on; none where the tables cannot be read,
    which another check says."""
    try:
        missing = await are_indexes_missing(pool, exact_up_to)
    except DATABASE_UNAVAILABLE:
        return []
    if missing:
        seen = f"without indexes, each search compares all of more than {exact_up_to:,} passages"
        return [warning(_NAME, seen, "run `assay credentials reindex`")]
    return [ok(_NAME, f"indexed, or at most {exact_up_to:,} passages")]
