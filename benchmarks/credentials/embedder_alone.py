"""Texts as long as those of the bench's catalogue, through the embedder alone."""

import asyncio
import time

from app.clients.llm.embeddings_local import OfflineEmbedder
from benchmarks.child_messages import say, told
from benchmarks.credentials.made_up_credentials import made_up


async def _measure(count: int) -> float:
    """Texts a second, the model's loading left out."""
    texts = [f"{one['title']}. {', '.join(one['skills'])}. {one['description']}" for one in made_up(count, seed=2)]
    embedder = OfflineEmbedder()
    await embedder.embed(["warm"])
    began = time.perf_counter()
    await embedder.embed(texts)
    seconds = time.perf_counter() - began
    await embedder.close()
    return count / seconds


if __name__ == "__main__":
    say(asyncio.run(_measure(**told())))
