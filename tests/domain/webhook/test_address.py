"""Which addresses a webhook may have."""

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from app.domain.webhook.address import AddressRefused, Network, may_connect, validate_url
from tests.domain.builders import quick
from tests.fakes.hostile_addresses import BLOCKED, MALFORMED, PUBLIC, SPELLINGS_OF_LOOPBACK

BLOCKED_NETWORKS = [ip_network(network) for network in ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12")]
BLOCKED_NETWORKS += [ip_network(network) for network in ("192.168.0.0/16", "100.64.0.0/10", "224.0.0.0/3", "0.0.0.0/8")]
AS_BASES = ("{}".format, "0{:o}".format, "000{:o}".format, "{:#x}".format, "{:#X}".format, "0x00{:x}".format)


def checked(text: str, *allowed: str, allow_http: bool = True) -> URL:
    return validate_url(text, allow_http=allow_http, allowed=[ip_network(network) for network in allowed])


def refusal(text: str, *allowed: str, allow_http: bool = True) -> str:
    with pytest.raises(AddressRefused) as refused:
        checked(text, *allowed, allow_http=allow_http)
    return refused.value.detail


@pytest.mark.parametrize("spelling", SPELLINGS_OF_LOOPBACK)
def test_every_spelling_of_loopback_is_recognised(spelling: str) -> None:
    text = spelling.format(port=8080)
    assert refusal(text) == "the address is not public"
    assert checked(text, "127.0.0.0/8", "0.0.0.0/8").port == 8080


@pytest.mark.parametrize("address", BLOCKED)
def test_an_address_of_a_blocked_range_is_not_public(address: str) -> None:
    assert not may_connect(ip_address(address), [])
    host = f"[{address}]" if ":" in address else address
    assert refusal(f"https://{host}/hook") == refusal(f"https://{host}:8443") == "the address is not public"


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_next_to_a_blocked_range_is_public(address: str) -> None:
    assert may_connect(ip_address(address), [])
    inner = address.removeprefix("::ffff:")
    host = f"[{address}]" if ":" in address else address
    assert checked(f"https://{host}/hook").host == inner


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_address_is_refused_even_if_all_networks_are_allowed(text: str) -> None:
    detail = refusal(text, "0.0.0.0/0", "::/0")
    assert detail.startswith(("the address ", "the host ", "the port "))
    assert "public" not in detail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://hooks.example/", "the address must start with https://"),
        ("http://hooks.example/", "the address must start with https://"),
        ("https://me@hooks.example/", "the address must not name a user or a password"),
        ("https://hooks.example/#part", "the address must not have a fragment"),
        ("https://hooks.example:65536/", "the port must be a number from 1 to 65535"),
        ("https://hooks.example/a b", "the address must have no white space, control characters or backslashes"),
        ("https://hooks.example/" + "a" * 2048, "the address has more than 2048 characters"),
        ("https://hooks..example/", "the host is not a valid name or address"),
        ("https://10.1.2.3/", "the address is not public"),
    ],
)
def test_a_refusal_says_why(text: str, why: str) -> None:
    assert refusal(text, allow_http=False) == why


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("https://hooks.example", "https://hooks.example"),
        ("https://hooks.example?a=b", "https://hooks.example/?a=b"),
        ("https://hooks.example:8443/a%2Fb?c=%2B%26", "https://hooks.example:8443/a%2Fb?c=%2B%26"),
        ("https://hooks.example:1/", "https://hooks.example:1/"),
        ("https://hooks.example:65535/", "https://hooks.example:65535/"),
        ("HTTPS://Hooks.EXAMPLE./Path", "https://hooks.example/Path"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://hooks.example/a?sp=%2Fa&sig=%7E+%C3%BC", "https://hooks.example/a?sp=%2Fa&sig=%7E+%C3%BC"),
        ("https://hooks.example?a=//10.0.0.1/%7e", "https://hooks.example/?a=//10.0.0.1/%7e"),
        ("https://hooks.example/a/../%2e/b//c?d?e", "https://hooks.example/a/../%2e/b//c?d?e"),
        ("https://hooks.example/a?", "https://hooks.example/a"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("https://my_hooks.a-b.example/@/me", "https://my_hooks.a-b.example/@/me"),
        ("https://localhost.example/", "https://localhost.example/"),
        ("https://127.0.0.1.example/", "https://127.0.0.1.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://134744072/", "https://8.8.8.8/"),
        ("https://[2606:4700:4700:0::1111]:8443/", "https://[2606:4700:4700::1111]:8443/"),
        ("https://[::ffff:8.8.8.8]/", "https://8.8.8.8/"),
    ],
)
def test_valid_addresses_are_normalized(text: str, normalized: str) -> None:
    assert str(checked(text, allow_http=False)) == normalized


def test_http_must_be_allowed_explicitly() -> None:
    assert "https://" in refusal("http://hooks.example/", allow_http=False)
    assert str(checked("http://hooks.example/hook")) == "http://hooks.example/hook"


def test_an_allowed_network_is_reached_and_no_other() -> None:
    assert checked("http://10.1.2.3/", "10.1.2.0/24").host == "10.1.2.3"
    assert checked("http://[::ffff:10.1.2.3]/", "10.1.2.0/24").host == "10.1.2.3"
    assert checked("http://[fd00::5]/", "fd00::/64").host == "fd00::5"
    assert checked("http://localhost:8080/", "127.0.0.0/8").host == "localhost"
    for text in ("http://10.1.3.1/", "http://[fd00::5]/", "http://127.0.0.1/", "http://localhost/"):
        assert refusal(text, "10.1.2.0/24") == "the address is not public"


def test_allowing_all_ipv6_does_not_allow_mapped_ipv4_addresses() -> None:
    assert not may_connect(ip_address("::ffff:10.0.0.1"), [ip_network("::/0")])


@st.composite
def spelled(draw: st.DrawFn, networks: list[Network]) -> tuple[IPv4Address, str]:
    """An address and one way to write it: one to four parts, each in its own base."""
    network = draw(st.sampled_from([network for network in networks if isinstance(network, IPv4Network)]))
    address = IPv4Address(draw(st.integers(int(network.network_address), int(network.broadcast_address))))
    count = draw(st.integers(1, 4))
    parts = [*address.packed[: count - 1], int.from_bytes(address.packed[count - 1 :], "big")]
    host = ".".join(draw(st.sampled_from(AS_BASES))(part) for part in parts)
    if draw(st.booleans()):
        host = host.translate({ord(digit): ord("０") + int(digit) for digit in "0123456789"})
    return address, host + draw(st.sampled_from(("", ".", ":8080")))


@quick
@given(spelled(BLOCKED_NETWORKS))
def test_a_blocked_address_is_refused_however_it_is_written(spelling: tuple[IPv4Address, str]) -> None:
    assert refusal(f"http://{spelling[1]}/") == "the address is not public"


@quick
@given(spelled([ip_network("8.0.0.0/8"), ip_network("93.184.0.0/16")]))
def test_a_public_address_is_accepted_however_it_is_written(spelling: tuple[IPv4Address, str]) -> None:
    assert checked(f"http://{spelling[1]}/").host == str(spelling[0])


@quick
@given(st.text(alphabet=st.one_of(st.sampled_from("01279ax.:/@[]%#?\\ 。１ｌ"), st.characters()), max_size=30))
def test_any_text_is_refused_or_gives_an_address_that_validates_to_itself(rest: str) -> None:
    try:
        url = checked(f"https://{rest}")
    except AddressRefused:
        return
    assert url.user is url.password is None
    assert url.scheme == "https" and url.raw_host and not url.raw_fragment
    assert checked(str(url)) == url
