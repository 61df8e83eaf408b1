"""Long polls of an assessment's status, through cut connections and restarts of the service."""

import random
from collections.abc import AsyncGenerator
from uuid import UUID

from assay_client.errors import AssayUnavailable
from assay_client.models import Status
from assay_client.transport import Request, Response, Transport

# Seconds of one long poll. Proxies cut silent connections after 30 or more; the range spreads clients that began
# together.
_WAIT = (20, 25)
# An unchanged status before this many seconds means that the server did not wait.
_EARLY_SECONDS = 5.0


async def poll_status(transport: Transport, assessment_id: UUID) -> AsyncGenerator[Status, None]:
    """Yields the status now and after each change, until it is final and no run is under way."""
    path = f"/assessments/{assessment_id}/status"
    etag: str | None = None
    early_polls = 0
    while True:
        started = transport.clock.now()
        response = await _poll(transport, path, etag)
        previous, etag = etag, response.headers.get("ETag", etag)
        if response.status != 304 and (previous is None or previous != etag):
            early_polls = 0
            status = response.parse(Status)
            yield status
            if status.final and not status.rescoring:
                return
        elif transport.clock.now() - started < _EARLY_SECONDS:
            # A server that shuts down ends its long polls early; one that never waits must not be polled in a tight
            # loop.
            early_polls += 1
            await transport.clock.sleep(transport.pacing.pause(early_polls, response.retry_after))
        else:
            early_polls = 0


async def _poll(transport: Transport, path: str, etag: str | None) -> Response:
    """The status when it differs from the tag, or 304 after the wait."""
    if etag is not None:
        try:
            wait = random.randint(*_WAIT)  # noqa: S311 - nothing secret
            return await transport.send(Request("GET", path, etag=etag, wait=wait, retry=False))
        except AssayUnavailable as error:
            retry_after = error.problem.retry_after
        if retry_after is not None:
            await transport.clock.sleep(transport.pacing.pause(1, retry_after))
    # Without a wait and with retries: a proxy that cuts every long poll does not make the service unavailable.
    return await transport.send(Request("GET", path, etag=etag))
