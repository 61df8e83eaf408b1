"""SQL statements without one of their guards, for tests that show what goes wrong without it."""

from dataclasses import dataclass
from typing import Any, cast

from app.repositories.sql import Executor, Pool, modules, statements


@dataclass(frozen=True)
class _Unguarded:
    pool: Pool
    guard: str
    replacement: str

    async def fetch(self, statement: str, *values: Any) -> Any:
        return await self.pool.fetch(self._without(statement), *values)

    async def fetchrow(self, statement: str, *values: Any) -> Any:
        return await self.pool.fetchrow(self._without(statement), *values)

    async def fetchval(self, statement: str, *values: Any) -> Any:
        return await self.pool.fetchval(self._without(statement), *values)

    def _without(self, statement: str) -> str:
        assert statement.count(self.guard) <= 1, "the guard occurs more than once"
        return statement.replace(self.guard, self.replacement)


def without_guard(pool: Pool, guard: str, replacement: str) -> Executor:
    """An executor that runs each statement with `replacement` in place of `guard`."""
    assert any(guard in text for module in modules() for text in statements(module).values()), "there is no such guard"
    return cast(Executor, _Unguarded(pool, guard, replacement))


def without_fence(pool: Pool) -> Executor:
    """An executor that runs each statement without its check of the fence."""
    return without_guard(pool, "AND fence = $2", "AND $2::bigint IS NOT NULL")
