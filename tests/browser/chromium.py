"""Starting a real browser: the Chromium that CHROMIUM names, that of this machine, or Debian's."""

import os
from pathlib import Path

from playwright.async_api import Browser, Playwright

from tests.debian_packages import Program, debian_program

# The sandbox does not work for root, and nothing else may use the network.
_OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


async def launch(playwright: Playwright) -> Browser:
    """The browser, without a window."""
    named = os.environ.get("CHROMIUM")
    program = Program(Path(named), {}) if named else debian_program("chromium", "chromium-headless-shell")
    return await playwright.chromium.launch(
        executable_path=program.path, args=_OPTIONS, env={**os.environ, **program.environment}
    )
