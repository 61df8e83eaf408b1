"""Sockets that several server processes listen on together."""

import asyncio
import errno
import os
import socket

import structlog

from app.network_errors import address_error

log = structlog.get_logger()

# The processes of a supervisor that was killed go on listening for a moment.
_TAKEN_SECONDS = 5.0
_RETRY_SECONDS = 0.1


async def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to all addresses of the host; for port 0, to free ones. Nobody can connect before a process
    listens.

    Raises:
        UnusableSetting: host and port cannot be listened on.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _TAKEN_SECONDS
    logged = False
    while True:
        try:
            server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or loop.time() > deadline:
                raise address_error(host, port, error) from error
            if not logged:
                logged = True
                log.warning("address_in_use", host=host, port=port, tries_for=_TAKEN_SECONDS)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            sockets = [socket.socket(fileno=os.dup(bound.fileno())) for bound in server.sockets]
            server.close()
            return sockets
