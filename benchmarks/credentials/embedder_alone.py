"""Process of part "import": embeds texts as long as credentials by the embedder alone; sends the rate per second."""

import asyncio
import time

from app.clients.llm.offline_embedder import OfflineEmbedder
from benchmarks.child_messages import receive, send
from benchmarks.credentials.made_up_credentials import made_up_credentials


async def _measure(count: int) -> float:
    """Texts per second, without the time to load the model."""
    texts = [
        f"{credential['title']}. {', '.join(credential['skills'])}. {credential['description']}"
        for credential in made_up_credentials(count, seed=2)
    ]
    embedder = OfflineEmbedder()
    await embedder.embed(["warm up"])
    started = time.perf_counter()
    await embedder.embed(texts)
    seconds = time.perf_counter() - started
    await embedder.close()
    return count / seconds


if __name__ == "__main__":
    send(asyncio.run(_measure(**receive())))
