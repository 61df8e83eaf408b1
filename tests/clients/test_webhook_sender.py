"""What a webhook's request reaches, and what it never reaches."""

import asyncio
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_network

import aiohttp
import pytest

from app.clients.webhook_sender import AddressNotPublic, SystemResolver, guarded_connector
from tests.clients.webhook_sending import BODY, HEADERS, LOOPBACK, send_once, sender
from tests.fakes.conditions import until
from tests.fakes.hostile_addresses import BLOCKED, MALFORMED, SPELLINGS_OF_LOOPBACK
from tests.fakes.scripted_names import ScriptedNames
from tests.fakes.webhook_receiver import WebhookReceiver, answer, webhook_receiver

NOT_PUBLIC = "the address is not public"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as one:
        yield one


async def test_a_request_arrives_as_it_was_given(receiver: WebhookReceiver) -> None:
    sent = await send_once(f"{receiver.url}/a%2Fb?c=%2B", *LOOPBACK)
    assert (sent.status, sent.error, sent.retry_after) == (204, None, None)
    [request] = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook/a%2Fb?c=%2B", BODY)
    assert HEADERS.items() <= dict(request.headers).items()
    assert request.headers["User-Agent"] == "Assay-Webhooks/1"
    assert request.headers["Content-Length"] == str(len(BODY))


@pytest.mark.parametrize("spelling", SPELLINGS_OF_LOOPBACK)
async def test_the_loopback_is_reached_in_no_spelling_unless_it_is_allowed(
    receiver: WebhookReceiver, spelling: str
) -> None:
    url = spelling.format(port=receiver.port)
    assert (await send_once(url)).error == NOT_PUBLIC
    assert receiver.connections == 0
    # The same address gets through where it may: nothing but the guard held it back.
    allowed = (*LOOPBACK, "0.0.0.0/8")
    assert (await send_once(url, *allowed, resolver=ScriptedNames(["127.0.0.1"]))).status == 204
    assert receiver.connections == 1


@pytest.mark.parametrize("address", BLOCKED)
async def test_a_name_of_a_blocked_address_is_not_connected_to(address: str) -> None:
    names = ScriptedNames([address])
    sent = await send_once("https://hooks.example/", resolver=names)
    assert (sent.status, sent.error) == (None, NOT_PUBLIC)
    assert names.asked == ["hooks.example"]


@pytest.mark.parametrize("text", MALFORMED)
async def test_of_what_is_no_web_address_nobody_is_asked(text: str) -> None:
    names = ScriptedNames(["127.0.0.1"])
    sent = await send_once(text, *LOOPBACK, resolver=names)
    assert sent.status is None
    assert sent.error
    assert names.asked == []


async def test_http_is_refused_at_each_try_where_it_is_not_allowed(receiver: WebhookReceiver) -> None:
    sent = await send_once(receiver.url, *LOOPBACK, allow_http=False)
    assert sent.error == "the address must start with https://"
    assert receiver.connections == 0


@pytest.mark.parametrize("order", [1, -1])
async def test_a_name_with_one_blocked_address_among_others_is_refused(order: int) -> None:
    async with webhook_receiver("127.0.0.2") as allowed, webhook_receiver(port=allowed.port) as blocked:
        names = ScriptedNames(["127.0.0.2", "127.0.0.1"][::order])
        sent = await send_once(f"http://hooks.example:{allowed.port}/", "127.0.0.2/32", resolver=names)
        assert sent.error == NOT_PUBLIC
        assert allowed.connections == blocked.connections == 0


async def test_a_name_that_changes_its_mind_is_judged_at_each_try_by_what_is_connected_to() -> None:
    async with webhook_receiver("127.0.0.2") as allowed, webhook_receiver(port=allowed.port) as blocked:
        names = ScriptedNames(["127.0.0.2"], ["127.0.0.1"])
        url = f"http://hooks.example:{allowed.port}/"
        async with sender("127.0.0.2/32", resolver=names) as one:
            assert (await one.send(url, HEADERS, BODY)).status == 204
            # One question for one connection: there is no second answer that could be another.
            assert (names.asked, allowed.connections) == (["hooks.example"], 1)
            assert (await one.send(url, HEADERS, BODY)).error == NOT_PUBLIC
        assert (len(allowed.requests), blocked.connections) == (1, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0x0", "0x7f.1", "localhost"])
async def test_the_connector_alone_lets_nothing_through(receiver: WebhookReceiver, host: str) -> None:
    resolver = SystemResolver()

    async def post(*allowed: str) -> int:
        connector = guarded_connector(resolver, [ip_network(each) for each in allowed])
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
async def test_a_redirect_is_told_and_never_followed(receiver: WebhookReceiver, status: int) -> None:
    async with webhook_receiver() as target:
        receiver.default = answer(status, {"Location": target.url})
        assert (await send_once(receiver.url, *LOOPBACK)).status == status
        assert (len(receiver.requests), target.connections) == (1, 0)


async def test_no_connection_and_no_cookie_is_kept(receiver: WebhookReceiver) -> None:
    async def none_left() -> bool:
        return receiver.open_connections == 0

    receiver.default = answer(200, {"Set-Cookie": "a=b; Path=/"})
    async with sender(*LOOPBACK, resolver=ScriptedNames(["127.0.0.1"])) as one:
        for _ in range(3):
            assert (await one.send(f"http://hooks.example:{receiver.port}/", HEADERS, BODY)).status == 200
            await until(none_left)
    assert receiver.connections == 3
    assert not any("Cookie" in request.headers for request in receiver.requests)


async def test_a_proxy_of_the_environment_is_not_used(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with webhook_receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert (await send_once(receiver.url, *LOOPBACK)).status == 204
        assert (receiver.connections, proxy.connections) == (1, 0)


async def test_names_are_resolved_though_all_shared_threads_are_busy(receiver: WebhookReceiver) -> None:
    """The other way round, names that take for ever keep nobody else from a shared thread."""
    free = threading.Event()
    # More than the process has, so that some wait for a thread.
    busy = [asyncio.get_running_loop().run_in_executor(None, free.wait) for _ in range(64)]
    try:
        sent = await send_once(f"http://localhost:{receiver.port}/", *LOOPBACK, seconds=10)
    finally:
        free.set()
        await asyncio.gather(*busy)
    assert sent.status == 204
