"""What a process remembers of API keys: for how long, until which message, and how few statements that takes."""

import asyncio
from uuid import UUID, uuid4

import pytest

from app.clients.redis.key_feed import KeyFeed
from app.domain.records.api_keys import KeyCredential
from app.lifecycle import cancel_and_wait
from app.repositories import api_keys
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.api_keys import known_keys
from app.services.api_keys.known_keys import MAX_AGE, KnownKeys
from app.wiring.pool import open_pool
from tests.api_keys import new_api_key
from tests.fakes.breakable_proxy import breakable_proxy
from tests.fakes.conditions import until
from tests.fakes.counting_proxy import Statements, counting_proxy
from tests.fakes.held_postgres_response import hold_postgres_response

PROMISED_SECONDS = 5.0
READ = "FROM api_keys WHERE id = ANY"


async def find(known: KnownKeys, key_id: UUID) -> KeyCredential | None:
    """What is known of a key, also if a busy machine takes too long to read it at first."""
    while True:
        try:
            return await known.find(key_id)
        except DATABASE_UNAVAILABLE:
            continue


async def test_a_revocation_that_nobody_hears_of_is_noticed_in_time(known: KnownKeys, pool: Pool) -> None:
    key_id = (await new_api_key(pool, "admin")).record.key_id
    loop = asyncio.get_running_loop()
    before = await find(known, key_id)
    assert before and not before.revoked
    await api_keys.revoke(pool, key_id)
    revoked_at = loop.time()

    last_asked_in_vain = 0.0

    async def is_revoked() -> bool:
        nonlocal last_asked_in_vain
        asked_at, entry = loop.time(), await find(known, key_id)
        revoked = entry is not None and entry.revoked
        if not revoked:
            last_asked_in_vain = asked_at
        return revoked

    await until(is_revoked)
    assert last_asked_in_vain - revoked_at <= MAX_AGE
    assert MAX_AGE + known_keys._READ_SECONDS < PROMISED_SECONDS


async def test_a_published_change_is_seen_at_once(known: KnownKeys, feed: KeyFeed, pool: Pool) -> None:
    key_id = (await new_api_key(pool, "admin")).record.key_id

    async def forgotten() -> bool:
        return key_id not in known._entries

    await find(known, key_id)
    subscription = asyncio.create_task(known.run_subscription())
    # Once it is subscribed, it forgets what may have changed before.
    await until(forgotten)
    await find(known, key_id)
    await api_keys.revoke(pool, key_id)
    await feed.publish(key_id)
    await until(forgotten, 1.0)
    entry = await find(known, key_id)
    assert entry and entry.revoked
    await cancel_and_wait(subscription)


async def test_a_read_that_began_before_a_change_is_not_used(database_url: str, pool: Pool, feed: KeyFeed) -> None:
    """Its statement may have run before the revocation was committed."""
    key_id, other = [(await new_api_key(pool, "admin")).record.key_id for _ in range(2)]
    async with hold_postgres_response(database_url, READ.encode()) as (url, held), open_pool(url, "tests", 1) as slow:
        known = KnownKeys(slow, feed)
        reads = asyncio.create_task(known.run_reads())
        await find(known, other)
        finding = asyncio.create_task(find(known, key_id))
        await held.sent.wait()
        await api_keys.revoke(pool, key_id)
        known.forget([key_id])
        held.release()
        entry = await finding
        assert entry and entry.revoked
        await cancel_and_wait(reads)


async def test_many_requests_take_one_statement(database_url: str, pool: Pool, feed: KeyFeed) -> None:
    """Also when their keys are invented, so that they cannot take all connections."""
    made = await new_api_key(pool, "admin")
    statements = Statements()
    async with counting_proxy(database_url, statements) as url, open_pool(url, "tests", 20) as counted:
        known = KnownKeys(counted, feed)
        reads = asyncio.create_task(known.run_reads())
        ids = [made.record.key_id, *(uuid4() for _ in range(500))]
        keys = await asyncio.gather(*(known.find(key_id) for key_id in ids * 3))
        assert [key is not None for key in keys] == [key_id == made.record.key_id for key_id in ids * 3]
        assert [READ in text for text in statements.executed].count(True) == 1
        assert counted.get_size() == 1
        await cancel_and_wait(reads)


async def test_invented_keys_do_not_fill_the_memory(known: KnownKeys) -> None:
    for _ in range(12):
        await asyncio.gather(*(known.find(uuid4()) for _ in range(1000)))
    assert len(known._entries) == 10_000 and not known._requests


async def test_without_postgres_no_key_is_accepted_for_longer(database_url: str, pool: Pool, feed: KeyFeed) -> None:
    key_id = (await new_api_key(pool, "admin")).record.key_id
    async with breakable_proxy(database_url) as proxy, open_pool(proxy.url, "tests", 2) as broken:
        known = KnownKeys(broken, feed)
        reads = asyncio.create_task(known.run_reads())
        assert await find(known, key_id)
        proxy.cut()
        loop = asyncio.get_running_loop()
        cut_at = asked_at = loop.time()
        with pytest.raises(DATABASE_UNAVAILABLE):
            while asked_at < cut_at + PROMISED_SECONDS:
                asked_at = loop.time()
                assert await known.find(key_id)
                await asyncio.sleep(0.05)
        await proxy.restore()

        async def back() -> bool:
            try:
                return await known.find(key_id) is not None
            except DATABASE_UNAVAILABLE:
                return False

        await until(back)
        await cancel_and_wait(reads)
