"""Paying for model calls: what a call costs, and the day's budget, shared by all workers, that it has to fit into."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from app.clients.llm.replies import ModelReply
from app.domain.errors import JobError, PermanentError, TransientError
from app.repositories import scores
from app.repositories.sql import Pool

_Reply = TypeVar("_Reply", bound=ModelReply)


@dataclass(frozen=True)
class TokenPrice:
    """Dollars for a million tokens in and out."""

    tokens_in: float
    tokens_out: float

    def dollars(self, tokens_in: int, tokens_out: int) -> float:
        """The price of so many tokens."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


@dataclass(frozen=True)
class ModelAccount:
    """Pays for the calls of one model. `price` is None where it is not known, `budget_usd` where a day's cost has no
    limit; `owner_share` is the part of the budget that one student's essays may take up."""

    pool: Pool
    price: TokenPrice | None = None
    budget_usd: float | None = None
    owner_share: float = 1.0

    async def call_within_budget(
        self, call: Callable[[], Awaitable[_Reply]], tokens_in: int, tokens_out: int = 0, owner: str | None = None
    ) -> tuple[_Reply, float | None]:
        """Makes a call that is expected to take so many tokens; its reply, and its cost in dollars where the price is
        known. `owner` is the student for whom it is made, if it is made for one.

        Raises:
            PermanentError: today's budget is spent, or the owner's share of it is spent and reserved.
            TransientError: calls in flight may spend the rest of today's budget.
            JobError: raised by `call`, which has not reached the model then and costs nothing.
        """
        if self.price is None:
            return await call(), None
        if self.budget_usd is None:
            reply = await call()
            return reply, self.price.dollars(reply.tokens_in, reply.tokens_out)
        reserved = self.price.dollars(tokens_in, tokens_out)
        day = await self._reserve(reserved, self.budget_usd, owner)
        # After any other exception the dollars stay reserved, since nobody knows whether the call was paid for.
        try:
            reply = await call()
        except JobError:
            await scores.book_actual_cost(self.pool, day, reserved, 0.0, owner)
            raise
        cost = self.price.dollars(reply.tokens_in, reply.tokens_out)
        await scores.book_actual_cost(self.pool, day, reserved, cost, owner)
        return reply, cost

    async def _reserve(self, dollars: float, budget: float, owner: str | None) -> date:
        """The day on which the dollars are reserved."""
        reservation = await scores.reserve_budget(self.pool, dollars, budget, owner, self.owner_share * budget)
        if not reservation.within_share:
            raise PermanentError("model_budget_spent", "one student's share of today's budget for the model is spent")
        if not reservation.reserved:
            if await scores.spent_today(self.pool) + dollars > budget:
                raise PermanentError("model_budget_spent", "today's budget for the model is spent")
            raise TransientError("model_budget_reserved", "today's budget for the model is nearly spent")
        return reservation.day
