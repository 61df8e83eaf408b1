"""Gates over one Valkey, and what tests do with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate
from app.clients.llm.rate_limits import Limits, Outcome, Seen
from app.clients.redis.job_queue import connect
from app.domain.errors import TransientError
from tests.fakes.conditions import until

KEY = "assay:model-gate:tests"
_STARTS = ("began", "began_before")
_ENDS = ("_until", "not_before")
# Seconds of one call.
LIFE = 600.0
# Seconds that no machine stalls for.
LONG = 1000.0
GOOD = Seen(Outcome.ANSWERED)
AWAY = Seen(Outcome.UNAVAILABLE)


@asynccontextmanager
async def gates(*urls: str, calls: int = 256) -> AsyncIterator[list[ModelGate]]:
    """A gate for each URL, each with a client of its own, as in different workers. No jitter."""
    async with AsyncExitStack() as stack:
        made = []
        for url in urls:
            client = connect(url)
            stack.push_async_callback(client.aclose)
            made.append(ModelGate(client, "tests", LIFE, calls, chance=lambda: 0.0))
            stack.push_async_callback(made[-1].close)
        yield made


def left(
    requests: int | None = None, tokens: int | None = None, reset: float | None = 50.0, retry_after: float | None = None
) -> Seen:
    """An answer that says what is left for so many seconds."""
    return Seen(Outcome.ANSWERED, retry_after, Limits(requests, tokens, reset, reset))


def limited(retry_after: float | None = None, limits: Limits | None = None) -> Seen:
    """Too many requests."""
    return Seen(Outcome.RATE_LIMITED, retry_after, limits)


async def once(gate: ModelGate, seen: Seen = GOOD, tokens: int = 1) -> None:
    """One call, which ends at once."""
    async with gate.call(tokens) as call:
        call.saw(seen)


async def refused(gate: ModelGate, tokens: int = 1) -> TransientError:
    """Why a call is turned away."""
    try:
        async with asyncio.timeout(20), gate.call(tokens):
            pass
    except TransientError as trouble:
        return trouble
    raise AssertionError("the call was let in")


class Crowd:
    """Calls that are made at once, and stay in flight until they are told to end."""

    def __init__(self) -> None:
        self.inside: list[ModelGate] = []
        self.troubles: list[TransientError] = []
        self._seen = GOOD
        self._over = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *gates: ModelGate, tokens: int = 1) -> None:
        """One call at each gate; returns when every one is inside or turned away."""
        self.tasks += [asyncio.create_task(self._stay(gate, tokens)) for gate in gates]

        async def all_decided() -> bool:
            return len(self.inside) + len(self.troubles) == len(self.tasks)

        await until(all_decided)

    async def end(self, seen: Seen = GOOD) -> None:
        """Ends all calls, with what they have seen."""
        self._seen = seen
        self._over.set()
        await asyncio.gather(*self.tasks)

    async def cancel(self) -> None:
        """Cancels all calls."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _stay(self, gate: ModelGate, tokens: int) -> None:
        try:
            async with gate.call(tokens) as call:
                self.inside.append(gate)
                await self._over.wait()
                call.saw(self._seen)
        except TransientError as trouble:
            self.troubles.append(trouble)


async def state(redis: Redis) -> dict[str, int]:
    """What stands in the shared books."""
    books: dict[bytes, bytes] = await redis.execute_command("HGETALL", KEY)  # type: ignore[no-untyped-call]
    return {name.decode(): int(value) for name, value in books.items()}


async def write(redis: Redis, **fields: int) -> None:
    """Writes into the shared books."""
    told = [each for field in fields.items() for each in field]
    await redis.execute_command("HSET", KEY, *told)  # type: ignore[no-untyped-call]


async def pass_time(redis: Redis, seconds: float) -> None:
    """Makes all that is known so much older, which is the same as if the time had passed."""
    await _move(redis, -seconds, (*_STARTS, *_ENDS))


async def give_time(redis: Redis) -> None:
    """Makes every wait `LONG` seconds longer, so that none is over before a test has looked."""
    await _move(redis, LONG, _ENDS)


async def _move(redis: Redis, seconds: float, which: tuple[str, ...]) -> None:
    times = {name: value for name, value in (await state(redis)).items() if name.endswith(which)}
    await write(redis, **{name: value + round(seconds * 1000) for name, value in times.items()})


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
