"""Serving until told to stop."""

import asyncio

import structlog
from aiohttp import web

from app.settings import Settings
from app.web.app import create_app
from app.web.connections import Runner

log = structlog.get_logger()


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serves on HOST and PORT until `stop` is set; then ends what runs within SHUTDOWN_TIMEOUT.

    Raises:
        WrongSetting: a setting that the server needs is missing.
        OSError: the address is taken.
    """
    runner = Runner(create_app(settings), access_log=None, shutdown_timeout=settings.shutdown_timeout)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        log.info("serving", addresses=[f"{host}:{port}" for host, port, *_ in runner.addresses])
        await stop.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()
