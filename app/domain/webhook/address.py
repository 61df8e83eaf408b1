"""Which addresses a webhook may have. No I/O: what a name stands for is judged when it is resolved, with `public`."""

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from yarl import URL

from app.domain.errors import CallerError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC = "the address is not public"
_NOT_A_HOST = "the host is not a valid name or address"
_LONGEST = 2048
_LONGEST_NAME = 253
# 240.0.0.0/4 has the broadcast address too. An IPv4-mapped address (::ffff:0:0/96) is judged by the one in it; other
# forms that carry an IPv4 address are refused whole: IPv4-compatible (::/96, with :: and ::1), NAT64, Teredo, 6to4.
_BLOCKED = tuple(
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
_LOOPBACK = IPv4Address("127.0.0.1")
_UNWANTED = re.compile(r"[\s\x00-\x20\x7f-\x9f\\]")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# No top-level domain is a number, and resolvers read any host that ends in one as an IPv4 address.
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class AddressRefused(CallerError):
    """A webhook may not have this address; `detail` is fit for the caller's eyes."""


def checked_url(text: str, *, allow_http: bool, allowed: Sequence[Network]) -> URL:
    """The address that the text spells, with its host in the usual form: lower case, IDNA, no trailing dot, a literal
    address in its canonical spelling. `allowed` networks may be reached though they are not public.

    Raises:
        AddressRefused: it is malformed, not of an accepted scheme, or a literal address that is not public.
    """
    _check_form(text, ("https", "http") if allow_http else ("https",))
    try:
        url = URL(text)
        url = url.with_host(_checked_host(url.raw_host or "", allowed))
    # OSError is how inet_aton says that it cannot read a number.
    except (ValueError, OSError):
        raise AddressRefused(_NOT_A_HOST) from None
    if len(str(url)) > _LONGEST:
        raise AddressRefused(f"the address has more than {_LONGEST} characters")
    return url


def public(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether a webhook may connect to this address: nobody's private one, or in an allowed network."""
    judged = _unmapped(address)
    return any(judged in network for network in allowed) or not any(judged in network for network in _BLOCKED)


def _check_form(text: str, schemes: Sequence[str]) -> None:
    """Refuses in the raw text what a parser of URLs would repair or drop."""
    scheme, _, rest = text.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if len(text) > _LONGEST:
        raise AddressRefused(f"the address has more than {_LONGEST} characters")
    if _UNWANTED.search(text):
        raise AddressRefused("the address must have no white space, control characters or backslashes")
    if scheme.lower() not in schemes:
        raise AddressRefused(f"the address must start with {' or '.join(f'{each}://' for each in schemes)}")
    if "@" in authority:
        raise AddressRefused("the address must not name a user or a password")
    if "#" in text:
        raise AddressRefused("the address must not have a fragment")
    _check_port(authority)


def _check_port(authority: str) -> None:
    _, colon, port = authority[authority.rfind("]") + 1 :].partition(":")
    if colon and not (_PORT.fullmatch(port) and int(port) <= 65535):
        raise AddressRefused("the port must be a number from 1 to 65535")


def _checked_host(host: str, allowed: Sequence[Network]) -> str:
    host = host.removesuffix(".")
    literal = _literal(host)
    if literal is None and (len(host) > _LONGEST_NAME or not _NAME.fullmatch(host)):
        raise AddressRefused(_NOT_A_HOST)
    judged = _LOOPBACK if host.rpartition(".")[2] == "localhost" else literal
    if judged is not None and not public(judged, allowed):
        raise AddressRefused(NOT_PUBLIC)
    return host if literal is None else str(literal)


def _literal(host: str) -> Address | None:
    """The address that the host spells; None where it is a name."""
    if ":" in host:
        # A zone is of use within one machine only.
        if "%" in host:
            raise AddressRefused(_NOT_A_HOST)
        return _unmapped(IPv6Address(host))
    if _ENDS_IN_A_NUMBER.fullmatch(host):
        # It reads what the system's resolver reads: octal, hexadecimal, and fewer than four parts.
        return IPv4Address(socket.inet_aton(host))
    return None


def _unmapped(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
