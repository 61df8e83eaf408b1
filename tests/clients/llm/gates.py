"""Gates that share one Valkey, and helpers for tests of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate
from app.clients.llm.rate_limits import CallOutcome, CallReport, Limits
from app.clients.redis.job_queue import connect
from app.domain.errors import TransientError
from tests.fakes.conditions import until

KEY = "assay:model-gate:tests"
_STARTS = ("began", "began_before")
_ENDS = ("_until", "not_before")
# Seconds that one call may take.
CALL_SECONDS = 600.0
# Longer than any machine stalls, in seconds.
LONG = 1000.0
ANSWERED = CallReport(CallOutcome.ANSWERED)
UNAVAILABLE = CallReport(CallOutcome.UNAVAILABLE)


@asynccontextmanager
async def open_gates(*urls: str, max_calls: int = 256) -> AsyncIterator[list[ModelGate]]:
    """A gate for each URL, each with a client of its own, as in different workers. No jitter."""
    async with AsyncExitStack() as stack:
        gates = []
        for url in urls:
            client = connect(url)
            stack.push_async_callback(client.aclose)
            gates.append(ModelGate(client, "tests", CALL_SECONDS, max_calls, random_fraction=lambda: 0.0))
            stack.push_async_callback(gates[-1].close)
        yield gates


def left(
    requests: int | None = None, tokens: int | None = None, reset: float | None = 50.0, retry_after: float | None = None
) -> CallReport:
    """An answer that says what is left for so many seconds."""
    return CallReport(CallOutcome.ANSWERED, retry_after, Limits(requests, tokens, reset, reset))


def rate_limited(retry_after: float | None = None, limits: Limits | None = None) -> CallReport:
    """Too many requests."""
    return CallReport(CallOutcome.RATE_LIMITED, retry_after, limits)


async def make_call(gate: ModelGate, report: CallReport = ANSWERED, tokens: int = 1) -> None:
    """One call, which ends at once."""
    async with gate.call(tokens) as call:
        call.report = report


async def rejection(gate: ModelGate, tokens: int = 1) -> TransientError:
    """The error with which a call is turned away."""
    try:
        async with asyncio.timeout(20), gate.call(tokens):
            pass
    except TransientError as error:
        return error
    raise AssertionError("the call was let in")


class Calls:
    """Calls that are made at the same time and stay in flight until the test ends them."""

    def __init__(self) -> None:
        self.inside: list[ModelGate] = []
        self.errors: list[TransientError] = []
        self._report = ANSWERED
        self._over = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self, *gates: ModelGate, tokens: int = 1) -> None:
        """Makes one call at each gate; returns when all calls are inside or turned away."""
        self.tasks += [asyncio.create_task(self._call(gate, tokens)) for gate in gates]

        async def all_decided() -> bool:
            return len(self.inside) + len(self.errors) == len(self.tasks)

        await until(all_decided)

    async def end(self, report: CallReport = ANSWERED) -> None:
        """Ends all calls, with this report."""
        self._report = report
        self._over.set()
        await asyncio.gather(*self.tasks)

    async def cancel(self) -> None:
        """Cancels all calls."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _call(self, gate: ModelGate, tokens: int) -> None:
        try:
            async with gate.call(tokens) as call:
                self.inside.append(gate)
                await self._over.wait()
                call.report = self._report
        except TransientError as error:
            self.errors.append(error)


async def read_state(redis: Redis) -> dict[str, int]:
    """The fields of the gate in Redis."""
    fields: dict[bytes, bytes] = await redis.execute_command("HGETALL", KEY)  # type: ignore[no-untyped-call]
    return {name.decode(): int(value) for name, value in fields.items()}


async def write_state(redis: Redis, **fields: int) -> None:
    """Changes fields of the gate in Redis."""
    arguments = [argument for field in fields.items() for argument in field]
    await redis.execute_command("HSET", KEY, *arguments)  # type: ignore[no-untyped-call]


async def pass_time(redis: Redis, seconds: float) -> None:
    """Makes the state in Redis so much older, which has the same effect as if the time had passed."""
    await _move(redis, -seconds, (*_STARTS, *_ENDS))


async def extend_waits(redis: Redis) -> None:
    """Makes every wait `LONG` seconds longer, so that none is over before the test has looked."""
    await _move(redis, LONG, _ENDS)


async def _move(redis: Redis, seconds: float, suffixes: tuple[str, ...]) -> None:
    times = {name: value for name, value in (await read_state(redis)).items() if name.endswith(suffixes)}
    await write_state(redis, **{name: value + round(seconds * 1000) for name, value in times.items()})


class ManualClock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
