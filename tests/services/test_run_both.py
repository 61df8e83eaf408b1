"""Two tasks at the same time."""

import asyncio
from typing import Any

import pytest

from app.lifecycle import run_both


async def value(of: Any) -> Any:
    await asyncio.sleep(0)
    return of


async def failure() -> None:
    raise ValueError("it failed")


class Endless:
    """Work that only ends when it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


async def test_both_results_come_in_their_order() -> None:
    assert await run_both(value(1), value("two")) == (1, "two")


@pytest.mark.parametrize("fails_first", [True, False])
async def test_if_one_fails_the_other_is_cancelled(fails_first: bool) -> None:
    endless = Endless()
    both = run_both(failure(), endless.run()) if fails_first else run_both(endless.run(), failure())
    with pytest.raises(ValueError, match="it failed"):
        await asyncio.wait_for(both, 10)
    assert endless.cancelled


async def test_cancelling_it_cancels_both() -> None:
    first, second = Endless(), Endless()
    both = asyncio.create_task(run_both(first.run(), second.run()))
    await asyncio.sleep(0.01)
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both
    assert first.cancelled and second.cancelled
