"""Sends webhook requests over HTTP, and never connects to an address that is not public.

The address is checked where it is used: every request opens its own connection, to addresses that were just checked.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext, suppress
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app.domain.retry_after import parse_retry_after
from app.domain.webhook.address import NOT_PUBLIC, AddressRefused, Network, may_connect, validate_url
from app.domain.webhook.retry_policy import SendResult

_AGENT = "Assay-Webhooks/1"
# How much of an answer's body is read (bytes), and for how long (seconds).
_MAX_BODY_BYTES = 4096
_MAX_BODY_SECONDS = 1.0


# Reserves the addresses that are about to be connected to while the block runs; may raise to send nothing.
ReserveAddresses = Callable[[Sequence[str]], AbstractContextManager[None]]


class AddressNotPublic(OSError):
    """A webhook may not connect to this address. An OSError, because aiohttp reports those as failures to connect."""


# Why there was no answer: the first type that matches the exception.
_ERROR_TEXTS: tuple[tuple[type[Exception], str], ...] = (
    (AddressNotPublic, NOT_PUBLIC),
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
        lookup_seconds: float = 5.0,
    ) -> None:
        """`seconds` limits one request, of which the DNS lookup takes at most `lookup_seconds`; the `allowed` networks
        may be reached though they are not public. Closing the sender closes its `resolver`."""
        self._lookup_seconds = lookup_seconds
        self._seconds = seconds
        self._allow_http = allow_http
        self._allowed = allowed
        # c-ares: names whose DNS servers never answer would take the threads of the system's resolver.
        self._resolver = resolver or aiohttp.AsyncResolver(timeout=lookup_seconds / 2, tries=2)

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, reserve: ReserveAddresses = lambda _: nullcontext()
    ) -> SendResult:
        """Posts the body. Whatever the receiver does is in the result; only cancellation and what `reserve` raises are
        raised."""
        started = time.monotonic()
        async with AsyncExitStack() as stack:
            try:
                target = validate_url(url, allow_http=self._allow_http, allowed=self._allowed)
                async with asyncio.timeout(self._seconds):
                    addresses = await self._addresses(target)
                    stack.enter_context(reserve([address["host"] for address in addresses]))
                    session = await stack.enter_async_context(self._session(addresses))
                    answer = await session.post(target, data=body, headers=headers, allow_redirects=False)
            except AddressRefused as refused:
                return SendResult(None, _elapsed(started), refused.detail)
            except _NameNotResolved as error:
                return SendResult(None, _elapsed(started), str(error))
            except TimeoutError:
                return SendResult(None, _elapsed(started), f"no answer within {self._seconds:g} s")
            except (aiohttp.ClientError, OSError) as error:
                return SendResult(None, _elapsed(started), _error_text(error))
            wait = parse_retry_after(answer.headers.get("Retry-After"), time.time())
            result = SendResult(answer.status, _elapsed(started), retry_after=wait)
            await _read_body(answer)
            return result

    async def close(self) -> None:
        """Closes the resolver."""
        await self._resolver.close()

    async def _addresses(self, target: URL) -> list[ResolveResult]:
        """The addresses of the URL's host. All of them are public or allowed: an answer that mixes them is an attempt
        to get around the check."""
        host, port = target.raw_host or "", target.port or 0
        if target.host_subcomponent and aiohttp.helpers.is_ip_address(host):
            return [_resolved(host, port)]
        try:
            async with asyncio.timeout(self._lookup_seconds):
                addresses = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        except TimeoutError:
            raise _NameNotResolved(f"the name was not resolved within {self._lookup_seconds:g} s") from None
        except OSError:
            addresses = []
        if not addresses:
            raise _NameNotResolved("the name could not be resolved")
        for address in addresses:
            _require_public(address["host"], self._allowed)
        return addresses

    def _session(self, addresses: Sequence[ResolveResult]) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=guarded_connector(_KnownAddresses(addresses), self._allowed),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": _AGENT},
            # One limit, around the whole request.
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=False,
            trust_env=False,
        )


class _NameNotResolved(Exception):
    """A name has no address, or its lookup took too long; the message says which."""


class _KnownAddresses(AbstractResolver):
    """Answers with the addresses that were looked up and checked before."""

    def __init__(self, addresses: Sequence[ResolveResult]) -> None:
        self._addresses = list(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return self._addresses

    async def close(self) -> None: ...


def guarded_connector(resolver: AbstractResolver, allowed: Sequence[Network]) -> aiohttp.TCPConnector:
    """A connector whose connections fail with `AddressNotPublic` if they would reach a blocked address.

    The address of each socket is checked, also that of a URL without a name. Neither connections nor DNS answers are
    kept, so every request is checked.
    """

    def checked_socket(target: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, proto, _, address = target
        _require_public(str(address[0]), allowed)
        return socket.socket(family, kind, proto)

    return aiohttp.TCPConnector(
        resolver=resolver,
        socket_factory=checked_socket,
        use_dns_cache=False,
        force_close=True,
    )


def _resolved(address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=address, host=address, port=port, family=family, proto=0, flags=0)


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
