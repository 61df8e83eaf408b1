"""A model that reads students, orders credentials and writes reasons, as a behaviour of `ModelServer`."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.model_server import Behaviour, completion

Data = dict[str, Any]
Items = Sequence[Data]


def _all(data: Data) -> Items:
    return [reason_for(data, credential["id"]) for credential in data["credentials"]]


def advice(
    order: Callable[[Data], Items] = _all,
    read: Callable[[Data], Items] = lambda data: [],
    otherwise: Behaviour | None = None,
) -> Behaviour:
    """Answers by the data of the prompt: `read` gives the items about a student, `order` the recommendations;
    `otherwise` answers other prompts."""

    async def behave(request: web.Request, body: Data) -> web.StreamResponse:
        data = data_of(body)
        if otherwise and not {"answers", "credentials"} & data.keys():
            return await otherwise(request, body)
        answer = {"items": list(read(data))} if "answers" in data else {"recommendations": list(order(data))}
        return completion(json.dumps(answer))(request, body)

    return behave


def reason_for(data: Data, key: str, **parts: Any) -> Data:
    """A reason that quotes the credential's passage and the student's first wish."""
    passage = next(line["passage"] for line in data["credentials"] if line["id"] == key)
    wish = data["student"]["wishes"][0]
    quotes = {"passage_quotes": [passage], "student_quotes": [wish]}
    return {"id": key, "reason": f"It fits “{wish}”: “{passage}”."} | quotes | parts


def data_of(body: Data) -> Data:
    """The data in a recorded request."""
    data: Data = json.loads(body["messages"][1]["content"])
    return data


def key_of(data: Data, title: str) -> str:
    """The id of a credential in the prompt."""
    key: str = next(line["id"] for line in data["credentials"] if line["title"] == title)
    return key
