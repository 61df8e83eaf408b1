"""A key that is revoked while it is in use at two servers is not accepted after the promised time, with Redis or
without."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field

import aiohttp
import pytest

from app.http.tokens import issue_token
from app.repositories.sql import Pool
from app.settings import load_settings
from tests.api_keys import new_api_key
from tests.conftest import SECRET
from tests.faults.fault_servers import FaultServers
from tests.faults.processes import Fleet

REQUESTS_PER_SECOND = 200
# Seconds after a revocation from which no server accepts the key, with Redis and without.
WITH_REDIS, WITHOUT_REDIS = 1.0, 5.0
# Answers to a request that needs a valid token and, beyond that, nothing: its query is wrong.
PATH, ACCEPTED, REFUSED = "/tracks?limit=0", 400, 401


@dataclass
class Requests:
    """Sends requests with a key to all servers by turns, and notes for each the server, when it was sent, and what was
    answered; `late` is the longest time that a request left after its turn, on a busy machine."""

    session: aiohttp.ClientSession
    urls: list[str]
    key: str
    answers: list[tuple[str, float, int]] = field(default_factory=list)
    late: float = 0.0

    async def send_until(self, end: float) -> None:
        """Sends at a steady rate until `end` (event loop time) and returns when everything is answered."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            start = loop.time()
            for number, url in enumerate(itertools.cycle(self.urls)):
                turn = start + number / REQUESTS_PER_SECOND
                await asyncio.sleep(turn - loop.time())
                self.late = max(self.late, loop.time() - turn)
                if loop.time() >= end:
                    return
                group.create_task(self._send(url))

    def statuses(self, url: str, since: float = 0.0) -> set[int]:
        """What this server has answered to requests sent since then (Unix seconds)."""
        return {status for server, sent_at, status in self.answers if server == url and sent_at >= since}

    async def _send(self, url: str) -> None:
        sent_at = time.time()
        async with self.session.get(url + PATH, headers={"Authorization": f"Bearer {self.key}"}) as answer:
            self.answers.append((url, sent_at, answer.status))


@pytest.mark.parametrize(("redis", "bound"), [(True, WITH_REDIS), (False, WITHOUT_REDIS)])
async def test_a_revoked_key_is_refused_everywhere_in_time(
    fleet: Fleet, fault_servers: FaultServers, pool: Pool, redis_url: str, redis: bool, bound: float
) -> None:
    await fleet.start(servers=2, workers=0)
    if not redis:
        await fault_servers.end_redis()
    made, loop = await new_api_key(pool, "admin"), asyncio.get_running_loop()
    admin = f"Bearer {issue_token(load_settings(jwt_secret=SECRET), 'ada', ['admin'], 600)}"
    async with aiohttp.ClientSession() as session:
        requests = Requests(session, fleet.urls, made.key)
        sending = asyncio.create_task(requests.send_until(loop.time() + 1.5 + bound + 1.0))
        await asyncio.sleep(1.5)
        path = f"{fleet.urls[0]}/api-keys/{made.record.key_id}"
        async with session.delete(path, headers={"Authorization": admin}) as answer:
            assert answer.status == 204
            revoked_at = time.time()
        await sending
    for url in fleet.urls:
        assert requests.statuses(url) == {ACCEPTED, REFUSED}
        assert requests.statuses(url, since=revoked_at + bound + requests.late) <= {REFUSED}
    # The server that has revoked it needs no message.
    assert requests.statuses(fleet.urls[0], since=revoked_at) == {REFUSED}
    refused = [line for line in fleet.log_lines_with('"token_refused"') if str(made.record.key_id) in line]
    assert len(refused) == sum(status == REFUSED for _, _, status in requests.answers)
    assert fleet.log_lines_with(made.key, made.key[-72:-8]) == []
