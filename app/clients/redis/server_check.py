"""What `assay doctor` has to know of the Redis or Valkey server."""

from contextlib import aclosing
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from app.clients.redis.connections import refuses_user
from app.clients.redis.job_queue import CHECK_KEYS
from app.clients.redis.subscription import subscribe

# Expires by itself, and is no queue.
_KEY = "assay:doctor"
_MILLISECONDS = 10_000
_SECONDS = 1.0


@dataclass(frozen=True)
class RedisFacts:
    """The server as it describes itself. `memory_limit` is 0 where there is none."""

    product: str
    version: str
    is_replica: bool
    eviction_policy: str
    used_memory: int
    memory_limit: int


async def read_redis_facts(redis: Redis) -> RedisFacts | None:
    """What the server says of itself; None if the user may not ask.

    Raises:
        RedisError, OSError, TimeoutError: it is unavailable, or refuses the user altogether.
    """
    try:
        info = await redis.info()
    except ResponseError as error:
        if refuses_user(error):
            return None
        raise
    is_valkey = "valkey_version" in info
    return RedisFacts(
        product="Valkey" if is_valkey else "Redis",
        version=str(info["valkey_version"] if is_valkey else info.get("redis_version", "of unknown version")),
        is_replica=info.get("role") == "slave",
        eviction_policy=str(info.get("maxmemory_policy", "unknown")),
        used_memory=int(info.get("used_memory", 0)),
        memory_limit=int(info.get("maxmemory", 0)),
    )


async def write_key(redis: Redis) -> None:
    """Writes a key and deletes it.

    Raises:
        RedisError, OSError, TimeoutError: the server does not accept it.
    """
    await redis.set(_KEY, "1", px=_MILLISECONDS)
    await redis.delete(_KEY)


async def subscribe_to_channels(redis: Redis) -> None:
    """Subscribes to a channel of each kind that the service uses.

    Raises:
        RedisError, OSError, TimeoutError: the server does not accept it.
    """
    for channel in CHECK_KEYS:
        async with aclosing(subscribe(redis, channel, _SECONDS)) as messages:
            await anext(messages)
