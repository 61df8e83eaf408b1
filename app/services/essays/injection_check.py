"""The check whether an essay seems to influence its grader, without a language model."""

import asyncio
from collections.abc import Awaitable, Callable

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable
from app.domain.essay.injection import read_essay
from app.domain.essay.score import Suspicion
from app.domain.essay.visible_text import VisibleText

Detector = Callable[[Embedder, VisibleText], Awaitable[Suspicion | None]]

# Few sentences are embedded, but the embedder may be busy with other texts.
_EMBEDDING_SECONDS = 60.0


async def check_injection(embedder: Embedder, essay: VisibleText) -> Suspicion | None:
    """The passage that seems to influence the grader; None for most essays. Without vectors, words alone decide."""
    # In threads: a long essay takes some hundredths of a second.
    read = await asyncio.to_thread(read_essay, essay)
    try:
        async with asyncio.timeout(_EMBEDDING_SECONDS):
            vectors = dict(zip(read.texts_to_embed, await embedder.embed(read.texts_to_embed), strict=True))
    except (EmbeddingUnavailable, TimeoutError):
        vectors = {}
    return await asyncio.to_thread(read.find_suspicion, vectors)
