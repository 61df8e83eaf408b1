"""Upkeep ends when it is told to, whatever its work makes of that."""

import asyncio

from workers.schedules import Schedule, repeat


async def test_a_cancellation_that_the_work_swallows_still_ends_it() -> None:
    """What asyncpg does where a connection comes free in the very moment of the cancellation."""
    began = asyncio.Event()
    turns = 0

    async def work() -> int:
        nonlocal turns
        turns += 1
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 1
        raise AssertionError

    repeating = asyncio.create_task(repeat(Schedule("swallows", 0.001, work, drain=True)))
    await began.wait()
    repeating.cancel()
    ended, _ = await asyncio.wait({repeating}, timeout=5)
    try:
        assert (len(ended), turns) == (1, 1)
    finally:
        repeating.cancel()
        await asyncio.wait({repeating}, timeout=1)
