"""Checks of what `assay serve` needs besides its servers: an address to listen on, files, and its public address."""

import asyncio
import socket

import aiohttp

from app.clients.service_probe import Seen, probe_service
from app.network_errors import address_error, describe_error
from app.open_files import OTHER_FILES
from app.services.checks.check import Check, failed, ok, warning

_SECONDS = 5.0
# What proxies answer while there is no server behind them.
_NO_SERVER_BEHIND = range(500, 600)
_UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError)


async def check_listening(host: str, port: int) -> Check:
    """Whether HOST and PORT can be listened on, or a server of ours already does."""
    name, place = "listen", f"{host}:{port}"
    try:
        await _bind(host, port)
    except OSError as error:
        if port and await _is_assay_at(host, port):
            return ok(name, f"an API answers on {place}")
        setting, _, seen = str(address_error(host, port, error)).partition(": ")
        return failed(name, seen, f"choose another {setting}, or end the program that uses it")
    return ok(name, f"{place} is free")


def check_open_files(max_connections: int, limit: int) -> Check:
    """Whether the system allows a file for each connection; `limit` is that of a server."""
    name, seen = "open files", f"MAX_CONNECTIONS is {max_connections}, and a server may open {limit} files"
    if max_connections + OTHER_FILES > limit:
        return warning(name, seen, "raise the system's limit (`ulimit -Hn`, LimitNOFILE), or lower MAX_CONNECTIONS")
    return ok(name, seen)


async def check_public_url(url: str) -> Check:
    """Whether clients find the API at PUBLIC_URL. That nothing answers is a warning only: the server may not run yet,
    and some networks do not let a machine reach its own public address."""
    name = "public url"
    try:
        seen = await probe_service(url, _SECONDS)
    except aiohttp.ClientConnectorCertificateError as error:
        return failed(name, f"the certificate is not valid: {error.certificate_error}", "mend the proxy's certificate")
    except _UNREACHABLE as error:
        action = "start `assay serve`, or check PUBLIC_URL, the proxy and its name in the DNS"
        return warning(name, f"{url} cannot be reached from here: {describe_error(error)}", action)
    return _judge(name, url, seen)


def _judge(name: str, url: str, seen: Seen) -> Check:
    if seen.address is not None:
        if seen.address == url:
            return ok(name, f"the API answers at {url}")
        action = "set the same PUBLIC_URL where `assay serve` runs, or let the proxy lead to this API"
        return failed(name, f"the API at {url} has {seen.address} as its PUBLIC_URL", action)
    if seen.is_healthy:
        return warning(
            name, f"{url}/healthz answers, but {url}/openapi.json is not Assay's", "let the proxy pass it on"
        )
    if seen.location is not None:
        return failed(name, f"{url} redirects to {seen.location}", "set PUBLIC_URL to the address that answers itself")
    if seen.status in _NO_SERVER_BEHIND:
        action = "start `assay serve`, or check which server the proxy leads to"
        return warning(name, f"{url}/healthz answers {seen.status}", action)
    action = "check PUBLIC_URL, and that the proxy removes its path"
    return failed(name, f"{url}/healthz answers {seen.status}, and not as Assay does", action)


async def _bind(host: str, port: int) -> None:
    """Takes the address for a moment, as a server would.

    Raises:
        OSError: that cannot be done.
    """
    addresses = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            taken.bind(address)


async def _is_assay_at(host: str, port: int) -> bool:
    # An address that means all of a machine's is none to connect to.
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        seen = await probe_service(f"http://{f'[{named}]' if ':' in named else named}:{port}", _SECONDS)
    except _UNREACHABLE:
        return False
    return seen.address is not None
