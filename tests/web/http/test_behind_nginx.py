"""The API under a path of a proxy: the configuration of nginx in docs/deployment.md, and addresses in answers."""

import asyncio
import io
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import unused_port
from structlog.testing import capture_logs

from app.http.app_keys import CHANGE_HUB
from app.repositories.sql import Pool
from app.settings import WrongSetting, load_settings
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.debian_packages import debian_program
from tests.fakes.conditions import until
from tests.fakes.self_signed import self_signed
from tests.fakes.webhook_receiver import webhook_receiver
from tests.web.conftest import Serve
from tests.webhooks import complete_with_webhook, open_delivery, send_all

PUBLIC_URL = "https://assay.example/assay"
_DOCUMENT = Path(__file__).parents[3] / "docs" / "deployment.md"
_FRAME = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {block}
}}
"""


class Proxied:
    """The API as clients reach it: through nginx, with TLS, under a path."""

    def __init__(self, session: aiohttp.ClientSession, port: int, api: Api) -> None:
        self.session = session
        self.origin = f"https://127.0.0.1:{port}"
        self.api = api

    async def send(self, method: str, address: str, body: Any = None, **headers: str) -> Reply:
        """The answer; an address under PUBLIC_URL is reached through nginx."""
        url = self.origin + address.removeprefix("https://assay.example")
        sent = {"Authorization": self.api.bearer, "Content-Type": "application/json"} | headers
        data = None if body is None else io.BytesIO(body if isinstance(body, bytes) else orjson.dumps(body))
        async with self.session.request(method, url, data=data, headers=sent, ssl=False) as answer:
            return Reply(answer.status, answer.headers, await answer.read())


@pytest.fixture
async def proxied(serve: Serve, tmp_path: Path) -> AsyncIterator[Proxied]:
    """A server behind nginx with the documented configuration."""
    program = debian_program("nginx")
    api, port = await serve(public_url=PUBLIC_URL, trusted_proxies=["127.0.0.1"]), unused_port()
    self_signed(tmp_path)
    [block] = re.findall(r"^```nginx\n(.*?)^```$", _DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for documented, here in (
        ("127.0.0.1:8080", f"127.0.0.1:{api.client.port}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/ssl/assay.pem", f"{tmp_path}/server.pem"),
        ("/etc/ssl/assay.key", f"{tmp_path}/server.pem"),
    ):
        assert documented in block
        block = block.replace(documented, here)
    (tmp_path / "nginx.conf").write_text(_FRAME.format(folder=tmp_path, block=block))
    nginx = subprocess.Popen(  # noqa: ASYNC220  # its start takes a millisecond
        [program.path, "-e", "stderr", "-p", tmp_path, "-c", tmp_path / "nginx.conf"],
        env=program.environment, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            proxied = Proxied(session, port, api)
            await until(lambda: _serves(proxied, nginx))
            yield proxied
    finally:
        nginx.kill()
        nginx.communicate()


async def _serves(proxied: Proxied, nginx: "subprocess.Popen[bytes]") -> bool:
    assert nginx.poll() is None, nginx.communicate()[1]
    with suppress(OSError):
        return (await proxied.send("GET", "/assay/healthz")).status == 200
    return False


async def test_addresses_in_answers_lead_through_the_proxy(proxied: Proxied, bank: Bank) -> None:
    started = await proxied.send("POST", "/assay/assessments", {"track": SLUG})
    assert started.headers["Location"] == f"{PUBLIC_URL}/assessments/{started.body['assessment_id']}"
    path = started.headers["Location"]
    assert (await proxied.send("GET", path)).status == 200
    submitted = await proxied.send("POST", f"{path}/submit", {}, **{"Idempotency-Key": "a"})
    again = await proxied.send("POST", f"{path}/submit", {}, **{"Idempotency-Key": "a"})
    assert submitted.status == 202 and again.raw == submitted.raw
    assert submitted.headers["Location"] == again.headers["Location"] == f"{path}/status"
    for address in submitted.body["links"].values():
        assert address.startswith(PUBLIC_URL)
    assert (await proxied.send("GET", submitted.body["links"]["status"])).status == 200


async def test_the_documentation_is_complete_under_the_path(proxied: Proxied) -> None:
    page = await proxied.send("GET", "/assay/docs")
    for address in re.findall(rb'(?:src|href)="([^":]+)"', page.raw):
        assert (await proxied.send("GET", f"/assay/{address.decode()}")).status == 200
    assert (await proxied.send("GET", "/assay/openapi.json")).body["servers"] == [{"url": PUBLIC_URL}]
    assert (await proxied.send("GET", "/assay/metrics")).status == 404


async def test_long_polls_and_event_streams_pass_at_once(proxied: Proxied, bank: Bank) -> None:
    path = (await proxied.send("POST", "/assay/assessments", {"track": SLUG})).headers["Location"]
    status = await proxied.send("GET", f"{path}/status")
    hub = proxied.api.client.app[CHANGE_HUB]
    url = proxied.origin + path.removeprefix("https://assay.example")
    headers = {"Authorization": proxied.api.bearer}
    async with asyncio.timeout(30), proxied.session.get(f"{url}/events", headers=headers, ssl=False) as stream:
        assert (await stream.content.readline()).startswith(b"id: ")
        tag = {"If-None-Match": status.headers["ETag"]}
        poll = asyncio.create_task(proxied.send("GET", f"{path}/status?wait=60", **tag))
        await until(lambda: _waits(hub, 2))
        await proxied.send("POST", f"{path}/submit", {})
        assert (await poll).body["status"] == "submitted"
        while b'"submitted"' not in await stream.content.readline():
            pass


async def _waits(hub: Any, count: int) -> bool:
    return bool(hub.waiting >= count)


def test_the_proxy_waits_longer_than_a_long_poll() -> None:
    [seconds] = re.findall(r"proxy_read_timeout (\d+)s", _DOCUMENT.read_text("utf-8"))
    assert int(seconds) > 60 + 20  # the longest wait, and the limit for answering after it


async def test_the_service_knows_the_clients_address_and_that_it_speaks_https(proxied: Proxied) -> None:
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        client = Proxied(session, 0, proxied.api)
        client.origin = proxied.origin
        with capture_logs() as logs:
            reply = await client.send("GET", "/assay/tracks", **{"X-Forwarded-For": "203.0.113.9"})
    assert [line["address"] for line in logs if line["event"] == "request"] == ["127.0.0.2"]
    assert reply.headers["Strict-Transport-Security"]


async def test_limits_are_answered_by_the_service(proxied: Proxied) -> None:
    long = await proxied.send("GET", "/assay/tracks", None, Authorization="Bearer " + "a" * 10_240)
    assert (long.status, long.body["type"]) == (431, "/problems/headers-too-large")
    large = await proxied.send("POST", "/assay/assessments", b" " * (1024 * 1024 + 1))
    assert (large.status, large.body["type"]) == (413, "/problems/body-too-large")


async def test_problems_name_the_address_that_the_client_used(proxied: Proxied) -> None:
    for path in ("/nowhere", "/tracks/%C3%A9"):
        reply = await proxied.send("GET", f"{PUBLIC_URL}{path}?a=b")
        assert (reply.status, reply.body["instance"]) == (404, PUBLIC_URL + path)
    # The server has not read the address of what is not HTTP.
    unread = await proxied.send("GET", "/assay/tracks", Authorization="Bearer " + "a" * 10_240)
    assert (unread.status, unread.body["instance"]) == (431, f"{PUBLIC_URL}/")


async def test_links_in_webhook_messages_begin_with_the_public_address(pool: Pool, bank: Bank) -> None:
    async with webhook_receiver() as receiver, open_delivery(pool) as delivery:
        assessment_id = await complete_with_webhook(pool, bank, receiver.url)
        await send_all(pool, replace(delivery, public_url=PUBLIC_URL))
    [message] = receiver.requests
    links = orjson.loads(message.body)["data"]["links"]
    assert links["result"] == f"{PUBLIC_URL}/assessments/{assessment_id}/result"


def test_a_public_address_loses_its_last_slash_and_has_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://assay.example/assay/")
    assert load_settings().public_url == PUBLIC_URL
    for wrong in ("assay.example", "ftp://a", "https://a?b", "https://a/#b", "https://u:p@a", "https://a/" + "b" * 200):
        monkeypatch.setenv("PUBLIC_URL", wrong)
        with pytest.raises(WrongSetting, match="PUBLIC_URL"):
            load_settings()
