"""Two Valkey servers, a primary and its replica, behind one address that moves to the new primary in a failover."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis

from app.local.embedded import EmbeddedValkey
from tests.fakes.breakable_proxy import BreakableProxy, breakable_proxy
from tests.fakes.conditions import until


class RedisPair:
    """Leads to the primary through `url`. Connections survive a failover, as with a DNS entry that changes."""

    def __init__(self, proxy: BreakableProxy, primary: str, replica: str) -> None:
        self.url = proxy.url
        self.primary, self.replica = primary, replica
        self._proxy = proxy
        self._password = urlsplit(primary).password

    async def replicate(self) -> None:
        """Makes the replica follow the primary, and waits until it does."""
        await self.command(self.replica, "CONFIG SET", "masterauth", self._password)
        primary = urlsplit(self.primary)
        await self.command(self.replica, "REPLICAOF", primary.hostname, primary.port)

        async def follows() -> bool:
            return b"master_link_status:up" in await self.command(self.replica, "INFO", "replication", raw=True)

        await until(follows)

    async def isolate(self) -> None:
        """Promotes the replica and moves the address. The old primary does not learn of it and still takes writes."""
        await self.command(self.replica, "REPLICAOF", "NO", "ONE")
        self.primary, self.replica = self.replica, self.primary
        self._proxy.move(self.primary)

    async def fail_over(self) -> None:
        """Promotes the replica, moves the address, and makes the old primary its replica."""
        await self.isolate()
        await self.replicate()

    async def command(self, url: str, *words: Any, raw: bool = False) -> Any:
        """Sends a command to one of the servers, on a new connection."""
        async with Redis.from_url(url) as client:
            if raw:
                client.response_callbacks.clear()
            return await client.execute_command(*words)


@asynccontextmanager
async def redis_pair(folder: Path) -> AsyncIterator[RedisPair]:
    """A pair in sync. Both servers have the same password."""
    servers = [EmbeddedValkey(folder / name, durable=False) for name in ("one", "two")]
    try:
        for name in ("one", "two"):
            (folder / name).mkdir()
        one, two = await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
        password = urlsplit(one).password
        async with Redis.from_url(two) as client:
            await client.config_set("requirepass", password)
        two = two.replace(f":{urlsplit(two).password}@", f":{password}@")
        async with breakable_proxy(one) as proxy:
            pair = RedisPair(proxy, one, two)
            for url in (one, two):
                # Otherwise a primary waits for five seconds in case that more replicas come.
                await pair.command(url, "CONFIG SET", "repl-diskless-sync-delay", "0")
            await pair.replicate()
            yield pair
    finally:
        for server in servers:
            await asyncio.to_thread(server.kill)
