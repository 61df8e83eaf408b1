"""Where a request comes from: the other end of the connection, or what trusted proxies say of the client."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from aiohttp import web

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Proxies on the way of one request; a longer list is somebody's attempt to keep the server busy.
_MAX_PROXIES = 16
# An entry of X-Forwarded-For: an address, in brackets or not, and perhaps a port.
_ENTRY = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")
# A network of this size is one customer's, who can use any address in it.
_CUSTOMER_PREFIX = 64
_REMEMBERED = 4096


class TrustedProxies:
    """The networks of proxies whose headers count."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)

    def client_address(self, request: web.BaseRequest) -> str:
        """The address of the client: of the last proxy before the trusted ones, and of the connection where that is no
        trusted proxy. What stands before it in X-Forwarded-For is whatever the client has sent, and is not read."""
        address = _parsed(request.remote or "")
        if address is None:
            return request.remote or "unknown"
        for entry in _entries(request):
            before = _parsed_entry(entry) if self._trusts(address) else None
            if before is None:
                break
            address = before
        return str(address)

    def is_https(self, request: web.BaseRequest) -> bool:
        """Whether the client speaks https, as a trusted proxy says."""
        headers, peer = _headers(request, "X-Forwarded-Proto"), _parsed(request.remote or "")
        if not headers or peer is None or not self._trusts(peer):
            return False
        return headers[-1].rpartition(",")[2].strip().lower() == "https"

    def _trusts(self, address: IpAddress) -> bool:
        return any(address in network for network in self._networks)


@lru_cache(_REMEMBERED)
def address_group(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed), _CUSTOMER_PREFIX), strict=False))
    return address


def _entries(request: web.BaseRequest) -> Iterator[str]:
    """The entries of all X-Forwarded-For headers, the newest first."""
    left = _MAX_PROXIES
    for header in reversed(_headers(request, "X-Forwarded-For")):
        rest, more = header, True
        while more and left:
            rest, comma, entry = rest.rpartition(",")
            more, left = bool(comma), left - 1
            yield entry.strip()


def _headers(request: web.BaseRequest, name: str) -> list[str]:
    # What was no HTTP request has a plain dict.
    return request.headers.getall(name, []) if request.headers else []


def _parsed_entry(entry: str) -> IpAddress | None:
    match = _ENTRY.fullmatch(entry)
    return _parsed(match[match.lastindex or 0]) if match else None


@lru_cache(_REMEMBERED)
def _parsed(text: str) -> IpAddress | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
