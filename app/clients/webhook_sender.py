"""Sends a webhook's request, and connects to no address that a webhook must not reach.

The address is checked where it is used: each connection is made on its own, to the very addresses that were judged.
"""

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from app.domain.retry_after import seconds_to_wait
from app.domain.webhook.address import NOT_PUBLIC, AddressRefused, Network, checked_url, public

_AGENT = "Assay-Webhooks/1"
_CONNECTIONS = 100
_LOOKUPS = 16
# As much as is read of an answer's body, in bytes, and for how long, in seconds.
_COURTESY_BYTES = 4096
_COURTESY_SECONDS = 1.0


class NotPublic(OSError):
    """A connection to an address that a webhook must not reach. An OSError, since aiohttp reports those as failures to
    connect."""


# The first that fits says why there was no answer.
_WHY: tuple[tuple[type[Exception], str], ...] = (
    (NotPublic, NOT_PUBLIC),
    (aiohttp.ClientConnectorDNSError, "the name could not be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    (aiohttp.ClientConnectorCertificateError, "the certificate is not valid"),
    (aiohttp.ClientSSLError, "TLS failed"),
    (aiohttp.ClientConnectorError, "no connection could be made"),
    (aiohttp.ClientResponseError, "the answer was not HTTP"),
    (Exception, "the connection was cut before an answer"),
)


@dataclass(frozen=True)
class Sent:
    """What became of one request.

    Either `status` says what was answered, or `error` why nothing was, in words that students may see. `latency_ms`
    counts up to the answer's head. `retry_after` (s) is what the other side asked for.
    """

    status: int | None
    latency_ms: int
    error: str | None = None
    retry_after: float | None = None


class WebhookSender:
    """Sends requests, each on a connection of its own. Follows no redirect and keeps no cookie."""

    def __init__(
        self,
        *,
        seconds: float,
        allow_http: bool,
        allowed: Sequence[Network],
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`seconds` is for one request, the name's resolution included; `allowed` networks may be reached though they
        are not public. A `resolver` that is given is closed with the sender."""
        self._seconds = seconds
        self._allow_http = allow_http
        self._allowed = allowed
        self._resolver = resolver or SystemResolver()
        self._session: aiohttp.ClientSession | None = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        """Posts the body. Whatever the other side does is told by the result; nothing but cancellation is raised."""
        started = time.monotonic()
        try:
            checked = checked_url(url, allow_http=self._allow_http, allowed=self._allowed)
            async with asyncio.timeout(self._seconds):
                answer = await self._open().post(checked, data=body, headers=headers, allow_redirects=False)
        except AddressRefused as refused:
            return Sent(None, _elapsed(started), refused.detail)
        except TimeoutError:
            return Sent(None, _elapsed(started), f"no answer within {self._seconds:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Sent(None, _elapsed(started), _why(error))
        wait = seconds_to_wait(answer.headers.get("Retry-After"), time.time())
        sent = Sent(answer.status, _elapsed(started), retry_after=wait)
        await _hear_out(answer)
        return sent

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
    """The system's resolver, on threads of its own: names whose servers never answer would hold up the lookups for
    everyone else on the threads that the process shares."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, "webhook-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of the name.

        Raises:
            OSError: it has none.
        """
        lookup = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=0)
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Lets go of the threads; a lookup that still runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _GuardedResolver(AbstractResolver):
    """Refuses a name when any of its addresses is blocked: whoever has such an address in the answer means it."""

    def __init__(self, resolver: AbstractResolver, allowed: Sequence[Network]) -> None:
        self._resolver = resolver
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not found:
            raise OSError("the name has no address")
        for each in found:
            _require_public(each["host"], self._allowed)
        return found

    async def close(self) -> None:
        await self._resolver.close()


def guarded_connector(resolver: AbstractResolver, allowed: Sequence[Network]) -> aiohttp.TCPConnector:
    """Connections that fail with `NotPublic` where they would reach a blocked address.

    Names are judged by all their addresses. Each socket is judged once more by the address that it is made for, since
    literal addresses never come to the resolver. No connection is kept and no name is remembered, so every request is
    judged.
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
    if not public(ip_address(address), allowed):
        raise NotPublic(NOT_PUBLIC)


async def _hear_out(answer: aiohttp.ClientResponse) -> None:
    """Lets the other side finish a short body, which some servers take for success. What it says is of no use, and the
    status has arrived: an endless or broken body changes nothing."""
    with suppress(aiohttp.ClientError, OSError, EOFError):
        try:
            async with asyncio.timeout(_COURTESY_SECONDS):
                await answer.content.readexactly(_COURTESY_BYTES)
        finally:
            answer.close()


def _why(error: Exception) -> str:
    # The cause of a failure to connect says more than the failure.
    known = (error, getattr(error, "os_error", None))
    return next(words for kind, words in _WHY if any(isinstance(each, kind) for each in known))


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
