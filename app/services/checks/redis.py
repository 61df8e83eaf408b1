"""Checks of Redis or Valkey."""

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.clients.redis.server_check import RedisFacts, read_redis_facts, run_script, write_key
from app.network_errors import describe_error
from app.services.checks.check import Check, failed, ok, warning

_OLDEST_MAJOR = 6
# From this share on, memory counts as nearly full.
_NEARLY_FULL = 0.9


async def check_redis(redis: Redis) -> list[Check]:
    """Checks of a server that can be reached.

    Raises:
        RedisError, OSError, TimeoutError: it cannot be reached, or refuses the user.
    """
    facts = await read_redis_facts(redis)
    return [
        _version(facts),
        await _attempt("redis writes", "a key was written", lambda: write_key(redis), facts),
        await _attempt("redis scripts", "a script ran", lambda: run_script(redis), facts),
        _eviction(facts),
        _memory(facts),
    ]


def _version(facts: RedisFacts) -> Check:
    seen = f"{facts.product} {facts.version}"
    major = facts.version.split(".")[0]
    if major.isdigit() and int(major) < _OLDEST_MAJOR:
        return warning("redis", seen, f"use Redis {_OLDEST_MAJOR} or newer, or Valkey; older ones were never tried")
    return ok("redis", seen)


async def _attempt(name: str, seen: str, command: Callable[[], Awaitable[None]], facts: RedisFacts) -> Check:
    try:
        await command()
    except REDIS_UNAVAILABLE as error:
        if facts.is_replica:
            return failed(name, f"the server is a replica: {error}", "let REDIS_URL name the primary server")
        if facts.memory_limit and facts.used_memory >= facts.memory_limit:
            return failed(name, f"memory is full: {error}", "raise maxmemory, or delete what other programs left there")
        return failed(name, describe_error(error), "let the user of REDIS_URL write keys and run scripts")
    return ok(name, seen)


def _eviction(facts: RedisFacts) -> Check:
    name, seen = "redis eviction", f"maxmemory-policy is {facts.eviction_policy}"
    if facts.eviction_policy != "noeviction":
        # Jobs are in Postgres, so nothing is lost: a worker sends the notification again.
        action = "set maxmemory-policy to noeviction, or jobs start later whenever their notifications are evicted"
        return warning(name, seen, action)
    return ok(name, seen)


def _memory(facts: RedisFacts) -> Check:
    name, used = "redis memory", f"{facts.used_memory / 1e6:.1f} MB used"
    if not facts.memory_limit:
        return ok(name, f"{used}, no limit")
    seen = f"{used} of {facts.memory_limit / 1e6:.1f} MB"
    if facts.used_memory >= _NEARLY_FULL * facts.memory_limit:
        return warning(name, seen, "raise maxmemory")
    return ok(name, seen)
