"""Connecting to Postgres, directly or through a pooler that gives each transaction another session."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson
import structlog

from app.database_url import DatabaseUrl
from app.repositories.sql import DATABASE_UNAVAILABLE, Connection
from app.setting_types import DatabasePooler

log = structlog.get_logger()

# A statement takes well under a second; one that takes ten is stuck, and its caller has given up.
STATEMENT_SECONDS = 10
# Set after connecting, because poolers refuse them as parameters of a connection. The statements are written for READ
# COMMITTED: they wait for each other's rows instead of failing, whatever the database's default is. One simple message
# and no prepared statement: where a pooler is found, nothing is left in a session of others.
_PREPARE_SESSION = f"""
SELECT set_config('jit', 'off', false), set_config('statement_timeout', '{STATEMENT_SECONDS * 1000}', false),
       set_config('idle_in_transaction_session_timeout', '60000', false),
       set_config('default_transaction_isolation', 'read committed', false)
"""
# A pooler makes up the process id that it tells its clients.
_WITHOUT_POOLER = "WHERE pg_backend_pid() = {told_pid}"
_PREPARED = "SELECT 1"


class PooledConnection(asyncpg.Connection):
    """A connection through a pooler that gives each transaction another session. Preparing a statement and executing it
    are two messages, so a statement that stands alone becomes a transaction. Its transactions name their isolation,
    since no session can keep a default."""

    is_pooled = True

    def transaction(self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False) -> Any:
        if isolation is None and not self.is_in_transaction():
            isolation = "read_committed"
        return super().transaction(isolation=isolation, readonly=readonly, deferrable=deferrable)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        if not args:
            # A single message; BEGIN and COMMIT come this way, too.
            return await super().execute(query, timeout=timeout)
        return await self._in_transaction(lambda: super(PooledConnection, self).execute(query, *args, timeout=timeout))

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._in_transaction(lambda: super(PooledConnection, self).fetch(query, *args, **options))

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._in_transaction(lambda: super(PooledConnection, self).fetchrow(query, *args, **options))

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._in_transaction(lambda: super(PooledConnection, self).fetchval(query, *args, **options))

    async def _in_transaction(self, call: Callable[[], Awaitable[Any]]) -> Any:
        if self.is_in_transaction():
            return await call()
        async with self.transaction():
            return await call()


class Connector:
    """Makes the connections of a pool. With `auto`, a pooler is looked for on each new connection and, once found,
    expected on the next ones; nothing then relies on a session."""

    def __init__(self, url: DatabaseUrl, name: str, pooler: DatabasePooler) -> None:
        self._url, self._name = url, name
        self._looks_for_pooler, self._is_pooled = pooler == "auto", pooler == "transaction"

    async def __call__(self, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection that is ready to be used; the options are asyncpg's."""
        if not self._is_pooled:
            connection = await self._connect(options)
            if await _call_or_terminate(connection, self._prepare_session):
                return connection
            await connection.close(timeout=STATEMENT_SECONDS)
            if not self._is_pooled:
                log.info("database_pooler_found", setting="DATABASE_URL")
            self._is_pooled = True
        # Without names for statements, which a session would have to remember.
        pooled = {"connection_class": PooledConnection, "statement_cache_size": 0}
        connection = await self._connect(options | pooled)
        await _call_or_terminate(connection, _set_codec_in_transaction)
        return connection

    async def _connect(self, options: dict[str, Any]) -> "asyncpg.Connection[asyncpg.Record]":
        """Connects to the first host that can be used."""
        last: Exception = ConnectionError("no host")
        for host in self._url.for_asyncpg():
            settings = {"application_name": self._name, "timezone": "UTC", **host.pop("server_settings")}
            try:
                return await asyncpg.connect(**host, **options, server_settings=settings)
            except (OSError, *DATABASE_UNAVAILABLE) as error:
                last = error
        raise last

    async def _prepare_session(self, connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
        """Whether the session could be prepared; not where a pooler is found."""
        condition = _WITHOUT_POOLER.format(told_pid=connection.get_server_pid()) if self._looks_for_pooler else ""
        if await connection.execute(_PREPARE_SESSION + condition) != _PREPARED:
            return False
        await _set_codec(connection)
        return True


def is_pooled(connection: Connection) -> bool:
    """Whether each of its transactions may have another session."""
    # Pools wrap their connections and pass on what these have.
    return getattr(connection, "is_pooled", False)


async def _call_or_terminate(
    connection: "asyncpg.Connection[asyncpg.Record]",
    call: Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[Any]],
) -> Any:
    """The call's value; if it fails, the connection is closed, for nobody else knows it yet."""
    try:
        return await call(connection)
    except BaseException:
        connection.terminate()
        raise


async def _set_codec_in_transaction(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """asyncpg asks for the type, in a statement with arguments."""
    async with connection.transaction():
        await _set_codec(connection)


async def _set_codec(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode, decoder=orjson.loads, format="text")


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()
