"""Values that are kept for a while: computed once for all who ask, for a limited time, and not when they failed."""

import asyncio

import pytest

from app.services.recent_values import RecentValues


class Computation:
    """Counts how often it runs, and ends when `may_end` is set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs = 0
        self.started = asyncio.Event()
        self.may_end = asyncio.Event()
        self._error = error

    async def __call__(self) -> int:
        self.runs += 1
        self.started.set()
        await self.may_end.wait()
        if self._error:
            raise self._error
        return self.runs


async def test_those_who_ask_at_the_same_time_share_a_computation() -> None:
    values, computation = RecentValues[str, int](2, 60), Computation()
    first = asyncio.create_task(values.read("a", computation))
    second = asyncio.create_task(values.read("a", computation))
    await computation.started.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    computation.may_end.set()
    assert await second == 1
    assert await values.read("a", computation) == 1


async def test_a_value_gets_too_old() -> None:
    now = 0.0
    values, computation = RecentValues[str, int](2, 60, lambda: now), Computation()
    computation.may_end.set()
    assert await values.read("a", computation) == 1
    now = 59.0
    assert await values.read("a", computation) == 1
    now = 60.0
    assert await values.read("a", computation) == 2


async def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    values, failing = RecentValues[str, int](2, 60), Computation(LookupError("once"))
    readers = [asyncio.create_task(values.read("a", failing)) for _ in range(2)]
    await failing.started.wait()
    failing.may_end.set()
    answers = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(answer) for answer in answers] == [LookupError, LookupError] and failing.runs == 1
    computation = Computation()
    computation.may_end.set()
    assert await values.read("a", computation) == 1


async def test_the_number_of_values_is_limited() -> None:
    values, computation = RecentValues[str, int](2, 60), Computation()
    computation.may_end.set()
    for key in ("a", "b", "c"):
        await values.read(key, computation)
    assert await values.read("c", computation) == 3
    assert await values.read("a", computation) == 4
