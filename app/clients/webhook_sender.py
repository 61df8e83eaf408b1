"""Sends webhook requests over HTTP, and never connects to an address that is not public.

The address is checked where it is used: every request opens its own connection, to addresses that were just checked.
"""

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from app.domain.retry_after import parse_retry_after
from app.domain.webhook.address import NOT_PUBLIC, AddressRefused, Network, may_connect, validate_url
from app.domain.webhook.retry_policy import SendResult

_AGENT = "Assay-Webhooks/1"
_CONNECTIONS = 100
_LOOKUPS = 16
# How much of an answer's body is read (bytes), and for how long (seconds).
_MAX_BODY_BYTES = 4096
_MAX_BODY_SECONDS = 1.0


class AddressNotPublic(OSError):
    """A webhook may not connect to this address. An OSError, because aiohttp reports those as failures to connect."""


# Why there was no answer: the first type that matches the exception.
_ERROR_TEXTS: tuple[tuple[type[Exception], str], ...] = (
    (AddressNotPublic, NOT_PUBLIC),
    (aiohttp.ClientConnectorDNSError, "the name could not be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    (aiohttp.ClientConnectorCertificateError, "the certificate is not valid"),
    (aiohttp.ClientSSLError, "TLS failed"),
    (aiohttp.ClientConnectorError, "no connection could be made"),
    (aiohttp.ClientResponseError, "the answer was not HTTP"),
    (Exception, "the connection was cut before an answer"),
)


class WebhookSender:
    """Sends requests, each on its own connection. Follows no redirects and keeps no cookies."""

    def __init__(
        self,
        *,
        seconds: float,
        allow_http: bool,
        allowed: Sequence[Network],
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`seconds` limits one request, including the DNS lookup; the `allowed` networks may be reached though they are
        not public. Closing the sender closes its `resolver`."""
        self._seconds = seconds
        self._allow_http = allow_http
        self._allowed = allowed
        self._resolver = resolver or SystemResolver()
        self._session: aiohttp.ClientSession | None = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Posts the body. Whatever the receiver does is in the result; only cancellation is raised."""
        started = time.monotonic()
        try:
            target = validate_url(url, allow_http=self._allow_http, allowed=self._allowed)
            async with asyncio.timeout(self._seconds):
                answer = await self._open().post(target, data=body, headers=headers, allow_redirects=False)
        except AddressRefused as refused:
            return SendResult(None, _elapsed(started), refused.detail)
        except TimeoutError:
            return SendResult(None, _elapsed(started), f"no answer within {self._seconds:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return SendResult(None, _elapsed(started), _error_text(error))
        wait = parse_retry_after(answer.headers.get("Retry-After"), time.time())
        result = SendResult(answer.status, _elapsed(started), retry_after=wait)
        await _read_body(answer)
        return result

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
        await self._resolver.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=guarded_connector(self._resolver, self._allowed),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": _AGENT},
                # One limit, around the whole request.
                timeout=aiohttp.ClientTimeout(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


class SystemResolver(AbstractResolver):
    """The system's resolver in its own threads, because names whose DNS servers never answer would block the threads
    that the rest of the process shares."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, "webhook-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`.

        Raises:
            OSError: it has none.
        """
        lookup = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        addresses = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=0)
            for kind, _, proto, _, address in addresses
        ]

    async def close(self) -> None:
        """Shuts the threads down without waiting for a lookup that still runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _GuardedResolver(AbstractResolver):
    """Refuses a name if any of its addresses is blocked: an answer that mixes them is an attempt to get around the
    check."""

    def __init__(self, resolver: AbstractResolver, allowed: Sequence[Network]) -> None:
        self._resolver = resolver
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._resolver.resolve(host, port, family)
        if not addresses:
            raise OSError("the name has no address")
        for address in addresses:
            _require_public(address["host"], self._allowed)
        return addresses

    async def close(self) -> None:
        await self._resolver.close()


def guarded_connector(resolver: AbstractResolver, allowed: Sequence[Network]) -> aiohttp.TCPConnector:
    """A connector whose connections fail with `AddressNotPublic` if they would reach a blocked address.

    All addresses of a name are checked when it is resolved. The address of each socket is checked again, because IP
    addresses in URLs never pass the resolver. Neither connections nor DNS answers are kept, so every request is
    checked.
    """

    def checked_socket(target: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, proto, _, address = target
        _require_public(str(address[0]), allowed)
        return socket.socket(family, kind, proto)

    return aiohttp.TCPConnector(
        resolver=_GuardedResolver(resolver, allowed),
        socket_factory=checked_socket,
        use_dns_cache=False,
        force_close=True,
        limit=_CONNECTIONS,
    )


def _require_public(address: str, allowed: Sequence[Network]) -> None:
    if not may_connect(ip_address(address), allowed):
        raise AddressNotPublic(NOT_PUBLIC)


async def _read_body(answer: aiohttp.ClientResponse) -> None:
    """Reads a short body to its end, because some servers take a connection closed earlier for a failure. The content
    is ignored, and an endless or broken body changes nothing: the status has arrived already."""
    with suppress(aiohttp.ClientError, OSError, EOFError):
        try:
            async with asyncio.timeout(_MAX_BODY_SECONDS):
                await answer.content.readexactly(_MAX_BODY_BYTES)
        finally:
            answer.close()


def _error_text(error: Exception) -> str:
    # The cause of a failed connection says more than the failure itself.
    causes = (error, getattr(error, "os_error", None))
    return next(text for kind, text in _ERROR_TEXTS if any(isinstance(cause, kind) for cause in causes))


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
