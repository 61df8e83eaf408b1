"""Which addresses webhook requests reach, and which they never reach."""

import asyncio
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_network

import aiohttp
import pytest

from app.clients.webhook_sender import AddressNotPublic, guarded_connector
from tests.clients.webhook_sending import BODY, HEADERS, LOOPBACK, open_sender, send
from tests.fakes.conditions import until
from tests.fakes.hostile_addresses import BLOCKED, MALFORMED, SPELLINGS_OF_LOOPBACK
from tests.fakes.scripted_resolver import ScriptedResolver
from tests.fakes.webhook_receiver import WebhookReceiver, answer, webhook_receiver

NOT_PUBLIC = "the address is not public"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as receiver:
        yield receiver


async def test_a_request_arrives_unchanged(receiver: WebhookReceiver) -> None:
    result = await send(f"{receiver.url}/a%2Fb?c=%2B", *LOOPBACK)
    assert (result.status, result.error, result.retry_after) == (204, None, None)
    [request] = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook/a%2Fb?c=%2B", BODY)
    assert HEADERS.items() <= dict(request.headers).items()
    assert request.headers["User-Agent"] == "Assay-Webhooks/1"
    assert request.headers["Content-Length"] == str(len(BODY))


@pytest.mark.parametrize(
    "target",
    ["/a?sp=%2Fa&sig=%7E", "/%7Eme/%2e%2E/b", "/a/../b/./c", "//a//b", "/a?q=a+b%20c&q=&&=", "/a?u=http://x/?y",
     "/a;b=c,d/e@f:g?h=[i]&j='k'", "/%zz?%", "/a?sig=%C3%bc", '/"<{|}>^`'],
)  # fmt: skip
async def test_path_and_query_of_a_signed_address_arrive_byte_for_byte(receiver: WebhookReceiver, target: str) -> None:
    result = await send(f"http://127.0.0.1:{receiver.port}{target}", *LOOPBACK)
    assert result.status == 204
    assert [request.path for request in receiver.requests] == [target]


@pytest.mark.parametrize("spelling", SPELLINGS_OF_LOOPBACK)
async def test_no_spelling_of_loopback_is_reached_unless_allowed(receiver: WebhookReceiver, spelling: str) -> None:
    url = spelling.format(port=receiver.port)
    assert (await send(url)).error == NOT_PUBLIC
    assert receiver.connections == 0
    # Once allowed, the same address is reached: only the check had prevented it.
    allowed = (*LOOPBACK, "0.0.0.0/8")
    assert (await send(url, *allowed, resolver=ScriptedResolver(["127.0.0.1"]))).status == 204
    assert receiver.connections == 1


@pytest.mark.parametrize("address", BLOCKED)
async def test_a_name_that_resolves_to_a_blocked_address_is_not_connected_to(address: str) -> None:
    names = ScriptedResolver([address])
    result = await send("https://hooks.example/", resolver=names)
    assert (result.status, result.error) == (None, NOT_PUBLIC)
    assert names.lookups == ["hooks.example"]


@pytest.mark.parametrize("text", MALFORMED)
async def test_a_malformed_address_is_never_resolved(text: str) -> None:
    names = ScriptedResolver(["127.0.0.1"])
    result = await send(text, *LOOPBACK, resolver=names)
    assert result.status is None
    assert result.error
    assert names.lookups == []


async def test_http_is_refused_unless_allowed(receiver: WebhookReceiver) -> None:
    result = await send(receiver.url, *LOOPBACK, allow_http=False)
    assert result.error == "the address must start with https://"
    assert receiver.connections == 0


@pytest.mark.parametrize("order", [1, -1])
async def test_a_name_with_one_blocked_address_among_others_is_refused(order: int) -> None:
    async with webhook_receiver("127.0.0.2") as allowed, webhook_receiver(port=allowed.port) as blocked:
        names = ScriptedResolver(["127.0.0.2", "127.0.0.1"][::order])
        result = await send(f"http://hooks.example:{allowed.port}/", "127.0.0.2/32", resolver=names)
        assert result.error == NOT_PUBLIC
        assert allowed.connections == blocked.connections == 0


async def test_a_name_is_resolved_and_checked_again_for_each_request() -> None:
    async with webhook_receiver("127.0.0.2") as allowed, webhook_receiver(port=allowed.port) as blocked:
        names = ScriptedResolver(["127.0.0.2"], ["127.0.0.1"])
        url = f"http://hooks.example:{allowed.port}/"
        async with open_sender("127.0.0.2/32", resolver=names) as sender:
            assert (await sender.send(url, HEADERS, BODY)).status == 204
            # One lookup for each connection: a second one could give another address.
            assert (names.lookups, allowed.connections) == (["hooks.example"], 1)
            assert (await sender.send(url, HEADERS, BODY)).error == NOT_PUBLIC
        assert (len(allowed.requests), blocked.connections) == (1, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0x0", "0x7f.1", "localhost"])
async def test_the_connector_alone_blocks_loopback(receiver: WebhookReceiver, host: str) -> None:
    resolver = aiohttp.ThreadedResolver()

    async def post(*allowed: str) -> int:
        connector = guarded_connector(resolver, [ip_network(network) for network in allowed])
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(f"http://{host}:{receiver.port}/") as response,
        ):
            return response.status

    with pytest.raises(aiohttp.ClientConnectorError) as refused:
        await post()
    assert isinstance(refused.value.os_error, AddressNotPublic)
    assert receiver.connections == 0
    assert await post(*LOOPBACK, "0.0.0.0/8") == 204
    await resolver.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_reported_and_never_followed(receiver: WebhookReceiver, status: int) -> None:
    async with webhook_receiver() as target:
        receiver.default = answer(status, {"Location": target.url})
        assert (await send(receiver.url, *LOOPBACK)).status == status
        assert (len(receiver.requests), target.connections) == (1, 0)


async def test_no_connection_and_no_cookie_is_kept(receiver: WebhookReceiver) -> None:
    async def none_open() -> bool:
        return receiver.open_connections == 0

    receiver.default = answer(200, {"Set-Cookie": "a=b; Path=/"})
    async with open_sender(*LOOPBACK, resolver=ScriptedResolver(["127.0.0.1"])) as sender:
        for _ in range(3):
            assert (await sender.send(f"http://hooks.example:{receiver.port}/", HEADERS, BODY)).status == 200
            await until(none_open)
    assert receiver.connections == 3
    assert not any("Cookie" in request.headers for request in receiver.requests)


async def test_a_proxy_named_in_the_environment_is_not_used(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with webhook_receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert (await send(receiver.url, *LOOPBACK)).status == 204
        assert (receiver.connections, proxy.connections) == (1, 0)


async def test_names_are_resolved_while_all_shared_threads_are_busy(receiver: WebhookReceiver) -> None:
    """Lookups have their own threads, so slow ones do not block the shared threads either."""
    done = threading.Event()
    # More than the process has threads.
    busy = [asyncio.get_running_loop().run_in_executor(None, done.wait) for _ in range(64)]
    try:
        result = await send(f"http://localhost:{receiver.port}/", *LOOPBACK, seconds=10)
    finally:
        done.set()
        await asyncio.gather(*busy)
    assert result.status == 204
