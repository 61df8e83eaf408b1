"""Checks of Redis or Valkey."""

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ResponseError

from app.clients.redis.connections import refuses_user
from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.clients.redis.server_check import RedisFacts, read_redis_facts, subscribe_to_channels, write_key
from app.network_errors import describe_error
from app.services.checks.check import Check, failed, ok, warning

_OLDEST_MAJOR = 6
# From this share on, memory counts as nearly full.
_NEARLY_FULL = 0.9
_MEND = "mend what the server says"


async def check_redis(redis: Redis) -> list[Check]:
    """Checks of a server that can be reached.

    Raises:
        RedisError, OSError, TimeoutError: it cannot be reached, or refuses the user.
    """
    try:
        facts = await read_redis_facts(redis)
    except (ResponseError, BusyLoadingError) as error:
        # Some errors are answers to every command, even to PING.
        return [failed("redis", describe_error(error), _MEND)]
    attempts = [
        await _attempt("redis writes", "a key was written", lambda: write_key(redis), facts),
        await _attempt("redis scripts", "a script ran", JobQueue(redis).check_writable, facts),
        await _attempt("redis channels", "channels can be subscribed to", lambda: subscribe_to_channels(redis), facts),
    ]
    if facts is None:
        seen = "the user may not run INFO, so version, eviction and memory were not checked"
        return [warning("redis", seen, "give the user +info"), *attempts]
    return [_version(facts), *attempts, _eviction(facts), _memory(facts)]


def _version(facts: RedisFacts) -> Check:
    seen = f"{facts.product} {facts.version}"
    major = facts.version.split(".")[0]
    if major.isdigit() and int(major) < _OLDEST_MAJOR:
        return warning("redis", seen, f"use Redis {_OLDEST_MAJOR} or newer, or Valkey; older ones were never tried")
    return ok("redis", seen)


async def _attempt(name: str, seen: str, command: Callable[[], Awaitable[None]], facts: RedisFacts | None) -> Check:
    try:
        await command()
    except REDIS_UNAVAILABLE as error:
        reason = describe_error(error)
        if refuses_user(error):
            return failed(name, reason, "give the user of REDIS_URL the rights of docs/deployment.md")
        if facts and facts.is_replica:
            return failed(name, f"the server is a replica: {reason}", "let REDIS_URL name the primary server")
        if facts and facts.memory_limit and facts.used_memory >= facts.memory_limit:
            return failed(
                name, f"memory is full: {reason}", "raise maxmemory, or delete what other programs left there"
            )
        return failed(name, reason, _MEND)
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
