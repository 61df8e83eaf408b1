"""Students take turns with the local scorer, of which a worker has one; and its work is bounded whatever the text."""

import asyncio
from random import Random

import pytest

from app.clients.llm.embedder import Embedder
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.assessment.questions import EssayQuestion
from app.domain.essay.local_scoring import texts_to_embed
from app.domain.essay.score import EssayScore
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.services.essays.local_estimate import estimate_locally
from app.services.essays.score_essays import EssayJob
from tests.bank import ESSAY, Bank
from tests.fakes.conditions import until
from tests.job_runner import job_id, job_runner, submit

GREEDY = 40


async def order_of_estimates(pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder, last: str) -> list[str]:
    """The first letters of the essays in the order of their estimates: 40 of one student, and one of `last`, whose job
    begins when all others wait for their turn."""
    order: list[str] = []
    everyone_waits = asyncio.Event()

    async def estimate(embedder: Embedder, question: EssayQuestion, answer: str) -> EssayScore:
        order.append(answer[0])
        await everyone_waits.wait()
        return await estimate_locally(embedder, question, answer)

    owners = ["greedy"] * GREEDY + [last]
    answers = [bank.answers(essay=f"{'L' if n == GREEDY else 'G'}: {ESSAY}") for n in range(len(owners))]
    ids = [await submit(pool, bank, owner, mine) for owner, mine in zip(owners, answers, strict=True)]
    running = job_runner(pool, redis_url, embedder, estimate=estimate)
    tasks = [asyncio.create_task(running.run(await job_id(pool, each, JobType.GPT))) for each in ids[:GREEDY]]

    handler = running.handlers[JobType.GPT]
    assert isinstance(handler, EssayJob)
    turns = handler.estimate_turns

    async def until_waiting(count: int) -> None:
        async def enough() -> bool:
            return turns.waiting == count

        await until(enough, 60)

    # One has its turn, and the others wait.
    await until_waiting(GREEDY - 1)
    tasks.append(asyncio.create_task(running.run(await job_id(pool, ids[-1], JobType.GPT))))
    await until_waiting(GREEDY)
    everyone_waits.set()
    await asyncio.gather(*tasks)
    await running.job_queue.redis.aclose()
    return order


async def test_another_students_essay_is_estimated_after_one_of_forty(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    order = await order_of_estimates(pool, bank, redis_url, embedder, "ann")
    assert (len(order), order.count("L")) == (GREEDY + 1, 1)
    assert order.index("L") <= 2


async def test_without_turns_it_would_be_the_last(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    """The control: the same with an essay of the same student, whose essays are estimated in their order."""
    order = await order_of_estimates(pool, bank, redis_url, embedder, "greedy")
    assert order.index("L") == GREEDY


@pytest.mark.parametrize(("letters", "stop"), [(4, ""), (12, ""), (3, "."), (7, ". ")])
def test_any_text_is_read_in_a_bounded_number_of_windows(letters: int, stop: str) -> None:
    """4,000 distinct words were forty windows, each of which takes the model 20 to 50 ms."""
    random = Random(letters)  # noqa: S311 - no secret
    words = ["".join(random.choices("bcdfghjklmnpqrstvwxz", k=letters)) for _ in range(20_000 // (letters + 1))]
    for number in range(38, len(words), 39):
        words[number] += stop
    text = " ".join(words)[:20_000]
    assert len(texts_to_embed("Why?", "Because.", text)) <= 16 + 2
