"""`/docs` as a person uses it: roles, a token that a reload keeps, and examples that work."""

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from pytest_aiohttp.plugin import AiohttpClient

from app import sample_data
from app.repositories.sql import Pool
from app.server import create_app
from app.services.catalog.seed import seed
from app.settings import Settings
from tests.api import Api, token
from tests.browser.conftest import observe
from tests.web.conftest import ProductServer


@pytest.fixture
async def origin(aiohttp_client: AiohttpClient, settings: Settings, pool: Pool) -> str:
    """The address of a server with the sample data."""
    await seed(pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials(), lambda _: None)
    client: Any = await aiohttp_client(ProductServer(create_app(settings)))
    return str(Api(client).client.make_url("")).rstrip("/")


async def test_the_page_is_usable_and_asks_nobody_else(page: Page, origin: str) -> None:
    observed = observe(page, origin)
    await page.goto(f"{origin}/docs")
    await authorize(page, token("ada", "student"))
    started = await opened(page, "start_assessment")
    await expect(started).to_contain_text('x-roles["student"]')
    await expect(await executed(started)).to_contain_text("201")
    shown = await opened(page, "show_assessment")
    await expect(shown).to_contain_text('x-roles["advisor","admin"]')
    await expect(shown).to_contain_text("x-ownertrue")
    await page.reload()
    await expect(await executed(await opened(page, "start_assessment"))).to_contain_text("200")
    await authorize(page, token("grace", "admin"))
    for operation, status in (("patch_question", "200"), ("create_credential", "201"), ("list_jobs", "200")):
        await expect(await executed(await opened(page, operation))).to_contain_text(status)
    assert (observed.errors, observed.outside) == ([], [])


async def authorize(page: Page, bearer: str) -> None:
    """Enters the token, in place of a former one."""
    await page.locator(".auth-wrapper .btn.authorize").click()
    # Another form is for the token of /metrics.
    form = page.locator(".auth-container", has_text="JWT")
    await form.wait_for()
    logout = form.locator("button", has_text="Logout")
    if await logout.count():
        await logout.click()
    await form.locator("input").fill(bearer)
    await form.locator("button.authorize").click()
    await page.locator(".modal-ux button.btn-done").first.click()


async def opened(page: Page, operation: str) -> Locator:
    """The operation with its details."""
    block = page.locator(f".opblock[id$='-{operation}']")
    if not await block.locator(".opblock-body").count():
        await block.locator(".opblock-summary-control").click()
    return block


async def executed(block: Locator) -> Locator:
    """The status of the answer to the example request of the operation."""
    await block.locator("button.execute").click()
    return block.locator(".live-responses-table tbody .response-col_status").first
