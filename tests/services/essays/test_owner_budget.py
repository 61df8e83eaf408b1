"""The essays of one student take up at most their share of the day's budget for the model; others are not affected."""

import asyncio
from datetime import date

import pytest

from app.domain.states import JobType
from app.repositories import scores
from app.repositories.sql import Pool
from app.services.jobs import maintenance
from app.services.model_account import TokenPrice
from tests.bank import ESSAY
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer, hang
from tests.job_runner import job_id, job_runner, submit
from tests.services.essays.essay_runner import EssayRunner

# A call reserves about 0.0015 for the prompt and the expected answer, and costs a tenth of that.
PRICES = {"gpt-test": TokenPrice(0, 1)}
RESERVED, COST = 1_500 / 1e6, 100 / 1e6
BUDGET = 1.0
# Room for the reservation of one call at a time, and for the cost of ten.
SHARE = (RESERVED + 9.5 * COST) / BUDGET
SHARES = "SELECT owner, spent, reserved FROM owner_budget ORDER BY owner"


def essays(count: int) -> list[str]:
    return [f"{ESSAY} It is number {number}." for number in range(count)]


async def test_a_student_over_the_share_gets_estimates_and_others_the_model(runner: EssayRunner, pool: Pool) -> None:
    owners = ["greedy"] * 12 + ["ann", "ben"]
    lines = await runner.run(*essays(14), owners=owners, prices=PRICES, budget_usd=BUDGET, owner_share=SHARE)
    assert [line["scorer"] for line in lines] == ["gpt"] * 10 + ["local"] * 2 + ["gpt"] * 2
    assert all(line["reasons"] == {"essay_scored_locally", "model_budget_spent"} for line in lines[10:12])
    rows = [tuple(row) for row in await pool.fetch(SHARES)]
    each = [("ann", COST, 0), ("ben", COST, 0), ("greedy", 10 * COST, 0)]
    assert rows == [(owner, pytest.approx(spent), pytest.approx(reserved)) for owner, spent, reserved in each]
    assert await pool.fetchval("SELECT spent FROM model_budget") == pytest.approx(12 * COST)


async def test_with_the_whole_budget_as_share_one_student_may_spend_it(runner: EssayRunner) -> None:
    """The control of the test above."""
    lines = await runner.run(*essays(12), owners=["greedy"] * 12, prices=PRICES, budget_usd=BUDGET, owner_share=1.0)
    assert [line["scorer"] for line in lines] == ["gpt"] * 12


async def test_without_a_budget_there_is_no_share(runner: EssayRunner, pool: Pool) -> None:
    lines = await runner.run(*essays(3), owners=["greedy"] * 3, prices=PRICES, owner_share=1e-9)
    assert [line["scorer"] for line in lines] == ["gpt"] * 3
    assert await pool.fetch(SHARES) == []


async def test_reservations_of_calls_in_flight_count(runner: EssayRunner, provider: ModelServer, pool: Pool) -> None:
    """While the model holds the first call of a student, the second one finds the share reserved."""
    provider.default = hang()
    ids = [await submit(pool, runner.bank, "greedy", runner.bank.answers(essay=essay)) for essay in essays(2)]
    running = job_runner(
        pool, "redis://unused", runner.embedder, model=await runner.model(), prices=PRICES, budget_usd=BUDGET,
        owner_share=SHARE,
    )  # fmt: skip
    held = asyncio.create_task(running.run(await job_id(pool, ids[0], JobType.GPT)))

    async def called() -> bool:
        return len(provider.requests) == 1

    await until(called)
    await running.run(await job_id(pool, ids[1], JobType.GPT))
    scorer = "SELECT scorer FROM scores WHERE assessment_id = $1 AND score_type = 'essay_gpt' AND NOT missing"
    assert await pool.fetchval(scorer, ids[1]) == "local"
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)
    await running.job_queue.redis.aclose()


async def test_the_share_is_exact_however_many_calls_come_at_once(pool: Pool) -> None:
    reservations = await asyncio.gather(*(scores.reserve_budget(pool, 1.0, 100.0, "greedy", 7.0) for _ in range(20)))
    assert sum(reservation.reserved for reservation in reservations) == 7
    assert sum(reservation.within_share for reservation in reservations) == 7
    assert [tuple(row) for row in await pool.fetch(SHARES)] == [("greedy", 0.0, 7.0)]
    assert (await scores.reserve_budget(pool, 1.0, 100.0, "ann", 7.0)).reserved
    assert (await scores.reserve_budget(pool, 1.0, 100.0, None)).reserved
    assert await pool.fetchval("SELECT reserved FROM model_budget") == 9.0


async def test_what_the_whole_budget_has_no_room_for_is_not_charged_to_the_share(pool: Pool) -> None:
    assert (await scores.reserve_budget(pool, 9.0, 10.0, "ann", 10.0)).reserved
    refused = await scores.reserve_budget(pool, 5.0, 10.0, "ben", 10.0)
    assert (refused.reserved, refused.within_share) == (False, True)
    assert [tuple(row) for row in await pool.fetch(SHARES)] == [("ann", 0.0, 9.0), ("ben", 0.0, 0.0)]
    await scores.book_actual_cost(pool, refused.day, 9.0, 2.0, "ann")
    assert tuple((await pool.fetch(SHARES))[0]) == ("ann", 2.0, 0.0)


async def test_what_was_spent_on_former_days_is_forgotten(pool: Pool) -> None:
    await pool.execute("INSERT INTO owner_budget (day, owner, spent) VALUES ($1, 'ann', 1)", date(2020, 1, 1))
    assert (await scores.reserve_budget(pool, 1.0, 10.0, "ann", 1.0)).reserved
    assert await maintenance.delete_old_shares(pool) == 1
    assert await maintenance.delete_old_shares(pool) == 0
    assert [tuple(row) for row in await pool.fetch(SHARES)] == [("ann", 0.0, 1.0)]
