"""The gate before a model: holds all workers' calls back while the provider's limits are spent or it is unavailable.

No library that is well kept does this: circuit breakers that share their state in Redis (purgatory) let every worker
probe at once, limiters (limits, throttled-py, pyrate-limiter) want the limits as settings instead of reading them from
each answer, and the one that reads them (adaptive-rate-limiter) is a scheduler with retries of its own and needs a
redis client newer than arq allows.

The state is one Redis hash, changed by two scripts (`app.clients.llm.gate_redis`). While Redis is unavailable each
process goes by its own calls alone (`app.clients.llm.gate_fallback`).
"""

import asyncio
import hashlib
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog
from redis.asyncio import Redis

from app.clients.llm.gate_fallback import LocalPause
from app.clients.llm.gate_redis import ENTER, LEAVE, Admission, CallEnd
from app.clients.llm.rate_limits import MAX_HOLD_SECONDS, CallOutcome, CallReport, Limits, hold_seconds
from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.domain.errors import TransientError
from app.outages import REDIS

log = structlog.get_logger()

# Calls of one process at the same time.
_MAX_CALLS = 256
# The gate sleeps through waits up to so many milliseconds. For longer ones the caller gives its place in the worker to
# other jobs.
_SHORT_WAIT_MS = 1000
# Sleeps before a call is turned away all the same: other calls may always be quicker.
_MAX_SLEEPS = 3
# Scripts of one process that run at the same time: each takes a fraction of a millisecond.
_MAX_SCRIPTS = 4
# Seconds for one script. The client's own limit does not count the wait for a connection.
_REDIS_SECONDS = 1.0
# Seconds until Redis is tried again after a failure.
_REDIS_PAUSE = 2.0
_NO_REPORT = CallReport(CallOutcome.UNKNOWN)


@dataclass
class GateCall:
    """A call that was let in. Its maker sets `report`; without one, the call counts as one that ended on this side."""

    report: CallReport = _NO_REPORT


@dataclass(frozen=True)
class _Entry:
    """A call's serial number in Redis (-1 where Redis did not let it in) and its tokens."""

    serial: int
    tokens: int


def gate_name(base_url: str | None, model: str) -> str:
    """The name of the gate of a model at an endpoint: the same in all workers, without revealing either."""
    return hashlib.sha256(f"{base_url or ''}\n{model}".encode()).hexdigest()[:16]


def gate_key(name: str) -> str:
    """The Redis key of the gate with this name."""
    return f"assay:model-gate:{name}"


class ModelGate:
    """Lets through as many calls of one model as its provider can take."""

    def __init__(
        self,
        redis: Redis,
        name: str,
        seconds: float,
        max_calls: int = _MAX_CALLS,
        clock: Callable[[], float] = time.monotonic,
        random_fraction: Callable[[], float] = random.random,
    ) -> None:
        """`name` tells models and endpoints apart; a call takes at most `seconds`; `max_calls` of this process are let
        through at the same time."""
        self._name = name
        self._key = gate_key(name)
        self._enter_script = redis.register_script(ENTER)
        self._leave_script = redis.register_script(LEAVE)
        self._max_call_ms = max(1, round(seconds * 1000))
        self._local = LocalPause()
        self._places = asyncio.Semaphore(max_calls)
        self._scripts = asyncio.Semaphore(_MAX_SCRIPTS)
        self._redis_retry_at: float | None = None
        self._clock = clock
        self._random_fraction = random_fraction
        self._tasks: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def call(self, tokens: int) -> AsyncIterator[GateCall]:
        """Around one call, which needs about so many tokens, those of the answer included.

        Raises:
            TransientError: `model_rate_limited`, with the time to wait, or, at once, `model_unavailable`.
        """
        if self._places.locked():
            # A place may take long to come, and waiting for it makes no sense while the provider is unavailable.
            await self._raise_if_unavailable()
        async with self._places:
            entry = await self._enter(tokens)
            call = GateCall()
            try:
                yield call
            finally:
                await asyncio.shield(self._start(self._leave(entry, call.report)))

    async def close(self) -> None:
        """Returns when the reports of all calls are stored, or Redis was unavailable."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _raise_if_unavailable(self) -> None:
        admission = await self._run_enter(0, enter=False)
        if admission.unavailable_ms:
            self._turn_away("model_unavailable", "the model is not available", admission.unavailable_ms)

    async def _enter(self, tokens: int) -> _Entry:
        sleeps = 0
        while True:
            admission = await self._try_to_enter(tokens)
            if admission.serial:
                return _Entry(admission.serial, tokens)
            if admission.unavailable_ms:
                self._turn_away("model_unavailable", "the model is not available", admission.unavailable_ms)
            if admission.hold_ms > _SHORT_WAIT_MS or sleeps == _MAX_SLEEPS:
                self._turn_away("model_rate_limited", "the model is asked too often", admission.hold_ms)
            sleeps += 1
            await asyncio.sleep(self._jittered(admission.hold_ms))

    async def _try_to_enter(self, tokens: int) -> Admission:
        """Tries to enter. A caller that is cancelled meanwhile may have entered all the same: then it leaves again."""
        entering = self._start(self._run_enter(tokens, enter=True))
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            self._start(self._undo_entry(entering, tokens))
            raise

    async def _undo_entry(self, entering: "asyncio.Task[Admission]", tokens: int) -> None:
        admission = await entering
        if admission.serial:
            await self._leave(_Entry(admission.serial, tokens), _NO_REPORT)

    async def _run_enter(self, tokens: int, *, enter: bool) -> Admission:
        reply = await self._run_script(self._enter_script, tokens, int(enter))
        if reply is not None:
            return Admission(*reply)
        admission = self._local.admission(self._now_ms())
        if admission.hold_ms or admission.unavailable_ms:
            return admission
        return admission._replace(serial=-1)

    async def _leave(self, entry: _Entry, report: CallReport) -> None:
        end = _call_end(entry, report, self._random_fraction())
        self._local.record(end, self._now_ms())
        event = await self._run_script(self._leave_script, *end) or 0
        if event > 0:
            log.warning("model_breaker_opened", gate=self._name, seconds=event / 1000)
        elif event < 0:
            log.info("model_breaker_closed", gate=self._name)

    async def _run_script(self, script: Callable[..., Any], *args: int | float | str) -> Any:
        """What the script returns; None while Redis is unavailable, which not every call waits to find out."""
        async with self._scripts:
            if self._redis_retry_at is not None:
                if self._clock() < self._redis_retry_at:
                    return None
                # One script tries whether Redis is back; the others don't wait for that.
                self._redis_retry_at = self._clock() + _REDIS_PAUSE
            try:
                async with asyncio.timeout(_REDIS_SECONDS):
                    reply = await script(keys=[self._key], args=[self._max_call_ms, *args])
            except REDIS_UNAVAILABLE as error:
                REDIS.report(error, "the gate before the model")
                self._redis_retry_at = self._clock() + _REDIS_PAUSE
                return None
            self._redis_retry_at = None
            return reply

    def _turn_away(self, code: str, detail: str, wait_ms: int) -> NoReturn:
        raise TransientError(code, detail, self._jittered(wait_ms))

    def _jittered(self, wait_ms: int) -> float:
        """Seconds, a little more than these milliseconds, so that not all workers come back in the same moment."""
        return (wait_ms + self._random_fraction() * min(50 + wait_ms / 10, 5000)) / 1000

    def _start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _call_end(entry: _Entry, report: CallReport, jitter: float) -> CallEnd:
    limits = report.limits or Limits()
    requests = _left_until(limits.remaining_requests, limits.reset_requests_seconds)
    tokens = _left_until(limits.remaining_tokens, limits.reset_tokens_seconds)
    hold = _milliseconds(hold_seconds(report, entry.tokens))
    return CallEnd(entry.serial, entry.tokens, report.outcome.value, hold, jitter, *requests, *tokens)


def _left_until(remaining: int | None, reset: float | None) -> tuple[int, int]:
    return (0, 0) if remaining is None or reset is None else (remaining, _milliseconds(min(reset, MAX_HOLD_SECONDS)))


def _milliseconds(seconds: float) -> int:
    return math.ceil(seconds * 1000)
