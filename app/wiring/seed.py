"""Seeding as a command: the sample data with its vectors, so that recommendations are complete from the start."""

import structlog

from app import sample_data
from app.clients.llm.embeddings_local import EmbeddingUnavailable
from app.services.catalog.seed import seed
from app.services.recommendations.embed_credentials import embed_passages
from app.settings import Settings
from app.wiring.embedder import retrieval_embedder
from app.wiring.pool import open_pool

log = structlog.get_logger()


async def seed_sample_data(settings: Settings) -> int:
    """How many rows were added."""
    async with open_pool(settings.secret("database_url"), "assay seed", 2) as pool:
        added = await seed(pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials())
        async with retrieval_embedder(settings, pool=pool) as embedder:
            try:
                while await embed_passages(pool, embedder):
                    pass
            except EmbeddingUnavailable as error:
                # The data are there; workers embed them as soon as they can.
                log.warning("sample_data_not_embedded", error=str(error))
        return added
