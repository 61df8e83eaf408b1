"""Fetching a JWK set over HTTP."""

import asyncio
import json
from http import HTTPStatus

import aiohttp
from aiohttp_retry import RandomRetry, RetryClient

from app.clients.jwks.key_set import KeySet, read_key_set
from app.network_errors import describe_error

# Seconds for all attempts together.
FETCH_SECONDS = 8.0
_ATTEMPTS = 3
# Seconds before another attempt, at random between these.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 0.8
_MAX_BYTES = 1024 * 1024
_HEADERS = {
    "Accept": "application/jwk-set+json, application/json",
    # Compressed, a small answer could become a huge one.
    "Accept-Encoding": "identity",
    "User-Agent": "Assay",
}


class JwksError(Exception):
    """There is no set to be had at the moment. The message is for operators; it repeats nothing of an answer's body."""


async def fetch_key_set(url: str, seconds: float = FETCH_SECONDS) -> KeySet:
    """The set at this address. Redirects are not followed: the operator has named the one place that is trusted.

    Raises:
        JwksError: there was no set within the time and the attempts.
    """
    try:
        async with asyncio.timeout(seconds):
            body, media_type = await _get(url)
    except TimeoutError:
        raise JwksError(f"no complete answer within {seconds:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise JwksError(describe_error(error)) from error
    return read_key_set(_read_members(body), media_type)


async def _get(url: str) -> tuple[bytes, str]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        # One limit, around all attempts.
        timeout=aiohttp.ClientTimeout(),
        auto_decompress=False,
        trust_env=False,
    ) as session:
        client = RetryClient(session, retry_options=_retries())
        async with client.get(url, allow_redirects=False) as answer:
            if answer.status in range(300, 400):
                raise JwksError(f"status {answer.status}: redirects are not followed")
            if answer.status != HTTPStatus.OK:
                raise JwksError(f"status {answer.status}")
            return await _read_body(answer), answer.content_type if "Content-Type" in answer.headers else "none"


def _retries() -> RandomRetry:
    return RandomRetry(
        attempts=_ATTEMPTS,
        exceptions=[aiohttp.ClientError, OSError],
        min_timeout=_SHORTEST_PAUSE,
        max_timeout=_LONGEST_PAUSE,
        retry_all_server_errors=False,
        evaluate_response_callback=_is_final,
    )


async def _is_final(answer: aiohttp.ClientResponse) -> bool:
    if answer.status != HTTPStatus.TOO_MANY_REQUESTS and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return True
    answer.close()
    return False


async def _read_body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise JwksError("the answer is larger than 1 MiB")
    return bytes(body)


def _read_members(body: bytes) -> list[object]:
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise JwksError("the answer is not JSON in UTF-8") from None
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise JwksError("the answer is not a JWK set: it has no list `keys`")
    return members
