"""The programs of docs/clients.md in a browser, on a page of another origin."""

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page
from pytest_aiohttp.plugin import AiohttpClient

from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings
from tests.api import Api
from tests.bank import SLUG, create_bank
from tests.browser.conftest import observe
from tests.fakes.conditions import until
from tests.job_runner import Finish
from tests.web.conftest import ProductServer

_CLIENTS = (Path(__file__).parents[2] / "docs" / "clients.md").read_text("utf-8")
_PROGRAMS = dict(re.findall(r"^```js\n// (\S+\.mjs)\n(.*?)^```$", _CLIENTS, re.MULTILINE | re.DOTALL))
# Sets the variables that the programs read, and starts one.
_PAGE = """<!doctype html><title>A page</title><link rel="icon" href="data:,">
<script>
const [url, token, id, program] = decodeURIComponent(location.hash.slice(1)).split(" ");
globalThis.process = { env: { ASSAY_URL: url, ASSAY_TOKEN: token, ASSESSMENT: id } };
import(program);
</script>"""
_SECONDS = 60


async def page_or_program(request: web.Request) -> web.Response:
    """The page, or one of the programs."""
    program = _PROGRAMS.get(request.match_info["name"])
    if program is None:
        return web.Response(text=_PAGE, content_type="text/html")
    return web.Response(text=program, content_type="text/javascript")


@pytest.mark.parametrize(("program", "allowed"), [("follow.mjs", True), ("events.mjs", True), ("events.mjs", False)])
async def test_a_page_follows_an_assessment_if_its_origin_is_allowed(
    program: str,
    allowed: bool,
    page: Page,
    aiohttp_client: AiohttpClient,
    settings: Settings,
    pool: Pool,
    finish: Finish,
) -> None:
    bank, application, printed = await create_bank(pool), web.Application(), list[str]()
    application.router.add_get("/{name:.*}", page_or_program)
    async with TestServer(application) as pages:
        origin = str(pages.make_url("")).rstrip("/")
        app = create_app(settings.model_copy(update={"cors_origins": [origin if allowed else f"{origin}0"]}))
        client: Any = await aiohttp_client(ProductServer(app))
        api = Api(client)
        assessment_id = (await api.post("/assessments", {"track": SLUG})).body["assessment_id"]
        await api.post(f"/assessments/{assessment_id}/submit", {"responses": bank.all_answers()})
        observed = observe(page, origin)
        page.on("console", lambda message: printed.append(message.text))
        url, token = str(client.make_url("")).rstrip("/"), api.bearer.split()[1]
        await page.goto(f"{origin}/#{url} {token} {assessment_id} ./{program}")

        async def is_printed(text: str) -> bool:
            return any(text in line for line in printed)

        if not allowed:
            await until(lambda: is_printed("blocked by CORS policy"), _SECONDS)
            return
        await until(lambda: is_printed("submitted"), _SECONDS)
        await finish()
        await until(lambda: is_printed("100 % completed"), _SECONDS)
    assert observed.errors == []
