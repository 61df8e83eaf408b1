"""The `Embedder` protocol, the vectors that embedders return, and the error that they raise."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from numpy import float16
    from numpy.typing import NDArray

DIMENSIONS = 384
# The length that the offline model was trained with; longer inputs cost time and were never seen in training.
MAX_TOKENS = 128


class Vector(tuple[float, ...]):
    """A text's embedding: `DIMENSIONS` numbers, of length 1. The offline model adds the states of the text's tokens.

    The states cost nothing more, since the model computes them in any case, and show what their mean cannot: which
    words of two texts mean the same.
    """

    states: "NDArray[float16]"
    """A row of `DIMENSIONS` numbers for each token read, of length 1; the model's special tokens are left out."""
    spans: tuple[tuple[int, int], ...]
    """The position of each of these tokens in the text, in code points."""


class EmbeddingUnavailable(Exception):
    """There are no vectors: files or libraries are missing or broken, the runtime failed, the embedder is closed, or
    the provider of an API is unavailable. `retry_after` is the number of seconds after which a retry may succeed, None
    if that is unknown."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Embedder(Protocol):
    """Turns texts into vectors. `name` is stored with each vector, so that those of different models never mix."""

    @property
    def name(self) -> str:
        """The model's name."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order. Raises `EmbeddingUnavailable`."""

    async def close(self) -> None:
        """Frees the embedder's resources; `embed` fails from then on."""
