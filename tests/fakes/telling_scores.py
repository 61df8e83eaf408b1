"""A model that never gives an essay the same points twice, so that a score tells of which call it is."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.model_server import essay_of, scores

_MOST_POINTS = 25


@dataclass
class TellingScores:
    """A behaviour of the model server: an answer after some time between `least` and `most` seconds.

    `calls` counts those about each essay.
    """

    chance: random.Random
    least: float
    most: float
    calls: Counter[str] = field(default_factory=Counter)

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        essay = essay_of(body)
        points = _MOST_POINTS - self.calls[essay] % (_MOST_POINTS + 1)
        self.calls[essay] += 1
        await asyncio.sleep(self.chance.uniform(self.least, self.most))
        return await scores(points)(request, body)
