"""Plans of statements, as they serve any arguments, and what is read by them."""

import json
from collections.abc import Iterator
from typing import Any

from app.repositories.sql import Connection


async def generic_plan(conn: Connection, statement: str) -> dict[str, Any]:
    """The plan that serves any arguments: what a prepared statement gets from its sixth execution on."""
    prepared = await conn.prepare(statement)
    arguments = ", ".join(["NULL"] * len(prepared.get_parameters()))
    await conn.execute(f"PREPARE explained AS {statement}")
    try:
        execute = f"explained({arguments})" if arguments else "explained"
        rows = await conn.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {execute}")
    finally:
        await conn.execute("DEALLOCATE explained")
    return _plan(rows)


async def executed_plan(conn: Connection, statement: str, *arguments: Any) -> dict[str, Any]:
    """The same plan with how many rows each node has read; what the statement writes is rolled back."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        rows = await conn.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments)
    finally:
        await transaction.rollback()
    return _plan(rows)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node and all below it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def _plan(rows: Any) -> dict[str, Any]:
    [explained] = json.loads(rows) if isinstance(rows, str) else rows
    plan: dict[str, Any] = explained["Plan"]
    return plan
