"""A real browser, and pages of it that show what went wrong in them."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from tests.debian_packages import Program, debian_program

# The sandbox does not work for root, and nothing else may use the network.
_OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
# Where another part of the tests keeps the machine busy, a page takes several times as long as usual.
_DEADLINE_MS = 60_000


@dataclass
class Observed:
    """What a page did that no page should do."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window: the one that CHROMIUM names, that of this machine, or Debian's."""
    program = _chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program.path, args=_OPTIONS, env={**os.environ, **program.environment}
        )
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in a session of its own."""
    async with await browser.new_context() as context:
        page = await context.new_page()
        page.set_default_timeout(_DEADLINE_MS)
        expect.set_options(timeout=_DEADLINE_MS)
        yield page


def observe(page: Page, origin: str) -> Observed:
    """What the page does from now on: errors in its console, and requests to anything but `origin`."""
    observed = Observed()

    def note_request(request: Request) -> None:
        if not request.url.startswith((f"{origin}/", "data:", "blob:")):
            observed.outside.append(request.url)

    page.on("console", lambda message: observed.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: observed.errors.append(str(error)))
    page.on("request", note_request)
    return observed


def _chromium() -> Program:
    named = os.environ.get("CHROMIUM")
    return Program(Path(named), {}) if named else debian_program("chromium", "chromium-headless-shell")
