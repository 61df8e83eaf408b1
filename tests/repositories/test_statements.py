"""Every statement fits the migrated schema, and is used."""

from pathlib import Path

import asyncpg

from app import repositories
from app.repositories.sql import Connection, modules, statements

REPOSITORIES = Path(repositories.__file__).parent
ALL = {f"{module}.{name}": text for module in modules() for name, text in statements(module).items()}


async def test_every_statement_prepares(conn: Connection) -> None:
    errors = {}
    for name, text in ALL.items():
        try:
            await conn.prepare(text)
        except asyncpg.PostgresError as error:
            errors[name] = error
    assert errors == {}


def test_every_statement_is_used() -> None:
    assert len(ALL) > 90
    code = {path.stem: path.read_text("utf-8") for path in REPOSITORIES.rglob("*.py")}
    unused = [name for name in ALL if f'"{name.split(".")[1]}"' not in code[name.split(".")[0]]]
    assert unused == []
