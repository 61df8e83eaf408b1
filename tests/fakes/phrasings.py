"""What a provider may answer that is asked to phrase a summary."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.model_server import Behaviour, ModelServer, says, scores

# Beginnings of plain sentences, and others for the same.
HONEST = {
    "You earned": "In total, you earned",
    "Your theory answers earned": "For theory, you earned",
    "Your essay answers earned": "With your essays you earned",
    "You showed most of": "You did best in",
    "A good next step is": "Consider",
}


def is_summary(body: dict[str, Any]) -> bool:
    """Whether a recorded request is about a summary."""
    name: str = body["response_format"]["json_schema"]["name"]
    return name == "summary"


def summaries_asked(server: ModelServer) -> list[dict[str, Any]]:
    """The recorded requests about summaries."""
    return [body for body in server.requests if is_summary(body)]


def phrases(
    beginnings: Mapping[str, str], change: Callable[[dict[str, Any]], dict[str, Any]] = lambda told: told
) -> Behaviour:
    """Sentences with other beginnings, the first that fits, each changed once more; essays get good scores."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if not is_summary(body):
            return await scores(20)(request, body)
        facts = json.loads(body["messages"][1]["content"])["facts"]
        return says(json.dumps({"sentences": [change(_told(fact, beginnings)) for fact in facts]}))(request, body)

    return behave


def only_summaries(behaviour: Behaviour) -> Behaviour:
    """This for summaries, good scores for essays."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return await (behaviour if is_summary(body) else scores(20))(request, body)

    return behave


@dataclass
class Held:
    """Phrases honestly, but not before it is let go."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if is_summary(body):
            self.reached.set()
            await self.go.wait()
        return await phrases(HONEST)(request, body)


def _told(fact: dict[str, Any], beginnings: Mapping[str, str]) -> dict[str, Any]:
    plain: str = fact["sentence"]
    other = next(
        (other + plain.removeprefix(each) for each, other in beginnings.items() if plain.startswith(each)), plain
    )
    return {"number": fact["number"], "text": other, "sources": fact["sources"]}
