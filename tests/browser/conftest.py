"""A real browser, and pages of it that show what went wrong in them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Request, async_playwright, expect
from pytest_aiohttp.plugin import AiohttpClient

from app import sample_data
from app.repositories.sql import Pool
from app.server import create_app
from app.services.catalog.seed import seed
from app.settings import Settings
from tests.api import Api
from tests.browser.chromium import launch
from tests.job_runner import Finish
from tests.web.conftest import ProductServer

# Where another part of the tests keeps the machine busy, a page takes several times as long as usual.
_DEADLINE_MS = 60_000
_AXE = Axe()
_VIOLATIONS: dict[str, Any] = {"resultTypes": ["violations"]}
# How axe looks at a page: the colour scheme, the width, and its options.
_LOOKS: tuple[tuple[Literal["light", "dark"], int, dict[str, Any]], ...] = (
    ("light", 1280, _VIOLATIONS),
    ("light", 360, _VIOLATIONS),
    ("dark", 1280, _VIOLATIONS | {"runOnly": ["color-contrast"]}),
)


@dataclass
class Observed:
    """What a page did that no page should do."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window: the one that CHROMIUM names, that of this machine, or Debian's."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
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


@dataclass(frozen=True)
class Site:
    """A server with pages, and a browser's page that is watched: the test fails if it logs an error, breaks the content
    security policy or asks another server."""

    page: Page
    api: Api
    pool: Pool
    finish: Finish
    origin: str
    # Parts of errors in the console that the test itself brings about.
    expected: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        """Goes to the page at this path."""
        await self.page.goto(f"{self.origin}{path}")

    async def sign_in(self, role: str) -> None:
        """Signs in as the person with this role by the button of the demonstration."""
        await self.open("/dashboard/sign-in")
        await self.page.get_by_role("button", name=f"Sign in as {role}").click()
        await expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    async def check_accessibility(self) -> None:
        """Fails where axe finds something serious: in light on a wide and a narrow screen, and in the colours of dark,
        which do not depend on the width."""
        await self.page.evaluate(_AXE.axe_script)
        for scheme, width, options in _LOOKS:
            await self.page.emulate_media(color_scheme=scheme)
            await self.page.set_viewport_size({"width": width, "height": 800})
            results = await self.page.evaluate("options => axe.run(options)", options)
            serious = [
                (violation["id"], [node["html"] for node in violation["nodes"]])
                for violation in results["violations"]
                if violation["impact"] in ("serious", "critical")
            ]
            assert not serious, (scheme, width, serious)
        await self.page.emulate_media(color_scheme=None)
        await self.page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture
async def site(
    page: Page, aiohttp_client: AiohttpClient, settings: Settings, pool: Pool, finish: Finish
) -> AsyncIterator[Site]:
    """A server with the sample data, on which one may sign in by role; `finish` runs the jobs."""
    await seed(pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials(), lambda _: None)
    client: Any = await aiohttp_client(ProductServer(create_app(settings, sign_in_by_role=True)))
    origin = str(client.make_url("")).rstrip("/")
    observed = observe(page, origin)
    site = Site(page, Api(client), pool, finish, origin)
    yield site
    # Before the server ends: it would wait for what the browser has still open.
    await page.context.close()
    unexpected = [text for text in observed.errors if not any(part in text for part in site.expected)]
    assert (unexpected, observed.outside) == ([], [])


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
