"""What `assay doctor` has to know of the Redis or Valkey server."""

from dataclasses import dataclass

from redis.asyncio import Redis

# Expires by itself, and is no queue.
_KEY = "assay:doctor"
_MILLISECONDS = 10_000
_SCRIPT = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"


@dataclass(frozen=True)
class RedisFacts:
    """The server as it describes itself. `memory_limit` is 0 where there is none."""

    product: str
    version: str
    is_replica: bool
    eviction_policy: str
    used_memory: int
    memory_limit: int


async def read_redis_facts(redis: Redis) -> RedisFacts:
    """What the server says of itself.

    Raises:
        RedisError, OSError, TimeoutError: it is unavailable, or refuses the command.
    """
    info = await redis.info()
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


async def run_script(redis: Redis) -> None:
    """Runs a script that writes a key, as notifications do.

    Raises:
        RedisError, OSError, TimeoutError: the server does not accept it.
    """
    # redis-py's stubs cannot tell that this client is asynchronous.
    await redis.eval(_SCRIPT, 1, _KEY, "1", str(_MILLISECONDS))  # type: ignore[misc]
    await redis.delete(_KEY)
