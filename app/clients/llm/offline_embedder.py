"""Text embeddings computed in this process with all-MiniLM-L6-v2, without network access and without PyTorch.

Nothing heavy is imported before the first text, so a process that only imports this module stays small.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from cachetools import LRUCache

from app.clients.llm.embedder import MAX_TOKENS, EmbeddingUnavailable, Vector
from app.clients.llm.offline_model import CachedVector, MiniLM, ModelFiles
from app.installed_files import ChangedFile

# 100 tokens take 80 kB with their states, so this holds the model answers of some hundred questions.
_CACHE_BYTES = 24_000_000


class OfflineEmbedder:
    """all-MiniLM-L6-v2 (int8 weights) on a thread of its own; reads the first `max_tokens` of a text.

    The model is loaded with the first text (about 0.5 s and 170 MB). Texts of several callers take turns. It uses one
    core by default: a deployment scales by worker processes, and more cores would be taken from model calls.
    """

    name = "all-MiniLM-L6-v2-int8"

    def __init__(
        self,
        files: ModelFiles | None = None,
        *,
        max_tokens: int = MAX_TOKENS,
        cache_bytes: int = _CACHE_BYTES,
        cores: int = 1,
    ) -> None:
        self._files = files
        self._cores = cores
        self._max_tokens = max_tokens
        # By digest, so that long texts are not kept.
        self._cache: LRUCache[bytes, CachedVector] = LRUCache(cache_bytes, getsizeof=lambda cached: cached.size)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._model: MiniLM | None = None
        self._closed = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order. Raises `EmbeddingUnavailable`."""
        return await self._embed(texts, quickly=False)

    async def embed_quickly(self, texts: Sequence[str]) -> list[Vector]:
        """The same in about half of the time: nearly the same vectors, good enough to search with, without states.
        Raises `EmbeddingUnavailable`."""
        return await self._embed(texts, quickly=True)

    async def close(self) -> None:
        """Finishes the texts already in the queue, then frees the model."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._model = None

    async def _embed(self, texts: Sequence[str], *, quickly: bool) -> list[Vector]:
        vectors: list[Vector] = []
        while len(vectors) < len(texts):
            if self._closed:
                raise EmbeddingUnavailable("the embedder is closed")
            vectors += await asyncio.get_running_loop().run_in_executor(
                self._thread, self._first_vectors, texts[len(vectors) :], quickly
            )
        return vectors

    def _first_vectors(self, texts: Sequence[str], quickly: bool) -> list[Vector]:
        """The vectors of the cached texts at the beginning, and of the first text that is not cached. Thus other
        callers get their turn within a long list, a cancelled caller stops costing, and cached texts need no change of
        threads."""
        # Cache and model are used in this thread only: no lock, and equal texts in the queue are computed once.
        vectors: list[Vector] = []
        for text in texts:
            # Apart from each other: a search has the same vector whatever else the cache holds.
            kind = b"quick" if quickly else b""
            key = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16, person=kind).digest()
            cached = self._cache.get(key)
            vectors.append((cached or self._compute(key, text, quickly)).restore())
            if cached is None:
                break
        return vectors

    def _compute(self, key: bytes, text: str, quickly: bool) -> CachedVector:
        model = self._loaded()
        vector = model.embed_quickly(text) if quickly else model.embed(text)
        if vector.size <= self._cache.maxsize:
            self._cache[key] = vector
        return vector

    def _loaded(self) -> "MiniLM":
        if self._model is None:
            try:
                files = self._files or ModelFiles.installed()
            except ChangedFile as error:
                raise EmbeddingUnavailable(str(error)) from error
            self._model = MiniLM(files, self._max_tokens, self._cores)
        return self._model
