"""The local estimate of an essay's score, without a language model."""

import asyncio
from collections.abc import Awaitable, Callable

from app.clients.llm.embedder import Embedder
from app.domain.assessment.questions import EssayQuestion
from app.domain.essay.language import is_supported
from app.domain.essay.score import EssayScore


class LanguageNotSupported(Exception):
    """The answer is in a language that the local scorer does not know."""


Estimator = Callable[[Embedder, EssayQuestion, str], Awaitable[EssayScore]]


async def estimate_locally(embedder: Embedder, question: EssayQuestion, answer: str) -> EssayScore:
    """The estimated score of an answer.

    Raises:
        EmbeddingUnavailable: there are no embeddings of the texts.
        LanguageNotSupported: the answer is not in English.
    """
    if not is_supported(answer):
        raise LanguageNotSupported
    # Imported here: it brings numpy along, which a worker with a model does not need.
    from app.domain.essay.local_scoring import estimate, texts_to_embed

    # In threads: both take up to a tenth of a second of CPU time, in which the event loop would do nothing else.
    texts = await asyncio.to_thread(texts_to_embed, question.prompt, question.model_answer, answer)
    vectors = dict(zip(texts, await embedder.embed(texts), strict=True))
    return await asyncio.to_thread(estimate, question.prompt, question.model_answer, answer, vectors)
