"""Model calls that stay unanswered until the test answers each of them."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.conditions import until
from tests.fakes.model_server import essay_of, scores


@dataclass
class HeldModelCalls:
    """A behaviour of the model server: no call is answered before the test does it. `essays` has the essay of each
    call."""

    essays: list[str] = field(default_factory=list)
    _answers: "list[asyncio.Future[int]]" = field(default_factory=list)
    _points: int | None = None

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.essays.append(essay_of(body))
        self._answers.append(answer)
        if self._points is not None:
            answer.set_result(self._points)
        return await scores(await answer)(request, body)

    async def wait_for_calls(self, count: int, seconds: float = 60.0) -> None:
        """Waits until so many calls have been made."""

        async def enough() -> bool:
            return len(self._answers) >= count

        await until(enough, seconds)

    def answer(self, number: int, points: int) -> None:
        """Answers a call, counted from 0, with these points in each dimension."""
        self._answers[number].set_result(points)

    def release_all(self, points: int) -> None:
        """Answers all calls, future ones included."""
        self._points = points
        for answer in self._answers:
            if not answer.done():
                answer.set_result(points)
