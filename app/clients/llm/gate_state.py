"""The state of the circuit breaker before a model, as Redis has it for all workers."""

from enum import StrEnum

from redis.asyncio import Redis

from app.clients.llm.gate import gate_key
from app.clients.redis.job_queue import REDIS_UNAVAILABLE


class Breaker(StrEnum):
    """Closed: calls go through. Open: none does for some seconds. Probing: one call tries whether the model is back."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"
    UNKNOWN = "unknown"


async def read_breaker(redis: Redis, gate: str) -> Breaker:
    """The state of the breaker of this gate; unknown while Redis is unavailable."""
    try:
        seconds, microseconds = await redis.time()
        # redis-py's stubs cannot tell that this client is asynchronous.
        stored = await redis.hmget(gate_key(gate), ["pause", "open_until"])  # type: ignore[misc]
    except REDIS_UNAVAILABLE:
        return Breaker.UNKNOWN
    pause, open_until = (_number(value) for value in stored)
    if pause <= 0:
        return Breaker.CLOSED
    return Breaker.OPEN if open_until > seconds * 1000 + microseconds // 1000 else Breaker.PROBING


def _number(stored: bytes | str | None) -> float:
    """The number; 0 for what cannot be ours."""
    try:
        return float(stored or 0)
    except ValueError:
        return 0.0
