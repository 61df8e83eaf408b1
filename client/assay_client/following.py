"""Following an assessment by long polls, through cut connections and restarts of the service."""

import random
from collections.abc import AsyncGenerator
from uuid import UUID

from assay_client.errors import AssayUnavailable
from assay_client.models import Status
from assay_client.transport import Answer, Call, Transport

# Seconds of one poll: proxies cut silent connections after 30 or more, and clients that began together drift apart.
_WAIT = (20, 25)
# A poll that waited so long has not been hurried, whatever it was answered.
_UNHURRIED = 5.0


def settled(status: Status) -> bool:
    """Whether nothing changes any more by itself."""
    return status.final and not status.rescoring


async def follow(transport: Transport, assessment_id: UUID) -> AsyncGenerator[Status, None]:
    """The status now and after each change, as `AssayClient.follow` has it."""
    path = f"/assessments/{assessment_id}/status"
    tag: str | None = None
    fruitless = 0
    while True:
        began = transport.clock.now()
        answer = await _next(transport, path, tag)
        known, tag = tag, answer.headers.get("ETag", tag)
        if answer.status != 304 and (known is None or known != tag):
            fruitless = 0
            status = answer.read(Status)
            yield status
            if settled(status):
                return
        elif transport.clock.now() - began < _UNHURRIED:
            # A server that stops answers those who wait; one that never waits must not be asked without a pause.
            fruitless += 1
            await transport.clock.sleep(transport.pacing.pause(fruitless, answer.retry_after))
        else:
            fruitless = 0


async def _next(transport: Transport, path: str, tag: str | None) -> Answer:
    """The status once it differs from the tag, or 304 after a while."""
    if tag is not None:
        try:
            wait = random.randint(*_WAIT)  # noqa: S311 - nobody guesses at it
            return await transport.call(Call("GET", path, tag=tag, wait=wait, once=True))
        except AssayUnavailable as cut:
            asked = cut.problem.retry_after
        if asked is not None:
            await transport.clock.sleep(transport.pacing.pause(1, asked))
    # What cuts only polls that wait, such as an impatient proxy, does not count as the service being away.
    return await transport.call(Call("GET", path, tag=tag))
