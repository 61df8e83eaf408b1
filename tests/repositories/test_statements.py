"""Every statement fits the migrated schema."""

import pytest

from app.repositories.sql import Connection, modules, statements

ALL = [(module, name) for module in modules() for name in statements(module)]


@pytest.mark.parametrize(("module", "name"), ALL)
async def test_prepares(conn: Connection, module: str, name: str) -> None:
    await conn.prepare(statements(module)[name])


def test_finds_the_statements() -> None:
    assert len(ALL) > 40
