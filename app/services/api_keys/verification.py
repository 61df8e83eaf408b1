"""Accepting API keys: the caller with a key, and the end of waits that were begun with one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn
from uuid import UUID

from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.clients.redis.key_feed import KeyFeed
from app.domain.api_key import InvalidApiKey, has_hash, id_in_sub, id_of, sub_of
from app.domain.records.api_keys import KeyCredential
from app.lifecycle import running
from app.outages import REDIS
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.api_keys.key_uses import KeyUses
from app.services.api_keys.known_keys import KnownKeys
from app.services.assessments.change_hub import ChangeHub
from app.services.caller import Caller

# Seconds between two looks at the keys of clients that wait. Most looks read nothing.
_LOOK_SECONDS = 0.5


class ApiKeyVerifier:
    """Turns API keys into callers, and ends what waits in `change_hub` on behalf of a key that is no longer valid."""

    def __init__(self, pool: Pool, feed: KeyFeed, change_hub: ChangeHub) -> None:
        self._feed = feed
        self._change_hub = change_hub
        self.known = KnownKeys(pool, feed)
        self.uses = KeyUses(pool)

    async def verify(self, key: str) -> Caller:
        """The caller with this key.

        Raises:
            InvalidApiKey: it is not accepted. The message says why, for the log only.
            Errors of `DATABASE_UNAVAILABLE`.
        """
        key_id = id_of(key)
        credential = await self.known.find(key_id)
        # Compared before anything else is looked at, so that only who has the key can learn the rest from the time.
        is_right = has_hash(key, credential.key_hash if credential else None)
        if credential is None:
            raise InvalidApiKey(f"there is no API key {key_id}")
        if not is_right:
            raise InvalidApiKey(f"the secret of the API key {key_id} is wrong")
        reason = _reason_against(credential)
        if reason:
            raise InvalidApiKey(reason)
        self.uses.note(key_id)
        return Caller(sub_of(key_id), credential.roles, credential.expires_at)

    async def publish_change(self, key_id: UUID) -> None:
        """Has this process read a changed key again at once, and the others as soon as they hear of it."""
        self.known.forget([key_id])
        try:
            await self._feed.publish(key_id)
        except REDIS_UNAVAILABLE as error:
            # They read it again within a few seconds.
            REDIS.report(error, "publishing a change of an API key")

    async def run_checks(self) -> NoReturn:
        """Ends the waits of clients whose key is revoked or has expired, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            ids = {sub: key_id for sub in self._change_hub.callers if (key_id := id_in_sub(sub))}
            await asyncio.gather(*(self._end_if_invalid(sub, key_id) for sub, key_id in ids.items()))

    async def _end_if_invalid(self, sub: str, key_id: UUID) -> None:
        try:
            credential = await self.known.find(key_id)
        except DATABASE_UNAVAILABLE:
            # Reported where keys are read. There is no news for those who wait either.
            return
        if credential is None or _reason_against(credential):
            self._change_hub.end_waits_of(sub)


def _reason_against(credential: KeyCredential) -> str | None:
    if credential.revoked:
        return f"the API key {credential.key_id} is revoked"
    if credential.expires_at <= time.time():
        return f"the API key {credential.key_id} has expired"
    return None


@asynccontextmanager
async def open_key_verifier(pool: Pool, feed: KeyFeed, change_hub: ChangeHub) -> AsyncIterator[ApiKeyVerifier]:
    """A verifier whose tasks run while the block runs."""
    verifier = ApiKeyVerifier(pool, feed, change_hub)
    work = verifier.known.run_reads, verifier.known.run_subscription, verifier.run_checks, verifier.uses.run
    async with running(*work, failed="api_key_task_failed"):
        yield verifier
