"""A sender of webhooks as the tests want it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

from aiohttp.abc import AbstractResolver

from app.clients.webhook_sender import WebhookSender
from app.domain.webhook.delivery import SendResult

LOOPBACK = ("127.0.0.0/8", "::1/128")
BODY = '{"type": "assessment.completed", "data": "ü\\u0000"}'.encode()
HEADERS = {"Content-Type": "application/json", "webhook-id": "msg_1"}


@asynccontextmanager
async def sender(
    *allowed: str, resolver: AbstractResolver | None = None, seconds: float = 20, allow_http: bool = True
) -> AsyncIterator[WebhookSender]:
    """A sender that may reach the allowed networks."""
    networks = [ip_network(each) for each in allowed]
    one = WebhookSender(seconds=seconds, allow_http=allow_http, allowed=networks, resolver=resolver)
    try:
        yield one
    finally:
        await one.close()


async def send_once(
    url: str, *allowed: str, resolver: AbstractResolver | None = None, seconds: float = 20, allow_http: bool = True
) -> SendResult:
    """What a sender of its own makes of one request."""
    async with sender(*allowed, resolver=resolver, seconds=seconds, allow_http=allow_http) as one:
        return await one.send(url, HEADERS, BODY)
