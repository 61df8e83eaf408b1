"""Keeps embeddings in a file, so that training again need not compute them again."""

import hashlib
import json
import sqlite3
from array import array
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from app.clients.llm.embedder import DIMENSIONS, Embedder, Vector

_TABLE = "CREATE TABLE IF NOT EXISTS embeddings (digest BLOB PRIMARY KEY, mean BLOB, states BLOB, spans TEXT)"


class CachedEmbedder:
    """An embedder that looks into a file first and adds to it what another embedder computes.

    The file is only for the model that `embedder` names.
    """

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self.name = embedder.name
        self._embedder = embedder
        self._connection = sqlite3.connect(path)
        self._connection.execute(_TABLE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order. Raises `EmbeddingUnavailable`."""
        missing = [text for text in dict.fromkeys(texts) if self._read(text) is None]
        computed = dict(zip(missing, await self._embedder.embed(missing), strict=True))
        for text, vector in computed.items():
            self._write(text, vector)
        self._connection.commit()
        return [computed.get(text) or self._read(text) or Vector() for text in texts]

    async def close(self) -> None:
        """Closes the file and the other embedder."""
        self._connection.close()
        await self._embedder.close()

    def _read(self, text: str) -> Vector | None:
        row = self._connection.execute(
            "SELECT mean, states, spans FROM embeddings WHERE digest = ?", (self._digest(text),)
        ).fetchone()
        if row is None:
            return None
        vector = Vector(array("f", row[0]))
        vector.states = np.frombuffer(row[1], np.float16).reshape(-1, DIMENSIONS)
        vector.spans = tuple((start, end) for start, end in json.loads(row[2]))
        return vector

    def _write(self, text: str, vector: Vector) -> None:
        values = (
            self._digest(text),
            array("f", vector).tobytes(),
            np.asarray(vector.states, np.float16).tobytes(),
            json.dumps(vector.spans),
        )
        self._connection.execute("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)", values)

    def _digest(self, text: str) -> bytes:
        return hashlib.blake2b(f"{self.name}\n{text}".encode(errors="surrogatepass"), digest_size=16).digest()
