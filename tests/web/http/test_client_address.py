"""The address of a client: what trusted proxies say, and nothing that the client itself can write."""

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from structlog.testing import capture_logs

from app.http.client_address import TrustedProxies, address_group
from app.setting_types import Rate
from app.settings import WrongSetting, load_settings
from tests.api import Api
from tests.web.conftest import Serve

PROXIES = TrustedProxies(["10.0.0.0/8", "2001:db8:1::/48"])
CLIENT = "198.51.100.7"


class Peer:
    """A transport whose other end has this address."""

    def __init__(self, address: object) -> None:
        self.address = address

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The address, as transports have it."""
        return (self.address, 4711) if name == "peername" and self.address else default


def client_address(peer: object, *forwarded: str, proxies: TrustedProxies = PROXIES) -> str:
    """The address of a request from this peer with these X-Forwarded-For headers."""
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    return proxies.client_address(make_mocked_request("GET", "/", headers, transport=Peer(peer)))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # No proxy, or one that is not trusted: the header is the client's own.
        (CLIENT, [], CLIENT),
        (CLIENT, ["10.0.0.1"], CLIENT),
        (CLIENT, ["203.0.113.9, 10.0.0.1"], CLIENT),
        # One proxy, and what a client has written before it.
        ("10.0.0.1", [CLIENT], CLIENT),
        ("10.0.0.1", [f"203.0.113.9, {CLIENT}"], CLIENT),
        ("10.0.0.1", [f"10.0.0.9, {CLIENT}"], CLIENT),
        ("10.0.0.1", [f"garbage,,\x00 , {CLIENT}"], CLIENT),
        ("10.0.0.1", ["203.0.113.9", CLIENT], CLIENT),
        # Several trusted proxies, in one header or more.
        ("10.0.0.1", [f"203.0.113.9, {CLIENT}, 10.2.0.1, 10.3.0.1"], CLIENT),
        ("10.0.0.1", [f"203.0.113.9,{CLIENT}", "10.2.0.1", " 10.3.0.1 "], CLIENT),
        ("2001:db8:1::1", [f"{CLIENT}, 2001:db8:1:2::3"], CLIENT),
        # A client within the trusted networks.
        ("10.0.0.1", ["10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        # Ports and brackets.
        ("10.0.0.1", [f"{CLIENT}:1234"], CLIENT),
        ("10.0.0.1", ["[2001:db8:9::1]:1234"], "2001:db8:9::1"),
        ("10.0.0.1", ["[2001:db8:9::1]"], "2001:db8:9::1"),
        ("10.0.0.1", ["2001:DB8:9:0::1"], "2001:db8:9::1"),
        # IPv4 in IPv6, of the peer and in the header.
        ("::ffff:10.0.0.1", [CLIENT], CLIENT),
        ("10.0.0.1", [f"::ffff:{CLIENT}"], CLIENT),
        ("10.0.0.1", [f"[::ffff:{CLIENT}]:80, ::ffff:10.0.0.2"], CLIENT),
        # Nothing that can be read: the proxy itself.
        *(
            ("10.0.0.1", [entry], "10.0.0.1")
            for entry in ("", " ", ",", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4:",
                          "1.2.3.4:a", "1.2.3.4 5.6.7.8", "[1.2.3.4", "2001:db8::1]:80", "::1::", "fe80::1%eth0",
                          "\u0661.2.3.4", "http://1.2.3.4", "1.2.3.4/8", '"1.2.3.4"', "x" * 5000)
        ),
        ("10.0.0.1", [f"{CLIENT}, unknown"], "10.0.0.1"),
        ("10.0.0.1", [f"{CLIENT}, unknown, 10.2.0.1"], "10.2.0.1"),
        # No connection with an address, such as a Unix socket.
        ("", [CLIENT], "unknown"),
    ],
)  # fmt: skip
def test_the_client_is_who_the_trusted_proxies_say(peer: str, forwarded: list[str], expected: str) -> None:
    assert client_address(peer, *forwarded) == expected


def test_without_trusted_proxies_no_header_counts() -> None:
    assert client_address("10.0.0.1", CLIENT, proxies=TrustedProxies()) == "10.0.0.1"


def test_a_long_list_is_not_read_to_its_end() -> None:
    assert client_address("10.0.0.1", *[CLIENT + ", 10.0.0.1" * 2000] * 5) == "10.0.0.1"


def test_addresses_are_grouped_by_customer() -> None:
    assert address_group(CLIENT) == CLIENT
    assert address_group("2001:db8:1:2:3::4") == address_group("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert address_group("2001:db8:1:3::") != address_group("2001:db8:1:2::")
    assert (address_group("::1"), address_group("unknown")) == ("::/64", "unknown")


@pytest.mark.parametrize(
    ("peer", "proto", "https"),
    [
        ("10.0.0.1", ["https"], True),
        ("10.0.0.1", ["HTTPS "], True),
        ("10.0.0.1", ["http, https"], True),
        ("10.0.0.1", ["https, http"], False),
        ("10.0.0.1", ["https", "http"], False),
        ("10.0.0.1", [], False),
        ("10.0.0.1", ["httpsx"], False),
        (CLIENT, ["https"], False),
        ("", ["https"], False),
    ],
)
def test_trusted_proxies_say_whether_the_client_speaks_https(peer: str, proto: list[str], https: bool) -> None:
    headers = CIMultiDict([("X-Forwarded-Proto", value) for value in proto])
    assert PROXIES.is_https(make_mocked_request("GET", "/", headers, transport=Peer(peer))) is https


async def anonymous(api: Api, forwarded: str, **headers: str) -> tuple[int, str]:
    """The answer to a request without a token, behind a proxy: status, and what is left."""
    async with api.client.get("/tracks", headers={"X-Forwarded-For": forwarded} | headers) as reply:
        return reply.status, reply.headers["RateLimit"].split(";")[1]


async def test_each_address_behind_a_proxy_has_a_quota_of_its_own(serve: Serve) -> None:
    api = await serve(rate_limit_address=Rate(2, 80_000), trusted_proxies=["127.0.0.0/8"])
    for client in (CLIENT, "2001:db8:9:1::1"):
        assert [await anonymous(api, client) for _ in range(3)] == [(401, "r=1"), (401, "r=0"), (429, "r=0")]
    # The rest of the /64, and what the client says itself, change nothing.
    assert await anonymous(api, "2001:db8:9:1:2::77") == (429, "r=0")
    assert await anonymous(api, f"203.0.113.{1}, {CLIENT}") == (429, "r=0")
    assert await anonymous(api, "2001:db8:9:2::1") == (401, "r=1")
    direct = await serve(rate_limit_address=Rate(2, 80_000))
    assert [(await anonymous(direct, f"203.0.113.{n}"))[0] for n in range(3)] == [401, 401, 429]


async def test_the_log_has_the_clients_address(serve: Serve) -> None:
    for changed, expected in (({"trusted_proxies": ["127.0.0.1/32"]}, CLIENT), ({}, "127.0.0.1")):
        api = await serve(**changed)
        with capture_logs() as logs:
            await api.get("/tracks", X_Forwarded_For=f"203.0.113.9, {CLIENT}")
        assert [line["address"] for line in logs if line["event"] == "request"] == [expected]


async def test_https_is_kept_where_a_trusted_proxy_speaks_it(serve: Serve) -> None:
    api = await serve(trusted_proxies=["127.0.0.1/32"])
    assert (await api.get("/nowhere", X_Forwarded_Proto="https")).headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in (await api.get("/nowhere", X_Forwarded_Proto="http")).headers
    assert "Strict-Transport-Security" not in (await (await serve()).get("/", X_Forwarded_Proto="https")).headers


@pytest.mark.parametrize("value", ["10.0.0.0/99", "10.0.0.1/8", "proxy.example", "*", "10.0.0.1-10.0.0.9"])
def test_wrong_networks_stop_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", f"127.0.0.1,{value}")
    with pytest.raises(WrongSetting, match="TRUSTED_PROXIES"):
        load_settings()
