"""Adds the sample data to a database, with the vectors of its passages, so that recommendations are complete."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from app import sample_data
from app.clients.llm.embedder import EmbeddingUnavailable
from app.repositories.passage_vectors import count_unembedded
from app.repositories.sql import Pool
from app.services.catalog.seed import seed
from app.services.recommendations.embed_credentials import embed_passages
from app.services.recommendations.search import space_name
from app.settings import Settings
from app.wiring.embedder import retrieval_embedder
from app.wiring.pool import open_pool_for

log = structlog.get_logger()

# Shows the progress of a task with so many steps; yields a function that advances it.
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


async def seed_sample_data(settings: Settings, progress: Progress, *, with_credentials: bool = True) -> int:
    """Adds what is missing; returns the number of rows that were added."""
    tracks, questions = sample_data.tracks(), sample_data.questions()
    credentials = sample_data.credentials() if with_credentials else []
    async with open_pool_for(settings, "assay seed", 2) as pool:
        with progress("sample data, rows", len(tracks) + len(questions) + len(credentials)) as advance:
            added = await seed(pool, tracks, questions, credentials, advance)
        try:
            await _embed(settings, pool, progress)
        except EmbeddingUnavailable as error:
            # The rows are there; workers embed them as soon as they can.
            log.warning("sample_data_not_embedded", error=str(error))
        return added


async def _embed(settings: Settings, pool: Pool, progress: Progress) -> None:
    async with retrieval_embedder(settings, pool=pool) as embedder:
        waiting = await count_unembedded(pool, space_name(embedder))
        if waiting:
            with progress("sample data, passages embedded", waiting) as advance:
                while count := await embed_passages(pool, embedder):
                    advance(count)
