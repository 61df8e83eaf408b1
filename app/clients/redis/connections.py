"""Connections to Redis that end with the server's role.

After a failover, connections to the demoted server survive: it answers PING, refuses writes, and nothing would ever
lead to its successor. A reply that says so therefore closes the connection, and those that are idle. The next command
opens one by name, which looks up the address again.
"""

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from redis.asyncio import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from app.redis_url import parse_redis_url

# Errors of a server that cannot take writes now. The client removes the codes that it knows from the message, and older
# servers report an error inside a script as ERR with the code in the text.
_USELESS = (ReadOnlyError, BusyLoadingError, OutOfMemoryError, NoScriptError)
_USELESS_CODE = re.compile(r"\b(READONLY|LOADING|MASTERDOWN|NOSCRIPT|OOM|MISCONF|NOREPLICAS|CLUSTERDOWN)\b")


def cannot_write(error: BaseException) -> bool:
    """Whether the server answered, but cannot take writes now: a replica, one that loads its data, a full one."""
    return isinstance(error, _USELESS) or (isinstance(error, RedisError) and bool(_USELESS_CODE.search(str(error))))


def refuses_user(error: BaseException) -> bool:
    """Whether the server answered, but does not know the user or the password, or does not give the user a right."""
    return isinstance(error, AuthenticationError | NoPermissionError) or (
        # Inside of a script.
        isinstance(error, ResponseError) and "ACL failure" in str(error)
    )


class _Ending(AbstractConnection):
    """Closes itself with a reply that another server may not give; `is_outdated` then tells the pool."""

    is_outdated = False

    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        # The client sends within `asyncio.wait_for`, which in Python 3.11 loses a cancellation that arrives together
        # with the end of the sending. The task would go on, and those who wait for its end would wait for ever.
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(*args, **options)
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)
            raise asyncio.CancelledError

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except RedisError as error:
            if cannot_write(error):
                self.is_outdated = True
                await self.disconnect(nowait=True)
            raise


class _TcpConnection(_Ending, Connection):
    pass


class _TlsConnection(_Ending, SSLConnection):
    pass


class _UnixConnection(_Ending, UnixDomainSocketConnection):
    pass


_CONNECTIONS: Mapping[str, type[_Ending]] = MappingProxyType(
    {"redis": _TcpConnection, "rediss": _TlsConnection, "unix": _UnixConnection}
)


class _Pool(ConnectionPool):
    """Closes all idle connections together with one that has led to the wrong server."""

    async def release(self, connection: AbstractConnection) -> None:
        await super().release(connection)
        if isinstance(connection, _Ending) and connection.is_outdated:
            connection.is_outdated = False
            # Taken out of the pool first, so that no other task uses one while it is being closed.
            idle, self._available_connections = self._available_connections, []
            for outdated in idle:
                await outdated.disconnect(nowait=True)


def open_pool(url: str, **defaults: Any) -> ConnectionPool:
    """A pool that connects when it is first used; options in the URL are stronger than `defaults`.

    Raises:
        ValueError: the URL cannot be read, or has an unknown option.
    """
    scheme, arguments = parse_redis_url(url)
    return _Pool(connection_class=_CONNECTIONS[scheme], **(defaults | arguments))
