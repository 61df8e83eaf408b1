"""Serving until told to stop."""

import asyncio

import structlog
from aiohttp import web

from app.settings import Settings
from app.web.app import create_app
from app.web.connections import Runner
from app.web.keys import FOLLOWING, IN_PROGRESS, STOPPING

log = structlog.get_logger()

# Connections that wait to be accepted: a burst of clients, all of whom would be turned away beyond it.
_BACKLOG = 1024
# Seconds, while stopping. First for what the kernel has taken already: it would be reset with the listening socket.
# Then for requests on their way on connections that are open: those would be cut off. Answers say that the connection
# ends, so clients leave.
_ACCEPTING = 0.2
_READING = 0.5
_LOOKS = 20
# Between looks at what is still in progress.
_LOOK_SECONDS = 0.05


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serves on HOST and PORT until `stop` is set; then ends what runs within SHUTDOWN_TIMEOUT.

    Raises:
        WrongSetting: a setting that the server needs is missing.
        OSError: the address is taken.
    """
    app = create_app(settings)
    runner = Runner(app, access_log=None, shutdown_timeout=settings.shutdown_timeout)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=_BACKLOG)
        await site.start()
        log.info("serving", addresses=[f"{host}:{port}" for host, port, *_ in runner.addresses])
        await stop.wait()
        log.info("stopping")
        app[STOPPING].set()
        app[FOLLOWING].stop()
        await _serve_what_arrived(site, settings.shutdown_timeout)
        await _finish(app[IN_PROGRESS], settings.shutdown_timeout)
    finally:
        await runner.cleanup()


async def _serve_what_arrived(site: web.TCPSite, seconds: int) -> None:
    await _let_arrive(_ACCEPTING)
    await site.stop()
    await _let_arrive(min(_READING, seconds / 2))


async def _finish(requests: set[int], seconds: float) -> None:
    """Waits for what is in progress. aiohttp would wait too, but by then hears nothing more of a body on its way."""
    for _ in range(round(seconds / _LOOK_SECONDS)):
        if not requests:
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _let_arrive(seconds: float) -> None:
    """Many short waits: a busy loop may find one long wait over before it has looked at its sockets even once."""
    for _ in range(_LOOKS):
        await asyncio.sleep(seconds / _LOOKS)
