"""Places go round all owners, whoever has queued most, and none is lost when a waiting task is cancelled."""

import asyncio
from collections.abc import Sequence

from app.fair_semaphore import FairSemaphore


async def served(semaphore: FairSemaphore, owners: Sequence[str], cancelled: Sequence[int] = ()) -> list[str]:
    """The owners in the order in which their tasks get a place, all of which wait for the only one."""
    order: list[str] = []

    async def work(owner: str) -> None:
        async with semaphore.place(owner):
            order.append(owner)
            await asyncio.sleep(0)

    async with semaphore.place("nobody"):
        tasks = [asyncio.create_task(work(owner)) for owner in owners]
        await asyncio.sleep(0)
        for position in cancelled:
            tasks[position].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return order


async def test_a_newcomer_waits_for_one_task_of_each_other_owner() -> None:
    assert await served(FairSemaphore(1), ["greedy"] * 40 + ["ann", "ann", "ben"]) == (
        ["greedy", "ann", "ben", "greedy", "ann"] + ["greedy"] * 38
    )


async def test_tasks_without_owners_are_served_in_their_order() -> None:
    """The control: as with an ordinary semaphore, all that came before are served before."""
    numbers = list(range(40))
    order: list[int] = []
    semaphore = FairSemaphore(1)

    async def work(number: int) -> None:
        async with semaphore.place("the same"):
            order.append(number)

    async with semaphore.place("nobody"):
        tasks = [asyncio.create_task(work(number)) for number in numbers]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == numbers


async def test_a_free_place_goes_to_the_owner_who_holds_fewest() -> None:
    semaphore, entered, leave = FairSemaphore(3), list[str](), {name: asyncio.Event() for name in "abcd"}

    async def work(owner: str, name: str) -> None:
        async with semaphore.place(owner):
            entered.append(owner)
            await leave[name].wait()

    jobs = (("greedy", "a"), ("greedy", "b"), ("ann", "c"), ("greedy", "d"), ("greedy", "d"), ("ben", "d"))
    tasks = [asyncio.create_task(work(owner, name)) for owner, name in jobs]
    await asyncio.sleep(0)
    assert entered == ["greedy", "greedy", "ann"]
    leave["c"].set()
    await asyncio.gather(tasks[2])
    await asyncio.sleep(0)
    assert entered[3:] == ["ben"]
    for event in leave.values():
        event.set()
    await asyncio.gather(*tasks)


async def test_cancelled_tasks_leave_no_place_taken() -> None:
    semaphore = FairSemaphore(1)
    assert await served(semaphore, ["ann", "ben", "ann", "cleo"], cancelled=[0, 3]) == ["ben", "ann"]
    assert await served(semaphore, ["ann", "ben"], cancelled=[0, 1]) == []
    async with asyncio.timeout(20), semaphore.place("ann"):
        pass


async def test_a_task_that_is_cancelled_just_when_it_is_served_passes_the_place_on() -> None:
    semaphore, order = FairSemaphore(1), list[str]()

    async def work(owner: str) -> None:
        async with semaphore.place(owner):
            order.append(owner)

    async with semaphore.place("nobody"):
        first, second = (asyncio.create_task(work(owner)) for owner in ("ann", "ben"))
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert order == ["ben"]
    async with asyncio.timeout(20), semaphore.place("ann"):
        pass
