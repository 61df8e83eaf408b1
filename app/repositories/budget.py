"""The day's budget for model calls, shared by all workers."""

from datetime import date

from app.repositories.sql import Executor, statements

_SQL = statements("budget")


async def reserve(db: Executor, dollars: float, budget: float) -> date | None:
    """The day on whose account the dollars are set aside; None where they don't fit into the budget now."""
    day: date | None = await db.fetchval(_SQL["reserve"], dollars, budget)
    return day


async def spent_today(db: Executor) -> float:
    """What today's calls have cost so far, without those on their way."""
    dollars: float = await db.fetchval(_SQL["spent_today"])
    return dollars


async def settle(db: Executor, day: date, reserved: float, cost: float) -> None:
    """Turns what was set aside into what the call cost."""
    await db.execute(_SQL["settle"], day, reserved, cost)
