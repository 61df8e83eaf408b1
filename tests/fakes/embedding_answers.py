"""Behaviours of an embeddings endpoint, right and wrong."""

import hashlib
from typing import Any

from aiohttp import web

from app.clients.llm.embedder import DIMENSIONS
from tests.fakes.model_server import Behaviour

# The number of tokens that is reported for each text.
TOKENS = 10


def row(text: str, length: int = DIMENSIONS) -> list[float]:
    """A direction for each word, so that texts are similar as far as they share words. Not of length 1."""
    numbers = [0.0] * length
    for word in text.lower().replace(".", " ").replace(",", " ").split():
        digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
        numbers[int.from_bytes(digest, "big") % length] += 2.0
    return numbers


def vectors(length: int = DIMENSIONS) -> Behaviour:
    """A vector for each text, of this length whatever the request says. They are not in the texts' order, which only
    `index` shows."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return embedding_response([row(text, length) for text in body["input"]], body)

    return behave


def rows(*numbers: list[Any]) -> Behaviour:
    """These vectors, whatever the request says."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return embedding_response(list(numbers), body)

    return behave


def embedding_response(numbers: list[list[Any]], body: dict[str, Any]) -> web.Response:
    """The response with these vectors."""
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(numbers)]
    tokens = TOKENS * len(body["input"])
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return web.json_response({"object": "list", "model": body["model"], "data": data[::-1], "usage": usage})
