"""The messages of one student take turns with those of others, in whatever order and number they come."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from random import Random
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from app.clients.redis.job_queue import JobQueue, MessageTaker, connect, owner_digest, owner_in, queue_key
from app.domain.job.notification import JobNotification
from app.domain.states import JobType
from tests.fakes.conditions import until

GPT = queue_key(JobType.GPT)


class Queue:
    """The queue of essay jobs; jobs are told apart by their owner."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._notifier = JobQueue(redis)
        self._taker = MessageTaker(redis, GPT)
        self._owners: dict[str, str | None] = {}

    async def add(self, *owners: str | None) -> None:
        """One job for each of the owners, in one batch."""
        jobs = [(uuid4(), owner) for owner in owners]
        self._owners |= {str(job_id): owner for job_id, owner in jobs}
        await self._notifier.notify([JobNotification(job_id, JobType.GPT, 0, owner) for job_id, owner in jobs])

    async def take(self, free: int, running: Sequence[str] = ()) -> list[str | None]:
        """The owners of the messages that a worker takes in which jobs of these owners run."""
        messages = await self._taker.take(free, free, Counter(map(owner_digest, running)))
        return [self._owners[message_id.decode().split(":")[0]] for message_id, _ in messages.taken]

    async def take_all(self) -> list[str | None]:
        """The owners in the order in which a worker with one slot takes their messages, until none is left."""
        taken: list[str | None] = []
        while owners := await self.take(1):
            taken += owners
        return taken


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client as the product opens it."""
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def queue(redis: Redis) -> Queue:
    """An empty queue."""
    return Queue(redis)


async def test_forty_jobs_of_one_student_are_passed_by_everyone_who_comes_later(queue: Queue) -> None:
    await queue.add(*["greedy"] * 40)
    assert await queue.take(1) == ["greedy"]
    await queue.add("ann", "ben")
    await queue.add("cleo")
    order = await queue.take_all()
    # Messages of the same millisecond are taken in any order.
    assert set(order[:3]) == {"ann", "ben", "cleo"}
    assert order[3:] == ["greedy"] * 39


async def test_without_an_owner_messages_are_taken_by_age(queue: Queue) -> None:
    """What the queue did before, and the control of the test above: everyone waits for the forty."""
    await queue.add(*[None] * 40)
    started = time.time_ns()

    async def later() -> bool:
        return time.time_ns() > started + 2_000_000

    await until(later)
    await queue.add("ann")
    assert (await queue.take_all()).index("ann") == 40


async def test_no_message_is_passed_by_for_ever(queue: Queue, redis: Redis) -> None:
    """A turn is a time: what comes after it stands behind."""
    await queue.add(*["greedy"] * 3)
    turns = [score for _, score in await redis.zrange(GPT, 0, -1, withscores=True)]
    assert [round(turn - turns[0]) for turn in turns] == [0, 60_000, 120_000]
    assert abs(turns[0] - 1000 * time.time()) < 60_000


async def test_an_owner_without_waiting_messages_stands_in_front_again(queue: Queue, redis: Redis) -> None:
    for _ in range(5):
        await queue.add("ann", "ann")
        assert await queue.take(4) == ["ann", "ann"]
    await queue.add("ann")
    ((_, turn),) = await redis.zrange(GPT, 0, -1, withscores=True)
    assert turn < 1000 * time.time() + 30_000
    await queue.take(1)
    assert await redis.keys() == []


async def test_a_message_that_waits_already_moves_nobody_back(queue: Queue, redis: Redis) -> None:
    due = JobNotification(uuid4(), JobType.GPT, 0, "ann")
    for _ in range(3):
        await JobQueue(redis).notify([due])
    await queue.add("ann")
    turns = [score for _, score in await redis.zrange(GPT, 0, -1, withscores=True)]
    assert round(turns[1] - turns[0]) <= 60_000 + 30_000
    assert len(turns) == 2


async def test_an_owner_gets_at_most_half_of_the_free_slots(queue: Queue) -> None:
    await queue.add(*["greedy"] * 40)
    assert await queue.take(10) == ["greedy"] * 5
    await queue.add("ann", "ben")
    # Five slots are left, which is not more than greedy's running jobs.
    assert sorted(map(str, await queue.take(5, ["greedy"] * 5))) == ["ann", "ben"]
    assert await queue.take(3, ["greedy"] * 5 + ["ann", "ben"]) == []


async def test_the_last_slot_is_for_an_owner_without_running_jobs(queue: Queue) -> None:
    await queue.add("ann", "ann", "ben")
    assert await queue.take(1, ["ann"]) == ["ben"]
    assert await queue.take(1, ["ann", "ben"]) == []
    assert await queue.take(2, ["ann"]) == ["ann"]


async def test_a_thousand_messages_passed_over_do_not_hide_the_next_ones_for_others(queue: Queue) -> None:
    """Nobody has so many waiting, and each script looks at a limited number."""
    for _ in range(9):
        await queue.add(*["greedy"] * 100)
    await queue.add("ann")
    assert await queue.take(1, ["greedy"]) == ["ann"]


async def test_every_message_is_taken_once_whoever_else_waits(queue: Queue, redis: Redis) -> None:
    """Jobs that end at once: in any mix of owners, nobody is left waiting, and nothing stays in Redis."""
    random = Random(14)  # noqa: S311 - no secret
    for _ in range(20):
        owners = random.choices("abcde", k=random.randint(1, 40))
        await queue.add(*owners)
        slots, taken = random.randint(1, 12), Counter[str | None]()
        while got := await queue.take(slots):
            taken.update(got)
        assert taken == Counter(owners)
        assert await redis.keys() == []


def test_an_id_names_its_owner_or_nobody() -> None:
    assert owner_in(f"{UUID(int=1)}:3:0011223344556677") == "0011223344556677"
    assert owner_in(f"{UUID(int=1)}:3") is None
    assert owner_in("::") == "" and owner_in("") is None
