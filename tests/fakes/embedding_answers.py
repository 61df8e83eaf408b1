"""What an embeddings endpoint answers, right and wrong."""

import hashlib
from typing import Any

from aiohttp import web

from app.clients.llm.embeddings_local import DIMENSIONS
from tests.fakes.model_server import Behaviour

# Tokens that each text is said to have.
TOKENS = 10


def row(text: str, length: int = DIMENSIONS) -> list[float]:
    """A direction for each word, so that texts are near as far as they share words. Not of length 1."""
    numbers = [0.0] * length
    for word in text.lower().replace(".", " ").replace(",", " ").split():
        digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
        numbers[int.from_bytes(digest, "big") % length] += 2.0
    return numbers


def vectors(length: int = DIMENSIONS) -> Behaviour:
    """A vector for each text, of this length whatever was asked for; not in their order, which `index` tells."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return told([row(text, length) for text in body["input"]], body)

    return behave


def rows(*numbers: list[Any]) -> Behaviour:
    """These vectors, whatever was asked."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return told(list(numbers), body)

    return behave


def told(numbers: list[list[Any]], body: dict[str, Any]) -> web.Response:
    """The answer with these vectors."""
    data = [{"object": "embedding", "index": place, "embedding": each} for place, each in enumerate(numbers)]
    tokens = TOKENS * len(body["input"])
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return web.json_response({"object": "list", "model": body["model"], "data": data[::-1], "usage": usage})
