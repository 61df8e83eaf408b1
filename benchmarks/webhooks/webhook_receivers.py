"""Process of part "webhooks": receivers at addresses of their own, of which some answer at once, some late, some never.

It sends their URLs. Then, for each {"expected": count} that it receives, it sends "ready", and later the times at which
so many messages came to the fast receivers.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import uvloop
from aiohttp import web

from benchmarks.child_messages import receive, send
from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, hang, webhook_receiver


@dataclass
class _Arrivals:
    """When messages came to the fast receivers (s, by the machine's clock)."""

    expected: int = 0
    times: list[float] = field(default_factory=list)
    _complete: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, count: int) -> None:
        """Forgets earlier messages and waits for so many."""
        self.expected, self.times = count, []
        self._complete.clear()

    async def all_times(self) -> list[float]:
        """Waits for the last message and returns the times of all."""
        await self._complete.wait()
        return self.times

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.times.append(time.monotonic())
        if len(self.times) == self.expected:
            self._complete.set()
        return web.Response(status=204)


def _answer_after(seconds: float) -> Behaviour:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.Response(status=204)

    return answer


async def _serve(fast: Sequence[str], slow: Sequence[str], silent: Sequence[str], seconds: float) -> None:
    async with AsyncExitStack() as stack:

        async def start(host: str, behaviour: Behaviour) -> WebhookReceiver:
            receiver: WebhookReceiver = await stack.enter_async_context(webhook_receiver(host))
            receiver.default = behaviour
            return receiver

        arrivals = _Arrivals()
        fast_receivers = [await start(host, arrivals) for host in fast]
        others = [await start(host, _answer_after(seconds)) for host in slow]
        others += [await start(host, hang()) for host in silent]
        send({
            "fast": [receiver.url for receiver in fast_receivers],
            "others": [receiver.url for receiver in others],
        })  # fmt: skip
        while True:
            arrivals.expect((await asyncio.to_thread(receive))["expected"])
            for receiver in others:
                receiver.requests.clear()
            send("ready")
            times = await arrivals.all_times()
            send({"times": times, "others": sum(len(receiver.requests) for receiver in others)})


if __name__ == "__main__":
    uvloop.run(_serve(**receive()))
