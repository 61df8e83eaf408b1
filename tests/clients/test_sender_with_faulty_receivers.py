"""Webhook requests to misbehaving receivers: there is always a result, and no connection is left open."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from app.lifecycle import cancel_and_wait
from tests.clients.webhook_sending import BODY, HEADERS, LOOPBACK, open_sender, send
from tests.fakes.conditions import until
from tests.fakes.scripted_resolver import ScriptedResolver, SilentResolver
from tests.fakes.self_signed import self_signed
from tests.fakes.webhook_receiver import (
    Behaviour,
    Endless,
    WebhookReceiver,
    answer,
    hang,
    raw,
    reset,
    webhook_receiver,
)

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver; fails the test if a connection is left open at its end."""
    async with webhook_receiver() as running:

        async def none_open() -> bool:
            return running.open_connections == 0

        yield running
        await until(none_open)


async def assert_times_out(url: str, resolver: AbstractResolver | None = None) -> None:
    async with asyncio.timeout(20):
        result = await send(url, *LOOPBACK, resolver=resolver, seconds=0.3)
    assert (result.status, result.error, result.retry_after) == (None, "no answer within 0.3 s", None)


async def error_of(url: str, resolver: AbstractResolver | None = None) -> str | None:
    result = await send(url, *LOOPBACK, resolver=resolver)
    assert result.status is None
    return result.error


@pytest.mark.parametrize("status", [200, 299, 400, 410, 500, 502, 504])
async def test_the_result_has_the_status(receiver: WebhookReceiver, status: int) -> None:
    receiver.default = answer(status, body=b"whatever")
    result = await send(receiver.url, *LOOPBACK)
    assert (result.status, result.error) == (status, None)


@pytest.mark.parametrize(
    "behaviour",
    [
        hang(),
        Endless(OK, b"X-More: and more\r\n", pause=0.05),
        Endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", pause=0.01),
    ],
    ids=["no answer", "endless head", "endless hints"],
)
async def test_a_receiver_that_never_answers_times_out(receiver: WebhookReceiver, behaviour: Behaviour) -> None:
    receiver.default = behaviour
    await assert_times_out(receiver.url)


async def test_a_name_that_never_resolves_times_out() -> None:
    await assert_times_out("https://hooks.example/", SilentResolver())


async def test_a_lookup_has_its_own_time_limit() -> None:
    async with open_sender(resolver=SilentResolver(), lookup_seconds=0.1) as sender:
        result = await sender.send("https://hooks.example/", HEADERS, BODY)
    assert (result.status, result.error) == (None, "the name was not resolved within 0.1 s")


async def test_names_whose_server_is_silent_hold_up_no_other_lookup(receiver: WebhookReceiver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        resolver = aiohttp.AsyncResolver(nameservers=["127.0.0.1"], udp_port=port, timeout=30, tries=1)
        async with open_sender(*LOOPBACK, resolver=resolver, lookup_seconds=30, seconds=60) as sender:
            # More than a pool of threads for the system's resolver has.
            waiting = [
                asyncio.create_task(sender.send(f"http://name-{number}.example/", HEADERS, BODY))
                for number in range(100)
            ]
            await asyncio.sleep(0)
            result = await sender.send(f"http://localhost:{receiver.port}/", HEADERS, BODY)
            assert result.status == 204
            assert not any(task.done() for task in waiting)
            await cancel_and_wait(*waiting)


async def test_a_tls_handshake_that_never_ends_times_out() -> None:
    disconnected = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        disconnected.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server, asyncio.timeout(20):
        await assert_times_out(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await disconnected.wait()


@pytest.mark.parametrize(
    "behaviour",
    [
        Endless(OK + b"\r\n", b"x" * 65536),
        Endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", pause=0.01),
        Endless(OK + b"Content-Length: 100\r\n\r\n", b"", pause=0.01),
        raw(OK + b"Content-Length: 100\r\n\r\ncut"),
        raw(OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb"),
        raw(OK + b"Set-Cookie: \x01=;;;\r\nContent-Length: 0\r\n\r\n"),
    ],
    ids=["endless", "dripping", "silent", "cut", "not gzip", "strange cookie"],
)
async def test_the_status_counts_whatever_the_body_is(receiver: WebhookReceiver, behaviour: Behaviour) -> None:
    receiver.default = behaviour
    async with asyncio.timeout(20):
        assert (await send(receiver.url, *LOOPBACK)).status == 200


async def test_only_the_beginning_of_an_endless_body_is_read(receiver: WebhookReceiver) -> None:
    receiver.default = flood = Endless(OK + b"\r\n", b"x" * 65536)
    assert (await send(receiver.url, *LOOPBACK)).status == 200
    # The buffers of the system hold some megabytes. Reading for a second would take some hundred megabytes.
    assert flood.written < 30_000_000


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (reset(), "the connection was cut before an answer"),
        (raw(b""), "the connection was cut before an answer"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "the answer was not HTTP"),
        (raw(b"\x00\xff" * 5000), "the answer was not HTTP"),
        (raw(b"HTTP/1.1 2000 OK\r\n\r\n"), "the answer was not HTTP"),
        (raw(OK + b"X-Huge: " + b"x" * 100_000 + b"\r\n\r\n"), "the answer was not HTTP"),
        (raw(OK + b"no colon\r\n\r\n"), "the answer was not HTTP"),
    ],
    ids=["reset", "closed", "ssh", "garbage", "no status", "huge header", "no header"],
)
async def test_the_result_says_why_there_was_no_answer(
    receiver: WebhookReceiver, behaviour: Behaviour, error: str
) -> None:
    receiver.default = behaviour
    assert await error_of(receiver.url) == error


async def test_a_refused_connection_is_reported() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert await error_of(f"http://127.0.0.1:{unused.getsockname()[1]}/") == "the connection was refused"


@pytest.mark.parametrize("names", [None, ScriptedResolver([])], ids=["no such name", "no address"])
async def test_a_name_without_an_address_is_reported(names: AbstractResolver | None) -> None:
    assert await error_of("https://hooks.invalid/", names) == "the name could not be resolved"


async def test_tls_to_a_plain_port_fails(receiver: WebhookReceiver) -> None:
    assert await error_of(receiver.url.replace("http:", "https:")) == "TLS failed"


async def test_a_self_signed_certificate_is_not_trusted(tmp_path: Path) -> None:
    async with webhook_receiver(tls=self_signed(tmp_path)) as receiver:
        assert await error_of(receiver.url) == "the certificate is not valid"
        assert await error_of(receiver.url.replace("https:", "http:")) == "the connection was cut before an answer"
        assert receiver.requests == []


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_parsed_as_seconds_and_as_a_date(receiver: WebhookReceiver, status: int) -> None:
    receiver.script += [answer(status, {"Retry-After": "120"}), answer(status)]
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    receiver.script.append(answer(status, {"Retry-After": in_an_hour}))
    async with open_sender(*LOOPBACK) as sender:
        results = [await sender.send(receiver.url, HEADERS, BODY) for _ in range(3)]
    assert [result.status for result in results] == [status] * 3
    assert [result.retry_after for result in results[:2]] == [120, None]
    assert results[2].retry_after and 3000 < results[2].retry_after <= 3600


async def test_a_cancelled_request_ends_at_once_and_leaves_no_connection(receiver: WebhookReceiver) -> None:
    async def arrived() -> bool:
        return bool(receiver.requests)

    receiver.default = hang()
    async with open_sender(*LOOPBACK) as sender:
        sending = asyncio.create_task(sender.send(receiver.url, HEADERS, BODY))
        await until(arrived)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
