"""A model that gives each essay fewer points from call to call, so that a score shows which call it comes from."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.model_server import essay_of, scores

_MAX_POINTS = 25


@dataclass
class DescendingScores:
    """A behaviour of the model server: an answer after a random time between `least` and `most` seconds.

    `calls` counts the calls about each essay.
    """

    chance: random.Random
    least: float
    most: float
    calls: Counter[str] = field(default_factory=Counter)

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        essay = essay_of(body)
        points = _MAX_POINTS - self.calls[essay] % (_MAX_POINTS + 1)
        self.calls[essay] += 1
        await asyncio.sleep(self.chance.uniform(self.least, self.most))
        return await scores(points)(request, body)
