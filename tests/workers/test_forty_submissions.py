"""One student with forty submissions of the costliest essays holds nobody up: a real worker takes others in between."""

from random import Random
from uuid import UUID

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.domain.states import JobType
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.job_runner import job_id, submit
from tests.workers.conftest import StartWorker

GREEDY = 40
OTHERS = 3
SECONDS = 240.0
_GREEDY_COMPLETED = "SELECT count(*) FROM assessments WHERE owner = 'greedy' AND status = 'completed'"


async def submit_all(pool: Pool, bank: Bank, redis_url: str, owners: list[str]) -> list[UUID]:
    """Submits an assessment for each of the owners, with essays as long as permitted and of words that the local scorer
    never saw, and notifies workers. (The bound for waiting submissions is raised here.) The last of many are short, for
    they have their turn when nobody else waits."""
    random = Random(len(owners))  # noqa: S311 - no secret
    redis = job_queue.connect(redis_url)
    ids = []
    for number, owner in enumerate(owners):
        words = 390 if number < GREEDY / 2 else 40
        text = " ".join("".join(random.choices("bcdfghjklmnpqrstvwxz", k=4)) for _ in range(words))
        ids.append(await submit(pool, bank, owner, bank.answers(essay=text, essay_two=text[::-1])))
        due = [(kind, await job_id(pool, ids[-1], kind)) for kind in (JobType.GPT, JobType.RAG)]
        await JobQueue(redis).notify([JobNotification(each, kind, 0, owner) for kind, each in due])
    await redis.aclose()
    return ids


async def test_others_are_done_long_before_the_forty(
    start_worker: StartWorker, pool: Pool, bank: Bank, redis_url: str
) -> None:
    await start_worker(ESSAY_FALLBACK="local")
    await submit_all(pool, bank, redis_url, ["greedy"] * GREEDY)

    async def one_is_done() -> bool:
        return bool(await pool.fetchval(_GREEDY_COMPLETED))

    await until(one_is_done, SECONDS)
    ids = await submit_all(pool, bank, redis_url, [f"student-{number}" for number in range(OTHERS)])
    before = await pool.fetchval(_GREEDY_COMPLETED)

    async def others_are_done() -> bool:
        done = "SELECT count(*) FROM assessments WHERE id = ANY($1) AND status = 'completed'"
        return bool(await pool.fetchval(done, ids) == OTHERS)

    await until(others_are_done, SECONDS)
    # While three others were served, each in their turn, the forty went on at the pace of one student.
    assert await pool.fetchval(_GREEDY_COMPLETED) - before < GREEDY / 2

    async def all_are_done() -> bool:
        return bool(await pool.fetchval(_GREEDY_COMPLETED) == GREEDY)

    await until(all_are_done, SECONDS)
