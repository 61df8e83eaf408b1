"""What comes back of one call to a model. Free of the openai SDK, so that every module may import it."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.clients.llm.embedder import Vector
from app.domain.errors import JobError, PermanentError


@dataclass(frozen=True, kw_only=True)
class ModelReply:
    """The part of a reply that each call is accounted for by. `error` says why the reply is of no use."""

    error: JobError | None = None
    latency_ms: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def outcome(self) -> str:
        """The code of the error, or `answered`."""
        return self.error.code if self.error else "answered"

    @property
    def provider_message(self) -> str | None:
        """What the provider said about the error."""
        return self.error.provider_message if self.error else None


@dataclass(frozen=True, kw_only=True)
class ChatReply(ModelReply):
    """A language model's reply with its raw answer, and codes of what was repaired to get at it."""

    answer: str | None = None
    repairs: tuple[str, ...] = ()


class TextsRefused(PermanentError):
    """The endpoint refused a request for vectors, and not because of the key, the quota or the model. Endpoints say in
    many ways that there are too many texts or tokens in it."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingReply(ModelReply):
    """An embedding model's reply with one vector for each text, in order."""

    vectors: Sequence[Vector] = ()
