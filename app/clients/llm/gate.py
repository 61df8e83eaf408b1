"""The gate before the language model: no worker's call leaves while the provider's limits are spent or it is away.

Ours, because nothing that is well kept does it: breakers that share their state in Redis (purgatory) let every worker
probe at once, limiters (limits, throttled-py, pyrate-limiter) want the limits told instead of reading them from each
answer, and the one that reads them (adaptive-rate-limiter) is a scheduler that tries again by itself and needs a redis
client newer than arq allows.

What is known stands in one Redis hash, changed by two scripts (`app.clients.llm.gate_redis`). Each process keeps the
same books of its own calls, and goes by these alone while Redis is away.
"""

import asyncio
import hashlib
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import structlog
from redis.asyncio import Redis

from app.clients.llm.gate_local import Alone
from app.clients.llm.gate_redis import ENTER, LEAVE, Told, Verdict
from app.clients.llm.rate_limits import LONGEST, Limits, Outcome, Seen, hold_seconds
from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.domain.errors import TransientError

log = structlog.get_logger()

# Calls of one process at the same time.
_CALLS = 256
# Milliseconds that are slept through here; who has to wait longer gives its place in the worker to others.
_SHORT = 1000
# Sleeps before a call is turned away all the same: others may always be quicker.
_SLEEPS = 3
# Connections to Redis at the same time: each question takes a fraction of a millisecond.
_QUESTIONS = 4
# Seconds for one question. The client's own limit does not count the wait for others that connect.
_REDIS_SECONDS = 1.0
# Seconds until Redis is asked again after it was away.
_REDIS_PAUSE = 2.0


@dataclass
class Call:
    """A call that was let in; whoever makes it says what it has shown."""

    seen: Seen = field(default=Seen(Outcome.UNKNOWN))

    def saw(self, seen: Seen) -> None:
        """Says what the call has shown; without, it counts as one that ended on this side."""
        self.seen = seen


@dataclass(frozen=True)
class _Entry:
    """A call's numbers in the shared books (-1: not there) and in our own."""

    shared: int
    own: int
    tokens: int


def gate_name(base_url: str | None, model: str) -> str:
    """Names the gate of a model at an endpoint, the same in all workers; tells neither."""
    return hashlib.sha256(f"{base_url or ''}\n{model}".encode()).hexdigest()[:16]


class ModelGate:
    """Lets calls of one model through, as many as its provider can take."""

    def __init__(
        self,
        redis: Redis,
        name: str,
        seconds: float,
        calls: int = _CALLS,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`name` tells models and endpoints apart; a call takes at most `seconds`; `calls` of this process are let
        through at the same time."""
        self._name = name
        self._key = f"assay:model-gate:{name}"
        self._enter_script = redis.register_script(ENTER)
        self._leave_script = redis.register_script(LEAVE)
        self._life = max(1, round(seconds * 1000))
        self._alone = Alone(self._life)
        self._places = asyncio.Semaphore(calls)
        self._questions = asyncio.Semaphore(_QUESTIONS)
        self._ask_again_at: float | None = None
        self._clock = clock
        self._chance = chance
        self._unfinished: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def call(self, tokens: int) -> AsyncIterator[Call]:
        """Around one call, which needs about so many tokens, those of the answer included.

        Raises:
            PassingTrouble: `model_rate_limited`, with the time to wait, or, at once, `model_unavailable`.
        """
        if self._places.locked():
            # A place may take long to come; who waits for it should at least have a reason to hope.
            await self._look()
        async with self._places:
            entry = await self._enter(tokens)
            call = Call()
            try:
                yield call
            finally:
                await asyncio.shield(self._start(self._leave(entry, call.seen)))

    async def close(self) -> None:
        """Returns when all that calls had to tell is told, or Redis was away."""
        await asyncio.gather(*self._unfinished, return_exceptions=True)

    async def _look(self) -> None:
        reply = await self._ask(self._enter_script, 0, 0)
        verdict = self._alone.look(0, self._now()) if reply is None else Verdict(*reply)
        if verdict.away:
            self._turn_away("model_unavailable", "the model is not available", verdict.away)

    async def _enter(self, tokens: int) -> _Entry:
        sleeps = 0
        while True:
            entered = await self._try(tokens)
            if isinstance(entered, _Entry):
                return entered
            if entered.away:
                self._turn_away("model_unavailable", "the model is not available", entered.away)
            if entered.held > _SHORT or sleeps == _SLEEPS:
                self._turn_away("model_rate_limited", "the model is asked too often", entered.held)
            sleeps += 1
            await asyncio.sleep(self._jittered(entered.held))

    async def _try(self, tokens: int) -> _Entry | Verdict:
        """Tries to enter. A caller that is cancelled meanwhile may have entered all the same: then it leaves again."""
        asking = self._start(self._ask_to_enter(tokens))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            self._start(self._give_back(asking))
            raise

    async def _ask_to_enter(self, tokens: int) -> _Entry | Verdict:
        reply = await self._ask(self._enter_script, tokens, 1)
        verdict = self._alone.look(tokens, self._now()) if reply is None else Verdict(*reply)
        if verdict.held or verdict.away:
            return verdict
        return _Entry(-1 if reply is None else verdict.serial, self._alone.enter(tokens, self._now()), tokens)

    async def _give_back(self, asking: "asyncio.Task[_Entry | Verdict]") -> None:
        entered = await asking
        if isinstance(entered, _Entry):
            await self._leave(entered, Seen(Outcome.UNKNOWN))

    async def _leave(self, entry: _Entry, seen: Seen) -> None:
        told = _told(entry, seen, self._chance())
        alone_event = self._alone.leave(told._replace(serial=entry.own), self._now())
        event = await self._ask(self._leave_script, *told)
        pause = alone_event if event is None else event
        if pause > 0:
            log.warning("model_left_alone", gate=self._name, seconds=pause / 1000)
        elif pause < 0:
            log.info("model_back", gate=self._name)

    async def _ask(self, script: Callable[..., Any], *args: int | float | str) -> Any:
        """What Redis replies; None while it is away, without a wait for each question."""
        async with self._questions:
            if self._ask_again_at is not None:
                if self._clock() < self._ask_again_at:
                    return None
                # One question tries whether it is back; the others don't wait for that.
                self._ask_again_at = self._clock() + _REDIS_PAUSE
            try:
                async with asyncio.timeout(_REDIS_SECONDS):
                    reply = await script(keys=[self._key], args=[self._life, *args])
            except REDIS_UNAVAILABLE as error:
                if self._ask_again_at is None:
                    log.warning("model_gate_alone", gate=self._name, error=type(error).__name__)
                self._ask_again_at = self._clock() + _REDIS_PAUSE
                return None
            self._ask_again_at = None
            return reply

    def _turn_away(self, code: str, detail: str, wait: int) -> NoReturn:
        raise TransientError(code, detail, self._jittered(wait))

    def _jittered(self, wait: int) -> float:
        """Seconds, a little more than these milliseconds: not all workers shall come back in the same moment."""
        return (wait + self._chance() * min(50 + wait / 10, 5000)) / 1000

    def _start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return task

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _told(entry: _Entry, seen: Seen, chance: float) -> Told:
    limits = seen.limits or Limits()
    requests = _known(limits.remaining_requests, limits.reset_requests_seconds)
    tokens = _known(limits.remaining_tokens, limits.reset_tokens_seconds)
    hold = _milliseconds(hold_seconds(seen, entry.tokens))
    return Told(entry.shared, entry.tokens, seen.outcome.value, hold, chance, *requests, *tokens)


def _known(remaining: int | None, reset: float | None) -> tuple[int, int]:
    return (0, 0) if remaining is None or reset is None else (remaining, _milliseconds(min(reset, LONGEST)))


def _milliseconds(seconds: float) -> int:
    return math.ceil(seconds * 1000)
