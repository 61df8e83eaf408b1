"""Of whom something is stored: whoever is in any column of any table."""

from uuid import uuid4

import pytest

from app.domain.errors import NotFound
from app.repositories import people
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.services.person_with_everything import SUB, everything

# Of texts, since people are stored as texts.
TEXT_COLUMNS = """
SELECT table_name AS table, column_name AS column
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_type = 'BASE TABLE' AND table_schema = 'public' AND data_type IN ('text', 'character varying')
  AND table_name !~ 'yoyo'
"""


async def test_a_person_is_known_by_any_column_of_any_table(pool: Pool, bank: Bank) -> None:
    await everything(pool, bank)
    async with pool.acquire() as conn:
        await conn.execute("INSERT INTO erasures (id, person, person_key) VALUES ($1, $2, '')", uuid4(), SUB)
        holders = [
            (row["table"], row["column"])
            for row in await conn.fetch(TEXT_COLUMNS)
            if await conn.fetchval(
                f'SELECT EXISTS (SELECT FROM "{row["table"]}" WHERE "{row["column"]}" = $1)',  # noqa: S608
                SUB,
            )
        ]
        assert len(holders) >= 10
        for kept in [*holders, None]:
            transaction = conn.transaction()
            await transaction.start()
            for table, column in holders:
                if (table, column) != kept:
                    await conn.execute(
                        f'UPDATE "{table}" SET "{column}" = $2 WHERE "{column}" = $1',  # noqa: S608
                        SUB, "somebody else",
                    )  # fmt: skip
            if kept is None:
                with pytest.raises(NotFound):
                    await people.check_stored(conn, SUB)
            else:
                await people.check_stored(conn, SUB)
            await transaction.rollback()
