"""Watching the progress while the server is restarted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import socket

from playwright.async_api import Error, Page, expect

from app import sample_data
from app.repositories.sql import Pool
from app.server import serve
from app.services.catalog.seed import seed
from app.settings import Settings
from tests.job_runner import Finish


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[None]:
    """A server until the block ends; requests that are in progress then are ended as at any stop."""
    stop = asyncio.Event()
    server = asyncio.create_task(serve(settings, stop, sign_in_by_role=True))
    try:
        yield
    finally:
        stop.set()
        await server


async def until_reachable(page: Page, address: str) -> None:
    """Goes to the address as soon as a server listens there."""
    async with asyncio.timeout(60):
        while True:
            try:
                await page.goto(address)
                return
            except Error:
                await asyncio.sleep(0.05)


async def test_progress_goes_on_after_a_restart(page: Page, settings: Settings, pool: Pool, finish: Finish) -> None:
    await seed(pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials(), lambda _: None)
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = settings.model_copy(update={"host": "127.0.0.1", "port": port})
    connection = page.get_by_role("status")
    async with serving(settings):
        # The browser asks until the server listens.
        await until_reachable(page, f"http://127.0.0.1:{port}/dashboard")
        await page.get_by_role("button", name="Sign in as student").click()
        await page.get_by_role("button", name="Start Backend Engineer").click()
        await page.get_by_role("textbox").last.fill("The key is stored with the payment.")
        await page.get_by_role("button", name="Review and submit").click()
        await page.get_by_role("button", name="Submit", exact=True).click()
        await expect(page.get_by_label("Reading your essays")).to_be_visible()
        await expect(connection).to_be_empty()
    await expect(connection).to_contain_text("no connection at the moment")
    async with serving(settings):
        await expect(connection).to_be_empty()
        await finish()
        await expect(page.get_by_role("heading", name="Your result")).to_be_visible()
