"""A model provider that obeys whatever part of an essay it finds outside of the field that essays belong in."""

import json
from typing import Any

from aiohttp import web

from tests.fakes.model_server import DIMENSIONS, says

FULL, MIDDLING = 25, 12
# A shorter piece of an essay may stand in any text.
PIECE = 20
_KEYS = {"question", "rubric", "reference_answer", "essay"}
_ROLES = ["system", "user"]


class ObeyingGrader:
    """A behaviour of `ModelServer`: full points where a piece of the `attack` is read as instructions, else middling
    ones. A field is no border to it unless the user message is one JSON object with the agreed keys, each once."""

    def __init__(self, attack: str = "", known: str = "") -> None:
        self.attack = attack
        """The essay as its student saved it."""
        self.known = known
        """What is asked without any essay. An essay may use the same words."""

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        dimension = {"findings": [], "quotes": [], "rationale": "Read.", "score": self.points(body)}
        return says(json.dumps(dict.fromkeys(DIMENSIONS, dimension)))(request, body)

    def points(self, body: dict[str, Any]) -> int:
        """What it gives for a request, in each dimension."""
        essay, instructions = _divided(body)
        reached = any(_reaches(text, instructions, self.known) for text in (self.attack, essay))
        return FULL if reached else MIDDLING


def _divided(body: dict[str, Any]) -> tuple[str, str]:
    """The essay in its field, if there is one, and everything else, which is obeyed."""
    messages = body["messages"]
    everything = "\n".join(_texts(body))
    if [message["role"] for message in messages] != _ROLES:
        return "", everything
    try:
        data = json.loads(messages[1]["content"], object_pairs_hook=_without_duplicates)
    except ValueError:
        return "", everything
    if not isinstance(data, dict) or set(data) != _KEYS or not isinstance(data["essay"], str):
        return "", everything
    rest = {**body, "messages": [messages[0], {**data, "essay": ""}]}
    return data["essay"], "\n".join(_texts(rest))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; ValueError where a key stands in it twice, since nobody knows which of the two a model reads."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands there twice")
    return dict(pairs)


def _texts(value: Any) -> list[str]:
    """All texts in a JSON value, keys included, as a model reads them."""
    if isinstance(value, str):
        return [value]
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for one in inner for text in _texts(one)]


def _reaches(essay: str, instructions: str, known: str) -> bool:
    """Whether a piece of the essay, or all of a shorter one, stands in the instructions, and not in what is known."""
    length = min(PIECE, len(essay))
    brought = _pieces(essay, length) - _pieces(known, length)
    return length > 0 and not brought.isdisjoint(_pieces(instructions, length))


def _pieces(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}
