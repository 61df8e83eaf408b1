"""Seeding as a command: the sample data with its vectors, so that recommendations are complete from the start."""

from app import sample_data
from app.clients.embeddings import OfflineEmbedder
from app.context import open_pool
from app.services.rescue import embed_passages
from app.services.seed import seed
from app.settings import Settings


async def seed_sample_data(settings: Settings) -> int:
    """How many rows were added."""
    async with open_pool(settings.secret("database_url"), "assay seed", 1) as pool:
        added = await seed(pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials())
        embedder = OfflineEmbedder()
        try:
            while await embed_passages(pool, embedder):
                pass
        finally:
            await embedder.close()
        return added
