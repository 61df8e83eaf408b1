"""Which addresses a webhook may have: the form of its URL, and the networks it may reach.

No I/O: the addresses of a name are checked with `may_connect` when it is resolved (`app.clients.webhook_sender`).
"""

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import quote

from yarl import URL

from app.domain.errors import CallerError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC = "the address is not public"
_NOT_A_HOST = "the host is not a valid name or address"
_MAX_LENGTH = 2048
_MAX_HOST_LENGTH = 253
# Only addresses of global unicast that neither Python's table of special addresses nor this one excludes are public. A
# list of what is blocked would let through what is not assigned yet. Of an IPv4-mapped address (::ffff:0:0/96) the IPv4
# address counts; every other form that embeds an IPv4 address is outside of 2000::/3 or listed here: Teredo, 6to4.
_GLOBAL_UNICAST = ip_network("2000::/3")
_BLOCKED = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Public, but inside Azure it answers each machine as its host.
        "168.63.129.16/32",
        # 2001::/23 is for protocols: Teredo, benchmarking (2001:2::/48), ORCHID.
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
_LOOPBACK = IPv4Address("127.0.0.1")
_FORBIDDEN_CHARACTERS = re.compile(r"[\s\x00-\x20\x7f-\x9f\\]")
# Everything of the address up to its path: scheme, host and port.
_ORIGIN = re.compile(r"[^:]*://[^/?#]*")
_ASCII = "".join(map(chr, range(128)))
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# Resolvers read every host that ends in a number as an IPv4 address; no top-level domain is a number.
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class AddressRefused(CallerError):
    """A webhook may not have this address; `detail` may be shown to the caller."""


def validate_url(text: str, *, allow_http: bool, allowed: Sequence[Network]) -> URL:
    """The URL in the text, with a normalized host: lower case, IDNA, no trailing dot, IP addresses in canonical form.
    Path and query stay byte for byte, because a change would break the signature of a signed URL; only characters that
    are not ASCII are percent-encoded, and a `?` without a query is left out. The `allowed` networks may be reached
    though they are not public.

    Raises:
        AddressRefused: it is malformed, has another scheme, or its host is an IP address that is not public.
    """
    _check_form(text, ("https", "http") if allow_http else ("https",))
    try:
        url = URL(_origin(text))
        url = url.with_host(_normalized_host(url.raw_host or "", allowed))
        # The host above is normalized by yarl; it must not rewrite the rest.
        url = URL(f"{url}{quote(text[len(_origin(text)) :], safe=_ASCII)}", encoded=True)
    # inet_aton raises OSError for malformed numbers.
    except (ValueError, OSError):
        raise AddressRefused(_NOT_A_HOST) from None
    if len(str(url)) > _MAX_LENGTH:
        raise AddressRefused(f"the address has more than {_MAX_LENGTH} characters")
    return url


def may_connect(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether a webhook may connect to this address: it is public or in an allowed network."""
    target = _unmapped(address)
    return any(target in network for network in allowed) or _is_public(target)


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and (address.version == 4 or address in _GLOBAL_UNICAST)
        and not any(address in network for network in _BLOCKED)
    )


def _check_form(text: str, schemes: Sequence[str]) -> None:
    """Refuses what a URL parser would silently repair or drop, by looking at the raw text."""
    scheme, _, rest = text.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if len(text) > _MAX_LENGTH:
        raise AddressRefused(f"the address has more than {_MAX_LENGTH} characters")
    if _FORBIDDEN_CHARACTERS.search(text):
        raise AddressRefused("the address must have no white space, control characters or backslashes")
    if scheme.lower() not in schemes:
        raise AddressRefused(f"the address must start with {' or '.join(f'{name}://' for name in schemes)}")
    if "@" in authority:
        raise AddressRefused("the address must not name a user or a password")
    if "#" in text:
        raise AddressRefused("the address must not have a fragment")
    _check_port(authority)


def _origin(text: str) -> str:
    match = _ORIGIN.match(text)
    return match[0] if match else text


def _check_port(authority: str) -> None:
    _, colon, port = authority[authority.rfind("]") + 1 :].partition(":")
    if colon and not (_PORT.fullmatch(port) and int(port) <= 65535):
        raise AddressRefused("the port must be a number from 1 to 65535")


def _normalized_host(host: str, allowed: Sequence[Network]) -> str:
    host = host.removesuffix(".")
    literal = _literal(host)
    if literal is None and (len(host) > _MAX_HOST_LENGTH or not _NAME.fullmatch(host)):
        raise AddressRefused(_NOT_A_HOST)
    address = _LOOPBACK if host.rpartition(".")[2] == "localhost" else literal
    if address is not None and not may_connect(address, allowed):
        raise AddressRefused(NOT_PUBLIC)
    return host if literal is None else str(literal)


def _literal(host: str) -> Address | None:
    """The IP address that the host spells, or None if it is a name."""
    if ":" in host:
        # A zone has a meaning on one machine only.
        if "%" in host:
            raise AddressRefused(_NOT_A_HOST)
        return _unmapped(IPv6Address(host))
    if _ENDS_IN_NUMBER.fullmatch(host):
        # inet_aton reads what the system's resolver reads: octal, hexadecimal, and fewer than four parts.
        return IPv4Address(socket.inet_aton(host))
    return None


def _unmapped(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
