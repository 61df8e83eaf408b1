"""Every statement fits the migrated schema."""

import asyncpg

from app.repositories.sql import Connection, modules, statements

ALL = {f"{module}.{name}": text for module in modules() for name, text in statements(module).items()}


async def test_every_statement_prepares(conn: Connection) -> None:
    wrong = {}
    for name, text in ALL.items():
        try:
            await conn.prepare(text)
        except asyncpg.PostgresError as error:
            wrong[name] = error
    assert wrong == {}


def test_finds_the_statements() -> None:
    assert len(ALL) > 40
