"""Receivers of webhooks, each at an address of its own: some answer at once, some late, and some never."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import uvloop
from aiohttp import web

from benchmarks.child_messages import say, told
from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, hang, webhook_receiver


@dataclass
class _Arrivals:
    """When messages came to the fast receivers, by the machine's clock (s)."""

    expected: int = 0
    at: list[float] = field(default_factory=list)
    _all_there: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, count: int) -> None:
        """Begins anew."""
        self.expected, self.at = count, []
        self._all_there.clear()

    async def all_there(self) -> list[float]:
        """When they came, once they all have."""
        await self._all_there.wait()
        return self.at

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.at.append(time.monotonic())
        if len(self.at) == self.expected:
            self._all_there.set()
        return web.Response(status=204)


def _late(seconds: float) -> Behaviour:
    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.Response(status=204)

    return behave


async def _serve(fast: Sequence[str], slow: Sequence[str], silent: Sequence[str], seconds: float) -> None:
    async with AsyncExitStack() as stack:

        async def opened(host: str, behaviour: Behaviour) -> WebhookReceiver:
            receiver: WebhookReceiver = await stack.enter_async_context(webhook_receiver(host))
            receiver.default = behaviour
            return receiver

        arrivals = _Arrivals()
        quick = [await opened(host, arrivals) for host in fast]
        others = [await opened(host, _late(seconds)) for host in slow]
        others += [await opened(host, hang()) for host in silent]
        say({"fast": [each.url for each in quick], "others": [each.url for each in others]})
        while True:
            arrivals.expect((await asyncio.to_thread(told))["expected"])
            for each in others:
                each.requests.clear()
            say("ready")
            say({"at": await arrivals.all_there(), "others": sum(len(each.requests) for each in others)})


if __name__ == "__main__":
    uvloop.run(_serve(**told()))
