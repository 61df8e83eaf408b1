"""The checks of `assay doctor` of the server's own address, its public one, and open files."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from app.services.checks.check import Check, CheckStatus
from app.services.checks.service import check_listening, check_open_files, check_public_url
from tests.fakes.breakable_proxy import breakable_proxy
from tests.fakes.self_signed import self_signed
from tests.web.conftest import Serve

OK, WARNING, FAILED = CheckStatus
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def site(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server that answers each request in this way."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    port = unused_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def answering(status: int, body: str = "", **headers: str) -> Answer:
    """Always the same answer."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, text=body, headers=headers)

    return answer


def outcome(check: Check) -> tuple[CheckStatus, str]:
    """Whether it is all right, and what was seen and what to do."""
    return check.status, f"{check.seen}; {check.action}"


async def test_clients_find_the_api(serve: Serve) -> None:
    async with breakable_proxy("http://127.0.0.1:1") as proxy:
        url = f"http://127.0.0.1:{proxy.url.rpartition(':')[2]}"
        api = await serve(public_url=url)
        proxy.move(str(api.client.make_url("")))
        assert outcome(await check_public_url(url)) == (OK, f"the API answers at {url}; None")


async def test_another_api_is_found_there(serve: Serve) -> None:
    api = await serve(public_url="https://elsewhere.example/api")
    status, text = outcome(await check_public_url(str(api.client.make_url("")).rstrip("/")))
    assert status is FAILED and "https://elsewhere.example/api" in text and "the same PUBLIC_URL" in text


@pytest.mark.parametrize(
    ("answer", "expected", "part"),
    [
        (answering(502), WARNING, "answers 502; start `assay serve`"),
        (answering(404), FAILED, "answers 404, and not as Assay does; check PUBLIC_URL"),
        (answering(200, "Welcome to nginx!"), FAILED, "answers 200, and not as Assay does"),
        (answering(200, '{"status": "ok"}'), WARNING, "/openapi.json is not Assay's"),
        (answering(301, Location="https://h/"), FAILED, "redirects to https://h/"),
    ],
)
async def test_something_else_answers_there(answer: Answer, expected: CheckStatus, part: str) -> None:
    async with site(answer) as url:
        status, text = outcome(await check_public_url(f"{url}/assay"))
    assert status is expected and part in text


async def test_nothing_answers_there() -> None:
    for url, reason in (
        (f"http://127.0.0.1:{unused_port()}", "connection refused"),
        ("https://no-such-host.invalid/assay", "the host name cannot be resolved"),
    ):
        status, text = outcome(await check_public_url(url))
        assert status is WARNING and f"{url} cannot be reached from here: {reason}" in text


async def test_a_certificate_that_clients_do_not_trust(tmp_path: Path) -> None:
    async with site(answering(200), self_signed(tmp_path)) as url:
        status, text = outcome(await check_public_url(url))
    assert status is FAILED and "the certificate is not valid: " in text and "self-signed" in text


async def test_the_address_to_listen_on(serve: Serve) -> None:
    port = unused_port()
    assert outcome(await check_listening("127.0.0.1", port)) == (OK, f"127.0.0.1:{port} is free; None")
    api = await serve()
    port = api.client.port or 0
    assert outcome(await check_listening("127.0.0.1", port)) == (OK, f"an API answers on 127.0.0.1:{port}; None")
    async with site(answering(200)) as url:
        status, text = outcome(await check_listening("127.0.0.1", int(url.rpartition(":")[2])))
    assert status is FAILED and "already in use; choose another PORT" in text
    status, text = outcome(await check_listening("192.0.2.1", 0))
    assert status is FAILED and "cannot listen on 192.0.2.1: cannot assign" in text and "another HOST" in text


def test_a_file_for_each_connection() -> None:
    assert check_open_files(30_000, 65_536).status is OK
    status, text = outcome(check_open_files(30_000, 20_000))
    assert status is WARNING and "LimitNOFILE" in text
