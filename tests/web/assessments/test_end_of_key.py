"""Event streams and long polls end when the API key of their caller is revoked, replaced or expires."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from app.http.app_keys import CHANGE_HUB
from app.repositories import api_keys
from app.repositories.sql import Pool
from app.services.api_keys.administration import NewApiKey
from app.services.assessments.change_hub import ChangeHub
from tests.api import Api, Reply
from tests.api_keys import new_api_key, with_key
from tests.fakes.conditions import until
from tests.web.problems import problem

SECONDS = 40.0
# Changes the key with this id; the last does so behind the server's back, as a server that Redis does not reach would.
Change = Callable[[Api, Pool, UUID], Awaitable[object]]


async def revoke(admin: Api, pool: Pool, key_id: UUID) -> None:
    """Revokes over HTTP."""
    assert (await admin.delete(f"/api-keys/{key_id}")).status == 204


async def rotate(admin: Api, pool: Pool, key_id: UUID) -> None:
    """Replaces the key without overlap."""
    assert (await admin.post(f"/api-keys/{key_id}/rotate", {"overlap_seconds": 0})).status == 201


async def revoke_unheard(admin: Api, pool: Pool, key_id: UUID) -> None:
    """Revokes in the database alone."""
    assert await api_keys.revoke(pool, key_id)


changes = pytest.mark.parametrize("change", [revoke, rotate, revoke_unheard])


async def ask(api: Api, path: str) -> Reply:
    """The whole answer, which must end some time."""
    async with asyncio.timeout(SECONDS):
        return await api.get(path)


async def wait_for_waiters(api: Api, count: int) -> None:
    """Returns when so many clients wait."""
    hub: ChangeHub = api.client.app[CHANGE_HUB]

    async def wait() -> bool:
        return sum(len(watched.waits) for watched in hub._watched.values()) == count

    await until(wait)


@changes
async def test_both_end_with_their_key_and_no_other(api: Api, path: str, pool: Pool, change: Change) -> None:
    ended, other = [await new_api_key(pool, "advisor") for _ in range(2)]
    waiting = [
        asyncio.create_task(ask(with_key(api, made.key), f"{path}{end}"))
        for made in (ended, other)
        for end in ("/events", "/status?wait=60")
    ]
    await wait_for_waiters(api, 4)
    await change(api.as_("admin"), pool, ended.record.key_id)
    stream, poll = await asyncio.gather(*waiting[:2])
    assert stream.status == 200 and stream.raw.count(b"event: status") == 1
    assert problem(poll, 401, "unauthenticated")["detail"] == "the token is not valid any more"
    await wait_for_waiters(api, 2)
    await revoke(api.as_("admin"), pool, other.record.key_id)
    assert [reply.status for reply in await asyncio.gather(*waiting[2:])] == [200, 401]


async def test_a_stream_ends_when_its_key_expires(api: Api, path: str, pool: Pool) -> None:
    made: NewApiKey = await new_api_key(pool, "advisor", lifetime=timedelta(seconds=2))
    stream = await ask(with_key(api, made.key), f"{path}/events")
    late = time.time() - made.record.expires_at.timestamp()
    assert stream.raw.count(b"event: status") == 1
    assert late >= 0
