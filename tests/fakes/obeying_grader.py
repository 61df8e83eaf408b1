"""A model provider that obeys every part of an essay that is outside of the essay's field."""

import json
from typing import Any

from aiohttp import web

from tests.fakes.model_server import DIMENSIONS, completion

FULL, MIDDLING = 25, 12
# A shorter piece of an essay may occur in any text.
PIECE = 20
_KEYS = {"question", "rubric", "reference_answer", "essay"}
_ROLES = ["system", "user"]


class ObeyingGrader:
    """A behaviour of `ModelServer`: full points if a piece of the `attack` is among the instructions, else middling
    points. The essay's field only counts if the user message is one JSON object with the agreed keys, each once."""

    def __init__(self, attack: str = "", known: str = "") -> None:
        self.attack = attack
        """The essay as stored."""
        self.known = known
        """The prompt without an essay. An essay may use the same words."""

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        dimension = {"findings": [], "quotes": [], "rationale": "Read.", "score": self.points(body)}
        return completion(json.dumps(dict.fromkeys(DIMENSIONS, dimension)))(request, body)

    def points(self, body: dict[str, Any]) -> int:
        """The points in each dimension for a request."""
        essay, instructions = _split(body)
        reached = any(_reaches(text, instructions, self.known) for text in (self.attack, essay))
        return FULL if reached else MIDDLING


def _split(body: dict[str, Any]) -> tuple[str, str]:
    """The essay in its field, if there is one, and everything else, which counts as instructions."""
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
    """The object; ValueError if it has a key twice, since it is not known which of the two a model reads."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def _texts(value: Any) -> list[str]:
    """All texts in a JSON value, keys included."""
    if isinstance(value, str):
        return [value]
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in _texts(item)]


def _reaches(essay: str, instructions: str, known: str) -> bool:
    """Whether a piece of the essay, or all of a shorter one, is in the instructions and not in the known text."""
    length = min(PIECE, len(essay))
    own_pieces = _pieces(essay, length) - _pieces(known, length)
    return length > 0 and not own_pieces.isdisjoint(_pieces(instructions, length))


def _pieces(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}
