"""The small track."""

import pytest

from app.repositories.sql import Pool
from tests.bank import Bank, create_bank


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await create_bank(pool)
