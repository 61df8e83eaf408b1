"""What becomes of a webhook's request when the receiver misbehaves: always a result, and never a connection left."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver

from tests.clients.webhook_sending import BODY, HEADERS, LOOPBACK, send_once, sender
from tests.fakes.conditions import until
from tests.fakes.scripted_names import ScriptedNames, SilentNames
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
    """Whatever the test does, no connection may be left in the end."""

    async def none_left() -> bool:
        return one.open_connections == 0

    async with webhook_receiver() as one:
        yield one
        await until(none_left)


async def give_up(url: str, resolver: AbstractResolver | None = None) -> None:
    async with asyncio.timeout(20):
        sent = await send_once(url, *LOOPBACK, resolver=resolver, seconds=0.3)
    assert (sent.status, sent.error, sent.retry_after) == (None, "no answer within 0.3 s", None)


async def error_of(url: str, resolver: AbstractResolver | None = None) -> str | None:
    sent = await send_once(url, *LOOPBACK, resolver=resolver)
    assert sent.status is None
    return sent.error


@pytest.mark.parametrize("status", [200, 299, 400, 410, 500, 502, 504])
async def test_a_status_is_told_as_it_is(receiver: WebhookReceiver, status: int) -> None:
    receiver.default = answer(status, body=b"whatever")
    sent = await send_once(receiver.url, *LOOPBACK)
    assert (sent.status, sent.error) == (status, None)


@pytest.mark.parametrize(
    "behaviour",
    [
        hang(),
        Endless(OK, b"X-More: and more\r\n", pause=0.05),
        Endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", pause=0.01),
    ],
    ids=["no answer", "endless head", "endless hints"],
)
async def test_a_receiver_that_never_answers_is_given_up(receiver: WebhookReceiver, behaviour: Behaviour) -> None:
    receiver.default = behaviour
    await give_up(receiver.url)


async def test_a_name_that_never_resolves_is_given_up() -> None:
    await give_up("https://hooks.example/", SilentNames())


async def test_a_tls_handshake_that_never_ends_is_given_up() -> None:
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server, asyncio.timeout(20):
        await give_up(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await gone.wait()


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
async def test_the_status_counts_whatever_follows_it(receiver: WebhookReceiver, behaviour: Behaviour) -> None:
    receiver.default = behaviour
    async with asyncio.timeout(20):
        assert (await send_once(receiver.url, *LOOPBACK)).status == 200


async def test_little_of_an_endless_body_is_read(receiver: WebhookReceiver) -> None:
    receiver.default = flood = Endless(OK + b"\r\n", b"x" * 65536)
    assert (await send_once(receiver.url, *LOOPBACK)).status == 200
    # What waits in the system on the way; whoever reads on for a second gets some hundred megabytes.
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
async def test_what_is_no_answer_is_told(receiver: WebhookReceiver, behaviour: Behaviour, error: str) -> None:
    receiver.default = behaviour
    assert await error_of(receiver.url) == error


async def test_a_refused_connection_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert await error_of(f"http://127.0.0.1:{taken.getsockname()[1]}/") == "the connection was refused"


@pytest.mark.parametrize("names", [None, ScriptedNames([])], ids=["no such name", "no address"])
async def test_a_name_without_an_address_is_told(names: AbstractResolver | None) -> None:
    assert await error_of("https://hooks.invalid/", names) == "the name could not be resolved"


async def test_tls_to_a_plain_port_fails(receiver: WebhookReceiver) -> None:
    assert await error_of(receiver.url.replace("http:", "https:")) == "TLS failed"


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    async with webhook_receiver(tls=self_signed(tmp_path)) as receiver:
        assert await error_of(receiver.url) == "the certificate is not valid"
        assert await error_of(receiver.url.replace("https:", "http:")) == "the connection was cut before an answer"
        assert receiver.requests == []


@pytest.mark.parametrize("status", [429, 503])
async def test_how_long_to_wait_is_told_of_either_form(receiver: WebhookReceiver, status: int) -> None:
    receiver.script += [answer(status, {"Retry-After": "120"}), answer(status)]
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    receiver.script.append(answer(status, {"Retry-After": in_an_hour}))
    async with sender(*LOOPBACK) as one:
        sent = [await one.send(receiver.url, HEADERS, BODY) for _ in range(3)]
    assert [each.status for each in sent] == [status] * 3
    assert [each.retry_after for each in sent[:2]] == [120, None]
    assert sent[2].retry_after and 3000 < sent[2].retry_after <= 3600


async def test_a_send_that_is_cancelled_ends_at_once_and_leaves_nothing(receiver: WebhookReceiver) -> None:
    async def arrived() -> bool:
        return bool(receiver.requests)

    receiver.default = hang()
    async with sender(*LOOPBACK) as one:
        sending = asyncio.create_task(one.send(receiver.url, HEADERS, BODY))
        await until(arrived)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
