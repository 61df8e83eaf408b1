"""Maintenance ends when it is cancelled, even if its work loses the cancellation."""

import asyncio

from app.lifecycle import cancel_and_wait
from workers.schedules import Schedule, repeat


async def test_work_that_loses_a_cancellation_is_ended() -> None:
    """As in asyncpg, when a connection comes free at the moment of the cancellation."""
    began = asyncio.Event()
    turns = 0

    async def work() -> int:
        nonlocal turns
        turns += 1
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if turns > 1:
                raise
        return 1

    repeating = asyncio.create_task(repeat(Schedule("loses one", 0.001, work, drain=True)))
    await began.wait()
    await asyncio.wait({asyncio.create_task(cancel_and_wait(repeating))}, timeout=10)
    ended = repeating.done()
    repeating.cancel()
    assert (ended, turns) == (True, 2)
