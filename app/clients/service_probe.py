"""Asking an address whether Assay's API is there."""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

# The OpenAPI document has a few hundred kilobytes.
_MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Seen:
    """What answered. `location` is where it redirects to; `address` is the one that the API has for its clients, None
    where it is not Assay's."""

    status: int
    location: str | None = None
    is_healthy: bool = False
    address: str | None = None


async def probe_service(url: str, seconds: float) -> Seen:
    """What answers at this address of an API, within `seconds`. Follows no redirects and sends nothing secret.

    Raises:
        aiohttp.ClientError, OSError, TimeoutError: nothing answers, or not in HTTP.
    """
    # The system's own way to look names up, as browsers use it.
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
    async with asyncio.timeout(seconds), aiohttp.ClientSession(connector=connector) as session:
        status, location, body = await _get(session, f"{url}/healthz")
        if status != 200 or _json(body) != {"status": "ok"}:
            return Seen(status, location)
        _, _, body = await _get(session, f"{url}/openapi.json")
        match _json(body):
            case {"info": {"title": "Assay"}, "servers": [{"url": str(address)}, *_]}:
                return Seen(status, is_healthy=True, address=address)
        return Seen(status, is_healthy=True)


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[int, str | None, bytes]:
    async with session.get(url, allow_redirects=False) as answer:
        body = b""
        async for part in answer.content.iter_any():
            body += part
            if len(body) > _MAX_BYTES:
                break
        return answer.status, answer.headers.get("Location"), body


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
