"""The last use of a key is written outside of requests, and at most once a minute."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from app.repositories.sql import Pool
from app.services.api_keys.key_uses import KeyUses
from app.wiring.pool import open_pool
from tests.api_keys import new_api_key
from tests.fakes.breakable_proxy import breakable_proxy
from tests.fakes.counting_proxy import Statements, counting_proxy


@dataclass
class Clock:
    """A clock that the test turns."""

    now: float = field(default_factory=lambda: float(round(time.time())))

    def __call__(self) -> float:
        return self.now


async def last_use(pool: Pool, key_id: UUID) -> float | None:
    """When the key was last used, as far as is recorded."""
    at: datetime | None = await pool.fetchval("SELECT last_used_at FROM api_keys WHERE id = $1", key_id)
    return at.timestamp() if at else None


async def versions(pool: Pool, key_id: UUID) -> str:
    """A text that changes with each write of the row."""
    text: str = await pool.fetchval("SELECT xmin::text || ctid::text FROM api_keys WHERE id = $1", key_id)
    return text


async def test_the_first_use_is_recorded_and_the_next_a_minute_later(pool: Pool) -> None:
    key_id, clock = (await new_api_key(pool, "admin")).record.key_id, Clock()
    uses, start = KeyUses(pool, clock), clock.now
    assert await last_use(pool, key_id) is None
    recorded, written = [], set()
    for second in range(0, 181, 10):
        clock.now = start + second
        for _ in range(100):
            uses.note(key_id)
        await uses.record()
        written.add(await versions(pool, key_id))
        at = await last_use(pool, key_id)
        assert at is not None
        recorded.append(round(at - start))
        assert 0 <= clock.now - at < 60
    assert sorted(set(recorded)) == [0, 60, 120, 180]
    assert len(written) == 4


async def test_of_two_processes_only_one_records_within_a_minute(pool: Pool) -> None:
    key_id, clock = (await new_api_key(pool, "admin")).record.key_id, Clock()
    first, second = KeyUses(pool, clock), KeyUses(pool, clock)
    first.note(key_id)
    await first.record()
    written = await versions(pool, key_id)
    clock.now += 30
    second.note(key_id)
    await second.record()
    assert await versions(pool, key_id) == written
    clock.now += 61
    second.note(key_id)
    await second.record()
    assert await versions(pool, key_id) != written


async def test_a_use_takes_no_statement_and_many_together_one(database_url: str, pool: Pool) -> None:
    key_ids = [(await new_api_key(pool, "admin")).record.key_id for _ in range(20)]
    statements = Statements()
    async with counting_proxy(database_url, statements) as url, open_pool(url, "tests", 2) as counted:
        uses = KeyUses(counted)
        for _ in range(1000):
            for key_id in key_ids:
                uses.note(key_id)
        assert statements.executed == []
        for _ in range(5):
            await uses.record()
            for key_id in key_ids:
                uses.note(key_id)
        assert ["UPDATE api_keys" in text for text in statements.executed].count(True) == 1
    assert None not in [await last_use(pool, key_id) for key_id in key_ids]


async def test_what_cannot_be_recorded_is_kept_for_later(database_url: str, pool: Pool) -> None:
    key_id, clock = (await new_api_key(pool, "admin")).record.key_id, Clock()
    async with breakable_proxy(database_url) as proxy, open_pool(proxy.url, "tests", 1) as broken:
        uses = KeyUses(broken, clock)
        proxy.cut()
        uses.note(key_id)
        used = clock.now
        await uses.record()
        await proxy.restore()
        clock.now += 5
        await uses.record()
    assert await last_use(pool, key_id) == datetime.fromtimestamp(used, UTC).timestamp()
