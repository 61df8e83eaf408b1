"""Webhook senders for tests, and single requests with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

from aiohttp.abc import AbstractResolver

from app.clients.webhook_sender import WebhookSender
from app.domain.webhook.retry_policy import SendResult

LOOPBACK = ("127.0.0.0/8", "::1/128")
BODY = '{"type": "assessment.completed", "data": "ü\\u0000"}'.encode()
HEADERS = {"Content-Type": "application/json", "webhook-id": "msg_1"}


@asynccontextmanager
async def open_sender(
    *allowed: str,
    resolver: AbstractResolver | None = None,
    seconds: float = 20,
    lookup_seconds: float = 5,
    allow_http: bool = True,
) -> AsyncIterator[WebhookSender]:
    """A sender that may reach the allowed networks though they are not public."""
    networks = [ip_network(network) for network in allowed]
    sender = WebhookSender(
        seconds=seconds, allow_http=allow_http, allowed=networks, resolver=resolver, lookup_seconds=lookup_seconds
    )
    try:
        yield sender
    finally:
        await sender.close()


async def send(
    url: str, *allowed: str, resolver: AbstractResolver | None = None, seconds: float = 20, allow_http: bool = True
) -> SendResult:
    """The result of one request by a new sender."""
    async with open_sender(*allowed, resolver=resolver, seconds=seconds, allow_http=allow_http) as sender:
        return await sender.send(url, HEADERS, BODY)
