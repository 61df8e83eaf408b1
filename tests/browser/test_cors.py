"""What scripts of a page of another origin can do with the API, as a real browser decides it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page
from pytest_aiohttp.plugin import AiohttpClient

from app.repositories.sql import Pool
from app.server import create_app
from app.setting_types import Rate
from app.settings import Settings
from tests.api import Api
from tests.bank import SLUG, create_bank
from tests.web.conftest import ProductServer

# Sends a request; returns status, what the page may read of the headers, and the body or the beginning of a stream.
_FETCH = """async ([url, options, names]) => {
    try {
        const response = await fetch(url, options);
        const headers = Object.fromEntries(names.map((name) => [name, response.headers.get(name)]));
        const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
        const first = async (reader) => {
            const {value} = await reader.read();
            await reader.cancel();
            return new TextDecoder().decode(value);
        };
        const text = isStream ? await first(response.body.getReader()) : await response.text();
        return {status: response.status, headers, text};
    } catch (error) {
        return {error: error.name};
    }
}"""
_BLOCKED = {"error": "TypeError"}


@dataclass(frozen=True)
class OtherSite:
    """A page of another origin than the API's, in the browser."""

    page: Page
    api: Api

    async def fetch(self, path: str, *names: str, method: str = "GET", body: str | None = None, **headers: str) -> Any:
        """What a script of the page gets for a request, with the named headers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        url = str(self.api.client.make_url(path))
        return await self.page.evaluate(_FETCH, [url, {"method": method, "headers": sent, "body": body}, names])

    async def fetch_with_token(self, path: str, *names: str, **options: Any) -> Any:
        """The same with the student's token."""
        return await self.fetch(path, *names, Authorization=self.api.bearer, **options)


class Open(Protocol):
    """Opens the site's page under one of its names; the origin of 127.0.0.1 is allowed, that of localhost is not."""

    async def __call__(self, host: str, **settings: Any) -> OtherSite:
        """The page, and the API of a server with these settings."""


@pytest.fixture
async def open_site(page: Page, aiohttp_client: AiohttpClient, settings: Settings) -> AsyncIterator[Open]:
    """Opens an empty page, with no icon that the browser would ask for."""

    async def empty(_: web.Request) -> web.Response:
        html = '<!doctype html><title>A site</title><link rel="icon" href="data:,">'
        return web.Response(text=html, content_type="text/html")

    application = web.Application()
    application.router.add_get("/", empty)
    async with TestServer(application) as site:

        async def open_page(host: str, **changed: Any) -> OtherSite:
            allowed = {"cors_origins": [f"http://127.0.0.1:{site.port}"]}
            app = create_app(settings.model_copy(update=allowed | changed))
            client: Any = await aiohttp_client(ProductServer(app))
            await page.goto(f"http://{host}:{site.port}/")
            return OtherSite(page, Api(client))

        yield open_page


async def test_an_allowed_page_uses_the_api(open_site: Open, pool: Pool) -> None:
    other, bank = await open_site("127.0.0.1", rate_limit=Rate(600, 60)), await create_bank(pool)
    json = {"Content_Type": "application/json"}
    started = await other.fetch_with_token(
        "/assessments", "Location", method="POST", body=f'{{"track": "{SLUG}"}}', Idempotency_Key="a", **json
    )
    assert started["status"] == 201
    path = started["headers"]["Location"]
    read = ("ETag", "RateLimit", "RateLimit-Policy", "X-Request-ID", "Retry-After")
    status = await other.fetch_with_token(f"{path}/status", *read, X_Request_ID="mine", Prefer="wait=0")
    assert status["status"] == 200 and status["headers"]["X-Request-ID"] == "mine"
    assert None not in status["headers"].values()
    known = await other.fetch_with_token(f"{path}/status", "ETag", If_None_Match=status["headers"]["ETag"])
    assert known["headers"]["ETag"] == status["headers"]["ETag"]
    # PATCH is asked for first.
    body = f'{{"responses": [{{"question_id": "{bank.ids["essay"]}", "answer": "From another site."}}]}}'
    saved = await other.fetch_with_token(f"{path}/responses", method="PATCH", body=body, **json)
    assert saved["status"] == 200 and '"saved":1' in saved["text"].replace(" ", "")
    events = await other.fetch_with_token(f"{path}/events", Last_Event_ID="0")
    assert events["status"] == 200 and "event: status" in events["text"]


async def test_an_allowed_page_reads_errors(open_site: Open) -> None:
    other = await open_site("127.0.0.1", rate_limit=Rate(3, 80_000))
    for path, status in (("/nowhere", 404), ("/jobs", 403), ("/tracks?limit=x", 400), ("/tracks", 429)):
        answer = await other.fetch_with_token(path, "Retry-After")
        assert (answer["status"], '"request_id"' in answer["text"]) == (status, True)
    assert int(answer["headers"]["Retry-After"]) > 0
    assert (await other.fetch("/tracks", Authorization="Bearer a.b.c"))["status"] == 401


async def test_no_other_page_reads_anything(open_site: Open, pool: Pool) -> None:
    other, bank = await open_site("localhost"), await create_bank(pool)
    path = (await other.api.post("/assessments", {"track": SLUG})).headers["Location"]
    # The first is sent, and its answer kept from the page; the others are asked for first, and not sent.
    assert await other.fetch("/openapi.json") == _BLOCKED
    assert await other.fetch_with_token(f"{path}/status") == _BLOCKED
    assert await other.fetch_with_token(f"{path}/events") == _BLOCKED
    body = f'{{"responses": [{{"question_id": "{bank.ids["essay"]}", "answer": "From another site."}}]}}'
    saving = other.fetch_with_token(f"{path}/responses", method="PATCH", body=body, Content_Type="application/json")
    assert await saving == _BLOCKED
    assert (await other.api.get(path)).body["responses"] == []
